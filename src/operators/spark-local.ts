/** Spark programs on this server: Spark's own submission in one Java process, a child of the attempt (engines 1). */
import { createReadStream } from "node:fs";
import { Fault } from "../domain/fault.ts";
import { splitArguments } from "./arguments.ts";
import type { AttemptFolder } from "./attempt-folder.ts";
import { type NodeCommand, placeFiles, refuse, runCommand } from "./command.ts";
import { NO_JAVA } from "./java.ts";
import { launcherJar } from "./launcher-jar.ts";
import type { LocalSoftware } from "./local-software.ts";
import type { LocalWorkSlots } from "./local-work-slots.ts";
import type { Outcome, Work, WorkContext } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { createSparkComplaint } from "./spark-complaint.ts";
import { type SparkFiles, sparkFilesOf } from "./spark-files.ts";
import { placeSparkWork } from "./spark-places.ts";
import { confFile, type SparkProgram, sparkProgramOf } from "./spark-program.ts";
import type { PlacedWork } from "./work-places.ts";

export interface LocalSpark {
  readonly runner: ProcessRunner;
  readonly software: Pick<LocalSoftware, "ensure">;
  readonly slots: LocalWorkSlots;
}

/** Ours in the attempt's folder; a name that no user's file has. */
const OWN = ".azalai";
const THREADS = 2;
const DRIVER_MEMORY = "1g";

/**
 * What is written is put into its bucket when the program has succeeded, and not before. It finds there what lies there, as
 * on a cluster: what Spark does with an output that is there already is the program's to say.
 */
export async function runSparkHere(
  { runner, software, slots }: LocalSpark,
  given: Work,
  context: WorkContext,
): Promise<Outcome> {
  const program = sparkProgramOf(given);
  const files = sparkFilesOf(given, program);
  for (const name of program.ignored) context.log(`[${name} has no effect here]\n`);
  const home = `${await software.ensure("spark", context.signal, tellFetch(context))}/pyspark`;
  return await slots.use(context.signal, context.log, () =>
    runInFolder(runner, { home, program, files }, context),
  );
}

async function runInFolder(
  runner: ProcessRunner,
  spark: Pick<Submission, "home" | "program" | "files">,
  context: WorkContext,
): Promise<Outcome> {
  const { program, files } = spark;
  return await runner.withFolder(files.work.projectId, async (folder) => {
    await placeFiles(files.work, folder, context);
    if (files.main.text !== undefined) await folder.write(files.main.name, files.main.text);
    const { placed, publish } = await placeSparkWork(files.work, program, folder, context);
    const command = await commandOf({ ...spark, folder, placed });
    const complaint = createSparkComplaint();
    const { end, outcome } = await runCommand(runner, folder, command, {
      ...context,
      log: (chunk) => {
        complaint.read(chunk);
        context.log(chunk);
      },
    });
    if (end.refusal === "ENOENT") return refuse(NO_JAVA);
    if (outcome.state === "succeeded") await publish();
    return complaint.explain(outcome);
  });
}

function tellFetch({
  log,
}: WorkContext): (progress: { readonly bytes: number; readonly ofBytes: number }) => void {
  return ({ bytes, ofBytes }) => log(`fetching Spark: ${Math.floor((100 * bytes) / ofBytes)} %\n`);
}

interface Submission {
  /** Where Spark lies. */
  readonly home: string;
  readonly program: SparkProgram;
  readonly files: SparkFiles;
  readonly folder: AttemptFolder;
  readonly placed: PlacedWork;
}

/** Writes what the command reads. Settings stand in a file: a list of processes shows none of them. */
async function commandOf(submission: Submission): Promise<NodeCommand> {
  const { home, program, files, folder, placed } = submission;
  const confs = settingsOf(submission);
  await folder.write(`${OWN}/spark.conf`, confFile(confs));
  await folder.write(`${OWN}/launcher.jar`, createReadStream(launcherJar()));
  await folder.makeFolder("tmp");
  return {
    command: "java",
    args: [
      ...javaOptions(submission, confs),
      ...["azalai.RunJob", "class", "org.apache.spark.deploy.SparkSubmit"],
      ...["--master", `local[${THREADS}]`, "--properties-file", `${OWN}/spark.conf`],
      ...(program.mainClass === undefined || files.main.isPython ? [] : ["--class", program.mainClass]),
      // Never taken for an option, whatever the file is called.
      `./${files.main.name}`,
      ...placed.args,
    ],
    environment: {
      PYSPARK_PYTHON: "python3",
      ...placed.environment,
      SPARK_HOME: home,
      SPARK_LOCAL_IP: "127.0.0.1",
    },
    outputForm: files.work.outputForm,
  };
}

/** What the user says goes before what is usual, and where it runs before both. */
function settingsOf({ files, folder, placed }: Submission): Record<string, string> {
  return {
    "spark.app.name": files.work.nodeName,
    "spark.driver.memory": DRIVER_MEMORY,
    "spark.log.level": "WARN",
    ...placed.configs,
    ...files.confs,
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.local.dir": `${folder.path}/tmp`,
  };
}

/** Java's own doors that Spark needs open. Source: Spark's JavaModuleOptions. */
const OPENED = [
  ..."java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util".split(" "),
  ..."java.util.concurrent java.util.concurrent.atomic jdk.internal.ref sun.nio.ch sun.nio.cs".split(" "),
  ..."sun.security.action sun.util.calendar".split(" "),
].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

function javaOptions({ home, files, folder }: Submission, confs: Readonly<Record<string, string>>): string[] {
  const own = [files.work.properties.javaOpts, confs["spark.driver.extraJavaOptions"]];
  const classPath = [`${OWN}/launcher.jar`, confs["spark.driver.extraClassPath"], `${home}/jars/*`];
  return [
    "-XX:-UsePerfData",
    ...OPENED,
    "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
    `-Djava.io.tmpdir=${folder.path}/tmp`,
    // A user that the system knows only by its number has neither a name nor a home for Java.
    `-Duser.home=${folder.path}`,
    "-Duser.name=azalai",
    "-Dazalai.user=azalai",
    `-Xmx${heapOf(confs["spark.driver.memory"] ?? DRIVER_MEMORY)}`,
    ...own.flatMap((options) => splitArguments(options ?? "")),
    "-cp",
    classPath.filter((part) => part !== undefined && part !== "").join(":"),
  ];
}

/** Spark's words for an amount of memory as Java's; one without a unit counts MiB. */
function heapOf(memory: string): string {
  const [, count, unit = "m"] = /^(\d{1,9})([kmgt])?b?$/i.exec(memory.trim()) ?? [];
  if (count !== undefined && Number(count) > 0) return unit === "t" ? `${count}000g` : `${count}${unit}`;
  throw new Fault("invalid", "reference-invalid", `"${memory}" is no amount of memory such as 2g or 512m.`);
}
