/** `job-exes`: the vendor's list of its runs on a cluster, by pages. Source: mrs-v1.1 8. */
import { getVendorRun } from "../../catalog/vendor-runs.ts";
import { Fault } from "../../domain/fault.ts";
import { parseObjectId } from "../../domain/shared-object.ts";
import { listVendorRuns, type VendorRunFilter } from "../../store/vendor-runs.ts";
import { json, type Query, type Route } from "../route.ts";
import { encodeJobExe, phaseOfState } from "./job-exe-wire.ts";
import { idOf, type SaharaDeps } from "./resource.ts";
import { asVendorRun, statesWhere, textOf, vendorRoute, vendorRuns, wholeNumber } from "./vendor-route.ts";

const PATH = "/v1.1/:project_id/job-exes";
const PAGES_MAX = 1_000_000;

export function jobExeRoutes({ pool }: SaharaDeps): Route[] {
  return [
    vendorRoute("GET", PATH, "reader", async ({ query, caller }) => {
      const cluster = parseObjectId(textOf(query, "cluster_id") ?? textOf(query, "clusterId") ?? "");
      if (cluster === undefined)
        throw new Fault("invalid", "request-invalid", "cluster_id must be the id of a cluster");
      const limit = wholeNumber(query, "page_size", { least: 1, most: 100, fallback: 10 });
      const page = wholeNumber(query, "current_page", { least: 1, most: PAGES_MAX, fallback: 1 });
      const part = { limit, offset: (page - 1) * limit };
      const { runs, total } = await listVendorRuns(
        pool,
        caller.projectId,
        cluster,
        decodeFilter(query),
        part,
      );
      return json(200, { totalRecord: total, job_executions: vendorRuns(runs).map(encodeJobExe) });
    }),
    vendorRoute("GET", `${PATH}/:id`, "reader", async (request) => {
      const run = await getVendorRun({ pool }, request.caller.projectId, idOf(request));
      return json(200, { job_execution: encodeJobExe(asVendorRun(run)) });
    }),
  ];
}

function decodeFilter(query: Query): VendorRunFilter {
  const [id, name, state] = ["id", "job_name", "state"].map((key) => textOf(query, key));
  return {
    ...(id !== undefined && { id: parseObjectId(id) ?? NOBODY }),
    ...(name !== undefined && { name }),
    ...(state !== undefined && { states: decodeStates(state) }),
  };
}

/** Of no run. */
const NOBODY = "00000000000000000000000000000000";

function decodeStates(text: string) {
  const phase = /^-?\d$/.test(text) ? phaseOfState(Number(text)) : undefined;
  if (phase === undefined && text !== "5")
    throw new Fault("invalid", "request-invalid", "state must be one of -1, 1, 2, 3, 4, 5");
  return statesWhere((one) => one === phase);
}
