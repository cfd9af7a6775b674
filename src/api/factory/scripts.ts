/** Routes of DataArts Factory v1 about scripts (dataarts-factory 4.10). */
import type { Static } from "typebox";
import { createScript, getScript, removeScript, saveScript } from "../../catalog/scripts.ts";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { listScripts } from "../../store/scripts.ts";
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
import { readPage } from "./request-wire.ts";
import {
  decodeNewScript,
  decodeScript,
  encodeScript,
  encodeScriptDetail,
  NewScriptBody,
  ScriptBody,
  ScriptDetail,
  ScriptList,
  ScriptListQuery,
} from "./script-wire.ts";

const SCRIPTS = "/v1/:project_id/scripts";
const SCRIPT = `${SCRIPTS}/:script_name`;

export function scriptRoutes(deps: FactoryDeps): Route[] {
  const bodyBytesMax = DOCUMENT_BYTES_MAX;
  const tag = "Scripts";
  return [
    {
      method: "POST",
      path: SCRIPTS,
      role: "member",
      bodyBytesMax,
      contract: {
        operation: "create_script",
        summary: "Creates a script",
        tag,
        body: NewScriptBody,
        replies: { 204: "nothing" },
      },
      handle: (request) => create(deps, request),
    },
    {
      method: "GET",
      path: SCRIPTS,
      role: "reader",
      contract: {
        operation: "list_scripts",
        summary: "Lists the scripts of a workspace, newest first",
        tag,
        query: ScriptListQuery,
        replies: { 200: ScriptList },
      },
      handle: (request) => list(deps, request, readQuery(ScriptListQuery, request.query)),
    },
    {
      method: "GET",
      path: SCRIPT,
      role: "reader",
      contract: { operation: "show_script", summary: "Shows a script", tag, replies: { 200: ScriptDetail } },
      handle: (request) => show(deps, request),
    },
    {
      method: "PUT",
      path: SCRIPT,
      role: "member",
      bodyBytesMax,
      contract: {
        operation: "update_script",
        summary: "Saves the next version of a script; its name and type stay",
        tag,
        body: ScriptBody,
        replies: { 204: "nothing" },
      },
      handle: (request) => update(deps, request),
    },
    {
      method: "DELETE",
      path: SCRIPT,
      role: "member",
      contract: {
        operation: "delete_script",
        summary: "Deletes a script",
        tag,
        replies: { 204: "nothing" },
      },
      handle: (request) => remove(deps, request),
    },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const draft = decodeNewScript(request.body);
  await createScript(deps, request.caller, workspaceOf(request).workspaceId, draft);
  return NO_CONTENT;
}

async function list(
  deps: FactoryDeps,
  request: CallerRequest,
  { scriptName = "", ...page }: Static<typeof ScriptListQuery>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const { scripts, total } = await readPage(page, (records) =>
    listScripts(deps.pool, workspace, scriptName, records),
  );
  return json(200, { total, scripts: scripts.map(encodeScript) });
}

async function show(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  return json(200, encodeScriptDetail(await getScript(deps, workspaceOf(request), scriptNameOf(request))));
}

async function update(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const draft = decodeScript(request.body);
  const { workspaceId } = workspaceOf(request);
  await saveScript(deps, request.caller, { workspaceId, name: scriptNameOf(request) }, draft);
  return NO_CONTENT;
}

async function remove(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  await removeScript(deps, workspaceOf(request), scriptNameOf(request));
  return NO_CONTENT;
}

function scriptNameOf({ params }: CallerRequest): string {
  return params.script_name ?? "";
}
