/** Nodes that run other jobs: outcomes, parameters and outputs, each turn once, stops, refusals. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test writes its parameters so.
import { expect, test } from "vitest";
import {
  type EngineWorld,
  engineWorld,
  node,
  type TestWork,
  testOperator,
  untilAborted,
} from "../../test/setup/engine-world.ts";
import { createForEachOperator } from "../operators/for-each.ts";
import type { Outcome } from "../operators/operator.ts";
import { createSubJobOperator } from "../operators/sub-job.ts";
import { findBackfill } from "../store/backfills.ts";
import { findInstance, listNodeRuns } from "../store/instances.ts";
import { listResults } from "../store/node-runs.ts";
import { createDefinitions } from "./definitions.ts";
import type { EngineDeps } from "./engine.ts";
import { explainInstance } from "./why.ts";

const CHILD = "child-job";

/** A world whose engines run sub-jobs and loops beside the test's own nodes. */
async function childWorld(run: TestWork = () => ({ state: "succeeded" })) {
  const world = await engineWorld(run);
  const operators = [testOperator(run), createSubJobOperator(), createForEachOperator()];
  const newEngine = (changes: Partial<EngineDeps> = {}) => world.newEngine({ operators, ...changes });
  return { ...world, newEngine };
}

function subJob(name: string, properties: Record<string, string> = {}, after: readonly string[] = []) {
  return node(name, after, { type: "SubJob", properties: { jobName: CHILD, ...properties } });
}

function forEach(name: string, properties: Record<string, string>) {
  return node(name, [], { type: "ForEach", properties: { jobName: CHILD, ...properties } });
}

async function childrenOf(world: EngineWorld, parentId: number) {
  const { rows } = await world.database.pool.query<{
    place: number;
    id: number;
    state: string | null;
    round: number;
  }>(
    "select place, instance_id as id, state, round from child_instance where parent_id = $1 order by round, place",
    [parentId],
  );
  return rows;
}

async function outputOf(world: EngineWorld, instanceId: number): Promise<string | null | undefined> {
  return (await listResults(world.database.pool, { projectId: world.projectId, instanceId }))[0]?.output;
}

/** Runs the job and gives its instance with what became of it. */
async function runToEnd(world: EngineWorld, nodes: ReturnType<typeof node>[]) {
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "somebody" });
  const state = await world.ended(id);
  const instance = await findInstance(world.database.pool, world.projectId, id);
  return { engine, id, state, message: instance?.errorMessage };
}

test("a sub-job has the node's parameters and plan time, and its last node's output is the node's", async () => {
  const seen: Record<string, string>[] = [];
  const world = await childWorld(({ properties, nodeName }) => {
    seen.push({ ...properties });
    return { state: "succeeded", output: `of ${nodeName}` };
  });
  world.setTime(new Date("2026-03-01T00:00:00Z"));
  await world.addJob(
    {
      parameters: [
        { name: "table", value: "none" },
        { name: "mode", value: "full" },
      ],
      nodes: [
        node("first"),
        node("last", ["first"], { properties: { text: "${table} ${mode} #{Job.getPlanTime('yyyy')}" } }),
      ],
    },
    CHILD,
  );
  const { id, state } = await runToEnd(world, [
    subJob("run", { "jobParam.table": "t_#{Job.getPlanTime('MM')}" }),
    node("after", ["run"], { properties: { text: "#{Job.getNodeOutput('run')}" } }),
  ]);
  expect(state).toBe("succeeded");
  expect(seen).toEqual([{}, { text: "t_03 full 2026" }, { text: "of last" }]);
  const [child] = await childrenOf(world, id);
  expect(await findInstance(world.database.pool, world.projectId, child?.id ?? 0)).toMatchObject({
    origin: "sub-job",
    jobName: CHILD,
    createdBy: "somebody",
    parameters: { table: "t_03" },
  });
});

