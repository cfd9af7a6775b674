/** Working days: which days a calendar counts as such, and the n-th one before or after a day. */
import { weekdayOf } from "./civil-date.ts";

/** Whether a day, counted since 1970-01-01, is worked on. */
export type WorkCalendar = (day: number) => boolean;

/** How many working days, or free days, may be counted. */
export const WORKDAYS_MAX = 10_000;
/** A calendar without a wanted day for so long has none. */
const BARREN_DAYS_MAX = 400;

/** Monday to Friday: the calendar of a job that names none. */
export function isWeekdayWorked(day: number): boolean {
  const weekday = weekdayOf(day);
  return weekday >= 2 && weekday <= 6;
}

/**
 * The `count`-th day strictly before (`step` -1) or after (`step` 1) `day` that the calendar calls `worked`;
 * undefined when more than a year passes without one. `count` is 1 to `WORKDAYS_MAX`.
 */
export function nthDay(
  calendar: WorkCalendar,
  worked: boolean,
  day: number,
  count: number,
  step: 1 | -1,
): number | undefined {
  let at = day;
  for (let left = count; left > 0; left -= 1) {
    const limit = at + step * BARREN_DAYS_MAX;
    do {
      if (at === limit) return undefined;
      at += step;
    } while (calendar(at) !== worked);
  }
  return at;
}
