/** Which planned times of another job count for one's own. */
import { expect, test } from "vitest";
import { parseCron } from "./cron.ts";
import { type Periodic, periodicOf, reachOf, stretchOf } from "./dependency.ts";
import { type Interval, intervalOf } from "./period.ts";
import { plannedWithin } from "./plan.ts";

/** As a schedule with this expression, and with the interval that it speaks of. */
function schedule(expression: string, zone = "UTC", interval?: Interval): Periodic {
  const cron = parseCron(expression);
  if ("problems" in cron) throw new RangeError(cron.problems.join());
  const rule = {
    expression,
    zone,
    startsAt: null,
    endsAt: null,
    missingHour: "shift",
    repeatedHour: "first",
  } as const;
  return { rule, interval: interval ?? intervalOf(cron) };
}

/** The times of `upstream` that count for the run of `own` at `at`, without their seconds. */
function awaited(own: Periodic, upstream: Periodic, at: string, periods = 0): string[] {
  const stretch = stretchOf(own, upstream, new Date(at), periods);
  if (stretch === undefined) return [];
  const times = plannedWithin(upstream.rule, new Date(stretch.from), new Date(stretch.to), 1000);
  return times.map((time) => time.toISOString().slice(0, 16));
}

const DAILY = "0 30 1 * * ?";
const HOURLY = "0 0 * * * ?";

test.each([
  ["0 0/15 * * * ?", "minutes"],
  ["0/20 * * * * ?", "minutes"],
  [HOURLY, "hours"],
  ["0 0 8,20 * * ?", "hours"],
  [DAILY, "days"],
  ["0 0 8 ? * MON-FRI", "days"],
  ["0 0 8 ? * MON", "weeks"],
  ["0 0 8 1 * ?", "months"],
  ["0 0 8 L * ?", "months"],
  ["0 0 8 ? * 6L", "months"],
  ["0 0 8 1 1,4,7,10 ?", "seasons"],
  ["0 0 8 1 1 ?", "years"],
])("%s speaks of %s", (expression, interval) => {
  expect(schedule(expression).interval).toBe(interval);
});

test("a day has 24 hours, and as many as it has where the clock changes", () => {
  const berlin = [schedule(DAILY, "Europe/Berlin"), schedule(HOURLY, "Europe/Berlin")] as const;
  expect(awaited(...berlin, "2026-06-01T00:00:00Z")).toHaveLength(24);
  const short = awaited(...berlin, "2026-03-29T00:30:00Z");
  expect([short.length, short[0], short.at(-1)]).toEqual([23, "2026-03-28T23:00", "2026-03-29T21:00"]);
  const long = awaited(...berlin, "2026-10-24T23:30:00Z");
  expect([long.length, long[0], long.at(-1)]).toEqual([25, "2026-10-24T22:00", "2026-10-25T22:00"]);
});

