/** The day and week fields of a Quartz cron expression: which days of a given month they choose. */
import { dayNumber, daysInMonth, weekdayOf } from "./civil-date.ts";
import { DAY, extentOf, parseValue, parseValues, WEEK } from "./cron-field.ts";

/** Which days of a month are chosen. Weekdays count from 1, Sunday. */
export type DayRule =
  | {
      readonly kind: "days";
      readonly days: readonly number[];
      /** How many days before the last one (`L` is 0, `L-3` is 3). */
      readonly beforeLast: readonly number[];
      /** The working day next to that day within the month (`15W`). */
      readonly nearest: readonly number[];
      /** The working day next to the day that lies so many before the last one (`LW` is 0). */
      readonly nearestBeforeLast: readonly number[];
    }
  | { readonly kind: "weekdays"; readonly weekdays: readonly number[] }
  | { readonly kind: "last-weekday"; readonly weekday: number }
  | { readonly kind: "nth-weekday"; readonly weekday: number; readonly nth: number };

const SATURDAY = 7;
const SUNDAY = 1;

/** Reads the day field, in upper case and not `?`; a text is what is wrong. */
export function parseDayField(text: string): DayRule | string {
  const rule: MonthDays = { days: [], beforeLast: [], nearest: [], nearestBeforeLast: [] };
  for (const item of text.split(",")) {
    const problem = addDayItem(rule, item);
    if (problem !== undefined) return problem;
  }
  return { kind: "days", ...rule };
}

type MonthDays = Record<"days" | "beforeLast" | "nearest" | "nearestBeforeLast", number[]>;

/** Adds one item of the day field; what is wrong with it, or undefined. */
function addDayItem(rule: MonthDays, item: string): string | undefined {
  const last = /^L(?:-(\d{1,2}))?(W)?$/.exec(item);
  if (last !== null) {
    const before = Number(last[1] ?? 0);
    if (before > 30) return `day: L-n counts 0 to 30 days before the last, not ${before}`;
    (last[2] === "W" ? rule.nearestBeforeLast : rule.beforeLast).push(before);
    return undefined;
  }
  const single = /^(\d{1,2})([WC])$/.exec(item);
  if (single !== null) {
    const day = parseValue(DAY, single[1] ?? "");
    if (day === undefined) return `day: "${single[1]}" is not one of ${extentOf(DAY)}`;
    (single[2] === "W" ? rule.nearest : rule.days).push(day);
    return undefined;
  }
  const values = parseValues(DAY, item);
  if (typeof values === "string") return values;
  rule.days.push(...values.values);
  return undefined;
}

/** Reads the week field, in upper case and not `?`; a text is what is wrong. */
export function parseWeekField(text: string): DayRule | string {
  const special = /^([A-Z]{3}|\d)?(?:(L)|#(\d+))$/.exec(text);
  if (special === null) {
    if (/[L#]/.test(text.replaceAll(/[A-Z]{3}/g, ""))) {
      return `week: L and # stand with one weekday, such as 6L or 6#3, and alone in the field, not "${text}"`;
    }
    const values = parseValues(WEEK, text.replaceAll(/(\d)C/g, "$1"));
    return typeof values === "string" ? values : { kind: "weekdays", weekdays: values.values };
  }
  const [, name, last, nth] = special;
  if (name === undefined && last !== undefined) return { kind: "weekdays", weekdays: [SATURDAY] };
  const weekday = parseValue(WEEK, name ?? "");
  if (weekday === undefined) return `week: "${name ?? ""}" is not one of ${extentOf(WEEK)}`;
  if (nth === undefined) return { kind: "last-weekday", weekday };
  if (Number(nth) < 1 || Number(nth) > 5) return `week: # is followed by 1 to 5, not ${nth}`;
  return { kind: "nth-weekday", weekday, nth: Number(nth) };
}

/** The chosen days of a month as bits: bit 1 is the first. */
export function daysOfMonth(rule: DayRule, year: number, month: number): number {
  const length = daysInMonth(year, month);
  const first = weekdayOf(dayNumber(year, month, 1));
  if (rule.kind === "days") return monthDays(rule, first, length);
  if (rule.kind === "weekdays") {
    let bits = 0;
    for (const weekday of rule.weekdays) {
      for (let day = firstOn(weekday, first); day <= length; day += 7) bits |= bit(day);
    }
    return bits;
  }
  const start = firstOn(rule.weekday, first);
  if (rule.kind === "last-weekday") return bit(start + 7 * Math.floor((length - start) / 7));
  const day = start + 7 * (rule.nth - 1);
  return day <= length ? bit(day) : 0;
}

function monthDays(rule: Extract<DayRule, { kind: "days" }>, first: number, length: number): number {
  let bits = 0;
  for (const day of rule.days) if (day <= length) bits |= bit(day);
  for (const before of rule.beforeLast) if (before < length) bits |= bit(length - before);
  for (const day of rule.nearest) if (day <= length) bits |= bit(nearestWorkday(day, first, length));
  for (const before of rule.nearestBeforeLast) {
    if (before < length) bits |= bit(nearestWorkday(length - before, first, length));
  }
  return bits;
}

/** Monday to Friday next to the day; never in another month. */
function nearestWorkday(day: number, first: number, length: number): number {
  const weekday = ((first + day - 2) % 7) + 1;
  if (weekday === SATURDAY) return day === 1 ? 3 : day - 1;
  if (weekday === SUNDAY) return day === length ? day - 2 : day + 1;
  return day;
}

/** The first day of a month on that weekday, when the month starts on `first`. */
function firstOn(weekday: number, first: number): number {
  return ((weekday - first + 7) % 7) + 1;
}

function bit(day: number): number {
  return (2 ** day) | 0;
}
