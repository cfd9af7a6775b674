/** Cron expressions: grammar, next fire times, clock changes, and agreement with a plain scan. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Cron, type DstPolicy, nextFire, parseCron } from "./cron.ts";
import { fieldsOf, instantsOf, localFields, localNumber, offsetAt } from "./zone.ts";

const MINUTE = 60_000;
const NEW_YORK = "America/New_York";

function cronOf(text: string): Cron {
  const cron = parseCron(text);
  if ("problems" in cron) throw new Error(`${text}: ${cron.problems.join("; ")}`);
  return cron;
}

function problemsOf(text: string): readonly string[] {
  const cron = parseCron(text);
  return "problems" in cron ? cron.problems : [];
}

function fires(text: string, zone: string, after: string, count: number, policy?: DstPolicy): string[] {
  const cron = cronOf(text);
  const found: string[] = [];
  let at: number | undefined = Date.parse(after);
  while (at !== undefined && found.length < count) {
    at = nextFire(cron, zone, at, policy);
    if (at !== undefined) found.push(new Date(at).toISOString().replace(":00.000Z", "Z"));
  }
  return found;
}

describe("grammar", () => {
  test.each([
    // 2024-01-01 is a Monday.
    ["0 0 12 * * ?", ["2024-01-01T12:00Z", "2024-01-02T12:00Z"]],
    ["0 0 0 ? * 1", ["2024-01-07T00:00Z", "2024-01-14T00:00Z"]],
    ["0 0 0 ? * 2-6", ["2024-01-02T00:00Z", "2024-01-03T00:00Z"]],
    ["0 0 0 ? * MON-FRI", ["2024-01-02T00:00Z", "2024-01-03T00:00Z"]],
    [
      "0 0 0 ? * fri-mon",
      [
        "2024-01-05T00:00Z",
        "2024-01-06T00:00Z",
        "2024-01-07T00:00Z",
        "2024-01-08T00:00Z",
        "2024-01-12T00:00Z",
      ],
    ],
    ["0 0 0 ? * L", ["2024-01-06T00:00Z", "2024-01-13T00:00Z"]],
    ["0 0 0 ? * 6L", ["2024-01-26T00:00Z", "2024-02-23T00:00Z"]],
    ["0 0 0 ? * FRIL", ["2024-01-26T00:00Z", "2024-02-23T00:00Z"]],
    ["0 0 0 ? * 6#3", ["2024-01-19T00:00Z", "2024-02-16T00:00Z"]],
    ["0 0 0 ? * FRI#5", ["2024-03-29T00:00Z", "2024-05-31T00:00Z"]],
    ["0 0 0 L * ?", ["2024-01-31T00:00Z", "2024-02-29T00:00Z"]],
    ["0 0 0 L-3 * ?", ["2024-01-28T00:00Z", "2024-02-26T00:00Z"]],
    ["0 0 0 L-30 * ?", ["2024-03-01T00:00Z", "2024-05-01T00:00Z"]],
    ["0 0 0 LW * ?", ["2024-01-31T00:00Z", "2024-02-29T00:00Z", "2024-03-29T00:00Z"]],
    ["0 0 0 L-3W * ?", ["2024-01-29T00:00Z", "2024-02-26T00:00Z"]],
    [
      "0 0 0 15W * ?",
      [
        "2024-01-15T00:00Z",
        "2024-02-15T00:00Z",
        "2024-03-15T00:00Z",
        "2024-04-15T00:00Z",
        "2024-05-15T00:00Z",
        "2024-06-14T00:00Z",
      ],
    ],
    ["0 0 0 1W 6 ?", ["2024-06-03T00:00Z"]],
    ["0 0 0 31W 3 ?", ["2024-03-29T00:00Z"]],
    ["0 0 0 5C * ?", ["2024-01-05T00:00Z", "2024-02-05T00:00Z"]],
    ["0 0 0 ? * 3C", ["2024-01-02T00:00Z", "2024-01-09T00:00Z"]],
    ["0 0 0 29 2 ?", ["2024-02-29T00:00Z", "2028-02-29T00:00Z"]],
    ["0 0 0 29 2 ? 2025-2100", undefined],
    ["0 0 0 29 2 ? 2090-2099", ["2092-02-29T00:00Z", "2096-02-29T00:00Z"]],
    ["0 0 0 1 1 ? 2030/3", ["2030-01-01T00:00Z", "2033-01-01T00:00Z"]],
    ["0 0/5 0 * * ?", ["2024-01-01T00:05Z", "2024-01-01T00:10Z"]],
    ["0 1/5 0 * * ?", ["2024-01-01T00:01Z", "2024-01-01T00:06Z"]],
    ["0 */25 * * * ?", ["2024-01-01T00:25Z", "2024-01-01T00:50Z", "2024-01-01T01:00Z"]],
    ["0 /25 * * * ?", ["2024-01-01T00:25Z", "2024-01-01T00:50Z", "2024-01-01T01:00Z"]],
    [
      "0 1-10/3 5 * * ?",
      [
        "2024-01-01T05:01Z",
        "2024-01-01T05:04Z",
        "2024-01-01T05:07Z",
        "2024-01-01T05:10Z",
        "2024-01-02T05:01Z",
      ],
    ],
    ["0 0 22-2 * * ?", ["2024-01-01T01:00Z", "2024-01-01T02:00Z", "2024-01-01T22:00Z"]],
    ["0 0 22-3/2 * * ?", ["2024-01-01T02:00Z", "2024-01-01T22:00Z", "2024-01-02T00:00Z"]],
    ["0 0 0 30-2 * ?", ["2024-01-02T00:00Z", "2024-01-30T00:00Z", "2024-01-31T00:00Z", "2024-02-01T00:00Z"]],
    ["0 0 0 1 NOV-FEB ?", ["2024-02-01T00:00Z", "2024-11-01T00:00Z"]],
    ["0 0 0 1 jan,jul ?", ["2024-07-01T00:00Z", "2025-01-01T00:00Z"]],
    ["0  0\t0 1,15,L * ?", ["2024-01-15T00:00Z", "2024-01-31T00:00Z"]],
    ["*/20 0 0 1 1 ?", ["2024-01-01T00:00:20.000Z", "2024-01-01T00:00:40.000Z", "2025-01-01T00:00Z"]],
    ["0 0 0 31 2 ?", []],
    ["0 0 0 1 1 ? 2023", []],
  ])("%s fires at %j", (text, expected) => {
    if (expected === undefined) expect(problemsOf(text)).not.toEqual([]);
    else expect(fires(text, "UTC", "2024-01-01T00:00:00Z", Math.max(expected.length, 1))).toEqual(expected);
  });

  test.each([
    ["", "six fields"],
    ["0 0 0 * *", "six fields"],
    ["0 0 0 * * ? 2024 x", "six fields"],
    ["60 0 0 * * ?", 'second: "60" is not one of 0-59'],
    ["0 61 0 * * ?", 'minute: "61"'],
    ["0 0 24 * * ?", 'hour: "24" is not one of 0-23'],
    ["0 0 0 0 * ?", 'day: "0" is not one of 1-31'],
    ["0 0 0 32W * ?", 'day: "32"'],
    ["0 0 0 L-31 * ?", "day: L-n counts 0 to 30"],
    ["0 0 0 * 13 ?", 'month: "13" is not one of 1-12 or JAN-DEC'],
    ["0 0 0 * FOO ?", 'month: "FOO"'],
    ["0 0 0 ? * 0", 'week: "0" is not one of 1-7 or SUN-SAT'],
    ["0 0 0 ? * 8", 'week: "8"'],
    ["0 0 0 ? * 6#6", "week: # is followed by 1 to 5"],
    ["0 0 0 ? * #2", "week:"],
    ["0 0 0 ? * 2L,3", "week: L and # stand with one weekday"],
    ["0 0 0 ? * 2#1,3#2", "week: L and # stand with one weekday"],
    ["0 0 0 * * *", "one of them must be ?"],
    ["0 0 0 1 * 2", "one of them must be ?"],
    ["0 0 0 ? * ?", "only one of them may be ?"],
    ["? 0 0 * * ?", 'second: "?"'],
    ["0 0 0 ?,3 * ?", "day:"],
    ["0 0/0 0 * * ?", "minute: a step is 1 to 59, not 0"],
    ["0 0 0/24 * * ?", "hour: a step is 1 to 23"],
    ["0 0 0 * * ? 1969", 'year: "1969" is not one of 1970-2099'],
    ["0 0 0 * * ? 2030-2020", "year: the range 2030-2020 runs backwards"],
    ["0 0, 0 * * ?", "minute:"],
    ["0 5- 0 * * ?", "minute:"],
    ["0 0 L * * ?", "hour:"],
    ["0 0 5W * * ?", "hour:"],
    ["0 0 0 1 5# ?", "month:"],
    ["0 0 1.5 * * ?", "hour:"],
    ["0 0 ٣ * * ?", "hour:"],
    [`0 ${"0,".repeat(400)}0 0 * * ?`, "at most 512"],
  ])("%j is refused: %s", (text, problem) => {
    expect(problemsOf(text).join("; ")).toContain(problem);
  });

  test("every field that is wrong is named", () => {
    expect(problemsOf("60 60 24 32 13 ? 1900")).toHaveLength(6);
  });
});

