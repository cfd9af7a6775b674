/** Routes of job templates, which the first version calls jobs. */
import {
  addJobTemplate,
  changeJobTemplate,
  getJobTemplate,
  removeJobTemplate,
} from "../../catalog/job-templates.ts";
import { missing } from "../../domain/fault.ts";
import type { JobTemplate } from "../../domain/job-template.ts";
import {
  JOB_TEMPLATES,
  type JobTemplateField,
  type JobTemplateRow,
  withBinaries,
} from "../../store/job-templates.ts";
import { type CallerRequest, json, NO_CONTENT, type Route } from "../route.ts";
import type { ApiVersion } from "./api-version.ts";
import { decodeJob, decodeJobChanges, encodeJob, JobPatch, JobPost } from "./job-template-wire.ts";
import { encodeConfigHints, findListedType } from "./job-types.ts";
import { answerList, COMMON_FILTERS, type List, listOf } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { idOf, jsonRoutesOf, type SaharaDeps } from "./resource.ts";

export function jobTemplateRoutes(deps: SaharaDeps, version: ApiVersion): Route[] {
  const { path, one, many } = version.templates;
  const list: List<JobTemplateField, JobTemplateRow> = {
    key: many,
    table: JOB_TEMPLATES,
    sorts: { id: "id", name: "name", type: "type", created_at: "createdAt", updated_at: "updatedAt" },
    filters: {
      ...COMMON_FILTERS,
      description: { field: "description", kind: "expression" },
      type: { field: "type", kind: "text" },
    },
    encode: async (rows) => (await withBinaries(deps.pool, rows)).map(encodeJob),
  };
  const shown = listOf(version, list, ["name", "type"]);
  const get = (request: CallerRequest) => getJobTemplate(deps, request.caller.projectId, idOf(request));
  const answer = (status: number, template: JobTemplate) =>
    json(status, { [one]: version.encode(encodeJob(template)) });
  const jsonRoute = jsonRoutesOf(version);
  return [
    jsonRoute("GET", path, "reader", (request) => answerList(deps.pool, shown, request)),
    jsonRoute("POST", path, "member", async (request) => {
      const draft = decodeJob(decodeBody(JobPost, request.body));
      const template = await addJobTemplate(deps, request.caller.projectId, draft);
      return answer(202, template);
    }),
    jsonRoute("GET", `${path}/config-hints/:type`, "reader", async ({ params }) => {
      const type = findListedType(params.type ?? "");
      if (type === undefined) missing("job-type-missing", `there is no job type "${params.type}"`);
      return json(200, { job_config: encodeConfigHints(type) });
    }),
    jsonRoute("GET", `${path}/:id`, "reader", async (request) => answer(200, await get(request))),
    jsonRoute("PATCH", `${path}/:id`, "member", async (request) => {
      const { id } = await get(request);
      const changes = decodeJobChanges(decodeBody(JobPatch, request.body));
      const template = await changeJobTemplate(deps, request.caller.projectId, id, changes);
      return answer(202, template);
    }),
    jsonRoute("DELETE", `${path}/:id`, "member", async (request) => {
      const { id } = await get(request);
      await removeJobTemplate(deps, request.caller.projectId, id);
      return NO_CONTENT;
    }),
  ];
}
