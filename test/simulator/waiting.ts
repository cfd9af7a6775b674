/** Runs that wait for runs of other jobs: which ones those are, by plain counting of days, and what speaks against an end. */
import type { JobHistory, Waiting } from "./acts.ts";
import { plannedTimes, type Timetable } from "./timetable.ts";
import type { WallClock } from "./wall-clock.ts";

/** What became of one planned time, as far as whoever waits for it is concerned. */
export interface Ending {
  readonly planned_at: Date;
  readonly reason: string | null;
  readonly instance_state: string | null;
  readonly begun_at: Date | null;
  readonly ended_at: Date | null;
}

/** A job that is waited for. */
export interface Upstream {
  readonly waiting: Waiting;
  readonly history: JobHistory;
  readonly lines: readonly Ending[];
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

const DAY = 86_400_000;
/** Between any two clocks of the world. */
const TOLERANCE_MS = 31_000;

/** What a schedule repeats in, as the product is told. */
export function intervalOf(timetable: Timetable): "hours" | "days" | "weeks" | "months" {
  if (timetable.every === "minutes") return "hours";
  if (timetable.every === "day") return "days";
  return timetable.every === "week" ? "weeks" : "months";
}

/** What speaks against how a run ended that waited for others; undefined for nothing. */
export function objectionToWaiting(
  own: JobHistory,
  line: Ending,
  upstream: readonly Upstream[],
  clockOf: (zone: string) => WallClock,
): string | undefined {
  if (upstream.length === 0) return undefined;
  const at = line.planned_at.getTime();
  const judged = upstream.map((one) => {
    const stretch = stretchOf(own, one, at, clockOf);
    const lines = one.lines.filter(
      ({ planned_at, reason }) =>
        planned_at.getTime() >= stretch.from && planned_at.getTime() < stretch.to && reason !== "calendar",
    );
    return { ...one, stretch, lines };
  });
  if (line.begun_at !== null) {
    const begun = line.begun_at.getTime();
    return judged.map((one) => objectionToBegin(one, begun, clockOf)).find((found) => found !== undefined);
  }
  const isHeld = judged.some(
    ({ history, lines }) =>
      lines.some(({ instance_state }) => instance_state !== "succeeded") ||
      history.phases.some(({ operation, since }) => operation === "stopped" && since > at - 62 * DAY),
  );
  return isHeld ? undefined : `${line.instance_state}, although all that it waited for succeeded`;
}

function objectionToBegin(
  { waiting, history, lines, stretch }: Upstream & { readonly stretch: Stretch },
  begun: number,
  clockOf: (zone: string) => WallClock,
): string | undefined {
  for (const { planned_at, instance_state, ended_at } of lines) {
    if (planned_at.getTime() > begun - TOLERANCE_MS) continue;
    const which = `the run of job ${waiting.jobId} of ${planned_at.toISOString()}`;
    if (instance_state !== "succeeded" && waiting.failPolicy !== "ignore")
      return `begun, although ${which} ended as ${instance_state}`;
    if (ended_at !== null && ended_at.getTime() > begun + TOLERANCE_MS) return `begun before ${which} ended`;
  }
  const phase = history.phases.findLast(({ since }) => since <= begun);
  if (phase === undefined || phase.operation === "stopped" || isNear(history, begun)) return undefined;
  const [coming] = plannedTimes(
    phase.schedule,
    clockOf(phase.schedule.zone),
    begun + TOLERANCE_MS,
    stretch.to - 1,
  ).filter((at) => at >= stretch.from);
  return coming === undefined
    ? undefined
    : `begun before ${new Date(coming).toISOString()}, which it waits for`;
}

/** Whether somebody acted about then: clocks differ too much to say what came first. */
function isNear({ phases }: JobHistory, time: number): boolean {
  return phases.some(({ since }) => Math.abs(since - time) <= TOLERANCE_MS);
}

const COARSENESS = ["hours", "days", "weeks", "months"] as const;

/** The period of the coarser schedule that holds that time in the own zone, or the one before it. */
function stretchOf(
  own: JobHistory,
  { waiting, history }: Upstream,
  at: number,
  clockOf: (zone: string) => WallClock,
): Stretch {
  const [mine, theirs] = [own, history].map(({ phases }) => {
    const schedule = phases[0]?.schedule;
    return schedule === undefined ? 0 : COARSENESS.indexOf(intervalOf(schedule.timetable));
  });
  const interval = COARSENESS[Math.max(mine ?? 0, theirs ?? 0)];
  const clock = clockOf(own.phases[0]?.schedule.zone ?? "UTC");
  const local = new Date(at + clock.offsetAt(at));
  const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  const startOf = (back: number) => {
    if (interval === "months") return midnight(clock, Date.UTC(year, month - back, 1));
    const monday = interval === "weeks" ? (local.getUTCDay() + 6) % 7 : 0;
    return midnight(clock, Date.UTC(year, month, day - monday - back * (interval === "weeks" ? 7 : 1)));
  };
  return { from: startOf(waiting.periods), to: startOf(waiting.periods - 1) };
}

/** The first instant of that day: where clocks skip its midnight, the instant at which they do. */
function midnight(clock: WallClock, local: number): number {
  return clock.instantsOf(local)[0] ?? clock.changeOver(local) ?? local;
}