describe("clock changes", () => {
  const policy = (gap: DstPolicy["gap"], overlap: DstPolicy["overlap"]): DstPolicy => ({ gap, overlap });

  test.each([
    // New York skips 02:00-03:00 on 2024-03-10 (07:00Z) and repeats 01:00-02:00 on 2024-11-03 (until 07:00Z).
    ["0 30 2 * * ?", "2024-03-10T05:00Z", undefined, ["2024-03-10T07:00Z", "2024-03-11T06:30Z"]],
    ["0 30 2 * * ?", "2024-03-10T05:00Z", policy("skip", "first"), ["2024-03-11T06:30Z"]],
    ["0 0 2,3 * * ?", "2024-03-10T05:00Z", undefined, ["2024-03-10T07:00Z", "2024-03-11T06:00Z"]],
    ["0 */10 2 * * ?", "2024-03-10T05:00Z", undefined, ["2024-03-10T07:00Z", "2024-03-11T06:00Z"]],
    ["0 30 1 * * ?", "2024-11-03T04:00Z", undefined, ["2024-11-03T05:30Z", "2024-11-04T06:30Z"]],
    ["0 30 1 * * ?", "2024-11-03T05:45Z", undefined, ["2024-11-04T06:30Z"]],
    [
      "0 30 1 * * ?",
      "2024-11-03T04:00Z",
      policy("shift", "last"),
      ["2024-11-03T06:30Z", "2024-11-04T06:30Z"],
    ],
    [
      "0 30 1 * * ?",
      "2024-11-03T04:00Z",
      policy("shift", "both"),
      ["2024-11-03T05:30Z", "2024-11-03T06:30Z"],
    ],
    [
      "0 30 1 3 11 ? 2024",
      "2024-11-03T04:00Z",
      policy("shift", "both"),
      ["2024-11-03T05:30Z", "2024-11-03T06:30Z"],
    ],
    ["0 30 1 3 11 ? 2024", "2024-11-03T04:00Z", policy("shift", "last"), ["2024-11-03T06:30Z"]],
    [
      "0 15/30 * * * ?",
      "2024-03-10T06:00Z",
      undefined,
      ["2024-03-10T06:15Z", "2024-03-10T06:45Z", "2024-03-10T07:15Z", "2024-03-10T07:45Z"],
    ],
    [
      "0 0/30 * * * ?",
      "2024-11-03T05:15Z",
      undefined,
      ["2024-11-03T05:30Z", "2024-11-03T06:00Z", "2024-11-03T06:30Z", "2024-11-03T07:00Z"],
    ],
    [
      "0 0 * * * ?",
      "2024-11-03T04:30Z",
      policy("skip", "last"),
      ["2024-11-03T05:00Z", "2024-11-03T06:00Z", "2024-11-03T07:00Z"],
    ],
    ["0 0 0/2 * * ?", "2024-03-10T04:30Z", undefined, ["2024-03-10T05:00Z", "2024-03-10T08:00Z"]],
    ["0 0 0 * * ?", "2024-03-09T12:00Z", undefined, ["2024-03-10T05:00Z", "2024-03-11T04:00Z"]],
  ])("New York: %s after %s", (text, after, dst, expected) => {
    expect(fires(text, NEW_YORK, after, expected.length, dst).slice(0, expected.length)).toEqual(expected);
  });

  test("a gap at midnight moves a midnight job to the day's first instant", () => {
    expect(fires("0 0 0 * * ?", "America/Sao_Paulo", "2018-11-03T12:00Z", 2)).toEqual([
      "2018-11-04T03:00Z",
      "2018-11-05T02:00Z",
    ]);
  });

  test("a day that a zone left out is made up when it ends", () => {
    expect(fires("0 0 12 * * ?", "Pacific/Apia", "2011-12-29T23:00Z", 2)).toEqual([
      "2011-12-30T10:00Z",
      "2011-12-30T22:00Z",
    ]);
  });

  test("a half-hour change shifts by half an hour", () => {
    expect(fires("0 15 2 * * ?", "Australia/Lord_Howe", "2024-10-05T12:00Z", 1)).toEqual([
      "2024-10-05T15:30Z",
    ]);
  });
});

