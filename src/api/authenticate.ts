/** What the HTTP server asks of identity: who sent this request, and may they touch this project. */

import { Fault } from "../domain/fault.ts";
import type { Caller, Role } from "../domain/user.ts";
import { roleIncludes } from "../domain/user.ts";
import type { RouteRequest } from "./route.ts";

/**
 * Recognises the sender by signature or token and gives the caller within `projectId` (the path's), or within the
 * token's own project when the path names none. Raises `credentials-refused` for anything that does not hold,
 * a foreign project included. Source: auth.md 1, 2.
 */
export type Authenticate = (request: RouteRequest, projectId: string | undefined) => Promise<Caller>;

/** Raises `role-missing` unless the caller's role includes `needed`. */
export function requireRole(caller: Caller, needed: Role): void {
  if (roleIncludes(caller.role, needed)) return;
  throw new Fault(
    "forbidden",
    "role-missing",
    `this needs the role ${needed} in the project; you have ${caller.role}`,
  );
}
