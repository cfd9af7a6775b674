/** Schedules of jobs in operation, and the jobs as starting and stopping needs them. */
import type { JobDefinition, JobKind, JobStatus } from "../domain/job.ts";
import type { Interval } from "../domain/period.ts";
import type { PlanLoad, PlanRule } from "../domain/plan.ts";
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
  // By itself: a statement that waited for a save would look for the new version among what was there before the wait.
  await query(
    db,
    "lock-operated-job",
    "select from job where project_id = $1 and id = $2 for no key update",
    [projectId, jobId],
  );
  return await findOperatedJob(db, projectId, jobId);
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

/** Keeps the names of a job and of its nodes' jobs for their lines in the ledger, which stay when it is deleted. */
export async function insertDeletedJob(
  db: Database,
  { projectId, id }: OperatedJob,
  now: Date,
): Promise<void> {
  await execute(
    db,
    "insert-deleted-job",
    `insert into deleted_job (project_id, id, workspace_id, name, parent_id, deleted_at)
     select project_id, id, workspace_id, name, parent_id, $3 from job
     where project_id = $1 and (id = $2 or parent_id = $2)`,
    [projectId, id, now],
  );
}

/** Deletes the job with its versions and schedule; its instances and its lines in the ledger stay. */
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

/** A schedule in operation. */
export interface ScheduleRow extends PlanRule {
  readonly projectId: string;
  readonly jobId: number;
  readonly interval: Interval;
  readonly catchUp: PlanLoad["catchUp"];
  readonly catchUpSeconds: number;
  readonly overlapMax: number;
  readonly overlapPolicy: PlanLoad["overlapPolicy"];
  readonly afterOwnPrevious: boolean;
  /** The next instance does not wait for the own previous one. */
  readonly firstIsFree: boolean;
  readonly calendar: string | null;
  /** No time before it is planned, whatever the definition says. */
  readonly notBefore: Date | null;
  readonly pausedBy: string | null;
  readonly pausedAt: Date | null;
  readonly parameters: Readonly<Record<string, string>>;
  readonly startedBy: string;
  /** The next due time; null when nothing will follow. */
  readonly nextAt: Date | null;
}

/** Every member of a schedule, from `schedule s`. */
export const SCHEDULE_COLUMNS = `s.project_id as "projectId", s.job_id as "jobId", s.expression, s.zone,
  s.starts_at as "startsAt", s.ends_at as "endsAt", s.missing_hour as "missingHour", s.repeated_hour as "repeatedHour",
  s.interval, s.catch_up as "catchUp", s.catch_up_seconds as "catchUpSeconds", s.overlap_max as "overlapMax",
  s.overlap_policy as "overlapPolicy", s.after_own_previous as "afterOwnPrevious", s.first_is_free as "firstIsFree",
  s.calendar, s.not_before as "notBefore", s.paused_by as "pausedBy", s.paused_at as "pausedAt", s.parameters,
  s.started_by as "startedBy", s.next_at as "nextAt"`;

/** Puts a schedule in place of the job's present one. */
export async function putSchedule(db: Database, schedule: ScheduleRow): Promise<void> {
  await execute(
    db,
    "put-schedule",
    `insert into schedule (project_id, job_id, expression, zone, starts_at, ends_at, missing_hour, repeated_hour,
       interval, catch_up, catch_up_seconds, overlap_max, overlap_policy, after_own_previous, first_is_free, calendar,
       not_before, paused_by, paused_at, parameters, started_by, next_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
     on conflict (project_id, job_id) do update
     set expression = $3, zone = $4, starts_at = $5, ends_at = $6, missing_hour = $7, repeated_hour = $8,
       interval = $9, catch_up = $10, catch_up_seconds = $11, overlap_max = $12, overlap_policy = $13,
       after_own_previous = $14, first_is_free = $15, calendar = $16, not_before = $17, paused_by = $18,
       paused_at = $19, parameters = $20, started_by = $21, next_at = $22`,
    [
      schedule.projectId,
      schedule.jobId,
      schedule.expression,
      schedule.zone,
      schedule.startsAt,
      schedule.endsAt,
      schedule.missingHour,
      schedule.repeatedHour,
      schedule.interval,
      schedule.catchUp,
      schedule.catchUpSeconds,
      schedule.overlapMax,
      schedule.overlapPolicy,
      schedule.afterOwnPrevious,
      schedule.firstIsFree,
      schedule.calendar,
      schedule.notBefore,
      schedule.pausedBy,
      schedule.pausedAt,
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

/** As `lockSchedule`, only that nobody changes it or plans its times until the transaction ends; others may read so too. */
export async function shareSchedule(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<ScheduleRow | undefined> {
  const rows = await query<ScheduleRow>(
    db,
    "share-schedule",
    `select ${SCHEDULE_COLUMNS} from schedule s where project_id = $1 and job_id = $2 for share`,
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
