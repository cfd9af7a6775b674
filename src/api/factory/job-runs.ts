/** Routes of DataArts Factory v1 that put jobs into operation: start, stop, run-immediate, status (4.5, 4.6). */
import { getJob, jobMissing } from "../../catalog/jobs.ts";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { shownAt } from "../../domain/instance.ts";
import { listInstances } from "../../store/instance-lists.ts";
import { findPinnedDefinition, listNodeRuns } from "../../store/instances.ts";
import { findVersionedJob, type VersionedJob } from "../../store/job-versions.ts";
import { listNodeJobs } from "../../store/node-jobs.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import {
  decodeRunParameters,
  decodeStart,
  encodeJobStatus,
  JobState,
  type LastRun,
  RunBody,
  RunStarted,
} from "./job-run-wire.ts";
import { jobNameOf } from "./jobs.ts";

const JOB = "/v1/:project_id/jobs/:job_name";
const TAG = "Jobs in operation";

export function jobRunRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "POST",
      path: `${JOB}/start`,
      role: "member",
      contract: {
        operation: "start_job",
        summary: "Puts a job into operation",
        tag: TAG,
        body: RunBody,
        replies: { 204: "nothing" },
      },
      handle: (request) => start(deps, request),
    },
    {
      method: "POST",
      path: `${JOB}/stop`,
      role: "member",
      contract: {
        operation: "stop_job",
        summary: "Takes a job out of operation; what runs goes on",
        tag: TAG,
        replies: { 204: "nothing" },
      },
      handle: (request) => stop(deps, request),
    },
    {
      method: "POST",
      path: `${JOB}/run-immediate`,
      role: "member",
      contract: {
        operation: "run_once",
        summary: "Runs a job now",
        tag: TAG,
        body: RunBody,
        replies: { 200: RunStarted },
      },
      handle: (request) => run(deps, request),
    },
    {
      method: "GET",
      path: `${JOB}/status`,
      role: "reader",
      contract: {
        operation: "show_job_status",
        summary: "Shows whether a job is in operation, and its nodes' last run",
        tag: TAG,
        replies: { 200: JobState },
      },
      handle: (request) => showStatus(deps, request),
    },
  ];
}

async function start(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const options = decodeStart(request.body);
  const { projectId, id: jobId } = await getJob(deps, workspaceOf(request), jobNameOf(request));
  await deps.engine.startJob({ ...options, projectId, jobId, by: request.caller.userName });
  return NO_CONTENT;
}

async function stop(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { projectId, id: jobId } = await getJob(deps, workspaceOf(request), jobNameOf(request));
  await deps.engine.stopJob({ projectId, jobId, by: request.caller.userName });
  return NO_CONTENT;
}

async function run(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const parameters = decodeRunParameters(request.body);
  const { projectId, id: jobId } = await getJob(deps, workspaceOf(request), jobNameOf(request));
  const instanceId = await deps.engine.runNow({ projectId, jobId, parameters, by: request.caller.userName });
  return json(200, { instanceId });
}

async function showStatus(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const found = await getVersionedJob(deps, request);
  return json(200, encodeJobStatus(found, await findLastRun(deps, found)));
}

/** The job that the path names, with its present definition. Faults: `job-missing`, `workspace-missing`. */
export async function getVersionedJob(deps: FactoryDeps, request: CallerRequest): Promise<VersionedJob> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const found = await findVersionedJob(deps.pool, workspace, jobNameOf(request));
  if (found === undefined) throw jobMissing();
  return found;
}

async function findLastRun({ pool, now }: FactoryDeps, { job }: VersionedJob): Promise<LastRun | undefined> {
  const { projectId, workspaceId, id: jobId } = job;
  const page = { offset: 0, limit: 1 };
  const { instances } = await listInstances(pool, projectId, { workspaceId, jobId }, page);
  const instance = instances[0];
  if (instance === undefined || instance.jobVersion === null) return undefined;
  const [definition, nodeRuns, triggers] = await Promise.all([
    findPinnedDefinition(pool, projectId, jobId, instance.jobVersion),
    listNodeRuns(pool, projectId, instance.id),
    listNodeJobs(pool, projectId, jobId),
  ]);
  return definition && { instance: shownAt(instance, now()), definition, nodeRuns, triggers };
}
