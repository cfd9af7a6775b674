/** The local times that a cron expression's fields hold, without regard to zones. */
import { DAY_MS, dateOfDay, dayNumber, HOUR_MS, MINUTE_MS, SECOND_MS } from "./civil-date.ts";
import { type DayRule, daysOfMonth } from "./cron-day.ts";
import { type FieldRule, YEAR } from "./cron-field.ts";

/** The fields of an expression, ready to be searched. */
export interface LocalFields {
  readonly seconds: Successors;
  readonly minutes: Successors;
  readonly hours: Successors;
  readonly months: Successors;
  readonly years: Successors;
  readonly days: DayRule;
}

/** At index i the smallest value of the field that is i or more, else -1; values count from `low`. */
export interface Successors {
  readonly low: number;
  readonly first: number;
  readonly next: readonly number[];
}

/** Makes the table of a field from its values, ascending. */
export function successors(rule: FieldRule, values: readonly number[]): Successors {
  const next: number[] = [];
  let smallest = -1;
  for (let value = rule.high; value >= rule.low; value -= 1) {
    if (values.includes(value)) smallest = value;
    next[value - rule.low] = smallest;
  }
  return { low: rule.low, first: values[0] ?? rule.low, next };
}

/** The first local time that matches, `from` or later; local times are as `localNumber` counts them. */
export function nextLocal(cron: LocalFields, from: number): number | undefined {
  const today = Math.floor(from / DAY_MS);
  const day = nextDay(cron, today);
  if (day === undefined) return undefined;
  if (day > today) return day * DAY_MS + firstTime(cron);
  const time = nextTime(cron, from - today * DAY_MS);
  if (time !== undefined) return day * DAY_MS + time;
  const later = nextDay(cron, today + 1);
  return later === undefined ? undefined : later * DAY_MS + firstTime(cron);
}

function firstTime(cron: LocalFields): number {
  return cron.hours.first * HOUR_MS + cron.minutes.first * MINUTE_MS + cron.seconds.first * SECOND_MS;
}

/** The first matching time of day, `from` or later, in milliseconds since midnight. */
function nextTime(cron: LocalFields, from: number): number | undefined {
  const seconds = Math.ceil(from / SECOND_MS);
  const hour = Math.floor(seconds / 3600);
  const minute = Math.floor(seconds / 60) % 60;
  const nextHour = following(cron.hours, hour);
  if (nextHour === -1) return undefined;
  if (nextHour > hour)
    return nextHour * HOUR_MS + cron.minutes.first * MINUTE_MS + cron.seconds.first * SECOND_MS;
  const nextMinute = following(cron.minutes, minute);
  if (nextMinute === minute) {
    const second = following(cron.seconds, seconds % 60);
    if (second !== -1) return hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
  }
  const laterMinute = nextMinute > minute ? nextMinute : following(cron.minutes, minute + 1);
  if (laterMinute !== -1) return hour * HOUR_MS + laterMinute * MINUTE_MS + cron.seconds.first * SECOND_MS;
  const laterHour = following(cron.hours, hour + 1);
  if (laterHour === -1) return undefined;
  return laterHour * HOUR_MS + cron.minutes.first * MINUTE_MS + cron.seconds.first * SECOND_MS;
}

/** The first matching day, `from` or later, both counted since 1970-01-01. */
function nextDay(cron: LocalFields, from: number): number | undefined {
  const start = dateOfDay(from);
  let year = following(cron.years, Math.max(start.year, YEAR.low));
  while (year !== -1) {
    const found = nextDayOfYear(cron, year, year === start.year ? start : NEW_YEAR);
    if (found !== undefined) return found;
    year = following(cron.years, year + 1);
  }
  return undefined;
}

const NEW_YEAR = { month: 1, day: 1 };

function nextDayOfYear(
  cron: LocalFields,
  year: number,
  from: { readonly month: number; readonly day: number },
): number | undefined {
  let month = following(cron.months, from.month);
  while (month !== -1) {
    const day = month === from.month ? from.day : 1;
    const left = daysOfMonth(cron.days, year, month) >>> day;
    if (left !== 0) return dayNumber(year, month, day + lowestBit(left));
    month = following(cron.months, month + 1);
  }
  return undefined;
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function following(successor: Successors, value: number): number {
  return successor.next[value - successor.low] ?? -1;
}
