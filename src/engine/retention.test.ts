/** Retention on a real database and real stored files: what goes, what stays, and that a dry run says so before. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import type { RetentionChoice } from "../domain/retention.ts";
import { createFolderBlobs } from "../store/blobs.ts";
import { listHistoryPartitions } from "../store/history.ts";
import { putLogChunk, readLog } from "../store/logs.ts";
import { putRetentionChoice } from "../store/retention-policies.ts";
import { createHistoryKeeper } from "./history.ts";
import { createRetention } from "./retention.ts";

const BEGIN = new Date("2026-01-05T00:00:00Z");
const DAY_MS = 24 * 3600_000;

async function setup() {
  const { pool } = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), "azalai-retention-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const blobs = createFolderBlobs(folder);
  let time = BEGIN;
  const deps = { pool, blobs, now: () => time, observe: () => undefined, periodDays: 7 };
  const keeper = createHistoryKeeper(deps);
  const retention = createRetention(deps);
  onTestFinished(() => keeper.stop());
  keeper.start();
  await keeper.round();

  const addProject = async () => {
    const id = randomBytes(16).toString("hex");
    await pool.query("insert into project (id, name, created_at) values ($1, $2, $3)", [id, `p${id}`, BEGIN]);
    await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'w', $2)", [id, BEGIN]);
    return id;
  };
  /** An instance of one node with a failed try and a log, that ended just now or not at all. */
  const addInstance = async (projectId: string, state: "succeeded" | "running" = "succeeded") => {
    const ended = state === "succeeded" ? time : null;
    const { rows } = await pool.query<{ id: number }>(
      `with made as (
         insert into instance (project_id, workspace_id, job_name, origin, state, left_sinks, node_count, planned_at,
           created_at, created_by, started_at, ended_at)
         values ($1, 'w', 'j', 'manual', $2, 0, 1, $3, $3, 'ann', $3, $4) returning id
       ), run as (
         insert into node_run (project_id, instance_id, node_no, state, lane, need, ended_at)
         select $1, id, 0, case when $4::timestamptz is null then 'waiting' else 'succeeded' end, 'inline', 0, $4 from made
       ), try as (
         insert into attempt (project_id, instance_id, node_no, attempt, outcome, started_at, ended_at)
         select $1, id, 0, 1, 'failed', $3, $3 from made
       )
       select id from made`,
      [projectId, state, time, ended],
    );
    const id = rows[0]?.id ?? 0;
    await putLogChunk(blobs, logOf(projectId, id), 0, Buffer.from("a line\n"));
    return id;
  };
  const logOf = (projectId: string, instanceId: number) => ({ projectId, instanceId, nodeNo: 0, attempt: 1 });
  return {
    pool,
    folder,
    blobs,
    retention,
    addProject,
    addInstance,
    now: () => time,
    pass: async (days: number) => {
      time = new Date(time.getTime() + days * DAY_MS);
      await keeper.round();
      time = new Date(time.getTime() + 2 * 3600_000);
      await keeper.round();
    },
    choose: (projectId: string | null, choice: RetentionChoice) =>
      putRetentionChoice(pool, projectId, choice),
    instances: async () => (await pool.query("select id from instance order by id")).rows.map(({ id }) => id),
    rowsOf: async (table: string) => (await pool.query(`select count(*) as n from ${table}`)).rows[0].n,
    hasLog: async (projectId: string, id: number) =>
      (await readLog(blobs, logOf(projectId, id), { fromByte: 0, bytesMax: 100 })).nextByte > 0,
    partitions: async () => (await listHistoryPartitions(pool)).map(({ k }) => k),
    apply: async () =>
      (await retention.apply()).map(({ expired, removed }) => `${expired.kind} ${expired.rows} ${removed}`),
    dryRun: async () => (await retention.find()).expired.map(({ kind, rows }) => `${kind} ${rows}`),
  };
}

test("a period that has had its time goes whole, with its instances, attempts and logs; the dry run says so", async () => {
  const { addProject, addInstance, pass, apply, dryRun, instances, rowsOf, hasLog, partitions } =
    await setup();
  const project = await addProject();
  const [first, second] = [await addInstance(project), await addInstance(project)];
  await pass(7);
  const third = await addInstance(project);
  await pass(20);
  expect(await dryRun()).toEqual([]);
  await pass(70);
  expect(await dryRun()).toEqual(["period 2", "logs 3"]);
  expect(await instances()).toEqual([first, second, third]);
  expect(await apply()).toEqual(["period 2 true", "logs 3 true"]);
  expect([await instances(), await partitions()]).toEqual([[third], [1, 2, 3]]);
  expect([await rowsOf("node_run"), await rowsOf("attempt")]).toEqual([1, 1]);
  expect([await hasLog(project, first), await hasLog(project, third)]).toEqual([false, false]);
  expect(await apply()).toEqual([]);
});

