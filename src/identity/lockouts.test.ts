/** Locks after failures in a row. */
import { expect, test } from "vitest";
import { createLockouts } from "./lockouts.ts";

function setup() {
  let time = Date.parse("2026-01-01T00:00:00Z");
  const lockouts = createLockouts({ failuresMax: 3, lockSeconds: 60 }, () => new Date(time));
  const fail = (key: string, times: number) => {
    for (let i = 0; i < times; i++) lockouts.fail(key);
  };
  return { lockouts, fail, pass: (seconds: number) => (time += seconds * 1000) };
}

test("the last allowed failure in a row locks that key and no other", () => {
  const { lockouts, fail } = setup();
  fail("a", 2);
  expect(lockouts.isLocked("a")).toBe(false);
  fail("a", 1);
  expect(lockouts.isLocked("a")).toBe(true);
  expect(lockouts.isLocked("b")).toBe(false);
});

test("a success in between starts the count anew", () => {
  const { lockouts, fail } = setup();
  fail("a", 2);
  lockouts.succeed("a");
  fail("a", 2);
  expect(lockouts.isLocked("a")).toBe(false);
});

test("a lock ends by itself, is not prolonged by more failures, and leaves a new count", () => {
  const { lockouts, fail, pass } = setup();
  fail("a", 3);
  pass(59);
  fail("a", 5);
  expect(lockouts.isLocked("a")).toBe(true);
  pass(1);
  expect(lockouts.isLocked("a")).toBe(false);
  fail("a", 2);
  expect(lockouts.isLocked("a")).toBe(false);
  fail("a", 1);
  expect(lockouts.isLocked("a")).toBe(true);
});

test("a success that was under way when the lock fell does not open it", () => {
  const { lockouts, fail } = setup();
  fail("a", 3);
  lockouts.succeed("a");
  expect(lockouts.isLocked("a")).toBe(true);
});

test("many other keys do not push a lock out", () => {
  const { lockouts, fail } = setup();
  fail("victim", 3);
  for (let i = 0; i < 20_000; i++) lockouts.fail(`key ${i}`);
  expect(lockouts.isLocked("victim")).toBe(true);
});
