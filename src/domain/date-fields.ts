/** The day that date fields name, the way Java's lenient calendar resolves them: what was read last wins. */
import { dayNumber, daysInMonth, weekdayOf } from "./civil-date.ts";

/** Fields as they are read; months from 1, weekdays from 1, Sunday. */
export type DateField =
  | "era"
  | "year"
  | "weekYear"
  | "month"
  | "day"
  | "dayOfYear"
  | "weekday"
  | "weekdayInMonth"
  | "weekOfMonth"
  | "weekOfYear"
  | "hourOfDay"
  | "hour"
  | "afternoon"
  | "minute"
  | "second"
  | "millisecond"
  | "offset";

/** Values with the order in which they were read, from 1. */
export type DateFields = Map<DateField, { readonly value: number; readonly stamp: number }>;

/** Puts a field, as the one that was read last. */
export function putField(fields: DateFields, field: DateField, value: number): void {
  const stamp = Math.max(0, ...[...fields.values()].map((other) => other.stamp)) + 1;
  fields.set(field, { value, stamp });
}

const UNSET = 0;

/** The day since 1970-01-01, which may lie far outside of the month that was read: all fields carry over. */
export function resolveDay(fields: DateFields): number {
  const weekYear = stampOf(fields, "weekYear");
  if (weekYear > stampOf(fields, "year")) return dayOfWeekDate(fields);
  const year = fieldOf(fields, "year", 1970);
  const signed = fields.get("era")?.value === 0 ? 1 - year : year;
  const kind = bestOf(fields);
  if (kind === "dayOfYear") return dayNumber(signed, 1, 1) + fieldOf(fields, "dayOfYear", 1) - 1;
  if (kind === "weekOfYear") return dayOfWeekOfYear(fields, signed);
  const months = signed * 12 + fieldOf(fields, "month", 1) - 1;
  return dayOfMonth(fields, kind, { year: Math.floor(months / 12), month: (((months % 12) + 12) % 12) + 1 });
}

/** The time of day in milliseconds; more than a day's where the hours are. */
export function resolveTime(fields: DateFields): number {
  const hourStamp = together(stampOf(fields, "hour"), stampOf(fields, "afternoon"));
  const half = Math.max(stampOf(fields, "hour"), stampOf(fields, "afternoon"));
  const ofDay = stampOf(fields, "hourOfDay");
  const byHalf = hourStamp > ofDay || (ofDay === UNSET && hourStamp === UNSET && half !== UNSET);
  const hours = byHalf
    ? fieldOf(fields, "hour", 0) + 12 * fieldOf(fields, "afternoon", 0)
    : fieldOf(fields, "hourOfDay", 0);
  const minutes = hours * 60 + fieldOf(fields, "minute", 0);
  return (minutes * 60 + fieldOf(fields, "second", 0)) * 1000 + fieldOf(fields, "millisecond", 0);
}

type DayKind = "day" | "weekOfMonth" | "weekdayInMonth" | "dayOfYear" | "weekOfYear";

/** Which fields say the day: the combination that was completed last, else the week or weekday that was read last. */
function bestOf(fields: DateFields): DayKind {
  const at = (field: DateField) => stampOf(fields, field);
  const stamps = {
    day: at("day"),
    weekOfMonth: together(at("weekOfMonth"), at("weekday")),
    weekdayInMonth: together(at("weekdayInMonth"), at("weekday")),
    dayOfYear: at("dayOfYear"),
    weekOfYear: together(at("weekOfYear"), at("weekday")),
  };
  if (Object.values(stamps).every((stamp) => stamp === UNSET)) {
    stamps.weekOfMonth = at("weekOfMonth");
    stamps.weekdayInMonth = Math.max(at("weekdayInMonth"), at("weekday"));
    stamps.weekOfYear = at("weekOfYear");
  }
  const best = Math.max(...Object.values(stamps));
  if (best === stamps.day) return "day";
  // One weekday may complete several: then the week that was read last counts, that of the month before the year's.
  const ofMonth = best === stamps.weekOfMonth && at("weekOfMonth") >= at("weekOfYear");
  const inMonth = best === stamps.weekdayInMonth && at("weekdayInMonth") >= at("weekOfYear");
  if (!ofMonth && !inMonth) return best === stamps.dayOfYear ? "dayOfYear" : "weekOfYear";
  if (stamps.weekOfMonth === stamps.weekdayInMonth)
    return at("weekOfMonth") >= at("weekdayInMonth") ? "weekOfMonth" : "weekdayInMonth";
  return best === stamps.weekOfMonth ? "weekOfMonth" : "weekdayInMonth";
}

/** When the later of two was read; unset unless both were. */
function together(one: number, other: number): number {
  return one === UNSET || other === UNSET ? UNSET : Math.max(one, other);
}

function dayOfMonth(
  fields: DateFields,
  kind: DayKind,
  { year, month }: { readonly year: number; readonly month: number },
): number {
  const first = dayNumber(year, month, 1);
  if (kind === "day") return first + fieldOf(fields, "day", 1) - 1;
  if (kind === "weekOfMonth")
    return weekday(firstWeek(first), fields) + 7 * (fieldOf(fields, "weekOfMonth", 1) - 1);
  const wanted = fieldOf(fields, "weekday", 1);
  const count = fieldOf(fields, "weekdayInMonth", 1);
  const last = count >= 0 ? first + 7 * count - 1 : first + daysInMonth(year, month) + 7 * (count + 1) - 1;
  return onOrBefore(last, wanted);
}

function dayOfWeekOfYear(fields: DateFields, year: number): number {
  return weekday(firstWeek(dayNumber(year, 1, 1)), fields) + 7 * (fieldOf(fields, "weekOfYear", 1) - 1);
}

/** `Y` with a week and a weekday, each the first where it is missing. */
function dayOfWeekDate(fields: DateFields): number {
  const start = firstWeek(dayNumber(fieldOf(fields, "weekYear", 1970), 1, 1));
  const wanted = fieldOf(fields, "weekday", 1) - 1;
  return start + (wanted < 0 ? wanted + 7 : wanted) + 7 * (fieldOf(fields, "weekOfYear", 1) - 1);
}

/** The Sunday with which the week of the day begins. */
function firstWeek(day: number): number {
  return onOrBefore(day, 1);
}

/** The wanted weekday of the week that begins at `sunday`. */
function weekday(sunday: number, fields: DateFields): number {
  return onOrBefore(sunday + 6, fieldOf(fields, "weekday", 1));
}

function onOrBefore(day: number, wanted: number): number {
  return day - ((((weekdayOf(day) - wanted) % 7) + 7) % 7);
}

function stampOf(fields: DateFields, field: DateField): number {
  return fields.get(field)?.stamp ?? UNSET;
}

function fieldOf(fields: DateFields, field: DateField, otherwise: number): number {
  return fields.get(field)?.value ?? otherwise;
}
