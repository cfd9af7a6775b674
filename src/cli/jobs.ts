/** `azalai jobs`: lists, shows, saves, runs, starts, stops and deletes jobs through the Factory API. */
import type { Command } from "commander";
import type { Client } from "./client.ts";
import { connectFor, exists, nameAndValue, part, readNamed, wantsJson, wholeNumber } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { followInstance } from "./follow.ts";
import { formatFacts, formatTable, formatTime, printResult } from "./terminal.ts";

/** An entry of the Factory API's job list, as far as it is printed. */
export interface JobEntry {
  readonly name: string;
  readonly jobType: string;
  readonly status: string;
  readonly lastInstanceStatus?: string;
  readonly lastInstanceEndTime?: number;
  readonly lastUpdateTime?: number;
  readonly path?: string;
}

export interface JobPage {
  readonly total: number;
  readonly jobs: readonly JobEntry[];
}

/** A job definition as it is posted; everything else in it is kept as it is. */
export interface JobDocument {
  readonly name: string;
  readonly processType: string;
  readonly nodes?: readonly {
    readonly name: string;
    readonly type: string;
    readonly preNodeName?: readonly string[];
  }[];
  readonly schedule?: { readonly type: string; readonly cron?: { readonly expression?: string } };
}

export function addJobsCommands(program: Command): void {
  const jobs = program.command("jobs").description("jobs: list, show, create, run, start, stop, delete");
  jobs
    .command("list")
    .description("the project's jobs, newest first")
    .option("--type <type>", "BATCH or REAL_TIME; both when absent")
    .option("--name <part>", "only jobs whose name holds this")
    .option("--tags <names>", "only jobs that have all of these tags, comma separated")
    .option("--limit <n>", "jobs of a page", wholeNumber(1), 100)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .action(listJobs);
  jobs.command("show").argument("<name>").description("a job's definition and status").action(showJob);
  jobs
    .command("create")
    .argument("<file>", "its definition as JSON; - reads standard input")
    .option("--replace", "if the name is taken, save this as its next version")
    .description("saves a job")
    .action(createJob);
  jobs
    .command("run")
    .argument("<name>")
    .option("-p, --param <name=value>", "a parameter for this run; may be repeated", nameAndValue)
    .option("-w, --wait", "follow it to its end; the exit code says whether it succeeded")
    .description("runs a job now, once, whatever its schedule says")
    .action(runJob);
  jobs.command("start").argument("<name>").description("puts a job into operation").action(startJob);
  jobs.command("stop").argument("<name>").description("takes a job out of operation").action(stopJob);
  jobs.command("delete").argument("<name>").description("stops and deletes a job").action(deleteJob);
}

interface ListOptions {
  readonly type?: string;
  readonly name?: string;
  readonly tags?: string;
  readonly limit: number;
  readonly page: number;
}

async function listJobs(options: ListOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const types = options.type === undefined ? ["BATCH", "REAL_TIME"] : [options.type];
  const pages = await Promise.all(types.map((jobType) => fetchJobs(client, { ...options, jobType })));
  const total = pages.reduce((sum, page) => sum + page.total, 0);
  const jobs = pages.flatMap((page) => page.jobs);
  printResult(wantsJson(command), { total, jobs }, () => `${formatJobs(jobs)}\n${jobs.length} of ${total}`);
}

interface JobQuery {
  readonly jobType?: string;
  readonly name?: string;
  readonly tags?: string;
  readonly limit?: number;
  readonly page?: number;
}

/** One page of `GET /v1/{project_id}/jobs`; its `offset` is a page number. */
async function fetchJobs(client: Client, query: JobQuery): Promise<JobPage> {
  const { jobType, name: jobName, tags, limit, page: offset } = query;
  const answer = await client.send("GET", `/v1/${client.projectId}/jobs`, {
    query: { jobType, jobName, tags, limit, offset },
  });
  return answer as JobPage;
}

function formatJobs(jobs: readonly JobEntry[]): string {
  return formatTable(
    ["NAME", "TYPE", "STATUS", "LAST RUN", "ENDED (UTC)"],
    jobs.map((job) => [
      job.name,
      job.jobType,
      job.status,
      job.lastInstanceStatus,
      formatTime(job.lastInstanceEndTime),
    ]),
  );
}

