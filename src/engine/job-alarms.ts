/** Raises the alarms of what happened to jobs: ends of runs where rules wait for them, and planned times that were missed. */
import {
  alarmKindOf,
  alarmMessage,
  exceptionKey,
  exceptionMessage,
  missedMessage,
} from "../domain/job-alarm.ts";
import type { Observe } from "../domain/observation.ts";
import { type AlarmedEnd, takeAlarmedEnds } from "../store/alarm-records.ts";
import { listWatchingRules } from "../store/alarm-watches.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Alarm, raiseAlarms } from "./raise-alarms.ts";

export interface JobAlarmDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
  /** There is something to deliver. */
  readonly onPublished: () => void;
}

/** Nobody wakes it: the engine's ends cost no more than their own commit, and an alarm is that much late at most. */
const POLL_MS = 2_000;
const BATCH_MAX = 500;

export function createJobAlarmLoop({ pool, now, observe, onPublished }: JobAlarmDeps): Loop {
  async function round(): Promise<number> {
    const { taken, raised } = await transaction(pool, (db) => raise(db, now()));
    if (raised > 0) onPublished();
    return taken < BATCH_MAX ? POLL_MS : 0;
  }
  return createLoop("job-alarms", round, observe);
}

async function raise(db: Database, now: Date): Promise<{ readonly taken: number; readonly raised: number }> {
  const ends = await takeAlarmedEnds(db, BATCH_MAX);
  const happened = happeningsOf(ends, now);
  const rules = await listWatchingRules(db, happened);
  const alarms = happened.flatMap((one) =>
    rules
      .filter(
        ({ projectId, jobId, kind }) =>
          projectId === one.projectId && jobId === one.jobId && kind === alarmKindOf(one.state),
      )
      .map((rule): Alarm => ({ ...one, rule })),
  );
  return { taken: ends.length, raised: await raiseAlarms(db, alarms, now) };
}

type Happening = AlarmedEnd & Pick<Alarm, "key" | "message" | "detail">;

/** Ends one by one; of the times that a job missed, all together in the last of them. */
function happeningsOf(ends: readonly AlarmedEnd[], now: Date): Happening[] {
  const missed = Map.groupBy(
    ends.filter(({ state }) => state === "missed"),
    ({ projectId, jobId }) => `${projectId}/${jobId}`,
  );
  return [
    ...ends
      .filter(({ state }) => state !== "missed")
      .map((end) => (end.state === "exception" ? exceptionOf(end, now) : endedOf(end))),
    ...[...missed.values()].flatMap(missedOf),
  ];
}

/** Each end has a key of its own: what is begun anew and ends again is told again. */
function endedOf(end: AlarmedEnd): Happening {
  const { id, instanceId, endedAt } = end;
  return {
    ...end,
    key: `${instanceId}/${id}`,
    message: alarmMessage(end),
    detail: { ...(endedAt !== null && { endedAt: endedAt.toISOString() }) },
  };
}

/** A node that fails every few seconds is one alarm in a while. */
function exceptionOf(end: AlarmedEnd, now: Date): Happening {
  return { ...end, key: exceptionKey(end.jobId, now), message: exceptionMessage(end) };
}

function missedOf(times: readonly AlarmedEnd[]): Happening[] {
  const sorted = times.toSorted((one, other) => one.plannedAt.getTime() - other.plannedAt.getTime());
  const last = sorted.at(-1);
  if (last === undefined) return [];
  const plannedAt = sorted.map((time) => time.plannedAt);
  return [
    {
      ...last,
      key: `missed/${last.jobId}/${last.id}`,
      message: missedMessage(last.jobName, plannedAt),
      detail: { times: times.length },
    },
  ];
}