test("what a run of a backfill begins takes only what others leave too, with the backfill's priority", async () => {
  const world = await childWorld();
  await world.addJob({ nodes: [node("x")] }, CHILD);
  const cron = { expression: "0 0 * * * ?", zone: "UTC", afterOwnPrevious: false };
  const rows = { dataset: "[[1],[2]]" };
  const nodes = [subJob("one"), forEach("each", rows)];
  await world.addJob({ nodes, schedule: { type: "cron", cron } }, "parent");
  const engine = await world.newEngine();
  await engine.start();
  await engine.createBackfill({
    projectId: world.projectId,
    workspaceId: "default",
    name: "b",
    jobName: "parent",
    dependents: [],
    spec: {
      startsAt: new Date("2001-01-01T00:00:00Z"),
      endsAt: new Date("2001-01-01T01:00:00Z"),
      parallelMax: 1,
      dayGranularity: false,
      newestFirst: false,
      stopOnFailure: false,
      parameters: {},
      priority: 2,
    },
    force: false,
    by: "ann",
  });
  const { pool } = world.database;
  const key = { projectId: world.projectId, workspaceId: "default" };
  await expect.poll(async () => (await findBackfill(pool, key, "b"))?.state).toBe("succeeded");
  const { rows: begun } = await pool.query(
    `select i.background, i.priority, n.lane, n.priority as place
     from instance i join node_run n on n.project_id = i.project_id and n.instance_id = i.id
     where i.origin = 'sub-job'`,
  );
  expect(begun).toEqual(Array(3).fill({ background: true, priority: 2, lane: "background", place: 5 }));
});

test("a sub-job that fails fails its node, with its reason, and is begun anew by each try", async () => {
  const world = await childWorld(() => ({ state: "failed", message: "no luck" }));
  await world.addJob({ nodes: [node("x")] }, CHILD);
  const { id, state, message } = await runToEnd(world, [{ ...subJob("run"), retriesMax: 1 }]);
  expect(state).toBe("failed");
  const children = await childrenOf(world, id);
  expect(children.map(({ round, state: end }) => `${round}:${end}`)).toEqual(["1:failed", "2:failed"]);
  expect(message).toBe(
    `Node "run" failed: job "${CHILD}" failed (instance ${children[1]?.id}): Node "x" failed: no luck`,
  );
});

test("stopping the parent stops the child; a rerun begins a new one", async () => {
  let tries = 0;
  const begun = Promise.withResolvers<void>();
  const world = await childWorld((_, context) => {
    tries += 1;
    if (tries > 1) return { state: "succeeded" };
    begun.resolve();
    return untilAborted(context);
  });
  await world.addJob({}, CHILD);
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [subJob("run")] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await begun.promise;
  await engine.stopInstance({ projectId: world.projectId, instanceId: id, by: "x" });
  expect(await world.ended(id)).toBe("stopped");
  expect((await childrenOf(world, id)).map(({ state }) => state)).toEqual(["stopped"]);
  await engine.restartInstance({ projectId: world.projectId, instanceId: id, by: "x" });
  await expect
    .poll(async () => (await findInstance(world.database.pool, world.projectId, id))?.state)
    .toBe("succeeded");
  expect((await childrenOf(world, id)).map(({ state }) => state)).toEqual(["stopped", "succeeded"]);
});

