import { expect, test } from "vitest";
import { engineWorld, node } from "../../test/setup/engine-world.ts";
import { listActs } from "../store/audit.ts";
import { findInstance } from "../store/instances.ts";

test("of runs that are asked for at once each caller gets its own, or why there is none", async () => {
  const world = await engineWorld();
  const { projectId, database } = world;
  const engine = await world.newEngine();
  const jobId = await world.addJob({ nodes: [node("a"), node("b", ["a"])] });
  const emptyId = await world.addJob({ nodes: [] });
  const run = (request: object = {}) =>
    engine.runNow({ projectId, jobId, by: "ann", parameters: { n: "1" }, ...request });
  const outcomes = await Promise.allSettled([
    run(),
    run({ jobId: 4_000_000 }),
    run({ by: "bob", parameters: { n: "2" }, origin: "manual" }),
    run({ jobId: emptyId }),
    // No text of the database holds this character: only the one that says it is refused.
    run({ parameters: { n: "\0" } }),
    run({ parameters: { n: "3" } }),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "rejected",
    "rejected",
    "fulfilled",
  ]);
  expect(outcomes[1]).toMatchObject({ reason: { code: "job-missing" } });
  expect(outcomes[3]).toMatchObject({ reason: { code: "job-without-nodes" } });
  const ids = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  expect(new Set(ids).size).toBe(3);
  const made = await Promise.all(ids.map((id) => findInstance(database.pool, projectId, id)));
  expect(made).toMatchObject([
    { jobId, createdBy: "ann", parameters: { n: "1" }, origin: "test", nodeCount: 2 },
    { jobId, createdBy: "bob", parameters: { n: "2" }, origin: "manual", nodeCount: 2 },
    { jobId, createdBy: "ann", parameters: { n: "3" }, origin: "test", nodeCount: 2 },
  ]);
  const acts = await listActs(database.pool, projectId, { act: "run" }, 10);
  expect(acts.map(({ detail }) => detail.instanceId).sort()).toEqual([...ids].sort());
  const { rows } = await database.pool.query("select count(*)::int as all from instance");
  expect(rows).toEqual([{ all: 3 }]);
});

test("a run that is asked for while others are written comes after them, and none is forgotten", async () => {
  const world = await engineWorld();
  const { projectId } = world;
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a")] });
  const first = engine.runNow({ projectId, jobId, by: "ann" });
  const others = Array.from({ length: 250 }, () => engine.runNow({ projectId, jobId, by: "ann" }));
  const ids = await Promise.all([first, ...others]);
  expect(new Set(ids).size).toBe(251);
  for (const id of ids) expect(await world.ended(id)).toBe("succeeded");
});
