/** Routes of the internal store, which the second version has not: files uploaded as raw bytes, by name. */
import { Readable } from "node:stream";
import {
  addStoredFile,
  changeStoredFile,
  getStoredFile,
  openStoredFile,
  removeStoredFile,
} from "../../catalog/stored-files.ts";
import {
  STORED_FILES,
  type StoredFileField,
  type StoredFileRow,
  storedFileFromRow,
} from "../../store/stored-files.ts";
import { type CallerRequest, json, NO_CONTENT, type Route, UPLOAD_BYTES_MAX } from "../route.ts";
import { V1_1 } from "./api-version.ts";
import { answerList, COMMON_FILTERS, type List } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { bytesRoute, idOf, jsonRoutesOf, type SaharaDeps, uploadRoute } from "./resource.ts";
import { decodeStoredFileChanges, encodeStoredFile, StoredFilePatch } from "./stored-file-wire.ts";

const PATH = "/job-binary-internals";
const jsonRoute = jsonRoutesOf(V1_1);
/** A body of these types reads as empty. Source: sahara-v1.1 8. */
const FORM = /^\s*(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i;

const LIST: List<StoredFileField, StoredFileRow> = {
  key: "binaries",
  table: STORED_FILES,
  sorts: { id: "id", name: "name", created_at: "createdAt", updated_at: "updatedAt" },
  filters: { ...COMMON_FILTERS, datasize: { field: "sizeBytes", kind: "integer" } },
  encode: async (rows) => rows.map(storedFileFromRow).map(encodeStoredFile),
};

export function storedFileRoutes(deps: SaharaDeps): Route[] {
  const bytesMax = deps.uploadBytesMax ?? UPLOAD_BYTES_MAX;
  const get = (request: CallerRequest) => getStoredFile(deps, request.caller.projectId, idOf(request));
  return [
    jsonRoute("GET", PATH, "reader", (request) => answerList(deps.pool, LIST, request)),
    uploadRoute(`${PATH}/:id`, bytesMax, async (request) => {
      const isForm = FORM.test(String(request.headers["content-type"] ?? ""));
      const content = isForm ? undefined : request.stream;
      const file = await addStoredFile(deps, request.caller.projectId, {
        name: request.params.id ?? "",
        content: content ?? Readable.from([]),
        bytesMax,
      });
      return json(202, { job_binary_internal: encodeStoredFile(file) });
    }),
    jsonRoute("GET", `${PATH}/:id`, "reader", async (request) =>
      json(200, { job_binary_internal: encodeStoredFile(await get(request)) }),
    ),
    bytesRoute(V1_1, `${PATH}/:id/data`, async (request) => openStoredFile(deps, await get(request))),
    jsonRoute("PATCH", `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      const changes = decodeStoredFileChanges(decodeBody(StoredFilePatch, request.body));
      const file = await changeStoredFile(deps, request.caller.projectId, id, changes);
      return json(202, { job_binary_internal: encodeStoredFile(file) });
    }),
    jsonRoute("DELETE", `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      await removeStoredFile(deps, request.caller.projectId, id);
      return NO_CONTENT;
    }),
  ];
}
