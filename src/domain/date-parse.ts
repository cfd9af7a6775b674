/** Dates read by the patterns of Java's SimpleDateFormat. */
import { type DatePart, MONTHS, readDatePattern, WEEKDAYS } from "./date-pattern.ts";
import { instantOf, type LocalTime } from "./zone.ts";

const NUMERIC = "yYdDFuHkKhmsSwW";

/** What reading a date has found so far; absent fields are those of 1970-01-01 00:00. */
interface Found {
  year?: number;
  month?: number;
  day?: number;
  dayOfYear?: number;
  hour?: number;
  halfDayHour?: number;
  afternoon?: boolean;
  minute?: number;
  second?: number;
  millisecond?: number;
  offset?: number;
}

type FieldReader = (text: string, at: number, found: Found) => number | undefined;

const NAMES: ReadonlyMap<string, FieldReader> = new Map([
  ["E", (text, at) => readName(text, at, WEEKDAYS)?.after],
  ["M", readMonth],
  ["L", readMonth],
  ["a", readHalfDay],
  ["G", (text, at) => (text.slice(at, at + 2).toUpperCase() === "AD" ? at + 2 : undefined)],
  ["z", readOffset],
  ["Z", readOffset],
  ["X", readOffset],
]);

/** Where a number goes; letters that are not here (weeks, weekdays) follow from the rest. */
const NUMBERS: ReadonlyMap<string, (value: number) => Found> = new Map<string, (value: number) => Found>([
  ["y", (year) => ({ year })],
  ["Y", (year) => ({ year })],
  ["M", (month) => ({ month })],
  ["L", (month) => ({ month })],
  ["d", (day) => ({ day })],
  ["D", (day) => ({ dayOfYear: day })],
  ["H", (hour) => ({ hour })],
  ["k", (hour) => ({ hour: hour === 24 ? 0 : hour })],
  ["h", (hour) => ({ halfDayHour: hour === 12 ? 0 : hour })],
  ["K", (hour) => ({ halfDayHour: hour })],
  ["m", (minute) => ({ minute })],
  ["s", (second) => ({ second })],
  ["S", (millisecond) => ({ millisecond })],
]);

/**
 * The instant that `text` names by the pattern, in the zone unless the text has an offset of its own. Text after
 * the match is left out and fields beyond their range carry over, as Java's lenient parser does; weeks and
 * weekdays are read and set nothing. Two-digit years lie between 80 years before and 20 after `now`.
 */
export function parseDate(
  text: string,
  pattern: string,
  zone: string,
  now: number,
): number | { readonly problem: string } {
  const parts = readDatePattern(pattern);
  if (typeof parts === "string") return { problem: parts };
  const found: Found = {};
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const next = readPart(text, at, part, isNumber(parts[index + 1]), found, now);
    if (next === undefined)
      return { problem: `"${text.slice(0, 64)}" does not fit the date pattern "${pattern}"` };
    at = next;
  }
  return instantFound(found, zone);
}

/** Reads one part into `found`; where the text goes on, or undefined when it does not fit. */
function readPart(
  text: string,
  at: number,
  part: DatePart,
  abutted: boolean,
  found: Found,
  now: number,
): number | undefined {
  if ("text" in part) return text.startsWith(part.text, at) ? at + part.text.length : undefined;
  if (!isNumber(part)) return NAMES.get(part.letter)?.(text, at, found);
  // A number next to a number has just as many digits as letters; any other has as many as there are.
  const digits = new RegExp(`\\s*(-?\\d{1,${abutted ? part.count : 9}})`, "y");
  digits.lastIndex = at;
  const match = digits.exec(text);
  if (match?.[1] === undefined) return undefined;
  const short = part.letter === "y" && part.count <= 2 && match[1].length === 2;
  const value = short ? fullYear(Number(match[1]), now) : Number(match[1]);
  Object.assign(found, NUMBERS.get(part.letter)?.(value));
  return at + match[0].length;
}

function isNumber(part: DatePart | undefined): boolean {
  if (part === undefined || "text" in part) return false;
  return NUMERIC.includes(part.letter) || ("ML".includes(part.letter) && part.count < 3);
}

function readMonth(text: string, at: number, found: Found): number | undefined {
  const month = readName(text, at, MONTHS);
  if (month !== undefined) found.month = month.index + 1;
  return month?.after;
}

function readHalfDay(text: string, at: number, found: Found): number | undefined {
  const word = text.slice(at, at + 2).toUpperCase();
  if (word !== "AM" && word !== "PM") return undefined;
  found.afternoon = word === "PM";
  return at + 2;
}

function fullYear(twoDigits: number, now: number): number {
  const latest = new Date(now).getUTCFullYear() + 20;
  const year = latest - (latest % 100) + twoDigits;
  return year > latest ? year - 100 : year;
}

function readName(
  text: string,
  at: number,
  names: readonly string[],
): { index: number; after: number } | undefined {
  for (const length of [9, 3]) {
    const index = names.findIndex((name) => {
      const expected = name.slice(0, length).toLowerCase();
      return text.slice(at, at + expected.length).toLowerCase() === expected;
    });
    if (index >= 0) return { index, after: at + (names[index]?.slice(0, length).length ?? 0) };
  }
  return undefined;
}

function readOffset(text: string, at: number, found: Found): number | undefined {
  const pattern = /(?:(?:GMT|UTC)?([+-])(\d{2})(?::?(\d{2}))?|GMT|UTC|Z)/y;
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [whole, sign, hours = "0", minutes = "0"] = match;
  found.offset = (sign === "-" ? -1 : 1) * (Number(hours) * 3_600_000 + Number(minutes) * 60_000);
  return at + whole.length;
}

function instantFound(found: Found, zone: string): number | { readonly problem: string } {
  const hour = found.hour ?? (found.halfDayHour ?? 0) + (found.afternoon === true ? 12 : 0);
  const local: LocalTime = {
    year: found.year ?? 1970,
    month: found.dayOfYear !== undefined && found.month === undefined ? 1 : (found.month ?? 1),
    day: found.day ?? found.dayOfYear ?? 1,
    hour,
    minute: found.minute ?? 0,
    second: found.second ?? 0,
    millisecond: found.millisecond ?? 0,
  };
  if (Math.abs(local.year) > 9999) return { problem: "a year has at most four digits" };
  if (found.offset === undefined) return instantOf(zone, local);
  return instantOf("UTC", local) - found.offset;
}
