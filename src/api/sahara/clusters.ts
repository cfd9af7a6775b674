/** Routes of clusters: this service makes none, but registers those that are there by the addresses of their services. */
import { createCluster, findCluster, removeCluster, saveCluster, shownTo } from "../../catalog/clusters.ts";
import type { Cluster } from "../../domain/cluster.ts";
import { type ClusterTemplate, checkPlugin } from "../../domain/cluster-template.ts";
import { Fault, missing } from "../../domain/fault.ts";
import { checkMayDelete, checkMayUpdate } from "../../domain/shared-object.ts";
import { findClusterTemplate } from "../../store/cluster-templates.ts";
import { CLUSTERS, type ClusterField, listClustersById } from "../../store/clusters.ts";
import type { Database } from "../../store/database.ts";
import { type CallerRequest, json, NO_CONTENT, type Route } from "../route.ts";
import type { ApiVersion } from "./api-version.ts";
import { PLUGIN_FILTERS, PLUGIN_FILTERS_V2, PLUGIN_SORTS } from "./cluster-templates.ts";
import {
  ClusterPatch,
  type ClusterRequest,
  clusterPost,
  decodeCluster,
  decodeClusterChanges,
  encodeCluster,
} from "./cluster-wire.ts";
import { answerList, type List, listOf } from "./list-query.ts";
import { decodeBody, decodeUuid } from "./object-wire.ts";
import { idOf, jsonRoutesOf, type SaharaDeps } from "./resource.ts";

const clusterList = (
  pool: Database,
): List<ClusterField, { readonly id: string; readonly sort_value: string }> => ({
  key: "clusters",
  table: CLUSTERS,
  sorts: { id: "id", name: "name", ...PLUGIN_SORTS, status: "status" },
  filters: {
    ...PLUGIN_FILTERS,
    id: { field: "id", kind: "id" },
    name: { field: "name", kind: "expression" },
    description: { field: "description", kind: "expression" },
    is_public: { field: "isPublic", kind: "flag" },
    is_protected: { field: "isProtected", kind: "flag" },
    status: { field: "status", kind: "text" },
  },
  encode: async (rows, { caller: { projectId } }) => {
    const ids = rows.map(({ id }) => id);
    const found = new Map((await listClustersById(pool, projectId, ids)).map((one) => [one.id, one]));
    return ids.flatMap((id) => found.get(id) ?? []).map((one) => encodeCluster(shownTo(projectId, one)));
  },
});

export function clusterRoutes(deps: SaharaDeps, version: ApiVersion): Route[] {
  const jsonRoute = jsonRoutesOf(version);
  const list = listOf(version, clusterList(deps.pool), PLUGIN_FILTERS_V2);
  const get = async (request: CallerRequest) => {
    const { projectId } = request.caller;
    const found = await findCluster(deps.pool, projectId, idOf(request));
    return shownTo(projectId, found ?? missing("cluster-missing", "there is no such cluster"));
  };
  const answer = (status: number, cluster: Cluster) =>
    json(status, { cluster: version.encode(encodeCluster(cluster)) });
  return [
    jsonRoute("GET", "/clusters", "reader", (request) => answerList(deps.pool, list, request)),
    jsonRoute("POST", "/clusters", "manager", async (request) =>
      answer(202, await register(deps, version, request)),
    ),
    jsonRoute("GET", "/clusters/:id", "reader", async (request) => answer(200, await get(request))),
    jsonRoute("PATCH", "/clusters/:id", "manager", async (request) =>
      answer(202, await change(deps, request, await get(request))),
    ),
    jsonRoute("PUT", "/clusters/:id", "manager", async (request) => {
      await get(request);
      throw unsupported("it cannot be scaled from here");
    }),
    jsonRoute("DELETE", "/clusters/:id", "manager", async (request) => {
      const cluster = await get(request);
      checkMayDelete(cluster, request.caller.projectId);
      await removeCluster(deps, request.caller, cluster.name);
      return NO_CONTENT;
    }),
  ];
}

/** What a template of clusters says counts where the body does not. */
async function register(
  deps: SaharaDeps,
  version: ApiVersion,
  { caller, body }: CallerRequest,
): Promise<Cluster> {
  const wanted = decodeCluster(decodeBody(clusterPost(version), body), version);
  if (wanted.count > 1) throw unsupported("one is registered at a time");
  checkPlugin(deps.plugins, wanted);
  const template = await findTemplate(deps, caller.projectId, wanted);
  const services = { ...configsOf(template), ...wanted.services };
  if (Object.keys(services).length === 0) throw unsupported(WANTED_FORM);
  return await createCluster(deps, caller, {
    name: wanted.name,
    description: wanted.description,
    plugin: { name: wanted.pluginName, version: wanted.pluginVersion },
    services,
    isPublic: wanted.isPublic,
    isProtected: wanted.isProtected,
  });
}

const WANTED_FORM =
  'cluster_configs names its services and where they are, such as {"spark": {"rest": "http://host:6066", ' +
  '"master": "spark://host:7077", "ui": "http://host:8080"}}';

async function findTemplate(
  { pool }: SaharaDeps,
  projectId: string,
  { templateId }: ClusterRequest,
): Promise<ClusterTemplate | undefined> {
  if (templateId === undefined) return undefined;
  const found = await findClusterTemplate(pool, "cluster", projectId, decodeUuid(templateId));
  if (found !== undefined) return found;
  throw new Fault("invalid", "reference-invalid", `cluster_template_id: there is no template ${templateId}`);
}

/** The template's schema has seen that they are settings by service. */
function configsOf(template: ClusterTemplate | undefined): ClusterRequest["services"] {
  return (template?.details.cluster_configs ?? {}) as ClusterRequest["services"];
}

/** Saving it is also how it is looked at anew. */
async function change(deps: SaharaDeps, request: CallerRequest, cluster: Cluster): Promise<Cluster> {
  const changes = decodeClusterChanges(decodeBody(ClusterPatch, request.body));
  checkMayUpdate(cluster, request.caller.projectId, { ...changes });
  if (changes.name !== undefined && changes.name !== cluster.name)
    throw unsupported("its name stays, since nodes name it");
  const { name, description, services, isPublic, isProtected, pluginName, pluginVersion } = cluster;
  return await saveCluster(deps, request.caller, {
    name,
    description: changes.description ?? description,
    plugin: { name: pluginName, version: pluginVersion },
    services: { ...services },
    isPublic: changes.isPublic ?? isPublic ?? false,
    isProtected: changes.isProtected ?? isProtected ?? false,
  });
}

function unsupported(what: string): Fault {
  return new Fault(
    "invalid",
    "operation-unsupported",
    `a cluster has machines of its own and is registered here, not made: ${what}`,
  );
}
