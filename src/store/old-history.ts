/** History that has had its time: what a period still holds, a period dropped whole, instances deleted one by one. */
import { type Database, type DatabasePool, execute, query, transaction } from "./database.ts";
import { setLockTimeout } from "./history.ts";

/** A protected execution keeps its instance. */
const PROTECTED = `exists (
  select from job_execution e where e.project_id = i.project_id and e.instance_id = i.id and e.is_protected
)`;

/** What lies in a partition of the history. */
export interface PartitionFacts {
  readonly instances: number;
  readonly bytes: number;
  /** Of the instances that have ended; null where there are none. */
  readonly firstEndedAt: Date | null;
  readonly lastEndedAt: Date | null;
  readonly unended: number;
  readonly protected: number;
}

export async function describePartition(db: Database, k: number): Promise<PartitionFacts> {
  const rows = await query<PartitionFacts>(
    db,
    "describe-partition",
    `select count(*) as instances, min(ended_at) as "firstEndedAt", max(ended_at) as "lastEndedAt",
       count(*) filter (where ended_at is null) as unended,
       (select count(*) from job_execution
        where instance_id >= $1::bigint << 30 and instance_id < ($1::bigint + 1) << 30 and is_protected) as protected,
       (select sum(coalesce(pg_total_relation_size(to_regclass(t || '_p' || $1)), 0))::bigint
        from unnest('{instance,instance_definition,node_run,attempt}'::text[]) t) as bytes
     from instance where id >= $1::bigint << 30 and id < ($1::bigint + 1) << 30`,
    [k],
  );
  return (
    rows[0] ?? { instances: 0, bytes: 0, firstEndedAt: null, lastEndedAt: null, unended: 0, protected: 0 }
  );
}

/** What hangs on an instance in tables without partitions. */
const SIDE_TABLES = ["job_execution", "child_instance", "script_run", "submission"] as const;
const SIDE_ROWS_MAX = 5_000;

/**
 * Drops a partition that is closed, and in which nothing ended after `cutoff` or is protected; false where one of these
 * does not hold (any more). Raises the database's own error (55P03) where others are reading it just now.
 */
export async function dropPartition(pool: DatabasePool, k: number, cutoff: Date): Promise<boolean> {
  if (!(await isDroppable(pool, k, cutoff))) return false;
  for (const table of SIDE_TABLES) await emptySideTable(pool, table, k);
  return await transaction(pool, async (db) => {
    await setLockTimeout(db);
    // What begins an ended instance anew waits for this row, or has opened the partition.
    await query(db, "lock-history-partition", "select from history_partition where k = $1 for update", [k]);
    if (!(await isDroppable(db, k, cutoff))) return false;
    await query(db, "drop-history-partition", "select drop_history_partition($1)", [k]);
    return true;
  });
}

async function isDroppable(db: Database, k: number, cutoff: Date): Promise<boolean> {
  const closed = await query(
    db,
    "find-closed-partition",
    "select from history_partition where k = $1 and closed",
    [k],
  );
  if (closed.length === 0) return false;
  const { unended, lastEndedAt, protected: kept } = await describePartition(db, k);
  return unended === 0 && kept === 0 && (lastEndedAt === null || lastEndedAt <= cutoff);
}

async function emptySideTable(db: Database, table: (typeof SIDE_TABLES)[number], k: number): Promise<void> {
  for (;;) {
    const deleted = await execute(
      db,
      `empty-${table}`,
      `delete from ${table} where ctid = any (array(
         select ctid from ${table} where instance_id >= $1::bigint << 30 and instance_id < ($1::bigint + 1) << 30
         limit $2
       ))`,
      [k, SIDE_ROWS_MAX],
    );
    if (deleted < SIDE_ROWS_MAX) return;
  }
}

/** Instances of one project whose ids lie from `fromId` to before `belowId`, and that ended before `cutoff`. */
export interface OldInstances {
  readonly projectId: string;
  readonly fromId: number;
  readonly belowId: number;
  readonly cutoff: Date;
}

export async function countOldInstances(
  db: Database,
  { projectId, fromId, belowId, cutoff }: OldInstances,
): Promise<{ readonly rows: number; readonly oldest: Date | null }> {
  const rows = await query<{ readonly rows: number; readonly oldest: Date | null }>(
    db,
    "count-old-instances",
    `select count(*) as rows, min(i.ended_at) as oldest from instance i
     where i.project_id = $1 and i.id >= $2 and i.id < $3 and i.ended_at < $4 and not ${PROTECTED}`,
    [projectId, fromId, belowId, cutoff],
  );
  return rows[0] ?? { rows: 0, oldest: null };
}

/** Deletes the first `limit` of them with all that is theirs, and gives their ids. */
export async function deleteOldInstances(
  pool: DatabasePool,
  { projectId, fromId, belowId, cutoff }: OldInstances,
  limit: number,
): Promise<number[]> {
  return await transaction(pool, async (db) => {
    const found = await query<{ readonly id: number }>(
      db,
      "find-old-instances",
      `select i.id from instance i
       where i.project_id = $1 and i.id >= $2 and i.id < $3 and i.ended_at < $4 and not ${PROTECTED}
       order by i.id limit $5`,
      [projectId, fromId, belowId, cutoff, limit],
    );
    return await deleteInstances(
      db,
      projectId,
      found.map(({ id }) => id),
      cutoff,
    );
  });
}

/** In a transaction: of these instances, those that have ended by `cutoff`; in the engine's order of locks. */
async function deleteInstances(
  db: Database,
  projectId: string,
  ids: readonly number[],
  cutoff: Date,
): Promise<number[]> {
  if (ids.length === 0) return [];
  await query(
    db,
    "lock-old-node-runs",
    `select from node_run where project_id = $1 and instance_id = any ($2)
     order by instance_id, node_no for update`,
    [projectId, ids],
  );
  const deleted = await query<{ readonly id: number }>(
    db,
    "delete-old-instances",
    "delete from instance where project_id = $1 and id = any ($2) and ended_at <= $3 returning id",
    [projectId, ids, cutoff],
  );
  const gone = deleted.map(({ id }) => id);
  for (const table of ["node_run", "attempt", "instance_definition", ...SIDE_TABLES])
    await execute(
      db,
      `delete-old-${table}`,
      `delete from ${table} where project_id = $1 and instance_id = any ($2)`,
      [projectId, gone],
    );
  return gone;
}

/** Of instances of a project, those that are not there or ended before `cutoff`. */
export async function listGoneInstances(
  db: Database,
  projectId: string,
  ids: readonly number[],
  cutoff: Date,
): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-gone-instances",
    `select g.id from unnest($2::bigint[]) as g (id)
     left join instance i on i.project_id = $1 and i.id = g.id
     where i.id is null or i.ended_at < $3`,
    [projectId, ids, cutoff],
  );
  return rows.map(({ id }) => id);
}
