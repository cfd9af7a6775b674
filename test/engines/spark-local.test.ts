/** Spark programs on the server itself, real Spark through both faces: counts that agree with plain code, and ends that say why. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { listProcesses } from "../../src/operators/process-table.ts";
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
import { compileProgram } from "./setup/java-programs.ts";

const PROGRAMS = join(import.meta.dirname, "programs");
const CLASS = "SparkWordCount";
const ENGINES_ENV = { AZALAI_ENGINES_DIR: ENGINES_FOLDER };
const OF_CLASS = { programParameter: `--class=${CLASS}` };

let service: Service;
let faces: Faces;
let jar: Buffer;
let expected: ReadonlyMap<string, number>;

beforeAll(async () => {
  service = await startService({ env: ENGINES_ENV });
  faces = await openFaces(service);
  const home = `${await testSoftware().ensure("spark", AbortSignal.timeout(2 * FETCH_MS))}/pyspark`;
  const program = { classPath: `${home}/jars/*`, program: CLASS, manifest: false };
  jar = await readFile(await compileProgram(program));
  const text = await realText();
  expected = countWords(text.values());
  for (const [name, content] of text) await faces.upload(`words/text/${name}`, content);
  await faces.upload("programs/count.jar", jar);
  for (const name of ["word_count.py", "blanks.py"])
    await faces.upload(`programs/${name}`, await readFile(join(PROGRAMS, name)));
});

afterAll(() => service?.remove());

/** Word by word; a mistake shows the words that it is about, not all of them. */
async function expectCounts(folder: string): Promise<void> {
  const counts = readCounts(await faces.texts(folder));
  const wrong = [...expected].filter(([word, count]) => counts.get(word) !== count);
  expect(wrong).toEqual([]);
  expect(counts.size).toBe(expected.size);
}

/** Command lines of programs of Spark that live. */
function javaProcesses(): string[] {
  const lines = listProcesses().map(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
      return ""; // it has just ended
    }
  });
  return lines.filter((line) => line.includes("SparkSubmit"));
}

describe("words are counted as plain code counts them", () => {
  test("by a jar, for a node of Factory whose arguments name the places", async () => {
    expect(expected.size).toBeGreaterThan(10_000);
    const parameters = "obs://words/text obs://words/by-jar";
    const resourcePath = "obs://programs/count.jar";
    const end = await faces.run("by-jar", "MRSSpark", { resourcePath, parameters, ...OF_CLASS });
    expect(end, await faces.log(1, 1)).toMatchObject({ state: "succeeded" });
    await expectCounts("obs://words/by-jar");
  });

  test("by PySpark, for a node whose properties name the places, with a module beside the script", async () => {
    const end = await faces.run("by-python", "MRSSparkPython", {
      resourcePath: "obs://programs/word_count.py",
      files: "obs://programs/blanks.py",
      input: "obs://words/text",
      output: "obs://words/by-python",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: these are the node's own names
      arguments: "${input} ${output}",
    });
    expect(end).toMatchObject({ state: "succeeded", output: `words: ${expected.size}` });
    await expectCounts("obs://words/by-python");
  });

  test("by a resource, for a node of DLI", async () => {
    const resource = { name: "counter", type: "jar", location: "obs://programs/count.jar", directory: "/r" };
    await faces.factory("POST", "/resources", resource);
    const end = await faces.run("by-dli", "DLISpark", {
      resourcePath: "counter",
      jobClass: CLASS,
      jarArgs: "obs://words/text\nobs://words/by-dli",
      sparkConfig: "spark.default.parallelism=3\nspark.hadoop.mapreduce.job.reduces=3",
    });
    expect(end).toMatchObject({ state: "succeeded" });
    await expectCounts("obs://words/by-dli");
  });

  test("by a jar and by PySpark, for runs of the vendor's calls", async () => {
    const first = await faces.submit({
      job_type: 2,
      job_name: "jar",
      jar_path: "s3a://programs/count.jar",
      arguments: CLASS,
      input: "s3a://words/text",
      output: "s3a://words/submitted",
    });
    expect(first.info).toMatchObject({ status: "SUCCEEDED" });
    await expectCounts("obs://words/submitted");
    const line = ["--master", "yarn", "--py-files", "obs://programs/blanks.py", "--driver-memory", "512m"];
    const second = await faces.submit({
      job_type: "SparkSubmit",
      job_name: "python",
      arguments: [
        ...line,
        "obs://programs/word_count.py",
        "obs://words/text",
        "obs://words/submitted-python",
      ],
    });
    expect(second.info).toMatchObject({ status: "SUCCEEDED" });
    await expectCounts("obs://words/submitted-python");
  });

  test("by a jar and by PySpark, for runs of Sahara", async () => {
    const blanks = await faces.binary("blanks.py", await readFile(join(PROGRAMS, "blanks.py")));
    const script = await faces.binary("word_count.py", await readFile(join(PROGRAMS, "word_count.py")));
    const program = await faces.binary("count.jar", jar);
    const inJar = await faces.runSahara(
      { name: "jar", type: "Spark", mains: [program], libs: [] },
      ["swift://words/text", "swift://words/sahara-jar"],
      { "edp.java.main_class": CLASS },
    );
    expect(inJar.info).toMatchObject({ status: "SUCCEEDED" });
    await expectCounts("obs://words/sahara-jar");
    const inPython = await faces.runSahara(
      { name: "python", type: "Spark", mains: [script], libs: [blanks] },
      ["swift://words/text", "swift://words/sahara-python"],
      { "edp.java.main_class": "none" },
    );
    expect(inPython.info).toMatchObject({ status: "SUCCEEDED" });
    await expectCounts("obs://words/sahara-python");
  });
});

