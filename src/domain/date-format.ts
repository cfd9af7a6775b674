/** Dates written by the patterns of Java's SimpleDateFormat: English, in a zone, weeks from Sunday. */
import { dayNumber, weekdayOf } from "./civil-date.ts";
import { MONTHS, readDatePattern, WEEKDAYS } from "./date-pattern.ts";
import { type LocalTime, localFields, offsetAt } from "./zone.ts";

/** A moment as a letter sees it. */
interface Shown {
  readonly local: LocalTime;
  readonly offset: number;
}

/** Letters that are written as numbers, padded to the letter's count. */
const NUMBERS: ReadonlyMap<string, (local: LocalTime) => number> = new Map([
  ["d", (local) => local.day],
  ["D", dayOfYear],
  ["F", (local) => Math.ceil(local.day / 7)],
  ["u", (local) => ((weekday(local) + 5) % 7) + 1],
  ["H", (local) => local.hour],
  ["k", (local) => local.hour || 24],
  ["K", (local) => local.hour % 12],
  ["h", (local) => local.hour % 12 || 12],
  ["m", (local) => local.minute],
  ["s", (local) => local.second],
  ["S", (local) => local.millisecond],
  ["w", weekOfYear],
  ["W", (local) => weekWithin(local.day, weekdayOf(dayNumber(local.year, local.month, 1)))],
]);

const TEXTS: ReadonlyMap<string, (shown: Shown, count: number) => string> = new Map([
  ["y", ({ local }, count) => yearText(local.year, count)],
  ["Y", ({ local }, count) => yearText(weekYear(local), count)],
  ["M", monthText],
  ["L", monthText],
  ["E", ({ local }, count) => nameText(WEEKDAYS[weekday(local) - 1], count)],
  ["G", ({ local }) => (local.year > 0 ? "AD" : "BC")],
  ["a", ({ local }) => (local.hour < 12 ? "AM" : "PM")],
  ["z", ({ offset }) => (offset === 0 ? "UTC" : `GMT${offsetText(offset, ":")}`)],
  ["Z", ({ offset }) => offsetText(offset, "")],
  ["X", isoOffsetText],
]);

/**
 * The instant as text; `problem` says what is wrong with the pattern. A zone's own name (`z`) is written as its
 * offset, since abbreviations such as CST are ambiguous. Fault `schedule-invalid` for an unknown zone.
 */
export function formatDate(
  instant: number,
  pattern: string,
  zone: string,
): string | { readonly problem: string } {
  const parts = readDatePattern(pattern);
  if (typeof parts === "string") return { problem: parts };
  const shown = { local: localFields(zone, instant), offset: offsetAt(zone, instant) };
  return parts
    .map((part) => ("text" in part ? part.text : letterText(shown, part.letter, part.count)))
    .join("");
}

function letterText(shown: Shown, letter: string, count: number): string {
  const number = NUMBERS.get(letter);
  if (number !== undefined) return padded(number(shown.local), count);
  return TEXTS.get(letter)?.(shown, count) ?? "";
}

function yearText(year: number, count: number): string {
  return count === 2 ? padded(year % 100, 2) : padded(year, count);
}

function monthText({ local }: Shown, count: number): string {
  return count < 3 ? padded(local.month, count) : nameText(MONTHS[local.month - 1], count);
}

function nameText(name: string | undefined, count: number): string {
  return (name ?? "").slice(0, count > 3 ? undefined : 3);
}

function isoOffsetText({ offset }: Shown, count: number): string {
  if (offset === 0) return "Z";
  return count === 1 ? offsetText(offset, "").slice(0, 3) : offsetText(offset, count === 3 ? ":" : "");
}

/** Weeks start on Sunday and the week of January 1 is the first, though it may start in December. */
function weekOfYear(local: LocalTime): number {
  if (weekYear(local) !== local.year) return 1;
  return weekWithin(dayOfYear(local), weekdayOf(dayNumber(local.year, 1, 1)));
}

function weekYear(local: LocalTime): number {
  const day = dayNumber(local.year, local.month, local.day);
  const saturday = day + 7 - weekdayOf(day);
  return saturday >= dayNumber(local.year + 1, 1, 1) ? local.year + 1 : local.year;
}

/** The week that day `day` of a period lies in, when the period starts on `firstWeekday`. */
function weekWithin(day: number, firstWeekday: number): number {
  return Math.floor((day - 1 + firstWeekday - 1) / 7) + 1;
}

function dayOfYear(local: LocalTime): number {
  return dayNumber(local.year, local.month, local.day) - dayNumber(local.year, 1, 1) + 1;
}

function weekday(local: LocalTime): number {
  return weekdayOf(dayNumber(local.year, local.month, local.day));
}

function padded(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function offsetText(offset: number, colon: string): string {
  const minutes = Math.floor(Math.abs(offset) / 60_000);
  return `${offset < 0 ? "-" : "+"}${padded(Math.floor(minutes / 60), 2)}${colon}${padded(minutes % 60, 2)}`;
}
