import { expect, test } from "vitest";
import {
  checkSubmission,
  NO_SUBMISSION,
  programOf,
  type Submission,
  secretWords,
  submissionOf,
  vendorRunOf,
} from "./vendor-run.ts";

const submission = (changes: Partial<Submission>): Submission => ({
  ...NO_SUBMISSION,
  type: "MapReduce",
  name: "run",
  ...changes,
});

test("a MapReduce job's arguments go to its jar, then the two ends that they do not name", () => {
  const program = programOf(
    submission({
      jarPath: "obs://b/x.jar",
      words: ["wordcount", "@password=p q", "obs://b/in"],
      input: "obs://b/in",
      output: "obs://b/out",
    }),
  );
  expect(program).toMatchObject({
    args: ["wordcount", "password=p q", "obs://b/in", "obs://b/out"],
    input: { url: "obs://b/in" },
    output: { url: "obs://b/out" },
    files: [{ address: "obs://b/x.jar", use: "library" }],
  });
});

test("secrets among the arguments and properties are found, and shown covered", () => {
  const given = submission({
    words: ["@user=me", "fs.s3a.secret.key=abc", "plain=1", "@odd"],
    properties: { "spark.password": "x", "spark.cores.max": "2" },
  });
  expect(secretWords(given)).toEqual(["me", "abc"]);
  expect(vendorRunOf(given, "u")).toMatchObject({
    words: ["@user=***", "fs.s3a.secret.key=***", "plain=1", "@odd"],
    properties: { "spark.password": "***", "spark.cores.max": "2" },
    userId: "u",
  });
});

test("Spark's class is taken from in front of the arguments in the version that has it there", () => {
  const spark = (changes: Partial<Submission>) =>
    programOf(submission({ type: "Spark", jarPath: "obs://b/x.jar", ...changes }));
  for (const name of ["org.example.Count", "Count", "org.example.Count$Inner"])
    expect(spark({ words: [name, "obs://b/in"], classFirst: true })).toMatchObject({
      configs: { "edp.java.main_class": name },
      args: ["obs://b/in"],
    });
  for (const words of [["100", "1"], ["obs://b/in"], ["wordcount"]])
    expect(spark({ words, classFirst: true })).toMatchObject({ configs: {}, args: words });
  expect(spark({ words: ["Count"] })).toMatchObject({ configs: {}, args: ["Count"] });
});

test("a line of spark-submit is read to its program, its class and its settings", () => {
  const line = [
    "--master",
    "yarn",
    "--class=org.example.Count",
    "--verbose",
    "--conf",
    "spark.a=b=c",
    "--num-executors",
    "2",
    "--jars",
    "obs://b/a.jar",
    "obs://b/x.jar",
    "--class",
    "own",
  ];
  expect(submissionOf("Spark", "run", line, { d: "e" })).toMatchObject({
    jarPath: "obs://b/x.jar",
    words: ["--class", "own"],
    properties: {
      d: "e",
      "spark.a": "b=c",
      "spark.executor.instances": "2",
      "--jars": "obs://b/a.jar",
      "edp.java.main_class": "org.example.Count",
    },
  });
});

test("a Python program of Spark is its main file; a line of flink run is read as far as its jar", () => {
  const python = submissionOf("Spark", "run", ["obs://b/x.py", "1"], {});
  expect(programOf(python).files).toEqual([{ address: "obs://b/x.py", use: "main" }]);
  const flink = submissionOf(
    "Flink",
    "run",
    [
      "run",
      "-d",
      "-m",
      "yarn-cluster",
      "-c",
      "org.example.Stream",
      "-yD",
      "a=b",
      "obs://b/f.jar",
      "--in",
      "x",
    ],
    {},
  );
  expect(flink).toMatchObject({
    jarPath: "obs://b/f.jar",
    words: ["--in", "x"],
    properties: { "edp.java.main_class": "org.example.Stream", a: "b" },
  });
});

test("scripts get values for their names, and the places that the run reads and writes", () => {
  const script = submissionOf("Hive", "run", ["obs://b/q.sql", "day=2026-01-31", "-v"], {});
  expect(programOf({ ...script, input: "obs://b/in" })).toMatchObject({
    params: { INPUT: "obs://b/in", day: "2026-01-31" },
    files: [{ address: "obs://b/q.sql", use: "main" }],
  });
  const statement = submissionOf("SparkSql", "run", ["select 1;"], {});
  expect(programOf(statement)).toMatchObject({ statement: "select 1;", args: [] });
});

test("what its type cannot do without is asked for, each by its own code", () => {
  const refusals: [Partial<Submission>, string][] = [
    [{ type: "MapReduce" }, "run-jar-missing"],
    [{ type: "Flink" }, "run-jar-missing"],
    [{ type: "SparkScript" }, "run-script-missing"],
    [{ type: "SparkSql", statement: "  " }, "request-invalid"],
    [{ type: "DistCp", input: "obs://b/in" }, "request-invalid"],
  ];
  for (const [changes, code] of refusals)
    expect(() => checkSubmission(submission(changes))).toThrow(expect.objectContaining({ code }));
  const { input, output } = submissionOf("DistCp", "run", ["-p", "a", "b"], {});
  expect([input, output]).toEqual(["a", "b"]);
});
