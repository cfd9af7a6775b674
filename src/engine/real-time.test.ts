/** Real-time jobs on a real database: started in order, kept alive, held, moved between servers, with triggers. */
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import {
  type EngineWorld,
  engineWorld,
  node,
  type TestWork,
  untilAborted,
} from "../../test/setup/engine-world.ts";
import type { JobDefinition, JobNode } from "../domain/job.ts";
import type { NodeTrigger } from "../domain/schedule.ts";
import { createBuckets } from "../store/buckets.ts";
import { connectDirectly } from "../store/direct-connection.ts";
import { recordArrival } from "../store/file-arrivals.ts";
import { listLiveNodes } from "../store/live-nodes.ts";
import { listNodeJobs } from "../store/node-jobs.ts";

const LIVE: Partial<JobDefinition> = { kind: "real-time", settings: { upSeconds: 0 } };

async function setup(nodes: readonly JobNode[], run: TestWork, changes: Partial<JobDefinition> = {}) {
  const begun: string[] = [];
  const world = await engineWorld((work, context) => {
    begun.push(work.nodeName);
    return run(work, context);
  });
  const jobId = await world.addJob({ ...LIVE, nodes, ...changes }, "rt");
  const request = { projectId: world.projectId, jobId, by: "ann" };
  return { world, jobId, begun, request, ...looksOf(world, jobId) };
}

function looksOf(world: EngineWorld, jobId: number) {
  const { pool } = world.database;
  const { projectId } = world;
  const instance = async () =>
    (
      await pool.query<{ id: number; state: string }>(
        "select id, state from instance where job_id = $1 and origin = 'stream' order by id desc limit 1",
        [jobId],
      )
    ).rows[0];
  return {
    instance,
    status: async () =>
      (await pool.query<{ status: string }>("select status from job where id = $1", [jobId])).rows[0]?.status,
    nodes: async () => await listLiveNodes(pool, projectId, (await instance())?.id ?? 0),
    /** What runs of the node's trigger became: `started`, … */
    ledgerOf: async (name: string) => {
      const one = (await listNodeJobs(pool, projectId, jobId)).find((job) => job.node === name);
      const { rows } = await pool.query<{ state: string }>(
        "select state from planned_run where project_id = $1 and job_id = $2 order by planned_at",
        [projectId, one?.jobId ?? 0],
      );
      return rows.map(({ state }) => state);
    },
  };
}

const lives: TestWork = (_, context) => untilAborted(context);

test("nodes begin when those before them are up, and the job is normal when all are", async () => {
  const up = { "azalai.upSeconds": "3600" };
  const { world, request, begun, status, nodes } = await setup(
    [node("c", ["b"]), node("b", ["a"], { properties: up }), node("a")],
    lives,
  );
  const engine = await world.newEngine();
  await engine.start();
  await engine.startJob(request);
  await expect.poll(() => begun).toEqual(["a", "b"]);
  expect(await status()).toBe("starting");
  expect((await nodes()).map(({ state, upAt }) => [state, upAt !== null])).toEqual([
    ["running", true],
    ["running", false],
    ["waiting", false],
  ]);
  await engine.stopJob(request);
  await expect.poll(status).toBe("stopped");

  const all = await setup([node("b", ["a"]), node("a")], lives);
  const second = await all.world.newEngine();
  await second.start();
  await second.startJob(all.request);
  await expect.poll(all.status).toBe("normal");
  expect(all.begun).toEqual(["a", "b"]);
});

test("a node that exits too often is held until somebody acts", async () => {
  let broken = true;
  const { world, request, begun, status, nodes, instance } = await setup(
    [node("a", [], { properties: { "azalai.restartsMax": "0" } }), node("b", ["a"])],
    ({ nodeName }, context) =>
      nodeName === "a" && broken ? { state: "failed", message: "no disk" } : untilAborted(context),
    { settings: { upSeconds: 1 } },
  );
  const engine = await world.newEngine();
  await engine.start();
  await engine.startJob(request);
  await expect.poll(status).toBe("exception");
  expect(begun).toEqual(["a"]);
  expect((await nodes())[0]).toMatchObject({ state: "ready", inWindow: 1, message: "no disk", host: null });
  broken = false;
  const instanceId = (await instance())?.id ?? 0;
  await engine.retryNode({ ...request, node: "a" });
  await expect.poll(status).toBe("normal");
  expect(begun).toEqual(["a", "a", "b"]);
  await expect(engine.retryNode({ ...request, node: "a" })).rejects.toMatchObject({ code: "node-state" });
  await expect(engine.retryNode({ ...request, node: "x" })).rejects.toMatchObject({ code: "node-missing" });
  expect((await instance())?.id).toBe(instanceId);
});

test("a node that ended without fault is done where its job says so, and the job ends with the last", async () => {
  const { world, request, begun, status, instance } = await setup(
    [node("b", ["a"]), node("a")],
    ({ nodeName }, context) => (nodeName === "stays" ? untilAborted(context) : { state: "succeeded" }),
    { settings: { upSeconds: 1, restart: "on-failure" } },
  );
  const engine = await world.newEngine();
  await engine.start();
  await engine.startJob(request);
  await expect.poll(status).toBe("stopped");
  expect(begun).toEqual(["a", "b"]);
  expect((await instance())?.state).toBe("succeeded");
});

