/** Who may do what: roles, users, and the caller of a request. */

/** Each role includes all of the one before it. Source: product 1, auth 4. */
export const ROLES = ["reader", "member", "manager", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Whether somebody with `held` may do what asks for `needed`. */
export function roleIncludes(held: Role, needed: Role): boolean {
  return ROLES.indexOf(held) >= ROLES.indexOf(needed);
}

/** The highest of several roles, or undefined when there is none. */
export function highestRole(roles: readonly Role[]): Role | undefined {
  return roles.toSorted((a, b) => ROLES.indexOf(b) - ROLES.indexOf(a))[0];
}

export interface User {
  /** 32 hexadecimal digits, as every id of identity on the wire. */
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly defaultProjectId: string | null;
  readonly createdAt: Date;
}

/** The authenticated sender of a request, within the one project that it may touch. */
export interface Caller {
  readonly userId: string;
  readonly userName: string;
  readonly projectId: string;
  /** In the project. */
  readonly role: Role;
  /** In closed workspaces, those with members of their own; null where the caller is none of them. */
  readonly workspaceRoles: ReadonlyMap<string, Role | null>;
  /** How it was recognised: an audit id of a token, or an access key; for the audit trail, never a secret. */
  readonly credential: { readonly kind: "token" | "access-key"; readonly id: string };
}

/**
 * What the caller may do in a workspace; undefined where it does not exist for him. A manager of the project keeps his
 * role everywhere, so that somebody can always repair a workspace.
 */
export function roleIn(
  { role, workspaceRoles }: Pick<Caller, "role" | "workspaceRoles">,
  workspaceId: string,
): Role | undefined {
  if (roleIncludes(role, "manager")) return role;
  const own = workspaceRoles.get(workspaceId);
  return own === undefined ? role : (own ?? undefined);
}

/** The workspaces of the project that do not exist for the caller: what tells of all leaves them out. */
export function closedWorkspaces(caller: Pick<Caller, "role" | "workspaceRoles">): string[] {
  return [...caller.workspaceRoles.keys()].filter((id) => roleIn(caller, id) === undefined);
}
