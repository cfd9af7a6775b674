/** `azalai packages`: exports jobs as a file, looks into a package of a bucket, and imports one. */
import type { Command } from "commander";
import { connectFor, nameAndValue, wantsJson } from "./commands.ts";
import { importFrom, type SameName, sameNameOption, saveAnswer } from "./imports.ts";
import { formatTable, printResult } from "./terminal.ts";

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
    .addOption(sameNameOption())
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
  await saveAnswer(command, response, file);
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

interface ImportOptions {
  readonly sameName: SameName;
  readonly param?: Readonly<Record<string, string>>;
}

async function importPackage(path: string, options: ImportOptions, command: Command): Promise<void> {
  const sameNamePolicy = options.sameName.toUpperCase();
  await importFrom(command, "jobs", { path, sameNamePolicy, params: options.param });
}
