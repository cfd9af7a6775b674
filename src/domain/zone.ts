/** Time zones: instants to local time and back, for IANA names and for names such as `GMT+8`. */
import { DAY_MS, dateOfDay, dayNumber, HOUR_MS, MINUTE_MS, SECOND_MS } from "./civil-date.ts";
import { Fault } from "./fault.ts";

/** What a clock on the wall shows; `month` is 1 to 12. */
export interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
}

/** A stretch of time with one offset, from `start` to before `end`. Its neighbours may have the same offset. */
export interface OffsetSpan {
  readonly start: number;
  readonly end: number;
  /** Milliseconds that local time is ahead of UTC. */
  readonly offset: number;
}

interface Zone {
  /** Reads the offset from Intl; some microseconds a call. */
  readonly readOffset: (instant: number) => number;
  /** Spans by UTC year, made when first asked for. */
  readonly years: Map<number, readonly OffsetSpan[]>;
}

/** No zone is further from UTC than this, in milliseconds. */
const OFFSET_MAX = 26 * HOUR_MS;
/** Between two samples at most one change of offset: the shortest known period since 1970 is weeks long. */
const SAMPLE_MS = 2 * DAY_MS;
/** Years outside these have one span at the offset of the nearest year that Intl is asked about. */
const FIRST_YEAR = 1900;
const LAST_YEAR = 2200;
/** Spellings differ in case, so the memory of names is bounded. */
const ZONES_MAX = 2000;

const FIXED_OFFSET = /^(?:(?:GMT|UTC|UT)?([+-])(\d{1,2})(?::?([0-5]\d))?|GMT|UTC|UT|Z)$/i;

const zones = new Map<string, Zone>();

/** Whether `name` is a zone: an IANA name, `UTC`, `Z`, or an offset such as `GMT+8`, `UTC+08:00`, `+0800`. */
export function isZone(name: string): boolean {
  return find(name) !== undefined;
}

/** Milliseconds that local time is ahead of UTC at the instant. Fault `schedule-invalid` for an unknown zone. */
export function offsetAt(zone: string, instant: number): number {
  return spanAt(zone, instant).offset;
}

/** The stretch of one offset around the instant, cut at UTC years. Fault `schedule-invalid` for an unknown zone. */
export function spanAt(zone: string, instant: number): OffsetSpan {
  const spans = spansOfYear(zoneNamed(zone), dateOfDay(Math.floor(instant / DAY_MS)).year);
  for (const span of spans) if (instant < span.end) return span;
  throw new Fault("invalid", "schedule-invalid", `no instant ${instant}`);
}

/** Local fields at the instant. Fault `schedule-invalid` for an unknown zone. */
export function localFields(zone: string, instant: number): LocalTime {
  return fieldsOf(instant + offsetAt(zone, instant));
}

