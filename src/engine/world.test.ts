/** What a node's expressions see of the nodes before it, across retries and reruns. */
import { expect, test } from "vitest";
import { engineWorld, node } from "../../test/setup/engine-world.ts";
import { findInstance } from "../store/instances.ts";

/** Runs nodes whose property `text` is kept under their names; each leaves `<name><attempt>`. */
async function textWorld(failsOnce = "") {
  const texts = new Map<string, string | undefined>();
  const world = await engineWorld(({ nodeName, attempt, properties }) => {
    texts.set(nodeName, properties.text);
    if (nodeName === failsOnce && attempt === 1) return { state: "failed", message: "not yet", exitCode: 3 };
    return { state: "succeeded", output: `${nodeName}${attempt}` };
  });
  const engine = await world.newEngine();
  await engine.start();
  return { world, engine, texts };
}

const asks = (name: string, after: readonly string[], text: string) =>
  node(name, after, { properties: { text } });

test("an output is seen by direct successors alone, a status by all", async () => {
  const { world, engine, texts } = await textWorld();
  const text =
    "#{Job.getNodeOutput('a')}|#{Job.getNodeStatus('a')}|#{Job.getNodeOutput('b')}|#{Job.getNodeStatus('z')}";
  const jobId = await world.addJob({ nodes: [node("a"), asks("b", ["a"], text), asks("c", ["b"], text)] });
  await world.ended(await engine.runNow({ projectId: world.projectId, jobId, by: "x" }));
  expect(texts.get("b")).toBe("a1|success||");
  expect(texts.get("c")).toBe("|success|b1|");
});

test("the id and the data of a node's last attempt can be asked for", async () => {
  const { world, engine, texts } = await textWorld("a");
  const text =
    "#{Job.getInsertJobId()} #{Job.getInsertJobId('a') == Job.getInsertJobId()} #{Job.getInsertJobId('b') == null} " +
    "#{JSONUtil.path(Job.getRunningData('a'), 'state')} #{JSONUtil.path(Job.getRunningData('a'), 'attempt')}";
  const jobId = await world.addJob({
    nodes: [node("a", [], { retriesMax: 1 }), asks("b", ["a"], text), node("c", ["b"])],
  });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await world.ended(id);
  expect(texts.get("b")).toBe(`${id}-0-2 true false succeeded 2`);
});

test("a rerun from the failed node keeps the outputs of those that stay, and renews the others", async () => {
  const { world, engine, texts } = await textWorld("b");
  const seesBoth = asks("c", ["a", "b"], "#{Job.getNodeOutput('a')} #{Job.getNodeOutput('b')}");
  const jobId = await world.addJob({ nodes: [node("a"), node("b", ["a"]), seesBoth] });
  const instanceId = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  expect(await world.ended(instanceId)).toBe("failed");
  await engine.restartInstance({ projectId: world.projectId, instanceId, by: "x" });
  await expect
    .poll(async () => (await findInstance(world.database.pool, world.projectId, instanceId))?.state)
    .toBe("succeeded");
  expect(texts.get("c")).toBe("a1 b2");
});
