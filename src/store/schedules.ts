/** Schedules of jobs in operation, the jobs as starting and stopping needs them, and which are due. */
import type { JobDefinition, JobKind, JobStatus } from "../domain/job.ts";
import { type Database, execute, query } from "./database.ts";

/** A job with its present version, held until the transaction ends. */
export interface OperatedJob {
  readonly projectId: string;
  readonly id: number;
  readonly workspaceId: string;
  readonly name: string;
  readonly kind: JobKind;
  readonly version: number;
  readonly status: JobStatus;
  readonly definition: JobDefinition;
}

/** In a transaction: nobody else starts, stops, saves or deletes the job until it ends; undefined where there is none. */
export async function lockOperatedJob(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<OperatedJob | undefined> {
  const rows = await query<OperatedJob>(
    db,
    "lock-operated-job",
    `select j.project_id as "projectId", j.id, j.workspace_id as "workspaceId", j.name, j.kind, j.version, j.status,
       v.definition
     from job j join job_version v on v.project_id = j.project_id and v.job_id = j.id and v.version = j.version
     where j.project_id = $1 and j.id = $2
     for no key update of j`,
    [projectId, jobId],
  );
  return rows[0];
}

/** As `lockOperatedJob`, without holding it. */
export async function findOperatedJob(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<OperatedJob | undefined> {
  const rows = await query<OperatedJob>(
    db,
    "find-operated-job",
    `select j.project_id as "projectId", j.id, j.workspace_id as "workspaceId", j.name, j.kind, j.version, j.status,
       v.definition
     from job j join job_version v on v.project_id = j.project_id and v.job_id = j.id and v.version = j.version
     where j.project_id = $1 and j.id = $2`,
    [projectId, jobId],
  );
  return rows[0];
}

/** `shownUntil`: until then the job list goes on saying `scheduling` (dataarts-factory 4.5). */
export async function updateJobStatus(
  db: Database,
  { projectId, id }: { readonly projectId: string; readonly id: number },
  status: JobStatus,
  shownUntil?: Date,
): Promise<void> {
  await execute(
    db,
    "update-job-status",
    "update job set status = $3, scheduling_shown_until = $4 where project_id = $1 and id = $2",
    [projectId, id, status, shownUntil ?? null],
  );
}

/** Deletes the job with its versions, schedule and plan; instances stay. */
export async function deleteJobRow(db: Database, projectId: string, jobId: number): Promise<void> {
  await execute(db, "delete-job-row", "delete from job where project_id = $1 and id = $2", [
    projectId,
    jobId,
  ]);
}

/**
 * In a transaction: what a real-time job's nodes do becomes its status. All are up, or have done their work: `normal`;
 * one waits to be tried again after an exit, or a trigger is paused: `exception`. A job that starts, or that is to stop,
 * keeps its status until then.
 */
export async function refreshRealTimeStatus(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<void> {
  await execute(
    db,
    "refresh-real-time-status",
    `update job j set status = now.status
     from (
       select i.project_id, i.job_id, case
         when bool_or(n.state = 'ready' and n.tries > 0) or exists (
           select from job t where t.project_id = i.project_id and t.parent_id = i.job_id and t.status = 'paused'
         ) then 'exception'
         when bool_and(n.state in ('succeeded', 'skipped') or n.state = 'running' and n.up_at >= n.started_at)
         then 'normal' end as status
       from instance i join node_run n on n.project_id = i.project_id and n.instance_id = i.id
       where i.project_id = $1 and i.id = $2 and i.state = 'running'
       group by 1, 2
     ) now
     where j.project_id = now.project_id and j.id = now.job_id and now.status is not null
       and j.status in ('starting', 'normal', 'exception') and j.status <> now.status`,
    [projectId, instanceId],
  );
}

/** Instances of real-time jobs that run here or anywhere, for the status of their jobs. */
export async function listStreamInstances(
  db: Database,
): Promise<{ readonly projectId: string; readonly instanceId: number }[]> {
  return await query(
    db,
    "list-stream-instances",
    `select i.project_id as "projectId", i.id as "instanceId"
     from job j join instance i on i.project_id = j.project_id and i.job_id = j.id
     where j.kind = 'real-time' and j.status in ('starting', 'normal', 'exception')
       and i.origin = 'stream' and i.ended_at is null`,
  );
}

export interface ScheduleRow {
  readonly projectId: string;
  readonly jobId: number;
  readonly expression: string;
  readonly zone: string;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  readonly overlapMax: number;
  readonly afterOwnPrevious: boolean;
  readonly parameters: Readonly<Record<string, string>>;
  readonly startedBy: string;
  /** The next due time; null when nothing will follow. */
  readonly nextAt: Date | null;
}

const SCHEDULE_COLUMNS = `s.project_id as "projectId", s.job_id as "jobId", s.expression, s.zone,
  s.starts_at as "startsAt", s.ends_at as "endsAt", s.overlap_max as "overlapMax",
  s.after_own_previous as "afterOwnPrevious", s.parameters, s.started_by as "startedBy", s.next_at as "nextAt"`;

/** Puts a schedule in place of the job's present one. */
export async function putSchedule(db: Database, schedule: ScheduleRow): Promise<void> {
  await execute(
    db,
    "put-schedule",
    `insert into schedule (project_id, job_id, expression, zone, starts_at, ends_at, overlap_max, after_own_previous,
       parameters, started_by, next_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (project_id, job_id) do update
     set expression = $3, zone = $4, starts_at = $5, ends_at = $6, overlap_max = $7, after_own_previous = $8,
       parameters = $9, started_by = $10, next_at = $11`,
    [
      schedule.projectId,
      schedule.jobId,
      schedule.expression,
      schedule.zone,
      schedule.startsAt,
      schedule.endsAt,
      schedule.overlapMax,
      schedule.afterOwnPrevious,
      JSON.stringify(schedule.parameters),
      schedule.startedBy,
      schedule.nextAt,
    ],
  );
}

/** The job's schedule, held until the transaction ends. */
export async function lockSchedule(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<ScheduleRow | undefined> {
  const rows = await query<ScheduleRow>(
    db,
    "lock-schedule",
    `select ${SCHEDULE_COLUMNS} from schedule s where project_id = $1 and job_id = $2 for update`,
    [projectId, jobId],
  );
  return rows[0];
}

/** Whether there was one. */
export async function deleteSchedule(db: Database, projectId: string, jobId: number): Promise<boolean> {
  return (
    (await execute(db, "delete-schedule", "delete from schedule where project_id = $1 and job_id = $2", [
      projectId,
      jobId,
    ])) > 0
  );
}

/** A schedule that is due, with its job and how many of its instances there are. */
export interface DueSchedule extends ScheduleRow {
  readonly nextAt: Date;
  readonly workspaceId: string;
  readonly jobName: string;
  readonly jobVersion: number;
  /** Instances of the schedule that run or are about to end. */
  readonly running: number;
  readonly waiting: number;
}

/** In a transaction: schedules whose time has come, the longest due first, held; others that claim skip them. */
export async function claimDueSchedules(db: Database, now: Date, limit: number): Promise<DueSchedule[]> {
  return await query<DueSchedule>(
    db,
    "claim-due-schedules",
    `with due as materialized (
       select * from schedule where next_at <= $1 order by next_at limit $2 for update skip locked
     )
     select ${SCHEDULE_COLUMNS}, j.workspace_id as "workspaceId", j.name as "jobName", j.version as "jobVersion",
       c.running::integer, c.waiting::integer
     from due s
     join job j on j.project_id = s.project_id and j.id = s.job_id
     cross join lateral (
       select count(*) filter (where i.state in ('running', 'failing', 'stopping')) as running,
         count(*) filter (where i.state = 'waiting') as waiting
       from instance i
       where i.project_id = s.project_id and i.job_id = s.job_id and i.ended_at is null and i.origin = 'schedule'
     ) c`,
    [now, limit],
  );
}

export async function updateNextTimes(
  db: Database,
  times: readonly { readonly projectId: string; readonly jobId: number; readonly nextAt: Date | undefined }[],
): Promise<void> {
  await execute(
    db,
    "update-next-times",
    `update schedule s set next_at = t.next_at
     from unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) as t (project_id, job_id, next_at)
     where s.project_id = t.project_id and s.job_id = t.job_id`,
    [
      times.map(({ projectId }) => projectId),
      times.map(({ jobId }) => jobId),
      times.map(({ nextAt }) => nextAt ?? null),
    ],
  );
}

/** When the next schedule of all is due; undefined when none is. */
export async function findNextDue(db: Database): Promise<Date | undefined> {
  const rows = await query<{ readonly nextAt: Date }>(
    db,
    "find-next-due",
    `select next_at as "nextAt" from schedule where next_at is not null order by next_at limit 1`,
  );
  return rows[0]?.nextAt;
}
