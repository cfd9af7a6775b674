/** What the properties of Spark nodes mean, how their settings are written, and which of a program's words is its reason. */
import { describe, expect, test } from "vitest";
import { workOf } from "../../test/setup/operators.ts";
import type { Outcome } from "./operator.ts";
import { createSparkComplaint } from "./spark-complaint.ts";
import { sparkFilesOf } from "./spark-files.ts";
import { confFile, sparkProgramOf } from "./spark-program.ts";

function programOf(properties: Readonly<Record<string, string>>, configs?: Readonly<Record<string, string>>) {
  return sparkProgramOf(workOf({ type: "MRSSpark", properties, ...(configs && { configs }) }));
}

describe("a node's properties", () => {
  test("of MRS: options and settings parted by bars, arguments as a line of words", () => {
    const programParameter =
      "--class=org.example.Main|--conf=spark.a=b=c|--executor-memory=2g|spark.d = e | --files=obs://b/f.txt,obs://b/g.txt";
    expect(programOf({ programParameter, parameters: "one 'two words'" })).toEqual({
      mainClass: "org.example.Main",
      confs: { "spark.a": "b=c", "spark.executor.memory": "2g", "spark.d": "e" },
      args: ["one", "two words"],
      jars: [],
      pyFiles: [],
      files: ["obs://b/f.txt", "obs://b/g.txt"],
      ignored: [],
    });
  });

  test("of DLI: a class, arguments, settings as lines", () => {
    const program = programOf({ jobClass: "M", jarArgs: "a\nb", sparkConfig: "spark.a=1\r\nspark.b=2\n" });
    expect(program).toMatchObject({
      mainClass: "M",
      args: ["a", "b"],
      confs: { "spark.a": "1", "spark.b": "2" },
    });
  });

  test("of a run: Spark's settings, and those that Spark hands on to Hadoop; others have no effect", () => {
    const configs = { "spark.a": "1", "fs.s3a.endpoint": "e", "edp.spark.adapt_for_swift": "true" };
    expect(programOf({ mainClass: "M" }, configs)).toMatchObject({
      confs: { "spark.a": "1", "spark.hadoop.fs.s3a.endpoint": "e" },
      ignored: ["edp.spark.adapt_for_swift"],
    });
  });

  test("where it runs is not the program's to say", () => {
    const programParameter = "--master=yarn|--deploy-mode=cluster|--conf=spark.master=local[9]";
    expect(programOf({ programParameter })).toMatchObject({
      confs: {},
      ignored: ["--master", "--deploy-mode", "spark.master"],
    });
  });

  test.each(["--proxy-user=root", "nothing", "=value"])("refuses %s", (programParameter) => {
    expect(() => programOf({ programParameter })).toThrow(/no option|of the form name=value/);
  });
});

describe("a program's files", () => {
  const filesOf = (properties: Readonly<Record<string, string>>, type = "MRSSpark") => {
    const work = workOf({ type, properties });
    return sparkFilesOf(work, sparkProgramOf(work));
  };

  test("are told to Spark by what they are", () => {
    const resourcePath = "obs://b/programs/main.jar";
    const { main, work, confs } = filesOf({ resourcePath, files: "obs://b/x.jar\nobs://b/y.csv" });
    expect(main).toEqual({ name: "main.jar", isPython: false });
    expect(work.properties.files).toBe(`${resourcePath}\nobs://b/x.jar\nobs://b/y.csv`);
    expect(confs).toEqual({ "spark.jars": "x.jar", "spark.files": "y.csv" });
    const files = "obs://b/m.zip,obs://b/n.py,obs://b/x.jar";
    expect(filesOf({ resourcePath: "obs://b/main.py", files })).toMatchObject({
      main: { isPython: true },
      confs: { "spark.submit.pyFiles": "m.zip,n.py", "spark.jars": "x.jar" },
    });
  });

  test("may be a script", () => {
    const properties = { statement: "print(1)", files: "obs://b/script.py" };
    expect(filesOf(properties, "MRSSparkPython").main).toEqual({
      name: "_script.py",
      text: "print(1)",
      isPython: true,
    });
  });

  test("need a program among them, and names that are one name to Spark", () => {
    expect(() => filesOf({})).toThrow(/nothing to run/);
    expect(() => filesOf({ resourcePath: "obs://b/a.jar", files: "obs://b/x#y.jar" })).toThrow(/x#y\.jar/);
  });
});

test("settings come out of their file as they went in", () => {
  expect(confFile({ "spark.a": 'x = "y"\\z\n#é' })).toBe(
    "spark.a=x\\u0020\\u003d\\u0020\\u0022y\\u0022\\u005cz\\u000a\\u0023\\u00e9\n",
  );
});

describe("the reason of a failure is", () => {
  const explained = (log: string, exitCode = 1): Outcome => {
    const complaint = createSparkComplaint();
    for (let at = 0; at < log.length; at += 7) complaint.read(log.slice(at, at + 7));
    return complaint.explain({ state: "failed", message: `exit code ${exitCode}`, exitCode });
  };

  test.each([
    [
      "a task's exception",
      "WARN x\norg.apache.spark.SparkException: Job aborted: java.lang.ArithmeticException: / by zero\n\tat a.b(C.java:1)\n",
      /^exit code 1: .*java\.lang\.ArithmeticException: \/ by zero$/,
    ],
    [
      "the last line of a traceback",
      'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no: here\nINFO done\n',
      /^exit code 1: ValueError: no: here$/,
    ],
    [
      "Java's own where Python only says that Java failed",
      "Traceback (most recent call last):\n  x\npy4j.protocol.Py4JJavaError: An error occurred\n: a.b.CException: why\n",
      /^exit code 1: a\.b\.CException: why$/,
    ],
    ["what is known where the program says nothing", "Error: its own word\n", /^exit code 1$/],
  ])("%s", (_, log, message) => {
    expect(explained(log)).toEqual({ state: "failed", message: expect.stringMatching(message), exitCode: 1 });
  });

  test("Spark's own where it cannot begin, which no further try can mend", () => {
    expect(explained("Error: Failed to load class org.Absent.\n", 101)).toEqual({
      state: "failed",
      message: "exit code 101: Failed to load class org.Absent.",
      exitCode: 101,
      permanent: true,
    });
  });
});
