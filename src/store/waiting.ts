/** Instances that wait for others of their job: whose they are, and which may begin. */
import { OVERLAP_MAX } from "../domain/schedule.ts";
import { type Database, query } from "./database.ts";

/** A job's waiting instances, the earliest planned first. */
export async function listWaiting(db: Database, projectId: string, jobId: number): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-waiting",
    `select id from instance where project_id = $1 and job_id = $2 and state = 'waiting' order by planned_at, id`,
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
 * In a transaction that holds the job's schedule: those of its waiting instances that may begin, the earliest planned
 * first: as many as its limit leaves, or the one whose predecessor has succeeded, where it waits for that.
 */
export async function listReleasable(db: Database, projectId: string, jobId: number): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-releasable",
    `with rule as (
       select coalesce(max(overlap_max), $3) as overlap_max, coalesce(bool_or(after_own_previous), false) as in_order
       from schedule where project_id = $1 and job_id = $2
     ), running as (
       select count(*) as count from instance
       where project_id = $1 and job_id = $2 and ended_at is null and origin = 'schedule'
         and state in ('running', 'failing', 'stopping')
     ), waiting as (
       select id, planned_at, row_number() over (order by planned_at, id) as place
       from instance where project_id = $1 and job_id = $2 and state = 'waiting'
     )
     select w.id from waiting w cross join rule cross join running
     where w.place <= rule.overlap_max - running.count
       and (not rule.in_order or w.place = 1 and coalesce((
         select p.state from instance p
         where p.project_id = $1 and p.job_id = $2 and p.origin = 'schedule' and p.id < w.id
         order by p.id desc limit 1
       ), 'succeeded') = 'succeeded')
     order by w.place`,
    [projectId, jobId, OVERLAP_MAX],
  );
  return rows.map(({ id }) => id);
}
