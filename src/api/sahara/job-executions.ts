/** Routes of job executions, which the second version calls jobs: run a template, follow it, end it. */
import {
  cancelJobExecution,
  changeJobExecution,
  checkRunCluster,
  executeJobTemplate,
  getJobExecution,
  removeJobExecution,
  suspendJobExecution,
} from "../../catalog/job-executions.ts";
import { getJobTemplate } from "../../catalog/job-templates.ts";
import { Fault } from "../../domain/fault.ts";
import type { JobExecution } from "../../domain/job-execution.ts";
import type { JobTemplate } from "../../domain/job-template.ts";
import {
  JOB_EXECUTIONS,
  type JobExecutionField,
  type JobExecutionRow,
  jobExecutionFromRow,
} from "../../store/job-executions.ts";
import { findJobTemplate } from "../../store/job-templates.ts";
import { type CallerRequest, json, NO_CONTENT, type Route } from "../route.ts";
import { type ApiVersion, V1_1, V2 } from "./api-version.ts";
import {
  decodeExecute,
  decodeExecutionChanges,
  type ExecuteBody,
  ExecutePost,
  encodeJobExecution,
  encodeJobExecutionV2,
  encodeNewExecution,
  freshRun,
  JobExecutionPatch,
  JobPostV2,
} from "./job-execution-wire.ts";
import { answerList, COMMON_FILTERS, type List, listOf } from "./list-query.ts";
import { decodeBody, decodeUuid } from "./object-wire.ts";
import { idOf, jsonRoutesOf, type SaharaDeps } from "./resource.ts";

const { name: _name, ...FILTERS } = COMMON_FILTERS;

const LIST: List<JobExecutionField, JobExecutionRow> = {
  key: V1_1.runs.many,
  table: JOB_EXECUTIONS,
  sorts: { id: "id", job_template: "jobTemplateId", cluster: "clusterId", status: "status" },
  filters: {
    ...FILTERS,
    status: { field: "state", kind: "status" },
    job_id: { field: "jobTemplateId", kind: "id" },
    "job.name": { field: "jobTemplateName", kind: "expression" },
    cluster_id: { field: "clusterId", kind: "id" },
    "cluster.name": { field: "clusterName", kind: "expression" },
    input_id: { field: "inputId", kind: "id" },
    output_id: { field: "outputId", kind: "id" },
    start_time: { field: "startedAt", kind: "time" },
    end_time: { field: "endedAt", kind: "time" },
    engine_job_id: { field: "engineId", kind: "text" },
    oozie_job_id: { field: "engineId", kind: "text" },
    return_code: { field: "exitCode", kind: "integer" },
  },
  encode: async (rows) => rows.map(jobExecutionFromRow).map(encodeJobExecution),
};

const LIST_V2: List<JobExecutionField, JobExecutionRow> = {
  ...LIST,
  key: V2.runs.many,
  filters: { ...LIST.filters, job_template_id: { field: "jobTemplateId", kind: "id" } },
  encode: async (rows) => rows.map(jobExecutionFromRow).map(encodeJobExecutionV2),
};

/** What the versions have in common. */
function sharedRoutes(
  deps: SaharaDeps,
  version: ApiVersion,
  encode: (run: JobExecution) => Readonly<Record<string, unknown>>,
): Route[] {
  const { path, one } = version.runs;
  const jsonRoute = jsonRoutesOf(version);
  const get = (request: CallerRequest) => getJobExecution(deps, request.caller.projectId, idOf(request));
  const answer = (status: number, run: JobExecution) => json(status, { [one]: version.encode(encode(run)) });
  return [
    jsonRoute("GET", `${path}/:id`, "reader", async (request) => answer(200, await get(request))),
    jsonRoute("PATCH", `${path}/:id`, "member", async (request) =>
      answer(202, await change(deps, request, await get(request))),
    ),
    jsonRoute("DELETE", `${path}/:id`, "member", async (request) => {
      await removeJobExecution(deps, request.caller, await get(request));
      return NO_CONTENT;
    }),
  ];
}

export function jobExecutionRoutes(deps: SaharaDeps): Route[] {
  const { path } = V1_1.runs;
  const jsonRoute = jsonRoutesOf(V1_1);
  const get = (request: CallerRequest) => getJobExecution(deps, request.caller.projectId, idOf(request));
  return [
    jsonRoute("POST", "/jobs/:id/execute", "member", async (request) => {
      const template = await getJobTemplate(deps, request.caller.projectId, idOf(request));
      const body = decodeBody(ExecutePost, request.body);
      const run = await execute(deps, request, template, body);
      return json(202, { job_execution: encodeNewExecution(run) });
    }),
    jsonRoute("GET", path, "reader", (request) => answerList(deps.pool, LIST, request)),
    ...sharedRoutes(deps, V1_1, encodeJobExecution),
    jsonRoute("GET", `${path}/:id/refresh-status`, "reader", async (request) =>
      json(200, { job_execution: encodeJobExecution(await get(request)) }),
    ),
    jsonRoute("GET", `${path}/:id/cancel`, "member", async (request) => {
      const run = await cancelJobExecution(deps, request.caller, await get(request));
      return json(200, { job_execution: encodeJobExecution(run) });
    }),
  ];
}

/** A run is cancelled by PATCH, and its status asked for anew by `refresh_status` in the query. */
export function jobRoutesV2(deps: SaharaDeps): Route[] {
  const { path } = V2.runs;
  const jsonRoute = jsonRoutesOf(V2);
  const list = listOf(V2, LIST_V2, ["status", "cluster_id", "job_template_id"]);
  return [
    jsonRoute("POST", path, "member", async (request) => {
      const body = decodeBody(JobPostV2, request.body);
      const template = await referredTemplate(deps, request.caller.projectId, body.job_template_id);
      const run = await execute(deps, request, template, body);
      return json(202, { job: V2.encode(encodeJobExecutionV2(freshRun(run))) });
    }),
    jsonRoute("GET", path, "reader", (request) => answerList(deps.pool, list, request)),
    ...sharedRoutes(deps, V2, encodeJobExecutionV2),
  ];
}

/** The template that a body names, so that its absence is the body's fault. */
async function referredTemplate(deps: SaharaDeps, projectId: string, id: string): Promise<JobTemplate> {
  const template = await findJobTemplate(deps.pool, projectId, decodeUuid(id));
  if (template !== undefined) return template;
  throw new Fault("invalid", "reference-invalid", `job_template_id: there is no job template ${id}`);
}

async function execute(
  deps: SaharaDeps,
  { caller }: CallerRequest,
  template: JobTemplate,
  body: ExecuteBody,
): Promise<JobExecution> {
  return await executeJobTemplate(deps, caller.projectId, template, decodeExecute(body, caller.userName));
}

async function change(deps: SaharaDeps, request: CallerRequest, run: JobExecution): Promise<JobExecution> {
  const body = decodeBody(JobExecutionPatch, request.body);
  const { projectId } = request.caller;
  await checkRunCluster(deps, projectId, run);
  if (body.info === undefined)
    return await changeJobExecution(deps, projectId, run.id, decodeExecutionChanges(body));
  if (Object.keys(body).length > 1)
    throw new Fault("invalid", "job-execution-status-invalid", "info: nothing else may be changed with it");
  const act = body.info.status === "suspend" ? suspendJobExecution : cancelJobExecution;
  return await act(deps, request.caller, run);
}
