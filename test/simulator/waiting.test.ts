/** The judge sees a run that did not wait for another job's. */
import { expect, test } from "vitest";
import { seeded } from "../setup/seeded.ts";
import { chooseSchedule, type Timetable } from "./timetable.ts";
import { objectionToWaiting } from "./waiting.ts";
import { wallClock } from "./wall-clock.ts";

const MARCH = Date.parse("2024-03-01T00:00:00Z");
const MAY = Date.parse("2024-05-01T00:00:00Z");

function historyOf(timetable: Timetable) {
  const schedule = { ...chooseSchedule(seeded(1), MARCH, MAY), timetable, zone: "UTC" };
  const phases = [
    { since: MARCH, operation: "running" as const, schedule: { ...schedule, startsAt: MARCH, endsAt: MAY } },
  ];
  return { waitsFor: [], isTied: true, sweeps: [], phases, freezes: [], manualRuns: [] };
}

function lineOf(planned: string, begun: string | null, ended: string | null, state = "succeeded") {
  const [planned_at, begun_at, ended_at] = [planned, begun, ended].map((text) =>
    text === null ? null : new Date(`2024-04-${text}Z`),
  );
  return {
    planned_at: planned_at ?? new Date(),
    begun_at: begun_at ?? null,
    ended_at: ended_at ?? null,
    reason: null,
    instance_state: state,
  };
}

/** A job of Mondays waits for a job of each day, of the same week or of the one before. */
function objection(
  begun: string | null,
  periods: 0 | 1,
  last = lineOf("14T04:00:00", "14T04:00:00", "14T05:00:00"),
) {
  const monday = historyOf({ every: "week", weekdays: [1], minute: 60 });
  const daily = historyOf({ every: "day", minute: 240 });
  const days = ["08", "09", "10", "11", "12", "13"].map((day) =>
    lineOf(`${day}T04:00:00`, `${day}T04:00:00`, `${day}T05:00:00`),
  );
  const waiting = { jobId: 7, periods, failPolicy: "fail" as const };
  const upstream = [{ waiting, history: daily, lines: [...days, last] }];
  const planned = periods === 0 ? "08T01:00:00" : "15T01:00:00";
  const line = lineOf(planned, begun, begun, begun === null ? "failed" : "succeeded");
  return objectionToWaiting(monday, line, upstream, (zone) => wallClock(zone, MARCH, MAY));
}

test.each([0, 1] as const)(
  "a run begun before another that it waits for ended is seen (%i periods back)",
  (periods) => {
    expect(objection("15T01:00:00", periods)).toBeUndefined();
    const late = lineOf("14T04:00:00", "14T04:00:00", "15T02:00:00");
    expect(objection("15T01:00:00", periods, late)).toMatch("ended");
    const failed = lineOf("14T04:00:00", "14T04:00:00", "14T05:00:00", "stopped");
    expect(objection("15T01:00:00", periods, failed)).toMatch("ended as stopped");
    expect(objection(null, periods, failed)).toBeUndefined();
    expect(objection(null, periods)).toMatch("all that it waited for succeeded");
  },
);

test("a run begun before a time of the other job that was still to come is seen", () => {
  expect(objection("13T12:00:00", 0)).toMatch("before the run of job 7 of 2024-04-14T04:00:00.000Z");
});
