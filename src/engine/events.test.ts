/** Jobs that start on events, on a real database: files that arrive in buckets. */
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { type EngineWorld, engineWorld, node, type TestWork } from "../../test/setup/engine-world.ts";
import type { EventSchedule } from "../domain/event.ts";
import { createBuckets } from "../store/buckets.ts";
import { listEventSources } from "../store/event-sources.ts";
import { deleteOldArrivals, recordArrival } from "../store/file-arrivals.ts";
import { listLedger } from "../store/ledger.ts";

const FOLDER: EventSchedule = {
  source: "files",
  channel: "obs://inbox/day",
  failPolicy: "suspend",
  concurrent: 10,
  readFrom: "last",
};

/** A job on files under `obs://inbox/day`; each run says which file it got, and `release` lets held runs end. */
async function setup(changes: Partial<EventSchedule> = {}, run?: TestWork) {
  const seen: string[] = [];
  const world = await engineWorld((work, context) => {
    seen.push(work.properties.file ?? "");
    return run?.(work, context) ?? { state: "succeeded" };
  });
  const properties = { file: "#{Job.trigger.obsNewFiles[0]}", data: "#{Job.eventData}" };
  const jobId = await world.addJob({
    nodes: [node("a", [], { properties })],
    schedule: { type: "event", event: { ...FOLDER, ...changes } },
  });
  const request = { projectId: world.projectId, jobId, by: "ann" };
  return { world, seen, request, ...handsOf(world, jobId) };
}

function handsOf(world: EngineWorld, jobId: number) {
  const { pool } = world.database;
  const { projectId } = world;
  const buckets = createBuckets(world.blobs, projectId, (path) =>
    recordArrival(pool, projectId, path, new Date()),
  );
  return {
    put: async (...names: string[]) => {
      for (const name of names) await buckets.write(`obs://inbox/${name}`, Readable.from([name]));
    },
    source: async () => (await listEventSources(pool, projectId, 10))[0],
    ledger: async () =>
      (await listLedger(pool, projectId, { workspaceId: "default", jobIds: [jobId] }, { limit: 100 }))
        .reverse()
        .map(({ state, reason }) => reason ?? state),
    /** Resolves when so many instances have ended. */
    ends: async (count: number) => {
      const ended = new Set<number>();
      await world.observed((one) => {
        if (one.event === "instance-ended") ended.add(one.instanceId);
        return ended.size >= count;
      });
    },
    status: async () =>
      (await pool.query<{ status: string }>("select status from job where id = $1", [jobId])).rows[0]?.status,
  };
}

test("each file that arrives under the path becomes one run that knows it", async () => {
  const { world, seen, request, put, ends, ledger, source } = await setup();
  const engine = await world.newEngine();
  await engine.start();
  await put("day/before");
  await engine.startJob(request);
  await put("day/a.csv", "daylight", "day/deep/b.csv", "other/c");
  await ends(2);
  expect(seen.toSorted()).toEqual(["obs://inbox/day/a.csv", "obs://inbox/day/deep/b.csv"]);
  await put("day/a.csv");
  await ends(3);
  expect(seen.at(-1)).toBe("obs://inbox/day/a.csv");
  expect(await ledger()).toEqual(["started", "started", "started"]);
  expect(await source()).toMatchObject({ state: "listening", lag: 0, position: { arrival: 5 } });
});

test("at most so many runs of a source have not ended, and the events that wait are not lost", async () => {
  const held: (() => void)[] = [];
  const { world, seen, request, put, ends, source } = await setup(
    { concurrent: 2 },
    () => new Promise((resolve) => held.push(() => resolve({ state: "succeeded" }))),
  );
  const engine = await world.newEngine();
  await engine.start();
  await engine.startJob(request);
  await put("day/1", "day/2", "day/3", "day/4");
  await expect.poll(() => held.length).toBe(2);
  await expect.poll(async () => (await source())?.lag).toBe(2);
  expect(await source()).toMatchObject({ running: 2, concurrent: 2, state: "listening" });
  held.shift()?.();
  await expect.poll(() => seen.length).toBe(3);
  for (let left = 3; left > 0; left -= 1) {
    await expect.poll(() => held.length).toBeGreaterThan(0);
    held.shift()?.();
  }
  await ends(4);
  expect(
    seen
      .map((path) => path.at(-1))
      .sort()
      .join(""),
  ).toBe("1234");
});

test("a failed run pauses its source until somebody acts, unless it is to be ignored", async () => {
  const failing: TestWork = ({ properties }) =>
    properties.file?.endsWith("bad") ? { state: "failed", message: "no" } : { state: "succeeded" };
  const { world, seen, request, put, source, status } = await setup({ concurrent: 1 }, failing);
  const engine = await world.newEngine();
  await engine.start();
  await engine.startJob(request);
  await put("day/bad", "day/good");
  await expect.poll(status).toBe("paused");
  expect(await source()).toMatchObject({
    state: "paused",
    reason: expect.stringMatching(/^instance \d+ failed$/),
  });
  expect(seen).toHaveLength(1);
  await engine.resumeEvents(request);
  await expect.poll(() => seen.length).toBe(2);
  expect(await status()).toBe("scheduling");
  await expect(engine.resumeEvents(request)).rejects.toMatchObject({ code: "event-source-state" });
  await expect(engine.resumeEvents({ ...request, jobId: 9999 })).rejects.toMatchObject({
    code: "event-source-missing",
  });

  const other = await setup({ concurrent: 1, failPolicy: "ignore" }, failing);
  const second = await other.world.newEngine();
  await second.start();
  await second.startJob(other.request);
  await other.put("day/bad", "day/good");
  await other.ends(2);
  expect(await other.status()).toBe("scheduling");
});