test("a run of Sahara names its places by data sources, and its memory by a setting", async () => {
  const program = await faces.binary("sources.jar", jar);
  for (const name of ["text", "by-source"])
    await faces.sahara("POST", "/data-sources", { name, type: "obs", url: `obs://words/${name}` });
  const template = { name: "sources", type: "Spark", mains: [program], libs: [] };
  const run = await faces.runSahara(template, ["datasource://text", "datasource://by-source"], {
    "edp.java.main_class": CLASS,
    "edp.substitute_data_source_for_name": true,
    "spark.driver.memory": "700m",
  });
  expect(run.info).toMatchObject({ status: "SUCCEEDED" });
  await expectCounts("obs://words/by-source");
  const wrong = await faces.runSahara({ ...template, name: "wrong-class" }, ["x"], {
    "edp.java.main_class": "org.example.Absent",
  });
  expect(wrong.info).toMatchObject({ status: "FAILED" });
});

test("the job that the documents show runs, twice over the same output", async () => {
  const page = await readFile(join(import.meta.dirname, "../../docs/spark.md"), "utf8");
  const job = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? "");
  await faces.upload("texts/letters/one.txt", "to be or not to be");
  await faces.factory("POST", "/jobs", job);
  for (const _ of [1, 2]) {
    const { instanceId } = await faces.factory("POST", `/jobs/${job.name}/run-immediate`);
    expect(await faces.ended(Number(instanceId))).toMatchObject({ state: "succeeded", output: "4" });
  }
});

