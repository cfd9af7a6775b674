/** Raises job alarms: what ended where rules wait for it is recorded and published to their topics, once for each rule. */
import { alarmKindOf, alarmMessage, alarmSubject } from "../domain/job-alarm.ts";
import { SUBJECT_MAX } from "../domain/notice.ts";
import type { Observe } from "../domain/observation.ts";
import { type AlarmedEnd, insertAlarms, takeAlarmedEnds } from "../store/alarm-records.ts";
import { listWatchingRules, type WatchingRule } from "../store/alarm-watches.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { insertNotices, type NewNotice } from "../store/notices.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface JobAlarmDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
  /** There is something to deliver. */
  readonly onPublished: () => void;
}

/** Nobody wakes it: the engine's ends cost no more than their own commit, and an alarm is that much late at most. */
const POLL_MS = 2_000;
const BATCH_MAX = 200;

export function createJobAlarmLoop({ pool, now, observe, onPublished }: JobAlarmDeps): Loop {
  async function round(): Promise<number> {
    const { taken, raised } = await transaction(pool, (db) => raise(db, now()));
    if (raised > 0) onPublished();
    return taken < BATCH_MAX ? POLL_MS : 0;
  }
  return createLoop("job-alarms", round, observe);
}

/** The end is taken, recorded and published in one commit: none is lost, and none told twice. */
async function raise(db: Database, now: Date): Promise<{ readonly taken: number; readonly raised: number }> {
  const ends = await takeAlarmedEnds(db, BATCH_MAX);
  const rules = await listWatchingRules(db, ends);
  const alarms = ends.flatMap((end) =>
    rules.filter((rule) => watches(rule, end)).map((rule) => ({ end, rule, ...wordsOf(rule, end) })),
  );
  if (alarms.length === 0) return { taken: ends.length, raised: 0 };
  const published = await insertNotices(db, alarms.map(noticeOf), now);
  const ids = new Map(published.map(({ key, id }) => [key, id]));
  const raised = alarms.flatMap((alarm) => {
    const noticeId = ids.get(noticeOf(alarm).key);
    return noticeId === undefined ? [] : [{ ...alarm, noticeId }];
  });
  await insertAlarms(db, raised, now);
  return { taken: ends.length, raised: raised.length };
}

function watches(rule: WatchingRule, end: AlarmedEnd): boolean {
  return rule.projectId === end.projectId && rule.jobId === end.jobId && rule.kind === alarmKindOf(end.state);
}

/** Each end has a key of its own: what is begun anew and ends again is told again. */
function wordsOf(rule: WatchingRule, end: AlarmedEnd): { readonly key: string; readonly message: string } {
  return { key: `${end.instanceId}/${end.id}`, message: alarmMessage(rule.kind, end) };
}

interface Alarm {
  readonly end: AlarmedEnd;
  readonly rule: WatchingRule;
  readonly key: string;
  readonly message: string;
}

function noticeOf({ end, rule, key, message }: Alarm): NewNotice {
  return {
    projectId: end.projectId,
    topicId: rule.topicId,
    key: `alarm/${rule.ruleId}/${key}`,
    subject: alarmSubject(rule.kind, end.jobName).slice(0, SUBJECT_MAX),
    message,
    detail: {
      alarm: rule.kind,
      rule: rule.ruleName,
      workspace: end.workspaceId,
      job: end.jobName,
      instanceId: end.instanceId,
      plannedAt: end.plannedAt.toISOString(),
      ...(end.endedAt !== null && { endedAt: end.endedAt.toISOString() }),
    },
  };
}
