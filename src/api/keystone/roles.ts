/** Keystone's routes about roles and who holds them. */

import { missing } from "../../domain/fault.ts";
import { ROLES } from "../../domain/user.ts";
import type { Principal } from "../../identity/access.ts";
import type { Identity } from "../../identity/identity.ts";
import { parseId } from "../../identity/ids.ts";
import { getRole, grantRole, type RoleGrant, revokeRole } from "../../identity/roles.ts";
import {
  listRoleAssignments,
  type RoleAssignment,
  type RoleAssignmentFilter,
} from "../../store/role-assignments.ts";
import { firstOf, json, NO_CONTENT, type OpenRoute, type Reply, type RouteRequest } from "../route.ts";
import { administrator, authenticated, forbidden } from "./caller.ts";
import { encodeRole, encodeRoleAssignment } from "./role-wire.ts";
import { decodeFlag, decodePathId, encodeList, LIST_MAX } from "./wire.ts";

export function roleRoutes(identity: Identity): OpenRoute[] {
  const only = (rule: string, handle: (identity: Identity, request: RouteRequest) => Promise<Reply>) =>
    administrator(identity, rule, (request) => handle(identity, request));
  const held = "/v3/projects/:project_id/users/:user_id/roles";
  return [
    { method: "GET", path: "/v3/roles", role: "public", handle: authenticated(identity, listRoles) },
    { method: "GET", path: "/v3/roles/:role_id", role: "public", handle: authenticated(identity, showRole) },
    {
      method: "GET",
      path: "/v3/role_assignments",
      role: "public",
      handle: authenticated(identity, (request, caller) => listAssignments(identity, request, caller)),
    },
    { method: "GET", path: held, role: "public", handle: only("identity:list_grants", listHeldRoles) },
    // The server answers HEAD, by which clients ask, by the route for GET.
    {
      method: "GET",
      path: `${held}/:role_id`,
      role: "public",
      handle: only("identity:check_grant", checkHeldRole),
    },
    {
      method: "PUT",
      path: `${held}/:role_id`,
      role: "public",
      handle: only("identity:create_grant", putRole),
    },
    {
      method: "DELETE",
      path: `${held}/:role_id`,
      role: "public",
      handle: only("identity:revoke_grant", removeRole),
    },
  ];
}

async function listRoles(request: RouteRequest): Promise<Reply> {
  const name = firstOf(request.query, "name");
  const shown = ROLES.filter((role) => name === undefined || role === name);
  return json(
    200,
    encodeList(request, "roles", shown, (role) => encodeRole(request.base, role)),
  );
}

async function showRole(request: RouteRequest): Promise<Reply> {
  return json(200, { role: encodeRole(request.base, getRole(request.params.role_id ?? "")) });
}

/** An administrator may ask about everybody, others about themselves. */
async function listAssignments(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const filter = decodeFilter(request);
  if (!caller.administers && filter?.userId !== caller.userId)
    throw forbidden("identity:list_role_assignments");
  const found = filter === undefined ? [] : await listRoleAssignments(identity.pool, filter, LIST_MAX + 1);
  const withNames = decodeFlag(request.query, "include_names") ?? false;
  const encode = (assignment: RoleAssignment) => encodeRoleAssignment(request.base, assignment, withNames);
  return json(200, encodeList(request, "role_assignments", found, encode));
}

async function listHeldRoles(identity: Identity, request: RouteRequest): Promise<Reply> {
  const found = await listRoleAssignments(identity.pool, pairOf(request), LIST_MAX + 1);
  return json(
    200,
    encodeList(request, "roles", found, ({ role }) => encodeRole(request.base, role)),
  );
}

async function checkHeldRole(identity: Identity, request: RouteRequest): Promise<Reply> {
  const grant = grantOf(request);
  const found = await listRoleAssignments(identity.pool, grant, 1);
  return found.length > 0
    ? NO_CONTENT
    : missing("role-unknown", `Could not find role assignment with role: ${grant.role}.`);
}

async function putRole(identity: Identity, request: RouteRequest): Promise<Reply> {
  await grantRole(identity, grantOf(request));
  return NO_CONTENT;
}

async function removeRole(identity: Identity, request: RouteRequest): Promise<Reply> {
  await revokeRole(identity, grantOf(request));
  return NO_CONTENT;
}

function grantOf(request: RouteRequest): RoleGrant {
  return { ...pairOf(request), role: getRole(request.params.role_id ?? "") };
}

function pairOf(request: RouteRequest): { projectId: string; userId: string } {
  return {
    projectId: decodePathId(request, "project_id", "project-missing", "project"),
    userId: decodePathId(request, "user_id", "user-missing", "user"),
  };
}

/** Undefined when the filter asks for what cannot exist here: groups, roles on the domain or the system. */
function decodeFilter({ query }: RouteRequest): RoleAssignmentFilter | undefined {
  const elsewhere = ["group.id", "scope.system", "scope.domain.id", "scope.OS-INHERIT:inherited_to"];
  if (elsewhere.some((name) => query[name] !== undefined)) return undefined;
  const [user, project, role] = ["user.id", "scope.project.id", "role.id"].map((name) =>
    firstOf(query, name),
  );
  const userId = user === undefined ? undefined : parseId(user);
  const projectId = project === undefined ? undefined : parseId(project);
  const known = ROLES.find((candidate) => candidate === role);
  const unknown =
    (user !== undefined && userId === undefined) || (project !== undefined && projectId === undefined);
  if (unknown || (role !== undefined && known === undefined)) return undefined;
  return {
    ...(userId !== undefined && { userId }),
    ...(projectId !== undefined && { projectId }),
    ...(known !== undefined && { role: known }),
  };
}