/** What a clock in the zone shows, with its distance from UTC: `2001-04-01T03:00:00-04:00`. Fault as `offsetAt`. */
export function localText(zone: string, instant: Date): string {
  const offset = offsetAt(zone, instant.getTime());
  const minutes = Math.floor(Math.abs(offset) / MINUTE_MS);
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((part) =>
    String(part).padStart(2, "0"),
  );
  const local = new Date(instant.getTime() + offset).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? "-" : "+"}${hour}:${minute}`;
}

/**
 * The instants at which a clock in the zone shows `local`: none in a gap, two in an overlap, else one; in order.
 * Fault `schedule-invalid` for an unknown zone.
 */
export function instantsOf(zone: string, local: LocalTime): number[] {
  const shown = localNumber(local);
  const instants: number[] = [];
  let at = shown - OFFSET_MAX;
  while (at <= shown + OFFSET_MAX) {
    const span = spanAt(zone, at);
    const instant = shown - span.offset;
    if (instant >= span.start && instant < span.end) instants.push(instant);
    at = span.end;
  }
  return instants;
}

/**
 * One instant for any local time, as Java's lenient calendars give: in a gap as much later as the gap is long,
 * in an overlap the first. Fault `schedule-invalid` for an unknown zone.
 */
export function instantOf(zone: string, local: LocalTime): number {
  const [first] = instantsOf(zone, local);
  if (first !== undefined) return first;
  const shown = localNumber(local);
  return shown - offsetAt(zone, shown - OFFSET_MAX);
}

/** Milliseconds since 1970 that a clock at UTC would show as `local`; fields beyond their range carry over. */
export function localNumber(local: LocalTime): number {
  const months = local.year * 12 + local.month - 1;
  const days =
    dayNumber(Math.floor(months / 12), months - Math.floor(months / 12) * 12 + 1, 1) + local.day - 1;
  return (
    days * DAY_MS +
    local.hour * HOUR_MS +
    local.minute * MINUTE_MS +
    local.second * SECOND_MS +
    local.millisecond
  );
}

/** The inverse of `localNumber`. */
export function fieldsOf(local: number): LocalTime {
  const days = Math.floor(local / DAY_MS);
  const rest = local - days * DAY_MS;
  return {
    ...dateOfDay(days),
    hour: Math.floor(rest / HOUR_MS),
    minute: Math.floor(rest / MINUTE_MS) % 60,
    second: Math.floor(rest / SECOND_MS) % 60,
    millisecond: rest % SECOND_MS,
  };
}

function zoneNamed(name: string): Zone {
  const zone = find(name);
  if (zone === undefined) throw new Fault("invalid", "schedule-invalid", `there is no time zone "${name}"`);
  return zone;
}

function find(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = fixedZone(name.trim()) ?? namedZone(name.trim());
  if (zone === undefined) return undefined;
  if (zones.size >= ZONES_MAX) zones.clear();
  zones.set(name, zone);
  return zone;
}

function fixedZone(name: string): Zone | undefined {
  const match = FIXED_OFFSET.exec(name);
  if (match === null) return undefined;
  const [, sign, hours = "0", minutes = "00"] = match;
  const size = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS;
  if (size > 18 * HOUR_MS) return undefined;
  const offset = size === 0 ? 0 : sign === "-" ? -size : size;
  return { readOffset: () => offset, years: new Map() };
}

function namedZone(name: string): Zone | undefined {
  const format = intlFormat(name);
  if (format === undefined) return undefined;
  return { readOffset: (instant) => intlOffset(format, instant), years: new Map() };
}

function intlFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(timeZone)) return undefined;
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      calendar: "gregory",
      numberingSystem: "latn",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined; // Intl's way to say that it knows no such zone.
    throw error;
  }
}

/** The format writes `month/day/year, hour:minute:second`. */
function intlOffset(format: Intl.DateTimeFormat, instant: number): number {
  const whole = Math.floor(instant / SECOND_MS) * SECOND_MS;
  const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = format
    .format(whole)
    .split(/[^0-9]+/)
    .map(Number);
  return localNumber({ year, month, day, hour, minute, second, millisecond: 0 }) - whole;
}

function spansOfYear(zone: Zone, year: number): readonly OffsetSpan[] {
  const known = zone.years.get(year);
  if (known !== undefined) return known;
  const start = dayNumber(year, 1, 1) * DAY_MS;
  const end = dayNumber(year + 1, 1, 1) * DAY_MS;
  if (year < FIRST_YEAR || year > LAST_YEAR) return outerSpan(zone, year);
  const spans = readSpans(zone, start, end);
  zone.years.set(year, spans);
  return spans;
}

function outerSpan(zone: Zone, year: number): readonly OffsetSpan[] {
  const edge = dayNumber(year < FIRST_YEAR ? FIRST_YEAR : LAST_YEAR, 1, 1) * DAY_MS;
  const start = dayNumber(year, 1, 1) * DAY_MS;
  return [{ start, end: dayNumber(year + 1, 1, 1) * DAY_MS, offset: zone.readOffset(edge) }];
}

function readSpans(zone: Zone, start: number, end: number): OffsetSpan[] {
  const spans: OffsetSpan[] = [];
  let spanStart = start;
  let offset = zone.readOffset(start);
  for (let at = start; at < end; at += SAMPLE_MS) {
    const next = Math.min(at + SAMPLE_MS, end);
    const nextOffset = zone.readOffset(next);
    if (nextOffset === offset) continue;
    const change = changeBetween(zone, at, next, offset);
    if (change < end) {
      spans.push({ start: spanStart, end: change, offset });
      spanStart = change;
      offset = nextOffset;
    }
  }
  spans.push({ start: spanStart, end, offset });
  return spans;
}

/** The first second after `low` whose offset is no longer `offset`; `high` is known to have another. */
function changeBetween(zone: Zone, low: number, high: number, offset: number): number {
  let before = low / SECOND_MS;
  let after = high / SECOND_MS;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (zone.readOffset(middle * SECOND_MS) === offset) before = middle;
    else after = middle;
  }
  return after * SECOND_MS;
}
