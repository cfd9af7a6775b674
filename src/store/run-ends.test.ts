/** The ends of runs, kept for those who wait for them. */
import { expect, test } from "vitest";
import { engineWorld, node } from "../../test/setup/engine-world.ts";
import { pin } from "../engine/definitions.ts";
import { startInstances } from "../engine/start.ts";
import { transaction } from "./database.ts";
import { listJobsWithEnds, takeEndsOfJob } from "./run-ends.ts";

test("an end is told in the commit that ends the run, where somebody waits for it, and once", async () => {
  const world = await engineWorld();
  const { projectId } = world;
  const { pool } = world.database;
  const [awaited, unawaited] = [await world.addJob({}), await world.addJob({})];
  const definition = {
    kind: "batch",
    nodes: [node("a")],
    parameters: [],
    schedule: { type: "once" },
    priority: 0,
    dryRun: false,
  } as const;
  const [at, later] = [new Date("2001-01-01T00:00:00Z"), new Date("2001-01-02T00:00:00Z")];
  const startOf = (jobId: number, plannedAt: Date, waits: boolean) =>
    ({
      projectId,
      workspaceId: "default",
      job: { id: jobId, version: 1 },
      name: "j",
      pinned: pin(definition),
      origin: "schedule",
      parameters: {},
      plannedAt,
      by: "somebody",
      waits,
    }) as const;
  const starts = [startOf(awaited, at, false), startOf(awaited, later, true), startOf(unawaited, at, false)];
  const [told = 0, waiting = 0, untold = 0] = await startInstances(pool, starts, {
    operators: new Map(),
    now: at,
  });
  // Without the role `scheduler` nobody takes the ends but this test.
  const engine = await world.newEngine({ roles: ["worker"] });
  await engine.start();
  expect(await world.ended(told)).toBe("succeeded");
  expect(await world.ended(untold)).toBe("succeeded");

  expect(await listJobsWithEnds(pool, 10)).toEqual([{ projectId, jobId: awaited }]);
  const take = () => transaction(pool, (db) => takeEndsOfJob(db, projectId, awaited));
  const undone = transaction(pool, async (db) => {
    expect(await takeEndsOfJob(db, projectId, awaited)).toHaveLength(2);
    throw new RangeError("undone");
  });
  await expect(undone).rejects.toThrow("undone");
  expect(await take()).toEqual([
    { plannedAt: later, instanceId: waiting, state: "waiting" },
    { plannedAt: at, instanceId: told, state: "succeeded" },
  ]);
  expect(await take()).toEqual([]);
  expect(await listJobsWithEnds(pool, 10)).toEqual([]);
});
