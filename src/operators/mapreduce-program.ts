/** What a MapReduce program is given, wherever it runs: its words, its settings, its files, the place of its output. */
import { isBucketPath } from "../domain/bucket.ts";
import { listedFiles } from "../domain/resource.ts";
import { placedNames } from "./command.ts";
import type { OutputClaim } from "./mapreduce-output.ts";
import type { MapReduceTask } from "./mapreduce-task.ts";
import type { Work, WorkContext } from "./operator.ts";
import { type PlacedWork, placesOf, type Stage } from "./work-places.ts";

/** The program is placed as its other files are. */
export function withProgramFile(work: Work): Work {
  const { resourcePath = "", files = "" } = work.properties;
  const paths = new Set([resourcePath, ...listedFiles(files)].filter((path) => path !== ""));
  return { ...work, properties: { ...work.properties, files: [...paths].join("\n") } };
}

/** Where the program is to write: as the node says, else the last of its arguments, where that is a place for output. */
export async function chooseOutput(
  { output, program, args }: MapReduceTask,
  claim: OutputClaim,
  { buckets }: WorkContext,
): Promise<string | undefined> {
  if (output !== undefined) {
    if (isBucketPath(output)) await claim.check(output);
    return output;
  }
  const last = args.at(-1) ?? "";
  if (program.form !== "jar" || !isBucketPath(last)) return undefined;
  return !(await buckets.exists(last)) || (await claim.isOwn(last)) ? last : undefined;
}

export interface MapReduceJob {
  readonly work: Work;
  readonly task: MapReduceTask;
  /** As `chooseOutput` says. */
  readonly output: string | undefined;
}

/** What is read is brought to the stage; the task's words and settings then name it there. */
export async function placeTask(
  { work, task, output }: MapReduceJob,
  stage: Stage,
  context: WorkContext,
): Promise<PlacedWork> {
  return await placesOf({ ...work, args: task.args, configs: task.settings }, stage, context, {
    addresses: "all",
    ...(task.input !== undefined && { input: task.input }),
    ...(output !== undefined && { output }),
  });
}

/** Input and output of a program that has nothing but its settings are among these. */
export function settingsOf({ program }: MapReduceTask, placed: PlacedWork): Readonly<Record<string, string>> {
  const { input, output, configs } = placed;
  if (program.form !== "classes") return configs;
  return {
    ...configs,
    ...(input !== undefined && { "mapreduce.input.fileinputformat.inputdir": input }),
    ...(output !== undefined && { "mapreduce.output.fileoutputformat.outputdir": output }),
  };
}

/** The words for `RunJob`. */
export function wordsOf({ program }: MapReduceTask, { input, output, args }: PlacedWork): readonly string[] {
  const inputs = input === undefined ? [] : [input];
  const outputs = output === undefined ? [] : [output];
  switch (program.form) {
    case "jar":
      // What the arguments name already is not named twice.
      return ["jar", program.jar, ...args, ...[...inputs, ...outputs].filter((path) => !args.includes(path))];
    case "classes":
      return ["class", "azalai.MapReduceJob"];
    case "streaming":
      return [
        ...["class", "org.apache.hadoop.streaming.HadoopStreaming"],
        ...inputs.flatMap((path) => ["-input", path]),
        ...outputs.flatMap((path) => ["-output", path]),
        ...["-mapper", program.mapper, "-reducer", program.reducer],
      ];
    default:
      return program satisfies never;
  }
}

/** All jars but the program's own: what lies packed in that one is seen by its classes only where `RunJar` loads them. */
export function librariesOf(work: Work, { program }: MapReduceTask): string[] {
  const own = program.form === "jar" ? program.jar : undefined;
  return placedNames(work).filter((name) => name.endsWith(".jar") && name !== own);
}
