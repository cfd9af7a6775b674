/** The words of a real text counted by MapReduce on a running service, through both faces, against a count by plain code. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LOCAL_CLUSTER_ID } from "../src/domain/cluster.ts";
import { formatObjectId } from "../src/domain/shared-object.ts";
import { createFolderBlobs } from "../src/store/blobs.ts";
import { createBuckets, type ProjectBuckets } from "../src/store/buckets.ts";
import {
  countWords,
  ENGINES_FOLDER,
  FETCH_MS,
  hadoopMissing,
  readCounts,
  readHadoopJar,
  realText,
} from "./setup/local-hadoop.ts";
import { type Service, startService } from "./setup/service.ts";

/** A JVM's start and work, on a machine that does much else. */
const SLOW_MS = 180_000;
vi.setConfig({ testTimeout: SLOW_MS, hookTimeout: FETCH_MS });

const MISSING = await hadoopMissing();
const INPUT = "obs://words/in";
const EXAMPLES = "org.apache.hadoop.examples";

let service: Service;
let token: string;
let buckets: ProjectBuckets;
let jar: Buffer;
let expected: ReadonlyMap<string, number>;

async function ask(method: string, path: string, body?: unknown) {
  const isBytes = body instanceof Uint8Array;
  const answer = await fetch(`${service.url}${path}`, {
    method,
    headers: {
      "x-auth-token": token,
      "content-type": isBytes ? "application/octet-stream" : "application/json",
    },
    ...(body !== undefined && { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
  });
  const answered = await answer.text();
  expect(answer.status, answered).toBeLessThan(300);
  return answered === "" ? undefined : JSON.parse(answered);
}

const factory = (method: string, path: string, body?: unknown) =>
  ask(method, `/v1/${service.credentials.projectId}${path}`, body);
const sahara = (method: string, path: string, body?: unknown) =>
  ask(method, `/v1.1/${service.credentials.projectId}${path}`, body);

describe.skipIf(MISSING !== undefined)(MISSING ?? "with Hadoop here", () => {
  beforeAll(async () => {
    jar = await readHadoopJar("hadoop-mapreduce-examples");
    service = await startService({ env: { AZALAI_ENGINES_DIR: ENGINES_FOLDER } });
    token = await service.token();
    buckets = createBuckets(createFolderBlobs(join(service.dataDir, "blobs")), service.credentials.projectId);
    const texts = await realText();
    expect(texts.size).toBeGreaterThan(50);
    expected = countWords(texts.values());
    for (const [name, content] of texts)
      await ask("PUT", `/api/files/words/in/${name}`, Buffer.from(content));
    await ask("PUT", "/api/files/words/examples.jar", jar);
  });
  afterAll(() => service?.remove());

  async function parts(output: string): Promise<readonly string[]> {
    const paths = (await buckets.list(output)).filter((path) => path.includes("/part-"));
    return await Promise.all(paths.map(async (path) => await text(await buckets.open(path))));
  }

  const counted = async (output: string) => readCounts(await parts(output));

  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever came.
  function ends(look: () => Promise<any>, isOver: (run: any) => boolean) {
    return vi.waitFor(
      async () => {
        const run = await look();
        expect(isOver(run), JSON.stringify(run)).toBe(true);
        return run;
      },
      { timeout: SLOW_MS - 10_000, interval: 100 },
    );
  }

  async function runJob(job: { readonly name: string; readonly [member: string]: unknown }): Promise<void> {
    await factory("POST", "/jobs", job);
    const { instanceId } = await factory("POST", `/jobs/${job.name}/run-immediate`);
    const ended = await ends(
      () => factory("GET", `/jobs/${job.name}/instances/${instanceId}`),
      ({ status }) => status !== "waiting" && status !== "running",
    );
    expect(ended, service.log().slice(-1000)).toMatchObject({ status: "success" });
  }

  test("a node of type MapReduce", async () => {
    const output = "obs://words/out-factory";
    const properties = {
      clusterName: "local",
      jobName: "count",
      resourcePath: "obs://words/examples.jar",
      parameters: "wordcount",
      input: INPUT,
      output,
    };
    const pairs = Object.entries(properties).map(([name, value]) => ({ name, value }));
    await runJob({
      name: "count",
      processType: "BATCH",
      schedule: { type: "EXECUTE_ONCE" },
      nodes: [{ name: "words", type: "MapReduce", location: { x: 0, y: 0 }, properties: pairs }],
    });
    expect(await counted(output)).toEqual(expected);
  });

  test("the streaming node that docs/hadoop.md shows", async () => {
    const page = await readFile(join(import.meta.dirname, "../docs/hadoop.md"), "utf8");
    await runJob(JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? ""));
    const counts = new Map<string, number>();
    for (const part of await parts("obs://words/out"))
      for (const [, count, word = ""] of part.matchAll(/^ *(\d+) (\S+)\s*$/gm))
        counts.set(word, Number(count));
    expect(counts).toEqual(expected);
  });

  test("a MapReduce run of the data-processing API", async () => {
    const { job_binary_internal: stored } = await sahara("PUT", "/job-binary-internals/examples.jar", jar);
    const { job_binary: binary } = await sahara("POST", "/job-binaries", {
      name: "examples.jar",
      url: `internal-db://${stored.id}`,
    });
    const { job } = await sahara("POST", "/jobs", { name: "count", type: "MapReduce", libs: [binary.id] });
    const source = async (name: string, url: string) =>
      (await sahara("POST", "/data-sources", { name, type: "obs", url })).data_source.id;
    const { job_execution: run } = await sahara("POST", `/jobs/${job.id}/execute`, {
      cluster_id: formatObjectId(LOCAL_CLUSTER_ID),
      input_id: await source("words", INPUT),
      output_id: await source("counts", "obs://words/out-sahara/%JOB_EXEC_ID%"),
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
    await succeeds(run.id);
    expect(await counted(`obs://words/out-sahara/${run.id}`)).toEqual(expected);
  });

  async function succeeds(id: string): Promise<void> {
    const ended = await ends(
      async () => (await sahara("GET", `/job-executions/${id}`)).job_execution,
      ({ info }) => ["SUCCEEDED", "FAILED", "KILLED"].includes(info.status),
    );
    expect(ended, service.log().slice(-1000)).toMatchObject({
      info: { status: "SUCCEEDED" },
      return_code: "0",
    });
  }

  test("a streaming run of the data-processing API, whose commands are no expressions", async () => {
    const { job } = await sahara("POST", "/jobs", { name: "stream", type: "MapReduce.Streaming" });
    const source = async (name: string, url: string) =>
      (await sahara("POST", "/data-sources", { name, type: "obs", url })).data_source.id;
    const { job_execution: run } = await sahara("POST", `/jobs/${job.id}/execute`, {
      cluster_id: formatObjectId(LOCAL_CLUSTER_ID),
      input_id: await source("stream-in", INPUT),
      output_id: await source("stream-out", "obs://words/out-stream"),
      job_configs: {
        configs: {
          "edp.streaming.mapper": "awk -v skip=${none} '{ for (i = 1; i <= NF; i++) print $i }'",
          "edp.streaming.reducer": "uniq -c",
        },
      },
    });
    await succeeds(run.id);
    const counts = new Map<string, number>();
    for (const part of await parts("obs://words/out-stream"))
      for (const [, count, word = ""] of part.matchAll(/^ *(\d+) (\S+)\s*$/gm))
        counts.set(word, Number(count));
    expect(counts).toEqual(expected);
  });

  test("a MapReduce run of the vendor's call, which needs no template", async () => {
    const { id } = await sahara("POST", "/jobs/submit-job", {
      job_type: 1,
      job_name: "wc",
      cluster_id: formatObjectId(LOCAL_CLUSTER_ID),
      jar_path: "s3a://words/examples.jar",
      arguments: "wordcount",
      input: "s3a://words/in",
      output: "s3a://words/out-vendor",
    });
    await succeeds(id);
    expect(await counted("obs://words/out-vendor")).toEqual(expected);
  });
});
