/** Backfills on a real database: their plan, their order and pace, and what people do with them. */
import { expect, test } from "vitest";
import { type EngineWorld, engineWorld, node, type TestWork } from "../../test/setup/engine-world.ts";
import type { Backfill, BackfillSpec } from "../domain/backfill.ts";
import type { JobSchedule } from "../domain/schedule.ts";
import { listActs } from "../store/audit.ts";
import { listBackfillRuns } from "../store/backfill-runs.ts";
import { findBackfill } from "../store/backfills.ts";
import type { Engine } from "./operations.ts";

const HOURLY = "0 0 * * * ?";
const DAILY = "0 30 2 * * ?";

function cron(expression: string, zone = "UTC"): JobSchedule {
  return { type: "cron", cron: { expression, zone, afterOwnPrevious: false } };
}

function spec(from: string, to: string, changes: Partial<BackfillSpec> = {}): BackfillSpec {
  return {
    startsAt: new Date(from),
    endsAt: new Date(to),
    parallelMax: 1,
    dayGranularity: false,
    newestFirst: false,
    stopOnFailure: false,
    parameters: {},
    ...changes,
  };
}

/** What runs of a backfill, each held until it is told how to end. */
interface Held {
  /** `01T02` of the planned times of what runs, in the order of their starts. */
  readonly started: string[];
  /** Ends what was started for the time. */
  end(time: string, state?: "succeeded" | "failed"): void;
}

