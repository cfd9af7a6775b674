/** Which schedules are due, with all that decides over their times. */
import type { CalendarRule } from "../domain/workday.ts";
import { type Database, execute, query } from "./database.ts";
import { SCHEDULE_COLUMNS, type ScheduleRow } from "./schedules.ts";

/** A schedule that is due, with its job and what its times meet. */
export interface DueSchedule extends ScheduleRow {
  readonly nextAt: Date;
  readonly workspaceId: string;
  readonly jobName: string;
  readonly jobVersion: number;
  /** Instances of the schedule that run or are about to end. */
  readonly running: number;
  readonly waiting: number;
  /** Whether the job waits for runs of other jobs. */
  readonly hasUpstream: boolean;
  readonly freezes: readonly { readonly from: Date; readonly to: Date }[];
  /** Null where the schedule names none, or one that is no more. */
  readonly calendarRule: CalendarRule | null;
}

/** Instants within JSON are texts. */
type DueRow = Omit<DueSchedule, "freezes"> & {
  readonly freezes: readonly { readonly from: string; readonly to: string }[];
};

/** Where a schedule stands in the order in which they are due. */
export interface DuePlace {
  readonly nextAt: Date;
  readonly projectId: string;
  readonly jobId: number;
}

/**
 * In a transaction: the schedules that are due until `to`, the longest due first and those behind `after` alone, held;
 * others that claim skip them.
 */
export async function holdDueSchedules(
  db: Database,
  { to, after, limit }: { readonly to: Date; readonly after: DuePlace | undefined; readonly limit: number },
): Promise<DuePlace[]> {
  return await query<DuePlace>(
    db,
    "hold-due-schedules",
    `select next_at as "nextAt", project_id as "projectId", job_id as "jobId" from schedule
     where next_at <= $1 and (next_at, project_id, job_id) > (
       coalesce($2, '-infinity'::timestamptz), coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid),
       coalesce($4, 0::bigint)
     )
     order by next_at, project_id, job_id limit $5 for update skip locked`,
    [to, after?.nextAt ?? null, after?.projectId ?? null, after?.jobId ?? null, limit],
  );
}

/**
 * In the same transaction: held schedules with what decides over their times, in their order. A statement of its own,
 * so that it sees all that was committed by whoever held them before.
 */
export async function readDueSchedules(db: Database, held: readonly DuePlace[]): Promise<DueSchedule[]> {
  const rows = await query<DueRow>(
    db,
    "read-due-schedules",
    `select ${SCHEDULE_COLUMNS}, j.workspace_id as "workspaceId", j.name as "jobName", j.version as "jobVersion",
       c.running::integer, c.waiting::integer,
       exists (
         select from job_dependency d where d.project_id = s.project_id and d.job_id = s.job_id
       ) as "hasUpstream",
       (
         select coalesce(json_agg(json_build_object('from', f.from_at, 'to', f.to_at)), '[]')
         from job_freeze f where f.project_id = s.project_id and f.job_id = s.job_id
       ) as freezes,
       case when s.calendar is not null then (
         select json_build_object('weekdays', k.weekdays, 'holidays', k.holidays, 'workdays', k.workdays)
         from calendar k
         where k.project_id = s.project_id and k.workspace_id = j.workspace_id and k.name = s.calendar
       ) end as "calendarRule"
     from unnest($1::uuid[], $2::bigint[]) with ordinality as h (project_id, job_id, place)
     join schedule s on s.project_id = h.project_id and s.job_id = h.job_id
     join job j on j.project_id = s.project_id and j.id = s.job_id
     cross join lateral (
       select count(*) filter (where i.state in ('running', 'paused', 'failing', 'stopping')) as running,
         count(*) filter (where i.state = 'waiting') as waiting
       from instance i
       where i.project_id = s.project_id and i.job_id = s.job_id and i.ended_at is null and i.origin = 'schedule'
         and i.id >= (select history_floor())
     ) c
     order by h.place`,
    [held.map(({ projectId }) => projectId), held.map(({ jobId }) => jobId)],
  );
  return rows.map(({ freezes, ...row }) => ({
    ...row,
    freezes: freezes.map(({ from, to }) => ({ from: new Date(from), to: new Date(to) })),
  }));
}

/** Where planning goes on, for schedules that were claimed; a first instance that did not wait is past. */
export async function updateNextTimes(
  db: Database,
  times: readonly {
    readonly projectId: string;
    readonly jobId: number;
    readonly nextAt: Date | undefined;
    readonly firstIsFree: boolean;
  }[],
): Promise<void> {
  await execute(
    db,
    "update-next-times",
    `update schedule s set next_at = t.next_at, first_is_free = t.first_is_free
     from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::boolean[]) as t (project_id, job_id, next_at, first_is_free)
     where s.project_id = t.project_id and s.job_id = t.job_id`,
    [
      times.map(({ projectId }) => projectId),
      times.map(({ jobId }) => jobId),
      times.map(({ nextAt }) => nextAt ?? null),
      times.map(({ firstIsFree }) => firstIsFree),
    ],
  );
}

/** When the next schedule of all is due, and the next of those that are due after `seenTo`; undefined when none is. */
export async function findNextDue(
  db: Database,
  seenTo: Date,
): Promise<{ readonly nextAt: Date | undefined; readonly unseenAt: Date | undefined }> {
  const [row] = await query<{ readonly nextAt: Date | null; readonly unseenAt: Date | null }>(
    db,
    "find-next-due",
    `select (select min(next_at) from schedule) as "nextAt",
       (select min(next_at) from schedule where next_at > $1) as "unseenAt"`,
    [seenTo],
  );
  return { nextAt: row?.nextAt ?? undefined, unseenAt: row?.unseenAt ?? undefined };
}
