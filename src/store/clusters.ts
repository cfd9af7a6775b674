/** The cluster table, and lists of clusters: the built-in one comes before the rows. */
import {
  type Cluster,
  type ClusterState,
  LOCAL_CLUSTER_ID,
  LOCAL_CLUSTER_NAME,
  localCluster,
  runsOf,
} from "../domain/cluster.ts";
import { UNIQUE } from "./constraints.ts";
import { type Database, execute, query } from "./database.ts";
import { hasCode } from "./file-system.ts";
import type { MarkerTable } from "./marker-table.ts";

export type ClusterField =
  | "id"
  | "name"
  | "description"
  | "pluginName"
  | "pluginVersion"
  | "status"
  | "isPublic"
  | "isProtected";

/** Of no project and public: so every project sees it. */
const NOBODY = "00000000000000000000000000000000";

const { name, description, pluginName, pluginVersion, status }: Cluster = localCluster(NOBODY);

export const CLUSTERS: MarkerTable<ClusterField> = {
  name: "cluster",
  from: `(select '${LOCAL_CLUSTER_ID}'::uuid as id, '${NOBODY}'::uuid as project_id, true as is_public,
    true as is_protected, '${name}'::text collate "C" as name, '${description}'::text as description,
    '${pluginName}'::text as plugin_name, '${pluginVersion}'::text as plugin_version, '${status}'::text as status
    union all
    select id, project_id, is_public, is_protected, name, description, plugin_name, plugin_version, state from cluster) t`,
  columns: "t.name",
  fields: {
    id: { sql: "t.id", type: "uuid" },
    name: { sql: "t.name", type: "text" },
    description: { sql: "t.description", type: "text" },
    pluginName: { sql: "t.plugin_name", type: "text" },
    pluginVersion: { sql: "t.plugin_version", type: "text" },
    status: { sql: "t.status", type: "text" },
    isPublic: { sql: "t.is_public", type: "boolean" },
    isProtected: { sql: "t.is_protected", type: "boolean" },
  },
};

/** A cluster with its secrets still sealed; null where it has none, as the built-in one. */
export interface SealedCluster extends Cluster {
  readonly secretsSealed: Buffer | null;
}

const COLUMNS = `project_id as "projectId", id, name, description, plugin_name as "pluginName",
  plugin_version as "pluginVersion", services, secrets_sealed as "secretsSealed", is_public as "isPublic",
  is_protected as "isProtected", state as status, state_text as "statusText", checked_at as "checkedAt",
  created_at as "createdAt", created_by as "createdBy", updated_at as "updatedAt"`;

type ClusterRow = Omit<SealedCluster, "runs">;

/** What the project sees by ids, in any order: its own clusters, public ones of others, and the built-in one. */
export async function listClustersById(
  db: Database,
  projectId: string,
  ids: readonly string[],
): Promise<SealedCluster[]> {
  const rows = await query<ClusterRow>(
    db,
    "list-clusters-by-id",
    `select ${COLUMNS} from cluster where id = any ($2) and (project_id = $1 or is_public)`,
    [projectId, ids.filter((id) => id !== LOCAL_CLUSTER_ID)],
  );
  const local = ids.includes(LOCAL_CLUSTER_ID) ? [{ ...localCluster(projectId), secretsSealed: null }] : [];
  return [...local, ...rows.map(clusterFromRow)];
}

/** The registered cluster, whoever may see it. */
export async function findClusterById(db: Database, id: string): Promise<SealedCluster | undefined> {
  const rows = await query<ClusterRow>(
    db,
    "find-cluster-by-id",
    `select ${COLUMNS} from cluster where id = $1`,
    [id],
  );
  return rows.map(clusterFromRow)[0];
}

/** By name: the project's own before public ones of others, of which the oldest counts. */
export async function findNamedCluster(
  db: Database,
  projectId: string,
  named: string,
): Promise<SealedCluster | undefined> {
  if (named === LOCAL_CLUSTER_NAME) return { ...localCluster(projectId), secretsSealed: null };
  const rows = await query<ClusterRow>(
    db,
    "find-named-cluster",
    `select ${COLUMNS} from cluster where name = $2 and (project_id = $1 or is_public)
     order by (project_id = $1) desc, created_at, id limit 1`,
    [projectId, named],
  );
  return rows.map(clusterFromRow)[0];
}

