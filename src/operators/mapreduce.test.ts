/** MapReduce and streaming on this server, by Hadoop's own runner. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  FETCH_MS,
  hadoopJars,
  hadoopMissing,
  readCounts,
  testSoftware,
} from "../../test/setup/local-hadoop.ts";
import { type OperatorWorld, operatorWorld, workFile } from "../../test/setup/operators.ts";
import { missingOf } from "../../test/setup/programs.ts";
import type { Work } from "./operator.ts";

/** A JVM's start, on a machine that does much else. */
const SLOW_MS = 120_000;
const MISSING = (await hadoopMissing()) ?? (await missingOf({ javac: "-version" }));
const TEXT = { "a.txt": "to be or not to be\n", "b.txt": "that is the question: to be\n" };
const COUNTS = new Map(
  Object.entries({ to: 3, be: 3, or: 1, not: 1, that: 1, is: 1, the: 1, "question:": 1 }),
);
const CLASSES = {
  "mapreduce.job.map.class": "test.Words$Tokens",
  "mapreduce.job.reduce.class": "test.Words$Sum",
  "mapreduce.job.output.key.class": "org.apache.hadoop.io.Text",
  "mapreduce.job.output.value.class": "org.apache.hadoop.io.IntWritable",
};

let world: OperatorWorld;
let jar: Buffer;

beforeAll(async () => {
  world = await operatorWorld({ software: testSoftware() });
  if (MISSING === undefined) jar = await compileWords(await hadoopJars());
}, FETCH_MS);
afterAll(async () => {
  await world.close();
});

let number = 0;
/** Places of a run's own. */
async function places(): Promise<{ readonly input: string; readonly output: string }> {
  number += 1;
  const input = `obs://words/${number}/in`;
  for (const [name, text] of Object.entries(TEXT)) await world.put(`${input}/${name}`, text);
  return { input, output: `obs://words/${number}/out` };
}

async function written(output: string): Promise<string[]> {
  return (await readdir(world.bucketFile(output), { recursive: true })).sort();
}

async function counted(output: string) {
  const parts = (await written(output)).filter((name) => name.startsWith("part-"));
  return readCounts(
    await Promise.all(parts.map((name) => readFile(world.bucketFile(`${output}/${name}`), "utf8"))),
  );
}

function jarTask(properties: Record<string, string>, more: Partial<Work> = {}) {
  return {
    type: "MapReduce",
    properties,
    files: [workFile("words.jar", "library" as const, jar)],
    ...more,
  };
}

