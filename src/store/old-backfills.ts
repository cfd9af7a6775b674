/** Backfills that have had their time, with their lines of the plan ledger. */
import { type Database, execute, query } from "./database.ts";
import type { OldRows } from "./old-records.ts";

/** How many lines a project's backfills have that ended before `cutoff`, and when the first of these ended. */
export async function countOldBackfills(db: Database, projectId: string, cutoff: Date): Promise<OldRows> {
  const rows = await query<OldRows>(
    db,
    "count-old-backfills",
    `select coalesce(sum(greatest(planned, 1)), 0)::bigint as rows, min(ended_at) as oldest
     from backfill where project_id = $1 and ended_at < $2`,
    [projectId, cutoff],
  );
  return rows[0] ?? { rows: 0, oldest: null };
}

/** Deletes up to `limit` lines of the first of them, or itself when it has none left; false when there is no more. */
export async function deleteOldBackfillLines(
  db: Database,
  projectId: string,
  cutoff: Date,
  limit: number,
): Promise<boolean> {
  const first = "select id from backfill where project_id = $1 and ended_at < $2 order by id limit 1";
  const lines = await execute(
    db,
    "delete-old-backfill-lines",
    `delete from backfill_run where ctid = any (array(
       select ctid from backfill_run where project_id = $1 and backfill_id = (${first}) limit $3
     ))`,
    [projectId, cutoff, limit],
  );
  if (lines > 0) return true;
  const deleted = await execute(
    db,
    "delete-old-backfill",
    `delete from backfill where project_id = $1 and id = (${first})`,
    [projectId, cutoff],
  );
  return deleted > 0;
}
