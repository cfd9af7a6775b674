/** Routes of DataArts Factory v1 that export and import packages of connections (dataarts-factory 4.12). */
import { exportConnections } from "../../catalog/connection-package.ts";
import { addImport } from "../../catalog/package-tasks.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import { ConnectionImportBody, decodeConnectionImport } from "./connection-package-wire.ts";
import { encodeConnection } from "./connection-wire.ts";
import type { FactoryDeps } from "./deps.ts";
import { ImportStarted, packageHeaders } from "./package-wire.ts";
import { encodeTaskId } from "./system-task-wire.ts";

const CONNECTIONS = "/v1/:project_id/connections";
const tag = "Connections";

export function connectionPackageRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "POST",
      path: `${CONNECTIONS}/export`,
      role: "manager",
      contract: {
        operation: "export_connections",
        summary: "Exports the connections of a workspace as a zip file, without their secrets",
        tag,
        replies: { 200: ["bytes"] },
      },
      handle: (request) => exportAll(deps, request),
    },
    {
      method: "POST",
      path: `${CONNECTIONS}/import`,
      role: "manager",
      contract: {
        operation: "import_connections",
        summary: "Begins to import connections from a bucket; a system task says how it goes",
        tag,
        body: ConnectionImportBody,
        replies: { 200: ImportStarted },
      },
      handle: (request) => begin(deps, request),
    },
  ];
}

async function exportAll(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const content = await exportConnections({ ...deps, encodeConnection }, workspaceOf(request));
  return { status: 200, headers: packageHeaders("connections.zip"), stream: content };
}

async function begin(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { workspaceId } = workspaceOf(request);
  const asked = { kind: "import-connections", request: decodeConnectionImport(request.body) } as const;
  const taskId = await addImport(deps, request.caller, workspaceId, asked);
  return json(200, { taskId: encodeTaskId(taskId) });
}
