import { expect, test } from "vitest";
import { engineWorld, node, testOperator, untilAborted } from "../../test/setup/engine-world.ts";
import { NO_SOURCES } from "../../test/setup/no-sources.ts";
import { findInstance, listNodeRuns } from "../store/instances.ts";
import { readLog } from "../store/logs.ts";

test("a run goes through its graph, each node after its predecessors", async () => {
  const order: string[] = [];
  const world = await engineWorld(({ nodeName }) => {
    order.push(nodeName);
    return { state: "succeeded" };
  });
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({
    nodes: [node("d", ["b", "c"]), node("b", ["a"]), node("c", ["a"]), node("a")],
  });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "somebody" });
  expect(await world.ended(id)).toBe("succeeded");
  expect(order[0]).toBe("a");
  expect(order[3]).toBe("d");
  const instance = await findInstance(world.database.pool, world.projectId, id);
  expect(instance).toMatchObject({ state: "succeeded", origin: "test", createdBy: "somebody", nodeCount: 4 });
});

test("a node that fails is tried again as often as it may, then its run fails and the rest is cancelled", async () => {
  const attempts: number[] = [];
  const world = await engineWorld(({ attempt }) => {
    attempts.push(attempt);
    return { state: "failed", message: "no luck", exitCode: 3 };
  });
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a", [], { retriesMax: 2 }), node("b", ["a"])] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  expect(await world.ended(id)).toBe("failed");
  expect(attempts).toEqual([1, 2, 3]);
  expect(await world.nodeStates(id)).toBe("a:failed b:cancelled");
  const instance = await findInstance(world.database.pool, world.projectId, id);
  expect(instance?.errorMessage).toBe('Node "a" failed: no luck');
  const [run] = await listNodeRuns(world.database.pool, world.projectId, id);
  expect(run).toMatchObject({ attempt: 3, tries: 2, exitCode: 3, message: "no luck" });
  const { rows } = await world.database.pool.query(
    "select attempt, outcome, exit_code from attempt order by attempt",
  );
  expect(rows).toEqual([
    { attempt: 1, outcome: "failed", exit_code: 3 },
    { attempt: 2, outcome: "failed", exit_code: 3 },
  ]);
});

test("a stopped run tells its running node and starts no other", async () => {
  let begun: () => void = () => undefined;
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const world = await engineWorld((_, context) => {
    begun();
    return untilAborted(context);
  });
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a"), node("b", ["a"])] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await running;
  await engine.stopInstance({ projectId: world.projectId, instanceId: id, by: "ann" });
  expect(await world.ended(id)).toBe("stopped");
  expect(await world.nodeStates(id)).toBe("a:cancelled b:cancelled");
  await expect(
    engine.stopInstance({ projectId: world.projectId, instanceId: id, by: "ann" }),
  ).rejects.toMatchObject({ code: "instance-state" });
});

test("a node whose condition does not hold is skipped, and what hangs on it alone", async () => {
  const world = await engineWorld(({ nodeName }) => ({
    state: "succeeded",
    output: nodeName === "a" ? "7" : "",
  }));
  const engine = await world.newEngine();
  await engine.start();
  const on = (after: string, expression: string) => ({ conditions: [{ after, expression }] });
  const jobId = await world.addJob({
    nodes: [
      node("a"),
      node("b", ["a"], on("a", "#{Job.getNodeOutput('a') == '8'}")),
      node("c", ["a"], on("a", "#{Job.getNodeStatus('a') == 'success'}")),
      node("d", ["b"]),
      node("e", ["b", "c"]),
    ],
  });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  expect(await world.ended(id)).toBe("succeeded");
  const { rows } = await world.database.pool.query("select state from node_run order by node_no");
  expect(rows.map(({ state }) => state)).toEqual([
    "succeeded",
    "skipped",
    "succeeded",
    "skipped",
    "succeeded",
  ]);
});

test("parameters of the run go before those of the job and the workspace", async () => {
  const seen: unknown[] = [];
  const world = await engineWorld(({ properties }) => {
    seen.push(properties);
    return { state: "succeeded" };
  });
  const loadEnvironment = async () => ({ from: "workspace", of: "workspace" });
  const engine = await world.newEngine({ sources: { ...NO_SOURCES, loadEnvironment } });
  await engine.start();
  const jobId = await world.addJob({
    parameters: [
      { name: "from", value: "job" },
      { name: "month", value: "#{Job.getPlanTime('yyyy')}" },
    ],
    nodes: [node("a", [], { properties: { text: "${from} ${of} ${month} ${given}", plain: "$1" } })],
  });
  world.setTime(new Date("2001-04-01T00:00:00Z"));
  const parameters = { given: "run" };
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x", parameters });
  await world.ended(id);
  expect(seen).toEqual([{ text: "job workspace 2001 run", plain: "$1" }]);
});

