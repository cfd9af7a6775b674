/** Runs that wait for runs of other jobs: which they are, and what becomes of those that wait. */
import { expect, test } from "vitest";
import { type EngineWorld, engineWorld, type TestWork } from "../../test/setup/engine-world.ts";

const DAILY = "0 30 0 * * ?";
const HOURLY = "0 0 * * * ?";

/** A world with jobs that stand for each other, at 2001-01-01T00:15Z. */
async function setup(run?: TestWork) {
  const world = await engineWorld(run);
  world.setTime(new Date("2001-01-01T00:15:00Z"));
  const engine = await world.newEngine();
  await engine.start();
  const { pool } = world.database;
  const { projectId } = world;
  const addJob = (name: string, expression: string, afterOwnPrevious = false) =>
    world.addJob({ schedule: { type: "cron", cron: { expression, zone: "UTC", afterOwnPrevious } } }, name);
  const waitFor = (jobId: number, upstreamId: number, failPolicy = "fail", periods = 0) =>
    pool.query(
      "insert into job_dependency (project_id, job_id, upstream_id, fail_policy, periods) values ($1, $2, $3, $4, $5)",
      [projectId, jobId, upstreamId, failPolicy, periods],
    );
  const start = (jobId: number) => engine.startJob({ projectId, jobId, by: "x" });
  const clock = (time: string) => {
    world.setTime(new Date(`2001-01-${time}Z`));
    engine.wake();
  };
  return { world, engine, addJob, waitFor, start, clock };
}

async function runsOf({ database }: EngineWorld, jobId: number): Promise<string[]> {
  const { rows } = await database.pool.query<{ state: string; planned_at: Date }>(
    "select state, planned_at from instance where job_id = $1 order by planned_at, id",
    [jobId],
  );
  return rows.map(({ state, planned_at: at }) => `${at.toISOString().slice(8, 16)} ${state}`);
}

async function waitsOf({ database }: EngineWorld): Promise<string> {
  const { rows } = await database.pool.query<{ state: string; count: number }>(
    "select state, count(*)::integer as count from instance_wait group by 1 order by 1",
  );
  return rows.map(({ state, count }) => `${count} ${state}`).join(", ");
}

test("a day's run waits for the runs of all its hours, those before it was planned and those to come", async () => {
  const { world, addJob, waitFor, start, clock } = await setup();
  const hours = await addJob("hours", HOURLY);
  const day = await addJob("day", DAILY);
  await waitFor(day, hours);
  await start(hours);
  await start(day);
  clock("01T00:30:01");
  await expect.poll(() => runsOf(world, day)).toEqual(["01T00:30 waiting"]);
  // The hour 00:00 had passed before the job was started: it was never planned.
  await expect.poll(() => waitsOf(world)).toBe("23 open");
  for (let hour = 1; hour <= 22; hour += 1) {
    clock(`01T${String(hour).padStart(2, "0")}:00:01`);
    await expect.poll(() => runsOf(world, hours)).toHaveLength(hour);
  }
  await expect.poll(() => waitsOf(world)).toBe("22 met, 1 open");
  expect(await runsOf(world, day)).toEqual(["01T00:30 waiting"]);
  clock("01T23:00:01");
  await expect.poll(() => runsOf(world, day)).toEqual(["01T00:30 succeeded"]);
  expect(await waitsOf(world)).toBe("");
});

test("a run by hand stands for no planned time: who waits for one goes on waiting", async () => {
  let runs = 0;
  const { world, engine, addJob, waitFor, start, clock } = await setup(() => {
    runs += 1;
    return runs === 1 ? { state: "failed", message: "no" } : { state: "succeeded" };
  });
  const day = await addJob("day", DAILY);
  const hour = await addJob("hour", HOURLY);
  await waitFor(hour, day, "suspend");
  for (const job of [day, hour]) await start(job);
  clock("01T00:30:01");
  await expect.poll(() => runsOf(world, day)).toEqual(["01T00:30 failed"]);
  clock("01T01:00:01");
  await expect.poll(() => runsOf(world, hour)).toEqual(["01T01:00 waiting"]);
  const { projectId } = world;
  const byHand = await engine.runNow({ projectId, jobId: day, by: "x" });
  expect(await world.ended(byHand)).toBe("succeeded");
  engine.wake();
  expect(await runsOf(world, hour)).toEqual(["01T01:00 waiting"]);
  const { rows } = await world.database.pool.query<{ id: number }>(
    "select id from instance where job_id = $1 and origin = 'schedule'",
    [day],
  );
  await engine.restartInstance({ projectId, instanceId: rows[0]?.id ?? 0, by: "x" });
  await expect.poll(() => runsOf(world, hour)).toEqual(["01T01:00 succeeded"]);
});