describe.skipIf(MISSING !== undefined)("on Hadoop's own runner", { timeout: SLOW_MS }, () => {
  test("a jar's main class gets its arguments, then input and output; what it wrote is in the bucket, whole", async () => {
    const { input, output } = await places();
    const { outcome, log } = await world.run(jarTask({ parameters: "test.Words", input, output }));
    expect(outcome, log).toMatchObject({ state: "succeeded", exitCode: 0 });
    expect(await counted(output)).toEqual(COUNTS);
    expect(await written(output)).toEqual(["_SUCCESS", "part-r-00000"]);
    expect(log).toContain("Map input records=2");
    await expect(readdir("/tmp/hadoop")).rejects.toThrow("ENOENT");
  });

  test("addresses among the arguments are places too, and settings reach the job", async () => {
    const { input, output } = await places();
    const { outcome, log } = await world.run(
      jarTask({
        parameters: `test.Words ${input} ${output}`,
        programParameter: "mapreduce.job.reduces=2|words.note=a&<b>",
      }),
    );
    expect(outcome, log).toMatchObject({ state: "succeeded" });
    expect(await counted(output)).toEqual(COUNTS);
    expect(await written(output)).toEqual(["_SUCCESS", "part-r-00000", "part-r-00001"]);
    expect(log).toContain("note: a&<b>");
  });

  test("a jar without a main class runs the mapper and reducer that its settings name", async () => {
    const { input, output } = await places();
    const { outcome, log } = await world.run(
      jarTask(
        {},
        {
          configs: { ...CLASSES, "mapreduce.framework.name": "yarn" },
          places: { input: { url: input }, output: { url: output }, named: [] },
        },
      ),
    );
    expect(outcome, log).toMatchObject({ state: "succeeded" });
    expect(await counted(output)).toEqual(COUNTS);
  });

  test("streaming runs any program as mapper and reducer, a file of the node among them", async () => {
    const { input, output } = await places();
    const mapper = '#!/bin/sh\ntr -s " " "\\n" | sed "s/$/\\t1/"\n';
    const { outcome, log } = await world.run({
      type: "MapReduceStreaming",
      properties: {
        mapper: "sh map.sh",
        reducer: `awk -F '\\t' '{ n[$1] += $2 } END { for (w in n) print w "\\t" n[w] }'`,
        input,
        output,
      },
      files: [workFile("map.sh", "library", mapper)],
    });
    expect(outcome, log).toMatchObject({ state: "succeeded" });
    expect(await counted(output)).toEqual(COUNTS);
  });

  test("an output that is there is left alone, but a lost try's own is put there anew", async () => {
    const { input, output } = await places();
    await world.put(`${output}/part-r-00000`, "older\t1\n");
    const task = jarTask({ parameters: "test.Words", input, output });
    const refused = await world.run(task);
    expect(refused.outcome).toMatchObject({
      state: "failed",
      permanent: true,
      message: `The output directory ${output} already exists.`,
    });
    expect(await counted(output)).toEqual(new Map([["older", 1]]));
    const other = `${output}-other`;
    const first = await world.run(jarTask({ parameters: "test.Words", input, output: other }));
    expect(first.outcome).toMatchObject({ state: "succeeded" });
    await writeFile(world.bucketFile(`${other}/part-r-00000`), "half of\t");
    const again = await world.run(
      jarTask({ parameters: "test.Words", input, output: other }, { attempt: 2 }),
    );
    expect(again.outcome, again.log).toMatchObject({ state: "succeeded" });
    expect(await counted(other)).toEqual(COUNTS);
    const stranger = jarTask({ parameters: "test.Words", input, output: other }, { instanceId: 2 });
    expect((await world.run(stranger)).outcome).toMatchObject({ state: "failed", permanent: true });
  });

  test("what Java complains of is the reason of the failure", async () => {
    const { input, output } = await places();
    const fail = async (properties: Record<string, string>, more: Partial<Work> = {}) =>
      (await world.run(jarTask({ input, output, ...properties }, more))).outcome;
    expect(await fail({ parameters: "test.Nothing" })).toMatchObject({
      state: "failed",
      message: "exit code 1: java.lang.ClassNotFoundException: test.Nothing",
    });
    expect(await fail({ parameters: "test.Words", programParameter: "words.fail=yes" })).toMatchObject({
      state: "failed",
      message: "exit code 1: java.lang.IllegalStateException: told to fail; rm -rf $HOME",
    });
    expect(await fail({}, { configs: { ...CLASSES, "mapreduce.job.map.class": "test.No" } })).toMatchObject({
      state: "failed",
      message: expect.stringContaining("java.lang.ClassNotFoundException: Class test.No not found"),
    });
    const broken = { files: [workFile("words.jar", "library" as const, "no zip")] };
    expect(await fail({ parameters: "test.Words" }, broken)).toMatchObject({
      state: "failed",
      message: expect.stringMatching(/^exit code 1: java\.(io\.IOException|util\.zip\.ZipException): /),
    });
    await expect(readdir(world.bucketFile(output))).rejects.toThrow("ENOENT");
  });

  test("a jar that names no main class where none is given says so", async () => {
    const { outcome } = await world.run(jarTask({}));
    expect(outcome).toMatchObject({
      state: "failed",
      message: expect.stringContaining("words.jar names no main class, and the arguments are empty"),
    });
  });

  test("an end on request leaves no process and no output", async () => {
    const { input, output } = await places();
    const before = new Set(world.processes().map(({ pid }) => pid));
    const controller = new AbortController();
    const { outcome } = await world.run(
      jarTask({ parameters: "test.Words", programParameter: "words.wait=yes", input, output }),
      {
        signal: controller.signal,
        onLog: (log) => {
          if (log.includes("mapping")) controller.abort("stop");
        },
      },
    );
    expect(outcome.state).toBe("cancelled");
    await expect.poll(() => world.processes().filter(({ pid }) => !before.has(pid))).toEqual([]);
    await expect(readdir(world.bucketFile(output))).rejects.toThrow("ENOENT");
  });
});

