/** What commands print. */
import { expect, test } from "vitest";
import { formatDuration, formatFacts, formatTable, formatTime, widthOf } from "./terminal.ts";

test("columns are as wide as their widest cell, Chinese names included", () => {
  expect(
    formatTable(
      ["NAME", "N"],
      [
        ["流程", 1],
        ["a", 20],
      ],
    ),
  ).toBe("NAME  N\n流程  1\na     20");
  expect(widthOf("流程a")).toBe(5);
});

test("an absent cell is a dash, and a name cannot move the cursor or break its line", () => {
  expect(formatTable(["NAME", "X"], [["a\u001b[2Jb\nc", undefined]])).toBe("NAME  X\nab c  -");
});

test("facts without a value are left out", () => {
  expect(
    formatFacts([
      ["name", "x"],
      ["error", null],
      ["longer name", 3],
    ]),
  ).toBe("name         x\nlonger name  3");
});

test("times are UTC to the second", () => {
  expect(formatTime(Date.UTC(2026, 10, 23, 9, 14, 5, 999))).toBe("2026-11-23 09:14:05");
  expect(formatTime("2026-11-23T09:14:05.999Z")).toBe("2026-11-23 09:14:05");
  expect(formatTime(null)).toBeUndefined();
});

test("lengths of time are as long as they need to be", () => {
  const check = (milliseconds: number, expected: string) =>
    expect(formatDuration(milliseconds)).toBe(expected);
  check(0, "0.00 s");
  check(1234, "1.23 s");
  check(12_345, "12.3 s");
  check(184_000, "3 min 4 s");
  check(7_260_000, "2 h 1 min");
});
