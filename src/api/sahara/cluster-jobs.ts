/** The vendor's second version of runs, below their cluster. Source: mrs-v1.1 10. */
import { findCluster } from "../../catalog/clusters.ts";
import { cancelJobExecution } from "../../catalog/job-executions.ts";
import { getRunResult, getVendorRun, removeVendorRuns, submitRun } from "../../catalog/vendor-runs.ts";
import { Fault } from "../../domain/fault.ts";
import { formatObjectId, parseObjectId } from "../../domain/shared-object.ts";
import { listVendorRuns, type VendorRunFilter } from "../../store/vendor-runs.ts";
import { type CallerRequest, json, type Query, type Reply, type Route } from "../route.ts";
import {
  BatchDeletePost,
  ClusterJobPost,
  decodeClusterJob,
  encodeClusterJob,
  hasResult,
  isInState,
  typesNamed,
} from "./cluster-job-wire.ts";
import { decodeBody } from "./object-wire.ts";
import { idOf, type SaharaDeps } from "./resource.ts";
import { asVendorRun, statesWhere, textOf, vendorRoute, vendorRuns, wholeNumber } from "./vendor-route.ts";

const PATH = "/v2/:project_id/clusters/:cluster_id/job-executions";
const PAGES_MAX = 1_000_000;
const TIME_MAX = 8_640_000_000_000_000;

export function clusterJobRoutes(deps: SaharaDeps): Route[] {
  const get = (request: CallerRequest) =>
    getVendorRun(deps, request.caller.projectId, idOf(request), clusterOf(request));
  return [
    vendorRoute("POST", PATH, "member", (request) => submit(deps, request)),
    vendorRoute("GET", PATH, "reader", (request) => list(deps, request)),
    vendorRoute("GET", `${PATH}/:id`, "reader", async (request) =>
      json(200, { job_detail: encodeClusterJob(asVendorRun(await get(request))) }),
    ),
    vendorRoute("POST", `${PATH}/:id/kill`, "member", async (request) => {
      await cancelJobExecution(deps, request.caller, await get(request));
      return { status: 202 };
    }),
    vendorRoute("POST", `${PATH}/batch-delete`, "member", async (request) => {
      const { job_id_list: ids } = decodeBody(BatchDeletePost, request.body);
      await removeVendorRuns(deps, request.caller, clusterOf(request), ids.map(parseObjectId));
      return { status: 200 };
    }),
    vendorRoute("GET", `${PATH}/:id/sql-result`, "reader", async (request) =>
      json(200, { sql_results: { "0": await getRunResult(deps, await get(request)) } }),
    ),
  ];
}

async function submit(deps: SaharaDeps, request: CallerRequest): Promise<Reply> {
  const submission = decodeClusterJob(decodeBody(ClusterJobPost, request.body));
  if (typeof submission === "string") throw new Fault("invalid", "request-invalid", submission);
  const run = await submitRun(deps, request.caller, clusterOf(request), submission);
  return json(200, { job_submit_result: { job_id: formatObjectId(run.id), state: "COMPLETE" } });
}

/** `offset` counts pages, from 1; the code is the one that the vendor's own clients wait for. */
async function list({ pool }: SaharaDeps, request: CallerRequest): Promise<Reply> {
  const { query, caller } = request;
  const limit = wholeNumber(query, "limit", { least: 1, most: 1000, fallback: 10 });
  const page = wholeNumber(query, "offset", { least: 0, most: PAGES_MAX, fallback: 1 });
  const part = { limit, offset: Math.max(0, page - 1) * limit };
  const cluster = await findCluster(pool, caller.projectId, clusterOf(request));
  if (cluster === undefined) throw new Fault("invalid", "cluster-missing", "there is no such cluster");
  const { runs, total } = await listVendorRuns(pool, caller.projectId, cluster.id, decodeFilter(query), part);
  return json(202, { total_record: total, job_list: vendorRuns(runs).map(encodeClusterJob) });
}

function decodeFilter(query: Query): VendorRunFilter {
  const [name, id, user, type, queue] = ["job_name", "job_id", "user", "job_type", "queue"].map((key) =>
    textOf(query, key),
  );
  const [state, result] = ["job_state", "job_result"].map((key) => textOf(query, key));
  const [from, to] = ["submitted_time_begin", "submitted_time_end"].map((key) => timeOf(query, key));
  return {
    ...(name !== undefined && { name }),
    ...(id !== undefined && { id: parseObjectId(id) ?? NOBODY }),
    ...(user !== undefined && { user }),
    ...(type !== undefined && { types: typesNamed(type) }),
    ...(queue !== undefined && { queue }),
    ...((state !== undefined || result !== undefined) && {
      states: statesWhere(
        (phase) =>
          (state === undefined || isInState(phase, state)) &&
          (result === undefined || hasResult(phase, result)),
      ),
    }),
    ...(from !== undefined && { submittedFrom: from }),
    ...(to !== undefined && { submittedTo: to }),
    oldestFirst: textOf(query, "sort_by")?.toLowerCase() === "asc",
  };
}

/** Of no run. */
const NOBODY = "00000000000000000000000000000000";

function timeOf(query: Query, name: string): Date | undefined {
  if (textOf(query, name) === undefined) return undefined;
  return new Date(wholeNumber(query, name, { least: 0, most: TIME_MAX, fallback: 0 }));
}

function clusterOf({ params }: CallerRequest): string | undefined {
  return parseObjectId(params.cluster_id ?? "");
}
