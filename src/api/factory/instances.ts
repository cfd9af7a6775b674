/** Routes of DataArts Factory v1 about job instances: list, show, stop, restart (dataarts-factory 4.7). */
import type { Static } from "typebox";
import { getJob } from "../../catalog/jobs.ts";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { Fault } from "../../domain/fault.ts";
import { topologicalOrder } from "../../domain/graph.ts";
import type { Instance } from "../../domain/instance.ts";
import { movesRows } from "../../domain/row-counts.ts";
import { type InstanceFilter, listInstances } from "../../store/instance-lists.ts";
import { findInstance, findPinnedDefinition, listNodeOutputs, listNodeRuns } from "../../store/instances.ts";
import { findJob } from "../../store/jobs.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import {
  decodeInstanceFilter,
  encodeInstance,
  encodeInstanceDetail,
  InstanceDetail,
  InstanceList,
  InstanceListQuery,
  isBareQuery,
} from "./instance-wire.ts";
import { jobNameOf } from "./jobs.ts";
import { readPage } from "./request-wire.ts";

const LIST = "/v1/:project_id/jobs/instances/detail";
const INSTANCE = "/v1/:project_id/jobs/:job_name/instances/:instance_id";
const TAG = "Instances";
/** Answered to a request that asks for nothing in particular: one client takes it for the whole list (section 8). */
const BARE_LIMIT = 100;

export function instanceRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: LIST,
      role: "reader",
      contract: {
        operation: "list_job_instances",
        summary: "Lists the instances of a workspace's jobs, newest first",
        tag: TAG,
        query: InstanceListQuery,
        replies: { 200: InstanceList },
      },
      handle: (request) => list(deps, request, readQuery(InstanceListQuery, request.query)),
    },
    {
      method: "GET",
      path: INSTANCE,
      role: "reader",
      contract: {
        operation: "show_job_instance",
        summary: "Shows an instance with its nodes",
        tag: TAG,
        replies: { 200: InstanceDetail },
      },
      handle: async (request) => json(200, await viewInstance(deps, request)),
    },
    {
      method: "POST",
      path: `${INSTANCE}/stop`,
      role: "member",
      contract: {
        operation: "stop_job_instance",
        summary: "Stops an instance",
        tag: TAG,
        replies: { 204: "nothing" },
      },
      handle: (request) => stop(deps, request),
    },
    {
      method: "POST",
      path: `${INSTANCE}/restart`,
      role: "member",
      contract: {
        operation: "restore_job_instance",
        summary: "Runs an ended instance again, from the first node that did not succeed",
        tag: TAG,
        replies: { 204: "nothing" },
      },
      handle: (request) => restart(deps, request),
    },
  ];
}

async function list(
  deps: FactoryDeps,
  request: CallerRequest,
  { offset, limit, ...query }: Static<typeof InstanceListQuery>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  const now = deps.now();
  const context = { workspaceId: workspace.workspaceId, now, timeZone: deps.timeZone };
  const filter = decodeInstanceFilter(query, context);
  const page = { offset, limit: isBareQuery(request.query) ? BARE_LIMIT : limit };
  await checkWorkspace(deps.pool, deps, workspace);
  const narrowed = await byJob(deps, workspace.projectId, filter);
  const { instances, total } = await readPage(page, (records) =>
    listInstances(deps.pool, workspace.projectId, narrowed, records),
  );
  return json(200, { total, instances: instances.map((instance) => encodeInstance(instance, now)) });
}

/** A whole name that a job bears is looked up by the job, which has an index and outlives renaming. */
async function byJob(
  { pool }: FactoryDeps,
  projectId: string,
  filter: InstanceFilter,
): Promise<InstanceFilter> {
  const { jobName, ...rest } = filter;
  if (jobName?.whole !== true) return filter;
  const job = await findJob(pool, { projectId, workspaceId: filter.workspaceId }, jobName.text);
  return job === undefined ? filter : { ...rest, jobId: job.id };
}

/** The detail of the instance that the path names. */
export async function viewInstance(
  deps: FactoryDeps,
  request: CallerRequest,
): Promise<Static<typeof InstanceDetail>> {
  const instance = await getInstance(deps, request);
  const { projectId, id, jobId, jobVersion } = instance;
  if (jobId === null || jobVersion === null) throw instanceMissing();
  const [definition, nodeRuns] = await Promise.all([
    findPinnedDefinition(deps.pool, projectId, jobId, jobVersion),
    listNodeRuns(deps.pool, projectId, id),
  ]);
  if (definition === undefined) throw instanceMissing();
  const movers = topologicalOrder(definition.nodes).flatMap(({ type }, nodeNo) =>
    movesRows(type) ? [nodeNo] : [],
  );
  const outputs = movers.length === 0 ? undefined : await listNodeOutputs(deps.pool, projectId, id, movers);
  return encodeInstanceDetail(instance, {
    definition,
    nodeRuns,
    now: deps.now(),
    ...(outputs && { outputs }),
  });
}

async function stop(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { projectId, id } = await getInstance(deps, request);
  await deps.engine.stopInstance({ projectId, instanceId: id, by: request.caller.userName });
  return NO_CONTENT;
}

async function restart(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { projectId, id } = await getInstance(deps, request);
  await deps.engine.restartInstance({ projectId, instanceId: id, by: request.caller.userName });
  return NO_CONTENT;
}

/** The instance that the path names, of the job that it names. */
async function getInstance(deps: FactoryDeps, request: CallerRequest): Promise<Instance> {
  const job = await getJob(deps, workspaceOf(request), jobNameOf(request));
  const text = request.params.instance_id ?? "";
  if (!/^\d{1,15}$/.test(text)) throw instanceMissing();
  const instance = await findInstance(deps.pool, job.projectId, Number(text));
  if (instance === undefined || instance.jobId !== job.id) throw instanceMissing();
  return instance;
}

export function instanceMissing(): Fault {
  return new Fault("not-found", "instance-missing", "there is no such instance");
}