test("what a node lacks is said before anything is fetched", async () => {
  const { outcome } = await world.run({ type: "MapReduceStreaming", properties: { mapper: "cat" } });
  expect(outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringContaining("reducer"),
  });
  const missing = await world.run({ type: "MapReduce", properties: {} });
  expect(missing.outcome).toMatchObject({ state: "failed", permanent: true });
});

test("a project without the right to run commands is told so", async () => {
  const { outcome } = await world.run({ type: "MapReduce", localCommandsAllowed: false });
  expect(outcome).toMatchObject({ permanent: true, message: expect.stringContaining("administrator") });
});

async function compileWords(jars: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-words-"));
  const source = `package test;
import java.io.IOException;
import java.util.StringTokenizer;
import org.apache.hadoop.conf.*; import org.apache.hadoop.fs.Path; import org.apache.hadoop.io.*;
import org.apache.hadoop.mapreduce.*; import org.apache.hadoop.mapreduce.lib.input.FileInputFormat;
import org.apache.hadoop.mapreduce.lib.output.FileOutputFormat;
public class Words {
  public static class Tokens extends Mapper<Object, Text, Text, IntWritable> {
    protected void map(Object key, Text value, Context context) throws IOException, InterruptedException {
      System.out.println("mapping");
      if (context.getConfiguration().getBoolean("words.wait", false)) Thread.sleep(1000000);
      StringTokenizer words = new StringTokenizer(value.toString());
      while (words.hasMoreTokens()) context.write(new Text(words.nextToken()), new IntWritable(1));
    }
  }
  public static class Sum extends Reducer<Text, IntWritable, Text, IntWritable> {
    protected void reduce(Text key, Iterable<IntWritable> values, Context context) throws IOException, InterruptedException {
      int sum = 0;
      for (IntWritable value : values) sum += value.get();
      context.write(key, new IntWritable(sum));
    }
  }
  public static void main(String[] args) throws Exception {
    Configuration conf = new Configuration();
    System.out.println("note: " + conf.get("words.note"));
    if (conf.get("words.fail") != null) throw new IllegalStateException("told to fail; rm -rf $HOME");
    if (conf.get("words.wait") != null) conf.setBoolean("words.wait", true);
    Job job = Job.getInstance(conf, "words");
    job.setJarByClass(Words.class);
    job.setMapperClass(Tokens.class);
    job.setReducerClass(Sum.class);
    job.setOutputKeyClass(Text.class);
    job.setOutputValueClass(IntWritable.class);
    FileInputFormat.addInputPath(job, new Path(args[0]));
    FileOutputFormat.setOutputPath(job, new Path(args[1]));
    System.exit(job.waitForCompletion(true) ? 0 : 1);
  }
}`;
  await writeFile(join(folder, "Words.java"), source);
  const options = { cwd: folder, stdio: "pipe" } as const;
  execFileSync("javac", ["-cp", join(jars, "*"), "-d", ".", "Words.java"], options);
  execFileSync("jar", ["cf", "words.jar", "test"], options);
  const built = readFileSync(join(folder, "words.jar"));
  await rm(folder, { recursive: true });
  return built;
}