test("a start goes on behind the last event that was taken, or with those from now on", async () => {
  for (const [readFrom, expected] of [
    ["last", ["1", "2", "3"]],
    ["new", ["1", "3"]],
  ] as const) {
    const { world, seen, request, put, ends, status } = await setup({ readFrom });
    const engine = await world.newEngine();
    await engine.start();
    await engine.startJob(request);
    await put("day/1");
    await ends(1);
    await engine.stopJob(request);
    expect(await status()).toBe("stopped");
    await put("day/2");
    await engine.startJob(request);
    await put("day/3");
    await ends(expected.length);
    expect(seen.map((path) => path.at(-1)).sort()).toEqual(expected);
  }
});

test("arrivals are kept until a source in operation has them; a stopped one loses the old ones, and the ledger says so", async () => {
  for (const [readFrom, expected] of [
    ["last", ["started", "arrivals-expired", "started", "started"]],
    ["new", ["started", "started"]],
  ] as const) {
    const failing: TestWork = ({ properties }) =>
      properties.file?.endsWith("1") ? { state: "failed", message: "no" } : { state: "succeeded" };
    const { world, seen, request, put, source, status, ledger } = await setup(
      { readFrom, concurrent: 1 },
      failing,
    );
    const { pool } = world.database;
    const forget = (before: string) => deleteOldArrivals(pool, new Date(before), 1000);
    const engine = await world.newEngine();
    await engine.start();
    await engine.startJob(request);
    await put("day/1", "day/2");
    await expect.poll(status).toBe("paused");
    await forget("2999-01-01T00:00:00Z");
    const { rows: kept } = await pool.query("select path from file_arrival");
    expect(kept).toEqual([{ path: "obs://inbox/day/2" }]);
    await engine.stopJob(request);
    await put("day/3", "elsewhere/4");
    await pool.query(
      "update file_arrival set arrived_at = ('2026-01-0' || number || 'T00:00:00Z')::timestamptz",
    );
    await put("day/5");
    await forget("2026-02-01T00:00:00Z");
    expect(await source()).toMatchObject({ state: "stopped", lost: 2 });
    await engine.startJob(request);
    await put("day/6");
    await expect.poll(ledger).toEqual(expected);
    await expect
      .poll(() => seen.map((path) => path.at(-1)).join(""))
      .toBe(readFrom === "last" ? "156" : "16");
    expect(await source()).toMatchObject({ state: "listening", lost: 0 });
    const { rows } = await pool.query("select detail from planned_run where state = 'missed'");
    expect(rows.map(({ detail }) => detail)).toEqual(
      readFrom === "new"
        ? []
        : [
            "2 files that arrived from 2026-01-02T00:00:00.000Z to 2026-01-03T00:00:00.000Z started no run: the job was stopped, and arrivals are kept for 30 days then",
          ],
    );
  }
});

test("two servers share the events, each event once, and what came while none ran is not lost", async () => {
  const { world, seen, request, put, ends, ledger } = await setup();
  const first = await world.newEngine();
  await first.start();
  await first.startJob(request);
  await first.stop();
  await put("day/a", "day/b");
  const engines = [await world.newEngine(), await world.newEngine()];
  await Promise.all(engines.map((engine) => engine.start()));
  await Promise.all(Array.from({ length: 20 }, (_, index) => put(`day/${index}`)));
  await ends(22);
  expect(new Set(seen).size).toBe(22);
  expect(seen).toHaveLength(22);
  expect(await ledger()).toHaveLength(22);
});

test("a saved version listens where it says, and an ended kind of schedule ends the source", async () => {
  const { world, seen, request, put, ends, source, status } = await setup();
  const { pool } = world.database;
  const engine = await world.newEngine();
  await engine.start();
  await engine.startJob(request);
  const save = async (schedule: object) => {
    await pool.query(
      `with j as (update job set version = version + 1 where id = $1 returning version)
       insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
       select v.project_id, v.job_id, j.version, v.definition || jsonb_build_object('schedule', $2::jsonb), '{}', now(), ''
       from job_version v, j where v.job_id = $1 and v.version = j.version - 1`,
      [request.jobId, JSON.stringify(schedule)],
    );
    await engine.scheduleSaved(pool, request.projectId, request.jobId);
  };
  await save({ type: "event", event: { ...FOLDER, channel: "obs://inbox/night" } });
  await put("day/1", "night/2");
  await ends(1);
  expect(seen).toEqual(["obs://inbox/night/2"]);
  await expect(save({ type: "event", event: { ...FOLDER, channel: "nowhere" } })).rejects.toMatchObject({
    code: "schedule-invalid",
  });
  await save({ type: "once" });
  expect([(await source())?.state, await status()]).toEqual(["stopped", "stopped"]);
});

test("what cannot be listened to is refused at the start, and says why", async () => {
  for (const [changes, why] of [
    [{ source: "stream" }, /DIS is the vendor's own/],
    [{ channel: "inbox" }, /obs:\/\/bucket\/folder/],
    [{ source: "topic", channel: "orders" }, /connection\/topic/],
  ] as const) {
    const { world, request, status } = await setup(changes);
    const engine = await world.newEngine();
    await expect(engine.startJob(request)).rejects.toThrow(why);
    expect(await status()).toBe("stopped");
  }
});
