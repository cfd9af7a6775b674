/** The ends of runs, kept for those who wait for them. */
import { expect, test } from "vitest";
import { engineWorld, node } from "../../test/setup/engine-world.ts";
import { pin } from "../engine/definitions.ts";
import { startInstances } from "../engine/start.ts";
import { transaction } from "./database.ts";
import { takeRunEnds } from "./run-ends.ts";

test("an end is told in the commit that ends the run, to whom it concerns alone, and once", async () => {
  const world = await engineWorld();
  const { pool } = world.database;
  const definition = {
    kind: "batch",
    nodes: [node("a")],
    parameters: [],
    schedule: { type: "once" },
    priority: 0,
    dryRun: false,
  } as const;
  const now = new Date("2001-01-01T00:00:00Z");
  const start = {
    projectId: world.projectId,
    workspaceId: "default",
    name: "child",
    pinned: pin(definition),
    origin: "sub-job",
    parameters: {},
    plannedAt: now,
    by: "somebody",
    waits: false,
  } as const;
  const [told = 0, untold = 0] = await startInstances(pool, [{ ...start, tells: "parent" }, start], {
    operators: new Map(),
    now,
  });
  const engine = await world.newEngine();
  await engine.start();
  expect(await world.ended(told)).toBe("succeeded");
  expect(await world.ended(untold)).toBe("succeeded");
  const take = () => transaction(pool, (db) => takeRunEnds(db, "parent", 10));
  const undone = transaction(pool, async (db) => {
    await takeRunEnds(db, "parent", 10);
    throw new RangeError("undone");
  });
  await expect(undone).rejects.toThrow("undone");
  expect(await transaction(pool, (db) => takeRunEnds(db, "trigger", 10))).toEqual([]);
  expect(await take()).toEqual([
    { projectId: world.projectId, jobId: null, plannedAt: now, instanceId: told, state: "succeeded" },
  ]);
  expect(await take()).toEqual([]);
});
