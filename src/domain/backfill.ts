/** A backfill: a range of a job's planned times that is run after the fact, in the order and at the pace asked for. */
import { checkRunWindow, type DaySpan, inDaySpan, parseDaySpan, type RunWindow } from "./day-window.ts";
import { nextPlanned, type PlanRule } from "./plan.ts";
import type { BackfillState } from "./states.ts";
import { localFields } from "./zone.ts";

/** Which planned times a backfill runs, and how. */
export interface BackfillSpec {
  /** Planned times from `startsAt` to before `endsAt`; the schedule's own start and end do not count. */
  readonly startsAt: Date;
  readonly endsAt: Date;
  /** Instances, or days with `dayGranularity`, that run at a time. */
  readonly parallelMax: number;
  /** Days are the unit: those of one day and job run one after the other, several days side by side. */
  readonly dayGranularity: boolean;
  readonly newestFirst: boolean;
  /** After a failure nothing more is started. */
  readonly stopOnFailure: boolean;
  /** 0 high, 1 medium, 2 low, among backfills; each job's own where absent. */
  readonly priority?: number;
  /** Of each instance; they win over the job's own. */
  readonly parameters: Readonly<Record<string, string>>;
  /** When its instances may start, in the zone of the first job's schedule. */
  readonly runWindow?: RunWindow;
  /** Which of the planned times count; the others are skipped. */
  readonly timeFilter?: TimeFilter;
}

/** Both must hold where given, in the zone of the first job's schedule. */
export interface TimeFilter {
  /** `2001-04-01`. */
  readonly days?: readonly string[];
  /** `00:00-06:00`, as in `RunWindow`. */
  readonly timeOfDay?: string;
}

/** A backfill as it stands. */
export interface Backfill extends BackfillSpec {
  readonly projectId: string;
  readonly id: number;
  readonly workspaceId: string;
  /** Unique in its workspace. */
  readonly name: string;
  readonly state: BackfillState;
  /** In which its days and windows are read. */
  readonly zone: string;
  readonly progress: BackfillProgress;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly endedAt: Date | null;
  /** Why it ended, or ends, otherwise than planned. */
  readonly reason: string | null;
}

/** Numbers of planned times; what is in none of the others waits. */
export interface BackfillProgress {
  /** All of the range that are in the ledger so far. */
  readonly planned: number;
  readonly running: number;
  readonly succeeded: number;
  /** Instances that ended otherwise than well, stopped ones included. */
  readonly failed: number;
  readonly skipped: number;
}

/** How many of them have neither started nor been skipped. */
export function waitingOf({ planned, running, succeeded, failed, skipped }: BackfillProgress): number {
  return planned - running - succeeded - failed - skipped;
}

/** Most planned times of one backfill: ten years of hours fit. */
export const BACKFILL_TIMES_MAX = 100_000;
/** Most instances of one backfill that run at a time. */
const BACKFILL_PARALLEL_MAX = 100;
/** Most jobs of one backfill. */
export const BACKFILL_JOBS_MAX = 50;
const DAYS_MAX = 4_000;
/** The vendor refuses ranges that are shorter. Source: dataarts-factory 5, patch data. */
const RANGE_MS_MIN = 2_000;

const NAME = /^[^\p{Cc}/]{1,128}$/u;
const DAY = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;

/** What is wrong with the range; undefined when nothing is. */
export function checkBackfillRange({ startsAt, endsAt }: BackfillSpec): string | undefined {
  if (endsAt.getTime() - startsAt.getTime() >= RANGE_MS_MIN) return undefined;
  return "the end must be at least 2 seconds after the start";
}

/** Everything else that is wrong with a backfill, in reading order; empty when it is legal. */
export function checkBackfill(name: string, spec: BackfillSpec): string[] {
  const { parallelMax, priority, runWindow = {}, timeFilter = {} } = spec;
  const problems: string[] = [];
  if (!NAME.test(name)) problems.push("name: must be 1 to 128 characters, without slashes and line breaks");
  if (!Number.isInteger(parallelMax) || parallelMax < 1 || parallelMax > BACKFILL_PARALLEL_MAX)
    problems.push(`parallel: must be from 1 to ${BACKFILL_PARALLEL_MAX}`);
  if (priority !== undefined && ![0, 1, 2].includes(priority)) problems.push("priority: must be 0, 1 or 2");
  problems.push(...checkRunWindow(runWindow).map((problem) => `runWindow.${problem}`));
  const { days = [], timeOfDay } = timeFilter;
  if (days.length > DAYS_MAX) problems.push(`timeFilter.days: at most ${DAYS_MAX} days`);
  if (!days.every((day) => DAY.test(day))) problems.push("timeFilter.days: must be dates as 2001-04-01");
  if (timeOfDay !== undefined && parseDaySpan(timeOfDay) === undefined)
    problems.push("timeFilter.timeOfDay: must be written as 00:00-06:00");
  return problems;
}

