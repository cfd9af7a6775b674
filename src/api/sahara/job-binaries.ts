/** Routes of job binaries. */
import {
  addJobBinary,
  changeJobBinary,
  getJobBinary,
  openJobBinary,
  removeJobBinary,
} from "../../catalog/job-binaries.ts";
import type { JobBinary } from "../../domain/job-binary.ts";
import {
  JOB_BINARIES,
  type JobBinaryField,
  type JobBinaryRow,
  jobBinaryFromRow,
} from "../../store/job-binaries.ts";
import { type CallerRequest, json, NO_CONTENT, type Route } from "../route.ts";
import type { ApiVersion } from "./api-version.ts";
import {
  decodeJobBinary,
  decodeJobBinaryChanges,
  encodeJobBinary,
  JobBinaryPost,
  JobBinaryPut,
} from "./job-binary-wire.ts";
import { answerList, COMMON_FILTERS, type List, listOf } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { bytesRoute, idOf, jsonRoutesOf, type SaharaDeps } from "./resource.ts";

const PATH = "/job-binaries";

const LIST: List<JobBinaryField, JobBinaryRow> = {
  key: "binaries",
  table: JOB_BINARIES,
  sorts: { id: "id", name: "name", created_at: "createdAt", updated_at: "updatedAt" },
  filters: {
    ...COMMON_FILTERS,
    description: { field: "description", kind: "expression" },
    url: { field: "url", kind: "expression" },
  },
  encode: async (rows) => rows.map(jobBinaryFromRow).map(encodeJobBinary),
};

export function jobBinaryRoutes(deps: SaharaDeps, version: ApiVersion): Route[] {
  const get = (request: CallerRequest) => getJobBinary(deps, request.caller.projectId, idOf(request));
  const answer = (status: number, binary: JobBinary) =>
    json(status, { job_binary: version.encode(encodeJobBinary(binary)) });
  const list = listOf(version, LIST, ["name"]);
  const jsonRoute = jsonRoutesOf(version);
  return [
    jsonRoute("GET", PATH, "reader", (request) => answerList(deps.pool, list, request)),
    jsonRoute("POST", PATH, "member", async (request) => {
      const draft = decodeJobBinary(decodeBody(JobBinaryPost, request.body));
      const binary = await addJobBinary(deps, request.caller.projectId, draft);
      return answer(202, binary);
    }),
    jsonRoute("GET", `${PATH}/:id`, "reader", async (request) => answer(200, await get(request))),
    bytesRoute(version, `${PATH}/:id/data`, async (request) => openJobBinary(deps, await get(request))),
    jsonRoute(version.change, `${PATH}/:id`, "member", async (request) => {
      const changes = decodeJobBinaryChanges(decodeBody(JobBinaryPut, request.body));
      const binary = await changeJobBinary(deps, request.caller.projectId, idOf(request), changes);
      return answer(202, binary);
    }),
    jsonRoute("DELETE", `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      await removeJobBinary(deps, request.caller.projectId, id);
      return NO_CONTENT;
    }),
  ];
}
