/** Instances that wait or run too long, on the real engine with a clock of the test's own. */
import { expect, test } from "vitest";
import { engineWorld, node, untilAborted } from "../../test/setup/engine-world.ts";
import type { JobDefinition } from "../domain/job.ts";
import { findInstance } from "../store/instances.ts";
import { createDefinitions, indexOperators } from "./definitions.ts";
import { startInstances } from "./start.ts";

const START = new Date("2026-01-01T00:00:00Z");
const minutes = (count: number) => new Date(START.getTime() + count * 60_000);

/** A world whose nodes run until they are told to end; its clock stands at `START`. */
async function setup() {
  const world = await engineWorld((_, context) => untilAborted(context));
  const { database, projectId } = world;
  world.setTime(START);
  const messageOf = async (id: number) => (await findInstance(database.pool, projectId, id))?.errorMessage;
  const dueAt = async (id: number) =>
    (await database.pool.query("select times_out_at as at from instance where id = $1", [id])).rows[0]?.at;
  /** An instance that waits for nothing that ever comes. */
  const startWaiting = async (definition: Partial<JobDefinition>) => {
    const jobId = await world.addJob(definition);
    const key = { projectId, jobId, jobVersion: 1 };
    const [pinned] = await createDefinitions(database.pool).pinnedVersions([key]);
    if (pinned === undefined) throw new RangeError("no such job");
    const start = {
      projectId,
      workspaceId: "default",
      job: { id: jobId, version: 1 },
      name: "j",
      pinned,
      origin: "manual",
      parameters: {},
      plannedAt: START,
      by: "ann",
      waits: true,
    } as const;
    const [id = 0] = await startInstances(database.pool, [start], {
      operators: indexOperators([]),
      now: START,
    });
    return id;
  };
  return { ...world, messageOf, dueAt, startWaiting };
}

test("an instance that runs longer than its job allows fails, and what runs of it is told to end", async () => {
  const world = await setup();
  const engine = await world.newEngine();
  await engine.start();
  const jobId = await world.addJob({
    nodes: [node("a"), node("b", ["a"])],
    limits: { runSeconds: 300, runAfterWait: false },
  });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "ann" });
  expect(await world.dueAt(id)).toEqual(minutes(5));
  world.setTime(minutes(5));
  engine.wake();
  expect(await world.ended(id)).toBe("failed");
  expect(await world.nodeStates(id)).toBe("a:cancelled b:cancelled");
  expect(await world.messageOf(id)).toBe("it took longer than 5 min");
});

test("a limit holds although the server was restarted meanwhile", async () => {
  const world = await setup();
  const first = await world.newEngine();
  await first.start();
  const jobId = await world.addJob({ limits: { runSeconds: 300, runAfterWait: false } });
  const id = await first.runNow({ projectId: world.projectId, jobId, by: "ann" });
  await first.stop();
  world.setTime(minutes(90));
  await (await world.newEngine()).start();
  expect(await world.ended(id)).toBe("failed");
});

test("an instance that is paused has no limit, and the whole time again when it is resumed or rerun", async () => {
  const world = await setup();
  const engine = await world.newEngine();
  const { projectId } = world;
  const jobId = await world.addJob({ limits: { runSeconds: 300, runAfterWait: false } });
  const instanceId = await engine.runNow({ projectId, jobId, by: "ann" });
  const act = (name: "pause" | "resume" | "stop" | "rerun") =>
    engine.operate({ projectId, instanceId, by: "ann" }, { act: name });
  await act("pause");
  expect(await world.dueAt(instanceId)).toBeNull();
  world.setTime(minutes(10));
  await act("resume");
  expect(await world.dueAt(instanceId)).toEqual(minutes(15));
  await act("stop");
  world.setTime(minutes(20));
  await act("rerun");
  expect(await world.dueAt(instanceId)).toEqual(minutes(25));
});

test("an instance that waits too long fails, or is stopped where it is overdue", async () => {
  const world = await setup();
  const engine = await world.newEngine({ roles: ["scheduler"] });
  await engine.start();
  const failing = await world.startWaiting({ settings: { waitMinutes: 30 } });
  const overdue = await world.startWaiting({
    limits: { runAfterWait: true, runSeconds: 300, overdueSeconds: 86_400 },
  });
  const counted = await world.startWaiting({ limits: { runAfterWait: false, runSeconds: 300 } });
  world.setTime(minutes(6));
  engine.wake();
  expect(await world.ended(counted)).toBe("failed");
  expect(await world.messageOf(counted)).toBe("it took longer than 5 min, its waiting included");
  world.setTime(minutes(30));
  engine.wake();
  expect(await world.ended(failing)).toBe("failed");
  expect(await world.messageOf(failing)).toBe("it waited longer than 30 min");
  world.setTime(minutes(1440));
  engine.wake();
  expect(await world.ended(overdue)).toBe("stopped");
  expect(await world.messageOf(overdue)).toBe("it waited longer than a day");
});

test("a job without limits waits and runs as long as it takes", async () => {
  const world = await setup();
  expect(await world.dueAt(await world.startWaiting({}))).toBeNull();
});
