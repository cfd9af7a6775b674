/** Slots are shared among projects over time, on the real step. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { registerServer } from "../../test/setup/registered-server.ts";
import { insertInstances } from "../store/instances.ts";
import { type Claim, step } from "../store/node-runs.ts";
import { createShares } from "./shares.ts";

const RUN_MS = 10_000;

/** Lets projects with these weights, each with more ready than is ever run, use a server; gives the runs of each. */
async function share(
  weights: readonly number[],
  { slots, runs }: { slots: number; runs: number },
): Promise<number[]> {
  const { pool } = await testDatabase();
  const serverId = await registerServer(pool);
  const projects = weights.map(() => randomBytes(16).toString("hex"));
  let now = new Date("2026-01-01T00:00:00Z");
  for (const [n, id] of projects.entries()) {
    await pool.query("insert into project (id, name, weight, created_at) values ($1, $2, $3, now())", [
      id,
      `p${n}`,
      weights[n],
    ]);
    const nodes = Array.from({ length: runs }, () => ({ lane: "process", need: 0, successors: [] }) as const);
    const instance = {
      projectId: id,
      workspaceId: "default",
      jobName: "j",
      origin: "manual",
      waits: false,
      priority: 0,
      parameters: {},
      plannedAt: now,
      createdBy: "test",
      nodes,
    } as const;
    await insertInstances(pool, [instance], now);
  }
  const shares = createShares(() => now);
  const running: Claim[] = [];
  const counts = projects.map(() => 0);
  for (let started = 0; started < runs; ) {
    const done = running.length < slots ? [] : running.splice(0, 1);
    for (const { projectId } of done) shares.end("process", projectId);
    const { claims } = await step(pool, {
      now,
      serverId,
      fence: randomBytes(6).readUIntBE(0, 6),
      successes: done.map((claim) => ({ claim })),
      wants: [{ lane: "process", want: 1 }],
      used: shares.used(["process"]),
    });
    for (const claim of claims) {
      shares.begin("process", claim.projectId);
      running.push(claim);
      started += 1;
      counts[projects.indexOf(claim.projectId)] = (counts[projects.indexOf(claim.projectId)] ?? 0) + 1;
    }
    now = new Date(now.getTime() + RUN_MS / slots);
  }
  return counts;
}

test("over time each project runs as much as its weight says, on many slots and on one", async () => {
  const near = (count: number) => [expect.closeTo(count * 0.75, -1), expect.closeTo(count * 0.25, -1)];
  expect(await share([3, 1], { slots: 8, runs: 80 })).toEqual(near(80));
  expect(await share([3, 1], { slots: 1, runs: 80 })).toEqual(near(80));
  expect(await share([1, 1], { slots: 3, runs: 60 })).toEqual([
    expect.closeTo(30, -1),
    expect.closeTo(30, -1),
  ]);
});

test("what runs counts in full, what ran lately decides between those that have the same", () => {
  let now = new Date(0);
  const shares = createShares(() => now);
  shares.begin("process", "a");
  shares.begin("process", "a");
  shares.begin("process", "b");
  shares.begin("inline", "b");
  now = new Date(60_000);
  const used = shares.used(["process"]);
  expect(used.map(({ projectId }) => projectId)).toEqual(["a", "b"]);
  expect(used[0]?.slots).toBeCloseTo(2 + 2 / 3);
  expect(used[1]?.slots).toBeCloseTo(1 + 1 / 3);
  for (const project of ["a", "a", "b"]) shares.end("process", project);
  const [a, b] = shares.used(["process"]);
  expect(a?.slots).toBeCloseTo(2 / 3);
  expect(b?.slots).toBeCloseTo(1 / 3);
  // Long idle, it is forgotten.
  now = new Date(3_600_000);
  expect(shares.used(["process"])).toEqual([]);
  expect(shares.used(["inline"])).toMatchObject([{ projectId: "b" }]);
});
