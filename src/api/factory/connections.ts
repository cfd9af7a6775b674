/** Routes of DataArts Factory v1 about connections; only managers change them (dataarts-factory 4.12, product 1). */
import {
  createConnection,
  getConnection,
  removeConnection,
  saveConnection,
} from "../../catalog/connections.ts";
import { invalid } from "../../domain/fault.ts";
import { listConnections } from "../../store/connections.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import { decodeConnection, encodeConnection } from "./connection-wire.ts";
import type { FactoryDeps } from "./deps.ts";
import { booleanOf, decodeNameQuery, readPage } from "./request-wire.ts";

const CONNECTIONS = "/v1/:project_id/connections";
const CONNECTION = `${CONNECTIONS}/:connection_name`;
const LIMIT_MAX = 100;

export function connectionRoutes(deps: FactoryDeps): Route[] {
  return [
    { method: "POST", path: CONNECTIONS, role: "manager", handle: (request) => create(deps, request) },
    { method: "GET", path: CONNECTIONS, role: "reader", handle: (request) => list(deps, request) },
    { method: "GET", path: CONNECTION, role: "reader", handle: (request) => show(deps, request) },
    { method: "PUT", path: CONNECTION, role: "manager", handle: (request) => update(deps, request) },
    { method: "DELETE", path: CONNECTION, role: "manager", handle: (request) => remove(deps, request) },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  refuseCheck(request);
  const draft = decodeConnection(request.body);
  await createConnection(deps, request.caller, workspaceOf(request).workspaceId, draft);
  return NO_CONTENT;
}

async function list(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const wanted = await decodeNameQuery(deps, request, { name: "connectionName", most: LIMIT_MAX });
  const { connections, total } = await readPage(wanted.page, (records) =>
    listConnections(deps.pool, wanted.workspace, wanted.nameContains, records),
  );
  return json(200, { total, connections: connections.map(encodeConnection) });
}

async function show(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  return json(200, encodeConnection(await getConnection(deps, workspaceOf(request), nameOf(request))));
}

async function update(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  refuseCheck(request);
  const draft = decodeConnection(request.body);
  const { workspaceId } = workspaceOf(request);
  await saveConnection(deps, request.caller, { workspaceId, name: nameOf(request) }, draft);
  return NO_CONTENT;
}

async function remove(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  await removeConnection(deps, workspaceOf(request), nameOf(request));
  return NO_CONTENT;
}

/** A save is not passed off as a save that was checked: the request is refused until connections can be dialled. */
function refuseCheck({ query }: CallerRequest): void {
  if (booleanOf(query, "ischeck", false))
    invalid("request-invalid", ["ischeck: connections cannot be checked yet; save without it"]);
}

function nameOf({ params }: CallerRequest): string {
  return params.connection_name ?? "";
}
