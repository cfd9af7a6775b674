/** The time of an attempt, on a clock of the test's own. */
import { expect, onTestFinished, test, vi } from "vitest";
import { startTimeLimit } from "./attempt-time.ts";

function setup() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const world = { paused: false, over: 0, reachable: true };
  const end = startTimeLimit(60_000, {
    isPaused: () => (world.reachable ? Promise.resolve(world.paused) : Promise.reject(new Error("gone"))),
    onOver: () => {
      world.over += 1;
    },
  });
  return { world, end, pass: (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000) };
}

test("an attempt's time is over once", async () => {
  const { world, pass } = setup();
  await pass(59);
  expect(world.over).toBe(0);
  await pass(600);
  expect(world.over).toBe(1);
});

test("the time is not over while the attempt is paused, and begins anew when it goes on", async () => {
  const { world, pass } = setup();
  world.paused = true;
  await pass(3_600);
  world.paused = false;
  await pass(55);
  expect(world.over).toBe(0);
  await pass(10);
  expect(world.over).toBe(1);
});

test("nobody's answer counts as the last one", async () => {
  const { world, pass } = setup();
  world.reachable = false;
  await pass(61);
  expect(world.over).toBe(1);
});

test("an attempt that has ended has no limit", async () => {
  const { world, end, pass } = setup();
  world.paused = true;
  await pass(61);
  end();
  world.paused = false;
  await pass(3_600);
  expect(world.over).toBe(0);
});
