/** Alarms: the ends of runs that rules wait for, and the record of what was raised. */
import type { InstanceOrigin } from "../domain/instance.ts";
import type { AlarmedState, AlarmKind } from "../domain/job-alarm.ts";
import type { Page } from "../domain/page.ts";
import type { WatchingRule } from "./alarm-watches.ts";
import { type Database, execute, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/**
 * A run that ended, or was suspended, a planned time that was missed, or a real-time job that came into exception, where
 * the workspace has rules.
 */
export interface AlarmedEnd {
  readonly id: number;
  readonly projectId: string;
  readonly workspaceId: string;
  readonly jobId: number;
  readonly jobName: string;
  /** Null for a time that was missed. */
  readonly instanceId: number | null;
  readonly origin: InstanceOrigin;
  readonly plannedAt: Date;
  readonly state: AlarmedState;
  readonly endedAt: Date | null;
  readonly errorMessage: string | null;
}

/** In a transaction: takes up to `limit` ends, those of a job together; none that another takes. */
export async function takeAlarmedEnds(db: Database, limit: number): Promise<AlarmedEnd[]> {
  return await query<AlarmedEnd>(
    db,
    "take-alarmed-ends",
    `with taken as (
       delete from run_end where id in (
         select id from run_end where audience = 'alarms' order by project_id, job_id, id limit $1
         for update skip locked
       ) returning *
     )
     select t.id, t.project_id as "projectId", t.job_id as "jobId", t.instance_id as "instanceId",
       t.planned_at as "plannedAt", t.state, coalesce(i.workspace_id, j.workspace_id) as "workspaceId",
       coalesce(i.job_name, j.name) as "jobName", coalesce(i.origin, 'schedule') as origin,
       i.ended_at as "endedAt", i.error_message as "errorMessage"
     from taken t
     left join instance i on i.project_id = t.project_id and i.id = t.instance_id
     left join job j on j.project_id = t.project_id and j.id = t.job_id
     where i.id is not null or j.id is not null
     order by t.id`,
    [limit],
  );
}

interface NewAlarm {
  readonly rule: WatchingRule;
  readonly workspaceId: string;
  readonly jobName: string;
  readonly instanceId: number | null;
  readonly origin: InstanceOrigin;
  readonly plannedAt: Date;
  readonly key: string;
  readonly message: string;
  readonly noticeId: number;
}

/** What was raised under its key already stays as it is. */
export async function insertAlarms(db: Database, alarms: readonly NewAlarm[], now: Date): Promise<void> {
  await execute(
    db,
    "insert-alarms",
    `insert into alarm_record (project_id, workspace_id, rule_id, key, kind, job_id, job_name, instance_id, origin,
       message, planned_at, at, notice_id)
     select g.project_id, workspace_id, rule_id, key, kind, job_id, job_name, instance_id, origin, message, planned_at,
       $1::timestamptz, notice_id
     from unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bigint[],
         $10::text[], $11::text[], $12::timestamptz[], $13::bigint[])
       as g (project_id, workspace_id, rule_id, key, kind, job_id, job_name, instance_id, origin, message, planned_at,
         notice_id)
     on conflict (project_id, rule_id, key) do nothing`,
    [
      now,
      alarms.map(({ rule }) => rule.projectId),
      alarms.map(({ workspaceId }) => workspaceId),
      alarms.map(({ rule }) => rule.ruleId),
      alarms.map(({ key }) => key),
      alarms.map(({ rule }) => rule.kind),
      alarms.map(({ rule }) => rule.jobId),
      alarms.map(({ jobName }) => jobName),
      alarms.map(({ instanceId }) => instanceId),
      alarms.map(({ origin }) => origin),
      alarms.map(({ message }) => message),
      alarms.map(({ plannedAt }) => plannedAt),
      alarms.map(({ noticeId }) => noticeId),
    ],
  );
}

/** What was raised. */
export interface AlarmRecord {
  readonly at: Date;
  readonly jobId: number;
  readonly jobName: string;
  readonly origin: InstanceOrigin;
  readonly message: string;
  readonly plannedAt: Date;
  readonly kind: AlarmKind;
  /** Whether all targets have it; null while it is on its way, and where its topic had none. */
  readonly sent: boolean | null;
}

/** A page of what was raised in a workspace from `from` to `to`, both included, newest first, and how many there are. */
export async function listAlarms(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { from, to }: { readonly from: Date; readonly to: Date },
  page: Page,
): Promise<{ alarms: AlarmRecord[]; total: number }> {
  const chosen = [projectId, workspaceId, from, to];
  const where = "where a.project_id = $1 and a.workspace_id = $2 and a.at between $3 and $4";
  const [alarms, totals] = await Promise.all([
    query<AlarmRecord>(
      db,
      "list-alarms",
      `select a.at, a.job_id as "jobId", a.job_name as "jobName", a.origin, a.message, a.planned_at as "plannedAt", a.kind,
         (
           select case when bool_or(d.state = 'failed') then false when bool_and(d.state = 'sent') then true end
           from notice_delivery d where d.project_id = a.project_id and d.notice_id = a.notice_id
         ) as sent
       from alarm_record a ${where} order by a.at desc, a.id desc offset $5 limit $6`,
      [...chosen, page.offset, page.limit],
    ),
    query<{ readonly total: number }>(
      db,
      "count-alarms",
      `select count(*) as total from alarm_record a ${where}`,
      chosen,
    ),
  ]);
  return { alarms, total: totals[0]?.total ?? 0 };
}