test("an instance that has not ended keeps its row, and the others of its period go one by one", async () => {
  const { retention, addProject, addInstance, pass, apply, instances, rowsOf, hasLog, partitions } =
    await setup();
  const project = await addProject();
  const gone = await addInstance(project);
  const kept = await addInstance(project, "running");
  await pass(7);
  await addInstance(project);
  await pass(91);
  expect((await retention.find()).held).toEqual([
    { what: "2026-01-05 to 2026-01-12", reason: "1 instances have not ended" },
  ]);
  expect(await apply()).toContain("instances 1 true");
  expect((await instances())[0]).toBe(kept);
  expect(await partitions()).toContain(0);
  expect(await rowsOf("node_run_p0")).toBe(1);
  expect([await hasLog(project, gone), await hasLog(project, kept)]).toEqual([false, true]);
});

test("a project's own policy goes before that of the installation, longer or shorter", async () => {
  const { addProject, addInstance, choose, pass, apply, instances } = await setup();
  const [short, long] = [await addProject(), await addProject()];
  await choose(null, { history: 30 });
  await choose(short, { history: 3 });
  await choose(long, { history: 0 });
  const early = [await addInstance(short), await addInstance(long)];
  await pass(4);
  const late = await addInstance(short);
  expect(await apply()).toEqual(["instances 1 true"]);
  expect(await instances()).toEqual([early[1], late]);
  await pass(400);
  expect(await apply()).toContain("instances 1 true");
  expect(await instances()).toEqual([early[1]]);
});

test("a period in use is left for the next round, and what waits behind it does not wait long", async () => {
  const { pool, addProject, addInstance, pass, apply, instances } = await setup();
  const project = await addProject();
  const id = await addInstance(project);
  await pass(7);
  await addInstance(project);
  await pass(91);
  const reader = await pool.connect();
  await reader.query("begin");
  await reader.query("select from node_run where instance_id = $1", [id]);
  expect(await apply()).toContain("period 1 false");
  await reader.query("rollback");
  reader.release();
  expect(await instances()).toContain(id);
  expect(await apply()).toContain("period 1 true");
});

test("the ledger goes by months, and what a month cannot hold by lines; the audit trail by its own days", async () => {
  const { pool, addProject, pass, apply, dryRun, rowsOf, now } = await setup();
  const project = await addProject();
  const { rows } = await pool.query(
    `insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
     values ($1, 'w', 'j', 'batch', 1, $2, 'ann', $2, 'ann') returning id`,
    [project, BEGIN],
  );
  const lines = async (...times: string[]) =>
    await pool.query(
      `insert into planned_run (project_id, job_id, planned_at, state, reason, decided_at)
       select $1, $2, t, 'missed', 'test', $4 from unnest($3::timestamptz[]) t`,
      [project, rows[0].id, times, now()],
    );
  await lines("2019-03-01T00:00:00Z", "2026-01-07T00:00:00Z", "2026-01-08T00:00:00Z", "2026-02-01T00:00:00Z");
  await pool.query(
    `insert into act (project_id, at, by, act, object_kind, object_id) values ($1, $2, 'ann', 'stop', 'instance', '1')`,
    [project, now()],
  );
  await pass(300);
  await lines("2026-02-02T00:00:00Z");
  expect(await dryRun()).toEqual([]);
  await pass(100);
  expect(await dryRun()).toEqual(["ledger-month 2", "ledger 1", "acts 1"]);
  expect(await apply()).toEqual(["ledger-month 2 true", "ledger 1 true", "acts 1 true"]);
  expect([await rowsOf("planned_run"), await rowsOf("act")]).toEqual([2, 0]);
});

