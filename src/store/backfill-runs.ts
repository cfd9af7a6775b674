/** The plan ledger of backfills: each planned time of one, and what became of it. */
import {
  type BackfillCandidate,
  type BackfillSkip,
  type BackfillTime,
  SKIPPED_AFTER_FAILURE,
} from "../domain/backfill.ts";
import type { Page } from "../domain/page.ts";
import type { BackfillKey } from "./backfills.ts";
import { type Database, execute, query } from "./database.ts";

// Lines are looked up one by one, and written where they lie: a table that grows from nothing to a hundred thousand
// lines within a moment has no statistics yet, and joins would be planned for the empty one.

/** In a transaction: writes planned times of a job as due, or as skipped with the reason why. */
export async function insertBackfillTimes(
  db: Database,
  { projectId, id }: BackfillKey,
  {
    place,
    times,
    now,
  }: { readonly place: number; readonly times: readonly BackfillTime[]; readonly now: Date },
): Promise<void> {
  await execute(
    db,
    "insert-backfill-times",
    `insert into backfill_run (project_id, backfill_id, place, planned_at, day, state, reason, detail, decided_at)
     select $1, $2, $3, planned_at, day, case when reason is null then 'due' else 'skipped' end, reason, detail,
       case when reason is not null then $4::timestamptz end
     from unnest($5::timestamptz[], $6::date[], $7::text[], $8::text[]) as g (planned_at, day, reason, detail)`,
    [
      projectId,
      id,
      place,
      now,
      times.map(({ plannedAt }) => plannedAt),
      times.map(({ day }) => day),
      times.map(({ skip }) => skip?.reason ?? null),
      times.map(({ skip }) => skip?.detail ?? null),
    ],
  );
}

/** An instance of a backfill that ended: how it counted before, and how it counts now. */
export interface BackfillEnd {
  readonly was: "succeeded" | "failed" | null;
  readonly outcome: "succeeded" | "failed" | null;
}

/**
 * In a transaction that holds the backfill: takes the ends of its instances and writes how they ended. One that was
 * started again since then counts as running.
 */
export async function takeBackfillEnds(db: Database, { projectId, id }: BackfillKey): Promise<BackfillEnd[]> {
  return await query<BackfillEnd>(
    db,
    "take-backfill-ends",
    `with ends as materialized (
       select e.id, e.instance_id, (
         select r.ctid from backfill_run r
         where r.project_id = $1 and r.instance_id = e.instance_id and r.backfill_id = $2
       ) as line
       from run_end e where e.audience = 'backfill' and e.project_id = $1
     ), taken as (
       delete from run_end where id in (select id from ends where line is not null)
     ), ended as materialized (
       select e.line, (select r.outcome from backfill_run r where r.ctid = e.line) as was, (
         select case when i.ended_at is null then null when i.state = 'succeeded' then 'succeeded' else 'failed' end
         from instance i where i.project_id = $1 and i.id = e.instance_id
       ) as outcome
       from (select distinct line, instance_id from ends where line is not null) e
     ), written as (
       update backfill_run r set outcome = e.outcome from ended e where r.ctid = e.line
     )
     select was, outcome from ended`,
    [projectId, id],
  );
}

/** A planned time whose instance runs. */
export type BackfillRunning = BackfillCandidate & { readonly instanceId: number };

/** What runs of a backfill. */
export async function listBackfillRunning(
  db: Database,
  { projectId, id }: BackfillKey,
): Promise<BackfillRunning[]> {
  return await query(
    db,
    "list-backfill-running",
    `select place, planned_at as "plannedAt", day, instance_id as "instanceId"
     from backfill_run where project_id = $1 and backfill_id = $2 and state = 'started' and outcome is null
     order by planned_at, place`,
    [projectId, id],
  );
}

