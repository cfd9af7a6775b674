/** The vendor's own view of clusters: each one that work can run on, as a cluster without machines of ours. Source: mrs-v1.1 9. */

import { findCluster, listVisibleClusters } from "../../catalog/clusters.ts";
import type { Cluster } from "../../domain/cluster.ts";
import { Fault, missing } from "../../domain/fault.ts";
import { formatObjectId, parseObjectId } from "../../domain/shared-object.ts";
import type { Database } from "../../store/database.ts";
import { type CallerRequest, json, type Query, type Reply, type Route } from "../route.ts";
import type { SaharaDeps } from "./resource.ts";
import { seconds, textOf, vendorRoute, wholeNumber } from "./vendor-route.ts";

const BASE = "/v1.1/:project_id";
const PAGES_MAX = 1_000_000;

export function clusterInfoRoutes({ pool }: SaharaDeps): Route[] {
  return [
    vendorRoute("GET", `${BASE}/cluster_infos`, "reader", (request) => list(pool, request)),
    vendorRoute("GET", `${BASE}/cluster_infos/:id`, "reader", async (request) =>
      json(200, { cluster: encodeInfo(await get(pool, request)) }),
    ),
    vendorRoute("PUT", `${BASE}/cluster_infos/:id`, "manager", refuse),
    vendorRoute("GET", `${BASE}/clusters/:id/hosts`, "reader", async (request) => {
      await get(pool, request);
      return json(200, { total: 0, hosts: [] });
    }),
    vendorRoute("POST", `${BASE}/run-job-flow`, "manager", refuse),
  ];
}

async function list(pool: Database, { query, caller }: CallerRequest): Promise<Reply> {
  const limit = wholeNumber(query, "pageSize", { least: 1, most: 2_147_483_646, fallback: 10 });
  const page = wholeNumber(query, "currentPage", { least: 1, most: PAGES_MAX, fallback: 1 });
  const found = (await listVisibleClusters(pool, caller.projectId)).filter((cluster) => fits(cluster, query));
  const shown = found.slice((page - 1) * limit, page * limit);
  return json(200, { clusterTotal: String(found.length), clusters: shown.map(encodeInfo) });
}

/** No cluster has tags, and none belongs to a project of an enterprise. */
function fits(cluster: Cluster, query: Query): boolean {
  const [name, state] = [textOf(query, "clusterName"), textOf(query, "clusterState")];
  if (textOf(query, "tags") !== undefined) return false;
  if (state !== undefined && !["existing", stateOf(cluster)].includes(state.toLowerCase())) return false;
  return name === undefined || cluster.name.includes(name);
}

async function get(pool: Database, { params, caller }: CallerRequest): Promise<Cluster> {
  return (
    (await findCluster(pool, caller.projectId, parseObjectId(params.id ?? ""))) ??
    missing("cluster-missing", "there is no such cluster")
  );
}

async function refuse(): Promise<Reply> {
  throw new Fault(
    "invalid",
    "operation-unsupported",
    "this server manages no machines: it makes and resizes no clusters",
  );
}

function stateOf({ status }: Cluster): string {
  return status === "Active" ? "running" : "abnormal";
}

/** Almost everything is text, times as well. */
function encodeInfo(cluster: Cluster) {
  const created = String(seconds(cluster.createdAt));
  return {
    clusterId: formatObjectId(cluster.id),
    clusterName: cluster.name,
    clusterState: stateOf(cluster),
    createAt: created,
    updateAt: cluster.updatedAt === null ? created : String(seconds(cluster.updatedAt)),
    tenantId: cluster.projectId,
    masterNodeNum: "0",
    coreNodeNum: "0",
    totalNodeNum: "0",
    billingType: "",
    dataCenter: "",
    vpc: "",
    vpcId: "",
    subnetId: "",
    subnetName: "",
    hadoopVersion: "",
    clusterVersion: `${cluster.pluginName} ${cluster.pluginVersion}`,
    clusterType: 0,
    safeMode: 0,
    stageDesc: "",
    remark: cluster.description,
    componentList: cluster.runs.map((type, place) => ({
      componentId: String(place + 1),
      componentName: type,
      componentVersion: cluster.pluginVersion,
      componentDesc: type,
    })),
    nodeGroups: [],
    taskNodeGroups: [],
  };
}
