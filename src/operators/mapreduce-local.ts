/** MapReduce and streaming on this server: Hadoop's own runner in one process, a child of the attempt (engines 1). */
import { createReadStream } from "node:fs";
import { isBucketPath } from "../domain/bucket.ts";
import { listedFiles } from "../domain/resource.ts";
import type { AttemptFolder } from "./attempt-folder.ts";
import { placedNames, placeFiles, refuse, runCommand } from "./command.ts";
import { configurationFile } from "./hadoop-configuration.ts";
import { NO_JAVA } from "./java.ts";
import { createJavaComplaint } from "./java-complaint.ts";
import { launcherJar } from "./launcher-jar.ts";
import type { LocalSoftware, TellProgress } from "./local-software.ts";
import { createOutputClaim, type OutputClaim } from "./mapreduce-output.ts";
import { type MapReduceTask, readMapReduceTask } from "./mapreduce-task.ts";
import type { Outcome, Work, WorkContext } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { folderStage, type PlacedWork, placesOf } from "./work-places.ts";

export interface LocalHadoop {
  readonly runner: ProcessRunner;
  readonly software: Pick<LocalSoftware, "ensure">;
}

/** Ours in the attempt's folder; a name that no user's file has. */
const OWN = ".azalai";
const LAUNCHER = "launcher.jar";
const HEAP_MIB = 1024;
const LOG_SETTINGS = `log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
`;

/** What is written is put into its bucket when the program has succeeded, and not before. */
export async function runMapReduceHere(
  { runner, software }: LocalHadoop,
  given: Work,
  context: WorkContext,
): Promise<Outcome> {
  const work = withProgramFile(given);
  const task = readMapReduceTask(work);
  const claim = createOutputClaim(work, context.buckets);
  const output = await chooseOutput(task, claim, context);
  const jars = `${await software.ensure("hadoop", context.signal, tellFetch(context))}/jars`;
  return await runner.withFolder(work.projectId, async (folder) => {
    await placeFiles(work, folder, context);
    const placed = await placesOf(
      { ...work, args: task.args, configs: task.settings },
      folderStage(folder),
      context,
      {
        addresses: "all",
        ...(task.input !== undefined && { input: task.input }),
        ...(output !== undefined && { output }),
      },
    );
    await writeOwn(folder, task, placed);
    const complaint = createJavaComplaint();
    const log = (chunk: string | Uint8Array) => {
      complaint.read(chunk);
      context.log(chunk);
    };
    const classPath = [OWN, `${OWN}/${LAUNCHER}`, `${jars}/*`, ...libraries(work, task)].join(":");
    const args = [...javaOptions(folder), "-cp", classPath, "azalai.RunJob", ...wordsOf(task, placed)];
    const command = { command: "java", args, environment: placed.environment };
    const { end, outcome } = await runCommand(runner, folder, command, { ...context, log });
    if (end.refusal === "ENOENT") return refuse(NO_JAVA);
    if (outcome.state !== "succeeded") return complaint.explain(outcome);
    if (output === undefined) await placed.publish();
    else await claim.around(output, placed.publish);
    return outcome;
  });
}

/** Where the program is to write: as the node says, else the last of its arguments, where that is a place for output. */
async function chooseOutput(
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

/** What Hadoop and our own program read. */
async function writeOwn(
  folder: AttemptFolder,
  { program }: MapReduceTask,
  placed: PlacedWork,
): Promise<void> {
  const { input, output, configs } = placed;
  const places = {
    ...(input !== undefined && { "mapreduce.input.fileinputformat.inputdir": input }),
    ...(output !== undefined && { "mapreduce.output.fileoutputformat.outputdir": output }),
  };
  const settings = program.form === "classes" ? { ...configs, ...places } : configs;
  await folder.write(`${OWN}/azalai-site.xml`, configurationFile(settings, fixedSettings(folder)));
  await folder.write(`${OWN}/log4j.properties`, LOG_SETTINGS);
  await folder.write(`${OWN}/${LAUNCHER}`, createReadStream(launcherJar()));
}

/** The words for `RunJob`. */
function wordsOf({ program }: MapReduceTask, { input, output, args }: PlacedWork): readonly string[] {
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

/** The program is placed as its other files are. */
function withProgramFile(work: Work): Work {
  const { resourcePath = "", files = "" } = work.properties;
  const paths = new Set([resourcePath, ...listedFiles(files)].filter((path) => path !== ""));
  return { ...work, properties: { ...work.properties, files: [...paths].join("\n") } };
}

function tellFetch({ log }: WorkContext): TellProgress {
  return ({ bytes, ofBytes }) => log(`fetching Hadoop: ${Math.floor((100 * bytes) / ofBytes)} %\n`);
}

/** A run that was made for a cluster says so in its settings; here it runs here. */
function fixedSettings(folder: AttemptFolder): Readonly<Record<string, string>> {
  return {
    "mapreduce.framework.name": "local",
    "fs.defaultFS": "file:///",
    "hadoop.tmp.dir": `${folder.path}/${OWN}/tmp`,
    // Else a folder of the whole machine, which belongs to the user who comes first.
    "mapreduce.jobtracker.staging.root.dir": `${folder.path}/${OWN}/staging`,
  };
}

function javaOptions(folder: AttemptFolder): string[] {
  // Its users have numbers alone, but Hadoop wants a name that is the owner of the files.
  const user = String(folder.uid ?? process.getuid?.() ?? "azalai");
  return [
    `-Xmx${HEAP_MIB}m`,
    "-XX:-UsePerfData",
    `-Djava.io.tmpdir=${folder.path}/${OWN}`,
    `-Duser.name=${user}`,
    `-Dazalai.user=${user}`,
  ];
}

/** All jars but the program's own: what lies packed in that one is seen by its classes only where `RunJar` loads them. */
function libraries(work: Work, { program }: MapReduceTask): string[] {
  const own = program.form === "jar" ? program.jar : undefined;
  return placedNames(work).filter((name) => name.endsWith(".jar") && name !== own);
}
