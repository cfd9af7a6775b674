/** Records alarms, and publishes them to the topics of their rules. */
import type { InstanceOrigin } from "../domain/instance.ts";
import { ALARMS_APART, alarmSubject, digestMessage, digestSubject } from "../domain/job-alarm.ts";
import { SUBJECT_MAX } from "../domain/notice.ts";
import { insertAlarms } from "../store/alarm-records.ts";
import type { WatchingRule } from "../store/alarm-watches.ts";
import type { Database } from "../store/database.ts";
import { insertNotices, type NewNotice } from "../store/notices.ts";

/** Something that happened to a job, and a rule that waits for it. */
export interface Alarm {
  readonly rule: WatchingRule;
  readonly workspaceId: string;
  readonly jobName: string;
  /** Null for a planned time that started no run. */
  readonly instanceId: number | null;
  readonly origin: InstanceOrigin;
  readonly plannedAt: Date;
  /** Of what happened: it is raised once for each rule. */
  readonly key: string;
  readonly message: string;
  /** Further members of the notice. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/**
 * In the transaction that takes what happened, so that none is lost, and none told twice. Many of one rule at once are
 * told in one notice, each is recorded. Gives how many were raised.
 */
export async function raiseAlarms(db: Database, alarms: readonly Alarm[], now: Date): Promise<number> {
  if (alarms.length === 0) return 0;
  const ofRules = Map.groupBy(alarms, ({ rule }) => `${rule.projectId}/${rule.ruleId}`);
  const told = [...ofRules.values()].flatMap((ofRule) =>
    ofRule.length > ALARMS_APART ? [ofRule] : ofRule.map((alarm) => [alarm]),
  );
  const notices = told.map((together) => ({ together, notice: noticeOf(together) }));
  const published = await insertNotices(
    db,
    notices.flatMap(({ notice }) => notice ?? []),
    now,
  );
  const ids = new Map(published.map(({ projectId, key, id }) => [`${projectId}/${key}`, id]));
  const raised = notices.flatMap(({ together, notice }) => {
    const noticeId = notice === undefined ? undefined : ids.get(`${notice.projectId}/${notice.key}`);
    return noticeId === undefined ? [] : together.map((alarm) => ({ ...alarm, noticeId }));
  });
  await insertAlarms(db, raised, now);
  return raised.length;
}

function noticeOf(alarms: readonly Alarm[]): NewNotice | undefined {
  const [first] = alarms;
  if (first === undefined) return undefined;
  const { rule, workspaceId } = first;
  const shared = { alarm: rule.kind, rule: rule.ruleName, workspace: workspaceId };
  const place = { projectId: rule.projectId, topicId: rule.topicId };
  if (alarms.length > 1)
    return {
      ...place,
      key: `alarms/${rule.ruleId}/${first.key}`,
      subject: digestSubject(rule.kind, alarms.length, rule.ruleName).slice(0, SUBJECT_MAX),
      message: digestMessage(alarms.map(({ message }) => message)),
      detail: { ...shared, count: alarms.length },
    };
  return {
    ...place,
    key: `alarm/${rule.ruleId}/${first.key}`,
    subject: alarmSubject(rule.kind, first.jobName).slice(0, SUBJECT_MAX),
    message: first.message,
    detail: {
      ...shared,
      job: first.jobName,
      ...(first.instanceId !== null && { instanceId: first.instanceId }),
      plannedAt: first.plannedAt.toISOString(),
      ...first.detail,
    },
  };
}
