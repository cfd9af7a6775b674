/** Flink's adapters on a real session cluster: a submission is there once, and its stream goes on where it was stopped. */
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { WorkStatus } from "../../src/operators/cluster-adapter.ts";
import { createClusterCallers } from "../../src/operators/cluster-call.ts";
import { createFlinkAdapter, type FlinkHandle } from "../../src/operators/flink-adapter.ts";
import { createFlinkCaller } from "../../src/operators/flink-rest.ts";
import { readFlinkScript } from "../../src/operators/flink-script.ts";
import { createFlinkSqlAdapter, type FlinkSqlHandle } from "../../src/operators/flink-sql-adapter.ts";
import { countWords, FETCH_MS, readCounts, realText, testSoftware } from "../setup/local-hadoop.ts";
import { type FlinkCluster, startFlink } from "./setup/flink.ts";
import { compileProgram } from "./setup/java-programs.ts";

const SIGNAL = new AbortController().signal;
const PAUSE_MS = "2";
const callers = createClusterCallers(["loopback"]);
let cluster: FlinkCluster;
let keyNo = 0;

beforeAll(async () => {
  cluster = await startFlink(await testSoftware().ensure("flink", AbortSignal.timeout(FETCH_MS)), {
    gateway: true,
  });
});
afterAll(async () => {
  callers.close();
  await cluster?.stop();
});

function newKey(): string {
  keyNo += 1;
  return `azalai-${process.pid}-${keyNo}`;
}

async function jarTask(program: string, args: readonly string[], changes: { savepoint?: string } = {}) {
  const jar = await compileProgram({ classPath: cluster.classPath, program });
  const open = async () => createReadStream(jar);
  const key = newKey();
  return {
    key,
    name: `tests/${program}`,
    program: { form: "flink-jar" as const, open, args, ...changes },
    confs: { "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION" },
  };
}

function callerAt(address: string) {
  return createFlinkCaller(callers.callerOf("flink", address));
}

function adapter() {
  return createFlinkAdapter(callerAt(cluster.rest));
}

function sqlAdapter() {
  return createFlinkSqlAdapter(callerAt(cluster.rest), callerAt(`${cluster.sqlGateway}/v2`));
}

async function endOf(look: () => Promise<readonly WorkStatus[]>): Promise<WorkStatus> {
  return await vi.waitFor(
    async () => {
      const [status] = await look();
      expect(status?.state).toMatch(/succeeded|failed|killed/);
      return status as WorkStatus;
    },
    { timeout: 120_000, interval: 200 },
  );
}

const ended = (handle: FlinkHandle) => endOf(() => adapter().statuses([handle], SIGNAL));
const sqlEnded = (handle: FlinkSqlHandle) => endOf(() => sqlAdapter().statuses([handle], SIGNAL));

/** Files that Flink has committed, without those that it is at. */
async function committed(folder: string): Promise<string[]> {
  const names = await readdir(join(cluster.folder, folder), { recursive: true, withFileTypes: true });
  const files = names.filter(
    (one) => one.isFile() && !one.name.startsWith(".") && !one.name.includes("inprogress"),
  );
  return await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), "utf8")));
}

async function numbers(folder: string): Promise<number[]> {
  const parts = await committed(folder).catch(() => []);
  const lines = parts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  return lines.map(Number).sort((one, other) => one - other);
}

/** Each number from 0 on once, and more than `least` of them. */
async function expectWhole(folder: string, least: number): Promise<number> {
  const found = await numbers(folder);
  expect(found.length).toBeGreaterThan(least);
  expect(found.filter((number, place) => number !== place)).toEqual([]);
  return found.length;
}

async function textFolder(): Promise<string> {
  const folder = join(cluster.folder, `text-${newKey()}`);
  await mkdir(folder);
  for (const [name, text] of await realText()) await writeFile(join(folder, name), text);
  return folder;
}

function expectCounts(counts: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): void {
  expect([...expected].filter(([word, count]) => counts.get(word) !== count)).toEqual([]);
  expect(counts.size).toBe(expected.size);
}

test("a cluster says its version and its free slots; what is not there says so", async () => {
  expect(await adapter().probe(SIGNAL)).toMatchObject({
    version: "2.3.0",
    detail: "Flink 2.3.0, 1 task managers, 4 of 4 slots free",
  });
  expect(await sqlAdapter().probe(SIGNAL)).toMatchObject({ version: "2.3.0" });
  const nobody = createFlinkAdapter(callerAt("http://127.0.0.1:9"));
  await expect(nobody.probe(SIGNAL)).rejects.toMatchObject({ code: "cluster-unreachable" });
});

