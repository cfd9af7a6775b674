/** Jobs in operation: schedules, runs that wait, run-once and real-time jobs. */
import { expect, test } from "vitest";
import { type EngineWorld, engineWorld, node, untilAborted } from "../../test/setup/engine-world.ts";
import type { EventSchedule } from "../domain/event.ts";
import type { JobSchedule } from "../domain/schedule.ts";
import { listLedger } from "../store/ledger.ts";

const HOURLY = "0 0 * * * ?";

function cron(expression: string, changes: Record<string, unknown> = {}): JobSchedule {
  return { type: "cron", cron: { expression, zone: "UTC", afterOwnPrevious: false, ...changes } };
}

async function statusOf(world: EngineWorld, jobId: number): Promise<string | undefined> {
  const { rows } = await world.database.pool.query<{ status: string }>(
    "select status from job where id = $1",
    [jobId],
  );
  return rows[0]?.status;
}

async function instancesOf(
  world: EngineWorld,
  jobId: number,
): Promise<{ id: number; state: string; plan: string }[]> {
  const { rows } = await world.database.pool.query<{ id: number; state: string; planned_at: Date }>(
    "select id, state, planned_at from instance where job_id = $1 order by planned_at, id",
    [jobId],
  );
  return rows.map(({ id, state, planned_at }) => ({
    id,
    state,
    plan: planned_at.toISOString().slice(11, 16),
  }));
}

const states = async (world: EngineWorld, jobId: number) =>
  (await instancesOf(world, jobId)).map(({ state }) => state).join(" ");

async function ledger(world: EngineWorld, jobId: number) {
  const { projectId, database } = world;
  const lines = await listLedger(
    database.pool,
    projectId,
    { workspaceId: "default", jobIds: [jobId] },
    { limit: 5_000 },
  );
  return lines.reverse().map(({ plannedAt, state }) => `${plannedAt.toISOString().slice(11, 16)} ${state}`);
}

const DIS: EventSchedule = {
  source: "stream",
  channel: "c",
  failPolicy: "ignore",
  concurrent: 1,
  readFrom: "new",
};

