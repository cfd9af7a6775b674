/** Stretches of the local day, and the days on which they are open: when something may start, or which times count. */
import { dateOfDay, dayNumber, weekdayOf } from "./civil-date.ts";
import { fieldsOf, instantOf, type LocalTime, localFields } from "./zone.ts";

/** When something may happen; every member that is given must hold. All of it is local time. */
export interface RunWindow {
  /** `22:00-06:00`, which goes on over midnight and then belongs to the day on which it opened; see `parseDaySpan`. */
  readonly timeOfDay?: string;
  /** 1 for Sunday to 7 for Saturday, as in cron expressions. */
  readonly daysOfWeek?: readonly number[];
  /** 1 to 31. */
  readonly daysOfMonth?: readonly number[];
}

/** Minutes of the day, from `from` to before `to`; where `to` is not later, over midnight. */
export interface DaySpan {
  readonly from: number;
  readonly to: number;
}

const SPAN = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/;
const DAY_MINUTES = 1440;
/** A window that does not open for so many days never does: 29 February falls on each weekday within them. */
const CLOSED_DAYS_MAX = 15_000;

/**
 * Reads `HH:mm-HH:mm`; undefined for another form. Two equal ends are the whole day: `00:00-00:00` is what the vendor
 * documents as the default, and it restricts nothing.
 */
export function parseDaySpan(text: string): DaySpan | undefined {
  const match = SPAN.exec(text);
  if (match === null) return undefined;
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = match.slice(1).map(Number);
  const from = fromHour * 60 + fromMinute;
  const to = toHour * 60 + toMinute;
  if (to > DAY_MINUTES) return undefined;
  return from === to ? { from: 0, to: DAY_MINUTES } : { from, to };
}

/** Whether the minute of the day lies in the span. */
export function inDaySpan({ from, to }: DaySpan, minute: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** Everything that is wrong with a window, each with its member; empty when it is legal and opens at some time. */
export function checkRunWindow({ timeOfDay, daysOfWeek = [], daysOfMonth = [] }: RunWindow): string[] {
  const problems: string[] = [];
  if (timeOfDay !== undefined && parseDaySpan(timeOfDay) === undefined)
    problems.push(`timeOfDay: "${timeOfDay}" must be written as 22:00-06:00`);
  if (daysOfWeek.some((day) => !Number.isInteger(day) || day < 1 || day > 7))
    problems.push("daysOfWeek: must be days from 1 (Sunday) to 7");
  if (daysOfMonth.some((day) => !Number.isInteger(day) || day < 1 || day > 31))
    problems.push("daysOfMonth: must be days from 1 to 31");
  return problems;
}

/** The first instant from `at` on at which the window is open; `at` itself when it is. Undefined when it never is. */
export function nextOpening(window: RunWindow, zone: string, at: Date): Date | undefined {
  const span = parseDaySpan(window.timeOfDay ?? "") ?? { from: 0, to: DAY_MINUTES };
  const local = localFields(zone, at.getTime());
  const minute = local.hour * 60 + local.minute;
  const today = dayNumber(local.year, local.month, local.day);
  if (inDaySpan(span, minute) && opensOn(window, minute < span.from ? today - 1 : today)) return at;
  for (let day = today; day < today + CLOSED_DAYS_MAX; day += 1) {
    if (!opensOn(window, day)) continue;
    const opening = instantOf(zone, localTimeOf(day, span.from));
    if (opening > at.getTime()) return new Date(opening);
  }
  return undefined;
}

function opensOn({ daysOfWeek, daysOfMonth }: RunWindow, day: number): boolean {
  const named = (days: readonly number[] | undefined, wanted: number) =>
    days === undefined || days.length === 0 || days.includes(wanted);
  return named(daysOfWeek, weekdayOf(day)) && named(daysOfMonth, dateOfDay(day).day);
}

function localTimeOf(day: number, minute: number): LocalTime {
  return fieldsOf((day * DAY_MINUTES + minute) * 60_000);
}
