/** MapReduce and streaming on this server: Hadoop's own runner in one process, a child of the attempt (engines 1). */
import { createReadStream } from "node:fs";
import type { AttemptFolder } from "./attempt-folder.ts";
import { placeFiles, refuse, runCommand } from "./command.ts";
import { configurationFile } from "./hadoop-configuration.ts";
import { NO_JAVA } from "./java.ts";
import { createJavaComplaint } from "./java-complaint.ts";
import { launcherJar } from "./launcher-jar.ts";
import type { LocalSoftware, TellProgress } from "./local-software.ts";
import type { LocalWorkSlots } from "./local-work-slots.ts";
import { createOutputClaim, type OutputClaim } from "./mapreduce-output.ts";
import {
  chooseOutput,
  librariesOf,
  type MapReduceJob,
  placeTask,
  settingsOf,
  withProgramFile,
  wordsOf,
} from "./mapreduce-program.ts";
import { type MapReduceTask, readMapReduceTask } from "./mapreduce-task.ts";
import type { Outcome, Work, WorkContext } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { folderStage, type PlacedWork } from "./work-places.ts";

export interface LocalHadoop {
  readonly runner: ProcessRunner;
  readonly software: Pick<LocalSoftware, "ensure">;
  readonly slots: LocalWorkSlots;
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
  { runner, software, slots }: LocalHadoop,
  given: Work,
  context: WorkContext,
): Promise<Outcome> {
  const work = withProgramFile(given);
  const task = readMapReduceTask(work);
  const claim = createOutputClaim(work, context.buckets);
  const output = await chooseOutput(task, claim, context);
  const jars = `${await software.ensure("hadoop", context.signal, tellFetch(context))}/jars`;
  return await slots.use(context.signal, context.log, () =>
    runner.withFolder(work.projectId, (folder) =>
      runInFolder({ runner, folder, jars }, { work, task, output }, claim, context),
    ),
  );
}

async function runInFolder(
  {
    runner,
    folder,
    jars,
  }: { readonly runner: ProcessRunner; readonly folder: AttemptFolder; readonly jars: string },
  job: MapReduceJob,
  claim: OutputClaim,
  context: WorkContext,
): Promise<Outcome> {
  const { work, task, output } = job;
  await placeFiles(work, folder, context);
  const placed = await placeTask(job, folderStage(folder), context);
  await writeOwn(folder, task, placed);
  const complaint = createJavaComplaint();
  const log = (chunk: string | Uint8Array) => {
    complaint.read(chunk);
    context.log(chunk);
  };
  const classPath = [OWN, `${OWN}/${LAUNCHER}`, `${jars}/*`, ...librariesOf(work, task)].join(":");
  const args = [...javaOptions(folder), "-cp", classPath, "azalai.RunJob", ...wordsOf(task, placed)];
  const command = { command: "java", args, environment: placed.environment };
  const { end, outcome } = await runCommand(runner, folder, command, { ...context, log });
  if (end.refusal === "ENOENT") return refuse(NO_JAVA);
  if (outcome.state !== "succeeded") return complaint.explain(outcome);
  if (output === undefined) await placed.publish();
  else await claim.around(output, placed.publish);
  return outcome;
}

/** What Hadoop and our own program read. */
async function writeOwn(folder: AttemptFolder, task: MapReduceTask, placed: PlacedWork): Promise<void> {
  await folder.write(
    `${OWN}/azalai-site.xml`,
    configurationFile(settingsOf(task, placed), fixedSettings(folder)),
  );
  await folder.write(`${OWN}/log4j.properties`, LOG_SETTINGS);
  await folder.write(`${OWN}/${LAUNCHER}`, createReadStream(launcherJar()));
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
