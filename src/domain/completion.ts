/** How many nodes had succeeded by each whole hour of a day, of the one before, and on average of the seven before. */
import { type CivilDate, HOUR_MS, MINUTE_MS } from "./civil-date.ts";
import { instantOf } from "./zone.ts";

/** What is counted in one: zones change their offset by multiples of it, so that no hour of a day is cut. */
export const COMPLETION_STEP_MS = 30 * MINUTE_MS;
const DAYS_BEFORE = 7;

/** A day and those before it, all from the same hour on; one ends where the next begins. */
interface CompletionDays {
  /** Beginnings of the days before, the earliest first. */
  readonly before: readonly number[];
  readonly start: number;
  readonly end: number;
}

export function completionDays(zone: string, { year, month, day }: CivilDate, hour: number): CompletionDays {
  const time = { hour, minute: 0, second: 0, millisecond: 0 };
  const startOf = (distance: number) => instantOf(zone, { year, month, day: day + distance, ...time });
  const before = Array.from({ length: DAYS_BEFORE }, (_, place) => startOf(place - DAYS_BEFORE));
  return { before, start: startOf(0), end: startOf(1) };
}

export interface CompletionPoint {
  readonly at: number;
  /** Since the start of its day. */
  readonly count: number;
}

/** What there is of the day until `now`; the whole day before; at the day's hours, what those before had on average. */
export interface Completion {
  readonly yesterday: readonly CompletionPoint[];
  readonly average: readonly CompletionPoint[];
  readonly today: readonly CompletionPoint[];
}

/** `counts`: what ended in each step from the first of the days on; one without any may be left out. */
export function completionOf(
  { before, start, end }: CompletionDays,
  counts: ReadonlyMap<number, number>,
  now: Date,
): Completion {
  const [first = start] = before;
  const total = (from: number, until: number) => {
    let sum = 0;
    for (let at = from; at < until; at += COMPLETION_STEP_MS)
      sum += counts.get(Math.round((at - first) / COMPLETION_STEP_MS)) ?? 0;
    return sum;
  };
  const average = (at: number) => {
    const totals = before.map((from, place) =>
      total(from, Math.min(before[place + 1] ?? start, from + at - start)),
    );
    return Math.round(totals.reduce((all, one) => all + one, 0) / before.length);
  };
  const yesterday = before.at(-1) ?? start;
  return {
    yesterday: pointsOf(yesterday, start, (at) => total(yesterday, at)),
    average: pointsOf(start, end, average),
    today: pointsOf(start, Math.min(end, now.getTime()), (at) => total(start, at)),
  };
}

function pointsOf(start: number, end: number, countAt: (at: number) => number): CompletionPoint[] {
  const points: CompletionPoint[] = [];
  for (let at = start; at <= end; at += HOUR_MS) points.push({ at, count: countAt(at) });
  return points;
}
