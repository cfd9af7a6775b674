/** Routes of job templates, which this API calls jobs. */
import {
  addJobTemplate,
  changeJobTemplate,
  getJobTemplate,
  removeJobTemplate,
} from "../../catalog/job-templates.ts";
import { missing } from "../../domain/fault.ts";
import {
  JOB_TEMPLATES,
  type JobTemplateField,
  type JobTemplateRow,
  withBinaries,
} from "../../store/job-templates.ts";
import { type CallerRequest, json, NO_CONTENT, type Route } from "../route.ts";
import { decodeJob, decodeJobChanges, encodeJob, JobPatch, JobPost } from "./job-template-wire.ts";
import { encodeConfigHints, findListedType } from "./job-types.ts";
import { answerList, COMMON_FILTERS, type List } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { idOf, jsonRoute, type SaharaDeps } from "./resource.ts";

const PATH = "/jobs";

export function jobTemplateRoutes(deps: SaharaDeps): Route[] {
  const list: List<JobTemplateField, JobTemplateRow> = {
    key: "jobs",
    table: JOB_TEMPLATES,
    sorts: { id: "id", name: "name", type: "type", created_at: "createdAt", updated_at: "updatedAt" },
    filters: {
      ...COMMON_FILTERS,
      description: { field: "description", kind: "expression" },
      type: { field: "type", kind: "text" },
    },
    encode: async (rows) => (await withBinaries(deps.pool, rows)).map(encodeJob),
  };
  const get = (request: CallerRequest) => getJobTemplate(deps, request.caller.projectId, idOf(request));
  return [
    jsonRoute("GET", PATH, "reader", (request) => answerList(deps.pool, list, request)),
    jsonRoute("POST", PATH, "member", async (request) => {
      const draft = decodeJob(decodeBody(JobPost, request.body));
      const template = await addJobTemplate(deps, request.caller.projectId, draft);
      return json(202, { job: encodeJob(template) });
    }),
    jsonRoute("GET", `${PATH}/config-hints/:type`, "reader", async ({ params }) => {
      const type = findListedType(params.type ?? "");
      if (type === undefined) missing("job-type-missing", `there is no job type "${params.type}"`);
      return json(200, { job_config: encodeConfigHints(type) });
    }),
    jsonRoute("GET", `${PATH}/:id`, "reader", async (request) =>
      json(200, { job: encodeJob(await get(request)) }),
    ),
    jsonRoute("PATCH", `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      const changes = decodeJobChanges(decodeBody(JobPatch, request.body));
      const template = await changeJobTemplate(deps, request.caller.projectId, id, changes);
      return json(202, { job: encodeJob(template) });
    }),
    jsonRoute("DELETE", `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      await removeJobTemplate(deps, request.caller.projectId, id);
      return NO_CONTENT;
    }),
  ];
}
