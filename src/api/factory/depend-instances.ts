/** Route of DataArts Factory v2 about runs that depend on each other (dataarts-factory 5, `depend-instances`). */
import type { Static } from "typebox";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { roleIn } from "../../domain/user.ts";
import { findRelatedRuns } from "../../engine/related-runs.ts";
import { averageRunTimes } from "../../store/instance-relations.ts";
import { findInstance } from "../../store/instances.ts";
import { findOperatedJob } from "../../store/schedules.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import {
  DependInstances,
  DependInstancesQuery,
  decodeRelation,
  encodeDependInstance,
} from "./depend-instance-wire.ts";
import type { FactoryDeps } from "./deps.ts";
import { instanceMissing } from "./instances.ts";

export function dependInstanceRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/v2/:project_id/factory/instances/:instance_id/depend-instances",
      role: "reader",
      contract: {
        operation: "show_factory_depend_instances",
        summary: "Lists the runs that an instance depends on, and those that depend on it",
        tag: "Instances",
        query: DependInstancesQuery,
        replies: { 200: DependInstances },
      },
      handle: (request) => list(deps, request, readQuery(DependInstancesQuery, request.query)),
    },
  ];
}

async function list(
  deps: FactoryDeps,
  request: CallerRequest,
  query: Static<typeof DependInstancesQuery>,
): Promise<Reply> {
  const { pool } = deps;
  const run = await getJobInstance(deps, request);
  const related = await findRelatedRuns(pool, run, decodeRelation(query));
  // Of a workspace that does not exist for the caller, no run is shown.
  const found = related.filter(({ instance }) => roleIn(request.caller, instance.workspaceId) !== undefined);
  const jobIds = [...new Set(found.map(({ instance }) => instance.jobId))];
  const averages = await averageRunTimes(pool, run.projectId, jobIds);
  const now = deps.now();
  return json(200, {
    total: found.length,
    depend_instances_info: found.map((one) => encodeDependInstance(one, averages, now)),
  });
}

/** The instance that the path names, of a job that is still in the workspace. */
async function getJobInstance(deps: FactoryDeps, request: CallerRequest) {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const text = request.params.instance_id ?? "";
  if (!/^\d{1,15}$/.test(text)) throw instanceMissing();
  const instance = await findInstance(deps.pool, workspace.projectId, Number(text));
  const jobId = instance?.jobId ?? null;
  if (instance === undefined || jobId === null || instance.workspaceId !== workspace.workspaceId)
    throw instanceMissing();
  if ((await findOperatedJob(deps.pool, workspace.projectId, jobId)) === undefined) throw instanceMissing();
  return { ...instance, jobId };
}
