/** Tasks on a real database: one claim carries one out, and what a server lost another takes over. */
import { randomUUID } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import type { Observation } from "../domain/observation.ts";
import { NO_CHANGES } from "../domain/package.ts";
import {
  claimTask,
  endTask,
  endTaskLines,
  findTask,
  insertTask,
  insertTaskLines,
  listTaskLines,
  releaseTask,
  renewTask,
} from "../store/system-tasks.ts";
import { createTaskLoop, type TaskLoopDeps } from "./tasks.ts";

const PROJECT = "0123456789abcdef0123456789abcdef";
const KEY = { projectId: PROJECT, workspaceId: "default" };
const NOW = new Date("2026-01-02T03:04:05Z");
const DONE = { state: "successful", message: null } as const;

async function setup() {
  const { pool } = await testDatabase();
  await pool.query("insert into project (id, name, created_at) values ($1, 'one', $2)", [PROJECT, NOW]);
  const seen: Observation[] = [];
  return {
    pool,
    seen,
    /** Adds a task and gives its id. */
    add: async (path = "obs://b/p.zip") => {
      const id = randomUUID().replaceAll("-", "");
      const request = { path, sameNamePolicy: "skip", changes: NO_CHANGES, hiddenWorkspaces: [] } as const;
      await insertTask(
        pool,
        { ...KEY, id, kind: "import-jobs", secretsSealed: null, name: path, request, by: "ada", at: NOW },
        100,
      );
      return id;
    },
    find: async (id: string) => await findTask(pool, KEY, id),
    loop: (run: TaskLoopDeps["run"]) => {
      const loop = createTaskLoop({ pool, run, now: () => NOW, observe: (one) => seen.push(one) });
      onTestFinished(() => loop.stop());
      loop.start();
      return loop;
    },
    claim: (leaseMs = 60_000, fence = 1) => claimTask(pool, { fence, leaseMs }),
  };
}

async function claimed(world: Awaited<ReturnType<typeof setup>>) {
  const task = await world.claim();
  if (task === undefined) throw new RangeError("there is a task");
  return task;
}

test("tasks are carried out in the order in which they were asked for, and end as their work says", async () => {
  const { add, find, loop } = await setup();
  const ids = [await add("obs://b/1"), await add("obs://b/2")];
  const paths: string[] = [];
  const running = loop(async ({ request, createdBy, tries }) => {
    expect([createdBy, tries]).toEqual(["ada", 1]);
    paths.push(request.path);
    return paths.length === 1 ? DONE : { state: "warning", message: "x".repeat(5000) };
  });
  await running.round();
  expect(paths.toSorted()).toEqual(["obs://b/1", "obs://b/2"]);
  const tasks = await Promise.all(ids.map(find));
  expect(tasks.map((task) => task?.state).toSorted()).toEqual(["successful", "warning"]);
  expect(tasks.map((task) => task?.message?.length ?? 0).toSorted()).toEqual([0, 4000]);
  expect(tasks.map((task) => task?.endedAt)).toEqual([NOW, NOW]);
});

test("a task belongs to one claim until its lease is over", async () => {
  const { add, claim } = await setup();
  await add();
  expect(await claim(0, 1)).toMatchObject({ fence: 1, tries: 1 });
  expect(await claim(60_000, 2)).toMatchObject({ fence: 2, tries: 2 });
  expect(await claim(60_000, 3)).toBeUndefined();
});

test("who lost his claim can write nothing any more", async () => {
  const world = await setup();
  const id = await world.add();
  const old = (await world.claim(0, 1)) ?? expect.fail("there is a task");
  const present = (await world.claim(60_000, 2)) ?? expect.fail("there is a task");
  const lines = [{ kind: "job", name: "a" }];
  const line = { no: 0, state: "successful", message: null } as const;
  expect(await insertTaskLines(world.pool, old, lines, NOW)).toBe(false);
  expect(await insertTaskLines(world.pool, present, lines, NOW)).toBe(true);
  expect(await endTaskLines(world.pool, old, [line], NOW)).toBe(false);
  expect(await renewTask(world.pool, old, 1000)).toBe(false);
  expect(await endTask(world.pool, old, { ...DONE, at: NOW })).toBe(false);
  await releaseTask(world.pool, old);
  expect(await renewTask(world.pool, present, 1000)).toBe(true);
  expect(await endTaskLines(world.pool, present, [line], NOW)).toBe(true);
  expect(await endTask(world.pool, present, { ...DONE, at: NOW })).toBe(true);
  expect(await world.find(id)).toMatchObject({ state: "successful" });
  expect(await listTaskLines(world.pool, present)).toMatchObject([{ state: "successful" }]);
});

test("a server that stops gives its task back, and that counts as no try", async () => {
  const world = await setup();
  const id = await world.add();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const running = world.loop((_task, signal) => {
    begin();
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  await begun;
  await running.stop();
  expect(await world.find(id)).toMatchObject({ state: "running" });
  expect(await claimed(world)).toMatchObject({ id, tries: 1 });
});

test("a task that breaks is told of, and fails after its fifth try", async () => {
  const world = await setup();
  const id = await world.add();
  const running = world.loop(async () => {
    throw new RangeError("broken");
  });
  for (let tries = 1; tries <= 5; tries += 1) {
    await running.round();
    await world.pool.query("update system_task set lease_until = now()");
  }
  await running.round();
  expect(await world.find(id)).toMatchObject({
    state: "failed",
    message: expect.stringContaining("after 5 tries"),
  });
  expect(world.seen).toContainEqual({ event: "loop-failed", loop: "tasks", error: new RangeError("broken") });
});
