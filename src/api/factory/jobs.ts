/** Routes of DataArts Factory v1 that keep jobs: create, list, show, update, delete (dataarts-factory 4). */
import { createJob, getJob, type JobDraft, jobMissing, saveJob } from "../../catalog/jobs.ts";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { invalid } from "../../domain/fault.ts";
import type { Caller } from "../../domain/user.ts";
import { listAlarmsOfJobs } from "../../store/alarm-watches.ts";
import { type JobListing, listJobs } from "../../store/job-lists.ts";
import { findVersionedJob, type VersionedJob } from "../../store/job-versions.ts";
import { listDownstream } from "../../store/jobs.ts";
import { readQuery } from "../query.ts";
import { requireWorkspaceRole } from "../role-scope.ts";
import {
  type CallerRequest,
  DOCUMENT_BYTES_MAX,
  json,
  NO_CONTENT,
  type Reply,
  type Route,
} from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import { encodeJobAlarms } from "./job-alarm-wire.ts";
import {
  decodeJobFilter,
  encodeJobSummary,
  JobList,
  type JobListQuery,
  jobListQuery,
} from "./job-list-wire.ts";
import { JobBody } from "./job-schema.ts";
import { decodeJob, encodeJobDetail, JobDetail, JobQuery } from "./job-wire.ts";
import { readPage } from "./request-wire.ts";

const JOBS = "/v1/:project_id/jobs";
const JOB = `${JOBS}/:job_name`;
const TAG = "Jobs";

export function jobRoutes(deps: FactoryDeps): Route[] {
  const bodyBytesMax = DOCUMENT_BYTES_MAX;
  const listQuery = jobListQuery(deps.pageMax);
  return [
    {
      method: "POST",
      path: JOBS,
      role: "member",
      bodyBytesMax,
      contract: {
        operation: "create_job",
        summary: "Creates a job",
        tag: TAG,
        body: JobBody,
        replies: { 204: "nothing" },
      },
      handle: (request) => create(deps, request),
    },
    {
      method: "GET",
      path: JOBS,
      role: "reader",
      contract: {
        operation: "list_jobs",
        summary: "Lists the jobs of a workspace, newest first",
        tag: TAG,
        query: listQuery,
        replies: { 200: JobList },
      },
      handle: (request) => list(deps, request, readQuery(listQuery, request.query)),
    },
    {
      method: "GET",
      path: JOB,
      role: "reader",
      contract: {
        operation: "show_job",
        summary: "Shows a job's definition as it was saved",
        tag: TAG,
        query: JobQuery,
        replies: { 200: JobDetail },
      },
      handle: (request) => show(deps, request),
    },
    {
      method: "PUT",
      path: JOB,
      role: "member",
      bodyBytesMax,
      contract: {
        operation: "update_job",
        summary: "Saves a job's next version; a free name renames it",
        tag: TAG,
        body: JobBody,
        replies: { 204: "nothing" },
      },
      handle: (request) => update(deps, request),
    },
    {
      method: "DELETE",
      path: JOB,
      role: "member",
      contract: {
        operation: "delete_job",
        summary: "Stops a job and deletes it",
        tag: TAG,
        replies: { 204: "nothing" },
      },
      handle: (request) => remove(deps, request),
    },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { workspaceId } = workspaceOf(request);
  const draft = decodeJob(request.body, { workspaceId, timeZone: deps.timeZone });
  requireUpstream(request.caller, draft);
  await createJob(jobDeps(deps), request.caller, workspaceId, draft);
  return NO_CONTENT;
}

async function update(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { workspaceId } = workspaceOf(request);
  const draft = decodeJob(request.body, { workspaceId, timeZone: deps.timeZone });
  requireUpstream(request.caller, draft);
  await saveJob(jobDeps(deps), request.caller, { workspaceId, name: jobNameOf(request) }, draft);
  return NO_CONTENT;
}

async function list(deps: FactoryDeps, request: CallerRequest, query: JobListQuery): Promise<Reply> {
  const workspace = workspaceOf(request);
  const filter = decodeJobFilter(query);
  await checkWorkspace(deps.pool, deps, workspace);
  const { jobs, total } = await readPage(query, (records) => listJobs(deps.pool, workspace, filter, records));
  const now = deps.now();
  const alarmsOf = await readAlarms(deps, workspace.projectId, jobs);
  return json(200, {
    total,
    jobs: jobs.map((job) => ({ ...encodeJobSummary(job, now), alarms: alarmsOf(job) })),
  });
}

/** What a list says of the alarms of each of these jobs. */
export async function readAlarms(
  { pool, region }: FactoryDeps,
  projectId: string,
  jobs: readonly JobListing[],
) {
  const ids = jobs.map(({ id }) => id);
  const alarms = await listAlarmsOfJobs(pool, projectId, ids);
  return ({ id }: JobListing) => encodeJobAlarms(alarms.get(id), { region, projectId });
}

async function show(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { version, dependencies } = readQuery(JobQuery, request.query);
  const found = await findVersion(deps, request, version);
  const { projectId, id } = found.job;
  const downstream = dependencies ? await listDownstream(deps.pool, projectId, id) : undefined;
  return json(200, encodeJobDetail(found, downstream));
}

async function findVersion(
  deps: FactoryDeps,
  request: CallerRequest,
  version: number,
): Promise<VersionedJob> {
  const workspace = workspaceOf(request);
  const name = jobNameOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const found = await findVersionedJob(deps.pool, workspace, name, version === -1 ? undefined : version);
  if (found !== undefined) return found;
  if (version === -1) throw jobMissing();
  await getJob(deps, workspace, name);
  return invalid("request-invalid", [`version: the job has no version ${version}`]);
}

async function remove(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { projectId, id: jobId } = await getJob(deps, workspaceOf(request), jobNameOf(request));
  await deps.engine.deleteJob({ projectId, jobId, by: request.caller.userName });
  return NO_CONTENT;
}

export function jobNameOf({ params }: CallerRequest): string {
  return params.job_name ?? "";
}

/** Raises `workspace-missing` where the job waits for jobs of a workspace that does not exist for the caller. */
export function requireUpstream(caller: Caller, { definition: { schedule } }: JobDraft): void {
  const dependencies = schedule.type === "cron" ? schedule.cron?.dependencies : undefined;
  for (const { workspaceId } of dependencies?.jobs ?? []) requireWorkspaceRole(caller, workspaceId, "reader");
}

/** What saves of jobs need. */
export function jobDeps(deps: FactoryDeps) {
  return { ...deps, scheduleSaved: deps.engine.scheduleSaved };
}
