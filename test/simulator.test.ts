/** The simulator's short form: days around clock changes, with faults and people's acts; and its judge sees what is wrong. */
import { expect, test } from "vitest";
import { testDatabase } from "./setup/postgres.ts";
import { createJudge } from "./simulator/verdict.ts";
import { createWorld } from "./simulator/world.ts";

const DAY_MS = 86_400_000;
const TIMEOUT_MS = 300_000;
const FAULTS = /^(crash|stall|outage|clock jump|statement lost)$/;
const ACTS = /^(start|stop|pause|resume|save|freeze|run by hand)$/;

async function playDays(seed: number, start: string, days: number) {
  const database = await testDatabase();
  const from = Date.parse(start);
  const to = from + days * DAY_MS;
  const { story, play } = await createWorld(database, { seed, jobs: 100, from, to });
  await play(async () => undefined);
  const judge = async () => {
    const { judgeUntil, verdict } = createJudge(database.pool, story, from, to);
    await judgeUntil(to);
    return verdict();
  };
  return { pool: database.pool, story, judge };
}

test.each([
  [7, "2024-03-29T00:00:00Z", 5],
  [8, "2024-10-31T00:00:00Z", 5],
])(
  "no planned time is lost, unexplained or doubled (seed %i)",
  { timeout: TIMEOUT_MS },
  async (seed, start, days) => {
    const { pool, story, judge } = await playDays(seed, start, days);
    const { checked, lost, unexplained, doubled, clockChanges, problems } = await judge();
    expect({ lost, unexplained, doubled, problems }).toEqual({
      lost: 0,
      unexplained: 0,
      doubled: 0,
      problems: [],
    });
    // Otherwise nothing has been shown.
    expect(checked).toBeGreaterThan(100);
    expect(clockChanges).toBeGreaterThan(0);
    // Which of them happen in so few days is left to chance: two runs of a seed differ by what comes first.
    const happened = Object.keys(story.events);
    expect(happened).toEqual(expect.arrayContaining([expect.stringMatching(FAULTS)]));
    expect(happened).toEqual(expect.arrayContaining([expect.stringMatching(ACTS)]));
    const { rows } = await pool.query(
      "select from planned_run where state = 'started' and decided_at = planned_at",
    );
    expect(rows.length).toBeGreaterThan(0); // Planned ahead.
  },
);

test("a time that is gone, one that nobody planned and one without a reason are seen", {
  timeout: TIMEOUT_MS,
}, async () => {
  const { pool, judge } = await playDays(9, "2024-03-29T00:00:00Z", 3);
  const started = "select job_id, planned_at from planned_run where state = 'started'";
  await pool.query(
    `update planned_run set planned_at = planned_at + interval '1 second'
     where (job_id, planned_at) in (${started} order by 2, 1 limit 1)`,
  );
  expect(await judge()).toMatchObject({ lost: 1, unexplained: 1 });
  await pool.query(
    `begin; set local session_replication_role = replica; -- past the trigger that refuses such a move
     update planned_run set state = 'missed', reason = 'downtime', instance_id = null
     where (job_id, planned_at) in (${started} order by 2 desc, 1 limit 1);
     commit`,
  );
  expect(await judge()).toMatchObject({ lost: 1, unexplained: 2 });
});
