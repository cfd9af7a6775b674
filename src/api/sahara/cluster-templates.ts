/** Routes of templates of clusters and of their groups of nodes. */
import {
  addClusterTemplate,
  changeClusterTemplate,
  getClusterTemplate,
  removeClusterTemplate,
} from "../../catalog/cluster-templates.ts";
import type { ClusterTemplate, TemplateKind } from "../../domain/cluster-template.ts";
import {
  type ClusterTemplateField,
  type ClusterTemplateRow,
  clusterTemplateFromRow,
  clusterTemplates,
} from "../../store/cluster-templates.ts";
import { type CallerRequest, json, NO_CONTENT, type Route } from "../route.ts";
import type { ApiVersion } from "./api-version.ts";
import {
  decodeTemplate,
  decodeTemplateChanges,
  encodeExport,
  encodeTemplate,
  templateSchemas,
} from "./cluster-template-wire.ts";
import { answerList, COMMON_FILTERS, type List, listOf } from "./list-query.ts";
import { decodeBody } from "./object-wire.ts";
import { idOf, jsonRoutesOf, type SaharaDeps } from "./resource.ts";

/** Filters of lists of clusters and of templates in the second version. */
export const PLUGIN_FILTERS_V2 = ["name", "plugin_name", "plugin_version"];
/** Its stock client asks for groups of nodes by the older word. */
const GROUP_FILTERS_V2 = [...PLUGIN_FILTERS_V2, "hadoop_version"];
export const PLUGIN_SORTS = {
  plugin_name: "pluginName",
  hadoop_version: "pluginVersion",
  plugin_version: "pluginVersion",
} as const;
export const PLUGIN_FILTERS = {
  plugin_name: { field: "pluginName", kind: "expression" },
  hadoop_version: { field: "pluginVersion", kind: "text" },
  plugin_version: { field: "pluginVersion", kind: "text" },
} as const;

export function clusterTemplateRoutes(deps: SaharaDeps, version: ApiVersion): Route[] {
  return [...templateRoutes(deps, version, "cluster"), ...templateRoutes(deps, version, "node-group")];
}

function templateRoutes(deps: SaharaDeps, version: ApiVersion, kind: TemplateKind): Route[] {
  const path = `/${kind}-templates`;
  const one = path.slice(1, -1).replaceAll("-", "_");
  const { post, change } = templateSchemas(kind, version);
  const jsonRoute = jsonRoutesOf(version);
  const encode = (template: ClusterTemplate) => encodeTemplate(kind, version, template);
  const namesInV2 = kind === "cluster" ? PLUGIN_FILTERS_V2 : GROUP_FILTERS_V2;
  const list = listOf(version, listOfKind(kind, `${one}s`, encode), namesInV2);
  const get = (request: CallerRequest) =>
    getClusterTemplate(deps, kind, request.caller.projectId, idOf(request));
  const answer = (status: number, shown: Readonly<Record<string, unknown>>) =>
    json(status, { [one]: version.encode(shown) });
  return [
    jsonRoute("GET", path, "reader", (request) => answerList(deps.pool, list, request)),
    jsonRoute("POST", path, "manager", async (request) => {
      const draft = decodeTemplate(decodeBody(post, request.body), version);
      return answer(202, encode(await addClusterTemplate(deps, kind, request.caller.projectId, draft)));
    }),
    jsonRoute("GET", `${path}/:id`, "reader", async (request) => answer(200, encode(await get(request)))),
    jsonRoute("GET", `${path}/:id/export`, "reader", async (request) =>
      answer(200, encodeExport(kind, version, await get(request))),
    ),
    jsonRoute(version.change, `${path}/:id`, "manager", async (request) => {
      const { id } = await get(request);
      const changes = decodeTemplateChanges(decodeBody(change, request.body), version);
      const { projectId } = request.caller;
      return answer(202, encode(await changeClusterTemplate(deps, kind, projectId, id, changes)));
    }),
    jsonRoute("DELETE", `${path}/:id`, "manager", async (request) => {
      const { id } = await get(request);
      await removeClusterTemplate(deps, kind, request.caller.projectId, id);
      return NO_CONTENT;
    }),
  ];
}

function listOfKind(
  kind: TemplateKind,
  key: string,
  encode: (template: ClusterTemplate) => object,
): List<ClusterTemplateField, ClusterTemplateRow> {
  return {
    key,
    table: clusterTemplates(kind),
    sorts: { id: "id", name: "name", ...PLUGIN_SORTS, created_at: "createdAt", updated_at: "updatedAt" },
    filters: {
      ...COMMON_FILTERS,
      ...PLUGIN_FILTERS,
      description: { field: "description", kind: "expression" },
    },
    encode: async (rows) => rows.map(clusterTemplateFromRow).map(encode),
  };
}