test("a fire is strictly later than the instant asked about", () => {
  const noon = Date.UTC(2024, 0, 1, 12);
  const cron = cronOf("0 0 12 * * ?");
  expect(nextFire(cron, "UTC", noon)).toBe(noon + 86_400_000);
  expect(nextFire(cron, "UTC", noon - 1)).toBe(noon);
  expect(nextFire(cron, "UTC", noon - 0.5)).toBe(noon);
});

test("after the last year nothing fires, whatever is asked", () => {
  const cron = cronOf("* * * * * ?");
  for (const after of [Date.UTC(2100, 1), Number.POSITIVE_INFINITY, Number.NaN])
    expect(nextFire(cron, "UTC", after)).toBeUndefined();
  expect(nextFire(cron, "UTC", Number.NEGATIVE_INFINITY)).toBe(0);
  expect(nextFire(cron, "UTC", Date.UTC(2099, 11, 31, 23, 59, 59))).toBeUndefined();
});

test("an unknown zone is refused", () => {
  expect(() => nextFire(cronOf("0 0 0 * * ?"), "Nowhere/Land", 0)).toThrow("there is no time zone");
});

const two = (low: number, high: number) =>
  fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }));

function clockField(low: number, high: number) {
  return fc.oneof(
    fc.constant("*"),
    fc.integer({ min: low, max: high }).map(String),
    two(low, high).map(([a, b]) => `${a},${b}`),
    two(low, high).map(([a, b]) => `${a}-${b}`),
    fc
      .tuple(fc.integer({ min: low, max: high }), fc.integer({ min: 1, max: high }))
      .map(([a, step]) => `${a}/${step}`),
    fc.integer({ min: 1, max: high }).map((step) => `*/${step}`),
  );
}

