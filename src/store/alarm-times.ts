/** Runs that have come to the time of an alarm rule: found by an index of what has not ended, stretch by stretch. */
import type { InstanceOrigin } from "../domain/instance.ts";
import type { TimedKind } from "../domain/job-alarm.ts";
import { WATCHED, WATCHES, type WatchingRule } from "./alarm-watches.ts";
import { type Database, execute, query } from "./database.ts";

/** When the first of all rules about times was saved; undefined while there are none. */
export async function findFirstTimedRule(db: Database): Promise<Date | undefined> {
  const rows = await query<{ readonly at: Date | null }>(
    db,
    "find-first-timed-rule",
    "select min(created_at) as at from alarm_rule where minutes is not null",
  );
  return rows[0]?.at ?? undefined;
}

/** In a transaction: up to when times have been looked at, held; undefined while another holds it. */
export async function holdAlarmWatch(db: Database): Promise<Date | undefined> {
  const rows = await query<{ readonly seenTo: Date }>(
    db,
    "hold-alarm-watch",
    `select seen_to as "seenTo" from alarm_watch for update skip locked`,
  );
  return rows[0]?.seenTo;
}

export async function moveAlarmWatch(db: Database, seenTo: Date): Promise<void> {
  await execute(db, "move-alarm-watch", "update alarm_watch set seen_to = $1", [seenTo]);
}

/** A run, and a rule whose time it has come to. */
export interface OverdueRun extends WatchingRule {
  readonly kind: TimedKind;
  readonly minutes: number;
  readonly workspaceId: string;
  readonly jobName: string;
  readonly instanceId: number;
  readonly origin: InstanceOrigin;
  readonly plannedAt: Date;
}

/**
 * Runs that came to the time of a rule after `from` and not after `to`, and have not ended, or not begun; but for what
 * the rule has told of already. The time counts from the planned one, or from when the run was made, where that was later.
 * Nodes of real-time jobs go on for ever, and frozen runs are held on purpose.
 */
export async function listOverdueRuns(
  db: Database,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<OverdueRun[]> {
  return await query<OverdueRun>(
    db,
    "list-overdue-runs",
    `select r.project_id as "projectId", r.id as "ruleId", r.name as "ruleName", r.kind, r.minutes,
       r.topic_id as "topicId", p.name as topic, i.workspace_id as "workspaceId", i.job_id as "jobId",
       i.job_name as "jobName", i.id as "instanceId", i.origin, i.planned_at as "plannedAt"
     from alarm_rule r
     join topic p on p.project_id = r.project_id and p.id = r.topic_id
     join instance i on i.project_id = r.project_id and i.workspace_id = r.workspace_id
       and i.alarmed and i.ended_at is null and i.id >= history_floor()
       and greatest(i.planned_at, i.created_at)
         > greatest($1::timestamptz, r.created_at) - r.minutes * interval '1 minute'
       and greatest(i.planned_at, i.created_at) <= $2::timestamptz - r.minutes * interval '1 minute'
     join job n on n.project_id = i.project_id and n.id = i.job_id
     join job j on ${WATCHED} and ${WATCHES}
     where r.minutes is not null and i.origin <> 'stream'
       and (
         r.kind = 'unfinished'
         or i.reruns = 0 and i.state <> 'frozen' and not exists (
           select from node_run x
           where x.project_id = i.project_id and x.instance_id = i.id and x.started_at is not null
         )
       )
       and not exists (
         select from alarm_record a
         where a.project_id = r.project_id and a.rule_id = r.id and a.key = r.kind || '/' || i.id
       )
     order by r.id, i.id`,
    [from, to],
  );
}