test("an hour's run waits for the day's, and one of the period before for yesterday's", async () => {
  const { world, addJob, waitFor, start, clock } = await setup();
  const day = await addJob("day", DAILY);
  const hour = await addJob("hour", HOURLY);
  const late = await addJob("late", HOURLY);
  await waitFor(hour, day);
  await waitFor(late, day, "fail", 1);
  for (const job of [day, hour, late]) await start(job);
  clock("01T00:30:01");
  await expect.poll(() => runsOf(world, day)).toEqual(["01T00:30 succeeded"]);
  clock("01T01:00:01");
  await expect.poll(() => runsOf(world, hour)).toEqual(["01T01:00 succeeded"]);
  await expect.poll(() => runsOf(world, late)).toEqual(["01T01:00 succeeded"]);
  clock("02T00:00:30");
  await expect.poll(async () => (await runsOf(world, hour)).at(-1)).toBe("02T00:00 waiting");
  await expect.poll(async () => (await runsOf(world, late)).at(-1)).toBe("02T00:00 succeeded");
});

test.each([
  ["fail", "failed"],
  ["ignore", "succeeded"],
  ["suspend", "waiting"],
])("when a run that it waits for fails, an instance under the policy %s is %s", async (policy, state) => {
  const { world, addJob, waitFor, start, clock } = await setup((work) =>
    work.instanceId === 1 ? { state: "failed", message: "ill" } : { state: "succeeded" },
  );
  const up = await addJob("up", HOURLY);
  const down = await addJob("down", HOURLY);
  await waitFor(down, up, policy);
  await start(up);
  clock("01T01:00:01");
  await expect.poll(() => runsOf(world, up)).toEqual(["01T01:00 failed"]);
  world.setTime(new Date("2001-01-01T00:59:00Z"));
  await start(down);
  clock("01T01:00:02");
  await expect.poll(() => runsOf(world, down)).toEqual([`01T01:00 ${state}`]);
  if (policy !== "fail") return;
  const { rows } = await world.database.pool.query("select error_message from instance where job_id = $1", [
    down,
  ]);
  expect(rows).toEqual([
    {
      error_message:
        'It waited for the run of job "up" of 2001-01-01T01:00:00.000Z, which did not succeed: instance 1 failed',
    },
  ]);
});

test("a run that failed and is run again to success releases what its failure had suspended", async () => {
  let healthy = false;
  const { world, engine, addJob, waitFor, start, clock } = await setup(() =>
    healthy ? { state: "succeeded" } : { state: "failed", message: "ill" },
  );
  const up = await addJob("up", HOURLY);
  const down = await addJob("down", HOURLY);
  await waitFor(down, up, "suspend");
  await start(up);
  await start(down);
  clock("01T01:00:01");
  await expect.poll(() => runsOf(world, up)).toEqual(["01T01:00 failed"]);
  await expect.poll(() => waitsOf(world)).toBe("1 failed");
  healthy = true;
  const { rows } = await world.database.pool.query<{ id: number }>(
    "select id from instance where job_id = $1",
    [up],
  );
  await engine.restartInstance({ projectId: world.projectId, instanceId: rows[0]?.id ?? 0, by: "x" });
  await expect.poll(() => runsOf(world, down)).toEqual(["01T01:00 succeeded"]);
});

test("what waits for a time that is missed, or whose job is stopped, is told", async () => {
  const { world, engine, addJob, waitFor, start, clock } = await setup();
  const hours = await addJob("hours", HOURLY);
  const day = await addJob("day", DAILY);
  const other = await addJob("other", DAILY);
  await waitFor(day, hours);
  await waitFor(other, hours, "suspend");
  for (const job of [hours, day, other]) await start(job);
  clock("01T00:30:01");
  await expect.poll(() => waitsOf(world)).toBe("46 open");
  clock("01T02:30:00"); // 01:00 and 02:00 are noticed too late.
  await expect.poll(() => runsOf(world, day)).toEqual(["01T00:30 failed"]);
  await expect.poll(() => waitsOf(world)).toBe("2 failed, 21 open");
  await engine.stopJob({ projectId: world.projectId, jobId: hours, by: "x" });
  await expect.poll(() => waitsOf(world)).toBe("23 failed");
  await start(hours);
  await expect.poll(() => waitsOf(world)).toBe("2 failed, 21 open");
});

test("a time that was waited for and falls on a free day of the calendar is held against nobody", async () => {
  const { world, addJob, waitFor, start, clock } = await setup();
  const { projectId } = world;
  await world.database.pool.query(
    `insert into calendar (project_id, workspace_id, name, weekdays, holidays, workdays, updated_at, updated_by)
     values ($1, 'default', 'office', '{1,2,3,4,5,6,7}', '{2001-01-01}', '{}', now(), 'x')`,
    [projectId],
  );
  const cron = { expression: "0 0 1 * * ?", zone: "UTC", afterOwnPrevious: false };
  const up = await world.addJob({ schedule: { type: "cron", cron }, settings: { calendar: "office" } }, "up");
  const down = await addJob("down", DAILY);
  await waitFor(down, up);
  for (const job of [up, down]) await start(job);
  clock("01T00:30:01");
  await expect.poll(() => waitsOf(world)).toBe("1 open");
  clock("01T01:00:01");
  await expect.poll(() => runsOf(world, down)).toEqual(["01T00:30 succeeded"]);
  expect(await runsOf(world, up)).toEqual([]);
});

