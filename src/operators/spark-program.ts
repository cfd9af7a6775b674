/** What a Spark node asks for, whichever of its types it has: a program, its classes and files, settings and arguments. */
import { Fault } from "../domain/fault.ts";
import { listedFiles } from "../domain/resource.ts";
import { splitArguments } from "./arguments.ts";
import type { Work } from "./operator.ts";

export interface SparkProgram {
  /** Absent where the jar's own manifest is to name it. */
  readonly mainClass?: string;
  /** `spark.…` settings; may hold secrets. */
  readonly confs: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** Paths of bucket files that the program is made of, beside the files of the attempt. */
  readonly jars: readonly string[];
  readonly pyFiles: readonly string[];
  readonly files: readonly string[];
  /** What was asked for and has no meaning where the service itself decides. */
  readonly ignored: readonly string[];
}

/** Options of `spark-submit` that are settings by another name. */
const OPTION_CONFS: Readonly<Record<string, string>> = {
  "--name": "spark.app.name",
  "--driver-memory": "spark.driver.memory",
  "--driver-cores": "spark.driver.cores",
  "--driver-class-path": "spark.driver.extraClassPath",
  "--driver-java-options": "spark.driver.extraJavaOptions",
  "--driver-library-path": "spark.driver.extraLibraryPath",
  "--executor-memory": "spark.executor.memory",
  "--executor-cores": "spark.executor.cores",
  "--num-executors": "spark.executor.instances",
  "--total-executor-cores": "spark.cores.max",
  "--queue": "spark.yarn.queue",
  "--packages": "spark.jars.packages",
  "--exclude-packages": "spark.jars.excludes",
  "--repositories": "spark.jars.repositories",
};

/** Options that name files of buckets. */
const OPTION_FILES: Readonly<Record<string, "jars" | "pyFiles" | "files">> = {
  "--jars": "jars",
  "--py-files": "pyFiles",
  "--files": "files",
};

/** Where a program runs is the cluster's matter, and how it is watched there is the service's. */
const DECIDED_OPTIONS = ["--master", "--deploy-mode", "--verbose"];
const DECIDED_CONFS = ["spark.master", "spark.submit.deployMode"];

/** Settings of other software that Spark hands on under a name of its own. */
const HADOOP_CONF = /^(?:fs|dfs|hadoop|io|mapred|mapreduce|yarn)\./;

/**
 * Reads the properties of `MRSSpark`, `MRSSparkPython`, `DLISpark` and of Sahara's `Spark` (dataarts-factory 4.2).
 * Fault `reference-invalid` for settings that cannot be read.
 */
export function sparkProgramOf(work: Work): SparkProgram {
  const { properties } = work;
  const words = [properties.parameters, properties.jarArgs, properties.arguments];
  const read = readSettings([
    ...pairsOf(properties.programParameter ?? "", /\||\r?\n/),
    ...pairsOf(properties.sparkConfig ?? "", /\r?\n/),
    ...Object.entries(work.configs ?? {}),
  ]);
  const mainClass = properties.mainClass || properties.jobClass || read.mainClass;
  return {
    ...read,
    ...(mainClass && { mainClass }),
    args: [...words.flatMap((line) => splitArguments(line ?? "")), ...work.args],
  };
}

type ReadSettings = Omit<SparkProgram, "args">;

function readSettings(pairs: readonly (readonly [string, string])[]): ReadSettings {
  const confs: Record<string, string> = {};
  const lists = { jars: [] as string[], pyFiles: [] as string[], files: [] as string[] };
  const ignored: string[] = [];
  let mainClass = "";
  const take = (given: string, value: string): void => {
    const name = given === "class" ? "--class" : given;
    const list = OPTION_FILES[name];
    const conf = OPTION_CONFS[name] ?? name;
    if (name === "--conf") take(...pairOf(value));
    else if (name === "--class") mainClass = value;
    else if (list !== undefined) lists[list].push(...listedFiles(value));
    else if (DECIDED_OPTIONS.includes(name) || DECIDED_CONFS.includes(name)) ignored.push(name);
    else if (conf.startsWith("spark.")) confs[conf] = value;
    else if (HADOOP_CONF.test(conf)) confs[`spark.hadoop.${conf}`] = value;
    else if (name.startsWith("-")) throw refused(`Spark programs take no option ${name} here.`);
    else ignored.push(name);
  };
  for (const [name, value] of pairs) take(name, value);
  return { ...lists, confs, ignored, ...(mainClass !== "" && { mainClass }) };
}

/** Pairs `name=value`, parted as `parts` says. */
function pairsOf(text: string, parts: RegExp): [string, string][] {
  return text
    .split(parts)
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map(pairOf);
}

function pairOf(pair: string): [string, string] {
  const at = pair.indexOf("=");
  if (at < 1) throw refused(`"${pair}" is no setting of the form name=value.`);
  return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

function refused(message: string): Fault {
  return new Fault("invalid", "reference-invalid", message);
}

/** The settings as Spark reads them from a file: a line each, all that is special in such a file written as its code. */
export function confFile(confs: Readonly<Record<string, string>>): string {
  return Object.entries(confs)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}\n`)
    .join("");
}

/** Source: java.util.Properties, load. */
function escaped(text: string): string {
  return text.replace(
    /[^A-Za-z0-9._/,*[\]()@$+-]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
