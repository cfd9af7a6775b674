import { expect, test } from "vitest";
import { nextPlanned, type PlanLoad, type PlanRule, planDue } from "./plan.ts";

const at = (time: string) => new Date(`2001-01-01T${time}Z`);
const HOURLY: PlanRule = {
  expression: "0 0 * * * ?",
  zone: "UTC",
  startsAt: null,
  endsAt: null,
  missingHour: "shift",
  repeatedHour: "first",
};
const IDLE: PlanLoad = {
  catchUp: "none",
  catchUpSeconds: 86_400,
  overlapMax: 5,
  overlapPolicy: "wait",
  running: 0,
  waiting: 0,
  hasDependencies: false,
  pausedBy: null,
  calendar: undefined,
  freezes: [],
};

const acts = (rule: PlanRule, load: PlanLoad, first: string, now: string) =>
  planDue(rule, load, { first: at(first), now: at(now), most: 1_000 }).acts.map(
    ({ plannedAt, act }) => `${plannedAt.toISOString().slice(11, 19)} ${act}`,
  );

test("the next time lies after the given one, within start and end", () => {
  expect(nextPlanned(HOURLY, at("00:00:00"))).toEqual(at("01:00:00"));
  expect(nextPlanned(HOURLY, at("00:59:59.999"))).toEqual(at("01:00:00"));
  expect(nextPlanned({ ...HOURLY, startsAt: at("03:00:00") }, at("00:00:00"))).toEqual(at("03:00:00"));
  expect(nextPlanned({ ...HOURLY, startsAt: at("03:00:01") }, at("00:00:00"))).toEqual(at("04:00:00"));
  expect(nextPlanned({ ...HOURLY, endsAt: at("01:00:00") }, at("00:00:00"))).toEqual(at("01:00:00"));
  expect(nextPlanned({ ...HOURLY, endsAt: at("01:00:00") }, at("01:00:00"))).toBeUndefined();
  expect(() => nextPlanned({ ...HOURLY, expression: "x" }, at("00:00:00"))).toThrow(
    expect.objectContaining({ code: "schedule-invalid" }),
  );
});

test("a time noticed within a minute starts, a later one is missed", () => {
  expect(acts(HOURLY, IDLE, "01:00:00", "00:59:59")).toEqual([]);
  expect(acts(HOURLY, IDLE, "01:00:00", "01:01:00")).toEqual(["01:00:00 start"]);
  expect(acts(HOURLY, IDLE, "01:00:00", "02:01:00.001")).toEqual(["01:00:00 miss", "02:00:00 miss"]);
  expect(acts(HOURLY, IDLE, "01:00:00", "03:00:30")).toEqual([
    "01:00:00 miss",
    "02:00:00 miss",
    "03:00:00 start",
  ]);
});

test("beyond the limit instances wait, and behind one that waits", () => {
  const often = { ...HOURLY, expression: "0/20 * * * * ?" };
  const first = "01:00:00";
  const now = "01:00:40";
  const three = (a: string, b: string, c: string) => [`01:00:00 ${a}`, `01:00:20 ${b}`, `01:00:40 ${c}`];
  expect(acts(often, { ...IDLE, running: 3 }, first, now)).toEqual(three("start", "start", "wait"));
  expect(acts(often, { ...IDLE, running: 5 }, first, now)).toEqual(three("wait", "wait", "wait"));
  expect(acts(often, { ...IDLE, waiting: 1 }, first, now)).toEqual(three("wait", "wait", "wait"));
  expect(acts(often, { ...IDLE, hasDependencies: true }, first, now)).toEqual(three("wait", "wait", "wait"));
});

test("one go decides a bounded number of times and says where the next begins", () => {
  const each = { ...HOURLY, expression: "* * * * * ?" };
  const times = { first: at("01:00:00"), now: at("09:00:00"), most: 1_000 };
  const { acts: decided, nextAt } = planDue(each, IDLE, times);
  expect(decided).toHaveLength(1_000);
  expect(nextAt).toEqual(new Date(at("01:00:00").getTime() + 1_000_000));
});

