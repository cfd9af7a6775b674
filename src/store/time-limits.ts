/** When instances reach the limits of their time: found by an index of due times, never by looking through them. */
import { type Database, query } from "./database.ts";

/** The earliest limit of an instance that has not ended. */
export async function findNextLimit(db: Database): Promise<Date | undefined> {
  const rows = await query<{ readonly at: Date }>(
    db,
    "find-next-limit",
    `select times_out_at as at from instance
     where ended_at is null and times_out_at is not null and id >= history_floor()
     order by times_out_at limit 1`,
  );
  return rows[0]?.at;
}

/** Instances whose limit was reached at `now`, those of the earliest limits first. */
export async function listLimitsReached(
  db: Database,
  now: Date,
  limit: number,
): Promise<{ readonly projectId: string; readonly instanceId: number }[]> {
  return await query(
    db,
    "list-limits-reached",
    `select project_id as "projectId", id as "instanceId" from instance
     where ended_at is null and times_out_at <= $1 and id >= history_floor()
     order by times_out_at limit $2`,
    [now, limit],
  );
}
