/** A run that the vendor's own calls ask for, without a template: what is legal, what it runs, what is shown of it. */
import { Fault } from "./fault.ts";
import { MAIN_CLASS } from "./job-configs.ts";
import type { JobType } from "./job-type.ts";
import { isSecretSetting, type RunFile, type RunProgram } from "./run-program.ts";

/** What the vendor's calls run; in the first version a number, from 1, names the first seven. Source: mrs-v1.1 8 and 10. */
export const VENDOR_TYPES = [
  "MapReduce",
  "Spark",
  "Hive",
  "hql",
  "DistCp",
  "SparkScript",
  "SparkSql",
  "Flink",
] as const satisfies readonly JobType[];
export type VendorType = (typeof VENDOR_TYPES)[number];

/** As it was asked for; `undefined` and "" are the same. */
export interface Submission {
  readonly type: VendorType;
  readonly name: string;
  /** One by one; a name behind `@` and before `=` marks a secret. */
  readonly words: readonly string[];
  /** Settings for the engine. */
  readonly properties: Readonly<Record<string, string>>;
  readonly jarPath: string;
  readonly scriptPath: string;
  readonly input: string;
  readonly output: string;
  readonly jobLog: string;
  readonly fileAction: string;
  readonly statement: string;
  /** The first word may name the class to run. */
  readonly classFirst?: boolean;
}

/** What is kept for showing: its secrets are covered. */
export interface VendorRun extends Omit<Submission, "name"> {
  /** Who asked. */
  readonly userId: string;
}

export const NO_SUBMISSION: Omit<Submission, "type" | "name"> = {
  words: [],
  properties: {},
  jarPath: "",
  scriptPath: "",
  input: "",
  output: "",
  jobLog: "",
  fileAction: "",
  statement: "",
};

const COVER = "***";
const CLASS_NAME = /^(?:[A-Za-z_]\w*\.)*[A-Z][\w$]*$/;
const NEEDS_JAR: readonly VendorType[] = ["MapReduce", "Spark", "Flink"];
const NEEDS_SCRIPT: readonly VendorType[] = ["Hive", "SparkScript"];
const NEEDS_STATEMENT: readonly VendorType[] = ["hql", "SparkSql"];
/** Of `spark-submit`: those that stand alone; all others have a value behind them. */
const SPARK_FLAGS = ["--verbose", "-v", "--supervise", "--use-proxy-user"];
const SPARK_SETTINGS: Readonly<Record<string, string>> = {
  "--driver-memory": "spark.driver.memory",
  "--driver-cores": "spark.driver.cores",
  "--executor-memory": "spark.executor.memory",
  "--executor-cores": "spark.executor.cores",
  "--num-executors": "spark.executor.instances",
  "--total-executor-cores": "spark.cores.max",
  "--queue": "spark.yarn.queue",
};
/** Where a program runs, and how it is followed there, is this service's matter. */
const SPARK_DECIDED = ["--master", "--deploy-mode"];
/** Of `flink run`: those with a value behind them; `-yD` and `-D` hold theirs. */
const FLINK_VALUES = [
  "-c",
  "--class",
  "-p",
  "--parallelism",
  "-s",
  "--fromSavepoint",
  "-m",
  "-t",
  "-ynm",
  "-yjm",
  "-ytm",
  "-ys",
  "-yqu",
  "-yD",
  "-D",
];

/**
 * Raises `run-jar-missing`, `run-script-missing`, or `request-invalid` for a run that lacks what its type needs.
 * Source: mrs-v1.1 8.
 */
export function checkSubmission({ type, jarPath, scriptPath, statement, ...rest }: Submission): void {
  if (NEEDS_JAR.includes(type) && jarPath === "")
    throw new Fault("invalid", "run-jar-missing", `${type} needs the path of its program`);
  if (NEEDS_SCRIPT.includes(type) && scriptPath === "")
    throw new Fault("invalid", "run-script-missing", `${type} needs the path of its script`);
  if (NEEDS_STATEMENT.includes(type) && statement.trim() === "")
    throw new Fault("invalid", "request-invalid", `${type} needs a statement`);
  if (type === "DistCp" && (rest.input === "" || rest.output === ""))
    throw new Fault("invalid", "request-invalid", "DistCp needs a source and a target");
}

/** The second version has all in one list of arguments. Source: mrs-v1.1 10; spark-submit and flink run for their own. */
export function submissionOf(
  type: VendorType,
  name: string,
  args: readonly string[],
  properties: Readonly<Record<string, string>>,
): Submission {
  const base = { ...NO_SUBMISSION, type, name, properties };
  const [first = "", ...rest] = args;
  switch (type) {
    case "MapReduce":
      return { ...base, jarPath: first, words: rest };
    case "Spark":
      return { ...base, ...readSparkSubmit(args, properties) };
    case "Flink":
      return { ...base, ...readFlinkRun(first === "run" ? rest : args, properties) };
    case "Hive":
    case "SparkScript":
      return { ...base, scriptPath: first, words: rest };
    case "hql":
    case "SparkSql":
      return { ...base, statement: args.join(" ") };
    case "DistCp":
      return {
        ...base,
        words: args.slice(0, -2),
        input: args.at(-2) ?? "",
        output: args.length > 1 ? (args.at(-1) ?? "") : "",
      };
    default:
      return type satisfies never;
  }
}

