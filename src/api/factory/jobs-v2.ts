/** Routes of DataArts Factory v2 that keep jobs: create, list, rename, tags, depend (dataarts-factory 5). */
import { Type } from "typebox";
import { createJob, getJob, renameJob, tagJob } from "../../catalog/jobs.ts";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { roleIn } from "../../domain/user.ts";
import { listJobs } from "../../store/job-lists.ts";
import { listRelatedJobs } from "../../store/job-relations.ts";
import { readQuery } from "../query.ts";
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
import {
  decodeJobFilterV2,
  encodeJobEntry,
  type JobListQueryV2,
  JobListV2,
  jobListQueryV2,
} from "./job-list-v2-wire.ts";
import { decodeRelations, encodeRelatedJob, RelatedList, RelationQuery } from "./job-relation-wire.ts";
import {
  Done,
  decodeJobV2,
  decodeNewName,
  decodeTags,
  JobBodyV2,
  RenameBody,
  TagsBody,
} from "./job-v2-wire.ts";
import { withName, withTags } from "./job-wire.ts";
import { jobDeps, jobNameOf, readAlarms, requireUpstream } from "./jobs.ts";
import { readPage } from "./request-wire.ts";

const JOBS = "/v2/:project_id/factory/jobs";
const JOB = `${JOBS}/:job_name`;
const TAG = "Jobs";

export function jobRoutesV2(deps: FactoryDeps): Route[] {
  const listQuery = jobListQueryV2(deps.pageMax);
  return [
    {
      method: "POST",
      path: JOBS,
      role: "member",
      bodyBytesMax: DOCUMENT_BYTES_MAX,
      contract: {
        operation: "create_factory_job",
        summary: "Creates a job from a definition in snake_case",
        tag: TAG,
        body: JobBodyV2,
        replies: { 204: "nothing" },
      },
      handle: (request) => create(deps, request),
    },
    {
      method: "GET",
      path: JOBS,
      role: "reader",
      contract: {
        operation: "list_factory_jobs",
        summary: "Lists the jobs of a workspace that the query chooses, newest first",
        tag: TAG,
        query: listQuery,
        replies: { 200: JobListV2 },
      },
      handle: (request) => list(deps, request, readQuery(listQuery, request.query)),
    },
    {
      method: "PUT",
      path: `${JOB}/rename`,
      role: "member",
      contract: {
        operation: "update_factory_job_name",
        summary: "Gives a job another name, in operation or not",
        tag: TAG,
        body: RenameBody,
        replies: { 200: Done },
      },
      handle: (request) => rename(deps, request),
    },
    {
      method: "POST",
      path: `${JOB}/tags`,
      role: "member",
      contract: {
        operation: "set_factory_job_tags",
        summary: "Replaces a job's tags",
        tag: TAG,
        body: TagsBody,
        replies: { 200: Type.Object({}) },
      },
      handle: (request) => setTags(deps, request),
    },
    {
      method: "GET",
      path: `${JOB}/depend`,
      role: "reader",
      contract: {
        operation: "show_factory_job_depend_instances",
        summary: "Names the jobs that a job waits for, and those that wait for it",
        tag: TAG,
        query: RelationQuery,
        replies: { 200: RelatedList },
      },
      handle: (request) => showRelated(deps, request),
    },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { workspaceId } = workspaceOf(request);
  const draft = decodeJobV2(request.body, { workspaceId, timeZone: deps.timeZone });
  requireUpstream(request.caller, draft);
  await createJob(jobDeps(deps), request.caller, workspaceId, draft);
  return NO_CONTENT;
}

async function list(deps: FactoryDeps, request: CallerRequest, query: JobListQueryV2): Promise<Reply> {
  const workspace = workspaceOf(request);
  const now = deps.now();
  const filter = decodeJobFilterV2(query, now);
  await checkWorkspace(deps.pool, deps, workspace);
  const { jobs, total } = await readPage(query, (records) => listJobs(deps.pool, workspace, filter, records));
  const entries = jobs.map((job) => encodeJobEntry(job, now));
  if (!query.need_alarms) return json(200, { total, jobs: entries });
  const alarmsOf = await readAlarms(deps, workspace.projectId, jobs);
  return json(200, {
    total,
    jobs: jobs.map((job, place) => ({ ...entries[place], alarms: alarmsOf(job) })),
  });
}

async function rename(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const name = decodeNewName(request.body);
  const job = { workspaceId: workspaceOf(request).workspaceId, name: jobNameOf(request) };
  await renameJob(jobDeps(deps), request.caller, job, {
    name,
    rewrite: (document) => withName(document, name),
  });
  return json(200, { is_success: true });
}

async function setTags(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const tags = decodeTags(request.body);
  const job = { workspaceId: workspaceOf(request).workspaceId, name: jobNameOf(request) };
  await tagJob(jobDeps(deps), request.caller, job, { tags, rewrite: (document) => withTags(document, tags) });
  return json(200, {});
}

async function showRelated(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const relations = decodeRelations(readQuery(RelationQuery, request.query));
  const { projectId, id } = await getJob(deps, workspaceOf(request), jobNameOf(request));
  const related = await listRelatedJobs(deps.pool, projectId, id, relations);
  // Of a workspace that does not exist for the caller, no name is told.
  const visible = related.filter(({ workspaceId }) => roleIn(request.caller, workspaceId) !== undefined);
  return json(200, visible.map(encodeRelatedJob));
}