/** All that the project sees, by name, the built-in one first. */
export async function listClusters(db: Database, projectId: string, limit: number): Promise<SealedCluster[]> {
  const rows = await query<ClusterRow>(
    db,
    "list-clusters",
    `select ${COLUMNS} from cluster where project_id = $1 or is_public order by name, id limit $2`,
    [projectId, limit],
  );
  return [{ ...localCluster(projectId), secretsSealed: null }, ...rows.map(clusterFromRow)];
}

/** The project's own; nobody else changes or deletes it until the transaction ends. */
export async function lockCluster(
  db: Database,
  projectId: string,
  named: string,
): Promise<SealedCluster | undefined> {
  const rows = await query<ClusterRow>(
    db,
    "lock-cluster",
    `select ${COLUMNS} from cluster where project_id = $1 and name = $2 for update`,
    [projectId, named],
  );
  return rows.map(clusterFromRow)[0];
}

/** Adds a cluster; false where the name is taken. */
export async function insertCluster(db: Database, cluster: SealedCluster): Promise<boolean> {
  const { projectId, id, name: named, description: about, isPublic, isProtected } = cluster;
  try {
    await execute(
      db,
      "insert-cluster",
      `insert into cluster (project_id, id, name, description, plugin_name, plugin_version, services, secrets_sealed,
                            is_public, is_protected, state, created_at, created_by, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'Checking', $11, $12, $11)`,
      [
        ...[projectId, id, named, about, cluster.pluginName, cluster.pluginVersion],
        ...[JSON.stringify(cluster.services), cluster.secretsSealed, isPublic, isProtected],
        ...[cluster.createdAt, cluster.createdBy],
      ],
    );
    return true;
  } catch (error) {
    if (hasCode(error, [UNIQUE])) return false;
    throw error;
  }
}

/** Writes all that may change; what is known of its services counts no more. */
export async function updateCluster(db: Database, cluster: SealedCluster): Promise<void> {
  await execute(
    db,
    "update-cluster",
    `update cluster set description = $3, plugin_name = $4, plugin_version = $5, services = $6, secrets_sealed = $7,
       is_public = $8, is_protected = $9, state = 'Checking', state_text = null, checked_at = null, updated_at = $10
     where project_id = $1 and id = $2`,
    [
      ...[cluster.projectId, cluster.id, cluster.description, cluster.pluginName, cluster.pluginVersion],
      ...[JSON.stringify(cluster.services), cluster.secretsSealed, cluster.isPublic, cluster.isProtected],
      cluster.updatedAt,
    ],
  );
}

export async function deleteCluster(
  db: Database,
  { projectId, id }: Pick<Cluster, "projectId" | "id">,
): Promise<void> {
  await execute(db, "delete-cluster", "delete from cluster where project_id = $1 and id = $2", [
    projectId,
    id,
  ]);
}

/** Whether something that runs was handed over to it, or a run that has not ended names it. */
export async function isClusterUsed(db: Database, id: string): Promise<boolean> {
  const rows = await query(
    db,
    "find-use-of-cluster",
    `select from submission where cluster_id = $1 and ended_at is null
     union all
     select from job_execution e join instance i on i.project_id = e.project_id and i.id = e.instance_id
     where e.cluster_id = $1 and i.ended_at is null
     limit 1`,
    [id],
  );
  return rows.length > 0;
}

/** Takes clusters that nobody has looked at since `before`, the longest unseen first; they count as looked at from `now` on. */
export async function takeClustersToCheck(
  db: Database,
  { before, now, limit }: { readonly before: Date; readonly now: Date; readonly limit: number },
): Promise<SealedCluster[]> {
  const rows = await query<ClusterRow>(
    db,
    "take-clusters-to-check",
    `update cluster set checked_at = $2 where id in (
       select id from cluster where checked_at is null or checked_at < $1
       order by checked_at nulls first limit $3 for update skip locked
     ) returning ${COLUMNS}`,
    [before, now, limit],
  );
  return rows.map(clusterFromRow);
}

/** Unless it was saved anew since it was taken to be checked. */
export async function noteClusterState(
  db: Database,
  { id, updatedAt }: Pick<Cluster, "id" | "updatedAt">,
  { state, text, at }: { readonly state: ClusterState; readonly text: string | null; readonly at: Date },
): Promise<void> {
  await execute(
    db,
    "note-cluster-state",
    `update cluster set state = $3, state_text = $4, checked_at = $5 where id = $1 and updated_at = $2`,
    [id, updatedAt, state, text, at],
  );
}

function clusterFromRow(row: ClusterRow): SealedCluster {
  return { ...row, runs: runsOf(row.services) };
}
