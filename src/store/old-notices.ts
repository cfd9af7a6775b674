/** Notices and alarms that have had their time. */
import { type Database, execute, query } from "./database.ts";
import type { OldRows } from "./old-records.ts";

const NONE: OldRows = { rows: 0, oldest: null };

export async function countOldNotices(db: Database, projectId: string, cutoff: Date): Promise<OldRows> {
  const rows = await query<OldRows>(
    db,
    "count-old-notices",
    "select count(*) as rows, min(created_at) as oldest from notice where project_id = $1 and created_at < $2",
    [projectId, cutoff],
  );
  return rows[0] ?? NONE;
}

/** With their deliveries, those that wait too. Deletes up to `limit` of them; gives how many. */
export async function deleteOldNotices(
  db: Database,
  projectId: string,
  cutoff: Date,
  limit: number,
): Promise<number> {
  return await execute(
    db,
    "delete-old-notices",
    `delete from notice where project_id = $1 and id in (
       select id from notice where project_id = $1 and created_at < $2 order by created_at limit $3
     )`,
    [projectId, cutoff, limit],
  );
}

export async function countOldAlarms(db: Database, projectId: string, cutoff: Date): Promise<OldRows> {
  const rows = await query<OldRows>(
    db,
    "count-old-alarms",
    "select count(*) as rows, min(at) as oldest from alarm_record where project_id = $1 and at < $2",
    [projectId, cutoff],
  );
  return rows[0] ?? NONE;
}

/** Deletes up to `limit` of them; gives how many. */
export async function deleteOldAlarms(
  db: Database,
  projectId: string,
  cutoff: Date,
  limit: number,
): Promise<number> {
  return await execute(
    db,
    "delete-old-alarms",
    `delete from alarm_record where project_id = $1 and id in (
       select id from alarm_record where project_id = $1 and at < $2 order by at limit $3
     )`,
    [projectId, cutoff, limit],
  );
}
