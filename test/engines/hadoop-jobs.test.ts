/** Work of a running service on a real Hadoop cluster, through both faces: words counted, commands, a server that dies. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createFolderBlobs } from "../../src/store/blobs.ts";
import { createBuckets, type ProjectBuckets } from "../../src/store/buckets.ts";
import { countWords, readCounts, readHadoopJar, realText } from "../setup/local-hadoop.ts";
import { type Service, startService } from "../setup/service.ts";
import { clusterMissing, type HadoopCluster, startHadoop } from "./setup/hadoop-cluster.ts";

const MISSING = await clusterMissing();
const END_MS = 240_000;
const SETTINGS = { env: { AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" } };
const INPUT = "obs://words/in";
const EXAMPLES = "org.apache.hadoop.examples";

let cluster: HadoopCluster;
let service: Service;
let token: string;
let clusterId: string;
let buckets: ProjectBuckets;
let expected: ReadonlyMap<string, number>;

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came.
type Answer = any;

async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const isBytes = body instanceof Uint8Array;
  const answer = await fetch(`${service.url}${path}`, {
    method,
    headers: {
      "x-auth-token": token,
      ...(body !== undefined && {
        "content-type": isBytes ? "application/octet-stream" : "application/json",
      }),
    },
    ...(body !== undefined && { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
  });
  const answered = await answer.text();
  expect(answer.status, `${method} ${path}: ${answered}`).toBeLessThan(300);
  return answered === "" ? undefined : JSON.parse(answered);
}

const factory = (method: string, path: string, body?: unknown) =>
  ask(method, `/v1/${service.credentials.projectId}${path}`, body);
const sahara = (method: string, path: string, body?: unknown) =>
  ask(method, `/v1.1/${service.credentials.projectId}${path}`, body);

async function start(name: string, type: string, properties: Record<string, string>): Promise<number> {
  const pairs = Object.entries(properties).map(([property, value]) => ({ name: property, value }));
  await factory("POST", "/jobs", {
    name,
    processType: "BATCH",
    schedule: { type: "EXECUTE_ONCE" },
    nodes: [{ name: "n", type, location: { x: 0, y: 0 }, properties: pairs }],
  });
  return (await factory("POST", `/jobs/${name}/run-immediate`)).instanceId;
}

const nodeOf = async (instance: number): Promise<Answer> =>
  (await ask("GET", `/api/instances/${instance}`)).nodes[0];

function reached(instance: number, states: RegExp): Promise<Answer> {
  return vi.waitFor(
    async () => {
      const node = await nodeOf(instance);
      expect(node.state, JSON.stringify(node)).toMatch(states);
      return node;
    },
    { timeout: END_MS, interval: 300 },
  );
}

const ended = (instance: number) => reached(instance, /succeeded|failed|cancelled/);

async function logOf(instance: number, attempt: number): Promise<string> {
  const path = `/api/instances/${instance}/nodes/0/attempts/${attempt}/log?from=0`;
  return await (await fetch(`${service.url}${path}`, { headers: { "x-auth-token": token } })).text();
}

async function counted(output: string): Promise<ReadonlyMap<string, number>> {
  const paths = (await buckets.list(output)).filter((path) => path.includes("/part-"));
  return readCounts(await Promise.all(paths.map(async (path) => await text(await buckets.open(path)))));
}

/** Names and states of the applications that the cluster knows. */
async function applications(): Promise<readonly Answer[]> {
  const { apps } = (await (
    await fetch(`${cluster.services.yarn.resourceManager}/ws/v1/cluster/apps`)
  ).json()) as Answer;
  return apps?.app ?? [];
}

