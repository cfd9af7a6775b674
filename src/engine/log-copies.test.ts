/** Copies of logs in the folder that a job names. */
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { engineWorld, node } from "../../test/setup/engine-world.ts";
import { NO_SOURCES } from "../../test/setup/no-sources.ts";
import type { Buckets } from "../operators/operator.ts";
import { readLog } from "../store/logs.ts";

function bucketsThat(write: Buckets["write"]) {
  return { ...NO_SOURCES, buckets: () => ({ ...NO_SOURCES.buckets("p"), write }) };
}

test("each attempt's log is copied to the job's folder, its secrets covered, and an empty one is not", async () => {
  const copies = new Map<string, string>();
  const connection = { name: "c", type: "RDS" as const, config: { password: "secret-1" }, warehouse: false };
  const sources = {
    ...bucketsThat(async (path, content) => void copies.set(path, await text(content))),
    loadConnection: async () => connection,
  };
  const world = await engineWorld(({ nodeName, attempt }, { log }) => {
    if (nodeName === "silent") return { state: "succeeded" };
    log(`${"x".repeat(200_000)} try ${attempt}, secret-1\n`);
    return attempt === 1 ? { state: "failed", message: "once more" } : { state: "succeeded" };
  });
  const nodes = [
    node("a/b", [], { retriesMax: 1, properties: { connectionName: "c" } }),
    node("silent", ["a/b"]),
  ];
  const jobId = await world.addJob({ nodes, logPath: "obs://logs/folder/" }, "job");
  const engine = await world.newEngine({ sources });
  await engine.start();
  const { projectId } = world;
  const id = await engine.runNow({ projectId, jobId, by: "x" });
  expect(await world.ended(id)).toBe("succeeded");
  expect([...copies.keys()].sort()).toEqual(
    [1, 2].map((attempt) => `obs://logs/folder/job/${id}/a_b-${attempt}.log`),
  );
  for (const copy of copies.values()) expect(copy).toMatch(/^x{200000} try \d, \*{9}\n$/);
});

test("a copy that fails is told in the log, and the node succeeds", async () => {
  const sources = bucketsThat(async () => {
    throw new RangeError("the disk is full");
  });
  const world = await engineWorld((_, { log }) => {
    log("something\n");
    return { state: "succeeded" };
  });
  const jobId = await world.addJob({ nodes: [node("a")], logPath: "obs://logs" }, "job");
  const engine = await world.newEngine({ sources });
  await engine.start();
  const { projectId } = world;
  const id = await engine.runNow({ projectId, jobId, by: "x" });
  expect(await world.ended(id)).toBe("succeeded");
  const key = { projectId, instanceId: id, nodeNo: 0, attempt: 1 };
  const { content } = await readLog(world.blobs, key, { fromByte: 0, bytesMax: 1000 });
  expect(content.toString()).toBe("something\n\n[the log was not copied to obs://logs: the disk is full]\n");
});