test("words are counted as plain code counts them, once for two submissions, and no jar stays", async () => {
  const task = await jarTask("FlinkWordCount", [
    `file://${await textFolder()}`,
    `file://${cluster.folder}/counts`,
  ]);
  const handle = await adapter().reserve(task, SIGNAL);
  expect(await adapter().find(task.key, SIGNAL)).toBeNull();
  await adapter().submit(handle, task, SIGNAL);
  await adapter().submit(handle, task, SIGNAL);
  expect(await ended(handle)).toEqual({ state: "succeeded" });
  // Also when it has ended.
  await adapter().submit(handle, task, SIGNAL);
  expect(await adapter().find(task.key, SIGNAL)).toEqual(handle);
  expectCounts(readCounts(await committed("counts")), countWords((await realText()).values()));
  const jars = await callerAt(cluster.rest)({ method: "GET", path: "/jars", signal: SIGNAL });
  expect(jars.json.files).toEqual([]);
});

test("what is wrong with a program is told in Flink's words", async () => {
  const failing = async (args: readonly string[], mainClass?: string) => {
    const task = await jarTask("FlinkFailure", args);
    const program = { ...task.program, ...(mainClass !== undefined && { mainClass }) };
    const handle = await adapter().reserve(task, SIGNAL);
    return { handle, submit: adapter().submit(handle, { ...task, program }, SIGNAL) };
  };
  const inMain = await failing(["no $(id) `here`"]);
  await expect(inMain.submit).rejects.toMatchObject({
    code: "submission-refused",
    message: expect.stringContaining("main was told: no $(id) `here`"),
  });
  const noClass = await failing([], "demo.Missing");
  await expect(noClass.submit).rejects.toMatchObject({
    code: "submission-refused",
    message: expect.stringContaining("demo.Missing"),
  });
  const broken = await jarTask("FlinkFailure", []);
  const open = async () => createReadStream(join(import.meta.dirname, "programs/FlinkFailure.java"));
  const handle = await adapter().reserve(broken, SIGNAL);
  const program = { ...broken.program, open };
  await expect(adapter().submit(handle, { ...broken, program }, SIGNAL)).rejects.toMatchObject({
    code: "submission-refused",
  });
  const inRecord = await failing([]);
  await inRecord.submit;
  const end = await ended(inRecord.handle);
  expect(end).toMatchObject({ state: "failed", reason: expect.stringContaining("record 1 is broken") });
  const log = await adapter().logs(inRecord.handle, "stderr", 0, SIGNAL);
  expect(log.bytes.toString()).toContain("IllegalStateException: record 1 is broken");
});

test("a stream goes on from the savepoint of its stop, and from its checkpoint after a crash of the JobManager", async () => {
  const args = [`file://${cluster.folder}/numbers`, PAUSE_MS];
  const first = await jarTask("FlinkNumbers", args);
  const one = await adapter().reserve(first, SIGNAL);
  await adapter().submit(one, first, SIGNAL);
  await vi.waitFor(async () => expect((await numbers("numbers")).length).toBeGreaterThan(500), {
    timeout: 60_000,
  });
  const { savepoint } = await adapter().cancel(one, "stop-with-savepoint", SIGNAL);
  expect(savepoint).toMatch(/^file:.*savepoints/);
  expect(await ended(one)).toEqual({ state: "succeeded" });
  const stopped = await expectWhole("numbers", 500);

  const second = await jarTask("FlinkNumbers", args, savepoint === undefined ? {} : { savepoint });
  const two = await adapter().reserve(second, SIGNAL);
  await adapter().submit(two, second, SIGNAL);
  await vi.waitFor(async () => expect((await numbers("numbers")).length).toBeGreaterThan(stopped + 1000), {
    timeout: 60_000,
  });
  const newest = await adapter().resumePoint?.(two, SIGNAL);
  expect(newest?.path).toMatch(/^file:.*chk-/);
  await cluster.restartMaster();
  expect(await adapter().statuses([two], SIGNAL)).toMatchObject([{ state: "unknown", forgotten: true }]);
  await expect(adapter().submit(two, second, SIGNAL)).rejects.toMatchObject({ code: "submission-refused" });

  const third = await jarTask("FlinkNumbers", args, newest === undefined ? {} : { savepoint: newest.path });
  const three = await adapter().reserve(third, SIGNAL);
  await adapter().submit(three, third, SIGNAL);
  const before = (await numbers("numbers")).length;
  await vi.waitFor(async () => expect((await numbers("numbers")).length).toBeGreaterThan(before + 1000), {
    timeout: 60_000,
  });
  await adapter().cancel(three, "stop-with-savepoint", SIGNAL);
  await ended(three);
  await expectWhole("numbers", before + 1000);
});

