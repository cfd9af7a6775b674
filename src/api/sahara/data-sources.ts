/** Routes of data sources. */
import {
  addDataSource,
  changeDataSource,
  getDataSource,
  removeDataSource,
} from "../../catalog/data-sources.ts";
import {
  DATA_SOURCES,
  type DataSourceField,
  type DataSourceRow,
  dataSourceFromRow,
} from "../../store/data-sources.ts";
import { type CallerRequest, json, NO_CONTENT, type Route } from "../route.ts";
import {
  DataSourcePost,
  DataSourcePut,
  decodeDataSource,
  decodeDataSourceChanges,
  encodeDataSource,
} from "./data-source-wire.ts";
import { answerList, COMMON_FILTERS, type List } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { idOf, jsonRoute, type SaharaDeps } from "./resource.ts";

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

export function dataSourceRoutes(deps: SaharaDeps): Route[] {
  const get = (request: CallerRequest) => getDataSource(deps, request.caller.projectId, idOf(request));
  return [
    jsonRoute("GET", PATH, "reader", (request) => answerList(deps.pool, LIST, request)),
    jsonRoute("POST", PATH, "member", async (request) => {
      const draft = decodeDataSource(decodeBody(DataSourcePost, request.body));
      const source = await addDataSource(deps, request.caller.projectId, draft);
      return json(202, { data_source: encodeDataSource(source) });
    }),
    jsonRoute("GET", `${PATH}/:id`, "reader", async (request) =>
      json(200, { data_source: encodeDataSource(await get(request)) }),
    ),
    jsonRoute("PUT", `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      const changes = decodeDataSourceChanges(decodeBody(DataSourcePut, request.body));
      const source = await changeDataSource(deps, request.caller.projectId, id, changes);
      return json(202, { data_source: encodeDataSource(source) });
    }),
    jsonRoute("DELETE", `${PATH}/:id`, "member", async (request) => {
      const { id } = await get(request);
      await removeDataSource(deps, request.caller.projectId, id);
      return NO_CONTENT;
    }),
  ];
}
