/** Backfills: the objects and the jobs they run. Their planned times are in backfill-runs.ts, lists in backfill-lists.ts. */
import type { Backfill, BackfillProgress, TimeFilter } from "../domain/backfill.ts";
import type { RunWindow } from "../domain/day-window.ts";
import type { Interval } from "../domain/period.ts";
import type { PlanRule } from "../domain/plan.ts";
import type { BackfillState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

export interface BackfillKey {
  readonly projectId: string;
  readonly id: number;
}

/** A job of a backfill. */
export interface BackfillJob {
  /** From 0; jobs that others of the backfill wait for stand before them. */
  readonly place: number;
  readonly jobId: number;
  readonly jobName: string;
  readonly rule: PlanRule;
  readonly interval: Interval;
  readonly waits: readonly BackfillWait[];
  /** Each of its runs waits for the one before to succeed. */
  readonly afterOwnPrevious: boolean;
}

/** Runs of another job of the backfill that a job's runs wait for. */
export interface BackfillWait {
  /** That job's. */
  readonly place: number;
  /** 0: of the same period; else of so many before it. */
  readonly periods: number;
  /** Whether a run starts although one that it waits for did not succeed. */
  readonly ignoresFailure: boolean;
}

/** How far the times of a backfill's job are in the ledger. */
export interface PlannedBackfillJob extends BackfillJob {
  readonly plannedTo: Date | null;
  readonly plannedAll: boolean;
}

/** Of `backfill b`, as `backfillFromRow` takes them. */
export const BACKFILL_COLUMNS = `b.project_id as "projectId", b.id, b.workspace_id as "workspaceId", b.name, b.state,
  b.starts_at as "startsAt", b.ends_at as "endsAt", b.zone, b.parallel_max as "parallelMax",
  b.day_granularity as "dayGranularity", b.newest_first as "newestFirst", b.stop_on_failure as "stopOnFailure",
  b.priority, b.parameters, b.run_window as "runWindow", b.time_filter as "timeFilter",
  b.planned, b.running, b.succeeded, b.failed, b.skipped,
  b.created_at as "createdAt", b.created_by as "createdBy", b.ended_at as "endedAt", b.reason`;

export interface BackfillRow extends Omit<Backfill, "progress" | Absent>, BackfillProgress {
  readonly priority: number | null;
  readonly runWindow: RunWindow | null;
  readonly timeFilter: TimeFilter | null;
}
type Absent = "priority" | "runWindow" | "timeFilter";

export function backfillFromRow(row: BackfillRow): Backfill {
  const { planned, running, succeeded, failed, skipped, priority, runWindow, timeFilter, ...same } = row;
  return {
    ...same,
    ...(priority !== null && { priority }),
    ...(runWindow !== null && { runWindow }),
    ...(timeFilter !== null && { timeFilter }),
    progress: { planned, running, succeeded, failed, skipped },
  };
}

/** In a transaction: adds a backfill with its jobs, due at once, and gives its id; undefined when the name is taken. */
export async function insertBackfill(
  db: Database,
  backfill: Omit<Backfill, "id" | "endedAt" | "reason">,
  jobs: readonly BackfillJob[],
): Promise<number | undefined> {
  const rows = await query<{ readonly id: number }>(
    db,
    "insert-backfill",
    `insert into backfill (project_id, workspace_id, name, state, starts_at, ends_at, zone, parallel_max,
       day_granularity, newest_first, stop_on_failure, priority, parameters, run_window, time_filter, planned,
       due_at, created_at, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18)
     on conflict (project_id, workspace_id, name) do nothing
     returning id`,
    [
      backfill.projectId,
      backfill.workspaceId,
      backfill.name,
      backfill.state,
      backfill.startsAt,
      backfill.endsAt,
      backfill.zone,
      backfill.parallelMax,
      backfill.dayGranularity,
      backfill.newestFirst,
      backfill.stopOnFailure,
      backfill.priority ?? null,
      JSON.stringify(backfill.parameters),
      jsonOrNull(backfill.runWindow),
      jsonOrNull(backfill.timeFilter),
      backfill.progress.planned,
      backfill.createdAt,
      backfill.createdBy,
    ],
  );
  const id = rows[0]?.id;
  if (id === undefined) return undefined;
  await execute(
    db,
    "insert-backfill-jobs",
    `insert into backfill_job (project_id, backfill_id, place, job_id, job_name, rule, interval, waits,
       after_own_previous)
     select $1, $2, g.*
     from unnest($3::smallint[], $4::bigint[], $5::text[], $6::jsonb[], $7::text[], $8::jsonb[], $9::boolean[]) g`,
    [
      backfill.projectId,
      id,
      jobs.map(({ place }) => place),
      jobs.map(({ jobId }) => jobId),
      jobs.map(({ jobName }) => jobName),
      jobs.map(({ rule }) => JSON.stringify(rule)),
      jobs.map(({ interval }) => interval),
      jobs.map(({ waits }) => JSON.stringify(waits)),
      jobs.map(({ afterOwnPrevious }) => afterOwnPrevious),
    ],
  );
  return id;
}

function jsonOrNull(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** The backfill of that name; undefined where there is none. */
export async function findBackfill(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<Backfill | undefined> {
  const rows = await query<BackfillRow>(
    db,
    "find-backfill",
    `select ${BACKFILL_COLUMNS} from backfill b where project_id = $1 and workspace_id = $2 and name = $3`,
    [projectId, workspaceId, name],
  );
  return rows.map(backfillFromRow)[0];
}

/** As `findBackfill`, held until the transaction ends. */
export async function lockBackfill(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<Backfill | undefined> {
  const rows = await query<BackfillRow>(
    db,
    "lock-backfill",
    `select ${BACKFILL_COLUMNS} from backfill b where project_id = $1 and workspace_id = $2 and name = $3 for no key update`,
    [projectId, workspaceId, name],
  );
  return rows.map(backfillFromRow)[0];
}

/** In a transaction: takes a backfill on; undefined while another server has it, or where it is gone. */
export async function claimBackfill(
  db: Database,
  { projectId, id }: BackfillKey,
): Promise<Backfill | undefined> {
  const rows = await query<BackfillRow>(
    db,
    "claim-backfill",
    `select ${BACKFILL_COLUMNS} from backfill b where project_id = $1 and id = $2 for no key update skip locked`,
    [projectId, id],
  );
  return rows.map(backfillFromRow)[0];
}

/** Backfills with something to do: their time has come, or an instance of theirs has ended. */
export async function listBackfillsToAdvance(db: Database, now: Date, limit: number): Promise<BackfillKey[]> {
  return await query<BackfillKey>(
    db,
    "list-backfills-to-advance",
    `(select project_id as "projectId", id from backfill where due_at <= $1 order by due_at limit $2)
     union
     (select e.project_id, r.backfill_id
      from run_end e cross join lateral (
        select backfill_id from backfill_run
        where project_id = e.project_id and instance_id = e.instance_id limit 1
      ) r
      where e.audience = 'backfill' order by e.id limit $2)`,
    [now, limit],
  );
}

/** When the next backfill wants to be looked at; undefined when none does by itself. */
export async function findNextBackfillDue(db: Database): Promise<Date | undefined> {
  const rows = await query<{ readonly dueAt: Date }>(
    db,
    "find-next-backfill-due",
    `select due_at as "dueAt" from backfill where due_at is not null order by due_at limit 1`,
  );
  return rows[0]?.dueAt;
}

/** What changes of a backfill while it is worked on. */
export interface BackfillChange {
  readonly state: BackfillState;
  readonly progress: BackfillProgress;
  /** When to look again; absent: when something happens. */
  readonly dueAt?: Date;
  readonly endedAt: Date | null;
  readonly reason: string | null;
}

/** In a transaction that holds it. */
export async function updateBackfill(
  db: Database,
  { projectId, id }: BackfillKey,
  change: BackfillChange,
): Promise<void> {
  const { running, succeeded, failed, skipped } = change.progress;
  await execute(
    db,
    "update-backfill",
    `update backfill
     set state = $3, running = $4, succeeded = $5, failed = $6, skipped = $7, due_at = $8, ended_at = $9, reason = $10
     where project_id = $1 and id = $2`,
    [
      projectId,
      id,
      change.state,
      running,
      succeeded,
      failed,
      skipped,
      change.dueAt ?? null,
      change.endedAt,
      change.reason,
    ],
  );
}

/** By place. */
export async function listBackfillJobs(
  db: Database,
  { projectId, id }: BackfillKey,
): Promise<PlannedBackfillJob[]> {
  return await query<PlannedBackfillJob>(
    db,
    "list-backfill-jobs",
    `select place, job_id as "jobId", job_name as "jobName", rule, interval, waits,
       after_own_previous as "afterOwnPrevious", planned_to as "plannedTo", planned_all as "plannedAll"
     from backfill_job where project_id = $1 and backfill_id = $2 order by place`,
    [projectId, id],
  );
}

/** Writes how far a job's times are in the ledger. */
export async function updatePlannedTo(
  db: Database,
  { projectId, id }: BackfillKey,
  { place, plannedTo, plannedAll }: Pick<PlannedBackfillJob, "place" | "plannedTo" | "plannedAll">,
): Promise<void> {
  await execute(
    db,
    "update-planned-to",
    `update backfill_job set planned_to = $4, planned_all = $5
     where project_id = $1 and backfill_id = $2 and place = $3`,
    [projectId, id, place, plannedTo, plannedAll],
  );
}

/** An unended backfill of one of the jobs whose range meets the given one; undefined when there is none. */
export async function findOverlapping(
  db: Database,
  projectId: string,
  range: { readonly jobIds: readonly number[]; readonly startsAt: Date; readonly endsAt: Date },
): Promise<{ readonly name: string; readonly jobName: string } | undefined> {
  const rows = await query<{ readonly name: string; readonly jobName: string }>(
    db,
    "find-overlapping-backfill",
    `select b.name, j.job_name as "jobName"
     from backfill_job j join backfill b on b.project_id = j.project_id and b.id = j.backfill_id
     where j.project_id = $1 and j.job_id = any ($2::bigint[]) and b.ended_at is null
       and b.starts_at < $4 and b.ends_at > $3
     order by b.id limit 1`,
    [projectId, range.jobIds, range.startsAt, range.endsAt],
  );
  return rows[0];
}
