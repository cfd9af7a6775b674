/** Flink programs through both faces on a real session cluster: counts, streams over stops and crashes, a killed server. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  countWords,
  ENGINES_FOLDER,
  FETCH_MS,
  readCounts,
  realText,
  testSoftware,
} from "../setup/local-hadoop.ts";
import { type Service, startService } from "../setup/service.ts";
import { type Faces, openFaces } from "./setup/faces.ts";
import { type FlinkCluster, startFlink } from "./setup/flink.ts";
import { compileProgram } from "./setup/java-programs.ts";

const ENV = { AZALAI_ENGINES_DIR: ENGINES_FOLDER, AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" };
const ON_STREAMS = { clusterName: "streams" };

let cluster: FlinkCluster;
let service: Service;
let faces: Faces;
let expected: ReadonlyMap<string, number>;

beforeAll(async () => {
  cluster = await startFlink(await testSoftware().ensure("flink", AbortSignal.timeout(FETCH_MS)), {
    gateway: true,
  });
  service = await startService({ env: ENV });
  faces = await openFaces(service);
  const services = { flink: { rest: cluster.rest, sqlGateway: cluster.sqlGateway } };
  await console("PUT", "/clusters/streams", { services });
  const text = await realText();
  expected = countWords(text.values());
  await mkdir(join(cluster.folder, "text"));
  for (const [name, content] of text) await writeFile(join(cluster.folder, "text", name), content);
  for (const program of ["FlinkWordCount", "FlinkNumbers", "FlinkFailure"]) {
    const jar = await compileProgram({ classPath: cluster.classPath, program });
    await faces.upload(`programs/${program}.jar`, await readFile(jar));
  }
});

afterAll(async () => {
  await service?.remove();
  await cluster?.stop();
});

/** A call of the console's API. */
async function console(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${service.url}/api${path}`, {
    method,
    headers: { "x-auth-token": await service.token(), "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect(answer.status, text).toBeLessThan(300);
  return text === "" ? undefined : JSON.parse(text);
}

/** Files that Flink has committed, without those that it is at. */
async function committed(folder: string): Promise<string[]> {
  const options = { recursive: true, withFileTypes: true } as const;
  const found = await readdir(join(cluster.folder, folder), options).catch(() => []);
  const files = found.filter(
    (one) => one.isFile() && !one.name.startsWith(".") && !one.name.includes("inprogress"),
  );
  return await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), "utf8")));
}

async function expectCounts(folder: string): Promise<void> {
  const counts = readCounts(await committed(folder));
  expect([...expected].filter(([word, count]) => counts.get(word) !== count)).toEqual([]);
  expect(counts.size).toBe(expected.size);
}

async function numbers(folder: string): Promise<number[]> {
  const lines = (await committed(folder)).flatMap((text) => text.split("\n")).filter((line) => line !== "");
  return lines.map(Number).sort((one, other) => one - other);
}

async function grownTo(folder: string, least: number): Promise<void> {
  const grown = async () => expect((await numbers(folder)).length).toBeGreaterThan(least);
  await vi.waitFor(grown, { timeout: 240_000, interval: 500 });
}

/** Each number from 0 on once. Gives how many there are. */
async function expectWhole(folder: string): Promise<number> {
  const found = await numbers(folder);
  expect(found.filter((number, place) => number !== place)).toEqual([]);
  return found.length;
}

interface FlinkJob {
  readonly jid: string;
  readonly name: string;
  readonly state: string;
}

async function jobsOn(name: string): Promise<FlinkJob[]> {
  const { jobs } = (await (await fetch(`${cluster.rest}/jobs/overview`)).json()) as {
    readonly jobs: FlinkJob[];
  };
  return jobs.filter((job) => job.name.startsWith(name));
}

const argumentsOf = (...folders: readonly string[]) =>
  folders.map((folder) => `file://${cluster.folder}/${folder}`).join(" ");

const WORD_COUNT = { ...ON_STREAMS, resourcePath: "obs://programs/FlinkWordCount.jar" };

test("words are counted by a node of Factory as plain code counts them", async () => {
  const end = await faces.run("by-node", "MRSFlinkJob", {
    ...WORD_COUNT,
    jobName: "words by node",
    flinkJobType: "Flink JAR",
    flinkJobProcessType: "batch",
    parameters: argumentsOf("text", "by-node"),
    programParameter: "ytm=1024|parallelism=2",
  });
  expect(end).toMatchObject({ state: "succeeded" });
  await expectCounts("by-node");
  expect(await faces.log(1, 1)).toContain("[without effect on a session cluster: ytm]");
});

test("words are counted by a run of Sahara, which shows the cluster's id of the job", async () => {
  const program = { classPath: cluster.classPath, program: "FlinkWordCount" };
  const binary = await faces.binary("FlinkWordCount.jar", await readFile(await compileProgram(program)));
  const { job } = await faces.sahara("POST", "/jobs", {
    name: "by-sahara",
    type: "Flink",
    mains: [binary],
    libs: [],
  });
  const { clusters } = await faces.sahara("GET", "/clusters");
  const { id } = clusters.find(({ name }: { readonly name: string }) => name === "streams");
  const args = argumentsOf("text", "by-sahara").split(" ");
  const request = { cluster_id: id, job_configs: { args } };
  const { job_execution } = await faces.sahara("POST", `/jobs/${job.id}/execute`, request);
  const run = await vi.waitFor(
    async () => {
      const one = (await faces.sahara("GET", `/job-executions/${job_execution.id}`)).job_execution;
      expect(one.info.status).toMatch(/SUCCEEDED|FAILED|KILLED/);
      return one;
    },
    { timeout: 120_000, interval: 500 },
  );
  expect(run.info.status).toBe("SUCCEEDED");
  expect((await jobsOn("")).map(({ jid }) => jid)).toContain(run.engine_job_id);
  await expectCounts("by-sahara");
});

test("words are counted by a script of SQL", async () => {
  const statement = `
    CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = 'file://${cluster.folder}/text', 'format' = 'raw');
    CREATE TABLE counts (word STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'file://${cluster.folder}/by-sql',
      'format' = 'csv', 'csv.field-delimiter' = '\\t', 'csv.disable-quote-character' = 'true');
    INSERT INTO counts
      SELECT word, COUNT(*) FROM lines CROSS JOIN UNNEST(SPLIT(REGEXP_REPLACE(line, '[ \\t\\n\\x0B\\f\\r]+', ' '), ' ')) AS t (word)
      WHERE word <> '' GROUP BY word;
  `;
  const end = await faces.run("by-sql", "FlinkSQL", { ...ON_STREAMS, statement });
  expect(end).toMatchObject({ state: "succeeded" });
  await expectCounts("by-sql");
});

test("what is wrong is told in Flink's words, once, and in the log", async () => {
  const resourcePath = "obs://programs/FlinkFailure.jar";
  const inRecord = await faces.run("in-record", "FlinkJar", { ...ON_STREAMS, resourcePath });
  expect(inRecord).toMatchObject({ state: "failed", message: expect.stringContaining("record 1 is broken") });
  const inMain = await faces.run("in-main", "FlinkJar", {
    ...ON_STREAMS,
    resourcePath,
    parameters: "'$(id); x'",
  });
  expect(inMain).toMatchObject({
    state: "failed",
    message: expect.stringContaining("main was told: $(id); x"),
  });
  const nowhere = await faces.run("no-cluster", "FlinkJar", { resourcePath });
  expect(nowhere).toMatchObject({
    state: "failed",
    message: expect.stringContaining("needs a Flink session cluster"),
  });
});

test("a batch node that is stopped is cancelled on the cluster", async () => {
  const resourcePath = "obs://programs/FlinkNumbers.jar";
  const parameters = `${argumentsOf("stopped")} 2`;
  const properties = { ...ON_STREAMS, resourcePath, parameters, jobName: "stopped" };
  const id = await faces.start("stopped", "FlinkJar", properties);
  await vi.waitFor(async () => expect(await jobsOn("stopped")).toMatchObject([{ state: "RUNNING" }]), {
    timeout: 60_000,
  });
  await faces.stop(id);
  await faces.ended(id);
  expect(await jobsOn("stopped")).toMatchObject([{ state: "CANCELED" }]);
});

test("a server that is killed while a job runs goes on with it: one job, one result", async () => {
  const resourcePath = "obs://programs/FlinkNumbers.jar";
  const properties = {
    ...ON_STREAMS,
    resourcePath,
    parameters: `${argumentsOf("killed")} 2`,
    jobName: "killed",
  };
  const id = await faces.start("killed", "FlinkJar", properties);
  await grownTo("killed", 100);
  await service.kill();
  const before = (await numbers("killed")).length;
  await grownTo("killed", before + 200);
  service = await startService({ env: ENV, dataDir: service.dataDir });
  faces = await openFaces(service);
  await vi.waitFor(async () => expect((await faces.look(id)).attempts).toHaveLength(2), { timeout: 60_000 });
  await vi.waitFor(async () => expect(await faces.log(id, 2)).toContain("[goes on with"), {
    timeout: 60_000,
  });
  const [job] = await jobsOn("killed");
  expect(await jobsOn("killed")).toHaveLength(1);
  // Its end, not ours.
  const answer = await fetch(`${cluster.rest}/jobs/${job?.jid}/stop`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ drain: false }),
  });
  expect(answer.status).toBe(202);
  expect(await faces.ended(id)).toMatchObject({ state: "succeeded" });
  await expectWhole("killed");
});

