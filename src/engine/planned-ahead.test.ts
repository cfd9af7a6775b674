/** Times that are planned a moment ahead: what begins when, and what takes a planned run back. */
import { expect, test } from "vitest";
import { type EngineWorld, engineWorld, node } from "../../test/setup/engine-world.ts";
import { saveCalendar } from "../catalog/calendars.ts";
import { shownAt } from "../domain/instance.ts";
import type { JobNode } from "../domain/job.ts";
import type { JobSettings } from "../domain/job-settings.ts";
import type { Caller } from "../domain/user.ts";
import { findInstance } from "../store/instances.ts";
import { listLedger } from "../store/ledger.ts";
import { createDefinitions } from "./definitions.ts";
import type { Engine } from "./operations.ts";
import { explainInstance } from "./why.ts";

const TIME = new Date("2001-01-01T01:00:00Z");
const BEFORE = new Date(TIME.getTime() - 1_000);
const AFTER = new Date(TIME.getTime() + 200);
/** A Monday. */
const MONDAYS_OFF = { name: "office", weekdays: [3, 4, 5, 6], holidays: [], workdays: [] };
const EVERY_DAY = { name: "office", weekdays: [1, 2, 3, 4, 5, 6, 7], holidays: [], workdays: [] };

/** The lines of a job's ledger, the earliest first, as `01:00:00 started`, with the reason of what did not start. */
async function ledger({ projectId, database }: EngineWorld, jobId: number): Promise<string[]> {
  const filter = { workspaceId: "default", jobId };
  const lines = await listLedger(database.pool, projectId, filter, { limit: 100 });
  return lines
    .reverse()
    .map(({ plannedAt, state, reason }) =>
      [plannedAt.toISOString().slice(11, 19), state, ...(reason === null ? [] : [reason])].join(" "),
    );
}

async function instancesOf({ database }: EngineWorld, jobId: number) {
  const { rows } = await database.pool.query<{
    id: number;
    state: string;
    version: number;
    started: Date | null;
  }>(
    `select i.id, i.state, i.job_version as version, min(n.started_at) as started
     from instance i left join node_run n on n.project_id = i.project_id and n.instance_id = i.id
     where i.job_id = $1 group by 1, 2, 3 order by 1`,
    [jobId],
  );
  return rows;
}

/** A job in operation whose run of one o'clock was just planned, a second before. */
async function plannedWorld(
  run?: Parameters<typeof engineWorld>[0],
  {
    expression = "0 0 * * * ?",
    settings = {},
    nodes = [node("a")],
  }: { expression?: string; settings?: JobSettings; nodes?: readonly JobNode[] } = {},
) {
  const world = await engineWorld(run);
  world.setTime(BEFORE);
  const engine = await world.newEngine();
  await engine.start();
  const cron = { expression, zone: "UTC", afterOwnPrevious: false };
  const jobId = await world.addJob({ schedule: { type: "cron", cron }, settings, nodes });
  const caller = {
    projectId: world.projectId,
    userName: "ann",
  } as Caller; // Of a caller, calendars ask no more.
  const putCalendar = (calendar: typeof EVERY_DAY) =>
    saveCalendar(
      { pool: world.database.pool, now: () => BEFORE, workspacesOnFirstUse: false },
      caller,
      { projectId: world.projectId, workspaceId: "default" },
      calendar,
    );
  if (settings.calendar !== undefined) await putCalendar(EVERY_DAY);
  const request = { projectId: world.projectId, jobId, by: "ann" };
  await engine.startJob(request);
  await expect.poll(() => ledger(world, jobId)).toEqual(["01:00:00 started"]);
  return { world, engine, jobId, request, putCalendar };
}

/** From a moment after the planned time on. */
function goOn(world: EngineWorld, engine: Engine): void {
  world.setTime(AFTER);
  engine.wake();
}

