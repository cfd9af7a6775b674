/** Services that are killed, frozen and robbed of their database while they work lose nothing, and do nothing twice. */
import { expect, test } from "vitest";
import { playStorm } from "./chaos/storm.ts";

const STRIKES = 20;
const TIMEOUT_MS = 240_000;

test("struck twenty times, two services end every run that they accepted or planned, each node once, and leave no process", {
  timeout: TIMEOUT_MS,
}, async () => {
  const { problems, strikes, lost, met, accepted } = await playStorm({
    seed: 20_261_123,
    goesOn: (count) => count < STRIKES,
    report: () => undefined,
  });
  expect(problems).toEqual([]);
  // Otherwise the strikes hit nothing, and the test has shown nothing.
  expect(Object.values(strikes)).not.toContain(0);
  expect(lost).toBeGreaterThan(STRIKES);
  expect(met).toBeGreaterThan(0);
  expect(accepted).toBeGreaterThan(STRIKES * 5);
});
