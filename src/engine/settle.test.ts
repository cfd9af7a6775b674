/** The database agrees with the pure model, whatever befalls instances and in whatever order. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { progressProperty } from "../../test/model/play.ts";
import { testDatabase } from "../../test/setup/postgres.ts";

/** Further plays: `npm run model`. */
const PLAYS = 45;

test("the database goes on exactly as the model does, on random graphs under random events", async () => {
  const { pool } = await testDatabase();
  let events = 0;
  const property = progressProperty(pool, (count) => {
    events += count;
  });
  await fc.assert(property, { numRuns: PLAYS, seed: 20010401 });
  expect(events).toBeGreaterThan(2_000);
}, 120_000);
