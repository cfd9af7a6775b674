/** The workspace table. */
import type { EnvironmentVariable } from "../domain/project.ts";
import { type Database, execute, query } from "./database.ts";

/** Whose objects are meant: every Factory object lies in one workspace of one project. */
export interface WorkspaceKey {
  readonly projectId: string;
  readonly workspaceId: string;
}

export async function workspaceExists(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
): Promise<boolean> {
  const rows = await query(
    db,
    "workspace-exists",
    "select from workspace where project_id = $1 and id = $2",
    [projectId, workspaceId],
  );
  return rows.length > 0;
}

/** Whether it exists; then nobody deletes it before the end of the transaction, which may put something into it. */
export async function keepWorkspace(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
): Promise<boolean> {
  const rows = await query(
    db,
    "keep-workspace",
    "select from workspace where project_id = $1 and id = $2 for key share",
    [projectId, workspaceId],
  );
  return rows.length > 0;
}

/**
 * Adds a workspace unless the project has `limit` of them; false then. One that is there already counts as added.
 * Two that are added at once wait for each other, so that the limit holds.
 */
export async function insertWorkspace(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { now, limit }: { readonly now: Date; readonly limit: number },
): Promise<boolean> {
  await lockProject(db, projectId);
  await execute(
    db,
    "insert-workspace",
    `insert into workspace (project_id, id, created_at)
     select $1, $2, $3 where (select count(*) from workspace where project_id = $1) < $4
     on conflict do nothing`,
    [projectId, workspaceId, now, limit],
  );
  return await workspaceExists(db, { projectId, workspaceId });
}

/** A workspace as lists show it. */
export interface Workspace {
  readonly id: string;
  readonly description: string;
  readonly createdAt: Date;
  /** Null where it came into being with its first object. */
  readonly createdBy: string | null;
  /** To all but its members and managers of the project. */
  readonly closed: boolean;
  readonly members: number;
}

/** All of a project, by id: at most `WORKSPACES_MAX`. */
export async function listWorkspaces(db: Database, projectId: string): Promise<Workspace[]> {
  return await query<Workspace>(
    db,
    "list-workspaces",
    `select w.id, w.description, w.created_at as "createdAt", w.created_by as "createdBy", w.closed,
       (select count(*) from workspace_member m where m.project_id = w.project_id and m.workspace_id = w.id) as members
     from workspace w where w.project_id = $1 order by w.id`,
    [projectId],
  );
}

/** Says what a workspace is for, and who made it. */
export async function describeWorkspace(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { description, by }: { readonly description: string; readonly by: string },
): Promise<void> {
  await execute(
    db,
    "describe-workspace",
    "update workspace set description = $3, created_by = $4 where project_id = $1 and id = $2",
    [projectId, workspaceId, description, by],
  );
}

/** False when there is none. Refused by the database while anything lies in it. */
export async function deleteWorkspace(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-workspace",
    "delete from workspace where project_id = $1 and id = $2",
    [projectId, workspaceId],
  );
  return deleted === 1;
}

/** What counts a project's objects waits for each other until the transaction ends. */
export async function lockProject(db: Database, projectId: string): Promise<void> {
  await query(db, "lock-project", "select from project where id = $1 for no key update", [projectId]);
}

/** The workspace's variables in their order; none where there is no such workspace. */
export async function listEnvironment(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
): Promise<EnvironmentVariable[]> {
  const rows = await query<{ environment: EnvironmentVariable[] }>(
    db,
    "list-environment",
    "select environment from workspace where project_id = $1 and id = $2",
    [projectId, workspaceId],
  );
  return rows[0]?.environment ?? [];
}

/** Puts `variables` in place of the workspace's. */
export async function replaceEnvironment(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  variables: readonly EnvironmentVariable[],
): Promise<void> {
  await execute(
    db,
    "replace-environment",
    "update workspace set environment = $3 where project_id = $1 and id = $2",
    [projectId, workspaceId, JSON.stringify(variables)],
  );
}
