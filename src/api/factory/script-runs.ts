/** Routes of DataArts Factory v1 about runs of scripts (dataarts-factory 4.10). */
import { getScriptRun, runScript, stopScriptRun } from "../../catalog/script-runs.ts";
import { formatObjectId } from "../../domain/shared-object.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import {
  decodeExecution,
  decodeRunId,
  ExecuteBody,
  encodeScriptRun,
  RunStarted,
  RunState,
} from "./script-run-wire.ts";

const SCRIPT = "/v1/:project_id/scripts/:script_name";
const RUN = `${SCRIPT}/instances/:instance_id`;

export function scriptRunRoutes(deps: FactoryDeps): Route[] {
  const tag = "Scripts";
  return [
    {
      method: "POST",
      path: `${SCRIPT}/execute`,
      role: "member",
      contract: {
        operation: "execute_script",
        summary: "Runs a script",
        tag,
        body: ExecuteBody,
        replies: { 200: RunStarted },
      },
      handle: (request) => execute(deps, request),
    },
    {
      method: "GET",
      path: RUN,
      role: "reader",
      contract: {
        operation: "list_script_results",
        summary: "Shows where a script's run stands, and what it left",
        tag,
        replies: { 200: RunState },
      },
      handle: (request) => show(deps, request),
    },
    {
      method: "POST",
      path: `${RUN}/stop`,
      role: "member",
      contract: {
        operation: "cancel_script",
        summary: "Stops a script's run; one that has ended stays as it is",
        tag,
        replies: { 204: "nothing" },
      },
      handle: (request) => stop(deps, request),
    },
  ];
}

async function execute(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const parameters = decodeExecution(request.body);
  const place = { workspaceId: workspaceOf(request).workspaceId, name: request.params.script_name ?? "" };
  const id = await runScript(deps, request.caller, place, parameters);
  return json(200, { instanceId: formatObjectId(id) });
}

async function show(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  return json(200, encodeScriptRun(await getScriptRun(deps, workspaceOf(request), runOf(request))));
}

async function stop(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { workspaceId } = workspaceOf(request);
  await stopScriptRun(deps, request.caller, { workspaceId, ...runOf(request) });
  return NO_CONTENT;
}

function runOf({ params }: CallerRequest): { readonly name: string; readonly id: string } {
  return { name: params.script_name ?? "", id: decodeRunId(params.instance_id ?? "") };
}