describe("a program that goes wrong ends with its own reason", () => {
  const runJar = (name: string, parameters: string, more: Readonly<Record<string, string>> = OF_CLASS) =>
    faces.run(name, "MRSSpark", { resourcePath: "obs://programs/count.jar", parameters, ...more });

  test("what the driver or a task throws, in Java and in Python", async () => {
    expect(await runJar("thrown", "fail here")).toMatchObject({
      state: "failed",
      message: expect.stringContaining("java.lang.IllegalStateException: the program says no: here"),
    });
    expect(await runJar("task", "task")).toMatchObject({
      state: "failed",
      message: expect.stringContaining("/ by zero"),
    });
    const script = { resourcePath: "obs://programs/word_count.py", files: "obs://programs/blanks.py" };
    expect(await faces.run("python", "MRSSparkPython", { ...script, parameters: "fail here" })).toMatchObject(
      {
        state: "failed",
        message: expect.stringContaining("ValueError: the program says no: here"),
      },
    );
    expect(
      await faces.run("python-task", "MRSSparkPython", { ...script, parameters: "task here" }),
    ).toMatchObject({ state: "failed", message: expect.stringContaining("ZeroDivisionError") });
  });

  test("an exit code is the program's own", async () => {
    expect(await runJar("exit", "exit 3")).toMatchObject({ state: "failed", exitCode: 3 });
  });

  test("a class that is in no jar, no class at all, a jar that is none, and a file that is not there", async () => {
    expect(await runJar("no-class", "x", { programParameter: "--class=org.example.Absent" })).toMatchObject({
      state: "failed",
      message: expect.stringContaining("Failed to load class org.example.Absent"),
    });
    expect(await runJar("unnamed", "x", {})).toMatchObject({
      state: "failed",
      message: expect.stringMatching(/main class/i),
    });
    await faces.upload("programs/broken.jar", "this is no jar");
    const broken = { resourcePath: "obs://programs/broken.jar", parameters: "x" };
    expect(await faces.run("broken", "MRSSpark", broken)).toMatchObject({
      state: "failed",
      message: expect.stringMatching(/jar|zip/i),
    });
    const absent = { resourcePath: "obs://programs/absent.jar", parameters: "x" };
    expect(await faces.run("absent", "MRSSpark", absent)).toMatchObject({
      state: "failed",
      message: expect.stringContaining("obs://programs/absent.jar"),
    });
  });

  test("forty MiB of output are a log of sixteen, and the last line is still the output", async () => {
    const id = await faces.start("flood", "MRSSpark", {
      resourcePath: "obs://programs/count.jar",
      parameters: "flood 40",
      ...OF_CLASS,
    });
    const end = await faces.ended(id);
    expect(end).toMatchObject({ state: "succeeded", output: "the end of it" });
    const logBytes = end.attempts[0]?.logBytes ?? 0;
    expect(logBytes).toBeGreaterThan(16 * 2 ** 20);
    expect(logBytes).toBeLessThan(17 * 2 ** 20);
    expect(await faces.log(id, 1, logBytes - 200)).toMatch(/\d+ more bytes of output were dropped/);
  });

  test("words reach it as they are, and settings without being in a list of processes", async () => {
    const words = `words "$(id)" '; exit 1' 'two words' --master "a'b" '' \\\\`;
    const id = await faces.start("hostile", "MRSSpark", {
      resourcePath: "obs://programs/count.jar",
      parameters: words,
      programParameter: `--class=${CLASS}|spark.azalai.test=a secret: "x" = \\y`,
    });
    expect(await faces.ended(id)).toMatchObject({ state: "succeeded", output: 'a secret: "x" = \\y' });
    expect(await faces.log(id, 1)).toContain("words|$(id)|; exit 1|two words|--master|a'b||\\");
  });
});

describe("a program that is ended", () => {
  const wait = { resourcePath: "obs://programs/count.jar", parameters: "wait", ...OF_CLASS };
  const begun = (id: number) =>
    vi.waitFor(async () => expect(await faces.log(id, 1)).toContain("waiting"), {
      timeout: 120_000,
      interval: 500,
    });

  test("by a stop leaves no process", async () => {
    const id = await faces.start("stopped", "MRSSpark", wait);
    await begun(id);
    expect(javaProcesses()).not.toEqual([]);
    await faces.stop(id);
    await faces.ended(id);
    expect(javaProcesses()).toEqual([]);
  });

  test("by the server's death leaves no process, runs again elsewhere, and has one effect", async () => {
    const parameters = "obs://words/text obs://words/after-death";
    const id = await faces.start("survivor", "MRSSpark", {
      resourcePath: "obs://programs/count.jar",
      parameters,
      ...OF_CLASS,
    });
    await vi.waitFor(() => expect(javaProcesses()).not.toEqual([]), { timeout: 60_000 });
    const { dataDir } = service;
    await service.kill();
    await vi.waitFor(() => expect(javaProcesses()).toEqual([]), { timeout: 20_000 });
    expect(await faces.texts("obs://words/after-death")).toEqual([]);
    service = await startService({ dataDir, env: { ...ENGINES_ENV, AZALAI_LEASE_SECONDS: "5" } });
    faces = await openFaces(service);
    const end = await faces.ended(id);
    expect(end).toMatchObject({ state: "succeeded" });
    expect(end.attempts).toHaveLength(2);
    await expectCounts("obs://words/after-death");
  });
});
