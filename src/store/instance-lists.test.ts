/** The list of instances against a plain filter and sort of the same rows, however much of them is counted. */
import type { Pool } from "pg";
import { expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { createInstanceCounter } from "./instance-counts.ts";
import { type InstanceFilter, listInstances } from "./instance-lists.ts";

const PROJECT = "0123456789abcdef0123456789abcdef";
const OTHER = "ffffffffffffffffffffffffffffffff";
const MIDNIGHT = Date.parse("2026-01-02T00:00:00Z");
const HOUR_MS = 3_600_000;
const PERIOD = 2 ** 30;

interface Row {
  readonly id: number;
  readonly jobId: number;
  readonly jobName: string;
  readonly origin: string;
  readonly state: string;
  readonly plannedAt: Date;
  readonly forceSuccess: boolean;
}

async function setup() {
  const { pool } = await testDatabase();
  for (const project of [PROJECT, OTHER]) {
    await pool.query("insert into project (id, name, created_at) values ($1, 'p' || $2, now())", [
      project,
      project.slice(0, 1),
    ]);
    await pool.query(
      "insert into workspace (project_id, id, created_at) values ($1, 'default', now()), ($1, 'w', now())",
      [project],
    );
    await pool.query(
      `insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
       select $1, case when n = 7 then 'w' else 'default' end, 'job_' || n, 'batch', 1, now(), 'me', now(), 'me'
       from generate_series(1, 7) n`,
      [project],
    );
  }
  await pool.query("select add_history_partition(2)");
  const count = createInstanceCounter(pool);
  return { pool, count };
}

/** Runs of an hour each half minute, in both projects, some with the name of a node, of an old time, or out of order. */
async function addRuns(pool: Pool, hour: number, rows: number): Promise<void> {
  for (const project of [PROJECT, OTHER])
    await pool.query(
      `insert into instance (project_id, workspace_id, job_id, job_version, job_name, origin, state, left_sinks,
         node_count, planned_at, created_at, created_by, ended_at, force_success)
       select $1, j.workspace_id, j.id, 1, case when n % 11 = 0 then j.name || '_node' else j.name end,
         case when n % 5 = 0 then 'backfill' when n % 7 = 0 then 'manual' else 'schedule' end, s.state, 0, 1, t.at, t.at,
         'me', case when s.state in ('succeeded', 'failed', 'skipped') then t.at end, n % 29 = 0
       from generate_series(1, $3::integer) n
       join lateral (select * from job where project_id = $1 order by id offset n % 7 limit 1) j on true
       cross join lateral (select (array['failed', 'waiting', 'running', 'stopping', 'skipped'])[n % 17] as odd) o
       cross join lateral (select coalesce(o.odd, 'succeeded') as state) s
       cross join lateral (
         select $2::timestamptz + n * interval '1 hour' / $3
           - case when n % 5 = 0 then interval '1 day' else '0' end as at
       ) t`,
      [project, new Date(MIDNIGHT + hour * HOUR_MS), rows],
    );
}

/** As the lists are to be: instances of jobs that are there, newest first. */
async function allRows(pool: Pool, workspace: string): Promise<Row[]> {
  const { rows } = await pool.query<Row>(
    `select i.id, i.job_id as "jobId", i.job_name as "jobName", i.origin, i.state, i.planned_at as "plannedAt",
       i.force_success as "forceSuccess"
     from instance i join job j on j.project_id = i.project_id and j.id = i.job_id
     where i.project_id = $1 and i.workspace_id = $2 order by i.id desc`,
    [PROJECT, workspace],
  );
  return rows;
}

function isListed(row: Row, filter: InstanceFilter): boolean {
  const { jobId, jobName, plannedFrom, plannedTo, states, origins, forceSuccess } = filter;
  const isNamed =
    jobName?.whole === true ? row.jobName === jobName.text : row.jobName.includes(jobName?.text ?? "");
  return (
    isNamed &&
    (jobId === undefined || row.jobId === jobId) &&
    (plannedFrom === undefined || row.plannedAt >= plannedFrom) &&
    (plannedTo === undefined || row.plannedAt <= plannedTo) &&
    (states === undefined || states.some((state) => state === row.state)) &&
    (origins === undefined || origins.some((origin) => origin === row.origin)) &&
    (forceSuccess === undefined || row.forceSuccess === forceSuccess)
  );
}

const at = (hours: number) => new Date(MIDNIGHT + hours * HOUR_MS);
const FILTERS: readonly Omit<InstanceFilter, "workspaceId">[] = [
  {},
  { plannedFrom: at(1) },
  { plannedTo: at(2.5) },
  { plannedFrom: at(0.9), plannedTo: at(3.1) },
  { plannedFrom: at(-23), plannedTo: at(-22.5) },
  { plannedFrom: at(50), plannedTo: at(60) },
  { origins: ["backfill"] },
  { origins: ["manual", "schedule"], plannedFrom: at(1.5) },
  { jobName: { text: "job_2", whole: false } },
  { jobName: { text: "_node", whole: false }, plannedFrom: at(1.2), plannedTo: at(2.9) },
  { jobName: { text: "_", whole: false } },
  { jobName: { text: "job_3_node", whole: true } },
  { jobName: { text: "JOB", whole: false } },
  { jobName: { text: "job", whole: false }, origins: ["manual"], plannedTo: at(2) },
  { states: ["succeeded"] },
  { states: ["succeeded"], plannedFrom: at(1.1), plannedTo: at(2) },
  { states: ["succeeded"], forceSuccess: true },
  { states: ["failed"], plannedFrom: at(1) },
  { states: ["running", "failing", "stopping"] },
  { states: ["waiting"], jobName: { text: "job", whole: false } },
  { states: [] },
];

async function expectRight(pool: Pool): Promise<void> {
  const rows = await allRows(pool, "default");
  const jobIds = [...new Set(rows.map(({ jobId }) => jobId))].slice(0, 1);
  const ofJobs = jobIds.flatMap((jobId) => [{ jobId }, { jobId, plannedFrom: at(1), plannedTo: at(2.2) }]);
  const cases = [...FILTERS, ...ofJobs].map((filter) => ({ workspaceId: "default", ...filter }));
  for (const filter of cases) await expectPages(pool, rows, filter);
  await expectPages(pool, await allRows(pool, "w"), { workspaceId: "w" });
}

async function expectPages(pool: Pool, rows: readonly Row[], filter: InstanceFilter): Promise<void> {
  const ids = rows.filter((row) => isListed(row, filter)).map(({ id }) => id);
  for (const offset of new Set([0, Math.max(0, Math.floor(ids.length / 2) - 3)])) {
    const { instances, total } = await listInstances(pool, PROJECT, filter, { offset, limit: 10 });
    expect({ total, ids: instances.map(({ id }) => id) }, JSON.stringify({ ...filter, offset })).toEqual({
      total: ids.length,
      ids: ids.slice(offset, offset + 10),
    });
  }
}

/** Counts all that is there. */
async function countAll(count: () => Promise<boolean>): Promise<void> {
  while (await count());
}

test("pages and totals are those of a filter and a sort of all rows, before and after they are counted", async () => {
  const { pool, count } = await setup();
  await addRuns(pool, 0, 1300);
  await addRuns(pool, 1, 1300);
  await expectRight(pool);
  await countAll(count);
  await expectRight(pool);
});

test("so are they where a part is counted, and over the turn of a period", async () => {
  const { pool, count } = await setup();
  await addRuns(pool, 0, 1300);
  await countAll(count);
  await addRuns(pool, 1, 700);
  await countAll(count);
  await pool.query("select setval('instance_id', $1)", [PERIOD]);
  await addRuns(pool, 2, 1300);
  await countAll(count);
  await addRuns(pool, 3, 300);
  await expectRight(pool);
  const { rows } = await pool.query("select through from instance_counted");
  expect(rows[0].through).toBeGreaterThan(PERIOD);
});

test("instances and jobs that are deleted leave the counts, counted or not, and so does a period that is dropped", async () => {
  const { pool, count } = await setup();
  await addRuns(pool, 0, 1500);
  await countAll(count);
  await pool.query("select setval('instance_id', $1)", [PERIOD]);
  await addRuns(pool, 1, 1500);
  await countAll(count);
  await addRuns(pool, 2, 700);
  await pool.query("delete from instance where id % 13 = 0");
  await expectRight(pool);
  await pool.query("delete from job where name in ('job_2', 'job_5')");
  await pool.query("delete from instance where id % 17 = 0");
  await expectRight(pool);
  await countAll(count);
  await expectRight(pool);
  await pool.query("select drop_history_partition(0)");
  await expectRight(pool);
  await pool.query("delete from project where id = $1", [OTHER]);
  await countAll(count);
  await expectRight(pool);
});

test("what is not committed when the count is about to go past it waits for, and is counted then", async () => {
  const { pool, count } = await setup();
  const client = await pool.connect();
  await client.query("begin");
  await addRuns(client as unknown as Pool, 0, 20);
  await addRuns(pool, 1, 20);
  await count();
  await count();
  expect((await pool.query("select through from instance_counted")).rows).toEqual([{ through: 0 }]);
  await expectRight(pool);
  await client.query("commit");
  client.release();
  await expectRight(pool);
  await countAll(count);
  expect((await pool.query("select through from instance_counted")).rows).not.toEqual([{ through: 0 }]);
  await expectRight(pool);
});
