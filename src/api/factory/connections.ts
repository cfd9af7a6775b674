/** Routes of DataArts Factory v1 about connections; only managers change them (dataarts-factory 4.12, product 1). */
import {
  createConnection,
  getConnection,
  removeConnection,
  saveConnection,
  tryChange,
} from "../../catalog/connections.ts";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { listConnections } from "../../store/connections.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import {
  ConnectionBody,
  ConnectionList,
  ConnectionListQuery,
  ConnectionSaveQuery,
  ConnectionView,
  decodeConnection,
  encodeConnection,
} from "./connection-wire.ts";
import type { FactoryDeps } from "./deps.ts";
import { readPage } from "./request-wire.ts";

const CONNECTIONS = "/v1/:project_id/connections";
const CONNECTION = `${CONNECTIONS}/:connection_name`;
const tag = "Connections";

export function connectionRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "POST",
      path: CONNECTIONS,
      role: "manager",
      contract: {
        operation: "create_connection",
        summary: "Adds a connection",
        tag,
        body: ConnectionBody,
        replies: { 204: "nothing" },
      },
      handle: (request) => create(deps, request),
    },
    {
      method: "GET",
      path: CONNECTIONS,
      role: "reader",
      contract: {
        operation: "list_connections",
        summary: "Lists the connections of a workspace, newest first",
        tag,
        query: ConnectionListQuery,
        replies: { 200: ConnectionList },
      },
      handle: (request) => list(deps, request),
    },
    {
      method: "GET",
      path: CONNECTION,
      role: "reader",
      contract: {
        operation: "show_connection",
        summary: "Shows a connection, its secrets masked",
        tag,
        replies: { 200: ConnectionView },
      },
      handle: (request) => show(deps, request),
    },
    {
      method: "PUT",
      path: CONNECTION,
      role: "manager",
      contract: {
        operation: "update_connection",
        summary: "Replaces a connection; a secret given as the mask stays as it was",
        tag,
        query: ConnectionSaveQuery,
        body: ConnectionBody,
        replies: { 204: "nothing" },
      },
      handle: (request) => update(deps, request),
    },
    {
      method: "DELETE",
      path: CONNECTION,
      role: "manager",
      contract: {
        operation: "delete_connction",
        summary: "Removes a connection",
        tag,
        replies: { 204: "nothing" },
      },
      handle: (request) => remove(deps, request),
    },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const draft = decodeConnection(request.body);
  await createConnection(deps, request.caller, workspaceOf(request).workspaceId, draft);
  return NO_CONTENT;
}

async function list(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  const { connectionName = "", ...page } = readQuery(ConnectionListQuery, request.query);
  await checkWorkspace(deps.pool, deps, workspace);
  const { connections, total } = await readPage(page, (records) =>
    listConnections(deps.pool, workspace, connectionName, records),
  );
  return json(200, { total, connections: connections.map(encodeConnection) });
}

async function show(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  return json(200, encodeConnection(await getConnection(deps, workspaceOf(request), nameOf(request))));
}

async function update(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { ischeck } = readQuery(ConnectionSaveQuery, request.query);
  const draft = decodeConnection(request.body);
  const name = nameOf(request);
  const workspace = workspaceOf(request);
  if (ischeck) await tryChange(deps, workspace, { ...draft, name }, request.signal);
  await saveConnection(deps, request.caller, { ...workspace, name }, draft);
  return NO_CONTENT;
}

async function remove(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  await removeConnection(deps, request.caller, { ...workspaceOf(request), name: nameOf(request) });
  return NO_CONTENT;
}

function nameOf({ params }: CallerRequest): string {
  return params.connection_name ?? "";
}
