/** Claiming deliveries costs what is due, however many targets there are and however much waits for later. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { pagesOf } from "../../test/setup/pages.ts";
import { testDatabase } from "../../test/setup/postgres.ts";
import { claimDeliveries } from "./notices.ts";

const NOW = new Date("2026-11-23T06:00:00.000Z");
const claim = { now: NOW, busyUntil: new Date(NOW.getTime() + 60_000), limit: 16 };

/** Twenty thousand targets; five of them have a notice that is due, one has ten thousand that are not. */
async function setup() {
  const { pool } = await testDatabase();
  const id = randomBytes(16).toString("hex");
  await pool.query("insert into project (id, name, created_at) values ($1, $2, now())", [id, id]);
  await pool.query(
    `insert into topic (project_id, name, created_at, created_by)
     select $1, 't' || n, $2::timestamptz, 'ada' from generate_series(1, 1000) n`,
    [id, NOW],
  );
  await pool.query(
    `insert into topic_target (project_id, id, topic_id, shown_address, sealed, created_at, created_by, busy_until)
     select $1, gen_random_uuid(), t.id, 'https://hooks.example', '\\x00', $2::timestamptz, 'ada', $2::timestamptz - n * interval '1 hour'
     from topic t cross join generate_series(1, 20) n`,
    [id, NOW],
  );
  await pool.query(
    `insert into notice (project_id, topic_id, key, subject, message, detail, created_at)
     select $1, min(id), 'n' || n, 's', 'm', '{}', $2::timestamptz from topic cross join generate_series(1, 10000) n group by n`,
    [id, NOW],
  );
  await pool.query(
    `insert into notice_delivery (project_id, notice_id, target_id, state, next_at)
     select n.project_id, n.id, t.id, 'waiting', $1::timestamptz + interval '1 hour'
     from notice n cross join (select id from topic_target order by id limit 1) t`,
    [NOW],
  );
  await pool.query(
    `insert into notice_delivery (project_id, notice_id, target_id, state, next_at)
     select n.project_id, n.id, t.id, 'waiting', $1::timestamptz
     from (select * from notice order by id limit 1) n cross join (select id from topic_target order by id desc limit 5) t`,
    [NOW],
  );
  await pool.query("analyze");
  return pool;
}

test("of twenty thousand targets only those are looked at for which something waits", async () => {
  const pool = await setup();
  for (const mode of ["custom", "generic"] as const)
    expect(await pagesOf(pool, mode, (db) => claimDeliveries(db, claim)), mode).toBeLessThan(500);
  expect(await claimDeliveries(pool, claim)).toHaveLength(5);
});
