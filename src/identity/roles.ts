/** Roles: given to a user in a project, and taken away again. */
import { Fault, missing } from "../domain/fault.ts";
import { ROLES, type Role } from "../domain/user.ts";
import { deleteRoleAssignment, insertRoleAssignment } from "../store/role-assignments.ts";
import { deleteTokensOfUser } from "../store/tokens.ts";
import { change, changeKeepingAnAdministrator } from "./administration.ts";
import type { Identity } from "./identity.ts";

export interface RoleGrant {
  readonly projectId: string;
  readonly userId: string;
  readonly role: Role;
}

/** The role of this name; fault `role-unknown`. */
export function getRole(name: string): Role {
  const role = ROLES.find((candidate) => candidate === name);
  if (role === undefined) throw new Fault("not-found", "role-unknown", `Could not find role: ${name}.`);
  return role;
}

/** Gives a role; one that is there already stays. Faults: `project-missing`. */
export async function grantRole(identity: Identity, { projectId, userId, role }: RoleGrant): Promise<void> {
  const known = await change(identity, (db) => insertRoleAssignment(db, projectId, userId, role));
  if (!known) missing("project-missing", "Could not find the project or the user.");
}

/**
 * Takes a role away and ends the user's tokens in that project and across projects.
 * Faults: `role-unknown` when it was not there, `object-protected`.
 */
export async function revokeRole(identity: Identity, { projectId, userId, role }: RoleGrant): Promise<void> {
  await changeKeepingAnAdministrator(identity, async (db) => {
    const revoked = await deleteRoleAssignment(db, projectId, userId, role);
    if (!revoked) missing("role-unknown", `Could not find role assignment with role: ${role}.`);
    await deleteTokensOfUser(db, userId, projectId);
  });
}
