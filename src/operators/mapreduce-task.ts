/** What a MapReduce or streaming node asks for, read from its properties or from the settings of a run. */
import { Fault } from "../domain/fault.ts";
import { splitArguments } from "./arguments.ts";
import { requireProperty } from "./command.ts";
import type { Work } from "./operator.ts";

/** Types of nodes, and of runs of the data-processing API. */
const STREAMING_TYPES = ["MapReduceStreaming", "MapReduce.Streaming"] as const;
export const MAPREDUCE_TYPES = ["MapReduce", ...STREAMING_TYPES] as const;

export interface MapReduceTask {
  readonly program: MapReduceProgram;
  /** Of a program with a main class. */
  readonly args: readonly string[];
  /** Settings for Hadoop. */
  readonly settings: Readonly<Record<string, string>>;
  /** Addresses. */
  readonly input: string | undefined;
  readonly output: string | undefined;
}

export type MapReduceProgram =
  /** As `hadoop jar`: a jar whose main class its manifest names, or the first argument. */
  | { readonly form: "jar"; readonly jar: string }
  /** Mapper and reducer stand in the settings, their classes in the jars. */
  | { readonly form: "classes"; readonly jar: string }
  | { readonly form: "streaming"; readonly mapper: string; readonly reducer: string };

/** Names of the setting with the mapper's class: of both interfaces, and that of Hadoop 1. */
const MAPPER_CLASSES = ["mapreduce.job.map.class", "mapreduce.map.class", "mapred.mapper.class"];
/** Settings of a run that are not Hadoop's. */
const OTHER_SETTINGS = /^(?:edp|oozie)\./;

/** Fault `reference-invalid` for what is missing. */
export function readMapReduceTask(work: Work): MapReduceTask {
  const configs = { ...work.configs, ...readPairs(work.properties.programParameter ?? "") };
  const entries = Object.entries(configs).filter(([name]) => !OTHER_SETTINGS.test(name));
  const args = [...splitArguments(work.properties.parameters ?? ""), ...work.args];
  const hasMapper = MAPPER_CLASSES.some((name) => Object.hasOwn(configs, name));
  return {
    program: readProgram(work, args.length === 0 && hasMapper),
    args,
    settings: Object.fromEntries(entries),
    input: address(work.properties.input) ?? work.places?.input?.url,
    output: address(work.properties.output) ?? work.places?.output?.url,
  };
}

function readProgram(work: Work, hasClassesOnly: boolean): MapReduceProgram {
  if (STREAMING_TYPES.some((type) => type === work.type)) return readStreaming(work);
  return { form: hasClassesOnly ? "classes" : "jar", jar: programJar(work) };
}

function readStreaming(work: Work): MapReduceProgram {
  return {
    form: "streaming",
    mapper: requireProperty(work, "mapper"),
    reducer: requireProperty(work, "reducer"),
  };
}

/** The name that the jar has in the attempt's folder. */
function programJar(work: Work): string {
  const path = work.properties.resourcePath ?? "";
  if (path !== "") return path.slice(path.lastIndexOf("/") + 1);
  const file = work.files.find(({ use }) => use === "main") ?? work.files[0];
  return file?.name ?? requireProperty(work, "resourcePath");
}

/** `name=value|name=value`, as DataArts writes the parameters of a program. */
function readPairs(text: string): Record<string, string> {
  const pairs = text.split("|").filter((pair) => pair.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1)
        throw new Fault(
          "invalid",
          "reference-invalid",
          `programParameter: "${pair}" is not of the form name=value`,
        );
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

function address(text = ""): string | undefined {
  return text.trim() === "" ? undefined : text.trim();
}
