/** Servers that are lost, and what becomes of what they were running. */
import { expect, test } from "vitest";
import {
  type EngineWorld,
  engineWorld,
  node,
  testOperator,
  untilAborted,
} from "../../test/setup/engine-world.ts";
import { listNodeRuns } from "../store/instances.ts";
import type { EngineDeps } from "./engine.ts";

/** An engine whose register connection can be cut, and whose first attempt at node `a` runs until then. */
async function cuttable(world: EngineWorld, changes: Partial<EngineDeps> = {}) {
  const reasons: unknown[] = [];
  const { promise: begun, resolve: onBegun } = Promise.withResolvers<void>();
  const engine = await world.newEngine({
    ...changes,
    operators: [
      testOperator(async (work, context) => {
        if (work.nodeName !== "a" || work.attempt > 1) return { state: "succeeded" };
        onBegun();
        const outcome = await untilAborted(context);
        reasons.push(context.signal.reason);
        return outcome;
      }),
    ],
  });
  const cut = async () => {
    const { rows } = await world.database.pool.query(
      `select pg_terminate_backend(l.pid) from pg_locks l join server s
       on l.locktype = 'advisory' and (l.classid::bigint << 32 | l.objid::bigint) = s.lock_key`,
    );
    return rows.length;
  };
  return { engine, cut, reasons, begun };
}

async function servers(world: EngineWorld): Promise<string[]> {
  const { rows } = await world.database.pool.query<{ id: string }>("select id from server");
  return rows.map(({ id }) => id);
}

test("a server that loses its place ends its attempts, registers anew, and they are run again", async () => {
  const world = await engineWorld();
  const { engine, cut, reasons, begun } = await cuttable(world);
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a"), node("b", ["a"])] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await begun;
  const [before] = await servers(world);
  expect(await cut()).toBe(1);
  expect(await world.ended(id)).toBe("succeeded");
  expect(reasons).toEqual(["lost"]);
  const [run] = await listNodeRuns(world.database.pool, world.projectId, id);
  expect(run).toMatchObject({ attempt: 2, losses: 1, tries: 0 });
  const { rows: attempts } = await world.database.pool.query("select attempt, outcome from attempt");
  expect(attempts).toEqual([{ attempt: 1, outcome: "lost" }]);
  await expect.poll(() => servers(world)).toEqual([expect.not.stringMatching(before ?? "")]);
});

