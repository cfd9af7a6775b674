/** The job list against a plain count and sort of the same rows. */
import type { Pool } from "pg";
import { expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import type { JobFilter } from "./job-filters.ts";
import { listJobs } from "./job-lists.ts";
import { countListed, foldListBlocks } from "./list-blocks.ts";

const PROJECT = "0123456789abcdef0123456789abcdef";
const OTHER = "ffffffffffffffffffffffffffffffff";
const AT = new Date("2026-01-02T03:04:05Z");

async function setup(count: number): Promise<{
  pool: Pool;
  list: (filter: JobFilter, offset?: number, limit?: number) => ReturnType<typeof listJobs>;
}> {
  const { pool } = await testDatabase();
  await pool.query("insert into project (id, name, created_at) values ($1, 'one', $3), ($2, 'two', $3)", [
    PROJECT,
    OTHER,
    AT,
  ]);
  await pool.query(
    "insert into workspace (project_id, id, created_at) select id, 'default', $1 from project",
    [AT],
  );
  await addJobs(pool, PROJECT, count);
  await addJobs(pool, OTHER, 50);
  const workspace = { projectId: PROJECT, workspaceId: "default" };
  return {
    pool,
    list: (filter, offset = 0, limit = 10) => listJobs(pool, workspace, filter, { offset, limit }),
  };
}

/** Jobs `job_1` to `job_count`, every third of them `daily_…`, every tenth real-time, every seventh tagged. */
async function addJobs(pool: Pool, projectId: string, count: number): Promise<void> {
  await pool.query(
    `insert into job (project_id, workspace_id, name, kind, version, tags, created_at, created_by, updated_at, updated_by)
     select $1, 'default', case when n % 3 = 0 then 'daily_' else 'job_' end || n,
            case when n % 10 = 0 then 'real-time' else 'batch' end, 1,
            case when n % 7 = 0 then array['seven', 'n' || n] else '{}' end, $3, 'me', $3, 'me'
     from generate_series(1, $2::int) n order by n`,
    [projectId, count, AT],
  );
}

async function expected(pool: Pool, kind: string, where: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select name from job where project_id = $1 and kind = $2 and ${where} order by id desc`,
    [PROJECT, kind],
  );
  return rows.map(({ name }) => name);
}

test("pages of any depth hold what a sort of all rows holds, with the exact total", async () => {
  const { pool, list } = await setup(3000);
  for (const folded of [false, true]) {
    if (folded) while ((await foldListBlocks(pool)) > 0);
    for (const kind of ["batch", "real-time"] as const) {
      const all = await expected(pool, kind, "true");
      for (const offset of [0, 7, 100, all.length - 3, all.length, all.length + 5]) {
        const { jobs, total } = await list({ kind }, offset);
        expect(jobs.map((job) => job.name)).toEqual(all.slice(offset, offset + 10));
        expect(total).toBe(all.length);
      }
    }
  }
});

test("a deleted job and a job of another kind leave the counts", async () => {
  const { pool, list } = await setup(2500);
  await foldListBlocks(pool);
  await pool.query("delete from job where project_id = $1 and name = any ($2)", [
    PROJECT,
    ["job_1", "job_2000", "job_2200"],
  ]);
  await pool.query("update job set kind = 'real-time' where project_id = $1 and name = 'job_4'", [PROJECT]);
  const all = await expected(pool, "batch", "true");
  const { jobs, total } = await list({ kind: "batch" }, all.length - 2);
  expect(total).toBe(all.length);
  expect(jobs.map((job) => job.name)).toEqual(all.slice(-2));
});

test("a part of a name finds every match, and nothing of another project", async () => {
  const { pool, list } = await setup(3000);
  for (const part of ["daily_1", "daily_", "y_2", "_", "1", "ob_2999", "zzz", "%", "aily_3%"]) {
    const all = await expected(pool, "batch", `strpos(name, '${part}') > 0`);
    const { jobs, total } = await list({ kind: "batch", nameContains: part }, 3, 5);
    expect({ part, total, names: jobs.map((job) => job.name) }).toEqual({
      part,
      total: all.length,
      names: all.slice(3, 8),
    });
  }
});

test("all given tags must match", async () => {
  const { pool, list } = await setup(200);
  const all = await expected(pool, "batch", "tags @> array['seven']");
  expect((await list({ kind: "batch", tags: { names: ["seven"], match: "all" } })).total).toBe(all.length);
  expect(
    (await list({ kind: "batch", tags: { names: ["seven", "n14"], match: "all" } })).jobs.map(
      (job) => job.name,
    ),
  ).toEqual(["job_14"]);
  expect((await list({ kind: "batch", tags: { names: ["seven", "missing"], match: "all" } })).total).toBe(0);
  expect(
    (await list({ kind: "batch", tags: { names: ["seven"], match: "all" }, nameContains: "daily" })).jobs.map(
      (job) => job.name,
    ),
  ).toEqual(all.filter((name) => name.startsWith("daily")).slice(0, 10));
});

test("the latest run of a job is found in whichever period it lies, above all in those that are open", async () => {
  const { pool, list } = await setup(5);
  await pool.query("select add_history_partition(2)");
  await pool.query("update history_partition set closed = true where k < 2");
  const { rows } = await pool.query<{ id: number }>(
    "select id from job where project_id = $1 and kind = 'batch' order by id desc",
    [PROJECT],
  );
  const [old, both, , none] = rows.map(({ id }) => id);
  const runs = [
    [1, old, "failed"],
    [2 ** 30 + 1, old, "succeeded"],
    [2 ** 30 + 2, both, "failed"],
    [2 * 2 ** 30 + 1, both, "running"],
  ];
  for (const [id, jobId, state] of runs)
    await pool.query(
      `insert into instance (project_id, id, workspace_id, job_id, job_version, job_name, origin, state, left_sinks,
         node_count, planned_at, created_at, created_by, started_at, ended_at)
       values ($1, $2, 'default', $3, 1, 'job', 'manual', $4, 1, 1, $5, $5, 'me', $5,
         case when $4 <> 'running' then $5::timestamptz end)`,
      [PROJECT, id, jobId, state, AT],
    );
  const states = new Map(
    (await list({ kind: "batch" })).jobs.map(({ id, lastInstance }) => [id, lastInstance?.state]),
  );
  expect([old, both, none].map((id) => states.get(id ?? 0))).toEqual(["succeeded", "running", undefined]);
});

test("folding twice at a time counts nothing twice", async () => {
  const { pool } = await setup(100);
  for (let n = 0; n < 20; n++) await addJobs(pool, OTHER, 0);
  await Promise.all([foldListBlocks(pool), foldListBlocks(pool), foldListBlocks(pool)]);
  expect(await countListed(pool, { projectId: PROJECT, list: "job", scopes: ["default/batch"] })).toBe(90);
  const { rows } = await pool.query("select count(*) as n from list_block_delta");
  expect(rows[0]).toEqual({ n: 0 });
});
