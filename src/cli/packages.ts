/** `azalai packages`: exports jobs as a file, looks into a package of a bucket, and imports one. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { type Command, Option } from "commander";
import type { Client } from "./client.ts";
import { connectFor, nameAndValue, part, wantsJson } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { createProgress, formatTable, printResult } from "./terminal.ts";

export function addPackagesCommands(program: Command): void {
  const packages = program.command("packages").description("packages of jobs: export, check, import");
  packages
    .command("export")
    .argument("<job...>", "up to 100 names")
    .option("--file <file>", "where to, on this machine", "jobs.zip")
    .option("--to <folder>", "into a bucket instead, such as obs://bucket/folder")
    .option("--jobs-only", "without the scripts and resources that their nodes name")
    .description("exports jobs with the scripts and resources that their nodes name")
    .action(exportJobs);
  packages
    .command("check")
    .argument("<path>", "such as obs://bucket/jobs.zip")
    .description("says what a package holds, and what is wrong with it")
    .action(checkPackage);
  packages
    .command("import")
    .argument("<path>", "such as obs://bucket/jobs.zip")
    .addOption(
      new Option("--same-name <policy>", "what to do where a name is taken")
        .choices(["skip", "overwrite"])
        .default("skip"),
    )
    .option("-p, --param <name=value>", "a parameter of every job; may be repeated", nameAndValue)
    .description("imports a package and waits for its end")
    .action(importPackage);
}

interface ExportOptions {
  readonly file: string;
  readonly to?: string;
  readonly jobsOnly?: boolean;
}

async function exportJobs(
  jobList: readonly string[],
  { file, to: obsPath, jobsOnly }: ExportOptions,
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const response = await client.fetch("POST", `/v1/${client.projectId}/jobs/batch-export`, {
    body: { jobList, exportDepend: jobsOnly !== true, obsPath },
  });
  if (obsPath !== undefined) {
    const answer = (await response.json()) as { readonly obsPath: string };
    printResult(wantsJson(command), answer, () => `${answer.obsPath}/jobs.zip`);
    return;
  }
  const content = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body);
  await pipeline(content, createWriteStream(file)).catch((error: Error) => {
    throw new CommandFailure(EXIT.failed, `${file}: ${error.message}`, error);
  });
  printResult(wantsJson(command), { file }, () => file);
}

interface PackageList {
  readonly jobs: readonly { readonly name: string; readonly path: string }[];
  readonly scripts: readonly { readonly name: string; readonly path: string }[];
  readonly resources: readonly { readonly name: string; readonly path: string }[];
}

async function checkPackage(path: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const list = (await client.send("POST", `/v1/${client.projectId}/jobs/check-file`, {
    body: { path },
  })) as PackageList;
  const rows = [
    ...list.jobs.map((job) => ["job", job.name, job.path]),
    ...list.scripts.map((script) => ["script", script.name, script.path]),
    ...list.resources.map((resource) => ["resource", resource.name, resource.path]),
  ];
  printResult(wantsJson(command), list, () => formatTable(["KIND", "NAME", "DIRECTORY"], rows));
}

interface TaskView {
  readonly status: string;
  readonly message?: string;
  readonly subtasks: readonly { readonly name: string; readonly status: string; readonly message?: string }[];
}

interface ImportOptions {
  readonly sameName: "skip" | "overwrite";
  readonly param?: Readonly<Record<string, string>>;
}

async function importPackage(path: string, options: ImportOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const body = { path, sameNamePolicy: options.sameName.toUpperCase(), params: options.param };
  const { taskId } = (await client.send("POST", `/v1/${client.projectId}/jobs/import`, { body })) as {
    readonly taskId: string;
  };
  const task = await followTask(client, taskId);
  printResult(wantsJson(command), task, () =>
    formatTable(
      ["NAME", "STATUS", "WHAT"],
      task.subtasks.map(({ name, status, message }) => [name, status, message]),
    ),
  );
  if (task.status !== "SUCCESSFUL") throw new CommandFailure(EXIT.failed, task.message ?? task.status);
}

/** Between two looks. */
const LOOK_MS = 200;

/** The task when it has ended. */
async function followTask(client: Client, taskId: string): Promise<TaskView> {
  const progress = createProgress();
  try {
    for (;;) {
      const path = `/v1/${client.projectId}/system-tasks/${part(taskId)}`;
      const task = (await client.send("GET", path)) as TaskView;
      if (task.status !== "RUNNING") return task;
      const done = task.subtasks.filter(({ status }) => status !== "RUNNING").length;
      progress.show(`${done} of ${task.subtasks.length} imported`);
      await wait(LOOK_MS);
    }
  } finally {
    progress.clear();
  }
}