test("a node that cannot be prepared fails with the reason", async () => {
  const world = await engineWorld();
  const engine = await world.newEngine();
  await engine.start();
  const failed = async (changes: Parameters<typeof node>[2]) => {
    const jobId = await world.addJob({ nodes: [node("a", [], changes)] });
    const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
    expect(await world.ended(id)).toBe("failed");
    return (await findInstance(world.database.pool, world.projectId, id))?.errorMessage;
  };
  expect(await failed({ properties: { scriptName: "s" } })).toContain('Script "s" does not exist');
  expect(await failed({ properties: { connectionName: "c" } })).toContain('Connection "c" does not exist');
  expect(await failed({ properties: { text: "#{nothing}" } })).toContain("expression at character");
  expect(await failed({ type: "MRSHetuEngine", retriesMax: 3 })).toContain(
    '"MRSHetuEngine": it would need a Trino cluster',
  );
  expect(await failed({ type: "Unheard" })).toContain("an operator for that type");
});

test("a node that takes too long is aborted, and tried again only where that is wished", async () => {
  const reasons: unknown[] = [];
  const world = await engineWorld(async (_, context) => {
    const outcome = await untilAborted(context);
    reasons.push(context.signal.reason);
    return outcome;
  });
  const engine = await world.newEngine();
  await engine.start();
  const timeoutSeconds = 0.02;
  const run = async (changes: Parameters<typeof node>[2]) => {
    const jobId = await world.addJob({
      nodes: [node("a", [], { timeoutSeconds, retriesMax: 1, ...changes })],
    });
    const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
    expect(await world.ended(id)).toBe("failed");
    return (await listNodeRuns(world.database.pool, world.projectId, id))[0]?.attempt;
  };
  expect(await run({})).toBe(1);
  expect(await run({ retryOnTimeout: true })).toBe(2);
  expect(reasons).toEqual(["timeout", "timeout", "timeout"]);
});

test("a dry run succeeds without running anything", async () => {
  const world = await engineWorld(() => ({ state: "failed", message: "ran" }));
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({
    dryRun: true,
    nodes: [node("a"), node("b", ["a"], { type: "Unheard" })],
  });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  expect(await world.ended(id)).toBe("succeeded");
});

test("an attempt's log is read while it runs and after it", async () => {
  let go: () => void = () => undefined;
  const world = await engineWorld(async (_, { log }) => {
    log("first\n");
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    log("second\n");
    return { state: "succeeded" };
  });
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({});
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  const key = { projectId: world.projectId, instanceId: id, nodeNo: 0, attempt: 1 };
  const all = { fromByte: 0, bytesMax: 1000 };
  await expect.poll(async () => (await readLog(world.blobs, key, all)).content.toString()).toBe("first\n");
  go();
  await world.ended(id);
  const { content, nextByte } = await readLog(world.blobs, key, { ...all, fromByte: 6 });
  expect([content.toString(), nextByte]).toEqual(["second\n", 13]);
});

test("a failed run goes on from where it failed, with its id and plan time", async () => {
  const runs: string[] = [];
  let healthy = false;
  const world = await engineWorld(({ nodeName, attempt }) => {
    runs.push(`${nodeName}${attempt}`);
    return nodeName === "b" && !healthy ? { state: "failed", message: "ill" } : { state: "succeeded" };
  });
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a"), node("b", ["a"]), node("c", ["b"])] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await world.ended(id);
  const before = await findInstance(world.database.pool, world.projectId, id);
  healthy = true;
  await engine.restartInstance({ projectId: world.projectId, instanceId: id, by: "ann" });
  await world.observed((one) => one.event === "instance-ended" && one.state === "succeeded");
  expect(runs).toEqual(["a1", "b1", "b2", "c2"]);
  const after = await findInstance(world.database.pool, world.projectId, id);
  expect(after).toMatchObject({ state: "succeeded", errorMessage: null, plannedAt: before?.plannedAt });
});

test("instances of other projects, and missing ones, are not there", async () => {
  const world = await engineWorld();
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({});
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await world.ended(id);
  const foreign = "0".repeat(32);
  const missing = { code: "instance-missing" };
  await expect(engine.stopInstance({ projectId: foreign, instanceId: id, by: "ann" })).rejects.toMatchObject(
    missing,
  );
  await expect(
    engine.restartInstance({ projectId: foreign, instanceId: id, by: "ann" }),
  ).rejects.toMatchObject(missing);
  await expect(
    engine.stopInstance({ projectId: world.projectId, instanceId: 999_999, by: "ann" }),
  ).rejects.toMatchObject(missing);
  await expect(engine.runNow({ projectId: foreign, jobId, by: "x" })).rejects.toMatchObject({
    code: "job-missing",
  });
});