test("a real-time job goes on where its stop left it, and where a crash of the JobManager did, with exact counts", async () => {
  const properties = {
    ...ON_STREAMS,
    resourcePath: "obs://programs/FlinkNumbers.jar",
    parameters: `${argumentsOf("live")} 2`,
  };
  const pairs = Object.entries({ ...properties, jobName: "live" }).map(([name, value]) => ({ name, value }));
  const node = { name: "n", type: "FlinkJar", location: { x: 0, y: 0 }, properties: pairs };
  const body = { name: "live", processType: "REAL_TIME", schedule: { type: "EXECUTE_ONCE" }, nodes: [node] };
  await faces.factory("POST", "/jobs", body);
  const { id } = await faces.factory("GET", "/jobs/live");
  const nodeOf = async () => (await console("GET", `/jobs/${id}/live-nodes`)).nodes[0];

  await faces.factory("POST", "/jobs/live/start");
  await grownTo("live", 500);
  await vi.waitFor(async () => expect((await nodeOf()).checkpoint?.path).toMatch(/chk-/), {
    timeout: 30_000,
  });
  await faces.factory("POST", "/jobs/live/stop");
  const stopped = async () =>
    expect((await faces.factory("GET", "/jobs/live/status")).status).toBe("STOPPED");
  await vi.waitFor(stopped, { timeout: 90_000, interval: 500 });
  expect(await jobsOn("live")).toMatchObject([{ state: "FINISHED" }]);
  const first = await expectWhole("live");

  await faces.factory("POST", "/jobs/live/start");
  await grownTo("live", first + 500);
  await vi.waitFor(async () => expect((await nodeOf()).checkpoint?.completed).toBeGreaterThan(3), {
    timeout: 60_000,
  });
  await cluster.restartMaster();
  const crashed = (await numbers("live")).length;
  // The cluster is asked for two minutes whether it has really forgotten the job.
  await grownTo("live", crashed + 500);
  await faces.factory("POST", "/jobs/live/stop");
  await vi.waitFor(stopped, { timeout: 90_000, interval: 500 });
  expect(await expectWhole("live")).toBeGreaterThan(crashed + 500);
});
