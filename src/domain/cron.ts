/** Quartz cron expressions: their grammar, and when they fire next in a time zone. */
import { DAY_MS, SECOND_MS } from "./civil-date.ts";
import { type DayRule, parseDayField, parseWeekField } from "./cron-day.ts";
import { HOUR, MINUTE, MONTH, parseValues, SECOND, YEAR } from "./cron-field.ts";
import { type LocalFields, nextLocal, successors } from "./cron-local.ts";
import { type OffsetSpan, offsetAt, spanAt } from "./zone.ts";

/** A parsed expression; plain data. */
export interface Cron extends LocalFields {
  /** In upper case, fields joined by one blank. */
  readonly text: string;
  /** The hour field is a repetition (`*`, a range, a step): neither shifted from a gap nor held to one pass. */
  readonly repeatsHours: boolean;
  /** The hour, minute or second field is a repetition: it goes on evenly through both passes of an overlap. */
  readonly repeats: boolean;
}

/**
 * What becomes of a fixed time of day that the clock skips (`gap`) or shows twice (`overlap`).
 * `shift` fires once when the gap ends, `skip` not at all.
 * Repetitions (see `Cron.repeats`) follow real time instead: docs/decisions/0003.
 */
export interface DstPolicy {
  readonly gap: "shift" | "skip";
  readonly overlap: "first" | "last" | "both";
}

const DEFAULT_DST_POLICY: DstPolicy = { gap: "shift", overlap: "first" };

const TEXT_MAX = 512;
/** Nothing fires after it: the end of 2099 in the zone that is last to see it. */
const END = Date.UTC(2100, 0, 2);
/** Longer than any clock change since 1970 (Samoa skipped a whole day in 2011). */
const CHANGE_MAX = 2 * DAY_MS;

const CLOCK_FIELDS = { seconds: SECOND, minutes: MINUTE, hours: HOUR, months: MONTH, years: YEAR } as const;

/**
 * Reads six or seven blank-separated fields (second minute hour day month week [year]) as Quartz does.
 * `problems` names each field that is wrong and its rule. `nC` means n: no calendar is attached to a schedule.
 */
export function parseCron(text: string): Cron | { readonly problems: readonly string[] } {
  if (text.length > TEXT_MAX) return { problems: [`a cron expression has at most ${TEXT_MAX} characters`] };
  const fields = text.trim().toUpperCase().split(/\s+/);
  const [seconds, minutes, hours, day, months, week, years = "*"] = fields;
  if (
    fields.length > 7 ||
    seconds === undefined ||
    minutes === undefined ||
    hours === undefined ||
    day === undefined ||
    months === undefined ||
    week === undefined
  ) {
    const found = text.trim() === "" ? 0 : fields.length;
    return {
      problems: [
        `a cron expression has six fields (second minute hour day month week) and perhaps a year, not ${found}`,
      ],
    };
  }
  const problems: string[] = [];
  const keep = <T>(read: T | string): T | undefined => {
    if (typeof read !== "string") return read;
    problems.push(read);
    return undefined;
  };
  const clock = readClock({ seconds, minutes, hours, months, years }, keep);
  const days = keep(parseDays(day, week));
  if (problems.length > 0 || clock === undefined || days === undefined) return { problems };
  return { text: fields.join(" "), ...clock, days };
}

type ClockTexts = Readonly<Record<keyof typeof CLOCK_FIELDS, string>>;

function readClock(
  texts: ClockTexts,
  keep: <T>(read: T | string) => T | undefined,
): Omit<Cron, "text" | "days"> | undefined {
  const read = (field: keyof typeof CLOCK_FIELDS) => keep(parseValues(CLOCK_FIELDS[field], texts[field]));
  const seconds = read("seconds");
  const minutes = read("minutes");
  const hours = read("hours");
  const months = read("months");
  const years = read("years");
  if (!seconds || !minutes || !hours || !months || !years) return undefined;
  return {
    seconds: successors(SECOND, seconds.values),
    minutes: successors(MINUTE, minutes.values),
    hours: successors(HOUR, hours.values),
    months: successors(MONTH, months.values),
    years: successors(YEAR, years.values),
    repeatsHours: hours.repeats,
    repeats: hours.repeats || minutes.repeats || seconds.repeats,
  };
}