test("a pause reaches what the nodes have begun and begin, and its end lets go on what nobody had paused", async () => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const world = await childWorld(async ({ nodeName, properties }) => {
    seen.push(`${nodeName}${properties.row}`);
    if (nodeName === "x") await gate.promise;
    return { state: "succeeded" };
  });
  const row = { properties: { row: "${row}" } };
  await world.addJob({ nodes: [node("x", [], row), node("y", ["x"], row)] }, CHILD);
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [forEach("loop", { ...FIVE_ROWS, concurrency: "2" })] });
  const { projectId } = world;
  const id = await engine.runNow({ projectId, jobId, by: "ann" });
  const act = (instanceId: number, name: "pause" | "resume" | "force-success") =>
    engine.operate({ projectId, instanceId, by: "ann" }, { act: name });
  const statesOf = async () => {
    const children = await childrenOf(world, id);
    const found = children.map((child) => findInstance(world.database.pool, projectId, child.id));
    return (await Promise.all(found)).map((instance) => instance?.state);
  };
  await expect.poll(() => seen.toSorted()).toEqual(["x1", "x2"]);
  const [first, second] = await childrenOf(world, id);
  await act(second?.id ?? 0, "pause");
  await act(id, "pause");
  expect(await statesOf()).toEqual(["paused", "paused"]);
  const standing = {
    db: world.database.pool,
    definitions: createDefinitions(world.database.pool),
    now: () => new Date(),
  };
  expect((await explainInstance(standing, projectId, first?.id ?? 0))?.blockers).toMatchObject([
    { kind: "paused", doer: { by: "ann" }, pausedWith: id },
  ]);
  gate.resolve();
  await act(first?.id ?? 0, "force-success");
  await expect.poll(statesOf).toEqual(["succeeded", "paused", "paused"]);
  expect(seen.toSorted()).toEqual(["x1", "x2"]);
  await act(id, "resume");
  await expect.poll(statesOf).toEqual(["succeeded", "paused", "succeeded", "succeeded", "succeeded"]);
  await act(second?.id ?? 0, "resume");
  expect(await world.ended(id)).toBe("succeeded");
});

test("a stop reaches what is paused", async () => {
  const begun = Promise.withResolvers<void>();
  const world = await childWorld((_, context) => {
    begun.resolve();
    return untilAborted(context);
  });
  await world.addJob({}, CHILD);
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [subJob("run")] });
  const { projectId } = world;
  const id = await engine.runNow({ projectId, jobId, by: "x" });
  await begun.promise;
  await engine.operate({ projectId, instanceId: id, by: "x" }, { act: "pause" });
  await engine.stopInstance({ projectId, instanceId: id, by: "x" });
  expect(await world.ended(id)).toBe("stopped");
  expect((await childrenOf(world, id)).map(({ state }) => state)).toEqual(["stopped"]);
});

test("a rerun begins anew also where the last attempt was lost while it was stopped", async () => {
  const world = await childWorld();
  await world.addJob({}, CHILD);
  const { engine, id } = await runToEnd(world, [subJob("run")]);
  // As the rescuer leaves it.
  await world.database.pool.query(
    `insert into attempt (project_id, instance_id, node_no, attempt, outcome, started_at, ended_at)
     values ($1, $2, 0, 1, 'lost', now(), now())`,
    [world.projectId, id],
  );
  await world.database.pool.query(
    `begin; set local session_replication_role = replica; -- past the triggers that refuse such moves
     update node_run set state = 'cancelled' where instance_id = ${id};
     update instance set state = 'stopped' where id = ${id}; commit`,
  );
  await engine.restartInstance({ projectId: world.projectId, instanceId: id, by: "x" });
  await expect.poll(() => childrenOf(world, id)).toHaveLength(2);
  expect((await childrenOf(world, id)).map(({ round }) => round)).toEqual([1, 2]);
});

test("a child that somebody stops fails the node for good", async () => {
  const world = await childWorld((_, context) => untilAborted(context));
  await world.addJob({}, CHILD);
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [{ ...subJob("run"), retriesMax: 5 }] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await expect.poll(() => childrenOf(world, id)).toHaveLength(1);
  const [child] = await childrenOf(world, id);
  await engine.stopInstance({ projectId: world.projectId, instanceId: child?.id ?? 0, by: "x" });
  expect(await world.ended(id)).toBe("failed");
  expect((await findInstance(world.database.pool, world.projectId, id))?.errorMessage).toContain(
    "was stopped",
  );
});

test("a node that takes too long stops its child", async () => {
  const world = await childWorld((_, context) => untilAborted(context));
  await world.addJob({}, CHILD);
  const { id, state, message } = await runToEnd(world, [{ ...subJob("run"), timeoutSeconds: 0.2 }]);
  expect(state).toBe("failed");
  expect(message).toContain("longer than");
  expect((await childrenOf(world, id)).map((child) => child.state)).toEqual(["stopped"]);
});