test("a successor of two waits for both, also when one was up and is done", async () => {
  let finish: () => void = () => undefined;
  const { world, request, begun, nodes } = await setup(
    [node("c", ["a", "b"]), node("a"), node("b", [], { properties: { "azalai.upSeconds": "3600" } })],
    ({ nodeName }, context) =>
      nodeName === "a"
        ? new Promise((resolve) => {
            finish = () => resolve({ state: "succeeded" });
          })
        : untilAborted(context),
    { settings: { upSeconds: 0, restart: "on-failure" } },
  );
  const engine = await world.newEngine();
  await engine.start();
  await engine.startJob(request);
  await expect.poll(async () => (await nodes())[0]?.told).toBe(true);
  finish();
  await expect.poll(async () => (await nodes())[0]?.state).toBe("succeeded");
  expect((await nodes()).map(({ state }) => state)).toEqual(["succeeded", "running", "waiting"]);
  expect(begun.toSorted()).toEqual(["a", "b"]);
});

test("what a dead server kept alive goes on at another, and a trigger with it", async () => {
  const trigger: NodeTrigger = {
    type: "cron",
    cron: { expression: "0 0 * * * ?", zone: "UTC", afterOwnPrevious: false },
    overlap: 3,
  };
  const { world, request, begun, nodes, status, ledgerOf, jobId } = await setup(
    [node("a"), node("hourly", ["a"], { trigger })],
    ({ nodeName }, context) => (nodeName === "a" ? untilAborted(context) : { state: "succeeded" }),
  );
  world.setTime(new Date("2001-01-01T00:30:00Z"));
  const { pool } = world.database;
  let dead = false;
  const first = await world.newEngine({
    connect: () =>
      dead ? Promise.reject(new RangeError("dead")) : connectDirectly(world.database.connection),
  });
  await first.start();
  await first.startJob(request);
  await expect.poll(status).toBe("normal");
  // Its times are planned from the moment on at which the node has put it into operation.
  await expect
    .poll(async () => (await listNodeJobs(pool, world.projectId, jobId)).map((job) => job.status))
    .toEqual(["scheduling"]);
  world.setTime(new Date("2001-01-01T01:00:00Z"));
  first.wake();
  await expect.poll(() => ledgerOf("hourly")).toEqual(["started"]);
  const second = await world.newEngine();
  world.setTime(new Date("2001-01-01T01:00:01Z"));
  await second.start();
  dead = true;
  await pool.query(
    `select pg_terminate_backend(l.pid) from pg_locks l
     join (select lock_key from server order by started_at limit 1) s
       on l.locktype = 'advisory' and (l.classid::bigint << 32 | l.objid::bigint) = s.lock_key`,
  );
  await world.observed((one) => one.event === "server-lost");
  await expect.poll(async () => (await nodes()).map(({ state }) => state)).toEqual(["running", "running"]);
  await expect.poll(() => begun.filter((name) => name === "a").length).toBe(2);
  world.setTime(new Date("2001-01-01T02:00:00Z"));
  second.wake();
  await expect.poll(() => ledgerOf("hourly")).toEqual(["started", "started"]);
  await second.stopJob(request);
  await expect.poll(status).toBe("stopped");
  world.setTime(new Date("2001-01-01T03:00:00Z"));
  second.wake();
  expect(await ledgerOf("hourly")).toEqual(["started", "started"]);
});

test("an event trigger starts a run for each event, and a failed one makes the job an exception until it is resumed", async () => {
  const trigger: NodeTrigger = {
    type: "event",
    event: {
      source: "files",
      channel: "obs://inbox/in",
      failPolicy: "suspend",
      concurrent: 1,
      readFrom: "new",
    },
  };
  const seen: string[] = [];
  const { world, request, status, ledgerOf, jobId } = await setup(
    [node("each", [], { trigger, properties: { file: "#{Job.trigger.obsNewFiles[0]}" } })],
    ({ properties }) => {
      seen.push(properties.file ?? "");
      return seen.length === 1 ? { state: "failed", message: "no" } : { state: "succeeded" };
    },
  );
  const { pool } = world.database;
  const { projectId } = world;
  const buckets = createBuckets(world.blobs, projectId, (path) =>
    recordArrival(pool, projectId, path, new Date()),
  );
  const engine = await world.newEngine();
  await engine.start();
  await engine.startJob(request);
  await expect.poll(status).toBe("normal");
  for (const name of ["1", "2"]) await buckets.write(`obs://inbox/in/${name}`, Readable.from([name]));
  await expect.poll(status).toBe("exception");
  expect(seen).toEqual(["obs://inbox/in/1"]);
  const [one] = await listNodeJobs(pool, projectId, jobId);
  expect(one).toMatchObject({ node: "each", name: "rt_each", status: "paused" });
  await engine.resumeEvents({ ...request, jobId: one?.jobId ?? 0 });
  await expect.poll(() => ledgerOf("each")).toEqual(["started", "started"]);
  await expect.poll(status).toBe("normal");
  await engine.deleteJob(request);
  expect(await listNodeJobs(pool, projectId, jobId)).toEqual([]);
});
