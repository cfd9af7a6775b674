/** Dates read by the patterns of Java's SimpleDateFormat, as leniently as that. */
import { DAY_MS } from "./civil-date.ts";
import { type DateField, type DateFields, putField, resolveDay, resolveTime } from "./date-fields.ts";
import { type DatePart, MONTHS, readDatePattern, WEEKDAYS } from "./date-pattern.ts";
import { fieldsOf, instantOf } from "./zone.ts";

/** Letters that are read as numbers. */
const NUMERIC: ReadonlyMap<string, DateField> = new Map([
  ["y", "year"],
  ["Y", "weekYear"],
  ["M", "month"],
  ["L", "month"],
  ["d", "day"],
  ["D", "dayOfYear"],
  ["F", "weekdayInMonth"],
  ["u", "weekday"],
  ["H", "hourOfDay"],
  ["k", "hourOfDay"],
  ["h", "hour"],
  ["K", "hour"],
  ["m", "minute"],
  ["s", "second"],
  ["S", "millisecond"],
  ["w", "weekOfYear"],
  ["W", "weekOfMonth"],
]);

/** A field's number where it is not the number that is written. */
const CHANGED: ReadonlyMap<string, (value: number) => number> = new Map([
  // ISO counts from Monday, 1.
  ["u", (value) => (value >= 1 && value <= 7 ? (value % 7) + 1 : value)],
  ["k", (value) => (value === 24 ? 0 : value)],
  ["h", (value) => (value === 12 ? 0 : value)],
]);

/** Reads at a place and puts what it finds; where the text goes on, or undefined when it does not fit. */
type Reader = (text: string, at: number, fields: DateFields, count: number) => number | undefined;

const TEXTS: ReadonlyMap<string, Reader> = new Map([
  ["E", named("weekday", WEEKDAYS, 1)],
  ["M", named("month", MONTHS, 1)],
  ["L", named("month", MONTHS, 1)],
  ["a", named("afternoon", ["AM", "PM"], 0)],
  ["G", named("era", ["BC", "AD"], 0)],
  ["z", readNamedOffset],
  ["Z", readNamedOffset],
  ["X", readIsoOffset],
]);

/** As many as Java's fields hold. */
const NUMBER_MAX = 2 ** 31 - 1;
const CENTURY_YEARS = 100;
/** Two-digit years lie from so long before now on. */
const YEARS_BACK = 80;
const YEAR_MAX = 9999;

/**
 * The instant that `text` names by the pattern, in the zone unless the text has an offset of its own. Text after the
 * match is left out and fields beyond their range carry over. Names of zones other than GMT and UTC are refused. A local
 * time that comes twice is its first, where Java takes the second.
 */
export function parseDate(
  text: string,
  pattern: string,
  zone: string,
  now: number,
): number | { readonly problem: string } {
  const parts = readDatePattern(pattern);
  if (typeof parts === "string") return { problem: parts };
  const fields: DateFields = new Map();
  const years = centuryOf(now);
  let at = 0;
  let ambiguous = false;
  for (const [index, part] of parts.entries()) {
    const read = readPart(text, at, part, isNumber(parts[index + 1]), fields, years);
    if (read === undefined)
      return { problem: `"${text.slice(0, 64)}" does not fit the date pattern "${pattern}"` };
    at = read.after;
    ambiguous ||= read.ambiguous === true;
  }
  const instant = instantFound(fields, zone);
  if (!ambiguous || typeof instant !== "number" || instant >= years.start) return instant;
  for (const field of ["year", "weekYear"] as const) {
    const year = fields.get(field);
    if (year !== undefined) fields.set(field, { ...year, value: year.value + CENTURY_YEARS });
  }
  return instantFound(fields, zone);
}

interface Century {
  /** The first instant that a two-digit year may name. */
  readonly start: number;
  readonly firstYear: number;
}

function centuryOf(now: number): Century {
  const start = new Date(now);
  start.setUTCFullYear(start.getUTCFullYear() - YEARS_BACK);
  return { start: start.getTime(), firstYear: start.getUTCFullYear() };
}

