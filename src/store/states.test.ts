/** The database allows exactly the states and the moves that the machines of domain/states.ts have. */
import { expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import {
  ATTEMPT_OUTCOMES,
  BACKFILL,
  BACKFILL_ENDED,
  INSTANCE,
  INSTANCE_ENDED,
  MACHINES,
  NODE_RUN,
  NODE_RUN_ENDED,
  PLANNED_RUN,
  REAL_TIME,
  SUBMISSION,
  SYSTEM_SUBTASK,
  SYSTEM_TASK,
  SYSTEM_TASK_ENDED,
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
  expect(await setup("submission")).toContainEqual(sorted(Object.keys(SUBMISSION)));
  expect(await setup("system_task")).toContainEqual(sorted(Object.keys(SYSTEM_TASK)));
  expect(await setup("system_subtask")).toContainEqual(sorted(Object.keys(SYSTEM_SUBTASK)));
  const [jobStates] = (await setup("job")).filter((words) => words.includes("scheduling"));
  expect(jobStates).toEqual(sorted([...Object.keys(REAL_TIME), "scheduling", "paused"]));
});

test("a row has its end's time in the terminal states and in no other", async () => {
  expect(await setup("instance")).toContainEqual(sorted(INSTANCE_ENDED));
  expect(await setup("node_run")).toContainEqual(sorted(NODE_RUN_ENDED));
  expect(await setup("backfill")).toContainEqual(sorted(BACKFILL_ENDED));
  expect(await setup("submission")).toContainEqual(["abandoned", "ended"]);
  expect(await setup("system_task")).toContainEqual(sorted(SYSTEM_TASK_ENDED));
});

test("nothing follows a node run's terminal state, and every state that follows another exists", () => {
  for (const state of NODE_RUN_ENDED) expect(NODE_RUN[state]).toEqual([]);
  for (const machine of [
    PLANNED_RUN,
    INSTANCE,
    NODE_RUN,
    REAL_TIME,
    BACKFILL,
    SUBMISSION,
    SYSTEM_TASK,
    SYSTEM_SUBTASK,
  ])
    for (const followers of Object.values<readonly string[]>(machine))
      for (const state of followers) expect(Object.keys(machine)).toContain(state);
});

test("each machine's moves are those that its table's trigger lets through, and no other", async () => {
  const { pool } = await testDatabase();
  for (const one of MACHINES) {
    if (one.column === undefined) continue;
    const { rows } = await pool.query<{ text: string }>(
      "select pg_get_triggerdef(oid) as text from pg_trigger where tgname = $1 and tgrelid = $2::regclass",
      [`${one.table}_moves`, one.table],
    );
    const [, condition = ""] = /WHEN \((.*)\) EXECUTE/s.exec(rows[0]?.text ?? "") ?? [];
    const states = Object.keys(one.machine);
    const allowed = await pool.query<{ move: string }>(
      `select old.${one.column} || ' ' || new.${one.column} as move
       from (select s as ${one.column}, 'real-time' as kind from unnest($1::text[]) s) old
       cross join (select s as ${one.column}, 'real-time' as kind from unnest($1::text[]) s) new
       where old.${one.column} <> new.${one.column} and not (${condition})`,
      [states],
    );
    const acts = "acts" in one ? movesOf(one.acts) : [];
    expect(sorted(allowed.rows.map(({ move }) => move))).toEqual(sorted([...movesOf(one.machine), ...acts]));
  }
});

function movesOf(machine: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(machine).flatMap(([from, tos]) => tos.map((to) => `${from} ${to}`));
}

test("a move that no machine has is refused, in every partition", async () => {
  const { pool } = await testDatabase();
  await pool.query(
    `insert into node_run (project_id, instance_id, node_no, state, lane, need, ended_at)
     values (gen_random_uuid(), 1, 0, 'succeeded', 'inline', 0, now()),
       (gen_random_uuid(), (1 << 30) + 1, 0, 'succeeded', 'inline', 0, now())`,
  );
  for (const id of [1, 2 ** 30 + 1])
    await expect(
      pool.query("update node_run set state = 'failed' where instance_id = $1", [id]),
    ).rejects.toThrow("a node run cannot go from succeeded to failed");
});
