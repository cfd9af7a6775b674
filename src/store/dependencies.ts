/** What waiting instances wait for: the jobs, the stretches of their time that count, and the single runs in them. */
import type { DependencyFailPolicy } from "../domain/schedule.ts";
import type { InstanceState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";

/** An instance that is to wait for others. */
export interface NewDependencies {
  readonly projectId: string;
  readonly instanceId: number;
  readonly jobId: number;
  /** For the job's own previous run too. */
  readonly onOwnPrevious: boolean;
}

/** In the transaction that makes the instances: which jobs each waits for; their runs are looked up by who releases. */
export async function insertDependencies(db: Database, instances: readonly NewDependencies[]): Promise<void> {
  if (instances.length === 0) return;
  await execute(
    db,
    "insert-dependencies",
    `with given as (
       select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[])
         as g (project_id, instance_id, job_id, on_own_previous)
     )
     insert into instance_dependency (project_id, instance_id, upstream_id, fail_policy)
     select g.project_id, g.instance_id, d.upstream_id, d.fail_policy
     from given g join job_dependency d on d.project_id = g.project_id and d.job_id = g.job_id
     union all
     select project_id, instance_id, job_id, 'suspend' from given where on_own_previous`,
    [
      instances.map(({ projectId }) => projectId),
      instances.map(({ instanceId }) => instanceId),
      instances.map(({ jobId }) => jobId),
      instances.map(({ onOwnPrevious }) => onOwnPrevious),
    ],
  );
}

/** One job that a waiting instance waits for, whose runs are to be looked up. */
export interface UnresolvedDependency {
  readonly instanceId: number;
  readonly plannedAt: Date;
  readonly upstreamId: number;
  /** 0 is the same period. */
  readonly periods: number;
  readonly failPolicy: DependencyFailPolicy;
}

/** Those of a job's waiting instances, the earliest planned first. */
export async function listUnresolved(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<UnresolvedDependency[]> {
  return await query<UnresolvedDependency>(
    db,
    "list-unresolved-dependencies",
    `select d.instance_id as "instanceId", i.planned_at as "plannedAt", d.upstream_id as "upstreamId",
       coalesce(j.periods, 0) as periods, d.fail_policy as "failPolicy"
     from instance_dependency d
     join instance i on i.project_id = d.project_id and i.id = d.instance_id
     left join job_dependency j
       on j.project_id = i.project_id and j.job_id = i.job_id and j.upstream_id = d.upstream_id
     where d.project_id = $1 and d.need is null and i.job_id = $2 and i.state = 'waiting'
     order by i.planned_at, d.instance_id, d.upstream_id`,
    [projectId, jobId],
  );
}

/** In a transaction: holds a dependency; false where it was looked up since, or its instance waits no more. */
export async function holdUnresolved(
  db: Database,
  projectId: string,
  { instanceId, upstreamId }: UnresolvedDependency,
): Promise<boolean> {
  const rows = await query(
    db,
    "hold-unresolved-dependency",
    `select from instance_dependency
     where project_id = $1 and instance_id = $2 and upstream_id = $3 and need is null for update`,
    [projectId, instanceId, upstreamId],
  );
  return rows.length > 0;
}

/** What the ledger knows of a planned time of a job, with the instance that came of it. */
export interface UpstreamLine {
  readonly plannedAt: Date;
  readonly state: "due" | "started" | "skipped" | "missed";
  readonly reason: string | null;
  readonly detail: string | null;
  readonly instanceId: number | null;
  /** Null where there never was one, or history has dropped it. */
  readonly instanceState: InstanceState | null;
  /** A backfill's: its success counts, its failure is not held against anybody. */
  readonly ofBackfill: boolean;
}

/** What schedules and backfills have of a job's times from $3 to before $4. */
const UPSTREAM_LINES = `
  select planned_at, state, reason, detail, instance_id, false as of_backfill
  from planned_run
  where project_id = $1 and job_id = $2 and planned_at >= $3 and planned_at < $4 and origin = 'schedule'
  union all
  select r.planned_at, r.state, r.reason, null, r.instance_id, true
  from backfill_job b join backfill_run r using (project_id, backfill_id, place)
  where b.project_id = $1 and b.job_id = $2 and r.planned_at >= $3 and r.planned_at < $4 and r.state = 'started'`;

/**
 * In a transaction: a job's lines from `from` to before `to`, at most `limit`. Until it ends, none of the instances in
 * them ends: whoever ends one then sees what the transaction has written.
 */
export async function holdUpstreamLines(
  db: Database,
  { projectId, jobId }: { readonly projectId: string; readonly jobId: number },
  { from, to, limit }: { readonly from: Date; readonly to: Date; readonly limit: number },
): Promise<UpstreamLine[]> {
  const values = [projectId, jobId, from, to, limit];
  await query(
    db,
    "hold-upstream-instances",
    `select i.id from (${UPSTREAM_LINES}) p
     join instance i on i.project_id = $1 and i.id = p.instance_id and i.ended_at is null
     order by i.id limit $5 for share of i`,
    values,
  );
  return await query<UpstreamLine>(
    db,
    "list-upstream-lines",
    `select p.planned_at as "plannedAt", p.state, p.reason, p.detail, p.instance_id as "instanceId",
       i.state as "instanceState", p.of_backfill as "ofBackfill"
     from (${UPSTREAM_LINES}) p left join instance i on i.project_id = $1 and i.id = p.instance_id
     order by p.planned_at, p.of_backfill limit $5`,
    values,
  );
}

/** The planned time of the job's last instance that was planned before `before` and not passed over; undefined for none. */
export async function findPreviousRun(
  db: Database,
  projectId: string,
  jobId: number,
  before: Date,
): Promise<Date | undefined> {
  const rows = await query<{ readonly plannedAt: Date }>(
    db,
    "find-previous-run",
    `select planned_at as "plannedAt" from planned_run
     where project_id = $1 and job_id = $2 and origin = 'schedule' and state = 'started' and planned_at < $3
     order by planned_at desc limit 1`,
    [projectId, jobId, before],
  );
  return rows[0]?.plannedAt;
}

/** One run that is waited for. */
export interface Wait {
  readonly plannedAt: Date;
  readonly state: "open" | "met" | "failed";
  /** What was found in place of a success. */
  readonly reason?: string;
}

/** The runs of one job that an instance waits for, as they were written last. */
export async function listWaits(
  db: Database,
  projectId: string,
  instanceId: number,
  upstreamId: number,
): Promise<Wait[]> {
  return await query<Wait>(
    db,
    "list-waits",
    `select planned_at as "plannedAt", state, reason from instance_wait
     where project_id = $1 and instance_id = $2 and upstream_id = $3 order by planned_at`,
    [projectId, instanceId, upstreamId],
  );
}

/** What an instance waits for of one job. */
export interface FoundWaits {
  /** The stretch of planned times in which the runs lie; absent for the own previous run, or where there are none. */
  readonly from?: Date;
  readonly to?: Date;
  readonly waits: readonly Wait[];
  /** The instance can never begin, whatever its policy for failures says. */
  readonly isHopeless?: boolean;
}

/** Writes the runs of one job that an instance waits for in place of those before, and the stretch in which they lie. */
export async function replaceWaits(
  db: Database,
  {
    projectId,
    instanceId,
    upstreamId,
  }: { readonly projectId: string; readonly instanceId: number; readonly upstreamId: number },
  { from, to, waits, isHopeless = false }: FoundWaits,
): Promise<void> {
  const key = [projectId, instanceId, upstreamId];
  await execute(
    db,
    "delete-waits",
    "delete from instance_wait where project_id = $1 and instance_id = $2 and upstream_id = $3",
    key,
  );
  await execute(
    db,
    "insert-waits",
    `insert into instance_wait (project_id, instance_id, upstream_id, planned_at, state, reason)
     select $1, $2, $3, * from unnest($4::timestamptz[], $5::text[], $6::text[])`,
    [
      ...key,
      waits.map(({ plannedAt }) => plannedAt),
      waits.map(({ state }) => state),
      waits.map(({ reason }) => reason ?? null),
    ],
  );
  await execute(
    db,
    "update-dependency",
    `update instance_dependency
     set from_at = $4, to_at = $5, need = $6, fail_policy = case when $7 then 'fail' else fail_policy end
     where project_id = $1 and instance_id = $2 and upstream_id = $3`,
    [...key, from ?? null, to ?? null, waits.filter(({ state }) => state !== "met").length, isHopeless],
  );
}

/**
 * A run that instances wait for has ended: it counts for all of them, and their jobs are told to look. The policy
 * `ignore` takes any end; the own previous run may also have been skipped. A backfill's failure counts for nothing.
 */
export async function settleWaits(
  db: Database,
  run: { readonly projectId: string; readonly jobId: number; readonly plannedAt: Date },
  {
    succeeded,
    skipped,
    reason,
    instanceId,
  }: {
    readonly succeeded: boolean;
    readonly skipped: boolean;
    readonly reason: string;
    readonly instanceId: number | null;
  },
): Promise<void> {
  await execute(
    db,
    "settle-waits",
    `with hit as (
       update instance_wait w
       set reason = case when not $4 then $6 end,
         state = case when $4 or d.fail_policy = 'ignore' or ($5 and i.job_id = w.upstream_id) then 'met' else 'failed' end
       from instance_dependency d
       join instance i on i.project_id = d.project_id and i.id = d.instance_id
       where w.project_id = $1 and w.upstream_id = $2 and w.planned_at = $3 and w.state <> 'met'
         and d.project_id = w.project_id and d.instance_id = w.instance_id and d.upstream_id = w.upstream_id
         and ($4 or not exists (
           select from instance e where e.project_id = $1 and e.id = $7 and e.origin = 'backfill'
         ))
       returning w.instance_id, w.state, i.job_id, i.planned_at as own_planned_at
     ), counted as (
       update instance_dependency d set need = d.need - 1
       from hit where hit.state = 'met' and d.project_id = $1 and d.instance_id = hit.instance_id and d.upstream_id = $2
     )
     insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
     select 'dependants', $1, job_id, own_planned_at, instance_id, 'waiting' from hit`,
    [run.projectId, run.jobId, run.plannedAt, succeeded, skipped, reason, instanceId],
  );
}

/** What keeps an instance from ever beginning. */
export interface Refusal {
  readonly instanceId: number;
  readonly upstreamName: string;
  readonly plannedAt: Date;
  readonly reason: string;
}

/** Waiting instances of a job for which a run failed whose policy is `fail`, with the first such run. */
export async function listRefused(db: Database, projectId: string, jobId: number): Promise<Refusal[]> {
  return await query<Refusal>(
    db,
    "list-refused",
    `select distinct on (w.instance_id) w.instance_id as "instanceId", coalesce(j.name, x.name, '?') as "upstreamName",
       w.planned_at as "plannedAt", coalesce(w.reason, 'it failed') as reason
     from instance_wait w
     join instance_dependency d using (project_id, instance_id, upstream_id)
     join instance i on i.project_id = w.project_id and i.id = w.instance_id
     left join job j on j.project_id = w.project_id and j.id = w.upstream_id
     left join deleted_job x on x.project_id = w.project_id and x.id = w.upstream_id
     where w.project_id = $1 and w.state = 'failed' and d.fail_policy = 'fail'
       and i.job_id = $2 and i.state = 'waiting'
     order by w.instance_id, w.planned_at`,
    [projectId, jobId],
  );
}

/** The plan of a job has changed: whoever waits for its runs looks again which these are, and is told to. */
export async function reopenDependencies(db: Database, projectId: string, upstreamId: number): Promise<void> {
  await execute(
    db,
    "reopen-dependencies",
    `with reopened as (
       update instance_dependency d set need = null
       from instance i
       where d.project_id = $1 and d.upstream_id = $2 and d.need > 0
         and i.project_id = d.project_id and i.id = d.instance_id and i.job_id <> $2
       returning i.job_id, i.planned_at, i.id
     )
     insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
     select 'dependants', $1, job_id, planned_at, id, 'waiting' from reopened`,
    [projectId, upstreamId],
  );
}
