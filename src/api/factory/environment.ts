/** Routes of DataArts Factory v2 about a workspace's environment (dataarts-factory 5, `F/env`). */
import { checkWorkspace, saveEnvironment } from "../../catalog/workspaces.ts";
import { listEnvironment } from "../../store/workspaces.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import {
  decodeEnvironment,
  Environment,
  EnvironmentBody,
  EnvironmentSaved,
  encodeEnvironment,
} from "./environment-wire.ts";

const ENVIRONMENT = "/v2/:project_id/factory/env";

export function environmentRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: ENVIRONMENT,
      role: "reader",
      contract: {
        operation: "show_factory_env",
        summary: "Shows a workspace's environment",
        tag: "Environment",
        replies: { 200: Environment },
      },
      handle: (request) => show(deps, request),
    },
    {
      method: "PUT",
      path: ENVIRONMENT,
      role: "manager",
      contract: {
        operation: "create_factory_env",
        summary: "Replaces a workspace's environment",
        tag: "Environment",
        body: EnvironmentBody,
        replies: { 200: EnvironmentSaved },
      },
      handle: (request) => replace(deps, request),
    },
  ];
}

async function show(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  return json(200, encodeEnvironment(await listEnvironment(deps.pool, workspace)));
}

async function replace(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  await saveEnvironment(deps, workspaceOf(request), decodeEnvironment(request.body));
  return json(200, { is_success: true });
}
