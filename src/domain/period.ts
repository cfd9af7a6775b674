/** The periods of schedules: how long one lasts, and which one a time belongs to (docs/dependencies.md). */
import { dayNumber, HOUR_MS, MINUTE_MS, weekdayOf } from "./civil-date.ts";
import type { Cron } from "./cron.ts";
import { fieldsOf, instantOf, offsetAt } from "./zone.ts";

/** From the finest to the coarsest. Source: dataarts-factory 4.1, `intervalType`. */
export const INTERVALS = ["minutes", "hours", "days", "weeks", "months", "seasons", "years"] as const;
export type Interval = (typeof INTERVALS)[number];

/** Instants, from the first that belongs to it to before the last. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Whether periods of `a` are longer than those of `b`. */
export function isCoarser(a: Interval, b: Interval): boolean {
  return INTERVALS.indexOf(a) > INTERVALS.indexOf(b);
}

/**
 * The interval that an expression speaks of, for a schedule that names none: several times an hour are minutes, several
 * a day hours; one a day is days, or what its days repeat in.
 */
export function intervalOf(cron: Cron): Interval {
  if (valuesOf(cron.seconds).length > 1 || valuesOf(cron.minutes).length > 1) return "minutes";
  if (valuesOf(cron.hours).length > 1) return "hours";
  const { days } = cron;
  if (days.kind === "weekdays") return days.weekdays.length > 1 ? "days" : "weeks";
  if (days.kind === "days" && days.days.length >= 28) return "days";
  const months = valuesOf(cron.months).length;
  return months === 1 ? "years" : months === 4 ? "seasons" : "months";
}

/**
 * How long a period of minutes or hours is, in milliseconds: the smallest distance between two neighbours of the
 * expression's minutes (or hours), around the clock; a whole hour (or day) where there is one alone.
 */
function stepOf(cron: Cron, interval: "minutes" | "hours"): number {
  const [values, around, unit] =
    interval === "minutes" ? [valuesOf(cron.minutes), 60, MINUTE_MS] : [valuesOf(cron.hours), 24, HOUR_MS];
  const distances = values.map((value, place) => {
    const next = values[place + 1] ?? (values[0] ?? 0) + around;
    return next - value;
  });
  return Math.min(...distances) * unit;
}

/**
 * The period of minutes or hours that a planned time of the expression begins. It is counted in real time, so the two
 * passes of an hour that the clock shows twice are two periods.
 */
export function shortPeriod(cron: Cron, zone: string, interval: "minutes" | "hours", at: number): Stretch {
  const unit = interval === "minutes" ? MINUTE_MS : HOUR_MS;
  const local = at + offsetAt(zone, at);
  const from = at - (((local % unit) + unit) % unit);
  return { from, to: from + stepOf(cron, interval) };
}

/**
 * The day, week (from Monday), month, quarter or year of the zone's calendar that holds the instant, or the one `back`
 * before it: 23, 24 or 25 hours are one day.
 */
export function calendarPeriod(
  zone: string,
  interval: Exclude<Interval, "minutes" | "hours">,
  at: number,
  back = 0,
): Stretch {
  const { year, month, day } = fieldsOf(at + offsetAt(zone, at));
  const startOf = (periods: number): CarriedDate => {
    switch (interval) {
      case "days":
        return [year, month, day - periods];
      case "weeks":
        return [year, month, day - daysSinceMonday(dayNumber(year, month, day)) - 7 * periods];
      case "months":
        return [year, month - periods, 1];
      case "seasons":
        return [year, month - ((month - 1) % 3) - 3 * periods, 1];
      case "years":
        return [year - periods, 1, 1];
      default:
        return interval satisfies never;
    }
  };
  return { from: midnight(zone, startOf(back)), to: midnight(zone, startOf(back - 1)) };
}

/** Year, month and day; those beyond their range carry over. */
type CarriedDate = readonly [year: number, month: number, day: number];

function daysSinceMonday(day: number): number {
  return (weekdayOf(day) + 5) % 7;
}

function midnight(zone: string, [year, month, day]: CarriedDate): number {
  return instantOf(zone, { year, month, day, hour: 0, minute: 0, second: 0, millisecond: 0 });
}

function valuesOf({ next, low }: { readonly next: readonly number[]; readonly low: number }): number[] {
  return next.flatMap((value, index) => (value === index + low ? [value] : []));
}