/** What the engine is to run. */
export function programOf(submission: Submission): RunProgram {
  const { type, properties, input, output, statement } = submission;
  const words = submission.words.map(plainWord);
  const [first = ""] = words;
  // The first version has the class in front, as `hadoop jar` takes it; for Spark it is a setting.
  const named = type === "Spark" && submission.classFirst === true && CLASS_NAME.test(first);
  const own = named ? words.slice(1) : words;
  const ends = [input, output].filter((end) => end !== "" && !own.includes(end));
  const files = filesOf(submission);
  return {
    configs: { ...properties, ...(named && { [MAIN_CLASS]: first }) },
    params: NEEDS_JAR.includes(type) ? {} : paramsOf(own, { input, output }),
    args: NEEDS_JAR.includes(type) ? [...own, ...ends] : own,
    ...(input !== "" && { input: { url: input } }),
    ...(output !== "" && { output: { url: output } }),
    named: [],
    ...(files.length > 0 && { files }),
    ...(statement !== "" && { statement }),
  };
}

/** What is shown of it, and kept in clear. */
export function vendorRunOf({ name: _name, ...submission }: Submission, userId: string): VendorRun {
  const shown = Object.entries(submission.properties).map(([name, value]): [string, string] => [
    name,
    isSecretSetting(name) ? COVER : value,
  ]);
  return {
    ...submission,
    userId,
    words: submission.words.map(coverWord),
    properties: Object.fromEntries(shown),
  };
}

/** A word with its secret, where it has one, covered. */
function coverWord(word: string): string {
  const marked = /^(@?[^=]*)=/s.exec(word);
  const [head = "", name = ""] = marked ?? [];
  return name.startsWith("@") || (marked !== null && isSecretSetting(name)) ? `${head}${COVER}` : word;
}

function plainWord(word: string): string {
  return /^@[^=]+=/.test(word) ? word.slice(1) : word;
}

/** Values of the secrets that words hold, which no log may show. */
export function secretWords({ words }: Pick<Submission, "words">): string[] {
  return words
    .filter((word) => coverWord(word) !== word)
    .map((word) => word.slice(word.indexOf("=") + 1))
    .filter((secret) => secret !== "");
}

function filesOf({ jarPath, scriptPath }: Submission): RunFile[] {
  // A program of Spark in Python is no library.
  const use = jarPath.toLowerCase().endsWith(".py") ? "main" : "library";
  const jar: RunFile[] = jarPath === "" ? [] : [{ address: jarPath, use }];
  return scriptPath === "" ? jar : [...jar, { address: scriptPath, use: "main" }];
}

function paramsOf(
  words: readonly string[],
  { input, output }: Pick<Submission, "input" | "output">,
): Readonly<Record<string, string>> {
  const pairs = words.flatMap((word): [string, string][] => {
    const at = word.indexOf("=");
    return at > 0 ? [[word.slice(0, at), word.slice(at + 1)]] : [];
  });
  return {
    ...(input !== "" && { INPUT: input }),
    ...(output !== "" && { OUTPUT: output }),
    ...Object.fromEntries(pairs),
  };
}

type Read = Pick<Submission, "jarPath" | "words" | "properties">;

function readSparkSubmit(args: readonly string[], given: Readonly<Record<string, string>>): Read {
  const properties: Record<string, string> = { ...given };
  let place = 0;
  for (; place < args.length && args[place]?.startsWith("-") === true; place += 1) {
    const [option = "", joined] = splitOnce(args[place] ?? "");
    if (SPARK_FLAGS.includes(option)) continue;
    const value = joined ?? args[place + 1] ?? "";
    if (joined === undefined) place += 1;
    const setting = SPARK_SETTINGS[option];
    if (option === "--class") properties[MAIN_CLASS] = value;
    else if (option === "--conf" || option === "-c") {
      const [name = "", text = ""] = splitOnce(value);
      properties[name] = text;
    } else if (!SPARK_DECIDED.includes(option)) properties[setting ?? option] = value;
  }
  return { properties, jarPath: args[place] ?? "", words: args.slice(place + 1) };
}

function readFlinkRun(args: readonly string[], given: Readonly<Record<string, string>>): Read {
  const properties: Record<string, string> = { ...given };
  let place = 0;
  for (; place < args.length && args[place]?.startsWith("-") === true; place += 1) {
    const option = args[place] ?? "";
    if (!FLINK_VALUES.includes(option)) continue;
    place += 1;
    const value = args[place] ?? "";
    if (option === "-c" || option === "--class") properties[MAIN_CLASS] = value;
    else if (option === "-p" || option === "--parallelism") properties["parallelism.default"] = value;
    else if (option === "-yD" || option === "-D") {
      const [name = "", text = ""] = splitOnce(value);
      properties[name] = text;
    }
  }
  return { properties, jarPath: args[place] ?? "", words: args.slice(place + 1) };
}

/** What stands before and behind the first `=`. */
function splitOnce(text: string): [string, string?] {
  const at = text.indexOf("=");
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
