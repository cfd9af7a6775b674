/** A server's place in the register: its lease, poolers in between, and the database's clock. */
import { expect, test } from "vitest";
import { engineWorld } from "../../test/setup/engine-world.ts";
import { startProxy } from "../../test/setup/proxy.ts";
import { connectDirectly } from "../store/direct-connection.ts";
import { createClock } from "./clock.ts";

/** On a busy machine. */
const SOON = { timeout: 15_000 };

test("a pooler is found out by the process that it names, and a server behind it has no lock but a lease", async () => {
  const world = await engineWorld();
  const { pool, connection } = world.database;
  for (const pooler of [false, true]) {
    const proxy = await startProxy(connection, { pooler });
    const engine = await world.newEngine({ connect: () => connectDirectly(proxy.connection) });
    await engine.start();
    const { rows } = await pool.query("select lock_key is null as pooled from server");
    expect(rows).toEqual([{ pooled: pooler }]);
    const jobId = await world.addJob({});
    const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
    expect(await world.ended(id)).toBe("succeeded");
    await engine.stop();
    expect((await pool.query("select from server")).rowCount).toBe(0);
  }
});

test("a server whose lease ran out is taken for lost, though its lock is held", async () => {
  const world = await engineWorld();
  const { pool } = world.database;
  // It does not beat again while the test lasts.
  const lease = { leaseMs: 600_000, beatMs: 600_000 };
  const [first, second] = [await world.newEngine({ lease }), await world.newEngine()];
  await first.start();
  const { rows: before } = await pool.query<{ id: string }>("select id from server");
  await second.start();
  const lost = world.observed((one) => one.event === "server-lost");
  // Again while it is there: its first beat may still be under way.
  const expire = "update server set lease_until = now() - interval '1 second' where id = $1";
  await expect.poll(async () => (await pool.query(expire, [before[0]?.id])).rowCount, SOON).toBe(0);
  expect(await lost).toMatchObject({ serverId: before[0]?.id });
});

test("the machine's clock is corrected by its distance from the database's, up to a second", async () => {
  let wrongMs = 400;
  const clock = createClock(() => new Date(Date.now() + wrongMs));
  const world = await engineWorld();
  const engine = await world.newEngine({ clock, now: clock.now, lease: { leaseMs: 600, beatMs: 20 } });
  await engine.start();
  const offBy = () => Math.abs(clock.now().getTime() - Date.now());
  await expect.poll(offBy, SOON).toBeLessThan(300);
  // Beyond it no work is taken; a clock that was set right takes it again.
  wrongMs = -5_000;
  await world.observed((one) => one.event === "clock-apart" && one.milliseconds > 4_000);
  const jobId = await world.addJob({});
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await world.database.pool.query("update node_run set ready_at = ready_at - interval '10 seconds'");
  engine.wake();
  const beaten = async () => (await world.database.pool.query("select beat_at from server")).rows[0]?.beat_at;
  const at = await beaten();
  await expect.poll(beaten, SOON).not.toEqual(at);
  expect(await world.nodeStates(id)).toBe("a:ready");
  wrongMs = 0;
  await expect.poll(offBy, SOON).toBeLessThan(300);
  engine.wake();
  expect(await world.ended(id)).toBe("succeeded");
});

test("a reading moves the clock no further than it must, for it may have been taken at any moment of its trip", () => {
  const clock = createClock(() => new Date(0));
  clock.compare(new Date(700), new Date(0), new Date(1_000));
  expect(clock.distanceMs()).toBe(0);
  clock.compare(new Date(700), new Date(0), new Date(400));
  expect(clock.distanceMs()).toBe(299);
  expect(clock.now()).toEqual(new Date(299));
  clock.compare(new Date(100), new Date(0), new Date(10));
  expect(clock.distanceMs()).toBe(101);
  clock.compare(new Date(-9_000), new Date(0), new Date(0));
  expect(clock.apart()).toBe(true);
  expect(clock.now()).toEqual(new Date(0));
});
