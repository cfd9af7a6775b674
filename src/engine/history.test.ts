/** The periods of the history on a real database and engine: the turn, instances on both sides of it, late reruns. */
import { expect, onTestFinished, test } from "vitest";
import { engineWorld, type TestWork } from "../../test/setup/engine-world.ts";
import { listHistoryPartitions } from "../store/history.ts";
import { listInstances } from "../store/instance-lists.ts";
import { createHistoryKeeper } from "./history.ts";

const BEGIN = new Date("2026-11-02T00:00:00Z");
const HOUR_MS = 3600_000;
const PERIOD_IDS = 2 ** 30;

async function setup(work?: TestWork) {
  const world = await engineWorld(work);
  const { pool } = world.database;
  let time = BEGIN;
  const newKeeper = () => {
    const keeper = createHistoryKeeper({ pool, now: () => time, observe: () => undefined, periodDays: 7 });
    onTestFinished(() => keeper.stop());
    keeper.start();
    return keeper;
  };
  const keeper = newKeeper();
  await keeper.round();
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({});
  const run = () => engine.runNow({ projectId: world.projectId, jobId, by: "ann" });
  const passHours = async (hours: number) => {
    time = new Date(time.getTime() + hours * HOUR_MS);
    await keeper.round();
  };
  const partitions = async () =>
    (await listHistoryPartitions(pool)).map(({ k, beganAt, closed }) => [
      k,
      beganAt && (beganAt.getTime() - BEGIN.getTime()) / HOUR_MS,
      closed,
    ]);
  return { ...world, pool, engine, run, newKeeper, passHours, partitions };
}

test("a period that is over is followed by the next, whose ids begin anew, and is closed when its instances have ended", async () => {
  const { run, ended, passHours, partitions } = await setup();
  const first = await run();
  expect(first).toBeLessThan(PERIOD_IDS);
  await passHours(7 * 24 - 1);
  expect(await partitions()).toEqual([
    [0, 0, false],
    [1, null, false],
  ]);
  await passHours(1);
  const second = await run();
  expect(second).toBe(PERIOD_IDS + 1);
  expect([await ended(first), await ended(second)]).toEqual(["succeeded", "succeeded"]);
  await passHours(1);
  expect(await partitions()).toEqual([
    [0, 0, true],
    [1, 168, false],
    [2, null, false],
  ]);
});

test("a list of instances planned since a time reads the periods since then, and misses none", async () => {
  const { pool, projectId, run, passHours } = await setup();
  const ids = [await run()];
  for (const days of [7, 7]) {
    await passHours(days * 24);
    ids.push(await run());
  }
  await pool.query("update instance set planned_at = began_at from history_partition where k = id >> 30");
  const since = async (hours: number) => {
    const plannedFrom = new Date(BEGIN.getTime() + hours * HOUR_MS);
    const filter = { workspaceId: "default", plannedFrom };
    const { instances, total } = await listInstances(pool, projectId, filter, { offset: 0, limit: 10 });
    expect(total).toBe(instances.length);
    return instances.map(({ id }) => id);
  };
  const [first, second, third] = ids;
  expect(await since(-1)).toEqual([third, second, first]);
  expect(await since(0)).toEqual([third, second, first]);
  expect(await since(168)).toEqual([third, second]);
  expect(await since(170)).toEqual([third]);
  expect(await since(400)).toEqual([]);
});

test("a period in which nothing was started goes on", async () => {
  const { passHours, partitions } = await setup();
  await passHours(400);
  expect(await partitions()).toEqual([
    [0, 0, false],
    [1, null, false],
  ]);
});

test("a period stays open as long as an instance of it has not ended, and is opened by one that is begun anew", async () => {
  const begun = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  let fails = true;
  const { engine, projectId, run, observed, passHours, partitions } = await setup(async () => {
    if (!fails) return { state: "succeeded" };
    begun.resolve();
    await told.promise;
    return { state: "failed", message: "not yet" };
  });
  const instanceId = await run();
  const inState = (state: string) =>
    observed((one) => one.event === "instance-ended" && one.instanceId === instanceId && one.state === state);
  await begun.promise;
  await passHours(7 * 24);
  await passHours(1);
  expect((await partitions())[0]).toEqual([0, 0, false]);
  told.resolve();
  await inState("failed");
  await passHours(1);
  expect((await partitions())[0]).toEqual([0, 0, true]);
  fails = false;
  await engine.restartInstance({ projectId, instanceId, by: "ann" });
  expect((await partitions())[0]).toEqual([0, 0, false]);
  await inState("succeeded");
});

test("an instance that turned up in a closed period is found, and runs", async () => {
  const { pool, run, ended, passHours, partitions } = await setup();
  await ended(await run());
  await passHours(7 * 24);
  await passHours(1);
  await pool.query("begin; select setval('instance_id', 100); commit");
  await pool.query("update history_partition set closed = true");
  const late = await run();
  expect(late).toBe(101);
  await passHours(1);
  expect((await partitions())[0]).toEqual([0, 0, false]);
  expect(await ended(late)).toBe("succeeded");
});

test("several servers turn to the next period together", async () => {
  const { run, newKeeper, passHours, partitions, pool } = await setup();
  await run();
  const others = [newKeeper(), newKeeper(), newKeeper()];
  await Promise.all([passHours(200), ...others.map((keeper) => keeper.round())]);
  await Promise.all(others.map((keeper) => keeper.round()));
  expect((await partitions()).map(([k]) => k)).toEqual([0, 1, 2]);
  const { rows } = await pool.query("select last_value from instance_id");
  expect(rows).toEqual([{ last_value: PERIOD_IDS }]);
});

test("ids that run over into the next period before its time are its beginning", async () => {
  const { run, ended, passHours, partitions, pool } = await setup();
  await pool.query("select setval('instance_id', $1)", [PERIOD_IDS - 1]);
  expect(await ended(await run())).toBe("succeeded");
  expect(await ended(await run())).toBe("succeeded");
  await passHours(24);
  expect(await partitions()).toEqual([
    [0, 0, false],
    [1, 24, false],
    [2, null, false],
  ]);
});

test("the ledger has its months ahead, with the lines that were there before them", async () => {
  const { pool, projectId, addJob, passHours } = await setup();
  const jobId = await addJob({});
  const times = ["2019-05-05T00:00:00Z", "2026-11-30T23:59:59Z", "2027-02-01T00:00:00Z"];
  await pool.query(
    `insert into planned_run (project_id, job_id, planned_at, state, reason, decided_at)
     select $1, $2, t, 'missed', 'test', t from unnest($3::timestamptz[]) t`,
    [projectId, jobId, times],
  );
  const places = async () =>
    (
      await pool.query("select tableoid::regclass::text as place from planned_run order by planned_at")
    ).rows.map(({ place }) => place);
  expect(await places()).toEqual(["planned_run_rest", "planned_run_202611", "planned_run_rest"]);
  await passHours(30 * 24);
  expect(await places()).toEqual(["planned_run_rest", "planned_run_202611", "planned_run_202702"]);
});
