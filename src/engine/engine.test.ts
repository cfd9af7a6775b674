import { expect, test } from "vitest";
import { engineWorld, node, untilAborted } from "../../test/setup/engine-world.ts";
import { findInstance, listNodeRuns } from "../store/instances.ts";

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
  await engine.stopInstance(world.projectId, id);
  expect(await world.ended(id)).toBe("stopped");
  expect(await world.nodeStates(id)).toBe("a:cancelled b:cancelled");
  await expect(engine.stopInstance(world.projectId, id)).rejects.toMatchObject({ code: "instance-state" });
});
