/** Instances that wait for others of their job: whose they are, and which may begin. */
import { type Database, query } from "./database.ts";

/** A job's instances that have not begun, the earliest planned first. */
export async function listWaiting(db: Database, projectId: string, jobId: number): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-waiting",
    `select id from instance where project_id = $1 and job_id = $2 and ended_at is null
       and state in ('waiting', 'frozen') order by planned_at, id`,
    [projectId, jobId],
  );
  return rows.map(({ id }) => id);
}

/** A job's instances of an origin that have not ended. */
export async function listUnended(
  db: Database,
  projectId: string,
  jobId: number,
  origin: string,
): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-unended",
    `select id from instance
     where project_id = $1 and job_id = $2 and origin = $3 and ended_at is null order by id`,
    [projectId, jobId, origin],
  );
  return rows.map(({ id }) => id);
}

/**
 * In a transaction that holds the job's schedule: those of its schedule's waiting instances that may begin, the earliest
 * planned first: they wait for no other run any more, and `overlapMax` leaves them a place.
 */
export async function listReleasable(
  db: Database,
  projectId: string,
  jobId: number,
  overlapMax: number,
): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-releasable",
    `with running as (
       select count(*) as count from instance
       where project_id = $1 and job_id = $2 and ended_at is null and origin = 'schedule'
         and id >= (select history_floor())
         and state in ('running', 'paused', 'failing', 'stopping')
     )
     select i.id from instance i
     where i.project_id = $1 and i.job_id = $2 and i.state = 'waiting' and i.origin = 'schedule'
       and i.id >= (select history_floor())
       and not exists (
         select from instance_dependency d
         where d.project_id = i.project_id and d.instance_id = i.id and d.need is distinct from 0
       )
     order by i.planned_at, i.id
     limit (select greatest($3 - count, 0) from running)`,
    [projectId, jobId, overlapMax],
  );
  return rows.map(({ id }) => id);
}

/** Scheduled instances of a job in a state, planned from `from` to before `to`, the earliest first. */
export async function listPlannedIn(
  db: Database,
  projectId: string,
  jobId: number,
  { state, from, to }: { readonly state: "waiting" | "frozen"; readonly from: Date; readonly to: Date },
): Promise<{ readonly id: number; readonly plannedAt: Date }[]> {
  return await query(
    db,
    "list-planned-in",
    `select id, planned_at as "plannedAt" from instance
     where project_id = $1 and job_id = $2 and ended_at is null and state = $3 and origin = 'schedule'
       and planned_at >= $4 and planned_at < $5
     order by planned_at, id`,
    [projectId, jobId, state, from, to],
  );
}
