/** Routes of job executions: run a job, follow it, end it. */
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
import {
  JOB_EXECUTIONS,
  type JobExecutionField,
  type JobExecutionRow,
  jobExecutionFromRow,
} from "../../store/job-executions.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import {
  decodeExecute,
  decodeExecutionChanges,
  ExecutePost,
  encodeJobExecution,
  encodeNewExecution,
  JobExecutionPatch,
} from "./job-execution-wire.ts";
import { answerList, COMMON_FILTERS, type List } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { idOf, jsonRoute, type SaharaDeps } from "./resource.ts";

const PATH = "/job-executions";
const { name: _name, ...FILTERS } = COMMON_FILTERS;

const LIST: List<JobExecutionField, JobExecutionRow> = {
  key: "job_executions",
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

export function jobExecutionRoutes(deps: SaharaDeps): Route[] {
  const get = (request: CallerRequest) => getJobExecution(deps, request.caller.projectId, idOf(request));
  const show = async (request: CallerRequest) =>
    json(200, { job_execution: encodeJobExecution(await get(request)) });
  return [
    jsonRoute("POST", "/jobs/:id/execute", "member", (request) => execute(deps, request)),
    jsonRoute("GET", PATH, "reader", (request) => answerList(deps.pool, LIST, request)),
    jsonRoute("GET", `${PATH}/:id`, "reader", show),
    jsonRoute("GET", `${PATH}/:id/refresh-status`, "reader", show),
    jsonRoute("GET", `${PATH}/:id/cancel`, "member", async (request) => {
      const run = await cancelJobExecution(deps, request.caller, await get(request));
      return json(200, { job_execution: encodeJobExecution(run) });
    }),
    jsonRoute("PATCH", `${PATH}/:id`, "member", (request) => change(deps, request)),
    jsonRoute("DELETE", `${PATH}/:id`, "member", async (request) => {
      await removeJobExecution(deps, request.caller, await get(request));
      return NO_CONTENT;
    }),
  ];
}

async function execute(deps: SaharaDeps, request: CallerRequest): Promise<Reply> {
  const { projectId, userName } = request.caller;
  const template = await getJobTemplate(deps, projectId, idOf(request));
  const wanted = decodeExecute(decodeBody(ExecutePost, request.body), userName);
  const run = await executeJobTemplate(deps, projectId, template, wanted);
  return json(202, { job_execution: encodeNewExecution(run) });
}

async function change(deps: SaharaDeps, request: CallerRequest): Promise<Reply> {
  const { projectId } = request.caller;
  const run = await getJobExecution(deps, projectId, idOf(request));
  const body = decodeBody(JobExecutionPatch, request.body);
  await checkRunCluster(deps, projectId, run);
  if (body.info === undefined) {
    const changed = await changeJobExecution(deps, projectId, run.id, decodeExecutionChanges(body));
    return json(202, { job_execution: encodeJobExecution(changed) });
  }
  if (Object.keys(body).length > 1)
    throw new Fault("invalid", "job-execution-status-invalid", "info: nothing else may be changed with it");
  const act = body.info.status === "suspend" ? suspendJobExecution : cancelJobExecution;
  return json(202, { job_execution: encodeJobExecution(await act(deps, request.caller, run)) });
}
