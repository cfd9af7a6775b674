/** Backfills of several jobs that wait for one another, and of jobs whose runs wait for their own previous one. */
import { expect, test } from "vitest";
import { engineWorld, node, type TestWork } from "../../test/setup/engine-world.ts";
import type { BackfillSpec } from "../domain/backfill.ts";
import type { CronSchedule, JobDependencies } from "../domain/schedule.ts";
import { listBackfillRuns } from "../store/backfill-runs.ts";
import { findBackfill, listBackfillJobs } from "../store/backfills.ts";

const SPEC: BackfillSpec = {
  startsAt: new Date("2001-01-01T00:00:00Z"),
  endsAt: new Date("2001-01-03T00:00:00Z"),
  parallelMax: 4,
  dayGranularity: false,
  newestFirst: false,
  stopOnFailure: false,
  parameters: {},
};

const waitFor = (name: string, changes: Partial<JobDependencies> = {}, periods = 0): JobDependencies => ({
  jobs: [{ workspaceId: "default", name, periods }],
  failPolicy: "fail",
  ...changes,
});

/** Whose runs end in which order, as `hours 01T06`; runs whose name is in `failing` fail. */
async function setup(failing: readonly string[] = []) {
  const ended: string[] = [];
  const run: TestWork = (work) => {
    const name = work.properties.at ?? "";
    ended.push(name);
    return failing.includes(name) ? { state: "failed", message: "as told" } : { state: "succeeded" };
  };
  const world = await engineWorld(run);
  const engine = await world.newEngine();
  await engine.start();
  const add = (name: string, expression: string, changes: Partial<CronSchedule> = {}) => {
    const at = `${name} #{Job.getPlanTime('dd')}T#{Job.getPlanTime('HH')}`;
    const cron = { expression, zone: "UTC", afterOwnPrevious: false, ...changes };
    return world.addJob(
      { schedule: { type: "cron", cron }, nodes: [node("a", [], { properties: { at } })] },
      name,
    );
  };
  const key = { projectId: world.projectId, workspaceId: "default" };
  const create = (jobName: string, dependents: readonly string[], changes: Partial<BackfillSpec> = {}) =>
    engine.createBackfill({
      ...key,
      name: "b",
      jobName,
      dependents: dependents.map((name) => ({ workspaceId: "default", name })),
      spec: { ...SPEC, ...changes },
      force: false,
      by: "ann",
    });
  const { pool } = world.database;
  const find = () => findBackfill(pool, key, "b");
  const end = async () => {
    await expect.poll(async () => (await find())?.endedAt ?? null, { timeout: 10_000 }).not.toBeNull();
    return await find();
  };
  const runs = async () => {
    const backfill = await find();
    return backfill === undefined
      ? []
      : await listBackfillRuns(pool, backfill, {}, { offset: 0, limit: 100 });
  };
  const jobs = async () => {
    const backfill = await find();
    return backfill === undefined
      ? []
      : (await listBackfillJobs(pool, backfill)).map(({ jobName }) => jobName);
  };
  return { ended, add, create, end, runs, jobs };
}

/** Whether `later` stands behind each of `earlier`. */
function isBehind(order: readonly string[], later: string, earlier: readonly string[]): boolean {
  return earlier.every((name) => order.indexOf(name) !== -1 && order.indexOf(name) < order.indexOf(later));
}

test("a day's run waits for all the runs of that day of the job that it depends on", async () => {
  const { add, create, end, ended, jobs } = await setup();
  await add("days", "0 0 0 * * ?", { dependencies: waitFor("hours") });
  await add("hours", "0 0 0/6 * * ?");
  await create("hours", ["days"]);
  expect(await jobs()).toEqual(["hours", "days"]);
  expect(await end()).toMatchObject({ state: "succeeded", progress: { planned: 10, succeeded: 10 } });
  for (const day of ["01", "02"]) {
    const hours = ["00", "06", "12", "18"].map((hour) => `hours ${day}T${hour}`);
    expect(isBehind(ended, `days ${day}T00`, hours), ended.join()).toBe(true);
  }
});

test("a run waits for the period before, whichever of the jobs was asked for, newest first too", async () => {
  const { add, create, end, ended, jobs } = await setup();
  await add("first", "0 0 1 * * ?");
  await add("then", "0 0 2 * * ?", { dependencies: waitFor("first", {}, 1) });
  await create("then", ["first"], { newestFirst: true, parallelMax: 1, dayGranularity: true });
  expect(await jobs()).toEqual(["first", "then"]);
  expect(await end()).toMatchObject({ state: "succeeded", progress: { succeeded: 4 } });
  expect(isBehind(ended, "then 02T02", ["first 01T01"]), ended.join()).toBe(true);
});

test("a run whose upstream failed is skipped, and what waits for it too; the others run", async () => {
  const { add, create, end, ended, runs } = await setup(["hours 01T06"]);
  await add("hours", "0 0 0/6 * * ?");
  await add("days", "0 0 0 * * ?", { dependencies: waitFor("hours") });
  await add("reports", "0 0 0 * * ?", { dependencies: waitFor("days") });
  await create("hours", ["days", "reports"]);
  const progress = { planned: 12, succeeded: 9, failed: 1, skipped: 2 };
  expect(await end()).toMatchObject({ state: "failed", progress });
  expect((await runs()).filter(({ state }) => state === "skipped")).toMatchObject([
    {
      jobName: "days",
      reason: "upstream",
      detail: expect.stringContaining('"hours" planned for 2001-01-01T06'),
    },
    {
      jobName: "reports",
      reason: "upstream",
      detail: expect.stringContaining('"days" planned for 2001-01-01T00'),
    },
  ]);
  expect(ended).toContain("reports 02T00");
});

test("a run starts after a failure where the job ignores that", async () => {
  const { add, create, end, ended } = await setup(["hours 01T06"]);
  await add("hours", "0 0 0/6 * * ?");
  await add("days", "0 0 0 * * ?", { dependencies: waitFor("hours", { failPolicy: "ignore" }) });
  await create("hours", ["days"]);
  expect(await end()).toMatchObject({ state: "failed", progress: { succeeded: 9, failed: 1 } });
  expect(isBehind(ended, "days 01T00", ["hours 01T06", "hours 01T18"]), ended.join()).toBe(true);
});

test("runs that wait for the one before follow one another, and end with the first that fails", async () => {
  const { add, create, end, ended, runs } = await setup(["chain 01T12"]);
  await add("chain", "0 0 0/6 * * ?", { afterOwnPrevious: true });
  await expect(create("chain", [], { newestFirst: true })).rejects.toMatchObject({
    code: "backfill-invalid",
  });
  await create("chain", [], { timeFilter: { timeOfDay: "06:00-24:00" } });
  expect(await end()).toMatchObject({ state: "failed", progress: { succeeded: 1, failed: 1, skipped: 6 } });
  expect(ended).toEqual(["chain 01T06", "chain 01T12"]);
  expect((await runs()).map(({ state, reason }) => reason ?? state)).toEqual([
    "filter",
    "started",
    "started",
    "own-previous",
    "filter",
    ...Array(3).fill("own-previous"),
  ]);
});

test("jobs outside the backfill are not waited for", async () => {
  const { add, create, end } = await setup();
  await add("hours", "0 0 0/6 * * ?");
  await add("days", "0 0 0 * * ?", { dependencies: waitFor("hours") });
  await create("days", []);
  expect(await end()).toMatchObject({ state: "succeeded", progress: { planned: 2, succeeded: 2 } });
});
