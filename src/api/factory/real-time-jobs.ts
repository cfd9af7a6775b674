/** Route of DataArts Factory v2 about real-time jobs in operation (dataarts-factory 5). */
import { Fault } from "../../domain/fault.ts";
import { createDefinitions, type Definitions } from "../../engine/definitions.ts";
import { findLiveRun } from "../../engine/live-nodes.ts";
import { listConnectionTypes } from "../../store/connections.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import { getVersionedJob } from "./job-runs.ts";
import { connectionsOf, encodeRealTimeJob, RealTimeJob } from "./real-time-job-wire.ts";

export function realTimeJobRoutes(deps: FactoryDeps): Route[] {
  const definitions = createDefinitions(deps.pool);
  return [
    {
      method: "GET",
      path: "/v2/:project_id/factory/real-time-jobs/:job_name",
      role: "reader",
      contract: {
        operation: "show_real_time_job_details",
        summary: "Shows how the nodes of a real-time job fare",
        tag: "Jobs in operation",
        replies: { 200: RealTimeJob },
      },
      handle: (request) => show(deps, definitions, request),
    },
  ];
}

async function show(deps: FactoryDeps, definitions: Definitions, request: CallerRequest): Promise<Reply> {
  const found = await getVersionedJob(deps, request);
  const { job } = found;
  if (job.kind !== "real-time")
    throw new Fault("invalid", "job-kind-invalid", `"${job.name}" is no real-time job`);
  const run = await findLiveRun(deps.pool, definitions, job.projectId, job.id);
  const names = [...new Set((run?.nodes ?? []).flatMap(connectionsOf))];
  const types = await listConnectionTypes(deps.pool, workspaceOf(request), names);
  return json(200, encodeRealTimeJob(found, run, types));
}