/** A world whose nodes run until they are told to end, one job `job` on the schedule, and a started engine. */
async function setup(schedule: JobSchedule = cron(HOURLY)) {
  const started: string[] = [];
  const ends = new Map<string, (state: "succeeded" | "failed") => void>();
  const run: TestWork = async (work, { signal }) => {
    const time = work.properties.at ?? "";
    started.push(time);
    const state = await new Promise<"succeeded" | "failed" | "cancelled">((resolve) => {
      ends.set(time, resolve);
      signal.addEventListener("abort", () => resolve("cancelled"));
    });
    return { state, message: "as told" };
  };
  const world = await engineWorld(run);
  world.setTime(new Date("2026-11-23T09:00:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  await world.addJob({ schedule, nodes: [at("a")] }, "job");
  const held: Held = {
    started,
    end: (time, state = "succeeded") => ends.get(time)?.(state),
  };
  return { world, engine, held, ...operations(world, engine) };
}

const at = (name: string) =>
  node(name, [], { properties: { at: "#{Job.getPlanTime('dd')}T#{Job.getPlanTime('HH')}" } });

function operations(world: EngineWorld, engine: Engine) {
  const { projectId } = world;
  const key = { projectId, workspaceId: "default" };
  const find = async (name = "b"): Promise<Backfill> => {
    const found = await findBackfill(world.database.pool, key, name);
    if (found === undefined) throw new RangeError(`there is no backfill ${name}`);
    return found;
  };
  return {
    control: { ...key, name: "b", by: "ann" },
    find,
    stateOf: async (name?: string) => (await find(name)).state,
    create: (wanted: BackfillSpec, changes: { name?: string; jobName?: string; force?: boolean } = {}) =>
      engine.createBackfill({
        ...key,
        name: "b",
        jobName: "job",
        dependents: [],
        spec: wanted,
        force: false,
        by: "ann",
        ...changes,
      }),
    ledger: async (name?: string) => {
      const page = { offset: 0, limit: 200_000 };
      return await listBackfillRuns(world.database.pool, await find(name), {}, page);
    },
  };
}

test("each planned time of the range becomes an instance, one after the other, and a line of the ledger", async () => {
  const { create, held, find, ledger, stateOf, world } = await setup();
  await create(spec("2001-01-01T01:00:00Z", "2001-01-01T04:00:00Z"));
  for (const time of ["01T01", "01T02", "01T03"]) {
    await expect.poll(() => held.started.at(-1)).toBe(time);
    expect(await find()).toMatchObject({ state: "running", progress: { planned: 3, running: 1 } });
    held.end(time);
  }
  await expect.poll(() => stateOf()).toBe("succeeded");
  expect(await find()).toMatchObject({
    progress: { planned: 3, running: 0, succeeded: 3, failed: 0, skipped: 0 },
    endedAt: new Date("2026-11-23T09:00:00Z"),
  });
  const lines = await ledger();
  expect(lines.map(({ plannedAt }) => plannedAt.toISOString().slice(11, 13))).toEqual(["01", "02", "03"]);
  expect(lines).toMatchObject(Array(3).fill({ state: "started", outcome: "succeeded", jobName: "job" }));
  const { rows } = await world.database.pool.query(
    "select distinct origin, created_by, background from instance",
  );
  expect(rows).toEqual([{ origin: "backfill", created_by: "ann", background: true }]);
});

test("free days and frozen stretches hold up schedules, not a backfill, which somebody wants", async () => {
  const { create, held, ledger, stateOf, world, engine } = await setup();
  const { projectId } = world;
  await world.database.pool.query(
    `insert into calendar (project_id, workspace_id, name, weekdays, holidays, workdays, updated_at, updated_by)
     values ($1, 'default', 'never', '{}', '{}', '{}', now(), 'ann')`,
    [projectId],
  );
  const settings = { calendar: "never" };
  const jobId = await world.addJob({ schedule: cron(HOURLY), nodes: [at("a")], settings }, "free");
  const stretch = { from: new Date("2001-01-01T00:00:00Z"), to: new Date("2001-01-02T00:00:00Z") };
  await engine.freezeRuns({ projectId, jobId, by: "ann", ...stretch });
  const range = spec("2001-01-01T01:00:00Z", "2001-01-01T03:00:00Z", { parallelMax: 2 });
  await create(range, { jobName: "free" });
  await expect.poll(() => held.started.toSorted()).toEqual(["01T01", "01T02"]);
  for (const time of held.started) held.end(time);
  await expect.poll(() => stateOf()).toBe("succeeded");
  expect((await ledger()).map(({ state }) => state)).toEqual(["started", "started"]);
});

test("the newest comes first where asked for, as many beside one another as the cap allows", async () => {
  const { create, held, stateOf } = await setup();
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T05:00:00Z", { newestFirst: true, parallelMax: 2 }));
  await expect.poll(() => held.started.toSorted()).toEqual(["01T03", "01T04"]);
  held.end("01T03");
  await expect.poll(() => held.started.at(-1)).toBe("01T02");
  held.end("01T04");
  held.end("01T02");
  await expect.poll(() => held.started.length).toBe(5);
  held.end("01T01");
  held.end("01T00");
  await expect.poll(() => stateOf()).toBe("succeeded");
});

test("with days as the unit, days go side by side and the times of one day one after the other", async () => {
  const { create, held, stateOf } = await setup(cron("0 0 6,18 * * ?"));
  await create(
    spec("2001-01-01T00:00:00Z", "2001-01-04T00:00:00Z", { dayGranularity: true, parallelMax: 2 }),
  );
  await expect.poll(() => held.started.toSorted()).toEqual(["01T06", "02T06"]);
  held.end("02T06");
  await expect.poll(() => held.started.at(-1)).toBe("02T18");
  held.end("02T18");
  await expect.poll(() => held.started.at(-1)).toBe("03T06");
  expect(held.started).toHaveLength(4);
  held.end("01T06");
  await expect.poll(() => held.started.at(-1)).toBe("01T18");
  held.end("01T18");
  held.end("03T06");
  await expect.poll(() => held.started.at(-1)).toBe("03T18");
  held.end("03T18");
  await expect.poll(() => stateOf()).toBe("succeeded");
});

test("a failure does not keep the others from running, and the backfill ends as failed", async () => {
  const { create, held, find, stateOf } = await setup();
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T02:00:00Z"));
  await expect.poll(() => held.started.length).toBe(1);
  held.end("01T00", "failed");
  await expect.poll(() => held.started.at(-1)).toBe("01T01");
  held.end("01T01");
  await expect.poll(() => stateOf()).toBe("failed");
  expect((await find()).progress).toMatchObject({ succeeded: 1, failed: 1, skipped: 0 });
});

test("with stop on failure nothing is started after one, and what was not is skipped with the reason", async () => {
  const { create, held, find, stateOf, ledger } = await setup();
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T05:00:00Z", { stopOnFailure: true, parallelMax: 2 }));
  await expect.poll(() => held.started.length).toBe(2);
  held.end("01T00", "failed");
  await expect.poll(() => stateOf()).toBe("failing");
  held.end("01T01");
  await expect.poll(() => stateOf()).toBe("failed");
  expect(await find()).toMatchObject({
    progress: { planned: 5, succeeded: 1, failed: 1, skipped: 3 },
    reason: "an instance failed",
  });
  expect((await ledger()).slice(2)).toMatchObject(
    Array(3).fill({
      state: "skipped",
      reason: "stopped-on-failure",
      detail: "an instance failed",
      instanceId: null,
    }),
  );
});

test("a held backfill starts nothing until it goes on", async () => {
  const { create, held, engine, control, stateOf, find, world } = await setup();
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T02:00:00Z"));
  await expect.poll(() => held.started.length).toBe(1);
  await engine.pauseBackfill(control);
  await engine.pauseBackfill(control);
  held.end("01T00");
  await expect.poll(async () => (await find()).progress.succeeded).toBe(1);
  expect(await find()).toMatchObject({ state: "paused", reason: "paused by ann", progress: { running: 0 } });
  expect(held.started).toHaveLength(1);
  await engine.resumeBackfill(control);
  await expect.poll(() => held.started.length).toBe(2);
  held.end("01T01");
  await expect.poll(() => stateOf()).toBe("succeeded");
  await expect(engine.pauseBackfill(control)).rejects.toMatchObject({ code: "backfill-state" });
  const acts = await listActs(world.database.pool, world.projectId, { objectKind: "backfill" }, 10);
  expect(acts.map(({ act, by, objectId }) => [act, by, objectId])).toEqual([
    ["resume", "ann", "b"],
    ["pause", "ann", "b"],
    ["create", "ann", "b"],
  ]);
});

test("a cancelled backfill leaves what runs, or stops it; the rest is skipped, and twice is no fault", async () => {
  const { create, held, engine, control, stateOf, find, ledger } = await setup();
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T05:00:00Z", { parallelMax: 2 }));
  await expect.poll(() => held.started.length).toBe(2);
  await engine.cancelBackfill(control, false);
  await expect.poll(async () => (await find()).progress.skipped).toBe(3);
  expect(await find()).toMatchObject({ state: "cancelling", progress: { running: 2 } });
  held.end("01T00");
  await expect.poll(async () => (await find()).progress.succeeded).toBe(1);
  await engine.cancelBackfill(control, true);
  await expect.poll(() => stateOf()).toBe("cancelled");
  expect((await find()).progress).toEqual({ planned: 5, running: 0, succeeded: 1, failed: 1, skipped: 3 });
  expect((await ledger()).at(-1)).toMatchObject({
    state: "skipped",
    reason: "cancelled",
    detail: "cancelled by ann",
  });
  await engine.cancelBackfill(control, true);
});

test("times that the filter leaves out are in the ledger, with why", async () => {
  const { create, held, find, ledger, stateOf } = await setup(cron("0 0 0/6 * * ?", "Asia/Shanghai"));
  const timeFilter = { days: ["2001-01-02"], timeOfDay: "06:00-13:00" };
  await create(
    spec("2001-01-01T00:00:00+08:00", "2001-01-03T00:00:00+08:00", { timeFilter, parallelMax: 5 }),
  );
  await expect.poll(() => held.started.toSorted()).toEqual(["02T06", "02T12"]);
  for (const time of ["02T06", "02T12"]) held.end(time);
  await expect.poll(() => stateOf()).toBe("succeeded");
  expect((await find()).progress).toMatchObject({ planned: 8, succeeded: 2, skipped: 6 });
  expect((await ledger()).map(({ state, detail }) => detail ?? state)).toEqual([
    ...Array(4).fill("not one of the days asked for"),
    "outside 06:00-13:00",
    "started",
    "started",
    "outside 06:00-13:00",
  ]);
});

test("nothing starts outside the run window", async () => {
  const { create, held, world, engine, find } = await setup();
  const runWindow = { timeOfDay: "22:00-06:00", daysOfWeek: [2] };
  // It is Monday, 09:00.
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T02:00:00Z", { runWindow }));
  await expect.poll(async () => (await find()).state).toBe("running");
  expect(held.started).toEqual([]);
  world.setTime(new Date("2026-11-23T22:00:00Z"));
  engine.wake();
  await expect.poll(() => held.started).toEqual(["01T00"]);
  world.setTime(new Date("2026-11-24T06:00:00Z"));
  held.end("01T00");
  await expect.poll(async () => (await find()).progress.succeeded).toBe(1);
  expect(held.started).toEqual(["01T00"]);
  const { rows } = await world.database.pool.query("select due_at from backfill");
  expect(rows).toEqual([{ due_at: new Date("2026-11-30T22:00:00Z") }]);
});

test("the clock change of a zone is crossed day by day", async () => {
  const { create, held, ledger, stateOf } = await setup(cron(DAILY, "America/New_York"));
  await create(spec("2001-03-31T00:00:00-05:00", "2001-04-03T00:00:00-04:00", { parallelMax: 5 }));
  await expect.poll(() => held.started.toSorted()).toEqual(["01T03", "02T02", "31T02"]);
  for (const time of held.started) held.end(time);
  await expect.poll(() => stateOf()).toBe("succeeded");
  expect((await ledger()).map(({ plannedAt }) => plannedAt.toISOString().slice(0, 16))).toEqual([
    "2001-03-31T07:30",
    "2001-04-01T07:00",
    "2001-04-02T06:30",
  ]);
});

test("a backfill survives the end of its server, and nothing of it starts twice", async () => {
  const { create, held, engine, world, stateOf, ledger } = await setup();
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T03:00:00Z"));
  await expect.poll(() => held.started.length).toBe(1);
  await engine.stop();
  const next = await world.newEngine();
  await next.start();
  await expect.poll(() => held.started).toEqual(["01T00", "01T00"]);
  for (const time of ["01T00", "01T01", "01T02"]) {
    await expect.poll(() => held.started.at(-1)).toBe(time);
    held.end(time);
  }
  await expect.poll(() => stateOf()).toBe("succeeded");
  expect(new Set((await ledger()).map(({ instanceId }) => instanceId)).size).toBe(3);
});

test("two servers carry a backfill on together, one leaves in between, and each time is started once", async () => {
  const world = await engineWorld();
  const [first, second] = [await world.newEngine(), await world.newEngine()];
  await first.start();
  await second.start();
  await world.addJob({ schedule: cron(HOURLY) }, "job");
  const { create, find, ledger, stateOf } = operations(world, first);
  await create(spec("2001-01-01T00:00:00Z", "2001-01-11T00:00:00Z", { parallelMax: 10 }));
  await expect.poll(async () => (await find()).progress.succeeded, { timeout: 10_000 }).toBeGreaterThan(20);
  await first.stop();
  await expect.poll(() => stateOf(), { timeout: 20_000 }).toBe("succeeded");
  const ids = (await ledger()).map(({ instanceId }) => instanceId);
  expect([ids.length, new Set(ids).size]).toEqual([240, 240]);
  const { rows } = await world.database.pool.query("select count(*) as made from instance");
  expect(rows).toEqual([{ made: 240 }]);
});

test("a range may be backfilled again, and at the same time only by force", async () => {
  const { create, held, stateOf, engine, control } = await setup();
  const range = spec("2001-01-01T00:00:00Z", "2001-01-01T01:00:00Z");
  await create(range);
  await expect(create(range)).rejects.toMatchObject({ code: "backfill-overlaps" });
  await expect(create(range, { force: true })).rejects.toMatchObject({ code: "backfill-exists" });
  await create(range, { name: "forced", force: true });
  await create(spec("2001-01-01T01:00:00Z", "2001-01-01T02:00:00Z"), { name: "beside" });
  await expect.poll(() => held.started.length).toBe(3);
  for (const name of ["b", "forced", "beside"]) {
    await engine.cancelBackfill({ ...control, name }, true);
    await expect.poll(() => stateOf(name)).toBe("cancelled");
  }
  await create(range, { name: "again" });
  await expect.poll(() => held.started.length).toBe(4);
  held.end("01T00");
  await expect.poll(() => stateOf("again")).toBe("succeeded");
});

test("a run that failed and succeeds when it is run again is counted as it ended last", async () => {
  const { create, held, engine, world, find, ledger } = await setup();
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T02:00:00Z"));
  await expect.poll(() => held.started.length).toBe(1);
  held.end("01T00", "failed");
  await expect.poll(() => held.started.length).toBe(2);
  const instanceId = (await ledger())[0]?.instanceId ?? 0;
  await engine.restartInstance({ projectId: world.projectId, instanceId, by: "ann" });
  await expect.poll(() => held.started.length).toBe(3);
  held.end("01T00");
  await expect.poll(async () => (await find()).progress).toMatchObject({ succeeded: 1, failed: 0 });
  held.end("01T01");
  await expect.poll(async () => (await find()).state).toBe("succeeded");
});

test("what becomes of a job's times when the job is deleted is said", async () => {
  const { create, held, engine, world, find, ledger } = await setup();
  await create(spec("2001-01-01T00:00:00Z", "2001-01-01T03:00:00Z"));
  await expect.poll(() => held.started.length).toBe(1);
  const { rows } = await world.database.pool.query<{ id: number }>("select id from job");
  await engine.deleteJob({ projectId: world.projectId, jobId: rows[0]?.id ?? 0, by: "ann" });
  held.end("01T00");
  await expect.poll(async () => (await find()).state).toBe("failed");
  expect((await find()).reason).toBe("job: the job was deleted");
  expect((await ledger()).map(({ detail }) => detail)).toEqual([
    null,
    "the job was deleted",
    "the job was deleted",
  ]);
});

test("ten years of hours are planned in pages, previewed, and given up, without a long transaction", async () => {
  const { create, held, engine, control, find, stateOf } = await setup();
  const range = spec("1992-01-01T00:00:00Z", "2002-01-01T00:00:00Z");
  const { workspaceId, projectId } = control;
  const request = {
    projectId,
    workspaceId,
    name: "b",
    jobName: "job",
    dependents: [],
    force: false,
    by: "ann",
  };
  const preview = await engine.previewBackfill({ ...request, spec: range }, 2);
  expect(preview.planned).toBe(87_672);
  expect(preview.jobs).toMatchObject([{ jobName: "job", count: 87_672, leftOut: [] }]);
  await create(range);
  await expect.poll(() => held.started.length, { timeout: 20_000 }).toBe(1);
  expect((await find()).progress).toEqual({
    planned: 87_672,
    running: 1,
    succeeded: 0,
    failed: 0,
    skipped: 0,
  });
  await engine.cancelBackfill(control, true);
  await expect.poll(() => stateOf(), { timeout: 20_000 }).toBe("cancelled");
  expect((await find()).progress).toMatchObject({ failed: 1, skipped: 87_671 });
}, 60_000);

test("ranges, jobs and rules that cannot be are refused, each with its own fault", async () => {
  const { create, world } = await setup();
  await world.addJob({}, "unplanned");
  await world.addJob({ nodes: [], schedule: cron(HOURLY) }, "empty");
  const range = spec("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z");
  const refusals = [
    [spec("2001-01-01T00:00:00Z", "2001-01-01T00:00:01Z"), {}, "backfill-range-invalid"],
    [spec("1900-01-01T00:00:00Z", "2001-01-01T00:00:00Z"), {}, "backfill-range-invalid"],
    [range, { jobName: "nobody" }, "backfill-job-missing"],
    [range, { jobName: "unplanned" }, "backfill-schedule-missing"],
    [range, { jobName: "empty" }, "job-without-nodes"],
    [range, { name: "a/b" }, "backfill-invalid"],
    [{ ...range, parallelMax: 0 }, {}, "backfill-invalid"],
    [{ ...range, runWindow: { timeOfDay: "25:00-26:00" } }, {}, "backfill-invalid"],
    [{ ...range, timeFilter: { days: ["yesterday"] } }, {}, "backfill-invalid"],
  ] as const;
  for (const [wanted, changes, code] of refusals)
    await expect(create(wanted, changes), code).rejects.toMatchObject({ code });
});

test("a backfill in whose range nothing is planned has nothing to do", async () => {
  const { create, stateOf, find } = await setup(cron("0 0 0 1 1 ?"));
  await create(spec("2001-02-01T00:00:00Z", "2001-03-01T00:00:00Z"));
  await expect.poll(() => stateOf()).toBe("succeeded");
  expect((await find()).progress.planned).toBe(0);
});