test("a claim that reaches the database after its server was given up is none", async () => {
  const world = await engineWorld();
  const { pool } = world.database;
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const { promise: sent, resolve: send } = Promise.withResolvers<void>();
  let held = false;
  const slow: typeof pool = Object.create(pool, {
    query: {
      value: async (statement: { readonly name: string; readonly values: readonly unknown[] }) => {
        if (statement.name === "step" && !held) {
          held = true;
          onAsked();
          await sent;
        }
        return await pool.query(statement as never);
      },
    },
  });
  const { engine, cut } = await cuttable(world, { pool: slow });
  await engine.start();
  await asked;
  const jobId = await world.addJob({ nodes: [node("b")] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  const [before] = await servers(world);
  expect(await cut()).toBe(1);
  await expect.poll(() => servers(world)).toEqual([expect.not.stringMatching(before ?? "")]);
  send();
  expect(await world.ended(id)).toBe("succeeded");
  const [run] = await listNodeRuns(pool, world.projectId, id);
  expect(run).toMatchObject({ attempt: 1, losses: 0 });
});

test("a node that loses its server again and again fails", async () => {
  const world = await engineWorld((_, context) => untilAborted(context));
  const engine = await world.newEngine();
  const { pool } = world.database;
  await engine.start();
  const jobId = await world.addJob({});
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  for (let loss = 1; loss <= 4; loss++) {
    await expect
      .poll(async () => (await listNodeRuns(pool, world.projectId, id))[0])
      .toMatchObject({ attempt: loss, state: "running" });
    // As if a server had died that is not in the register any more.
    await pool.query("update node_run set server_id = gen_random_uuid()");
    await pool.query(
      `select pg_terminate_backend(l.pid) from pg_locks l join server s
       on l.locktype = 'advisory' and (l.classid::bigint << 32 | l.objid::bigint) = s.lock_key`,
    );
  }
  expect(await world.ended(id)).toBe("failed");
  const [run] = await listNodeRuns(pool, world.projectId, id);
  expect(run?.message).toBe("its server was lost 4 times while it ran");
});

test("two servers share the work, and each does every node once", async () => {
  const runs = new Map<string, number>();
  const world = await engineWorld(async ({ idempotencyKey }) => {
    runs.set(idempotencyKey, (runs.get(idempotencyKey) ?? 0) + 1);
    await new Promise(setImmediate);
    return { state: "succeeded" };
  });
  const slots = { inline: 4, process: 4, stream: 1, child: 1, remote: 1 };
  const engines = [await world.newEngine({ slots }), await world.newEngine({ slots })];
  for (const engine of engines) await engine.start();
  const nodes = [node("a"), ...[..."bcdefgh"].map((name) => node(name, ["a"])), node("z", [..."bcdefgh"])];
  const jobId = await world.addJob({ nodes });
  const ids = await Promise.all(
    Array.from(
      { length: 20 },
      (_, n) => engines[n % 2]?.runNow({ projectId: world.projectId, jobId, by: "x" }) ?? 0,
    ),
  );
  for (const id of ids) expect(await world.ended(id)).toBe("succeeded");
  expect(runs.size).toBe(20 * nodes.length);
  expect([...runs.values()].every((count) => count === 1)).toBe(true);
  const { rows } = await world.database.pool.query(
    "select count(distinct server_id) as servers from node_run",
  );
  expect(rows).toEqual([{ servers: 2 }]);
});

test("a stop reaches the server that runs the node", async () => {
  const world = await engineWorld((_, context) => untilAborted(context));
  const worker = await world.newEngine({ roles: ["worker"] });
  const api = await world.newEngine({ roles: [] });
  await worker.start();
  await api.start();
  const jobId = await world.addJob({});
  const id = await api.runNow({ projectId: world.projectId, jobId, by: "x" });
  await expect.poll(() => world.nodeStates(id)).toBe("a:running");
  await api.stopInstance({ projectId: world.projectId, instanceId: id, by: "ann" });
  expect(await world.ended(id)).toBe("stopped");
});

test("an attempt that ignores that it is to end does not hold up the stop, and the next server runs it again", async () => {
  const world = await engineWorld();
  const never = testOperator(() => new Promise(() => undefined));
  const first = await world.newEngine({ operators: [never], abortGraceMs: 0 });
  await first.start();
  const jobId = await world.addJob({});
  const id = await first.runNow({ projectId: world.projectId, jobId, by: "x" });
  await expect.poll(() => world.nodeStates(id)).toBe("a:running");
  await first.stop();
  const next = await world.newEngine();
  await next.start();
  expect(await world.ended(id)).toBe("succeeded");
  const [run] = await listNodeRuns(world.database.pool, world.projectId, id);
  expect(run).toMatchObject({ attempt: 2, losses: 1, tries: 0 });
  await expect.poll(() => servers(world)).toHaveLength(1);
});

test.each([
  ["step", "answer"],
  ["list-instances-by-id", "question"],
])("nothing is lost with the %s of the database when its %s is", async (statement, lost) => {
  const runs: number[] = [];
  const world = await engineWorld(({ attempt }) => {
    runs.push(attempt);
    return { state: "succeeded" };
  });
  const { pool } = world.database;
  let losses = 0;
  const flaky: typeof pool = Object.create(pool, {
    query: {
      value: async (asked: { readonly name: string; readonly values: readonly unknown[] }) => {
        const strikes = asked.name === statement && losses < 3 && runs.length < 3;
        const reply = strikes && lost === "question" ? undefined : await pool.query(asked as never);
        if (!strikes) return reply;
        losses += 1;
        throw new RangeError("the connection broke");
      },
    },
  });
  const engine = await world.newEngine({ pool: flaky });
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a"), node("b", ["a"]), node("c", ["b"])] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await expect
    .poll(() => world.nodeStates(id), { timeout: 20_000 })
    .toBe("a:succeeded b:succeeded c:succeeded");
  expect(losses).toBe(3);
  expect(runs).toEqual([1, 1, 1]);
});