/** `abutted`: a number follows at once, so that this one has just as many digits as letters. */
function readPart(
  text: string,
  start: number,
  part: DatePart,
  abutted: boolean,
  fields: DateFields,
  years: Century,
): { readonly after: number; readonly ambiguous?: boolean } | undefined {
  if ("text" in part)
    return text.startsWith(part.text, start) ? { after: start + part.text.length } : undefined;
  const blanks = /^[ \t]*/.exec(text.slice(start))?.[0].length ?? 0;
  const at = start + blanks;
  if (!isNumber(part)) {
    // Blanks are passed over before numbers and offsets, not before names.
    const from = "zZX".includes(part.letter) ? at : start;
    const after = TEXTS.get(part.letter)?.(text, from, fields, part.count);
    return after === undefined ? undefined : { after };
  }
  return readNumber(text, { start, at }, part, abutted, fields, years);
}

function readNumber(
  text: string,
  { start, at }: { readonly start: number; readonly at: number },
  part: Extract<DatePart, { letter: string }>,
  abutted: boolean,
  fields: DateFields,
  years: Century,
): { readonly after: number; readonly ambiguous: boolean } | undefined {
  const end = abutted ? start + part.count : text.length;
  if (end > text.length) return undefined;
  const digits = /^-?\d{1,32}/.exec(text.slice(at, end))?.[0];
  if (digits === undefined || Math.abs(Number(digits)) > NUMBER_MAX) return undefined;
  const field = NUMERIC.get(part.letter) ?? "year";
  const isShort = "yY".includes(part.letter) && part.count <= 2 && /^\d\d$/.test(digits);
  const value = isShort ? fullYear(Number(digits), years) : Number(digits);
  putField(fields, field, CHANGED.get(part.letter)?.(value) ?? value);
  return { after: at + digits.length, ambiguous: isShort && value === years.firstYear };
}

/** Whether the part is read as a number. */
function isNumber(part: DatePart | undefined): boolean {
  if (part === undefined || "text" in part || !NUMERIC.has(part.letter)) return false;
  return !"ML".includes(part.letter) || part.count < 3;
}

function fullYear(twoDigits: number, { firstYear }: Century): number {
  const century = firstYear - (firstYear % CENTURY_YEARS);
  return century + twoDigits + (twoDigits < firstYear % CENTURY_YEARS ? CENTURY_YEARS : 0);
}

/** A name in full or by its first three letters, whatever their case; the longest that fits. */
function named(field: DateField, names: readonly string[], from: number): Reader {
  return (text, at, fields) => {
    for (const length of [9, 3]) {
      const index = names.findIndex((name) => {
        const expected = name.slice(0, length).toLowerCase();
        return text.slice(at, at + expected.length).toLowerCase() === expected;
      });
      if (index < 0) continue;
      putField(fields, field, index + from);
      return at + (names[index]?.slice(0, length).length ?? 0);
    }
    return undefined;
  };
}

/** `+0800`, `GMT+8:00`, `GMT`, `UTC`. */
function readNamedOffset(text: string, at: number, fields: DateFields): number | undefined {
  return (
    offsetRead(/([+-])(\d\d)([0-5]\d)/y, text, at, fields) ??
    offsetRead(/GMT([+-])(\d\d?):([0-5]\d)/iy, text, at, fields) ??
    offsetRead(/(?:GMT(?![+-])|UTC)/iy, text, at, fields)
  );
}

const ISO_OFFSETS = [/([+-])(\d\d)/y, /([+-])(\d\d)([0-5]\d)/y, /([+-])(\d\d):([0-5]\d)/y];

function readIsoOffset(text: string, at: number, fields: DateFields, count: number): number | undefined {
  const pattern = ISO_OFFSETS[count - 1] ?? /Z/y;
  return offsetRead(/Z/y, text, at, fields) ?? offsetRead(pattern, text, at, fields);
}

function offsetRead(pattern: RegExp, text: string, at: number, fields: DateFields): number | undefined {
  pattern.lastIndex = at;
  const [whole, sign, hours = "0", minutes = "0"] = pattern.exec(text) ?? [];
  if (whole === undefined || Number(hours) > 23) return undefined;
  const offset = (sign === "-" ? -1 : 1) * (Number(hours) * 3_600_000 + Number(minutes) * 60_000);
  putField(fields, "offset", offset);
  return at + whole.length;
}

function instantFound(fields: DateFields, zone: string): number | { readonly problem: string } {
  const shown = resolveDay(fields) * DAY_MS + resolveTime(fields);
  const local = Number.isFinite(new Date(shown).getTime()) ? fieldsOf(shown) : undefined;
  if (local === undefined || Math.abs(local.year) > YEAR_MAX)
    return { problem: "a year has at most four digits" };
  const offset = fields.get("offset")?.value;
  return offset === undefined ? instantOf(zone, local) : shown - offset;
}