describe.skipIf(MISSING !== undefined)(MISSING ?? "on a Hadoop cluster", () => {
  beforeAll(async () => {
    [cluster, service] = await Promise.all([startHadoop(), startService(SETTINGS)]);
    token = await service.token();
    buckets = createBuckets(createFolderBlobs(join(service.dataDir, "blobs")), service.credentials.projectId);
    await ask("PUT", "/api/clusters/hadoop", { services: cluster.services });
    clusterId = (await sahara("GET", "/clusters")).clusters.find(({ name }: Answer) => name === "hadoop").id;
    const texts = [...(await realText()).values()];
    expected = countWords(texts);
    // A container for each file would take the machine half an hour.
    for (const [place, part] of [texts.slice(0, 50), texts.slice(50)].entries())
      await ask("PUT", `/api/files/words/in/${place}.txt`, Buffer.from(part.join("\n")));
    await ask("PUT", "/api/files/words/examples.jar", await readHadoopJar("hadoop-mapreduce-examples"));
  });
  afterAll(async () => {
    await service?.remove();
    await cluster?.stop();
  });

  test("each service answers its test", async () => {
    const { services } = await ask("POST", "/api/clusters/hadoop/test");
    expect(services, JSON.stringify(services)).toEqual(
      expect.arrayContaining([expect.objectContaining({ service: "yarn", ok: true })]),
    );
  });

  test("a MapReduce node counts the words of a real text", async () => {
    const output = "obs://words/out-factory";
    const instance = await start("count", "MapReduce", {
      clusterName: "hadoop",
      resourcePath: "obs://words/examples.jar",
      parameters: "wordcount",
      input: INPUT,
      output,
    });
    const node = await ended(instance);
    expect(node.state, `${node.message}\n${await logOf(instance, 1)}`).toBe("succeeded");
    expect(await counted(output)).toEqual(expected);
    const names = (await applications()).map(({ applicationType }) => applicationType);
    expect(names).toEqual(expect.arrayContaining(["AZALAI", "MAPREDUCE"]));
  });

  test("a run of the data-processing API counts them by classes alone", async () => {
    const jar = await readHadoopJar("hadoop-mapreduce-examples");
    const { job_binary_internal: stored } = await sahara("PUT", "/job-binary-internals/examples.jar", jar);
    const { job_binary: binary } = await sahara("POST", "/job-binaries", {
      name: "examples.jar",
      url: `internal-db://${stored.id}`,
    });
    const { job } = await sahara("POST", "/jobs", { name: "count", type: "MapReduce", libs: [binary.id] });
    const source = async (name: string, url: string) =>
      (await sahara("POST", "/data-sources", { name, type: "obs", url })).data_source.id;
    const { job_execution: run } = await sahara("POST", `/jobs/${job.id}/execute`, {
      cluster_id: clusterId,
      input_id: await source("words", INPUT),
      output_id: await source("counts", "obs://words/out-sahara"),
      job_configs: {
        configs: {
          "mapreduce.job.map.class": `${EXAMPLES}.WordCount$TokenizerMapper`,
          "mapreduce.job.combine.class": `${EXAMPLES}.WordCount$IntSumReducer`,
          "mapreduce.job.reduce.class": `${EXAMPLES}.WordCount$IntSumReducer`,
          "mapreduce.job.output.key.class": "org.apache.hadoop.io.Text",
          "mapreduce.job.output.value.class": "org.apache.hadoop.io.IntWritable",
        },
      },
    });
    const done = await vi.waitFor(
      async () => {
        const { job_execution: now } = await sahara("GET", `/job-executions/${run.id}`);
        expect(["SUCCEEDED", "FAILED", "KILLED"]).toContain(now.info.status);
        return now;
      },
      { timeout: END_MS, interval: 500 },
    );
    expect(done, service.log().slice(-1500)).toMatchObject({ info: { status: "SUCCEEDED" } });
    expect(await counted("obs://words/out-sahara")).toEqual(expected);
  });

  test("streaming programs run in the cluster's containers, with the node's own files", async () => {
    await ask(
      "PUT",
      "/api/files/words/map.sh",
      Buffer.from("tr -s ' \\t\\f\\r' '\\n' | grep . | sed 's/$/\\t1/'\n"),
    );
    const output = "obs://words/out-streaming";
    const instance = await start("stream", "MapReduceStreaming", {
      clusterName: "hadoop",
      files: "obs://words/map.sh",
      mapper: "sh map.sh",
      reducer: `awk -F '\\t' '{ n[$1] += $2 } END { for (w in n) print w "\\t" n[w] }'`,
      input: INPUT,
      output,
    });
    const node = await ended(instance);
    expect(node.state, `${node.message}\n${await logOf(instance, 1)}`).toBe("succeeded");
    expect(await counted(output)).toEqual(expected);
  });

  test("a server that is killed goes on with what runs there, and it runs once", async () => {
    const marks = join(service.dataDir, "..", `azalai-marks-${process.pid}`);
    const instance = await start("survivor", "Shell", {
      "azalai.cluster": "hadoop",
      statement: `echo begun; echo x >> ${marks}; sleep 20; echo survived`,
    });
    await vi.waitFor(async () => expect(await logOf(instance, 1)).toContain("begun"), { timeout: END_MS });
    await service.kill();
    service = await startService({ ...SETTINGS, dataDir: service.dataDir });
    token = await service.token();
    const node = await ended(instance);
    expect(node, JSON.stringify(node)).toMatchObject({ state: "succeeded", output: "survived" });
    expect(await readFile(marks, "utf8")).toBe("x\n");
  });

  test("a node that is stopped leaves nothing running there", async () => {
    const instance = await start("endless", "Shell", {
      "azalai.cluster": "hadoop",
      statement: "echo begun; sleep 1000",
    });
    await vi.waitFor(async () => expect(await logOf(instance, 1)).toContain("begun"), { timeout: END_MS });
    await factory("POST", `/jobs/endless/instances/${instance}/stop`);
    await ended(instance);
    const running = (await applications()).filter(
      ({ state }) => !["FINISHED", "FAILED", "KILLED"].includes(state),
    );
    expect(running).toEqual([]);
  });
});