async function showJob(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const path = `/v1/${client.projectId}/jobs/${part(name)}`;
  const [definition, status] = await Promise.all([
    client.send("GET", path),
    client.send("GET", `${path}/status`),
  ]);
  printResult(wantsJson(command), definition, () => formatJob(definition as JobDocument, status));
}

function formatJob(job: JobDocument, status: unknown): string {
  const { status: shown } = status as { status: string };
  const { createTime, lastUpdateUser, version } = job as JobDocument & Record<string, string | number>;
  const facts = formatFacts([
    ["name", job.name],
    ["type", job.processType],
    ["status", shown],
    ["schedule", job.schedule?.type],
    ["cron", job.schedule?.cron?.expression],
    ["version", version],
    ["created", typeof createTime === "number" ? formatTime(createTime) : createTime],
    ["saved by", lastUpdateUser],
  ]);
  const nodes = (job.nodes ?? []).map((node) => [node.name, node.type, node.preNodeName?.join(", ")]);
  return `${facts}\n\n${formatTable(["NODE", "TYPE", "AFTER"], nodes)}`;
}

async function createJob(file: string, options: { replace?: boolean }, command: Command): Promise<void> {
  const definition = (await readNamed(file, "a job definition")) as JobDocument;
  const client = await connectFor(command);
  const saved = await saveJob(client, definition, options.replace === true);
  printResult(wantsJson(command), { name: definition.name, saved }, () => `${definition.name} ${saved}`);
}

/** Saves a job; with `replace`, a job of that name gets the definition as its next version. */
async function saveJob(
  client: Client,
  definition: JobDocument,
  replace: boolean,
): Promise<"created" | "replaced"> {
  const jobs = `/v1/${client.projectId}/jobs`;
  if (replace && (await hasJob(client, definition.name))) {
    await client.send("PUT", `${jobs}/${part(definition.name)}`, { body: definition });
    return "replaced";
  }
  await client.send("POST", jobs, { body: definition });
  return "created";
}

/** Whether the project has a job of that name. */
export async function hasJob(client: Client, name: string): Promise<boolean> {
  return await exists(client, `/v1/${client.projectId}/jobs/${part(name)}`);
}

interface RunOptions {
  readonly param?: Readonly<Record<string, string>>;
  readonly wait?: boolean;
}

async function runJob(name: string, options: RunOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const instanceId = await runNow(client, name, options.param ?? {});
  if (options.wait !== true) {
    printResult(wantsJson(command), { instanceId }, () => `instance ${instanceId}`);
    return;
  }
  const instance = await followInstance(client, instanceId);
  printResult(wantsJson(command), instance, () => formatEnd(name, instanceId, instance.state));
  if (instance.state !== "succeeded")
    throw new CommandFailure(
      EXIT.failed,
      instance.errorMessage ?? `instance ${instanceId} ${instance.state}`,
    );
}

function formatEnd(name: string, instanceId: number, state: string): string {
  return `${name}: instance ${instanceId} ${state}`;
}

/** Runs a job at once with parameters of its own; gives the instance's id. */
export async function runNow(
  client: Client,
  name: string,
  parameters: Readonly<Record<string, string>>,
): Promise<number> {
  const jobParams = Object.entries(parameters).map(([parameter, value]) => ({ name: parameter, value }));
  const answer = await client.send("POST", `/v1/${client.projectId}/jobs/${part(name)}/run-immediate`, {
    body: { jobParams },
  });
  return (answer as { instanceId: number }).instanceId;
}

const startJob = (name: string, _options: unknown, command: Command) =>
  actOn(name, "start", "started", command);
const stopJob = (name: string, _options: unknown, command: Command) =>
  actOn(name, "stop", "stopped", command);

async function actOn(name: string, act: "start" | "stop", done: string, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("POST", `/v1/${client.projectId}/jobs/${part(name)}/${act}`, { body: {} });
  printResult(wantsJson(command), { name, [done]: true }, () => `${name} ${done}`);
}

async function deleteJob(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", `/v1/${client.projectId}/jobs/${part(name)}`);
  printResult(wantsJson(command), { name, deleted: true }, () => `${name} deleted`);
}