test("an hour that comes twice is two periods of an hour and one part of its day", () => {
  const half = schedule("0 30 * * * ?", "Europe/Berlin");
  const hourly = schedule(HOURLY, "Europe/Berlin");
  expect(awaited(half, hourly, "2026-10-25T00:30:00Z")).toEqual(["2026-10-25T00:00"]);
  expect(awaited(half, hourly, "2026-10-25T01:30:00Z")).toEqual(["2026-10-25T01:00"]);
  const daily = schedule(DAILY, "Europe/Berlin");
  for (const pass of ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"])
    expect(awaited(hourly, daily, pass)).toEqual(["2026-10-24T23:30"]);
});

test("the days are those of the waiting job's zone", () => {
  const tokyo = schedule(DAILY, "Asia/Tokyo");
  const hours = awaited(tokyo, schedule(HOURLY), "2026-06-01T16:30:00Z");
  expect([hours.length, hours[0], hours.at(-1)]).toEqual([24, "2026-06-01T15:00", "2026-06-02T14:00"]);
  expect(awaited(schedule(DAILY), tokyo, "2026-06-01T01:30:00Z")).toEqual(["2026-06-01T16:30"]);
});

test("the coarser schedule says what the period is", () => {
  const month = schedule("0 0 8 1 * ?");
  expect(awaited(month, schedule(DAILY), "2026-02-01T08:00:00Z")).toHaveLength(28);
  expect(awaited(schedule(DAILY), month, "2026-02-14T01:30:00Z")).toEqual(["2026-02-01T08:00"]);
  const week = schedule("0 0 8 ? * WED");
  // From Monday on: Sunday belongs to the week that it ends.
  expect(awaited(schedule(DAILY), week, "2026-06-07T01:30:00Z")).toEqual(["2026-06-03T08:00"]);
  expect(awaited(schedule(DAILY), week, "2026-06-08T01:30:00Z")).toEqual(["2026-06-10T08:00"]);
  expect(
    awaited(schedule("0 0 8 1 1 ?"), schedule("0 0 8 1 1,4,7,10 ?"), "2026-01-01T08:00:00Z"),
  ).toHaveLength(4);
});

test("of two jobs with one interval each waits for the other in its own hour or day", () => {
  const [full, half] = [schedule(HOURLY), schedule("0 30 * * * ?")];
  expect(awaited(half, full, "2026-06-01T10:30:00Z")).toEqual(["2026-06-01T10:00"]);
  expect(awaited(full, half, "2026-06-01T10:00:00Z")).toEqual(["2026-06-01T10:30"]);
  const two = schedule("0 0 0/2 * * ?");
  expect(awaited(two, full, "2026-06-01T02:00:00Z")).toEqual(["2026-06-01T02:00", "2026-06-01T03:00"]);
  const office = schedule("0 0 9-17 * * ?");
  expect(awaited(office, full, "2026-06-01T17:00:00Z")).toEqual(["2026-06-01T17:00"]);
  const quarter = schedule("0 0/15 * * * ?");
  expect(awaited(quarter, schedule("0 5/15 * * * ?"), "2026-06-01T10:15:00Z")).toEqual(["2026-06-01T10:20"]);
});

test("a finer job waits for the run of hours that holds its minute, and for none outside of them", () => {
  const minutes = schedule("0 0/10 * * * ?");
  expect(awaited(minutes, schedule("0 0 0/2 * * ?"), "2026-06-01T03:50:00Z")).toEqual(["2026-06-01T02:00"]);
  expect(awaited(minutes, schedule("0 0 9-17 * * ?"), "2026-06-01T20:10:00Z")).toEqual([]);
  expect(awaited(minutes, schedule("0 0 8,20 * * ?"), "2026-06-02T03:10:00Z")).toEqual(["2026-06-01T20:00"]);
});

test("periods before count as whole ones", () => {
  const [day, hour] = [schedule(DAILY), schedule(HOURLY)];
  const yesterday = awaited(day, hour, "2026-06-02T01:30:00Z", 1);
  expect([yesterday.length, yesterday[0], yesterday.at(-1)]).toEqual([
    24,
    "2026-06-01T00:00",
    "2026-06-01T23:00",
  ]);
  expect(awaited(day, day, "2026-03-01T01:30:00Z", 3)).toEqual([
    "2026-02-26T01:30",
    "2026-02-27T01:30",
    "2026-02-28T01:30",
  ]);
  expect(awaited(hour, hour, "2026-06-01T00:00:00Z", 1)).toEqual(["2026-05-31T23:00"]);
  expect(awaited(schedule("0 0 8 1 * ?"), schedule(DAILY), "2026-01-01T08:00:00Z", 1)).toHaveLength(31);
});

test("the interval that a schedule is given wins over what its expression says", () => {
  const monthly = schedule("0 0 8 ? * MON", "UTC", "months");
  expect(awaited(monthly, schedule(DAILY), "2026-06-01T08:00:00Z")).toHaveLength(30);
});

test("without the upstream's schedule the own period counts", () => {
  const { from, to } = stretchOf(schedule(DAILY), undefined, new Date("2026-06-01T01:30:00Z"), 0) ?? {};
  expect([from, to]).toEqual([Date.UTC(2026, 5, 1), Date.UTC(2026, 5, 2)]);
});

test("the own times for which an upstream's time can count lie in its reach", () => {
  const expressions = [HOURLY, "0 0 9-17 * * ?", "0 0/10 * * * ?", DAILY, "0 0 8 ? * MON", "0 0 8 1 * ?"];
  const [begin, end] = [new Date("2026-03-01T00:00:00Z"), new Date("2026-05-01T00:00:00Z")];
  for (const mine of expressions)
    for (const theirs of expressions)
      for (const periods of [0, 2]) {
        const [own, upstream] = [schedule(mine, "Europe/Berlin"), schedule(theirs)];
        for (const at of plannedWithin(own.rule, begin, end, 200)) {
          const stretch = stretchOf(own, upstream, at, periods);
          if (stretch === undefined) continue;
          for (const time of [stretch.from, stretch.to - 1]) {
            const { from, to } = reachOf(own, upstream, new Date(time), periods);
            const where = `${mine} waits for ${theirs}, ${periods} periods, ${at.toISOString()}`;
            expect(at.getTime() >= from && at.getTime() < to, where).toBe(true);
          }
        }
      }
});

test("a definition says its periods, whether it is in operation or not", () => {
  const { rule, interval } = schedule(DAILY, "Europe/Berlin");
  const cron = { expression: DAILY, zone: "Europe/Berlin", afterOwnPrevious: false };
  const rest = { kind: "batch", nodes: [], parameters: [], priority: 0, dryRun: false } as const;
  expect(periodicOf({ ...rest, schedule: { type: "cron", cron } })).toEqual({ rule, interval });
  const bounded = { ...cron, interval: "weeks", startsAt: "2026-01-01T00:00:00.000Z" } as const;
  expect(
    periodicOf({ ...rest, schedule: { type: "cron", cron: bounded }, settings: { missingHour: "skip" } }),
  ).toEqual({
    rule: { ...rule, startsAt: new Date("2026-01-01T00:00:00Z"), missingHour: "skip" },
    interval: "weeks",
  });
  for (const given of [{ type: "cron" }, { type: "once" }] as const)
    expect(periodicOf({ ...rest, schedule: given })).toBeUndefined();
});
