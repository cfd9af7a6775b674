/** The step from tables to partitions keeps what was there, and what hangs on the tables. */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { MIGRATIONS_FOLDER, migrate } from "./migrate.ts";

const BEFORE = "0009-history.sql";
const PROJECT = "0123456789abcdef0123456789abcdef";
const NOON = new Date("2026-01-02T12:00:00Z");

/** A database as it was before the partitions, with a run that has ended, one that runs, and a line of the ledger. */
async function setup() {
  const folder = await mkdtemp(join(tmpdir(), "azalai-history-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const names = (await readdir(MIGRATIONS_FOLDER)).filter((name) => name < BEFORE);
  for (const name of names) await cp(join(MIGRATIONS_FOLDER, name), join(folder, name));
  const { pool } = await testDatabase();
  await pool.query("drop schema public cascade");
  await pool.query("create schema public");
  const migrateTo = async (from: string) => {
    const client = await pool.connect();
    await migrate(
      client,
      from,
      () => NOON,
      () => undefined,
    );
    client.release();
  };
  await migrateTo(folder);
  await pool.query(
    `insert into project (id, name, created_at) values ('${PROJECT}', 'p', now());
     insert into workspace (project_id, id, created_at) values ('${PROJECT}', 'w', now());
     insert into job (project_id, id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
     values ('${PROJECT}', 1, 'w', 'j', 'batch', 1, now(), 'ann', now(), 'ann');
     insert into instance (project_id, workspace_id, job_id, job_name, origin, state, left_sinks, node_count, planned_at,
       created_at, created_by, ended_at)
     values ('${PROJECT}', 'w', 1, 'j', 'manual', 'succeeded', 0, 1, now(), now(), 'ann', now()),
       ('${PROJECT}', 'w', 1, 'j', 'manual', 'running', 1, 1, now(), now(), 'ann', null);
     insert into instance_definition select project_id, id, '{}' from instance;
     insert into node_run (project_id, instance_id, node_no, state, lane, need, ended_at)
     select project_id, id, 0, case when ended_at is null then 'waiting' else 'succeeded' end, 'inline', 0, ended_at
     from instance;
     insert into attempt (project_id, instance_id, node_no, attempt, outcome, started_at, ended_at)
     select project_id, id, 0, 1, 'failed', now(), now() from instance;
     insert into planned_run (project_id, job_id, planned_at, state, reason, decided_at)
     values ('${PROJECT}', 1, now(), 'missed', 'test', now());`,
  );
  return { pool, migrateAll: () => migrateTo(MIGRATIONS_FOLDER) };
}

test("rows, checks, indexes and triggers of the time before partitions are those of the partitions", async () => {
  const { pool, migrateAll } = await setup();
  const rows = async () => {
    const counts = ["instance", "instance_definition", "node_run", "attempt", "planned_run"].map(
      async (table) => (await pool.query(`select count(*) as n from ${table}`)).rows[0].n,
    );
    return await Promise.all(counts);
  };
  const before = await rows();
  await migrateAll();
  expect(await rows()).toEqual(before);
  const { rows: made } = await pool.query<{ id: number }>(
    `insert into instance (project_id, workspace_id, job_id, job_name, origin, state, left_sinks, node_count, planned_at,
       created_at, created_by)
     values ('${PROJECT}', 'w', 1, 'j', 'manual', 'running', 1, 1, now(), now(), 'ann') returning id`,
  );
  expect(made).toEqual([{ id: 3 }]);
  await expect(pool.query("update instance set state = 'succeeded'")).rejects.toThrow(/instance_check/);
  await expect(pool.query("insert into instance select * from instance")).rejects.toThrow(/unique/);
  for (const table of ["instance", "node_run"]) {
    const shapes = await pool.query<{ part: string; shape: string }>(
      `select c.relname as part, string_agg(pg_get_indexdef(i.indexrelid, 0, true), ';' order by i.indkey::text,
           pg_get_expr(i.indpred, i.indrelid)) as shape
       from pg_inherits h join pg_class c on c.oid = h.inhrelid join pg_index i on i.indrelid = c.oid
       where h.inhparent = $1::regclass group by 1 order by 1`,
      [table],
    );
    const [old, fresh] = shapes.rows.map(({ shape }) => shape.match(/USING .*?(?=;|$)/gi));
    expect(fresh?.length).toBeGreaterThan(1);
    expect(fresh).toEqual(old);
    const triggers = await pool.query<{ n: number }>(
      `select count(*) as n from pg_trigger t join pg_inherits h on h.inhrelid = t.tgrelid
       where h.inhparent = $1::regclass and not tgisinternal group by t.tgrelid`,
      [table],
    );
    expect(new Set(triggers.rows.map(({ n }) => n)).size).toBeLessThanOrEqual(1);
  }
});