test.each([
  ["is not there", undefined, "There is no job"],
  ["is a real-time job", { kind: "real-time" as const }, "is no batch job"],
  ["runs jobs itself", { nodes: [subJob("deeper")] }, "nodes that run jobs themselves"],
])("a job that %s is not run", async (_, definition, reason) => {
  const world = await childWorld();
  if (definition !== undefined) await world.addJob(definition, CHILD);
  const { state, message } = await runToEnd(world, [{ ...subJob("run"), retriesMax: 3 }]);
  expect(state).toBe("failed");
  expect(message).toContain(reason);
});

test("a loop runs the job for each row, so many at a time, and gathers what they left", async () => {
  let running = 0;
  let most = 0;
  // Each waits for another beside it.
  let held: (() => void) | undefined;
  const world = await childWorld(async ({ properties, type }): Promise<Outcome> => {
    if (properties.row === undefined)
      return { state: "succeeded", output: '[["a",1],["b",2],["c",3],["d",4]]' };
    running += 1;
    most = Math.max(most, running);
    if (held === undefined) await new Promise<void>((resolve) => (held = resolve));
    else {
      held();
      held = undefined;
    }
    running -= 1;
    return { state: "succeeded", output: `${type}:${properties.row}` };
  });
  await world.addJob(
    { nodes: [node("x", [], { properties: { row: "${letter}-${number}-${all}" } })] },
    CHILD,
  );
  const { id, state } = await runToEnd(world, [
    node("rows"),
    {
      ...forEach("loop", {
        dataset: "#{Job.getNodeOutput('rows')}",
        concurrency: "2",
        nameSuffix: "#{Loop.current[0]}",
        "jobParam.letter": "#{Loop.current[0]}",
        "jobParam.number": "#{Loop.current[1] + Loop.offset}",
        "jobParam.all": "#{Loop.dataArray[3][0]}",
      }),
      after: ["rows"],
    },
  ]);
  expect(state).toBe("succeeded");
  expect(most).toBe(2);
  const [, loop] = await listResults(world.database.pool, { projectId: world.projectId, instanceId: id });
  expect(JSON.parse(loop?.output ?? "")).toEqual(["Test:a-1-d", "Test:b-3-d", "Test:c-5-d", "Test:d-7-d"]);
  const [child] = await childrenOf(world, id);
  expect((await findInstance(world.database.pool, world.projectId, child?.id ?? 0))?.jobName).toBe(
    `${CHILD}_a`,
  );
});

const FAILING: TestWork = ({ properties }) =>
  properties.row === "2" ? { state: "failed", message: "not 2" } : { state: "succeeded", output: "done" };
const FIVE_ROWS = {
  dataset: "[[1],[2],[3],[4],[5]]",
  concurrency: "1",
  "jobParam.row": "#{Loop.current[0]}",
};

test("a loop begins no further row after one has failed, and says which", async () => {
  const world = await childWorld(FAILING);
  await world.addJob({ nodes: [node("x", [], { properties: { row: "${row}" } })] }, CHILD);
  const { id, state, message } = await runToEnd(world, [forEach("loop", FIVE_ROWS)]);
  expect(state).toBe("failed");
  expect(await childrenOf(world, id)).toHaveLength(2);
  expect(message).toMatch(
    /1 of 5 rows failed, 3 were not begun: row 1: job "child-job" failed \(instance \d+\): .*not 2/,
  );
});

test("a loop that is told to go on runs every row, and fails at the end", async () => {
  const world = await childWorld(FAILING);
  await world.addJob({ nodes: [node("x", [], { properties: { row: "${row}" } })] }, CHILD);
  const { id, message } = await runToEnd(world, [
    forEach("loop", { ...FIVE_ROWS, "azalai.onChildFailure": "continue" }),
  ]);
  expect(await childrenOf(world, id)).toHaveLength(5);
  expect(message).toContain("1 of 5 rows failed: row 1");
});

test("a loop over nothing succeeds with nothing", async () => {
  const world = await childWorld();
  await world.addJob({}, CHILD);
  const { id, state } = await runToEnd(world, [forEach("loop", { dataset: "[]" })]);
  expect(state).toBe("succeeded");
  expect(await outputOf(world, id)).toBe("[]");
});