/** Why a planned time is not run: a word that does not change, and its sentence. */
export interface BackfillSkip {
  readonly reason:
    | "filter"
    | "cancelled"
    | "stopped-on-failure"
    | "window"
    | "upstream"
    | "own-previous"
    | "job-deleted"
    | "no-nodes";
  readonly detail: string;
}

/** Reasons that count as a failure for what waits for the time. */
export const SKIPPED_AFTER_FAILURE: readonly BackfillSkip["reason"][] = [
  "upstream",
  "own-previous",
  "job-deleted",
  "no-nodes",
];

/** One planned time of a backfill. */
export interface BackfillTime {
  readonly plannedAt: Date;
  /** The local day, `2001-04-01`. */
  readonly day: string;
  /** Where the filter leaves it out. */
  readonly skip?: BackfillSkip;
}

/** At most `limit` planned times after `after` (absent: from the start), oldest first; fewer are the last of the range. */
export function planBackfill(
  rule: PlanRule,
  spec: BackfillSpec,
  { zone, after, limit }: { readonly zone: string; readonly after?: Date; readonly limit: number },
): BackfillTime[] {
  const filter = readFilter(spec.timeFilter ?? {});
  // The range that was asked for stands in place of the schedule's own.
  const unbounded = { ...rule, startsAt: null, endsAt: null };
  const times: BackfillTime[] = [];
  let plannedAt = nextPlanned(unbounded, after ?? new Date(spec.startsAt.getTime() - 1));
  while (plannedAt !== undefined && plannedAt < spec.endsAt && times.length < limit) {
    times.push(timeOf(plannedAt, zone, filter));
    plannedAt = nextPlanned(unbounded, plannedAt);
  }
  return times;
}

interface ReadFilter {
  readonly days: ReadonlySet<string> | undefined;
  readonly span: DaySpan | undefined;
  readonly timeOfDay: string;
}

function readFilter({ days = [], timeOfDay = "" }: TimeFilter): ReadFilter {
  return {
    days: days.length === 0 ? undefined : new Set(days),
    span: parseDaySpan(timeOfDay),
    timeOfDay,
  };
}

function timeOf(plannedAt: Date, zone: string, { days, span, timeOfDay }: ReadFilter): BackfillTime {
  const { year, month, day, hour, minute } = localFields(zone, plannedAt.getTime());
  const date = [year, month, day].map((part) => String(part).padStart(2, "0")).join("-");
  const time = { plannedAt, day: date };
  if (days !== undefined && !days.has(date)) return leaveOut(time, "not one of the days asked for");
  if (span !== undefined && !inDaySpan(span, hour * 60 + minute))
    return leaveOut(time, `outside ${timeOfDay}`);
  return time;
}

function leaveOut(time: BackfillTime, detail: string): BackfillTime {
  return { ...time, skip: { reason: "filter", detail } };
}

/** A planned time that could be started. */
export interface BackfillCandidate {
  /** Place of its job among those of the backfill. */
  readonly place: number;
  readonly plannedAt: Date;
  readonly day: string;
}

/**
 * Which of the candidates to start beside what runs. They come with each job's in its own order; jobs that others of
 * the backfill wait for stand before them.
 */
export function chooseRuns(
  { parallelMax, dayGranularity, newestFirst }: BackfillSpec,
  running: readonly BackfillCandidate[],
  candidates: readonly BackfillCandidate[],
): BackfillCandidate[] {
  const direction = newestFirst ? -1 : 1;
  const ordered = candidates.toSorted(
    (a, b) => direction * (a.plannedAt.getTime() - b.plannedAt.getTime()) || a.place - b.place,
  );
  if (!dayGranularity) return ordered.slice(0, Math.max(0, parallelMax - running.length));
  const days = new Set(running.map(({ day }) => day));
  const busy = new Set(running.map(lineOf));
  const chosen: BackfillCandidate[] = [];
  for (const candidate of ordered) {
    const { day } = candidate;
    if (busy.has(lineOf(candidate)) || (!days.has(day) && days.size >= parallelMax)) continue;
    days.add(day);
    busy.add(lineOf(candidate));
    chosen.push(candidate);
  }
  return chosen;
}

/** One day of one job. */
function lineOf({ place, day }: BackfillCandidate): string {
  return `${place}/${day}`;
}