test("nothing is waited for of a job that is not in operation and has no run in the period", async () => {
  const { world, addJob, waitFor, start, clock } = await setup();
  const idle = await addJob("idle", HOURLY);
  const down = await addJob("down", HOURLY);
  await waitFor(down, idle);
  await start(down);
  clock("01T01:00:01");
  await expect.poll(() => runsOf(world, down)).toEqual(["01T01:00 succeeded"]);
});

test("an end that no living server told anybody of is found by the next one", async () => {
  const { world, engine, addJob, waitFor, start, clock } = await setup();
  const up = await addJob("up", HOURLY);
  const down = await addJob("down", HOURLY);
  await waitFor(down, up);
  await start(down);
  await start(up);
  await engine.stop();
  const planner = await world.newEngine({ roles: ["scheduler"] });
  await planner.start();
  clock("01T01:00:01");
  planner.wake();
  await expect.poll(() => waitsOf(world)).toBe("1 open");
  await planner.stop();
  // Runs the node; releasing is the part of a scheduler.
  const worker = await world.newEngine({ roles: ["worker"] });
  await worker.start();
  await expect.poll(() => runsOf(world, up)).toEqual(["01T01:00 succeeded"]);
  expect(await runsOf(world, down)).toEqual(["01T01:00 waiting"]);
  await worker.stop();
  const next = await world.newEngine();
  await next.start();
  await expect.poll(() => runsOf(world, down)).toEqual(["01T01:00 succeeded"]);
});

test("a run that would have to wait for too many others fails and says so, whatever its policy", async () => {
  const { world, addJob, waitFor, start, clock } = await setup();
  const seconds = await addJob("seconds", "* * * * * ?");
  const day = await addJob("day", DAILY);
  await waitFor(day, seconds, "suspend");
  await start(day);
  await start(seconds);
  await world.database.pool.query("update schedule set next_at = '2001-01-01T12:00:00Z' where job_id = $1", [
    seconds,
  ]);
  clock("01T00:30:01");
  await expect.poll(() => runsOf(world, day)).toEqual(["01T00:30 failed"]);
  const { rows } = await world.database.pool.query("select error_message from instance where job_id = $1", [
    day,
  ]);
  expect(rows[0].error_message).toMatch(/more than 10000 of its runs would have to be waited for$/);
});

test("when the upstream is saved with another schedule, its runs to come are looked up anew", async () => {
  const { world, engine, addJob, waitFor, start, clock } = await setup();
  const { pool } = world.database;
  const hours = await addJob("hours", HOURLY);
  const day = await addJob("day", DAILY);
  await waitFor(day, hours);
  await start(hours);
  await start(day);
  clock("01T00:30:01");
  await expect.poll(() => waitsOf(world)).toBe("23 open");
  const cron = { expression: "0 0 0/6 * * ?", zone: "UTC", afterOwnPrevious: false };
  await pool.query("update job_version set definition = definition || $1 where job_id = $2", [
    JSON.stringify({ schedule: { type: "cron", cron } }),
    hours,
  ]);
  await engine.scheduleSaved(pool, world.projectId, hours);
  await expect.poll(() => waitsOf(world)).toBe("3 open");
});

test("two servers that plan, run and release at the same time lose no end", async () => {
  const { world, addJob, waitFor, start, clock } = await setup();
  const other = await world.newEngine();
  await other.start();
  const often = "0 * * * * ?";
  const ups = await Promise.all(["u0", "u1", "u2", "u3", "u4", "u5"].map((name) => addJob(name, often)));
  const downs = await Promise.all(["d0", "d1", "d2", "d3"].map((name) => addJob(name, often)));
  for (const [place, down] of downs.entries())
    for (const up of ups.slice(place, place + 3)) await waitFor(down, up);
  const jobs = [...downs, ...ups];
  for (const job of jobs) await start(job);
  const planned = async () => {
    const { rows } = await world.database.pool.query("select count(*)::integer as count from planned_run");
    return rows[0].count;
  };
  const minutes = 12;
  for (let minute = 1; minute <= minutes; minute += 1) {
    clock(`01T00:${15 + minute}:01`);
    other.wake();
    await expect.poll(planned).toBe(minute * jobs.length);
  }
  const all = async () => (await Promise.all(downs.map((down) => runsOf(world, down)))).flat();
  const succeeded = (run: string) => run.endsWith("succeeded");
  const patience = { timeout: 20_000 }; // For a busy machine.
  await expect
    .poll(async () => (await all()).filter(succeeded).length, patience)
    .toBe(minutes * downs.length);
  expect(await waitsOf(world)).toBe("");
});
