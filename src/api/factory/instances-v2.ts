/** Routes of DataArts Factory v2 about job instances: list, show, retry (dataarts-factory 5). */
import type { Static } from "typebox";
import { getJob } from "../../catalog/jobs.ts";
import { type InstanceFilter, listInstances } from "../../store/instance-lists.ts";
import type { WorkspaceKey } from "../../store/workspaces.ts";
import { readQuery } from "../query.ts";
import { requireWorkspaceRole } from "../role-scope.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import {
  type DecodedRetry,
  decodeInstanceFilterV2,
  decodeRetry,
  InstanceDetailV2,
  InstanceListQueryV2,
  InstanceListV2,
  Retry,
} from "./instance-v2-wire.ts";
import { encodeInstance } from "./instance-wire.ts";
import { instanceMissing, viewInstance } from "./instances.ts";
import { jobNameOf } from "./jobs.ts";
import { readPage } from "./request-wire.ts";
import { withSnakeNames } from "./snake-names.ts";

const INSTANCES = "/v2/:project_id/factory/jobs/:job_name/instances";
const TAG = "Instances";
/** Instances that one request runs again, of each job. */
const RETRIED_MAX = 1000;

export function instanceRoutesV2(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: `${INSTANCES}/detail`,
      role: "reader",
      contract: {
        operation: "list_factory_job_instances_by_name",
        summary: "Lists a job's instances, newest first",
        tag: TAG,
        query: InstanceListQueryV2,
        replies: { 200: InstanceListV2 },
      },
      handle: (request) => list(deps, request, readQuery(InstanceListQueryV2, request.query)),
    },
    {
      method: "GET",
      path: `${INSTANCES}/:instance_id`,
      role: "reader",
      contract: {
        operation: "show_factory_job_instance",
        summary: "Shows an instance with its nodes, in the words of v2",
        tag: TAG,
        replies: { 200: InstanceDetailV2 },
      },
      handle: async (request) => json(200, withSnakeNames(await viewInstance(deps, request))),
    },
    {
      method: "POST",
      path: `${INSTANCES}/retry`,
      role: "member",
      contract: {
        operation: "retry_factory_job_instance",
        summary: "Runs ended instances again",
        tag: TAG,
        body: Retry,
        replies: { 204: "nothing" },
      },
      handle: (request) => retry(deps, request),
    },
  ];
}

async function list(
  deps: FactoryDeps,
  request: CallerRequest,
  { offset, limit, ...query }: Static<typeof InstanceListQueryV2>,
): Promise<Reply> {
  const { workspaceId } = workspaceOf(request);
  const now = deps.now();
  const job = await getJob(deps, workspaceOf(request), jobNameOf(request));
  const context = { workspaceId, now, timeZone: deps.timeZone };
  const filter = decodeInstanceFilterV2(query, context, job.id);
  const { instances, total } = await readPage({ offset, limit }, (records) =>
    listInstances(deps.pool, job.projectId, filter, records),
  );
  const entries = instances.map((instance) => withSnakeNames(encodeInstance(instance, now)));
  return json(200, { total, instances: entries });
}

/** A single instance whose state does not allow it is refused; of a stretch, those are passed over. */
async function retry(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  const job = await getJob(deps, workspace, jobNameOf(request));
  const { rerun, tasks, range, concurrent } = decodeRetry(request.body, workspace.workspaceId);
  const act = { act: "rerun", ...rerun } as const;
  const by = request.caller.userName;
  const { projectId } = workspace;
  for (const task of tasks) {
    const instanceId = await findTask(deps, workspace, task);
    await deps.engine.operate({ projectId, instanceId, by }, act);
  }
  if (range === undefined) return NO_CONTENT;
  const own = { workspaceId: workspace.workspaceId, name: job.name };
  for (const { workspaceId } of range.jobs) requireWorkspaceRole(request.caller, workspaceId, "member");
  const filters: InstanceFilter[] = [];
  for (const { workspaceId, name } of range.jobs.length === 0 ? [own] : range.jobs) {
    const { id: jobId } = await getJob(deps, { projectId, workspaceId }, name);
    filters.push({ workspaceId, jobId, plannedFrom: range.from, plannedTo: range.to });
  }
  await deps.engine.rerunInTurns({ projectId, filters, limit: RETRIED_MAX, concurrent, by }, rerun);
  return NO_CONTENT;
}

/** The id of the newest instance that fits. */
async function findTask(
  { pool }: FactoryDeps,
  { projectId, workspaceId }: WorkspaceKey,
  { jobId, plannedAt, createdAt }: DecodedRetry["tasks"][number],
): Promise<number> {
  const filter = { workspaceId, jobId, plannedFrom: plannedAt, plannedTo: plannedAt };
  const { instances } = await listInstances(pool, projectId, filter, { offset: 0, limit: RETRIED_MAX });
  const found = instances.find(
    (instance) => createdAt === undefined || instance.createdAt.getTime() === createdAt.getTime(),
  );
  if (found === undefined) throw instanceMissing();
  return found.id;
}
