/** The database allows exactly the states that the machines of domain/states.ts have. */
import { expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import {
  ATTEMPT_OUTCOMES,
  BACKFILL,
  BACKFILL_ENDED,
  INSTANCE,
  INSTANCE_ENDED,
  NODE_RUN,
  NODE_RUN_ENDED,
  PLANNED_RUN,
  REAL_TIME,
} from "../domain/states.ts";

/** The texts of the check constraints of a table, by the words that stand quoted in each. */
async function setup(table: string): Promise<string[][]> {
  const { pool } = await testDatabase();
  const { rows } = await pool.query<{ text: string }>(
    "select pg_get_constraintdef(oid) as text from pg_constraint where contype = 'c' and conrelid = $1::regclass",
    [table],
  );
  return rows.map(({ text }) => [...text.matchAll(/'([^']+)'/g)].map(([, word = ""]) => word).sort());
}

function sorted(words: readonly string[]): string[] {
  return [...words].sort();
}

test("each machine's states are those of its table", async () => {
  expect(await setup("planned_run")).toContainEqual(sorted(Object.keys(PLANNED_RUN)));
  expect(await setup("backfill_run")).toContainEqual(sorted(Object.keys(PLANNED_RUN)));
  expect(await setup("backfill")).toContainEqual(sorted(Object.keys(BACKFILL)));
  expect(await setup("instance")).toContainEqual(sorted(Object.keys(INSTANCE)));
  expect(await setup("node_run")).toContainEqual(sorted(Object.keys(NODE_RUN)));
  expect(await setup("attempt")).toContainEqual(sorted(ATTEMPT_OUTCOMES));
  const [jobStates] = (await setup("job")).filter((words) => words.includes("scheduling"));
  expect(jobStates).toEqual(sorted([...Object.keys(REAL_TIME), "scheduling", "paused"]));
});

test("a row has its end's time in the terminal states and in no other", async () => {
  expect(await setup("instance")).toContainEqual(sorted(INSTANCE_ENDED));
  expect(await setup("node_run")).toContainEqual(sorted(NODE_RUN_ENDED));
  expect(await setup("backfill")).toContainEqual(sorted(BACKFILL_ENDED));
});

test("nothing follows a node run's terminal state, and every state that follows another exists", () => {
  for (const state of NODE_RUN_ENDED) expect(NODE_RUN[state]).toEqual([]);
  for (const machine of [PLANNED_RUN, INSTANCE, NODE_RUN, REAL_TIME, BACKFILL])
    for (const followers of Object.values<readonly string[]>(machine))
      for (const state of followers) expect(Object.keys(machine)).toContain(state);
});
