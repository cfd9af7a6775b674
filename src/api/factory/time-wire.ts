/** Instants as DataArts Factory writes them: with an offset in definitions, as RFC 3339 text, as milliseconds. */

import { Type } from "typebox";

/** Any instant that a date can hold, in the form that lists have: milliseconds since 1970. */
export const Milliseconds = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 });

const SCHEDULE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:Z|([+-])(\d\d)(?::?(\d\d))?)$/;
const OFFSET_HOURS_MAX = 18;
const MINUTE_MS = 60_000;

/**
 * Reads `yyyy-MM-dd'T'HH:mm:ssZ` with the offset as `+08`, `+0800`, `+08:00` or `Z`; undefined for another form or a
 * date that no calendar has (dataarts-factory 4.1, Cron).
 */
export function parseScheduleTime(text: string): Date | undefined {
  const match = SCHEDULE_TIME.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  const offset = offsetMs(match[7], Number(match[8] ?? 0), Number(match[9] ?? 0));
  if (offset === undefined) return undefined;
  // A field beyond its range would carry over into the next, and the text would no longer read the same.
  const same = new Date(local).toISOString().slice(0, 19) === text.slice(0, 19);
  return same ? new Date(local - offset) : undefined;
}

function offsetMs(sign: string | undefined, hours: number, minutes: number): number | undefined {
  if (hours > OFFSET_HOURS_MAX || minutes > 59) return undefined;
  return (sign === "-" ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS;
}

/** `2026-11-23T06:54:27Z`: whole seconds, the one form that every client reads (dataarts-factory 4.6). */
export function encodeTimeText(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** An object with the time in milliseconds as `name`, or an empty one: unknown times are left out, never null. */
export function timeMember<Name extends string>(
  name: Name,
  time: Date | null,
): { readonly [K in Name]?: number } {
  return time === null ? {} : ({ [name]: time.getTime() } as { readonly [K in Name]: number });
}