test("a scheduled job runs at its times, each in the ledger", async () => {
  const world = await engineWorld();
  world.setTime(new Date("2001-01-01T00:30:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ schedule: cron(HOURLY) });
  await engine.startJob({ projectId: world.projectId, jobId, by: "somebody" });
  expect(await statusOf(world, jobId)).toBe("scheduling");
  for (const hour of ["01", "02"]) {
    world.setTime(new Date(`2001-01-01T${hour}:00:00.200Z`));
    engine.wake();
    await expect.poll(() => ledger(world, jobId)).toContainEqual(`${hour}:00 started`);
  }
  await expect.poll(() => states(world, jobId)).toBe("succeeded succeeded");
  expect((await instancesOf(world, jobId)).map(({ plan }) => plan)).toEqual(["01:00", "02:00"]);
});

test("times that nobody saw in time are missed, not made up", async () => {
  const world = await engineWorld();
  world.setTime(new Date("2001-01-01T00:30:00Z"));
  const engine = await world.newEngine();
  const jobId = await world.addJob({ schedule: cron(HOURLY) });
  await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
  world.setTime(new Date("2001-01-01T04:00:59Z"));
  await engine.start();
  await expect
    .poll(() => ledger(world, jobId))
    .toEqual(["01:00 missed", "02:00 missed", "03:00 missed", "04:00 started"]);
  const seen = await world.observed(({ event }) => event === "planned-runs-missed");
  expect(seen).toMatchObject({ jobId, count: 3 });
});

test("five instances run, further ones wait and begin as others end, the earliest planned first", async () => {
  const ends: (() => void)[] = [];
  const world = await engineWorld(async () => {
    await new Promise<void>((resolve) => {
      ends.push(resolve);
    });
    return { state: "succeeded" };
  });
  world.setTime(new Date("2001-01-01T00:00:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ schedule: cron("0/5 * * * * ?") });
  await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
  world.setTime(new Date("2001-01-01T00:00:35Z"));
  engine.wake();
  await expect
    .poll(() => states(world, jobId))
    .toBe("running running running running running waiting waiting");
  await expect.poll(() => ends.length).toBe(5);
  ends[0]?.();
  await expect.poll(() => ends.length).toBe(6);
  await expect.poll(async () => (await states(world, jobId)).match(/waiting/g)?.length).toBe(1);
  expect((await instancesOf(world, jobId)).at(-1)?.state).toBe("waiting");
  await engine.stopJob({ projectId: world.projectId, jobId, by: "ann" });
  expect((await instancesOf(world, jobId)).at(-1)?.state).toBe("stopped");
  expect(await statusOf(world, jobId)).toBe("stopped");
  for (const end of ends) end();
  await expect.poll(async () => (await states(world, jobId)).match(/succeeded/g)?.length).toBe(6);
});

test("an instance that follows its own previous one waits until that has succeeded", async () => {
  let healthy = false;
  const world = await engineWorld(() =>
    healthy ? { state: "succeeded" } : { state: "failed", message: "ill" },
  );
  world.setTime(new Date("2001-01-01T00:00:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ schedule: cron("0/20 * * * * ?", { afterOwnPrevious: true }) });
  await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
  world.setTime(new Date("2001-01-01T00:00:59Z"));
  engine.wake();
  await expect.poll(() => states(world, jobId)).toBe("failed waiting");
  healthy = true;
  const [first] = await instancesOf(world, jobId);
  await engine.restartInstance({ projectId: world.projectId, instanceId: first?.id ?? 0, by: "ann" });
  await expect.poll(() => states(world, jobId)).toBe("succeeded succeeded");
});

test("a schedule that has ended or not begun plans nothing, and one without an expression cannot start", async () => {
  const world = await engineWorld();
  world.setTime(new Date("2001-01-01T00:30:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  const start = async (schedule: JobSchedule) => {
    const jobId = await world.addJob({ schedule });
    await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
    return jobId;
  };
  const over = await start(cron(HOURLY, { endsAt: "2001-01-01T00:59:59.000Z" }));
  const later = await start(cron(HOURLY, { startsAt: "2001-01-01T02:00:00.000Z" }));
  world.setTime(new Date("2001-01-01T02:00:01Z"));
  engine.wake();
  await expect.poll(() => ledger(world, later)).toEqual(["02:00 started"]);
  expect(await ledger(world, over)).toEqual([]);
  const refused = { code: "schedule-invalid" };
  await expect(start({ type: "cron" })).rejects.toMatchObject(refused);
  await expect(start(cron("nonsense"))).rejects.toMatchObject(refused);
  await expect(start({ type: "event", event: DIS })).rejects.toMatchObject(refused);
});

test("starting and stopping twice changes nothing", async () => {
  const world = await engineWorld();
  world.setTime(new Date("2001-01-01T00:30:00Z"));
  const engine = await world.newEngine();
  const jobId = await world.addJob({ schedule: cron(HOURLY) });
  const request = { projectId: world.projectId, jobId, by: "x" };
  await engine.startJob(request);
  world.setTime(new Date("2001-01-01T01:30:00Z"));
  await engine.startJob(request);
  const { rows } = await world.database.pool.query("select next_at from schedule");
  expect(rows).toEqual([{ next_at: new Date("2001-01-01T01:00:00Z") }]);
  await engine.stopJob({ projectId: world.projectId, jobId, by: "ann" });
  await engine.stopJob({ projectId: world.projectId, jobId, by: "ann" });
  expect(await statusOf(world, jobId)).toBe("stopped");
  await expect(engine.stopJob({ projectId: "0".repeat(32), jobId, by: "ann" })).rejects.toMatchObject({
    code: "job-missing",
  });
});

test("a run-once job is scheduling until its instance has ended, and is shown so for a while", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const world = await engineWorld(async () => {
    await mayEnd;
    return { state: "succeeded" };
  });
  world.setTime(new Date("2001-01-01T00:00:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({});
  await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
  await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
  const [only, ...others] = await instancesOf(world, jobId);
  expect(others).toEqual([]);
  expect(await statusOf(world, jobId)).toBe("scheduling");
  const { rows } = await world.database.pool.query("select scheduling_shown_until as until from job");
  expect(rows).toEqual([{ until: new Date("2001-01-01T00:00:15Z") }]);
  await expect.poll(() => states(world, jobId)).toBe("running");
  end();
  expect(await world.ended(only?.id ?? 0)).toBe("succeeded");
  expect(await statusOf(world, jobId)).toBe("stopped");
});

test("a saved job's schedule follows its new version, and ends with the last one that has a schedule", async () => {
  const world = await engineWorld();
  world.setTime(new Date("2001-01-01T00:30:00Z"));
  const engine = await world.newEngine();
  const { pool } = world.database;
  const jobId = await world.addJob({ schedule: cron(HOURLY) });
  await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
  const save = async (schedule: JobSchedule) => {
    await pool.query("update job_version set definition = definition || $1 where job_id = $2", [
      JSON.stringify({ schedule }),
      jobId,
    ]);
    await engine.scheduleSaved(pool, world.projectId, jobId);
  };
  await save(cron("0 15 2 * * ?"));
  const { rows } = await pool.query("select expression, next_at from schedule");
  expect(rows).toEqual([{ expression: "0 15 2 * * ?", next_at: new Date("2001-01-01T02:15:00Z") }]);
  await save({ type: "once" });
  expect(await statusOf(world, jobId)).toBe("stopped");
});

test("a deleted job is gone with its plan, and what runs of it goes on to its end", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const world = await engineWorld(async (_, context) => {
    const succeeded = mayEnd.then(() => ({ state: "succeeded" }) as const);
    return await Promise.race([succeeded, untilAborted(context)]);
  });
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a"), node("b", ["a"])] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await expect.poll(() => world.nodeStates(id)).toBe("a:running b:waiting");
  await engine.deleteJob({ projectId: world.projectId, jobId, by: "ann" });
  await expect(engine.deleteJob({ projectId: world.projectId, jobId, by: "ann" })).rejects.toMatchObject({
    code: "job-missing",
  });
  await engine.stop();
  // Another process knows the definition only from the database.
  const next = await world.newEngine();
  await next.start();
  await expect.poll(() => world.nodeStates(id)).toBe("a:running b:waiting");
  end();
  expect(await world.ended(id)).toBe("succeeded");
  expect(await world.nodeStates(id)).toBe("a:succeeded b:succeeded");
});

test("a real-time job is kept alive through exits until it is stopped", async () => {
  const tries: number[] = [];
  const exits: (() => void)[] = [];
  const world = await engineWorld(async (work, context) => {
    tries.push(work.attempt);
    const exit = new Promise<void>((resolve) => {
      exits.push(resolve);
    });
    await Promise.race([exit, untilAborted(context)]);
    return { state: "failed", message: "it fell" };
  });
  world.setTime(new Date("2001-01-01T00:00:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({
    kind: "real-time",
    settings: { upSeconds: 0 },
    nodes: [node("a"), node("b", ["a"])],
  });
  await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
  await engine.startJob({ projectId: world.projectId, jobId, by: "x" });
  await expect.poll(() => statusOf(world, jobId)).toBe("normal");
  const [instance] = await instancesOf(world, jobId);
  expect(tries).toEqual([1, 1]);
  exits[0]?.();
  await expect.poll(() => statusOf(world, jobId)).toBe("exception");
  world.setTime(new Date("2001-01-01T00:00:01Z"));
  engine.wake();
  await expect.poll(() => statusOf(world, jobId)).toBe("normal");
  expect(tries).toEqual([1, 1, 2]);
  await engine.stopJob({ projectId: world.projectId, jobId, by: "ann" });
  await expect.poll(() => statusOf(world, jobId)).toBe("stopped");
  expect(await world.ended(instance?.id ?? 0)).toBe("stopped");
  const again = engine.restartInstance({
    projectId: world.projectId,
    instanceId: instance?.id ?? 0,
    by: "ann",
  });
  await expect(again).rejects.toMatchObject({ code: "instance-state" });
  const { rows } = await world.database.pool.query("select outcome, message from attempt");
  expect(rows).toEqual([{ outcome: "exited", message: "it fell" }]);
});

test("a real-time job goes on in the next process", async () => {
  const world = await engineWorld((_, context) => untilAborted(context));
  const first = await world.newEngine();
  await first.start();
  const jobId = await world.addJob({ kind: "real-time", settings: { upSeconds: 0 } });
  await first.startJob({ projectId: world.projectId, jobId, by: "x" });
  await expect.poll(() => statusOf(world, jobId)).toBe("normal");
  await first.stop();
  const second = await world.newEngine();
  await second.start();
  const [instance] = await instancesOf(world, jobId);
  await expect.poll(() => world.nodeStates(instance?.id ?? 0)).toBe("a:running");
  expect(await statusOf(world, jobId)).toBe("normal");
});

test("times that had come and were not planned are in the ledger when a job is stopped or its schedule changes", async () => {
  const world = await engineWorld();
  world.setTime(new Date("2001-01-01T00:30:00Z"));
  const engine = await world.newEngine(); // Not started: nothing is planned.
  const { pool } = world.database;
  const { projectId } = world;
  const [stopped, saved] = [
    await world.addJob({ schedule: cron(HOURLY) }),
    await world.addJob({ schedule: cron(HOURLY) }),
  ];
  for (const jobId of [stopped, saved]) await engine.startJob({ projectId, jobId, by: "x" });
  world.setTime(new Date("2001-01-01T03:30:00Z"));
  await engine.stopJob({ projectId, jobId: stopped, by: "x" });
  expect(await ledger(world, stopped)).toEqual(["01:00 skipped", "02:00 skipped", "03:00 skipped"]);
  await pool.query("update job_version set definition = definition || $1 where job_id = $2", [
    JSON.stringify({ schedule: cron("0 0 0/2 * * ?") }),
    saved,
  ]);
  await engine.scheduleSaved(pool, projectId, saved);
  // Of the old schedule alone; 02:00 is one of the new schedule, which goes on from there.
  expect(await ledger(world, saved)).toEqual(["01:00 skipped", "03:00 skipped"]);
  await engine.start();
  await expect.poll(() => ledger(world, saved)).toEqual(["01:00 skipped", "02:00 missed", "03:00 skipped"]);
  const { rows } = await pool.query(
    "select distinct reason, detail from planned_run where state = 'skipped' order by 2",
  );
  expect(rows).toEqual([
    { reason: "disabled", detail: "the job was taken out of operation" },
    { reason: "disabled", detail: "the schedule was changed before the time was planned" },
  ]);
});

test("a clock that is set back plans nothing twice", async () => {
  const world = await engineWorld();
  world.setTime(new Date("2001-01-01T00:30:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  const { projectId } = world;
  const jobId = await world.addJob({ schedule: cron(HOURLY) });
  await engine.startJob({ projectId, jobId, by: "x" });
  world.setTime(new Date("2001-01-01T01:00:01Z"));
  engine.wake();
  await expect.poll(() => states(world, jobId)).toBe("succeeded");
  world.setTime(new Date("2001-01-01T00:45:00Z"));
  await engine.stopJob({ projectId, jobId, by: "x" });
  await engine.startJob({ projectId, jobId, by: "x" });
  const { rows } = await world.database.pool.query("select next_at from schedule");
  expect(rows).toEqual([{ next_at: new Date("2001-01-01T01:00:00Z") }]);
  world.setTime(new Date("2001-01-01T02:00:01Z"));
  engine.wake();
  await expect.poll(() => ledger(world, jobId)).toEqual(["01:00 started", "02:00 started"]);
  await expect.poll(() => states(world, jobId)).toBe("succeeded succeeded");
});

test("a long downtime is worked off in bounded pieces, and other schedules have their turn in between", async () => {
  const world = await engineWorld();
  world.setTime(new Date("2001-01-01T00:00:00Z"));
  const engine = await world.newEngine();
  const { projectId } = world;
  const seconds = await world.addJob({ schedule: cron("* * * * * ?") });
  const hours = await world.addJob({ schedule: cron(HOURLY) });
  for (const jobId of [seconds, hours]) await engine.startJob({ projectId, jobId, by: "x" });
  world.setTime(new Date("2001-01-01T04:00:00Z"));
  await engine.start();
  await expect.poll(async () => (await ledger(world, hours)).at(-1)).toBe("04:00 started");
  const count = async (state: string) => {
    const { rows } = await world.database.pool.query<{ count: number }>(
      "select count(*)::integer as count from planned_run where job_id = $1 and state = $2",
      [seconds, state],
    );
    return rows[0]?.count;
  };
  const patience = { timeout: 20_000 }; // For a busy machine.
  await expect.poll(() => count("started"), patience).toBe(61);
  expect(await count("missed")).toBe(4 * 3600 - 61);
  const seen: number[] = [];
  await world.observed((one) => {
    if (one.event === "planned-runs-missed" && one.jobId === seconds) seen.push(one.count);
    return seen.reduce((sum, some) => sum + some, 0) === 4 * 3600 - 61;
  });
  expect(Math.max(...seen)).toBeLessThanOrEqual(5_000);
});