const dayFields = fc.oneof(
  fc.constantFrom(
    "* * ?",
    "L * ?",
    "LW * ?",
    "L-2 * ?",
    "15W * ?",
    "1W * ?",
    "? * L",
    "? * 2-6",
    "? * 1",
    "? * 1L",
    "? * 1#2",
    "? 3,4,10,11 *",
  ),
  clockField(1, 31).map((day) => `${day} * ?`),
  clockField(1, 7).map((week) => `? * ${week}`),
);

const CHANGES: [string, number][] = [
  [NEW_YORK, Date.UTC(2024, 2, 10)],
  [NEW_YORK, Date.UTC(2024, 10, 3)],
  ["Australia/Lord_Howe", Date.UTC(2024, 9, 5)],
  ["Australia/Lord_Howe", Date.UTC(2024, 3, 6)],
  ["Europe/Berlin", Date.UTC(2023, 11, 31)],
  ["Africa/Casablanca", Date.UTC(2024, 3, 13)],
  ["Pacific/Apia", Date.UTC(2011, 11, 29)],
  ["Asia/Kathmandu", Date.UTC(2024, 1, 28)],
];

/** What the rules say, minute by minute over local time, in a window of about three days. */
function scan(cron: Cron, zone: string, from: number, until: number, policy: DstPolicy): number[] {
  const found = new Set<number>();
  const holds = (local: number) => localHolds(cron, local);
  const start = from + offsetAt(zone, from) - 30 * 60 * MINUTE;
  for (let local = start - (start % MINUTE); local < until + 26 * 60 * MINUTE; local += MINUTE) {
    if (!holds(local)) continue;
    const instants = instantsOf(zone, fieldsOf(local));
    if (instants.length === 0 && !cron.repeatsHours && policy.gap === "shift") found.add(gapEnd(zone, local));
    else if (instants.length === 2 && !cron.repeats && policy.overlap !== "both") {
      found.add((policy.overlap === "first" ? instants[0] : instants[1]) ?? 0);
    } else for (const instant of instants) found.add(instant);
  }
  return [...found].filter((at) => at > from && at <= until).sort((a, b) => a - b);
}