test("what is left of a deleted project goes, and an upload that lost its server", async () => {
  const { pool, folder, blobs, addProject, addInstance, apply, dryRun, rowsOf, now } = await setup();
  const [gone, stays] = [await addProject(), await addProject()];
  await addInstance(gone);
  await addInstance(gone, "running");
  const file = randomBytes(16).toString("hex");
  const fresh = randomBytes(16).toString("hex");
  for (const id of [file, fresh]) await blobs.put(stays, `job-binary-internals/${id}`, Buffer.from("jar"));
  await pool.query(
    `insert into planned_run (project_id, job_id, planned_at, state, reason, decided_at)
     values ($1, 7, $2, 'missed', 'test', $2)`,
    [gone, now()],
  );
  const old = new Date(now().getTime() - 2 * DAY_MS);
  await utimes(join(folder, stays, "job-binary-internals", `=${file}`), old, old);
  await utimes(join(folder, stays, "job-binary-internals", `=${fresh}`), now(), now());
  await pool.query("delete from project where id = $1", [gone]);
  expect(await dryRun()).toEqual(["deleted-project 2", "files 1"]);
  expect(await apply()).toEqual(["deleted-project 2 true", "files 1 true"]);
  expect(await rowsOf("planned_run")).toBe(0);
  expect([await rowsOf("instance"), await rowsOf("node_run"), await rowsOf("deleted_project")]).toEqual([
    0, 0, 0,
  ]);
  expect(await blobs.projects()).toEqual([stays]);
  expect(await blobs.names(stays, "job-binary-internals")).toEqual([fresh]);
});

test("the name of a deleted job goes after its last line of the ledger, where lines ever go", async () => {
  const { pool, choose, addProject, apply, dryRun, pass, rowsOf, now } = await setup();
  const projectId = await addProject();
  const keeps = await addProject();
  await choose(projectId, { ledger: 40 });
  await choose(keeps, { ledger: 0 });
  for (const [project, job] of [
    [projectId, 7],
    [projectId, 8],
    [keeps, 7],
  ])
    await pool.query(
      `insert into deleted_job (project_id, id, workspace_id, name, deleted_at) values ($1, $2, 'w', 'j', $3)`,
      [project, job, now()],
    );
  await pool.query(
    `insert into planned_run (project_id, job_id, planned_at, state, reason, decided_at)
     values ($1, 8, $2, 'missed', 'downtime', $3)`,
    [projectId, now(), new Date(now().getTime() + 30 * DAY_MS)],
  );
  await pass(39);
  expect(await dryRun()).toEqual([]);
  await pass(1);
  expect(await dryRun()).toEqual(["deleted-jobs 1"]);
  expect(await apply()).toEqual(["deleted-jobs 1 true"]);
  await pass(31);
  expect(await apply()).toEqual(["ledger 1 true", "deleted-jobs 1 true"]);
  expect(await rowsOf("deleted_job")).toBe(1);
});

test("a deleted project's running node ends before its instance goes", async () => {
  const { pool, addProject, addInstance, apply, instances } = await setup();
  const gone = await addProject();
  const id = await addInstance(gone, "running");
  await pool.query("update node_run set state = 'ready', ready_at = now()");
  await pool.query("update node_run set state = 'running', fence = 1, server_id = gen_random_uuid()");
  await pool.query("delete from project where id = $1", [gone]);
  expect(await apply()).toEqual(["deleted-project 1 false"]);
  expect(await instances()).toEqual([id]);
  await pool.query("update node_run set state = 'succeeded', ended_at = now(), fence = null");
  expect(await apply()).toEqual(["deleted-project 1 true"]);
  expect(await instances()).toEqual([]);
});

test("a backfill goes with all its lines when it ended longer ago than the ledger is kept", async () => {
  const { pool, retention, addProject, choose, pass, rowsOf, now } = await setup();
  const projectId = await addProject();
  await choose(projectId, { ledger: 30 });
  for (const endedAt of [now(), null])
    await pool.query(
      `with made as (
         insert into backfill (project_id, workspace_id, name, state, starts_at, ends_at, zone, parallel_max,
           day_granularity, newest_first, stop_on_failure, parameters, planned, skipped, created_at, created_by, ended_at)
         values ($1, 'w', coalesce($2::text, 'going'), case when $2 is null then 'paused' else 'cancelled' end,
           '1992-01-01', '1993-01-01', 'UTC', 1, false, false, false, '{}', 6000, 6000, $3, 'ann', $2::timestamptz)
         returning id
       ), job as (
         insert into backfill_job (project_id, backfill_id, place, job_id, job_name, rule, interval, waits, after_own_previous)
         select $1, id, 0, 1, 'j', '{}', 'hours', '[]', false from made
       )
       insert into backfill_run (project_id, backfill_id, place, planned_at, day, state, reason, detail, decided_at)
       select $1, id, 0, '1992-01-01'::timestamptz + n * interval '1 hour', '1992-01-01', 'skipped', 'cancelled', 'x', $3
       from made, generate_series(1, 6000) n`,
      [projectId, endedAt, now()],
    );
  await pass(31);
  expect((await retention.find()).expired).toMatchObject([{ kind: "backfills", projectId, rows: 6000 }]);
  await retention.apply();
  expect([await rowsOf("backfill"), await rowsOf("backfill_job"), await rowsOf("backfill_run")]).toEqual([
    1, 1, 6000,
  ]);
});
