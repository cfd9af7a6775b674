/** The cluster_default table: the clusters on which nodes run that name none. */
import { type Database, execute, query } from "./database.ts";

/** Of a project, or of one of its workspaces. */
export interface DefaultScope {
  readonly projectId: string;
  readonly workspaceId: string | null;
}

/** The workspace's own choice, else the project's; undefined where there is neither. */
export async function findDefaultCluster(
  db: Database,
  projectId: string,
  workspaceId: string,
): Promise<string | undefined> {
  const rows = await query<{ readonly id: string }>(
    db,
    "find-default-cluster",
    `select cluster_id as id from cluster_default
     where project_id = $1 and (workspace_id = $2 or workspace_id is null) order by workspace_id nulls last limit 1`,
    [projectId, workspaceId],
  );
  return rows[0]?.id;
}

export interface ClusterDefault {
  readonly projectId: string;
  /** Null: of the project. */
  readonly workspaceId: string | null;
  readonly clusterId: string;
}

/** All of one project, or of all projects where it is undefined. */
export async function listClusterDefaults(db: Database, projectId?: string): Promise<ClusterDefault[]> {
  return await query<ClusterDefault>(
    db,
    "list-cluster-defaults",
    `select project_id as "projectId", workspace_id as "workspaceId", cluster_id as "clusterId" from cluster_default
     where $1::uuid is null or project_id = $1 order by project_id, workspace_id nulls first`,
    [projectId ?? null],
  );
}

/** Sets it, or takes it away where there is no id. */
export async function putDefaultCluster(
  db: Database,
  { projectId, workspaceId }: DefaultScope,
  { clusterId, by, at }: { readonly clusterId: string | undefined; readonly by: string; readonly at: Date },
): Promise<void> {
  if (clusterId === undefined)
    await execute(
      db,
      "delete-default-cluster",
      "delete from cluster_default where project_id = $1 and workspace_id is not distinct from $2",
      [projectId, workspaceId],
    );
  else
    await execute(
      db,
      "put-default-cluster",
      `insert into cluster_default (project_id, workspace_id, cluster_id, set_at, set_by) values ($1, $2, $3, $4, $5)
       on conflict (project_id, workspace_id) do update
       set cluster_id = excluded.cluster_id, set_at = excluded.set_at, set_by = excluded.set_by`,
      [projectId, workspaceId, clusterId, at, by],
    );
}

/** Of a cluster that is deleted; whoever chose it runs on the built-in one then. */
export async function deleteDefaultsOf(db: Database, clusterId: string): Promise<void> {
  await execute(db, "delete-defaults-of-cluster", "delete from cluster_default where cluster_id = $1", [
    clusterId,
  ]);
}
