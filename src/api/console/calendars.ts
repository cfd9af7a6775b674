/** The console's API about business calendars. */
import { calendarMissing, removeCalendar, saveCalendar } from "../../catalog/calendars.ts";
import { checkWorkspace, type WorkspaceDeps } from "../../catalog/workspaces.ts";
import { findCalendar, listCalendars } from "../../store/calendars.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import { decodeCalendar, encodeCalendar } from "./calendar-wire.ts";

/** As large as 20,000 dates. */
const BODY_BYTES_MAX = 1024 * 1024;

export function calendarRoutes(deps: WorkspaceDeps): Route[] {
  const path = "/api/calendars";
  return [
    { method: "GET", path, role: "reader", handle: (request) => list(deps, request) },
    {
      method: "POST",
      path,
      role: "member",
      bodyBytesMax: BODY_BYTES_MAX,
      handle: (request) => save(deps, request),
    },
    { method: "GET", path: `${path}/:name`, role: "reader", handle: (request) => show(deps, request) },
    { method: "DELETE", path: `${path}/:name`, role: "member", handle: (request) => remove(deps, request) },
  ];
}

async function list(deps: WorkspaceDeps, request: CallerRequest): Promise<Reply> {
  const key = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, key);
  return json(200, { calendars: (await listCalendars(deps.pool, key)).map(encodeCalendar) });
}

async function save(deps: WorkspaceDeps, request: CallerRequest): Promise<Reply> {
  await saveCalendar(deps, request.caller, workspaceOf(request), decodeCalendar(request.body));
  return NO_CONTENT;
}

async function show(deps: WorkspaceDeps, request: CallerRequest): Promise<Reply> {
  const { name = "" } = request.params;
  const calendar = await findCalendar(deps.pool, workspaceOf(request), name);
  if (calendar === undefined) throw calendarMissing(name);
  return json(200, encodeCalendar(calendar));
}

async function remove(deps: WorkspaceDeps, request: CallerRequest): Promise<Reply> {
  await removeCalendar(deps, request.caller, workspaceOf(request), request.params.name ?? "");
  return NO_CONTENT;
}
