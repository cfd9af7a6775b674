/** Routes of DataArts Factory v2 about scripts (dataarts-factory 5, `F/scripts`). */
import type { Static } from "typebox";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { listScriptHeads } from "../../store/scripts.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import { readPage } from "./request-wire.ts";
import { encodeScriptV2, ScriptListQueryV2, ScriptListV2 } from "./script-v2-wire.ts";

export function scriptRoutesV2(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/v2/:project_id/factory/scripts",
      role: "reader",
      contract: {
        operation: "list_factory_scripts",
        summary: "Lists the scripts of a workspace without their texts, newest first",
        tag: "Scripts",
        query: ScriptListQueryV2,
        replies: { 200: ScriptListV2 },
      },
      handle: (request) => list(deps, request, readQuery(ScriptListQueryV2, request.query)),
    },
  ];
}

async function list(
  deps: FactoryDeps,
  request: CallerRequest,
  { script_name: nameContains = "", ...page }: Static<typeof ScriptListQueryV2>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const { scripts, total } = await readPage(page, (records) =>
    listScriptHeads(deps.pool, workspace, nameContains, records),
  );
  return json(200, { total, scripts: scripts.map(encodeScriptV2) });
}
