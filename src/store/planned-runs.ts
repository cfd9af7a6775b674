/** The plan ledger as it is written: each planned time of a schedule, and what became of it. */
import type { PlanReason } from "../domain/plan.ts";
import { type Database, execute, query } from "./database.ts";

export interface PlannedTime {
  readonly projectId: string;
  readonly jobId: number;
  readonly plannedAt: Date;
}

/** In a transaction: writes planned times as due and gives the places (from 0) of those that were not in the ledger. */
export async function insertPlannedTimes(db: Database, times: readonly PlannedTime[]): Promise<number[]> {
  if (times.length === 0) return [];
  const rows = await query<{ readonly place: number }>(
    db,
    "insert-planned-times",
    `with given as (
       select * from unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) with ordinality
         as g (project_id, job_id, planned_at, place)
     ), made as (
       insert into planned_run (project_id, job_id, planned_at, state)
       select project_id, job_id, planned_at, 'due' from given order by project_id, job_id, planned_at
       on conflict do nothing
       returning project_id, job_id, planned_at
     )
     select place - 1 as place from given join made using (project_id, job_id, planned_at) order by place`,
    columnsOf(times),
  );
  return rows.map(({ place }) => place);
}

/** What became of a planned time. */
export type PlannedDecision = PlannedTime & { readonly detail?: string } & (
    | { readonly state: "started"; readonly instanceId: number }
    | { readonly state: "missed" | "skipped"; readonly reason: PlanReason }
  );

/**
 * Writes what became of times that are in the ledger as due; one that is planned ahead counts as decided at its time.
 * Instances that wait for a time that starts nothing are told (`run-ends.ts`).
 */
export async function updatePlannedRuns(
  db: Database,
  decisions: readonly PlannedDecision[],
  now: Date,
): Promise<void> {
  if (decisions.length === 0) return;
  await execute(
    db,
    "update-planned-runs",
    `with decided as (
       update planned_run p
       set state = d.state, instance_id = d.instance_id, reason = d.reason, detail = d.detail,
         decided_at = greatest($4, d.planned_at)
       from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $5::text[], $6::bigint[], $7::text[], $8::text[])
         as d (project_id, job_id, planned_at, state, instance_id, reason, detail)
       where p.project_id = d.project_id and p.job_id = d.job_id and p.planned_at = d.planned_at
         and p.origin = 'schedule' and p.state = 'due'
       returning p.project_id, p.job_id, p.planned_at, p.state, p.reason
     )
     insert into run_end (audience, project_id, job_id, planned_at, state)
     select 'dependants', d.project_id, d.job_id, d.planned_at,
       case when d.reason = 'calendar' then 'free' else d.state end
     from decided d
     where d.state <> 'started' and exists (
       select from instance_wait w
       where w.project_id = d.project_id and w.upstream_id = d.job_id and w.planned_at = d.planned_at
         and w.state <> 'met'
     )`,
    [...columnsOf(decisions), now, ...outcomesOf(decisions)],
  );
}

/** An instance that never began is skipped: the line of its planned time says so, and why. */
export async function skipStartedLine(
  db: Database,
  { projectId, jobId, plannedAt }: PlannedTime,
  { reason, detail, now }: { readonly reason: PlanReason; readonly detail: string; readonly now: Date },
): Promise<void> {
  await execute(
    db,
    "skip-started-line",
    `update planned_run set state = 'skipped', reason = $4, detail = $5, decided_at = $6
     where project_id = $1 and job_id = $2 and planned_at = $3 and origin = 'schedule' and state = 'started'`,
    [projectId, jobId, plannedAt, reason, detail, now],
  );
}

function columnsOf(times: readonly PlannedTime[]): unknown[][] {
  return [
    times.map(({ projectId }) => projectId),
    times.map(({ jobId }) => jobId),
    times.map(({ plannedAt }) => plannedAt),
  ];
}

/** Writes lines of the ledger that are decided as they are made: times of events, of which a job has no two alike. */
export async function insertEventLines(
  db: Database,
  decisions: readonly PlannedDecision[],
  now: Date,
): Promise<void> {
  if (decisions.length === 0) return;
  await execute(
    db,
    "insert-event-lines",
    `insert into planned_run (project_id, job_id, planned_at, origin, state, instance_id, reason, detail, decided_at)
     select d.project_id, d.job_id, d.planned_at, 'event', d.state, d.instance_id, d.reason, d.detail, $4
     from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $5::text[], $6::bigint[], $7::text[], $8::text[])
       as d (project_id, job_id, planned_at, state, instance_id, reason, detail)`,
    [...columnsOf(decisions), now, ...outcomesOf(decisions)],
  );
}

function outcomesOf(decisions: readonly PlannedDecision[]): unknown[][] {
  return [
    decisions.map(({ state }) => state),
    decisions.map((decision) => ("instanceId" in decision ? decision.instanceId : null)),
    decisions.map((decision) => ("reason" in decision ? decision.reason : null)),
    decisions.map(({ detail }) => detail ?? null),
  ];
}
