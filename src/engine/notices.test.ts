/** The delivery of notices: one at a time for each target, tried again, given up, and never lost or sent for two. */
import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { QUEUE_MAX } from "../domain/notice.ts";
import type { Observation } from "../domain/observation.ts";
import { type ClaimedDelivery, claimDeliveries, insertNotices, listNotices } from "../store/notices.ts";
import { findTopic, insertTarget, insertTopic } from "../store/topics.ts";
import { createNoticeLoop } from "./notices.ts";

type Tried = Extract<Observation, { event: "notice-tried" }>;

async function setup(send: (delivery: ClaimedDelivery, signal: AbortSignal) => Promise<void>) {
  const { pool } = await testDatabase();
  const projectId = randomBytes(16).toString("hex");
  const clock = { now: new Date("2026-11-23T06:00:00.000Z") };
  const now = () => clock.now;
  await pool.query("insert into project (id, name, created_at) values ($1, $2, now())", [
    projectId,
    projectId,
  ]);
  const by = { createdAt: now(), createdBy: "ada" };
  await insertTopic(pool, projectId, { name: "t", description: null, ...by });
  const topicId = (await findTopic(pool, projectId, "t"))?.id ?? 0;
  const addTarget = async () => {
    const id = randomBytes(16).toString("hex");
    const sealed = Buffer.from("sealed");
    await insertTarget(pool, projectId, { id, topicId, address: "https://hooks.example", sealed, ...by });
    return id;
  };
  const seen: Tried[] = [];
  const looks = new Set<() => void>();
  const observe = (observation: Observation) => {
    if (observation.event !== "notice-tried") return;
    seen.push(observation);
    for (const look of looks) look();
  };
  const newLoop = () => {
    const loop = createNoticeLoop({ pool, now, observe, send });
    onTestFinished(() => loop.stop());
    return loop;
  };
  return {
    pool,
    clock,
    addTarget,
    newLoop,
    seen,
    publish: (key: string, message = key) =>
      insertNotices(pool, [{ projectId, topicId, key, subject: "s", message }], clock.now),
    list: () => listNotices(pool, projectId, topicId, 20),
    tried: (count: number) =>
      new Promise<readonly Tried[]>((resolve) => {
        const look = () => {
          if (seen.length >= count) resolve(seen);
        };
        looks.add(look);
        look();
      }),
  };
}

test("each target is sent each notice once, in the order in which they were published", async () => {
  const sent: string[] = [];
  const world = await setup(async ({ targetId, message }) => void sent.push(`${targetId} ${message}`));
  const [one, two] = [await world.addTarget(), await world.addTarget()];
  expect(await world.publish("1")).toMatchObject([{ key: "1", targets: 2 }]);
  await world.publish("2");
  expect(await world.publish("1")).toMatchObject([{ key: "1", targets: 0 }]);
  world.newLoop().start();
  await world.tried(4);
  for (const target of [one, two])
    expect(sent.filter((line) => line.startsWith(target))).toEqual([`${target} 1`, `${target} 2`]);
  expect(await world.list()).toMatchObject([
    { deliveries: [{ state: "sent", tries: 1, error: null }, { state: "sent" }] },
    { deliveries: [{ state: "sent" }, { state: "sent" }] },
  ]);
});

test("a target that does not answer holds up no other", async () => {
  const world = await setup(({ targetId }, signal) =>
    targetId === slow
      ? new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("broken off"))))
      : Promise.resolve(),
  );
  const slow = await world.addTarget();
  const quick = await world.addTarget();
  for (const key of ["1", "2", "3"]) await world.publish(key);
  world.newLoop().start();
  const tried = await world.tried(3);
  expect(tried.map(({ targetId, outcome }) => [targetId, outcome])).toEqual([
    [quick, "sent"],
    [quick, "sent"],
    [quick, "sent"],
  ]);
});

test("what fails is tried again when its wait is over, and given up after the eighth try", async () => {
  const world = await setup(() => Promise.reject(new Error("HTTP status 500")));
  await world.addTarget();
  await world.publish("1");
  const loop = world.newLoop();
  loop.start();
  const waits = [10, 60, 300, 900, 3600, 10_800, 21_600];
  for (const [index, wait] of waits.entries()) {
    const tried = await world.tried(index + 1);
    expect(tried[index]).toMatchObject({ outcome: "again", message: "HTTP status 500" });
    const [notice] = await world.list();
    const nextAt = new Date(world.clock.now.getTime() + wait * 1000);
    const [delivery] = notice?.deliveries ?? [];
    expect(delivery).toMatchObject({ state: "waiting", tries: index + 1, error: "HTTP status 500" });
    expect(new Date(delivery?.nextAt ?? 0)).toEqual(nextAt);
    world.clock.now = nextAt;
    loop.wake();
  }
  expect((await world.tried(8))[7]).toMatchObject({ outcome: "failed" });
  expect(await world.list()).toMatchObject([{ deliveries: [{ state: "failed", tries: 8, nextAt: null }] }]);
});

test("what is under way when its server stops is due again at once, for any other", async () => {
  const begun = Promise.withResolvers<void>();
  let stopped = false;
  const world = await setup((_, signal) => {
    if (stopped) return Promise.resolve();
    begun.resolve();
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("broken off"))),
    );
  });
  await world.addTarget();
  await world.publish("1");
  const first = world.newLoop();
  first.start();
  await begun.promise;
  await first.stop();
  expect(world.seen).toEqual([]);
  stopped = true;
  world.newLoop().start();
  expect(await world.tried(1)).toMatchObject([{ outcome: "sent" }]);
});

test("a target that a server was sending to when it died is taken by another after a minute", async () => {
  const world = await setup(async () => undefined);
  await world.addTarget();
  await world.publish("1");
  const claim = () => {
    const busyUntil = new Date(world.clock.now.getTime() + 60_000);
    return claimDeliveries(world.pool, { now: world.clock.now, busyUntil, limit: 16 });
  };
  expect(await claim()).toMatchObject([{ tries: 1, message: "1", topic: "t" }]);
  expect(await claim()).toEqual([]);
  world.clock.now = new Date(world.clock.now.getTime() + 59_999);
  expect(await claim()).toEqual([]);
  world.clock.now = new Date(world.clock.now.getTime() + 1);
  expect(await claim()).toMatchObject([{ tries: 2 }]);
});

test("beyond its bound the queue of a target takes no more, and says so", async () => {
  const world = await setup(async () => undefined);
  const target = await world.addTarget();
  await world.publish("first");
  await world.pool.query(
    `with made as (
       insert into notice (project_id, topic_id, key, subject, message, detail, created_at)
       select n.project_id, n.topic_id, 'more/' || g, 's', 'm', '{}', n.created_at
       from notice n cross join generate_series(2, $2::integer) g where n.key = 'first' returning project_id, id, created_at
     )
     insert into notice_delivery (project_id, notice_id, target_id, state, next_at)
     select project_id, id, $1, 'waiting', created_at from made`,
    [target, QUEUE_MAX],
  );
  await world.publish("last");
  expect((await world.list())[0]?.deliveries).toMatchObject([
    { state: "failed", tries: 0, error: "too many notices waited for this target" },
  ]);
});