function gapEnd(zone: string, local: number): number {
  let at = local - 26 * 60 * MINUTE - offsetAt(zone, local);
  while (localNumber(localFields(zone, at)) < local) at += MINUTE;
  return at;
}

/** Reads the sets straight: no table of successors, no jumps. */
function localHolds(cron: Cron, local: number): boolean {
  const { year, month, day, hour, minute } = fieldsOf(local);
  const has = (field: Cron["hours"], value: number) => field.next[value - field.low] === value;
  if (
    !has(cron.minutes, minute) ||
    !has(cron.hours, hour) ||
    !has(cron.months, month) ||
    !has(cron.years, year)
  )
    return false;
  const date = new Date(Date.UTC(year, month - 1, day));
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const weekday = date.getUTCDay() + 1;
  const rule = cron.days;
  if (rule.kind === "weekdays") return rule.weekdays.includes(weekday);
  if (rule.kind === "last-weekday") return weekday === rule.weekday && day > last - 7;
  if (rule.kind === "nth-weekday") return weekday === rule.weekday && Math.ceil(day / 7) === rule.nth;
  if (rule.days.includes(day) || rule.beforeLast.includes(last - day)) return true;
  const wanted = [
    ...rule.nearest.filter((target) => target <= last),
    ...rule.nearestBeforeLast.map((before) => last - before),
  ];
  return wanted.some((target) => day === nearest(target, year, month, last));
}

function nearest(target: number, year: number, month: number, last: number): number {
  for (const distance of [0, -1, 1, -2, 2]) {
    const day = target + distance;
    const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
    if (day >= 1 && day <= last && weekday !== 0 && weekday !== 6) return day;
  }
  return -1;
}

test("next fires are those that a scan of every minute finds, across clock changes and under every policy", () => {
  const policies = fc.record({
    gap: fc.constantFrom("shift" as const, "skip" as const),
    overlap: fc.constantFrom("first" as const, "last" as const, "both" as const),
  });
  fc.assert(
    fc.property(
      clockField(0, 59),
      fc.oneof(clockField(0, 23), fc.constantFrom("1", "2", "0", "1,2")),
      dayFields,
      fc.constantFrom(...CHANGES),
      fc.integer({ min: 0, max: 24 * 60 }),
      policies,
      (minute, hour, days, [zone, start], offset, policy) => {
        const cron = cronOf(`0 ${minute} ${hour} ${days}`);
        const from = start + offset * MINUTE;
        const until = from + 2 * 24 * 60 * MINUTE;
        const found: number[] = [];
        let at = nextFire(cron, zone, from, policy);
        while (at !== undefined && at <= until) {
          found.push(at);
          at = nextFire(cron, zone, at, policy);
        }
        expect(found).toEqual(scan(cron, zone, from, until, policy));
      },
    ),
    { numRuns: 300, seed: 20240310 },
  );
});

test("whatever is typed is parsed or refused, and what is parsed can be asked for its next fire", () => {
  const piece = fc.constantFrom(
    "*",
    "?",
    "L",
    "W",
    "C",
    "#",
    "-",
    "/",
    ",",
    " ",
    "0",
    "5",
    "31",
    "MON",
    "JAN",
    "\t",
    "٣",
    "9999",
    "2030",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
      ),
      fc.nat(4e12),
      (text, after) => {
        const cron = parseCron(text);
        if ("problems" in cron) expect(cron.problems.length).toBeGreaterThan(0);
        else expect(nextFire(cron, NEW_YORK, after) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(after);
      },
    ),
    { numRuns: 2000, seed: 3 },
  );
});
