/** Zones: names, offsets, gaps and overlaps, against what Intl itself shows. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  fieldsOf,
  instantOf,
  instantsOf,
  isZone,
  type LocalTime,
  localFields,
  localNumber,
  offsetAt,
} from "./zone.ts";

const HOUR = 3_600_000;

test.each([
  ["UTC", 0],
  ["Z", 0],
  ["gmt", 0],
  ["GMT+0", 0],
  ["GMT+8", 8],
  ["UTC+08:00", 8],
  ["+08", 8],
  ["+0800", 8],
  ["-03:30", -3.5],
  [" GMT-5 ", -5],
  ["Asia/Shanghai", 8],
  ["america/new_york", -5],
  ["Asia/Kolkata", 5.5],
  ["Etc/GMT-8", 8],
])("%s is a zone, %d hours ahead of UTC in January", (name, hours) => {
  expect(isZone(name)).toBe(true);
  expect(offsetAt(name, Date.parse("2024-01-01T00:00:00Z"))).toBe(hours * HOUR);
});

test.each([
  "",
  "Mars/Olympus",
  "GMT+25",
  "GMT+8:75",
  "GMT+8x",
  "../etc",
  "constructor",
  "Asia/Shanghai\0",
  "a".repeat(9999),
])("%j is no zone", (name) => {
  expect(isZone(name)).toBe(false);
  expect(() => offsetAt(name, 0)).toThrow("there is no time zone");
});

test("offsets change at the second of the clock change", () => {
  const spring = Date.UTC(2001, 3, 1, 7);
  expect(offsetAt("America/New_York", spring - 1)).toBe(-5 * HOUR);
  expect(offsetAt("America/New_York", spring)).toBe(-4 * HOUR);
  expect(offsetAt("GMT+8", spring)).toBe(8 * HOUR);
  expect(offsetAt("Africa/Monrovia", Date.UTC(1971, 0))).toBe(-(44 * 60 + 30) * 1000);
});

test("a local time has no instant in a gap and two in an overlap", () => {
  const check = (zone: string, text: string, expected: string[]) =>
    expect(instantsOf(zone, at(text)).map((instant) => new Date(instant).toISOString())).toEqual(expected);
  check("America/New_York", "2024-03-10T02:30", []);
  check("America/New_York", "2024-03-10T03:00", ["2024-03-10T07:00:00.000Z"]);
  check("America/New_York", "2024-11-03T01:30", ["2024-11-03T05:30:00.000Z", "2024-11-03T06:30:00.000Z"]);
  check("Australia/Lord_Howe", "2024-10-06T02:15", []);
  check("Pacific/Apia", "2011-12-30T12:00", []);
  check("Asia/Shanghai", "2024-01-01T00:00", ["2023-12-31T16:00:00.000Z"]);
});

test("one instant is found for any local time, later by the gap where there is one", () => {
  expect(new Date(instantOf("America/New_York", at("2024-03-10T02:30"))).toISOString()).toBe(
    "2024-03-10T07:30:00.000Z",
  );
  expect(new Date(instantOf("America/New_York", at("2024-11-03T01:30"))).toISOString()).toBe(
    "2024-11-03T05:30:00.000Z",
  );
});

const ZONES = [
  "UTC",
  "GMT+5:45",
  "America/New_York",
  "Australia/Lord_Howe",
  "Africa/Casablanca",
  "Asia/Tehran",
  "Europe/Dublin",
];

test("local time and instant lead back to each other", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ZONES),
      fc.integer({ min: 0, max: Date.UTC(2099, 11, 31) }),
      (zone, instant) => {
        const local = localFields(zone, instant);
        expect(instantsOf(zone, local)).toContain(instant);
        expect(fieldsOf(localNumber(local))).toEqual(local);
      },
    ),
    { numRuns: 300, seed: 7 },
  );
});

test("local fields are those that Intl writes", () => {
  const zones = [
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Asia/Kathmandu",
  ];
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.integer({ min: -2e12, max: 4e12 }), (timeZone, instant) => {
      const shown = new Intl.DateTimeFormat("sv-SE", {
        timeZone,
        dateStyle: "short",
        timeStyle: "medium",
      }).format(instant);
      const { year, month, day, hour, minute, second } = localFields(timeZone, instant);
      const two = (value: number) => String(value).padStart(2, "0");
      expect(`${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`).toBe(shown);
    }),
    { numRuns: 300, seed: 11 },
  );
});

function at(text: string): LocalTime {
  return fieldsOf(Date.parse(`${text}:00Z`));
}