/** The first `limit` times of each job that are due, in the backfill's order. */
export async function listBackfillDue(
  db: Database,
  { projectId, id }: BackfillKey,
  { newestFirst, limit }: { readonly newestFirst: boolean; readonly limit: number },
): Promise<BackfillCandidate[]> {
  const [direction, name] = newestFirst ? ["desc", "newest"] : ["asc", "oldest"];
  return await query<BackfillCandidate>(
    db,
    `list-backfill-due-${name}`,
    `select r.place, r.planned_at as "plannedAt", r.day
     from backfill_job j cross join lateral (
       select place, planned_at, day from backfill_run
       where project_id = $1 and backfill_id = $2 and place = j.place and state = 'due'
       order by day ${direction}, planned_at ${direction} limit $3
     ) r
     where j.project_id = $1 and j.backfill_id = $2`,
    [projectId, id, limit],
  );
}

/** The first time of each of the first `limit` days of each job that is due, in the backfill's order. */
export async function listBackfillDueByDay(
  db: Database,
  { projectId, id }: BackfillKey,
  { newestFirst, limit }: { readonly newestFirst: boolean; readonly limit: number },
): Promise<BackfillCandidate[]> {
  const [direction, after, name] = newestFirst ? ["desc", "<", "newest"] : ["asc", ">", "oldest"];
  const first = (beyond: string) => `select place, planned_at, day from backfill_run
         where project_id = $1 and backfill_id = $2 and place = j.place and state = 'due' ${beyond}
         order by day ${direction}, planned_at ${direction} limit 1`;
  return await query<BackfillCandidate>(
    db,
    `list-backfill-due-days-${name}`,
    `select d.place, d.planned_at as "plannedAt", d.day
     from backfill_job j cross join lateral (
       with recursive head as (
         (${first("")})
         union all
         select next.* from head cross join lateral (${first(`and day ${after} head.day`)}) next
       )
       select * from head limit $3
     ) d
     where j.project_id = $1 and j.backfill_id = $2`,
    [projectId, id, limit],
  );
}

/** A time that was started. */
export interface StartedTime {
  readonly place: number;
  readonly plannedAt: Date;
  readonly instanceId: number;
}

/** Writes which instances became of due times. */
export async function markBackfillStarted(
  db: Database,
  { projectId, id }: BackfillKey,
  started: readonly StartedTime[],
  now: Date,
): Promise<void> {
  await execute(
    db,
    "mark-backfill-started",
    `with lines as materialized (
       select s.instance_id, (
         select r.ctid from backfill_run r
         where r.project_id = $1 and r.backfill_id = $2 and r.place = s.place and r.planned_at = s.planned_at
       ) as line
       from unnest($4::smallint[], $5::timestamptz[], $6::bigint[]) as s (place, planned_at, instance_id)
     )
     update backfill_run r set state = 'started', instance_id = l.instance_id, decided_at = $3
     from lines l where r.ctid = l.line and r.state = 'due'`,
    [
      projectId,
      id,
      now,
      started.map(({ place }) => place),
      started.map(({ plannedAt }) => plannedAt),
      started.map(({ instanceId }) => instanceId),
    ],
  );
}

/** Skips at most `limit` of the due times, of one job or of all; gives how many there were. */
export async function skipBackfillDue(
  db: Database,
  { projectId, id }: BackfillKey,
  {
    place,
    skip,
    limit,
    now,
  }: { readonly place?: number; readonly skip: BackfillSkip; readonly limit: number; readonly now: Date },
): Promise<number> {
  return await execute(
    db,
    "skip-backfill-due",
    `update backfill_run set state = 'skipped', reason = $3, detail = $7, decided_at = $4
     where ctid = any (array(
       select ctid from backfill_run
       where project_id = $1 and backfill_id = $2 and state = 'due' and ($6::smallint is null or place = $6)
       order by place, day, planned_at limit $5
     ))`,
    [projectId, id, skip.reason, now, limit, place ?? null, skip.detail],
  );
}

