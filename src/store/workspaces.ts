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

/**
 * Adds a workspace unless the project has `limit` of them; false then. One that is there already counts as added.
 * Two that are added at once wait for each other, so that the limit holds.
 */
export async function insertWorkspace(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { now, limit }: { readonly now: Date; readonly limit: number },
): Promise<boolean> {
  await query(db, "lock-project", "select from project where id = $1 for no key update", [projectId]);
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
