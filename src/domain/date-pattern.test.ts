/** Java date patterns: every letter written, dates read back, what is refused, and what Java itself answered. */
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDate } from "./date-format.ts";
import { parseDate } from "./date-parse.ts";

const SHANGHAI = "Asia/Shanghai";
/** A Saturday afternoon in Shanghai. */
const INSTANT = Date.parse("2024-01-06T15:04:05.007+08:00");
const NOW = Date.parse("2026-01-01T00:00:00Z");

// Expected values are those of Java's SimpleDateFormat (Locale.US), but for `z`, which writes the offset.
test.each([
  ["yyyy-MM-dd HH:mm:ss", "2024-01-06 15:04:05"],
  ["yyyyMMdd", "20240106"],
  ["yyyyw", "20241"],
  ["YYYY-'W'ww", "2024-W01"],
  ["yy y yyyyy", "24 2024 02024"],
  ["M MM MMM MMMM LLL", "1 01 Jan January Jan"],
  ["d dd D DDD", "6 06 6 006"],
  ["E EEE EEEE", "Sat Sat Saturday"],
  ["F W w u", "1 1 1 6"],
  ["H HH k kk K KK h hh a", "15 15 15 15 3 03 3 03 PM"],
  ["m s S SSS", "4 5 7 007"],
  ["Z X XX XXX z", "+0800 +08 +0800 +08:00 GMT+08:00"],
  ["G", "AD"],
  ["'year' yyyy, h 'o''clock' ''", "year 2024, 3 o'clock '"],
  ["yyyy年MM月dd日", "2024年01月06日"],
  ["", ""],
])("%s writes %s", (pattern, expected) => {
  expect(formatDate(INSTANT, pattern, SHANGHAI)).toBe(expected);
});

test.each([
  ["2024-12-29", "YYYY w W F", "2025 1 5 5"],
  ["2024-12-28", "YYYY w W F", "2024 52 4 4"],
  ["2023-01-01", "YYYY w W u", "2023 1 1 7"],
  ["2022-01-01", "YYYY w W u", "2022 1 1 6"],
  ["2024-02-29", "D w W", "60 9 5"],
  ["2024-12-31", "yyyyw YYYYw", "20241 20251"],
])("%s has %s %s: weeks start on Sunday, the first holds January 1", (date, pattern, expected) => {
  expect(formatDate(Date.parse(date), pattern, "UTC")).toBe(expected);
});

test.each([
  ["k h a", "24 12 AM", "2024-01-01T00:30Z"],
  ["k h a", "12 12 PM", "2024-01-01T12:30Z"],
  ["X z Z", "Z UTC +0000", "2024-01-01T12:30Z"],
])("%s writes %s at %s", (pattern, expected, at) => {
  expect(formatDate(Date.parse(at), pattern, "UTC")).toBe(expected);
});

test.each([
  ["Q", '"Q" is no letter'],
  ["yyyy 'open", "quote at character 6"],
  ["XXXX", "three X"],
  ["y".repeat(300), "at most 256"],
])("the pattern %j is refused", (pattern, problem) => {
  for (const answer of [formatDate(INSTANT, pattern, "UTC"), parseDate("2024", pattern, "UTC", NOW)]) {
    expect(answer).toEqual({ problem: expect.stringContaining(problem) });
  }
});

test.each([
  ["2024-01-06 15:04:05", "yyyy-MM-dd HH:mm:ss", "2024-01-06T07:04:05.000Z"],
  ["20240106150405007", "yyyyMMddHHmmssSSS", "2024-01-06T07:04:05.007Z"],
  ["6 Jan 2024 3 PM", "d MMM yyyy h a", "2024-01-06T07:00:00.000Z"],
  ["Saturday, january 6 24", "EEEE, MMMM d yy", "2024-01-05T16:00:00.000Z"],
  ["01/02/70", "dd/MM/yy", "1970-01-31T16:00:00.000Z"],
  ["2024-01-06T15:04:05Z", "yyyy-MM-dd'T'HH:mm:ssX", "2024-01-06T15:04:05.000Z"],
  ["2024-01-06T15:04:05-0330", "yyyy-MM-dd'T'HH:mm:ssZ", "2024-01-06T18:34:05.000Z"],
  ["2024-13-01", "yyyy-MM-dd", "2024-12-31T16:00:00.000Z"],
  ["2024 060", "yyyy DDD", "2024-02-28T16:00:00.000Z"],
  ["2024-01-06 and more", "yyyy-MM-dd", "2024-01-05T16:00:00.000Z"],
  ["12 AM", "hh a", "1969-12-31T16:00:00.000Z"],
])("%j is read by %s", (text, pattern, expected) => {
  const instant = parseDate(text, pattern, SHANGHAI, NOW);
  expect(typeof instant === "number" ? new Date(instant).toISOString() : instant).toBe(expected);
});

test.each([
  ["", "yyyy"],
  ["abc", "yyyy"],
  ["2024/01/06", "yyyy-MM-dd"],
  ["6 Foo 2024", "d MMM yyyy"],
  ["10 XM", "hh a"],
  ["999999999", "yyyy"],
])("%j does not fit %s", (text, pattern) => {
  expect(parseDate(text, pattern, SHANGHAI, NOW)).toHaveProperty("problem");
});

/** Lines `["write", instant, pattern, zone, text]` and `["read", text, pattern, zone, instant or null]` of Temurin 25. */
test("dates are written and read as Java's own SimpleDateFormat does it", async () => {
  const lines = await readFile(new URL("../../test/fixtures/date-vectors.jsonl", import.meta.url), "utf8");
  for (const line of lines.trim().split("\n")) {
    const [act, given, pattern, zone, expected] = JSON.parse(line);
    const answer = act === "write" ? formatDate(given, pattern, zone) : parseDate(given, pattern, zone, NOW);
    expect(typeof answer === "object" ? null : answer, line).toBe(expected);
  }
});

test("what is written can be read again", () => {
  const patterns = [
    "yyyyMMddHHmmssSSSZ",
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "EEE, d MMM yyyy KK:mm:ss.S a Z",
    "D yyyy kk:mm:ss:SSS X",
  ];
  const zones = ["UTC", "GMT+8", "Asia/Kathmandu", "America/New_York"];
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e12 }),
      fc.constantFrom(...patterns),
      fc.constantFrom(...zones),
      (instant, pattern, zone) => {
        // One letter X writes no minutes of the offset.
        fc.pre(!(pattern.endsWith(" X") && zone === "Asia/Kathmandu"));
        const text = formatDate(instant, pattern, zone);
        expect(parseDate(String(text), pattern, "Pacific/Auckland", NOW)).toBe(instant);
      },
    ),
    { numRuns: 300, seed: 5 },
  );
});