function parseDays(day: string, week: string): DayRule | string {
  if (day === "?" && week === "?") return "day and week: only one of them may be ?";
  if (day !== "?" && week !== "?") return "day and week: one of them must be ?";
  return week === "?" ? parseDayField(day) : parseWeekField(week);
}

/**
 * The first instant (milliseconds since 1970, a whole second) strictly after `after` at which `cron` fires in
 * the zone; undefined when there is none until the end of 2099. Fault `schedule-invalid` for an unknown zone.
 */
export function nextFire(
  cron: Cron,
  zone: string,
  after: number,
  policy: DstPolicy = DEFAULT_DST_POLICY,
): number | undefined {
  if (!(after < END)) return undefined;
  let at = Math.max(Math.floor(after / SECOND_MS) + 1, 0) * SECOND_MS;
  // Where an overlap was left early the local time to go on from; matches start in 1970, so 0 is no bound.
  let local = 0;
  while (at < END) {
    const span = spanAt(zone, at);
    local = Math.max(at + span.offset, local);
    const match = nextLocal(cron, local) ?? Number.POSITIVE_INFINITY;
    const instant = match - span.offset;
    if (instant >= span.end) {
      if (shifts(cron, policy) && match < span.end + offsetAt(zone, span.end)) return span.end;
      at = afterNothing(span, at, instant);
      local = 0;
      continue;
    }
    const pass = refusedPass(cron, zone, span, match, policy);
    if (pass === undefined) return instant;
    if (pass === "first") at = span.end;
    local = pass === "first" ? 0 : span.start + offsetAt(zone, span.start - 1);
  }
  return undefined;
}

/**
 * What a clock change did to the time `at`, at which `cron` fires: that it stands for one which the clock skipped, or in
 * which pass of an hour it lies that the clock shows twice; undefined away from changes.
 */
export function clockNote(cron: Cron, zone: string, at: number, policy: DstPolicy): string | undefined {
  const span = spanAt(zone, at);
  const local = at + span.offset;
  const before = span.start + offsetAt(zone, span.start - 1);
  if (at === span.start && shifts(cron, policy)) {
    const missing = nextLocal(cron, before) ?? Number.POSITIVE_INFINITY;
    if (missing < local) return `shifted from ${clockTime(missing)}, which the clock skipped`;
  }
  const twice = `of ${clockTime(local)}, which the clock shows twice`;
  if (local < before) return `second pass ${twice}`;
  return local >= span.end + offsetAt(zone, span.end) ? `first pass ${twice}` : undefined;
}

/** `02:30:00` of a local time. */
function clockTime(local: number): string {
  return new Date(local).toISOString().slice(11, 19);
}

/** Where to look next when the span holds no match from `at` on, and the next one would be at `instant`. */
function afterNothing(span: OffsetSpan, at: number, instant: number): number {
  // Far from clock changes an empty stretch is jumped; close to one, its other side may show a time again.
  return span.end - at > CHANGE_MAX ? Math.max(instant - CHANGE_MAX, span.end) : span.end;
}

function shifts(cron: Cron, policy: DstPolicy): boolean {
  return policy.gap === "shift" && !cron.repeatsHours;
}

/** Which pass of an overlap `local` is in, when the policy does not want it there. */
function refusedPass(
  cron: Cron,
  zone: string,
  span: OffsetSpan,
  local: number,
  policy: DstPolicy,
): "first" | "second" | undefined {
  if (cron.repeats || policy.overlap === "both") return undefined;
  if (policy.overlap === "first")
    return local < span.start + offsetAt(zone, span.start - 1) ? "second" : undefined;
  return local >= span.end + offsetAt(zone, span.end) ? "first" : undefined;
}
