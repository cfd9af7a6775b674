/** Routes of DataArts Factory v2 about job instances: list, show, retry (dataarts-factory 5). */
import { getJob } from "../../catalog/jobs.ts";
import { listInstances } from "../../store/instances.ts";
import type { WorkspaceKey } from "../../store/workspaces.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import { type DecodedRetry, decodeInstanceFilterV2, decodeRetry } from "./instance-v2-wire.ts";
import { encodeInstance } from "./instance-wire.ts";
import { instanceMissing, viewInstance } from "./instances.ts";
import { jobNameOf } from "./jobs.ts";
import { readPage, wirePageOf } from "./request-wire.ts";
import { withSnakeNames } from "./snake-names.ts";

const INSTANCES = "/v2/:project_id/factory/jobs/:job_name/instances";
const LIMIT_MAX = 1000;

export function instanceRoutesV2(deps: FactoryDeps): Route[] {
  return [
    { method: "GET", path: `${INSTANCES}/detail`, role: "reader", handle: (request) => list(deps, request) },
    {
      method: "GET",
      path: `${INSTANCES}/:instance_id`,
      role: "reader",
      handle: async (request) => json(200, withSnakeNames(await viewInstance(deps, request))),
    },
    { method: "POST", path: `${INSTANCES}/retry`, role: "member", handle: (request) => retry(deps, request) },
  ];
}

async function list(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { workspaceId } = workspaceOf(request);
  const now = deps.now();
  const page = wirePageOf(request.query, { most: LIMIT_MAX });
  const job = await getJob(deps, workspaceOf(request), jobNameOf(request));
  const context = { workspaceId, now, timeZone: deps.timeZone };
  const filter = decodeInstanceFilterV2(request.query, context, job.id);
  const { instances, total } = await readPage(page, (records) =>
    listInstances(deps.pool, job.projectId, filter, records),
  );
  const entries = instances.map((instance) => withSnakeNames(encodeInstance(instance, now)));
  return json(200, { total, instances: entries });
}

/** A single instance whose state does not allow it is refused; of a stretch, those are passed over. */
async function retry(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  const job = await getJob(deps, workspace, jobNameOf(request));
  const { rerun, tasks, range } = decodeRetry(request.body, workspace.workspaceId);
  const act = { act: "rerun", ...rerun } as const;
  const by = request.caller.userName;
  const { projectId } = workspace;
  for (const task of tasks) {
    const instanceId = await findTask(deps, workspace, task);
    await deps.engine.operate({ projectId, instanceId, by }, act);
  }
  if (range === undefined) return NO_CONTENT;
  const own = { workspaceId: workspace.workspaceId, name: job.name };
  for (const { workspaceId, name } of range.jobs.length === 0 ? [own] : range.jobs) {
    const { id: jobId } = await getJob(deps, { projectId, workspaceId }, name);
    const filter = { workspaceId, jobId, plannedFrom: range.from, plannedTo: range.to };
    await deps.engine.operateAll({ projectId, filter, limit: LIMIT_MAX, by }, act);
  }
  return NO_CONTENT;
}

/** The id of the newest instance that fits. */
async function findTask(
  { pool }: FactoryDeps,
  { projectId, workspaceId }: WorkspaceKey,
  { jobId, plannedAt, createdAt }: DecodedRetry["tasks"][number],
): Promise<number> {
  const filter = { workspaceId, jobId, plannedFrom: plannedAt, plannedTo: plannedAt };
  const { instances } = await listInstances(pool, projectId, filter, { offset: 0, limit: LIMIT_MAX });
  const found = instances.find(
    (instance) => createdAt === undefined || instance.createdAt.getTime() === createdAt.getTime(),
  );
  if (found === undefined) throw instanceMissing();
  return found.id;
}
