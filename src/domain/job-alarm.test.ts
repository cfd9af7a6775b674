/** Job alarms: what raises one, its words, and what a rule must meet. */
import { expect, test } from "vitest";
import {
  alarmKindOf,
  alarmMessage,
  alarmSubject,
  checkAlarmRule,
  digestMessage,
  missedMessage,
  timeAlarmMessage,
} from "./job-alarm.ts";
import { INSTANCE, type InstanceState } from "./states.ts";

test("success, failure and cancellation raise alarms; what waits, runs or is skipped does not", () => {
  const raised = (Object.keys(INSTANCE) as InstanceState[]).flatMap((state) => {
    const kind = alarmKindOf(state);
    return kind === undefined ? [] : [`${state}: ${kind}`];
  });
  expect(raised).toEqual([
    "suspended: failure",
    "succeeded: success",
    "failed: failure",
    "stopped: cancelled",
  ]);
});

test("a failure says why", () => {
  const run = {
    jobName: "nightly",
    instanceId: 7,
    plannedAt: new Date("2026-11-23T06:00:00.000Z"),
    state: "failed",
    errorMessage: 'Node "a" failed: no luck',
  } as const;
  expect(alarmSubject("failure", "nightly")).toBe('Job "nightly" failed');
  expect(alarmMessage(run)).toBe(
    'Job "nightly" failed: run 7, planned for 2026-11-23T06:00:00.000Z. Node "a" failed: no luck',
  );
  expect(alarmMessage({ ...run, state: "suspended" })).toMatch(/^Job "nightly" failed and is suspended:/);
  expect(alarmMessage({ ...run, state: "stopped" })).toBe(
    'Job "nightly" was cancelled: run 7, planned for 2026-11-23T06:00:00.000Z.',
  );
});

test("a time says how long was waited, and a gap how long it was", () => {
  const run = { jobName: "nightly", instanceId: 7, plannedAt: new Date("2026-11-23T06:00:00.000Z") };
  expect(timeAlarmMessage("late", run, 1)).toBe(
    'Job "nightly" is late: run 7, planned for 2026-11-23T06:00:00.000Z, has not begun after a minute.',
  );
  expect(timeAlarmMessage("unfinished", run, 90)).toMatch(
    / is not finished in time: .* has not ended after 90 minutes[.]$/,
  );
  expect(missedMessage("nightly", [run.plannedAt])).toBe(
    'Job "nightly" missed its time: nothing was started for 2026-11-23T06:00:00.000Z.',
  );
});

test("a notice of many alarms has fifty sentences at most, and says how many more there are", () => {
  const lines = digestMessage(Array.from({ length: 51 }, (_, index) => `alarm ${index}`)).split("\n");
  expect([lines.length, lines[49], lines[50]]).toEqual([51, "alarm 49", "and 1 more"]);
});

test.each([
  ["/", 0],
  ["/sales/daily", 0],
  ["sales", 1],
  ["/sales/", 1],
  ["//", 1],
])("a rule for the directory %s is checked", (directory, problems) => {
  const rule = { name: "r", kind: "failure", topic: "t", scope: { type: "directory", directory } } as const;
  expect(checkAlarmRule(rule)).toHaveLength(problems);
  expect(checkAlarmRule({ ...rule, name: " " })).toHaveLength(problems + 1);
});