test.each([
  ["#{1 + 1}", "is no array"],
  ["#{'[1,2]'}", "row 0 of its dataset is no array"],
  ["#{'[['}", "is not JSON"],
])("a loop over %s fails: %s", async (dataset, reason) => {
  const world = await childWorld();
  await world.addJob({}, CHILD);
  const { message } = await runToEnd(world, [{ ...forEach("loop", { dataset }), retriesMax: 2 }]);
  expect(message).toContain(reason);
});

test("a server that is lost begins no row twice: the next goes on where it was", async () => {
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  const world = await childWorld(async ({ properties }, context): Promise<Outcome> => {
    seen.push(properties.row ?? "");
    if (seen.length > 2) await Promise.race([gate.promise, untilAborted(context)]);
    return { state: "succeeded", output: properties.row ?? "" };
  });
  await world.addJob({ nodes: [node("x", [], { properties: { row: "${row}" } })] }, CHILD);
  const rows = Array.from({ length: 12 }, (_, at) => [at]);
  const properties = {
    dataset: JSON.stringify(rows),
    concurrency: "3",
    "jobParam.row": "#{Loop.current[0]}",
  };
  const jobId = await world.addJob({ nodes: [forEach("loop", properties)] });
  const first = await world.newEngine();
  await first.start();
  const id = await first.runNow({ projectId: world.projectId, jobId, by: "x" });
  await expect.poll(() => seen.length).toBeGreaterThan(3);
  const { rows: cut } = await world.database.pool.query(
    `select pg_terminate_backend(l.pid) from pg_locks l join server s
     on l.locktype = 'advisory' and (l.classid::bigint << 32 | l.objid::bigint) = s.lock_key`,
  );
  expect(cut).toHaveLength(1);
  await expect
    .poll(async () => (await listNodeRuns(world.database.pool, world.projectId, id))[0]?.attempt)
    .toBe(2);
  gate.resolve();
  expect(await world.ended(id)).toBe("succeeded");
  const children = await childrenOf(world, id);
  expect(children.map(({ round, place }) => `${round}/${place}`)).toEqual(rows.map(([at]) => `1/${at}`));
  expect(await outputOf(world, id)).toBe(JSON.stringify(rows.map(([at]) => `${at}`)));
});

test("a child's end on another server is heard at once", async () => {
  const world = await childWorld();
  await world.addJob({}, CHILD);
  const waits = await world.newEngine({
    slots: { inline: 10, process: 0, stream: 1, child: 10, remote: 10 },
  });
  const works = await world.newEngine({ slots: { inline: 0, process: 10, stream: 1, child: 0, remote: 0 } });
  await waits.start();
  await works.start();
  const jobId = await world.addJob({ nodes: [subJob("one"), subJob("two", {}, ["one"])] });
  const id = await works.runNow({ projectId: world.projectId, jobId, by: "x" });
  expect(await world.ended(id)).toBe("succeeded");
});

test("a child whose parent ended without it is stopped", async () => {
  const world = await childWorld((_, context) => untilAborted(context));
  await world.addJob({}, CHILD);
  const engine = await world.newEngine({ operators: [testOperator((_, context) => untilAborted(context))] });
  const jobId = await world.addJob({ nodes: [node("x")] });
  await engine.start();
  const [parent, child] = [
    await engine.runNow({ projectId: world.projectId, jobId, by: "x" }),
    await engine.runNow({ projectId: world.projectId, jobId, by: "x" }),
  ];
  await world.database.pool.query(
    `insert into child_instance (project_id, parent_id, node_no, round, place, instance_id) values ($1, $2, 0, 1, 0, $3)`,
    [world.projectId, parent, child],
  );
  await world.database.pool.query("update instance set origin = 'sub-job' where id = $1", [child]);
  await engine.stopInstance({ projectId: world.projectId, instanceId: parent, by: "x" });
  expect(await world.ended(parent)).toBe("stopped");
  engine.wake();
  expect(await world.ended(child)).toBe("stopped");
});
