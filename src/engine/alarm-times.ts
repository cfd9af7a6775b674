/** Raises the alarms of runs that are late, or not finished in time: looks at what came due since it last looked. */
import { type TimedKind, timeAlarmMessage } from "../domain/job-alarm.ts";
import {
  findFirstTimedRule,
  holdAlarmWatch,
  listOverdueRuns,
  moveAlarmWatch,
  type OverdueRun,
} from "../store/alarm-times.ts";
import { type Database, transaction } from "../store/database.ts";
import type { JobAlarmDeps } from "./job-alarms.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Alarm, raiseAlarms } from "./raise-alarms.ts";

/** Rules speak of minutes: what comes due is told that much later at most. */
const POLL_MS = 10_000;
/** After a downtime the stretch that was not looked at is taken in pieces. */
const STRETCH_MS = 3_600_000;

/** One server looks at a time, and whoever looks next goes on where it ended: nothing is passed over, or told twice. */
export function createAlarmTimeLoop({ pool, now, observe, onPublished }: JobAlarmDeps): Loop {
  async function round(): Promise<number> {
    const since = await findFirstTimedRule(pool);
    if (since === undefined) return POLL_MS;
    const { raised, isBehind } = await transaction(pool, (db) => look(db, since, now()));
    if (raised > 0) onPublished();
    return isBehind ? 0 : POLL_MS;
  }
  return createLoop("alarm-times", round, observe);
}

async function look(db: Database, since: Date, now: Date) {
  const seenTo = await holdAlarmWatch(db);
  if (seenTo === undefined) return { raised: 0, isBehind: false };
  // Not behind now where the clock was set back.
  const from = Math.min(Math.max(seenTo.getTime(), since.getTime()), now.getTime());
  const to = new Date(Math.min(from + STRETCH_MS, now.getTime()));
  const overdue = await listOverdueRuns(db, { from: new Date(from), to });
  const raised = await raiseAlarms(db, overdue.map(alarmOf), now);
  await moveAlarmWatch(db, to);
  return { raised, isBehind: to < now };
}

function alarmOf(run: OverdueRun): Alarm {
  return {
    rule: run,
    workspaceId: run.workspaceId,
    jobName: run.jobName,
    instanceId: run.instanceId,
    origin: run.origin,
    plannedAt: run.plannedAt,
    key: keyOf(run.kind, run.instanceId),
    message: timeAlarmMessage(run.kind, run, run.minutes),
    detail: { minutes: run.minutes },
  };
}

/** `listOverdueRuns` looks for it. */
function keyOf(kind: TimedKind, instanceId: number): string {
  return `${kind}/${instanceId}`;
}
