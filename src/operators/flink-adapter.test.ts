/** Flink's REST interface as the run machine meets it, broken answers included; the real one is met in test/engines. */
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { type FlinkLikeCluster, startFlinkLike } from "../../test/setup/flink-like-cluster.ts";
import { createClusterCallers } from "./cluster-call.ts";
import { createFlinkAdapter } from "./flink-adapter.ts";
import { createFlinkCaller, rootCause } from "./flink-rest.ts";

const KEY = "azalai-00112233445566778899aabbccddeeff";
const SIGNAL = new AbortController().signal;
const callers = createClusterCallers(["loopback"]);
let cluster: FlinkLikeCluster;

beforeEach(async () => {
  cluster = await startFlinkLike();
});
afterEach(() => cluster.stop());
afterAll(callers.close);

function setup(content: string | readonly Buffer[] = "the jar") {
  const adapter = createFlinkAdapter(createFlinkCaller(callers.callerOf("flink", cluster.rest)));
  const open = async () => Readable.from(typeof content === "string" ? [Buffer.from(content)] : content);
  const program = {
    form: "flink-jar" as const,
    open,
    mainClass: "demo.Count",
    args: ["a b", "c'd"],
    parallelism: 2,
  };
  const task = { key: KEY, name: "counts/count", program, confs: { "a.b": "c" } };
  return { adapter, task };
}

test("a jar is uploaded, run under the id made of our key, and taken away again", async () => {
  const big = Array.from({ length: 40 }, () => Buffer.alloc(100_000, "j"));
  const { adapter, task } = setup(big);
  let uploaded = 0;
  cluster.fault = (call) => {
    if (call.includes("/run")) uploaded = [...cluster.jars.values()][0]?.length ?? 0;
    return undefined;
  };
  const handle = await adapter.reserve(task, SIGNAL);
  expect(cluster.jobs.size).toBe(0);
  expect(await adapter.submit(handle, task, SIGNAL)).toEqual(handle);
  expect(uploaded).toBe(4_000_000);
  expect(cluster.runs).toEqual([
    {
      jobId: handle.jobId,
      entryClass: "demo.Count",
      programArgsList: ["a b", "c'd"],
      parallelism: 2,
      flinkConfiguration: { "pipeline.name": "counts/count", "a.b": "c" },
    },
  ]);
  expect([...cluster.jars.keys()]).toEqual([]);
  expect(await adapter.find(KEY, SIGNAL)).toEqual(handle);
  expect(await adapter.find("another key", SIGNAL)).toBeNull();
});

test("submitted again it runs once: also where the answer was lost, and where the cluster calls it a duplicate", async () => {
  const { adapter, task } = setup();
  const handle = await adapter.reserve(task, SIGNAL);
  await adapter.submit(handle, task, SIGNAL);
  await adapter.submit(handle, task, SIGNAL);
  expect(cluster.runs).toHaveLength(1);
  // The first look finds nothing yet: the request that was lost is under way.
  let looks = 0;
  cluster.fault = (call) => (call.endsWith("/status") && looks++ === 0 ? { status: 404 } : undefined);
  await adapter.submit(handle, task, SIGNAL);
  expect(cluster.runs).toHaveLength(2);
  expect(cluster.jobs.size).toBe(1);
});

test("another JobManager is not given work that the one before may have run", async () => {
  const { adapter, task } = setup();
  const handle = await adapter.reserve(task, SIGNAL);
  await adapter.submit(handle, task, SIGNAL);
  cluster.restart();
  expect(await adapter.statuses([handle], SIGNAL)).toMatchObject([{ state: "unknown", forgotten: true }]);
  await expect(adapter.submit(handle, task, SIGNAL)).rejects.toMatchObject({ code: "submission-refused" });
  expect(cluster.runs).toHaveLength(1);
});

test("what the cluster says of a jar is the reason, and the jar does not stay", async () => {
  const { adapter, task } = setup();
  const trace =
    "org.apache.flink.X: Could not execute\n\tat a.b(C.java:1)\nCaused by: ClassNotFoundException: demo.Count\n\tat x.y(Z.java:2)\n";
  cluster.fault = (call) => (call.includes("/run") ? { status: 400, body: { errors: [trace] } } : undefined);
  const handle = await adapter.reserve(task, SIGNAL);
  await expect(adapter.submit(handle, task, SIGNAL)).rejects.toMatchObject({
    code: "submission-refused",
    message: "ClassNotFoundException: demo.Count",
  });
  expect([...cluster.jars.keys()]).toEqual([]);
});

