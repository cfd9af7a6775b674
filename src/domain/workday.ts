/** Working days: which days a calendar counts as such, and the n-th one before or after a day. */
import { dayNumber, daysInMonth, weekdayOf } from "./civil-date.ts";

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

/** A calendar as it is stored: what is worked in general, and the dates that differ. */
export interface CalendarRule {
  /** From 1, Sunday, to 7. */
  readonly weekdays: readonly number[];
  /** Dates as `2026-01-01`. */
  readonly holidays: readonly string[];
  readonly workdays: readonly string[];
}

/** The calendar of a legal rule (`checkCalendar`). */
export function calendarOf({ weekdays, holidays, workdays }: CalendarRule): WorkCalendar {
  const [free, worked] = [holidays, workdays].map((dates) => new Set(dates.map(dayOfDate)));
  return (day) => !free?.has(day) && (worked?.has(day) === true || weekdays.includes(weekdayOf(day)));
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Days since 1970-01-01 of `2026-01-01`; undefined for anything that is no date. */
function dayOfDate(text: string): number | undefined {
  const [, year, month, day] = (DATE.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return undefined;
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
  return isDate ? dayNumber(year, month, day) : undefined;
}

const DATES_MAX = 10_000;

/** Everything that is wrong with a calendar, in reading order; empty when it is legal. */
export function checkCalendar({ weekdays, holidays, workdays }: CalendarRule): string[] {
  const problems: string[] = [];
  if (!weekdays.every((day) => Number.isInteger(day) && day >= 1 && day <= 7))
    problems.push("weekdays: must be numbers from 1, Sunday, to 7, Saturday");
  for (const [member, dates] of Object.entries({ holidays, workdays })) {
    if (dates.length > DATES_MAX) problems.push(`${member}: must be at most ${DATES_MAX} dates`);
    const wrong = dates.find((date) => dayOfDate(date) === undefined);
    if (wrong !== undefined) problems.push(`${member}: "${wrong}" is no date such as 2026-01-01`);
  }
  const both = holidays.find((date) => workdays.includes(date));
  if (both !== undefined) problems.push(`${both} is both a holiday and a workday`);
  return problems;
}
