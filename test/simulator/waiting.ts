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

/** What was found of it for one run: the times that count, and whether it was out of operation meanwhile. */
interface Looked {
  readonly stretch: Stretch;
  readonly wasStopped: boolean;
}

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
  const until = (line.begun_at ?? line.ended_at)?.getTime() ?? Infinity;
  const judged = upstream.map((one) => {
    const wasStopped = isStoppedWithin(one.history, at - TOLERANCE_MS, until);
    const stretch = stretchOf(own, one, at, clockOf);
    return { ...one, wasStopped, stretch, lines: linesWithin(one.lines, stretch) };
  });
  if (line.begun_at !== null) {
    const begun = line.begun_at.getTime();
    return judged.map((one) => objectionToBegin(one, begun, clockOf)).find((found) => found !== undefined);
  }
  const isHeld = judged.some(
    ({ wasStopped, lines }) =>
      wasStopped || lines.some(({ instance_state }) => instance_state !== "succeeded"),
  );
  return isHeld ? undefined : `${line.instance_state}, although all that it waited for succeeded`;
}

/** A time on a free day of the other's calendar counts for nothing. */
function linesWithin(lines: readonly Ending[], { from, to }: Stretch): Ending[] {
  return lines.filter(
    ({ planned_at, reason }) =>
      planned_at.getTime() >= from && planned_at.getTime() < to && reason !== "calendar",
  );
}

/** Whether the job was out of operation at some moment between these. */
function isStoppedWithin({ phases }: JobHistory, from: number, to: number): boolean {
  return phases.some(
    ({ since, operation }, place) =>
      operation === "stopped" && since <= to && (phases[place + 1]?.since ?? Infinity) >= from,
  );
}

function objectionToBegin(
  { waiting, history, lines, stretch, wasStopped }: Upstream & Looked,
  begun: number,
  clockOf: (zone: string) => WallClock,
): string | undefined {
  // Without a schedule in operation nothing is waited for but what there is in the own period, whichever that was then.
  if (wasStopped) return undefined;
  for (const { planned_at, instance_state, ended_at } of lines) {
    if (planned_at.getTime() > begun - TOLERANCE_MS) continue;
    const which = `the run of job ${waiting.jobId} of ${planned_at.toISOString()}`;
    if (instance_state !== "succeeded" && waiting.failPolicy !== "ignore")
      return `begun, although ${which} ended as ${instance_state}`;
    if (ended_at !== null && ended_at.getTime() > begun + TOLERANCE_MS) return `begun before ${which} ended`;
  }
  const { schedule } = history.phases.findLast(({ since }) => since <= begun) ?? {};
  if (schedule === undefined) return undefined;
  const clock = clockOf(schedule.zone);
  const [coming] = plannedTimes(schedule, clock, begun + TOLERANCE_MS, stretch.to - 1).filter(
    (at) => at >= stretch.from,
  );
  if (coming === undefined) return undefined;
  const acts = history.phases.map(({ since, operation }) => `${operation} since ${textOf(since)}`).join(", ");
  const { jobId, failPolicy } = waiting;
  return `begun at ${textOf(begun)} before the run of job ${jobId} of ${textOf(coming)} (${failPolicy}; ${acts})`;
}

function textOf(time: number): string {
  return new Date(time).toISOString();
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