test("the states of many jobs come from one call, a failure's reason from its exceptions", async () => {
  const { adapter, task } = setup();
  const calls: string[] = [];
  const keys = ["RUNNING", "FINISHED", "FAILED", "CANCELED", "SUSPENDED", "CREATED"];
  const handles = [];
  for (const key of keys) {
    const handle = await adapter.reserve({ ...task, key }, SIGNAL);
    handles.push(await adapter.submit(handle, { ...task, key }, SIGNAL));
    const job = cluster.jobs.get(handle.jobId);
    if (job === undefined) throw new Error("no job");
    job.state = key;
    job.exceptions =
      key === "FAILED" ? ["X: first\n\tat a", "Y: outer\nCaused by: Z: record 3 is broken\n\tat b"] : [];
  }
  cluster.fault = (call) => void calls.push(call);
  const statuses = await adapter.statuses(handles, SIGNAL);
  expect(statuses.map(({ state }) => state)).toEqual([
    "running",
    "succeeded",
    "failed",
    "killed",
    "unknown",
    "queued",
  ]);
  expect(statuses[2]).toEqual({ state: "failed", reason: "Z: record 3 is broken" });
  expect(calls.filter((call) => call.endsWith("/jobs/overview"))).toHaveLength(1);
  expect(calls).toHaveLength(2);
  const failed = handles[2] ?? (await adapter.reserve(task, SIGNAL));
  const log = await adapter.logs(failed, "stderr", 0, SIGNAL);
  expect(log.bytes.toString()).toMatch(/X: first[\s\S]*Z: record 3 is broken/);
  expect((await adapter.logs(failed, "stderr", log.next, SIGNAL)).bytes).toHaveLength(0);
});

test("a cluster that does not answer, has no master, or wants a login says so in codes of its own", async () => {
  const { adapter, task } = setup();
  for (const [fault, code] of [
    ["drop", "cluster-unreachable"],
    [{ status: 503 }, "cluster-unreachable"],
    [{ status: 200, body: {} }, "cluster-unreachable"],
    [{ status: 401 }, "cluster-login-refused"],
  ] as const) {
    cluster.fault = () => fault;
    await expect(adapter.probe(SIGNAL)).rejects.toMatchObject({ code });
  }
  cluster.fault = () => undefined;
  expect(await adapter.probe(SIGNAL)).toEqual({
    version: "2.3.0",
    detail: "Flink 2.3.0, 1 task managers, 3 of 4 slots free",
  });
  await cluster.stop();
  await expect(adapter.reserve(task, SIGNAL)).rejects.toMatchObject({ code: "cluster-unreachable" });
  cluster = await startFlinkLike();
});

test("a stop leaves a savepoint; where the cluster makes none, the newest checkpoint, and the job is cancelled", async () => {
  const { adapter, task } = setup();
  const handle = await adapter.reserve(task, SIGNAL);
  await adapter.submit(handle, task, SIGNAL);
  const job = cluster.jobs.get(handle.jobId);
  if (job === undefined) throw new Error("no job");
  job.checkpoints = ["file:/checkpoints/chk-3"];
  expect(await adapter.cancel(handle, "stop-with-savepoint", SIGNAL)).toEqual({
    savepoint: "file:/checkpoints/chk-3",
  });
  expect(job.state).toBe("CANCELED");
  Object.assign(job, { state: "RUNNING", savepoint: "file:/savepoints/s-1" });
  expect(await adapter.cancel(handle, "stop-with-savepoint", SIGNAL)).toEqual({
    savepoint: "file:/savepoints/s-1",
  });
  expect(job.state).toBe("FINISHED");
  expect(await adapter.cancel(handle, "kill", SIGNAL)).toEqual({});
  expect(await adapter.cancel({ jobId: "0".repeat(32), master: "" }, "kill", SIGNAL)).toEqual({});
});

test("the cause of a trace keeps all lines of its message", () => {
  expect(rootCause("A: b\n\tat c\nCaused by: D: two\nlines\n\tat e\n\t... 3 more\n")).toBe("D: two\nlines");
  expect(
    rootCause(
      "Internal server error.\n<Exception on server side:\nA: b\n\tat c\nEnd of exception on server side>",
    ),
  ).toBe("A: b");
  expect(rootCause("")).toBe("");
});
