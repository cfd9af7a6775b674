/** Routes of DataArts Factory v1 about scripts (dataarts-factory 4.10). */
import { createScript, getScript, removeScript, saveScript } from "../../catalog/scripts.ts";
import { listScripts } from "../../store/scripts.ts";
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
import { decodeNameQuery, readPage } from "./request-wire.ts";
import { decodeNewScript, decodeScript, encodeScript, encodeScriptDetail } from "./script-wire.ts";

const SCRIPTS = "/v1/:project_id/scripts";
const SCRIPT = `${SCRIPTS}/:script_name`;
const LIMIT_MAX = 100;

export function scriptRoutes(deps: FactoryDeps): Route[] {
  const bodyBytesMax = DOCUMENT_BYTES_MAX;
  return [
    {
      method: "POST",
      path: SCRIPTS,
      role: "member",
      bodyBytesMax,
      handle: (request) => create(deps, request),
    },
    { method: "GET", path: SCRIPTS, role: "reader", handle: (request) => list(deps, request) },
    { method: "GET", path: SCRIPT, role: "reader", handle: (request) => show(deps, request) },
    { method: "PUT", path: SCRIPT, role: "member", bodyBytesMax, handle: (request) => update(deps, request) },
    { method: "DELETE", path: SCRIPT, role: "member", handle: (request) => remove(deps, request) },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const draft = decodeNewScript(request.body);
  await createScript(deps, request.caller, workspaceOf(request).workspaceId, draft);
  return NO_CONTENT;
}

async function list(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const wanted = await decodeNameQuery(deps, request, { name: "scriptName", most: LIMIT_MAX });
  const { scripts, total } = await readPage(wanted.page, (records) =>
    listScripts(deps.pool, wanted.workspace, wanted.nameContains, records),
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
