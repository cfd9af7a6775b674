/** Windows of the day: which texts are read, and when a window opens next. */
import { expect, test } from "vitest";
import { checkRunWindow, nextOpening, parseDaySpan, type RunWindow } from "./day-window.ts";

test("a span of the day is read, and two equal ends are the whole day", () => {
  const read = (text: string) => {
    const span = parseDaySpan(text);
    return span === undefined ? undefined : [span.from, span.to];
  };
  expect(read("10:15-23:30")).toEqual([615, 1410]);
  expect(read("22:00-06:00")).toEqual([1320, 360]);
  expect(read("18:00-24:00")).toEqual([1080, 1440]);
  expect(read("00:00-00:00")).toEqual([0, 1440]);
  for (const text of ["", "1:00-2:00", "10:00", "10:00-24:30", "24:00-02:00", "10:60-11:00", " 10:00-11:00"])
    expect(read(text), text).toBeUndefined();
});

function check(window: RunWindow, zone: string, at: string, expected: string | undefined): void {
  const opening = nextOpening(window, zone, new Date(at));
  expect(opening?.toISOString().slice(0, 16), `${JSON.stringify(window)} at ${at}`).toBe(expected);
}

test("a window opens next when all that it names holds, in its zone", () => {
  const night = { timeOfDay: "22:00-06:00" };
  check({}, "UTC", "2001-04-01T12:34:00Z", "2001-04-01T12:34");
  check({ timeOfDay: "10:15-23:30" }, "UTC", "2001-04-01T10:14:59Z", "2001-04-01T10:15");
  check({ timeOfDay: "10:15-23:30" }, "UTC", "2001-04-01T23:29:59Z", "2001-04-01T23:29");
  check({ timeOfDay: "10:15-23:30" }, "UTC", "2001-04-01T23:30:00Z", "2001-04-02T10:15");
  check(night, "UTC", "2001-04-01T05:59:00Z", "2001-04-01T05:59");
  check(night, "UTC", "2001-04-01T06:00:00Z", "2001-04-01T22:00");
  // 1 April 2001 is a Sunday: what opens on it goes on into Monday.
  check({ ...night, daysOfWeek: [1] }, "UTC", "2001-04-02T05:00:00Z", "2001-04-02T05:00");
  check({ ...night, daysOfWeek: [1] }, "UTC", "2001-04-01T05:00:00Z", "2001-04-01T22:00");
  check({ daysOfMonth: [31] }, "UTC", "2001-04-01T00:00:00Z", "2001-05-31T00:00");
  check({ daysOfMonth: [29], daysOfWeek: [7] }, "UTC", "2001-10-01T00:00:00Z", "2001-12-29T00:00");
  check({ timeOfDay: "08:00-09:00" }, "Asia/Shanghai", "2001-04-01T00:30:00Z", "2001-04-01T00:30");
  // The clock skips 02:00 to 03:00: the window opens when it has.
  check({ timeOfDay: "02:30-04:00" }, "America/New_York", "2001-04-01T05:00:00Z", "2001-04-01T07:30");
});

test("what cannot be a window is said, member by member", () => {
  expect(checkRunWindow({ timeOfDay: "22:00-06:00", daysOfWeek: [1, 7], daysOfMonth: [1, 31] })).toEqual([]);
  expect(checkRunWindow({ timeOfDay: "late", daysOfWeek: [0], daysOfMonth: [32] })).toEqual([
    'timeOfDay: "late" must be written as 22:00-06:00',
    "daysOfWeek: must be days from 1 (Sunday) to 7",
    "daysOfMonth: must be days from 1 to 31",
  ]);
});

test("a day that no month has opens nothing, and the question ends", () => {
  check({ daysOfMonth: [0] }, "UTC", "2001-04-01T00:00:00Z", undefined);
});