test("what was missed is made up for as the policy says, within its bound", () => {
  const decided = (load: Partial<PlanLoad>) => acts(HOURLY, { ...IDLE, ...load }, "01:00:00", "04:30:00");
  expect(decided({ catchUp: "all", catchUpSeconds: 9_000 })).toEqual([
    "01:00:00 miss",
    "02:00:00 start",
    "03:00:00 start",
    "04:00:00 start",
  ]);
  const last = ["01:00:00 miss", "02:00:00 miss", "03:00:00 miss", "04:00:00 start"];
  expect(decided({ catchUp: "last" })).toEqual(last);
  expect(decided({ catchUp: "last", catchUpSeconds: 60 }).at(-1)).toBe("04:00:00 miss");
  const onTime = acts(HOURLY, { ...IDLE, catchUp: "last" }, "03:00:00", "04:00:30");
  expect(onTime).toEqual(["03:00:00 miss", "04:00:00 start"]);
});

test("one answer each: paused, then the calendar, then lateness, then overlap, then frozen", () => {
  const often = { ...HOURLY, expression: "0/20 * * * * ?" };
  const one = (load: Partial<PlanLoad>, now = "01:00:00") =>
    planDue(often, { ...IDLE, ...load }, { first: at("01:00:00"), now: at(now), most: 1 }).acts[0];
  const free = { name: "none", days: () => false };
  const late = "02:00:00";
  const full = { running: 5, overlapPolicy: "skip" } as const;
  const frozen = { freezes: [{ from: at("01:00:00"), to: at("01:00:01") }] };
  expect(one({ pausedBy: "ann", calendar: free, ...full, ...frozen }, late)).toMatchObject({
    act: "skip",
    reason: "disabled",
    detail: "the schedule was paused by ann",
  });
  expect(one({ calendar: free, ...full, ...frozen }, late)).toMatchObject({
    reason: "calendar",
    detail: '2001-01-01 is no workday of calendar "none"',
  });
  expect(one({ calendar: { name: "gone" } })).toMatchObject({ act: "skip", reason: "calendar" });
  expect(one({ ...full, ...frozen }, late)).toMatchObject({ act: "miss", reason: "downtime" });
  expect(one({ ...full, ...frozen })).toMatchObject({ act: "skip", reason: "overlap" });
  expect(one(frozen)).toMatchObject({ act: "freeze" });
  expect(one({ freezes: [{ from: at("00:00:00"), to: at("01:00:00") }] })).toMatchObject({ act: "start" });
});

test("the calendar's day is that of the schedule's zone", () => {
  const asked: number[] = [];
  const days = (day: number) => {
    asked.push(day);
    return true;
  };
  const rule = { ...HOURLY, zone: "Asia/Tokyo" };
  planDue(
    rule,
    { ...IDLE, calendar: { name: "c", days } },
    { first: at("15:00:00"), now: at("15:00:00"), most: 1 },
  );
  expect(asked).toEqual([Date.UTC(2001, 0, 2) / 86_400_000]);
});

test("ahead of its time only what simply starts is planned", () => {
  const often = { ...HOURLY, expression: "* * * * * ?" };
  const ahead = (load: Partial<PlanLoad>) => {
    const stretch = { first: at("01:00:00"), now: at("01:00:00"), ahead: at("01:00:02"), most: 1_000 };
    const plan = planDue(often, { ...IDLE, ...load }, stretch);
    return [...plan.acts.map(({ act }) => act), plan.nextAt?.toISOString().slice(17, 19)].join(" ");
  };
  expect(ahead({})).toBe("start start start 03");
  expect(ahead({ running: 3 })).toBe("start start 02");
  expect(ahead({ overlapMax: 1, overlapPolicy: "skip" })).toBe("start 01");
  expect(ahead({ waiting: 1 })).toBe("wait 01");
  expect(ahead({ hasDependencies: true })).toBe("wait 01");
  expect(ahead({ pausedBy: "ann" })).toBe("skip 01");
  expect(ahead({ freezes: [{ from: at("01:00:01"), to: at("01:00:02") }] })).toBe("start 01");
  expect(ahead({ calendar: { name: "none" } })).toBe("skip 01");
});
