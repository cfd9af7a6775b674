/** Routes of data sources. */
import {
  addDataSource,
  changeDataSource,
  getDataSource,
  removeDataSource,
} from "../../catalog/data-sources.ts";
import type { DataSource } from "../../domain/data-source.ts";
import {
  DATA_SOURCES,
  type DataSourceField,
  type DataSourceRow,
  dataSourceFromRow,
} from "../../store/data-sources.ts";
import { type CallerRequest, json, NO_CONTENT, type Route } from "../route.ts";
import type { ApiVersion } from "./api-version.ts";
import {
  DataSourcePost,
  DataSourcePut,
  decodeDataSource,
  decodeDataSourceChanges,
  encodeDataSource,
} from "./data-source-wire.ts";
import { answerList, COMMON_FILTERS, type List, listOf } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { idOf, jsonRoutesOf, type SaharaDeps } from "./resource.ts";

const PATH = "/data-sources";

const LIST: List<DataSourceField, DataSourceRow> = {
  key: "data_sources",
  table: DATA_SOURCES,
  sorts: { id: "id", name: "name", type: "type", created_at: "createdAt", updated_at: "updatedAt" },
  filters: {
    ...COMMON_FILTERS,
    description: { field: "description", kind: "expression" },
    url: { field: "url", kind: "expression" },
    type: { field: "type", kind: "text" },
  },
  encode: async (rows) => rows.map(dataSourceFromRow).map(encodeDataSource),
};

export function dataSourceRoutes(deps: SaharaDeps, version: ApiVersion): Route[] {
  const get = (request: CallerRequest) => getDataSource(deps, request.caller.projectId, idOf(request));
  const answer = (status: number, source: DataSource) =>
    json(status, { data_source: version.encode(encodeDataSource(source)) });
  const list = listOf(version, LIST, ["name", "type"]);
  const jsonRoute = jsonRoutesOf(version);
  return [
    jsonRoute("GET", PATH, "reader", (request) => answerList(deps.pool, list, request)),
    jsonRoute("POST", PATH, "member", async (request) => {
      const draft = decodeDataSource(decodeBody(DataSourcePost, request.body));
      const source = await addDataSource(deps, request.caller.projectId, draft);
      return answer(202, source);
    }),
    jsonRoute("GET", `${PATH}/:id`, "reader", async (request) => answer(200, await get(request))),
    jsonRoute(version.change, `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      const changes = decodeDataSourceChanges(decodeBody(DataSourcePut, request.body));
      const source = await changeDataSource(deps, request.caller.projectId, id, changes);
      return answer(202, source);
    }),
    jsonRoute("DELETE", `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      await removeDataSource(deps, request.caller.projectId, id);
      return NO_CONTENT;
    }),
  ];
}