test("a cancelled job is ended on the cluster, at once", async () => {
  const task = await jarTask("FlinkNumbers", [`file://${cluster.folder}/cancelled`, PAUSE_MS]);
  const handle = await adapter().reserve(task, SIGNAL);
  await adapter().submit(handle, task, SIGNAL);
  await adapter().cancel(handle, "kill", SIGNAL);
  expect(await ended(handle)).toMatchObject({ state: "killed" });
  await adapter().cancel(handle, "kill", SIGNAL);
});

test("a script of SQL is one job, found by its name, whoever submits it again", async () => {
  const source = await textFolder();
  const script = readFlinkScript(`
    SET 'execution.runtime-mode' = 'batch';
    CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = 'file://${source}', 'format' = 'raw');
    CREATE TABLE totals (lines BIGINT) WITH ('connector' = 'filesystem', 'path' = 'file://${cluster.folder}/totals', 'format' = 'csv');
    CREATE TABLE longest (length BIGINT) WITH ('connector' = 'filesystem', 'path' = 'file://${cluster.folder}/longest', 'format' = 'csv');
    INSERT INTO totals SELECT COUNT(*) FROM lines;
    INSERT INTO longest SELECT MAX(CHAR_LENGTH(line)) FROM lines;
  `);
  const key = newKey();
  const task = { key, name: "tests/sql", program: { form: "flink-sql" as const, script }, confs: {} };
  const handle = await sqlAdapter().reserve(task, SIGNAL);
  const submitted = await sqlAdapter().submit(handle, task, SIGNAL);
  expect(submitted.jobId).toMatch(/^[0-9a-f]{32}$/);
  expect((await sqlAdapter().submit(handle, task, SIGNAL)).jobId).toBe(submitted.jobId);
  expect((await sqlAdapter().find(key, SIGNAL))?.jobId).toBe(submitted.jobId);
  expect(await sqlEnded(submitted)).toEqual({ state: "succeeded" });
  const lines = [...(await realText()).values()].flatMap((text) =>
    text.split("\n").filter((_, place, all) => place < all.length - 1 || all[place] !== ""),
  );
  expect((await committed("totals")).join("").trim()).toBe(String(lines.length));
  expect(Number((await committed("longest")).join("").trim())).toBeGreaterThan(80);
});

test("two tries at a script at the same time leave one job", async () => {
  const script = readFlinkScript(`
    CREATE TABLE n (i BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1');
    CREATE TABLE sink (i BIGINT) WITH ('connector' = 'blackhole');
    INSERT INTO sink SELECT i FROM n;
  `);
  const task = {
    key: newKey(),
    name: "tests/two",
    program: { form: "flink-sql" as const, script },
    confs: {},
  };
  const handle = await sqlAdapter().reserve(task, SIGNAL);
  // The first one's server is lost at some moment: nobody hears its answer.
  const first = sqlAdapter()
    .submit(handle, task, SIGNAL)
    .catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const second = await sqlAdapter().submit(handle, task, SIGNAL);
  await first;
  const { json } = await callerAt(cluster.rest)({ method: "GET", path: "/jobs/overview", signal: SIGNAL });
  const ours = (json.jobs as { name: string; state: string }[]).filter(({ name }) =>
    name.startsWith("tests/two"),
  );
  expect(ours.map(({ state }) => state)).toHaveLength(1);
  await sqlAdapter().cancel(second, "kill", SIGNAL);
  expect(await sqlEnded(second)).toMatchObject({ state: "killed" });
});

test("a statement that Flink does not take is told in its words, and leaves no job", async () => {
  const script = readFlinkScript("INSERT INTO nowhere SELECT 1");
  const task = {
    key: newKey(),
    name: "tests/bad",
    program: { form: "flink-sql" as const, script },
    confs: {},
  };
  const handle = await sqlAdapter().reserve(task, SIGNAL);
  await expect(sqlAdapter().submit(handle, task, SIGNAL)).rejects.toMatchObject({
    code: "submission-refused",
    message: expect.stringContaining("nowhere"),
  });
  expect(await sqlAdapter().find(task.key, SIGNAL)).toBeNull();
});