/** Skips single due times of a job, each for its own reason; gives how many there were. */
export async function skipBackfillTimes(
  db: Database,
  { projectId, id }: BackfillKey,
  { times, now }: { readonly times: readonly (BackfillCandidate & BackfillSkip)[]; readonly now: Date },
): Promise<number> {
  return await execute(
    db,
    "skip-backfill-times",
    `with lines as materialized (
       select s.reason, s.detail, (
         select r.ctid from backfill_run r
         where r.project_id = $1 and r.backfill_id = $2 and r.place = s.place and r.planned_at = s.planned_at
       ) as line
       from unnest($4::smallint[], $5::timestamptz[], $6::text[], $7::text[]) as s (place, planned_at, reason, detail)
     )
     update backfill_run r set state = 'skipped', reason = l.reason, detail = l.detail, decided_at = $3
     from lines l where r.ctid = l.line and r.state = 'due'`,
    [
      projectId,
      id,
      now,
      times.map(({ place }) => place),
      times.map(({ plannedAt }) => plannedAt),
      times.map(({ reason }) => reason),
      times.map(({ detail }) => detail),
    ],
  );
}

/** Planned times of one job of a backfill, from `from` to before `to`. */
export interface BackfillStretch {
  readonly place: number;
  readonly from: Date;
  readonly to: Date;
}

/** What is known of the times of a stretch. */
export interface StretchState {
  /** One of them has not ended. */
  readonly open: boolean;
  /** The first that did not succeed; null when all that ended did. */
  readonly failedAt: Date | null;
}

/** In the same order. */
export async function listStretchStates(
  db: Database,
  { projectId, id }: BackfillKey,
  stretches: readonly BackfillStretch[],
): Promise<StretchState[]> {
  if (stretches.length === 0) return [];
  const lines = `select planned_at from backfill_run
         where project_id = $1 and backfill_id = $2 and place = s.place and planned_at >= s.from_at and planned_at < s.to_at`;
  return await query<StretchState>(
    db,
    "list-stretch-states",
    `select exists (${lines} and (state = 'due' or state = 'started' and outcome is null)) as open, (
       ${lines} and (outcome = 'failed' or state = 'skipped' and reason = any ($6))
       order by planned_at limit 1
     ) as "failedAt"
     from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) with ordinality as s (place, from_at, to_at, no)
     order by s.no`,
    [
      projectId,
      id,
      stretches.map(({ place }) => place),
      stretches.map(({ from }) => from),
      stretches.map(({ to }) => to),
      SKIPPED_AFTER_FAILURE,
    ],
  );
}

/** The job's time before `before` that was not left out; undefined where there is none. */
export async function findTimeBefore(
  db: Database,
  { projectId, id }: BackfillKey,
  { place, before }: { readonly place: number; readonly before: Date },
): Promise<Date | undefined> {
  const rows = await query<{ readonly plannedAt: Date }>(
    db,
    "find-backfill-time-before",
    `select planned_at as "plannedAt" from backfill_run
     where project_id = $1 and backfill_id = $2 and place = $3 and planned_at < $4
       and (state <> 'skipped' or reason <> 'filter')
     order by planned_at desc limit 1`,
    [projectId, id, place, before],
  );
  return rows[0]?.plannedAt;
}

/** A line of the ledger. */
export interface BackfillRun {
  readonly jobName: string;
  readonly plannedAt: Date;
  readonly state: "due" | "started" | "skipped" | "missed";
  /** A word that does not change, and its sentence. */
  readonly reason: BackfillSkip["reason"] | null;
  readonly detail: string | null;
  readonly instanceId: number | null;
  readonly outcome: "succeeded" | "failed" | null;
  readonly decidedAt: Date | null;
}

/** The lines of a backfill, oldest first; of one state where asked for. */
export async function listBackfillRuns(
  db: Database,
  { projectId, id }: BackfillKey,
  { state }: { readonly state?: BackfillRun["state"] },
  page: Page,
): Promise<BackfillRun[]> {
  return await query<BackfillRun>(
    db,
    "list-backfill-runs",
    `select j.job_name as "jobName", r.planned_at as "plannedAt", r.state, r.reason, r.detail,
       r.instance_id as "instanceId",
       r.outcome, r.decided_at as "decidedAt"
     from backfill_run r join backfill_job j using (project_id, backfill_id, place)
     where r.project_id = $1 and r.backfill_id = $2 and ($3::text is null or r.state = $3)
     order by r.planned_at, r.place limit $4 offset $5`,
    [projectId, id, state ?? null, page.limit, page.offset],
  );
}