test("a run that is planned ahead waits for its time, begins with it, and is on time", async () => {
  const { world, engine, jobId } = await plannedWorld();
  const { projectId, database } = world;
  const [planned] = await instancesOf(world, jobId);
  const instanceId = planned?.id ?? 0;
  const instance = await findInstance(database.pool, projectId, instanceId);
  expect(instance).toMatchObject({ createdAt: TIME, startedAt: TIME });
  expect(instance && shownAt(instance, BEFORE)).toMatchObject({ state: "waiting", startedAt: null });
  expect(instance && shownAt(instance, TIME)).toBe(instance);
  const why = { db: database.pool, definitions: createDefinitions(database.pool), now: () => BEFORE };
  expect(await explainInstance(why, projectId, instanceId)).toEqual({
    state: "waiting",
    blockers: [{ kind: "not-due", nextAt: TIME }],
    running: [],
  });
  engine.wake();
  world.setTime(new Date(TIME.getTime() - 1));
  engine.wake();
  expect(await world.nodeStates(instanceId)).toBe("a:ready");
  // Nobody wakes it.
  world.setTime(TIME);
  expect(await world.ended(instanceId)).toBe("succeeded");
  expect(await instancesOf(world, jobId)).toMatchObject([{ state: "succeeded", started: TIME }]);
  expect(await world.observed(({ event }) => event === "planned-run-started")).toMatchObject({
    jobId,
    plannedAt: TIME,
    lateMilliseconds: 0,
  });
});

test.each<[string, (planned: Awaited<ReturnType<typeof plannedWorld>>) => Promise<unknown>, string[]]>([
  ["a stop", ({ engine, request }) => engine.stopJob(request), []],
  ["a deletion", ({ engine, request }) => engine.deleteJob(request), []],
  ["a pause", ({ engine, request }) => engine.pauseSchedule(request), ["01:00:00 skipped disabled"]],
  [
    "a freeze",
    ({ engine, request }) => engine.freezeRuns({ ...request, from: TIME, to: AFTER }),
    ["01:00:00 started"],
  ],
  ["a calendar", ({ putCalendar }) => putCalendar(MONDAYS_OFF), ["01:00:00 skipped calendar"]],
  [
    "a new version",
    async ({ world, engine, request: { projectId, jobId } }) => {
      await world.database.pool.query(
        `with newer as (update job set version = 2 where id = $1)
         insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
         select project_id, job_id, 2, definition, document, created_at, created_by from job_version where job_id = $1`,
        [jobId],
      );
      await engine.scheduleSaved(world.database.pool, projectId, jobId);
    },
    ["01:00:00 started"],
  ],
])("%s takes back what was planned ahead, and the time is decided anew", async (name, act, lines) => {
  const planned = await plannedWorld(undefined, { settings: { calendar: "office" } });
  const { world, engine, jobId } = planned;
  const [before] = await instancesOf(world, jobId);
  await act(planned);
  const { pool } = world.database;
  expect(await findInstance(pool, world.projectId, before?.id ?? 0)).toBeUndefined();
  expect((await pool.query("select from node_run where instance_id = $1", [before?.id])).rows).toEqual([]);
  goOn(world, engine);
  await expect.poll(() => ledger(world, jobId)).toEqual(lines);
  const runs = name === "a freeze" ? ["frozen 1"] : name === "a new version" ? ["succeeded 2"] : [];
  await expect
    .poll(async () => (await instancesOf(world, jobId)).map(({ state, version }) => `${state} ${version}`))
    .toEqual(runs);
});

test("a job that is stopped and started again runs once", async () => {
  const { world, engine, jobId, request } = await plannedWorld();
  await engine.stopJob(request);
  await engine.startJob(request);
  goOn(world, engine);
  await expect.poll(() => ledger(world, jobId)).toEqual(["01:00:00 started"]);
  await expect
    .poll(() => instancesOf(world, jobId))
    .toEqual([expect.objectContaining({ state: "succeeded" })]);
});

