/** A backfill under load: it fills what is left of a server, and keeps nothing else waiting. */
import { expect, test } from "vitest";
import { engineWorld, node, testOperator } from "../../test/setup/engine-world.ts";
import type { JobSchedule } from "../domain/schedule.ts";
import { findBackfill } from "../store/backfills.ts";

const HOURLY: JobSchedule = {
  type: "cron",
  cron: { expression: "0 0 * * * ?", zone: "UTC", afterOwnPrevious: false },
};
const SLOTS = 3;

/** A server of three slots, all of them used by a backfill of job `past`; each attempt lasts until it is ended. */
async function setup() {
  const started: string[] = [];
  const going: { readonly name: string; readonly end: () => void }[] = [];
  const operator = testOperator(
    ({ nodeName: name }) =>
      new Promise((resolve) => {
        started.push(name);
        going.push({ name, end: () => resolve({ state: "succeeded" }) });
      }),
  );
  const world = await engineWorld();
  const { projectId } = world;
  world.setTime(new Date("2026-11-23T09:30:00Z"));
  const engine = await world.newEngine({
    operators: [operator],
    slots: { inline: 10, process: SLOTS, stream: 1, child: 10, remote: 10 },
  });
  await engine.start();
  await world.addJob({ schedule: HOURLY, nodes: [node("past")] }, "past");
  await engine.createBackfill({
    projectId,
    workspaceId: "default",
    name: "b",
    jobName: "past",
    dependents: [],
    spec: {
      startsAt: new Date("2001-01-01T00:00:00Z"),
      endsAt: new Date("2001-01-01T10:00:00Z"),
      parallelMax: 5,
      dayGranularity: false,
      newestFirst: false,
      stopOnFailure: false,
      parameters: {},
    },
    force: false,
    by: "ann",
  });
  await expect.poll(() => started).toEqual(Array(SLOTS).fill("past"));
  const end = (name: string, count: number) => {
    for (let n = 0; n < count; n += 1) {
      const place = going.findIndex((one) => one.name === name);
      for (const one of going.splice(place, 1)) one.end();
    }
  };
  const backfill = () => findBackfill(world.database.pool, { projectId, workspaceId: "default" }, "b");
  return { world, engine, started, end, backfill };
}

test("scheduled and manual runs start at once although a backfill fills every slot", async () => {
  const { world, engine, started, end, backfill } = await setup();
  const { projectId } = world;
  const past = Array(SLOTS).fill("past");
  const jobId = await world.addJob({ schedule: HOURLY, nodes: [node("today")] });
  await engine.startJob({ projectId, jobId, by: "ann" });
  world.setTime(new Date("2026-11-23T10:00:00Z"));
  engine.wake();
  const manual = await world.addJob({ nodes: [node("now")] });
  for (let n = 0; n < SLOTS - 1; n += 1) await engine.runNow({ projectId, jobId: manual, by: "ann" });
  // Nothing of the backfill had to end for them; two more of it are ready and stand behind.
  await expect.poll(() => started.toSorted()).toEqual([...past, "now", "now", "today"].toSorted());
  expect((await backfill())?.progress).toMatchObject({ running: 5, succeeded: 0 });
  // While other work has all slots, the backfill gets none, not even of those that its own runs leave.
  end("past", SLOTS);
  await expect.poll(async () => (await backfill())?.progress).toMatchObject({ succeeded: 3, running: 5 });
  expect(started).toHaveLength(2 * SLOTS);
  // A slot that other work leaves is its.
  end("now", 1);
  await expect.poll(() => started.length).toBe(2 * SLOTS + 1);
  expect(started.at(-1)).toBe("past");
  end("now", 1);
  end("today", 1);
  for (let left = 7; left > 0; left -= 1) {
    await expect.poll(() => started.filter((name) => name === "past").length).toBeGreaterThan(10 - left);
    end("past", 1);
  }
  await expect.poll(async () => (await backfill())?.state).toBe("succeeded");
});
