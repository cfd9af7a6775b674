/** In what a caller must hold a route's role: the project, or workspaces of it that may have members of their own. */
import { Fault, missing } from "../domain/fault.ts";
import { type Caller, type Role, roleIn, roleIncludes } from "../domain/user.ts";
import type { Face, GuardedRoute, Params, RouteRequest } from "./route.ts";
import { workspaceIdOf } from "./workspace.ts";

/** Raises `role-missing`; what lies in a workspace that is closed to the caller answers like a missing one. */
export async function requireRouteRole(
  face: Face,
  { path, role, scope = face.scope ?? "project" }: GuardedRoute,
  request: RouteRequest,
  caller: Caller,
): Promise<void> {
  switch (scope) {
    case "project":
      return requireRole(caller.role, role);
    case "workspace":
      if (face.findWorkspace !== undefined && /:(instance|job)_id\b/.test(path))
        return await requireObjectRole(face, request.params, caller, role);
      return requireWorkspaceRole(caller, request.params.workspace_id ?? workspaceIdOf(request), role);
    case "every-workspace":
      return requireEveryWorkspace(caller, role);
    default:
      return scope satisfies never;
  }
}

/** For each workspace that a body or query names beside the request's own. Faults: `workspace-missing`, `role-missing`. */
export function requireWorkspaceRole(caller: Caller, workspaceId: string, needed: Role): void {
  const role = roleIn(caller, workspaceId);
  if (role === undefined) throw new Fault("not-found", "workspace-missing", "the workspace does not exist");
  requireRole(role, needed);
}

function requireRole(held: Role, needed: Role): void {
  if (roleIncludes(held, needed)) return;
  throw new Fault("forbidden", "role-missing", `this needs the role ${needed}; you have ${held}`);
}

async function requireObjectRole(face: Face, params: Params, caller: Caller, needed: Role): Promise<void> {
  // No workspace is closed to anybody, or none to this caller.
  if (caller.workspaceRoles.size === 0) return requireRole(caller.role, needed);
  const workspaceId = await face.findWorkspace?.(caller.projectId, params);
  const role = workspaceId === undefined ? caller.role : roleIn(caller, workspaceId);
  if (role !== undefined) return requireRole(role, needed);
  const { instance_id: instanceId, job_id: jobId } = params;
  if (instanceId !== undefined) missing("instance-missing", `there is no instance ${instanceId}`);
  missing("job-missing", `there is no job ${jobId}`);
}

function requireEveryWorkspace(caller: Caller, needed: Role): void {
  requireRole(caller.role, needed);
  for (const workspaceId of caller.workspaceRoles.keys()) {
    const role = roleIn(caller, workspaceId);
    if (role !== undefined && roleIncludes(role, needed)) continue;
    const why = "this is about all workspaces of the project, and not all of them are open to you";
    throw new Fault("forbidden", "role-missing", why);
  }
}