test("a job without nodes is not run, and nothing is written", async () => {
  const world = await engineWorld();
  const engine = await world.newEngine();
  const jobId = await world.addJob({ nodes: [] });
  const request = { projectId: world.projectId, jobId, by: "x" };
  await expect(engine.runNow(request)).rejects.toMatchObject({ code: "job-without-nodes" });
  await expect(engine.startJob(request)).rejects.toMatchObject({ code: "job-without-nodes" });
  const { rows } = await world.database.pool.query("select from instance");
  expect(rows).toHaveLength(0);
});

test("a definition without a job runs, its rows in the same transaction", async () => {
  const world = await engineWorld();
  const engine = await world.newEngine();
  await engine.start();
  const request = {
    projectId: world.projectId,
    workspaceId: "default",
    name: "wordcount",
    definition: {
      kind: "batch",
      nodes: [node("main")],
      parameters: [],
      schedule: { type: "once" },
      priority: 0,
      dryRun: false,
    },
    by: "x",
  } as const;
  const refused = engine.startExecution(request, () => Promise.reject(new RangeError("no")));
  await expect(refused).rejects.toThrow("no");
  let inside = 0;
  const id = await engine.startExecution(request, async (_, instanceId) => {
    inside = instanceId;
  });
  expect(id).toBe(inside);
  expect(await world.ended(id)).toBe("succeeded");
  const { rows } = await world.database.pool.query("select job_name, origin from instance");
  expect(rows).toEqual([{ job_name: "wordcount", origin: "job-execution" }]);
});

test("a server that stops hands back what it runs, and the next goes on without counting a try", async () => {
  const world = await engineWorld(async (work, context) =>
    work.attempt === 1 ? await untilAborted(context) : { state: "succeeded" },
  );
  let begun: () => void = () => undefined;
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const first = await world.newEngine({
    operators: [
      testOperator((_, context) => {
        begun();
        return untilAborted(context);
      }),
    ],
  });
  await first.start();
  const jobId = await world.addJob({});
  const id = await first.runNow({ projectId: world.projectId, jobId, by: "x" });
  await running;
  await first.stop();
  expect(await world.nodeStates(id)).toBe("a:ready");
  const second = await world.newEngine();
  await second.start();
  expect(await world.ended(id)).toBe("succeeded");
  const [run] = await listNodeRuns(world.database.pool, world.projectId, id);
  expect(run).toMatchObject({ attempt: 2, tries: 0, losses: 0 });
});

test("whatever a node says of itself is kept as far as the database can", async () => {
  const long = `zero \0 half \ud800 ${"x".repeat(10_000)}`;
  const world = await engineWorld(({ nodeName }) =>
    nodeName === "a"
      ? { state: "succeeded", message: long, output: long }
      : { state: "failed", message: long },
  );
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a"), node("b", ["a"])] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  expect(await world.ended(id)).toBe("failed");
  const { rows } = await world.database.pool.query(
    "select length(message) as message, output from node_run order by node_no",
  );
  expect(rows.map(({ message }) => message)).toEqual([3998, 3998]);
  expect(rows[0]?.output.slice(0, 14)).toBe("zero  half \ufffd x");
});

test("secrets of a node's connection are covered in its log, its message and its output", async () => {
  const world = await engineWorld(({ nodeName, connection }, { log }) => {
    const secret = String(connection?.config.password);
    log(`logging in with ${secret.slice(0, 3)}`);
    log(`${secret.slice(3)} …\n`);
    return nodeName === "a"
      ? { state: "succeeded", message: `as ${secret}`, output: `["${secret}"]` }
      : { state: "failed", message: `refused: ${secret}` };
  });
  const loadConnection = async () => ({
    name: "pg",
    type: "RDS" as const,
    config: { ip: "db", password: "s3cret-word" },
    warehouse: false,
  });
  const engine = await world.newEngine({ sources: { ...NO_SOURCES, loadConnection } });
  await engine.start();
  const properties = { connectionName: "pg" };
  const nodes = [node("a", [], { properties }), node("b", ["a"], { properties })];
  const id = await engine.runNow({
    projectId: world.projectId,
    jobId: await world.addJob({ nodes }),
    by: "x",
  });
  expect(await world.ended(id)).toBe("failed");
  const { rows } = await world.database.pool.query("select message, output from node_run order by node_no");
  expect(rows).toEqual([
    { message: "as *********", output: '["*********"]' },
    { message: "refused: *********", output: null },
  ]);
  for (const nodeNo of [0, 1]) {
    const key = { projectId: world.projectId, instanceId: id, nodeNo, attempt: 1 };
    const { content } = await readLog(world.blobs, key, { fromByte: 0, bytesMax: 1000 });
    expect(content.toString()).toBe("logging in with ********* …\n");
  }
});
