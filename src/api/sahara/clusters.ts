/** Routes of clusters, which this service has and does not make, and of cluster templates, which it has none of. */
import type { TSchema } from "typebox";
import { findCluster } from "../../catalog/clusters.ts";
import { Fault, missing } from "../../domain/fault.ts";
import { checkMayDelete } from "../../domain/shared-object.ts";
import {
  CLUSTER_TEMPLATES,
  CLUSTERS,
  type ClusterField,
  type ClusterTemplateField,
  listClustersById,
} from "../../store/clusters.ts";
import type { Database } from "../../store/database.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { ClusterPost, encodeCluster, NodeGroupTemplatePost } from "./cluster-wire.ts";
import { answerList, type List } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { idOf, jsonRoute, type SaharaDeps } from "./resource.ts";

interface ListedRow {
  readonly id: string;
  readonly sort_value: string;
}

const SORTS = { id: "id", name: "name", plugin_name: "pluginName", hadoop_version: "pluginVersion" } as const;
const FILTERS = {
  id: { field: "id", kind: "id" },
  name: { field: "name", kind: "expression" },
  description: { field: "description", kind: "expression" },
  plugin_name: { field: "pluginName", kind: "expression" },
  hadoop_version: { field: "pluginVersion", kind: "text" },
  is_public: { field: "isPublic", kind: "flag" },
  is_protected: { field: "isProtected", kind: "flag" },
} as const;

const clusterList = (pool: Database): List<ClusterField, ListedRow> => ({
  key: "clusters",
  table: CLUSTERS,
  sorts: { ...SORTS, status: "status" },
  filters: { ...FILTERS, status: { field: "status", kind: "text" } },
  encode: async (rows, { caller }) => {
    const ids = rows.map(({ id }) => id);
    const found = new Map((await listClustersById(pool, caller.projectId, ids)).map((one) => [one.id, one]));
    return ids.flatMap((id) => found.get(id) ?? []).map(encodeCluster);
  },
});

export function clusterRoutes(deps: SaharaDeps): Route[] {
  const list = clusterList(deps.pool);
  const get = async (request: CallerRequest) =>
    (await findCluster(deps.pool, request.caller.projectId, idOf(request))) ??
    missing("cluster-missing", "there is no such cluster");
  return [
    jsonRoute("GET", "/clusters", "reader", (request) => answerList(deps.pool, list, request)),
    jsonRoute("POST", "/clusters", "manager", refuseMaking(ClusterPost)),
    jsonRoute("GET", "/clusters/:id", "reader", async (request) =>
      json(200, { cluster: encodeCluster(await get(request)) }),
    ),
    jsonRoute("DELETE", "/clusters/:id", "manager", async (request) => {
      checkMayDelete(await get(request), request.caller.projectId);
      throw notMade();
    }),
    ...templateRoutes(deps, "/cluster-templates", ClusterPost),
    ...templateRoutes(deps, "/node-group-templates", NodeGroupTemplatePost),
  ];
}

function templateRoutes(deps: SaharaDeps, path: string, schema: TSchema): Route[] {
  const list: List<ClusterTemplateField, ListedRow> = {
    key: path.slice(1).replaceAll("-", "_"),
    table: CLUSTER_TEMPLATES,
    sorts: { ...SORTS, created_at: "createdAt", updated_at: "updatedAt" },
    filters: FILTERS,
    encode: async (rows) => rows,
  };
  const refuseMissing = async (): Promise<Reply> =>
    missing("cluster-template-missing", "there is no such template");
  return [
    jsonRoute("GET", path, "reader", (request) => answerList(deps.pool, list, request)),
    jsonRoute("POST", path, "manager", refuseMaking(schema)),
    jsonRoute("GET", `${path}/:id`, "reader", refuseMissing),
    jsonRoute("DELETE", `${path}/:id`, "manager", refuseMissing),
  ];
}

/** A body is judged first, as everywhere. */
function refuseMaking(schema: TSchema) {
  return async ({ body }: CallerRequest): Promise<Reply> => {
    decodeBody(schema, body);
    throw notMade();
  };
}

function notMade(): Fault {
  return new Fault(
    "invalid",
    "operation-unsupported",
    "this server manages no machines: it makes and deletes no clusters",
  );
}
