/** Which jar a Flink node runs, and with what: read from the properties of the Factory's nodes and of Sahara's jobs. */
import type { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import { splitArguments } from "./arguments.ts";
import { requireProperty } from "./command.ts";
import type { Work, WorkContext } from "./operator.ts";

/** A jar for a session cluster. */
export interface FlinkJarProgram {
  readonly form: "flink-jar";
  /** Opened anew for each try to hand it over. */
  readonly open: () => Promise<Readable>;
  /** What the jar's manifest says, where absent. */
  readonly mainClass?: string;
  readonly args: readonly string[];
  /** What the cluster is configured with, where absent. */
  readonly parallelism?: number;
  /** A savepoint or checkpoint that it goes on from. */
  readonly savepoint?: string;
}

export interface FlinkNode {
  readonly program: FlinkJarProgram;
  /** Of Flink's own settings, those of this run. */
  readonly confs: Readonly<Record<string, string>>;
  /** Parameters that mean nothing to a session cluster, for the log. */
  readonly ignored: readonly string[];
}

/** Names of node properties, in the order in which they are looked at. */
const JAR_PROPERTIES = ["resourcePath", "jarPath"];
const CLASS_PROPERTIES = ["mainClass", "jobClass", "edp.java.main_class"];
const ARGUMENT_PROPERTIES = ["parameters", "jarArgs", "arguments"];
/** Of `programParameter`: Flink's command line has them too. */
const CLASS_PARAMETERS = ["c", "class", "mainClass"];
const PARALLELISM_PARAMETERS = ["p", "parallelism", "parallelism.default"];
const PARALLELISM_MAX = 32_768;

/** @throws Fault `reference-invalid` for a node without a jar, or with values that are against their rules. */
export function readFlinkJar(work: Work, context: WorkContext): FlinkNode {
  const parameters = new Map([
    ...engineConfigs(work),
    ...readParameters(work.properties.programParameter ?? ""),
  ]);
  const taken = (names: readonly string[]) => names.map((name) => parameters.get(name)).find(Boolean);
  const mainClass = property(work, CLASS_PROPERTIES) ?? taken(CLASS_PARAMETERS);
  const parallelism = readParallelism(work.properties.parallelism || taken(PARALLELISM_PARAMETERS));
  const known = new Set([...CLASS_PARAMETERS, ...PARALLELISM_PARAMETERS]);
  const others = [...parameters].filter(([name]) => !known.has(name));
  return {
    program: {
      form: "flink-jar",
      open: () => openJar(work, context),
      ...(mainClass !== undefined && { mainClass }),
      args: [...splitArguments(property(work, ARGUMENT_PROPERTIES) ?? ""), ...work.args].map((text) =>
        withPlaces(text, work),
      ),
      ...(parallelism !== undefined && { parallelism }),
    },
    // Flink's settings have dots in their names; what has none is an option of the vendor's YARN client.
    confs: Object.fromEntries(others.filter(([name]) => name.includes("."))),
    ignored: others.map(([name]) => name).filter((name) => !name.includes(".")),
  };
}

/** Settings of a run of the data-processing API, without those of the API itself. */
function engineConfigs({ configs = {} }: Work): [string, string][] {
  return Object.entries(configs).filter(([name]) => !/^(?:edp|oozie)\./.test(name));
}

/** @throws Fault `reference-invalid` where the node names no jar. */
async function openJar(work: Work, { buckets }: WorkContext): Promise<Readable> {
  const jars = work.files.filter(({ name }) => name.toLowerCase().endsWith(".jar"));
  const jar = jars.find(({ use }) => use === "main") ?? jars[0];
  if (jar !== undefined) return await jar.open();
  return await buckets.open(property(work, JAR_PROPERTIES) ?? requireProperty(work, "resourcePath"));
}

/** `${input}` and `${output}` make way for the addresses, which Flink opens itself. */
function withPlaces(text: string, { places, properties }: Work): string {
  const addresses: Readonly<Record<string, string | undefined>> = {
    input: places?.input?.url ?? properties.input,
    output: places?.output?.url ?? properties.output,
  };
  return text.replace(/\$\{(input|output)\}/g, (whole, name: string) => addresses[name] || whole);
}

/** Pairs `name=value` parted by bars or lines; a leading `-D` or `-` as on Flink's command line is dropped. */
function readParameters(text: string): ReadonlyMap<string, string> {
  const parts = text
    .split(/[|\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return new Map(
    parts.map((part) => {
      const at = part.indexOf("=");
      const name = (at < 0 ? part : part.slice(0, at)).trim().replace(/^-+D?/, "");
      return [name, at < 0 ? "" : part.slice(at + 1).trim()];
    }),
  );
}

function property({ properties }: Work, names: readonly string[]): string | undefined {
  return names.map((name) => properties[name]).find((value) => value !== undefined && value !== "");
}

function readParallelism(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= PARALLELISM_MAX) return value;
  throw new Fault(
    "invalid",
    "reference-invalid",
    `The parallelism "${text}" is no whole number from 1 to ${PARALLELISM_MAX}.`,
  );
}
