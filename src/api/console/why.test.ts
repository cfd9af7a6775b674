/** "Why is it not running?", asked of real instances and jobs that wait for every kind of reason. */
import { expect, test } from "vitest";
import { FOREIGN, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { type NodeWords, nodes } from "../../../test/setup/job-nodes.ts";

async function setup() {
  const world = await factoryWorld();
  await world.startEngine();
  const { ok } = world;
  const save = (name: string, list: readonly NodeWords[], members: object = {}) =>
    ok("POST", "/jobs", { body: jobBody(name, { nodes: nodes(...list), ...members }) });
  return {
    ...world,
    save,
    run: async (name: string): Promise<number> =>
      (await ok("POST", `/jobs/${name}/run-immediate`)).json.instanceId,
    act: (id: number, act: string, members: object = {}) =>
      ok("POST", `/api/instances/${id}/acts`, { role: "member", body: { act, ...members } }),
    why: async (id: number) => (await ok("GET", `/api/instances/${id}/why`, { role: "reader" })).json,
    whyJob: async (name: string) => (await ok("GET", `/api/jobs/${name}/why`, { role: "reader" })).json,
  };
}

const cron = (members: object = {}) => ({
  schedule: {
    type: "CRON",
    cron: {
      expression: "0 0 * * * ?",
      expressionTimeZone: "UTC",
      startTime: "2020-01-01T00:00:00Z",
      ...members,
    },
  },
});

test("nodes say what runs before them, who holds them, and when they are tried again", async () => {
  const { save, run, act, why, held, clock } = await setup();
  await save("j", [
    ["a", "Hold"],
    ["b", "Dummy", "a"],
    ["c", "Dummy", "a"],
    ["f", "Fail", "", { retryTimes: 2, retryInterval: 60 }],
  ]);
  const id = await run("j");
  await held.running(id, "a");
  await act(id, "pause-node", { node: "c" });
  await expect.poll(async () => JSON.stringify(await why(id))).toContain("tried again");
  const { state, blockers, running } = await why(id);
  expect({ state, running }).toMatchObject({ state: "running", running: [{ node: "a", attempt: 1 }] });
  const before = { kind: "predecessors", holders: [] };
  expect(blockers).toMatchObject([
    { ...before, node: "b", sentence: 'Node "b" waits for "a" (running).' },
    {
      kind: "node-held",
      node: "c",
      by: "member-user",
      sentence: expect.stringContaining('"c" is held back by member-user'),
    },
    { ...before, node: "c" },
    {
      kind: "retry",
      node: "f",
      until: expect.stringMatching(/^2026-11-23T06:55/),
      sentence: expect.stringContaining("because it failed: no luck"),
    },
  ]);
  expect(blockers[3].until > clock.now.toISOString()).toBe(true);
});

test("a real-time node that is held after too many ends says so, and what helps", async () => {
  const { save, ok, why, pool } = await setup();
  await save("rt", [["a", "Fail", "", { properties: [{ name: "azalai.restartsMax", value: "0" }] }]], {
    processType: "REAL_TIME",
  });
  await ok("POST", "/jobs/rt/start", { body: {} });
  const { rows } = await pool.query<{ id: number }>("select id from instance");
  await expect.poll(async () => (await why(rows[0]?.id ?? 0)).blockers[0]?.kind).toBe("restarts-held");
  const [blocker] = (await why(rows[0]?.id ?? 0)).blockers;
  expect(blocker).toMatchObject({ node: "a", until: null, sentence: expect.stringContaining("no luck") });
});

test("paused and suspended instances name who or what, and an ended one has no blockers", async () => {
  const { save, run, act, why, held } = await setup();
  await save("j", [["a", "Hold"]]);
  await save("s", [["a", "Fail", "", { failPolicy: "SUSPEND" }]]);
  const id = await run("j");
  await held.running(id, "a");
  await act(id, "pause");
  const sentence = "It was paused by member-user at 2026-11-23 06:54:27 UTC; resume it to let it go on.";
  expect((await why(id)).blockers).toMatchObject([{ kind: "paused", by: "member-user", sentence }]);
  await act(id, "stop");
  await expect.poll(() => why(id)).toEqual({ state: "stopped", blockers: [], running: [] });
  const suspended = await run("s");
  await expect.poll(async () => (await why(suspended)).state).toBe("suspended");
  const [blocker] = (await why(suspended)).blockers;
  expect(blocker).toMatchObject({ kind: "suspended", sentence: expect.stringContaining("no luck") });
});

test("a node without a slot names the limit and who is in it", async () => {
  const { save, run, why, held, ok } = await setup();
  await save("j", [["a", "Hold"]]);
  await ok("PUT", "/api/limits", { body: { slots: 1 } });
  const first = await run("j");
  await held.running(first, "a");
  const second = await run("j");
  const [blocker] = (await why(second)).blockers;
  expect(blocker).toMatchObject({
    kind: "limit",
    node: "a",
    limit: expect.any(Number),
    holders: [{ instance: first, job: "j", node: "a" }],
    sentence: `Node "a" finds no free slot of the limit of workspace "default" (1); in use by "a" of instance ${first} ("j").`,
  });
});

test("a node that no server takes says whether there is none, or that all are busy", async () => {
  const { save, run, why, held, pool } = await setup();
  await save("fan", [
    ...Array.from({ length: 50 }, (_, n): NodeWords => [`h${n}`, "Hold"]),
    ["last", "Dummy", Array.from({ length: 50 }, (_, n) => `h${n}`).join(" ")],
  ]);
  await save("j", [["a", "Hold"]]);
  const full = await run("fan");
  await Promise.all(Array.from({ length: 50 }, (_, n) => held.running(full, `h${n}`)));
  const id = await run("j");
  const [blocker] = (await why(id)).blockers;
  expect(blocker).toMatchObject({ kind: "servers-busy", node: "a" });
  expect(blocker.sentence).toContain(
    '1 server: 50 nodes of the kind "process" run, the longest "h0" of instance',
  );
  await pool.query("update server set roles = '{api}'");
  expect((await why(id)).blockers).toMatchObject([{ kind: "no-worker", node: "a" }]);
});

test("a scheduled run names the run of the other job that it waits for, and that has failed it", async () => {
  const { save, ok, why, clock, engine, held, pool } = await setup();
  await save("up", [["a", "Hold"]], cron());
  const dependJobs = { jobs: ["up"], dependPeriod: "SAME_PERIOD", dependFailPolicy: "SUSPEND" };
  await save("down", [["a", "Dummy"]], cron({ dependJobs, intervalType: "hours" }));
  for (const name of ["up", "down"]) await ok("POST", `/jobs/${name}/start`, { body: {} });
  clock.now = new Date("2026-11-23T07:00:00Z");
  engine.wake();
  const instanceOf = async (name: string) =>
    (await pool.query<{ id: number }>("select id from instance where job_name = $1", [name])).rows[0]?.id ??
    0;
  await expect.poll(() => instanceOf("up")).toBeGreaterThan(0);
  await expect.poll(() => instanceOf("down")).toBeGreaterThan(0);
  const [up, down] = [await instanceOf("up"), await instanceOf("down")];
  await held.running(up, "a");
  const waits = `It waits for the run of "up" (workspace default) planned for 2026-11-23 07:00:00 UTC: instance ${up} is running.`;
  await expect.poll(async () => (await why(down)).blockers[0]?.sentence).toBe(waits);
  expect((await why(down)).blockers[0].holders).toMatchObject([{ instance: up, job: "up" }]);
  await ok("POST", `/jobs/up/instances/${up}/stop`);
  await expect
    .poll(async () => (await why(down)).blockers[0]?.sentence)
    .toMatch(/^It is held back by the run of "up".* A success of that run lets it go on\.$/);
});

test("a run beyond those that may run at a time names them", async () => {
  const { save, ok, why, clock, engine, held, pool } = await setup();
  await save("j", [["a", "Hold"]], {
    ...cron(),
    basicConfig: { customFields: { "azalai.overlap": "1" } },
  });
  await ok("POST", "/jobs/j/start", { body: {} });
  const ids = async () =>
    (await pool.query<{ id: number }>("select id from instance order by id")).rows.map(({ id }) => id);
  for (const hour of ["07", "08"]) {
    clock.now = new Date(`2026-11-23T${hour}:00:00Z`);
    engine.wake();
    await expect.poll(ids).toHaveLength(Number(hour) - 6);
  }
  const [first = 0, second = 0] = await ids();
  await held.running(first, "a");
  expect((await why(second)).blockers).toMatchObject([
    { kind: "overlap", holders: [{ instance: first }], sentence: expect.stringContaining("and 1 may be") },
  ]);
});

test("a job says when it runs next, that it is paused and by whom, or that nobody started it", async () => {
  const { save, ok, whyJob, engine, call, pool } = await setup();
  await save("j", [["a", "Dummy"]], cron());
  expect(await whyJob("j")).toMatchObject({ status: "stopped", blockers: [{ kind: "not-in-operation" }] });
  await ok("POST", "/jobs/j/start", { body: {} });
  expect(await whyJob("j")).toMatchObject({
    status: "scheduling",
    blockers: [{ kind: "not-due", until: "2026-11-23T07:00:00.000Z" }],
    unended: [],
  });
  const { rows } = await pool.query<{ id: number }>("select id from job where name = 'j'");
  await engine.pauseSchedule({ projectId: PROJECT, jobId: rows[0]?.id ?? 0, by: "ann" });
  expect((await whyJob("j")).blockers[0]).toMatchObject({ kind: "schedule-paused", by: "ann" });
  expect((await call("GET", "/api/jobs/none/why")).json.code).toBe("job-missing");
});

test("a job that waits for files says where", async () => {
  const { save, ok, whyJob } = await setup();
  const event = { eventType: "OBS", channel: "obs://inbox/new/" };
  await save("j", [["a", "Dummy"]], { schedule: { type: "EVENT", event } });
  await ok("POST", "/jobs/j/start", { body: {} });
  const [blocker] = (await whyJob("j")).blockers;
  expect(blocker).toMatchObject({ kind: "no-event", sentence: expect.stringContaining("obs://inbox/new;") });
});

/** A backfill of one hourly job, and one with a daily job that waits for its hours, on an engine that holds their nodes. */
async function setupBackfill(members: object = {}) {
  const world = await factoryWorld();
  await world.startEngine();
  const { ok } = world;
  const schedule = (expression: string, more: object = {}) => ({
    type: "CRON",
    cron: { startTime: "2030-01-01T00:00:00Z", expression, ...more },
  });
  const save = (name: string, when: object) =>
    ok("POST", "/jobs", { body: jobBody(name, { nodes: nodes(["a", "Hold"]), schedule: when }) });
  await save("hours", schedule("0 0 * * * ?"));
  await save("days", schedule("0 0 0 * * ?", { intervalType: "days", dependJobs: { jobs: ["hours"] } }));
  const range = { name: "b", job: "hours", from: "2001-01-01T00:00:00Z", to: "2001-01-01T03:00:00Z" };
  await ok("POST", "/api/backfills", { role: "member", body: { ...range, ...members } });
  return {
    ...world,
    why: async () => (await ok("GET", "/api/backfills/b/why", { role: "reader" })).json,
    kinds: async () => {
      const { blockers } = (await ok("GET", "/api/backfills/b/why")).json;
      return blockers.map(({ kind }: { kind: string }) => kind);
    },
  };
}

test("a backfill says what runs of it, how much may, who paused it, and what it waits for to end", async () => {
  const { why, kinds, ok, call } = await setupBackfill();
  await expect.poll(kinds).toEqual(["parallel"]);
  const { state, progress, blockers, running } = await why();
  expect({ state, progress }).toMatchObject({ state: "running", progress: { planned: 3, running: 1 } });
  expect(running).toMatchObject([{ job: "hours", plannedAt: "2001-01-01T00:00:00.000Z" }]);
  expect(blockers[0]).toMatchObject({
    sentence: `It may run 1 run at a time, and does: instance ${running[0].instance} of "hours".`,
    holders: [{ instance: running[0].instance, job: "hours" }],
  });
  await ok("POST", "/api/backfills/b/pause");
  expect((await why()).blockers).toMatchObject([
    {
      kind: "paused",
      by: expect.any(String),
      sentence: expect.stringMatching(/^It was paused by .+ resume/),
    },
  ]);
  await ok("POST", "/api/backfills/b/cancel", { body: { running: "leave" } });
  await expect.poll(kinds).toEqual(["ending"]);
  expect((await why()).blockers[0].sentence).toMatch(/^Nothing more is started: cancelled by .+ instance/);
  expect((await call("GET", "/api/backfills/c/why")).json.code).toBe("backfill-missing");
});

test("a backfill says when its window opens, and which of its times wait for others of it", async () => {
  const closed = await setupBackfill({ runWindow: { timeOfDay: "22:00-23:00" } });
  await expect.poll(closed.kinds).toEqual(["run-window"]);
  expect((await closed.why()).blockers[0].until).toMatch(/^2026-11-23T22:00/);
  const dependents = [{ job: "days" }];
  const ordered = await setupBackfill({ parallel: 30, dependents, to: "2001-01-02T00:00:00Z" });
  await expect.poll(ordered.kinds).toEqual(["order"]);
  expect((await ordered.why()).blockers[0].sentence).toBe(
    'The run of "days" planned for 2001-01-01 00:00:00 UTC waits for those of "hours" from 2001-01-01 00:00:00 UTC on.',
  );
});

test("a backfill without a server that plans says so", async () => {
  const { ok } = await factoryWorld();
  const cron = { startTime: "2030-01-01T00:00:00Z", expression: "0 0 * * * ?" };
  const members = { nodes: nodes(["a", "Dummy"]), schedule: { type: "CRON", cron } };
  await ok("POST", "/jobs", { body: jobBody("j", members) });
  const body = { name: "b", job: "j", from: "2001-01-01T00:00:00Z", to: "2001-01-02T00:00:00Z" };
  await ok("POST", "/api/backfills", { role: "member", body });
  const { state, blockers } = (await ok("GET", "/api/backfills/b/why")).json;
  expect([state, ...blockers.map(({ kind }: { kind: string }) => kind)]).toEqual([
    "planning",
    "no-scheduler",
    "planning",
  ]);
});

test("another project's instance is not there", async () => {
  const { call, pool } = await setup();
  await pool.query(
    `insert into instance (project_id, workspace_id, job_name, origin, state, left_sinks, node_count, planned_at,
       created_at, created_by)
     values ($1, 'default', 'theirs', 'manual', 'waiting', 1, 1, now(), now(), 'them')`,
    [FOREIGN],
  );
  const { rows } = await pool.query<{ id: number }>("select id from instance where project_id = $1", [
    FOREIGN,
  ]);
  expect((await call("GET", `/api/instances/${rows[0]?.id}/why`)).json.code).toBe("instance-missing");
  expect((await call("GET", "/api/instances/x/why")).status).toBe(404);
});
