/** Which runs of one job an instance of another waits for (docs/dependencies.md states the rules for users). */
import { DAY_MS, HOUR_MS } from "./civil-date.ts";
import { parseCron } from "./cron.ts";
import { invalid } from "./fault.ts";
import type { JobDefinition } from "./job.ts";
import { calendarPeriod, type Interval, intervalOf, isCoarser, type Stretch, shortPeriod } from "./period.ts";
import { type PlanRule, plannedWithin } from "./plan.ts";

/** A schedule as far as periods go. */
export interface Periodic {
  readonly rule: PlanRule;
  readonly interval: Interval;
}

/** What the cron schedule of a definition says of periods, whether it is in operation or not; undefined without one. */
export function periodicOf({ schedule, settings = {} }: JobDefinition): Periodic | undefined {
  if (schedule.type !== "cron" || schedule.cron === undefined) return undefined;
  const { expression, zone, startsAt, endsAt, interval } = schedule.cron;
  const rule: PlanRule = {
    expression,
    zone,
    startsAt: startsAt === undefined ? null : new Date(startsAt),
    endsAt: endsAt === undefined ? null : new Date(endsAt),
    missingHour: settings.missingHour ?? "shift",
    repeatedHour: settings.repeatedHour ?? "first",
  };
  return { rule, interval: interval ?? intervalOf(cronOf(rule)) };
}

/** No period of the interval is longer, clock changes included. */
const LONGEST_MS: Readonly<Record<Interval, number>> = {
  minutes: HOUR_MS,
  hours: DAY_MS + 2 * HOUR_MS,
  days: DAY_MS + 2 * HOUR_MS,
  weeks: 7 * DAY_MS + 2 * HOUR_MS,
  months: 31 * DAY_MS + 2 * HOUR_MS,
  seasons: 92 * DAY_MS + 2 * HOUR_MS,
  years: 366 * DAY_MS + 2 * HOUR_MS,
};

/** Where the own times can lie, for which the upstream's time `at` may count: no other ones have it in their stretch. */
export function reachOf(own: Periodic, upstream: Periodic | undefined, at: Date, periods: number): Stretch {
  const isUpstreams = upstream !== undefined && isCoarser(upstream.interval, own.interval);
  const longest = LONGEST_MS[isUpstreams ? upstream.interval : own.interval];
  return { from: at.getTime() - longest, to: at.getTime() + longest * (periods + 1) };
}

/** Between two runs of a schedule by the hour lie at most 24 hours, and a clock change. */
const HOURS_APART_MAX_MS = 26 * 3_600_000;
const FIRES_MAX = 2_000;

/**
 * The stretch of an upstream's planned times that counts for the own time `at`: the period of the coarser of the two
 * schedules that holds it, in the own zone; with `periods`, so many whole periods before that. Undefined where no period
 * of the upstream holds `at`: there is nothing to wait for. Without an upstream's schedule the own period counts.
 */
export function stretchOf(
  own: Periodic,
  upstream: Periodic | undefined,
  at: Date,
  periods: number,
): Stretch | undefined {
  const coarser = upstream !== undefined && isCoarser(upstream.interval, own.interval) ? upstream : own;
  const { interval } = coarser;
  if (interval !== "minutes" && interval !== "hours") {
    const { zone } = own.rule;
    const present = calendarPeriod(zone, interval, at.getTime());
    if (periods === 0) return present;
    return { from: calendarPeriod(zone, interval, at.getTime(), periods).from, to: present.from };
  }
  const begin = coarser === own ? at.getTime() : lastFireUntil(coarser.rule, at);
  if (begin === undefined) return undefined;
  const { from, to } = shortPeriod(cronOf(coarser.rule), coarser.rule.zone, interval, begin);
  if (at.getTime() >= to) return undefined;
  return periods === 0 ? { from, to } : { from: from - periods * (to - from), to: from };
}

function lastFireUntil(rule: PlanRule, at: Date): number | undefined {
  const from = new Date(at.getTime() - HOURS_APART_MAX_MS);
  return plannedWithin(rule, from, new Date(at.getTime() + 1), FIRES_MAX)
    .at(-1)
    ?.getTime();
}

function cronOf({ expression }: PlanRule) {
  const cron = parseCron(expression);
  return "problems" in cron ? invalid("schedule-invalid", cron.problems) : cron;
}
