/** The workspace_member table: who has a role in a workspace of their own, beside the one in the project. */
import type { Role } from "../domain/user.ts";
import { type Database, execute, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

export interface WorkspaceMember {
  readonly userId: string;
  readonly userName: string;
  readonly role: Role;
  readonly addedAt: Date;
  readonly addedBy: string;
}

/** By name. */
export async function listWorkspaceMembers(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
): Promise<WorkspaceMember[]> {
  return await query<WorkspaceMember>(
    db,
    "list-workspace-members",
    `select m.user_id as "userId", u.name as "userName", m.role, m.added_at as "addedAt", m.added_by as "addedBy"
     from workspace_member m join user_account u on u.id = m.user_id
     where m.project_id = $1 and m.workspace_id = $2 order by u.name`,
    [projectId, workspaceId],
  );
}

/** What a user may do in the project's closed workspaces: null where nothing. The open ones are left out. */
export async function listWorkspaceRoles(
  db: Database,
  projectId: string,
  userId: string,
): Promise<ReadonlyMap<string, Role | null>> {
  const rows = await query<{ readonly workspace_id: string; readonly role: Role | null }>(
    db,
    "list-workspace-roles",
    `select w.id as workspace_id, m.role
     from workspace w
     left join workspace_member m on m.project_id = w.project_id and m.workspace_id = w.id and m.user_id = $2
     where w.project_id = $1 and w.closed`,
    [projectId, userId],
  );
  return new Map(rows.map((row) => [row.workspace_id, row.role]));
}

/** Gives a role in place of the one that the user had there, and closes the workspace; false when there is no such user. */
export async function putWorkspaceMember(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { userId, role, addedAt, addedBy }: Omit<WorkspaceMember, "userName">,
): Promise<boolean> {
  const put = await execute(
    db,
    "put-workspace-member",
    `with closed as (
       update workspace set closed = true
       where project_id = $1 and id = $2 and exists (select from user_account where id = $3)
     )
     insert into workspace_member (project_id, workspace_id, user_id, role, added_at, added_by)
     select $1, $2, id, $4, $5, $6 from user_account where id = $3
     on conflict (project_id, workspace_id, user_id) do update
     set role = excluded.role, added_at = excluded.added_at, added_by = excluded.added_by`,
    [projectId, workspaceId, userId, role, addedAt, addedBy],
  );
  return put === 1;
}

/** False when the user is no member. */
export async function deleteWorkspaceMember(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  userId: string,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-workspace-member",
    "delete from workspace_member where project_id = $1 and workspace_id = $2 and user_id = $3",
    [projectId, workspaceId, userId],
  );
  return deleted === 1;
}

/** Takes all members away and lets the project in; false when there is no such workspace. */
export async function openWorkspace(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
): Promise<boolean> {
  const opened = await execute(
    db,
    "open-workspace",
    `with gone as (delete from workspace_member where project_id = $1 and workspace_id = $2)
     update workspace set closed = false where project_id = $1 and id = $2`,
    [projectId, workspaceId],
  );
  return opened === 1;
}
