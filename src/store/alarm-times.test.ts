/** Looking for overdue runs costs what came due, however much there is that did not. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { pagesOf } from "../../test/setup/pages.ts";
import { testDatabase } from "../../test/setup/postgres.ts";
import { listOverdueRuns } from "./alarm-times.ts";

const NOW = new Date("2026-11-23T06:00:00.000Z");
const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);

/** Twenty-five thousand runs that have ended, five thousand that have not, one of them made in each second; many alarms. */
async function setup() {
  const { pool } = await testDatabase();
  const id = randomBytes(16).toString("hex");
  await pool.query("insert into project (id, name, created_at) values ($1, $2, now())", [id, id]);
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', now())", [id]);
  const by = "'default', 'j', $2::timestamptz, 'ada', $2::timestamptz, 'ada'";
  const { rows } = await pool.query(
    `insert into job (project_id, workspace_id, name, created_at, created_by, updated_at, updated_by, kind, version, directory)
     values ($1, ${by}, 'batch', 1, '/') returning id`,
    [id, NOW],
  );
  const topic = await pool.query(
    "insert into topic (project_id, name, created_at, created_by) values ($1, 't', $2, 'ada') returning id",
    [id, NOW],
  );
  await pool.query(
    `insert into alarm_rule (project_id, workspace_id, name, kind, minutes, topic_id, created_at, created_by)
     select $1, 'default', kind, kind, minutes, $2, $3::timestamptz, 'ada'
     from (values ('unfinished', 30), ('late', 10)) as r (kind, minutes)`,
    [id, topic.rows[0].id, minutesAgo(10_000)],
  );
  await pool.query(
    `insert into instance (project_id, workspace_id, job_id, job_name, origin, state, left_sinks, node_count, planned_at,
       created_at, created_by, started_at, ended_at, alarmed)
     select $1, 'default', $2, 'j', 'manual', case when open then 'running' else 'succeeded' end, 1, 1, at, at, 'ada', at,
       case when not open then at end, true
     from (
       select n % 6 = 0 as open, $3::timestamptz - n / 6 * interval '1 second' as at from generate_series(0, 29999) n
     ) made`,
    [id, rows[0].id, NOW],
  );
  await pool.query(
    `insert into alarm_record (project_id, workspace_id, rule_id, key, kind, job_id, job_name, origin, message, planned_at,
       at, notice_id)
     select $1, 'default', r.id, r.kind || '/-' || n, r.kind, 1, 'j', 'manual', 'm', $2::timestamptz, $2::timestamptz, n
     from alarm_rule r cross join generate_series(1, 10000) n`,
    [id, NOW],
  );
  await pool.query("analyze");
  return pool;
}

test("of thirty thousand runs only those that came due are read", async () => {
  const pool = await setup();
  const span = { from: new Date(NOW.getTime() - 10_000), to: NOW };
  const overdue = await listOverdueRuns(pool, span);
  expect(overdue.filter(({ kind }) => kind === "unfinished")).toHaveLength(10);
  expect(overdue.filter(({ kind }) => kind === "late")).toHaveLength(10);
  expect(overdue[0]).toMatchObject({
    jobName: "j",
    topic: "t",
    workspaceId: "default",
    ruleName: "unfinished",
  });
  for (const mode of ["custom", "generic"] as const)
    expect(await pagesOf(pool, mode, (db) => listOverdueRuns(db, span)), mode).toBeLessThan(500);
});