test.each([
  ["skips its first node", [{ act: "skip-node", node: "a" }], "b"],
  ["stops it and runs it again", [{ act: "stop" }, { act: "rerun" }], "a"],
] as const)("nothing of a planned run begins before its time where somebody %s", async (_, acts, first) => {
  const ran: string[] = [];
  const nodes = [node("a"), node("b", ["a"])];
  const { world, engine, jobId } = await plannedWorld(
    async ({ nodeName }) => {
      ran.push(nodeName);
      return { state: "succeeded" };
    },
    { nodes },
  );
  const [planned] = await instancesOf(world, jobId);
  const request = { projectId: world.projectId, instanceId: planned?.id ?? 0, by: "ann" };
  for (const act of acts) await engine.operate(request, act);
  const { rows } = await world.database.pool.query(
    "select ready_at from node_run where instance_id = $1 and state = 'ready'",
    [request.instanceId],
  );
  expect(rows).toEqual([{ ready_at: TIME }]);
  engine.wake();
  await engine.operate(request, { act: "pause" }); // A call later: what could be claimed would have been.
  expect(ran).toEqual([]);
  await engine.operate(request, { act: "resume" });
  goOn(world, engine);
  await expect.poll(() => instancesOf(world, jobId)).toMatchObject([{ state: "succeeded" }]);
  expect(ran[0]).toBe(first);
});

test("what was claimed stays, whatever a server whose clock is behind does meanwhile", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const { world, engine, jobId, request } = await plannedWorld(async () => {
    await mayEnd;
    return { state: "succeeded" };
  });
  const [planned] = await instancesOf(world, jobId);
  const behind = await world.newEngine({ now: () => BEFORE, roles: [] });
  goOn(world, engine);
  await expect.poll(() => world.nodeStates(planned?.id ?? 0)).toBe("a:running");
  await behind.pauseSchedule(request);
  end();
  expect(await world.ended(planned?.id ?? 0)).toBe("succeeded");
  expect(await ledger(world, jobId)).toEqual(["01:00:00 started"]);
  const { rows } = await world.database.pool.query("select next_at from schedule");
  expect(rows).toEqual([{ next_at: new Date("2001-01-01T02:00:00Z") }]);
});

test("only so many are planned ahead as may run at a time; the next is decided when it is due", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const { world, engine, jobId } = await plannedWorld(
    async () => {
      await mayEnd;
      return { state: "succeeded" };
    },
    { expression: "* * * * * ?", settings: { overlap: 1, overlapPolicy: "skip" } },
  );
  engine.wake();
  world.setTime(TIME);
  engine.wake();
  await expect
    .poll(async () => (await instancesOf(world, jobId)).map(({ started }) => started))
    .toEqual([TIME]);
  expect(await ledger(world, jobId)).toEqual(["01:00:00 started"]);
  world.setTime(new Date(TIME.getTime() + 1_000));
  engine.wake();
  await expect.poll(() => ledger(world, jobId)).toEqual(["01:00:00 started", "01:00:01 skipped overlap"]);
  end();
});

test("a worker on another server begins at the time what a scheduler planned ahead", async () => {
  const world = await engineWorld();
  world.setTime(BEFORE);
  const scheduler = await world.newEngine({ roles: ["scheduler"] });
  const worker = await world.newEngine({ roles: ["worker"] });
  for (const engine of [worker, scheduler]) await engine.start();
  const cron = { expression: "0 0 * * * ?", zone: "UTC", afterOwnPrevious: false };
  const jobId = await world.addJob({
    nodes: [node("a"), node("b", ["a"])],
    schedule: { type: "cron", cron },
  });
  await scheduler.startJob({ projectId: world.projectId, jobId, by: "ann" });
  await expect.poll(() => ledger(world, jobId)).toEqual(["01:00:00 started"]);
  const [planned] = await instancesOf(world, jobId);
  expect(await world.nodeStates(planned?.id ?? 0)).toBe("a:ready b:waiting");
  world.setTime(TIME);
  expect(await world.ended(planned?.id ?? 0)).toBe("succeeded");
  expect(await instancesOf(world, jobId)).toMatchObject([{ started: TIME }]);
});

test("a clock that is set back holds what was planned ahead until it comes there again, and plans nothing twice", async () => {
  const { world, engine, jobId } = await plannedWorld();
  world.setTime(new Date(TIME.getTime() - 600_000));
  engine.wake();
  world.setTime(BEFORE);
  engine.wake();
  const [planned] = await instancesOf(world, jobId);
  expect(await world.nodeStates(planned?.id ?? 0)).toBe("a:ready");
  goOn(world, engine);
  expect(await world.ended(planned?.id ?? 0)).toBe("succeeded");
  expect(await ledger(world, jobId)).toEqual(["01:00:00 started"]);
  expect(await instancesOf(world, jobId)).toHaveLength(1);
});
