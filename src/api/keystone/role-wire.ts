/** Roles and their assignments as Keystone writes them. A role's id is its name. */
import type { Role } from "../../domain/user.ts";
import type { RoleAssignment } from "../../store/role-assignments.ts";
import { encodeDomainReference } from "./wire.ts";

export const encodeRoleReference = (role: Role) => ({ id: role, name: role });

export function encodeRole(base: string, role: Role): object {
  return {
    ...encodeRoleReference(role),
    domain_id: null,
    description: "",
    options: {},
    links: { self: `${base}/v3/roles/${role}` },
  };
}

export function encodeRoleAssignment(base: string, assignment: RoleAssignment, withNames: boolean): object {
  const { projectId, projectName, userId, userName, role } = assignment;
  const name = (text: string) => (withNames ? { name: text, domain: encodeDomainReference() } : {});
  return {
    role: withNames ? encodeRoleReference(role) : { id: role },
    user: { id: userId, ...name(userName) },
    scope: { project: { id: projectId, ...name(projectName) } },
    links: { assignment: `${base}/v3/projects/${projectId}/users/${userId}/roles/${role}` },
  };
}
