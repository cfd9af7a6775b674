/** The table of role assignments: which user has which role in which project. */
import type { Role } from "../domain/user.ts";
import { type Database, execute, query } from "./database.ts";

export interface RoleAssignment {
  readonly projectId: string;
  readonly projectName: string;
  readonly userId: string;
  readonly userName: string;
  readonly role: Role;
}

export interface RoleAssignmentFilter {
  readonly projectId?: string;
  readonly userId?: string;
  readonly role?: Role;
}

interface RoleAssignmentRow {
  readonly project_id: string;
  readonly project_name: string;
  readonly user_id: string;
  readonly user_name: string;
  readonly role: Role;
}

export async function listRoleAssignments(
  db: Database,
  filter: RoleAssignmentFilter,
  limit: number,
): Promise<RoleAssignment[]> {
  const rows = await query<RoleAssignmentRow>(
    db,
    "list-role-assignments",
    `select r.project_id, p.name as project_name, r.user_id, u.name as user_name, r.role
     from role_assignment r join project p on p.id = r.project_id join user_account u on u.id = r.user_id
     where ($1::uuid is null or r.project_id = $1) and ($2::uuid is null or r.user_id = $2)
       and ($3::text is null or r.role = $3)
     order by p.name, u.name, r.role limit $4`,
    [filter.projectId, filter.userId, filter.role, limit],
  );
  return rows.map((row) => ({
    projectId: row.project_id,
    projectName: row.project_name,
    userId: row.user_id,
    userName: row.user_name,
    role: row.role,
  }));
}

/** A user's roles in one enabled project. */
export interface Membership {
  readonly projectId: string;
  readonly roles: readonly Role[];
}

/** The enabled projects in which the user has a role, by name. */
export async function listMemberships(db: Database, userId: string): Promise<Membership[]> {
  const rows = await query<{ project_id: string; roles: Role[] }>(
    db,
    "list-memberships",
    `select r.project_id, array_agg(r.role) as roles
     from role_assignment r join project p on p.id = r.project_id
     where r.user_id = $1 and p.enabled
     group by r.project_id order by min(p.name)`,
    [userId],
  );
  return rows.map(({ project_id: projectId, roles }) => ({ projectId, roles }));
}

/** Adds a role; one that is there already stays. False when the project or the user does not exist. */
export async function insertRoleAssignment(
  db: Database,
  projectId: string,
  userId: string,
  role: Role,
): Promise<boolean> {
  const rows = await query<{ known: boolean }>(
    db,
    "insert-role-assignment",
    `with pair as (select p.id as project_id, u.id as user_id from project p, user_account u where p.id = $1 and u.id = $2),
     added as (
       insert into role_assignment (project_id, user_id, role) select project_id, user_id, $3 from pair
       on conflict do nothing)
     select exists (select from pair) as known`,
    [projectId, userId, role],
  );
  return rows[0]?.known ?? false;
}

/** Removes a role; false when it was not there. */
export async function deleteRoleAssignment(
  db: Database,
  projectId: string,
  userId: string,
  role: Role,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-role-assignment",
    "delete from role_assignment where project_id = $1 and user_id = $2 and role = $3",
    [projectId, userId, role],
  );
  return deleted === 1;
}

/**
 * Makes writers that might take away an administrator wait for each other until the end of the transaction, so that
 * two of them cannot each remove the last but one. To be called before anything is changed.
 */
export async function lockAdministrators(db: Database): Promise<void> {
  await execute(db, "lock-administrators", "lock table role_assignment in share row exclusive mode");
}

/** How many enabled users hold the role admin in an enabled project. */
export async function countAdministrators(db: Database): Promise<number> {
  const rows = await query<{ count: number }>(
    db,
    "count-administrators",
    `select count(distinct r.user_id)::int as count
     from role_assignment r join user_account u on u.id = r.user_id join project p on p.id = r.project_id
     where r.role = 'admin' and u.enabled and p.enabled`,
  );
  return rows[0]?.count ?? 0;
}
