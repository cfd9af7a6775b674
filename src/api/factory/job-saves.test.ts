/** Saves of jobs beside each other and over what jobs name: each makes one version, whichever way it takes. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody } from "../../../test/setup/factory.ts";

test("saves of one job at the same time make a version each", async () => {
  const { ok, call, pool } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j") });
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      call("PUT", "/jobs/j", { body: jobBody("j", { description: `no ${n}` }) }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 204));
  const { rows } = await pool.query("select version, document ->> 'description' as said from job_version");
  expect(rows.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(new Set(rows.map(({ said }) => said)).size).toBe(9);
  expect((await ok("GET", "/jobs/j")).json.version).toBe(9);
});

test("a save while the job is put into operation reaches its schedule, whichever comes first", async () => {
  const { ok, pool } = await factoryWorld();
  const cron = (hour: number) => ({
    schedule: {
      type: "CRON",
      cron: { startTime: "2026-01-01T00:00:00Z", expression: `0 0 ${hour} * * ?`, intervalType: "days" },
    },
  });
  for (let n = 0; n < 5; n += 1) {
    await ok("POST", "/jobs", { body: jobBody(`j${n}`, cron(1)) });
    await Promise.all([
      ok("POST", `/jobs/j${n}/start`, { body: {} }),
      ok("PUT", `/jobs/j${n}`, { body: jobBody(`j${n}`, cron(5)) }),
    ]);
  }
  const { rows } = await pool.query<{ readonly hour: number }>(
    "select extract(hour from next_at at time zone 'UTC')::integer as hour from schedule",
  );
  expect(rows.map(({ hour }) => hour)).toEqual([5, 5, 5, 5, 5]);
});

test("jobs that a save names no more are let go, and what names nothing is saved over it", async () => {
  const { ok, pool } = await factoryWorld();
  const count = async (table: string) => (await pool.query(`select from ${table}`)).rowCount;
  await ok("POST", "/jobs", { body: jobBody("child") });
  const node = { name: "a", type: "SubJob", location: { x: 0, y: 0 } };
  const nodes = [{ ...node, properties: [{ name: "jobName", value: "child" }] }];
  const cron = {
    ...{ startTime: "2026-01-01T00:00:00Z", expression: "0 0 1 * * ?", intervalType: "days" },
    dependJobs: { jobs: ["child"] },
  };
  await ok("POST", "/jobs", { body: jobBody("j", { nodes, schedule: { type: "CRON", cron } }) });
  expect([await count("job_child"), await count("job_dependency")]).toEqual([1, 1]);
  await ok("PUT", "/jobs/j", { body: jobBody("j") });
  expect([await count("job_child"), await count("job_dependency")]).toEqual([0, 0]);
  await ok("PUT", "/jobs/child", { body: jobBody("other") });
});

test("a limit comes and goes with the job's versions", async () => {
  const { ok, pool } = await factoryWorld();
  const slots = async () => (await pool.query("select slots from slot_limit")).rows.map((row) => row.slots);
  const limited = (most: number) =>
    jobBody("j", { basicConfig: { customFields: { "azalai.slots": String(most) } } });
  await ok("POST", "/jobs", { body: limited(2) });
  expect(await slots()).toEqual([2]);
  await ok("PUT", "/jobs/j", { body: limited(3) });
  expect(await slots()).toEqual([3]);
  await ok("PUT", "/jobs/j", { body: jobBody("j") });
  expect(await slots()).toEqual([]);
});

test("a job that changes its type changes its list, and both totals", async () => {
  const { ok } = await factoryWorld();
  const total = async (kind: string) => (await ok("GET", `/jobs?jobType=${kind}`)).json.total;
  for (const name of ["a", "b"]) await ok("POST", "/jobs", { body: jobBody(name) });
  await ok("PUT", "/jobs/a", { body: jobBody("a", { processType: "REAL_TIME" }) });
  expect([await total("BATCH"), await total("REAL_TIME")]).toEqual([1, 1]);
  await ok("PUT", "/jobs/a", { body: jobBody("a") });
  expect([await total("BATCH"), await total("REAL_TIME")]).toEqual([2, 0]);
});
