import { expect, onTestFinished, test } from "vitest";
import type { Observation } from "../domain/observation.ts";
import { createLoop } from "./loop.ts";

const NEVER_MS = 1_000_000;

function setup(work: () => Promise<number>) {
  const seen: Observation[] = [];
  const loop = createLoop("test", work, (observation) => seen.push(observation));
  onTestFinished(() => loop.stop());
  return { loop, seen };
}

test("a round begins at the start, after its delay, and when woken", async () => {
  let rounds = 0;
  const { loop } = setup(async () => (++rounds < 3 ? 0 : NEVER_MS));
  loop.wake();
  await loop.round(); // None is waited for that cannot come.
  expect(rounds).toBe(0);
  loop.start();
  loop.start();
  await expect.poll(() => rounds).toBeGreaterThanOrEqual(3);
  const before = rounds;
  await loop.round();
  expect(rounds).toBe(before + 1);
});

test("a wake during a round is followed by another, however many they are", async () => {
  let rounds = 0;
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const { loop } = setup(async () => {
    rounds += 1;
    await mayEnd;
    return NEVER_MS;
  });
  loop.start();
  for (let n = 0; n < 5; n++) loop.wake();
  expect(rounds).toBe(1);
  end();
  await expect.poll(() => rounds).toBe(2);
});

test("a round that fails is observed and does not end the loop", async () => {
  let rounds = 0;
  const { loop, seen } = setup(async () => {
    rounds += 1;
    if (rounds === 1) throw new RangeError("bad luck");
    return NEVER_MS;
  });
  loop.start();
  await loop.round();
  expect(rounds).toBe(2);
  expect(seen).toMatchObject([{ event: "loop-failed", loop: "test" }]);
});

test("a stop waits for the round under way, and none follows", async () => {
  let rounds = 0;
  let ended = false;
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const { loop } = setup(async () => {
    rounds += 1;
    await mayEnd;
    ended = true;
    return 0;
  });
  loop.start();
  const stopped = loop.stop();
  loop.wake();
  end();
  await stopped;
  expect(ended).toBe(true);
  loop.wake();
  loop.start();
  await new Promise(setImmediate);
  expect(rounds).toBe(1);
});
