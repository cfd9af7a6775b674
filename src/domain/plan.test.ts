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
