/** `azalai instances`: lists runs, shows one with its nodes and attempts, prints and follows logs. */
import { type Command, InvalidArgumentError } from "commander";
import type { InstanceView, NodeView } from "../api/console/instance-wire.ts";
import { addChildrenCommand } from "./children.ts";
import type { Client } from "./client.ts";
import { connectFor, wantsJson, wholeNumber } from "./commands.ts";
import { fetchInstance } from "./follow.ts";
import { addInstanceActs } from "./instance-acts.ts";
import { printLogs } from "./logs.ts";
import { formatDuration, formatFacts, formatTable, formatTime, printResult } from "./terminal.ts";

/** An entry of the Factory API's instance list, as far as it is printed. */
export interface InstanceEntry {
  readonly instanceId: number;
  readonly jobName: string;
  readonly status: string;
  readonly instanceType: number;
  readonly planTime?: number;
  readonly startTime?: number;
  readonly endTime?: number;
}

export interface InstancePage {
  readonly total: number;
  readonly instances: readonly InstanceEntry[];
}

/** What the numbers of `instanceType` mean. Source: dataarts-factory 4.7. */
const ORIGINS: Readonly<Record<number, string>> = {
  0: "schedule",
  2: "manual",
  5: "backfill",
  6: "sub-job",
  7: "once",
};

export function addInstancesCommands(program: Command): void {
  const instances = program
    .command("instances")
    .description("runs of jobs: list, show, logs, pause, resume, stop, force-success, rerun");
  instances
    .command("list")
    .description("instances planned since today 00:00, newest first")
    .option("--job <name>", "only of jobs whose name holds this")
    .option("--exact", "the name given with --job is the whole name")
    .option("--status <status>", "waiting, running, success, fail, running-exception, pause or manual-stop")
    .option("--since <time>", "planned at or after this, e.g. 2026-11-23T08:00Z", moment)
    .option("--until <time>", "planned at or before this", moment)
    .option("--limit <n>", "instances of a page", wholeNumber(1), 20)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .action(listInstances);
  instances
    .command("show")
    .argument("<id>", "the instance", wholeNumber(1))
    .description("an instance with its nodes and attempts")
    .action(showInstance);
  addChildrenCommand(instances);
  instances
    .command("logs")
    .argument("<id>", "the instance", wholeNumber(1))
    .option("--node <name>", "only this node's")
    .option("--attempt <n>", "this attempt instead of the last", wholeNumber(1))
    .option("-f, --follow", "go on until the instance has ended")
    .description("what the nodes wrote")
    .action(showLogs);
  addInstanceActs(instances);
}

/** For `parseArg`: a time as milliseconds since 1970. */
export function moment(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new InvalidArgumentError("It must be a date, such as 2026-11-23 or 2026-11-23T08:00Z.");
  return time;
}

interface ListOptions {
  readonly job?: string;
  readonly exact?: boolean;
  readonly status?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly page: number;
}

async function listInstances(options: ListOptions, command: Command): Promise<void> {
  const page = await fetchInstances(await connectFor(command), options);
  const shown = () => `${formatInstances(page.instances)}\n${page.instances.length} of ${page.total}`;
  printResult(wantsJson(command), page, shown);
}

/** One page of `GET /v1/{project_id}/jobs/instances/detail`; its `offset` is a page number. */
export async function fetchInstances(client: Client, options: Partial<ListOptions>): Promise<InstancePage> {
  const answer = await client.send("GET", `/v1/${client.projectId}/jobs/instances/detail`, {
    query: {
      jobName: options.job,
      preciseQuery: options.exact,
      status: options.status,
      minPlanTime: options.since,
      maxPlanTime: options.until,
      limit: options.limit,
      offset: options.page,
    },
  });
  return answer as InstancePage;
}

function formatInstances(instances: readonly InstanceEntry[]): string {
  return formatTable(
    ["INSTANCE", "JOB", "STATUS", "ORIGIN", "PLANNED (UTC)", "STARTED (UTC)", "TOOK"],
    instances.map((instance) => [
      instance.instanceId,
      instance.jobName,
      instance.status,
      ORIGINS[instance.instanceType] ?? instance.instanceType,
      formatTime(instance.planTime),
      formatTime(instance.startTime),
      tookBetween(instance.startTime, instance.endTime),
    ]),
  );
}

async function showInstance(id: number, _options: unknown, command: Command): Promise<void> {
  const instance = await fetchInstance(await connectFor(command), id);
  printResult(wantsJson(command), instance, () => formatInstance(instance));
}

function formatInstance(instance: InstanceView): string {
  const parameters = Object.entries(instance.parameters).map(([name, value]) => `${name}=${value}`);
  const facts = formatFacts([
    ["instance", instance.id],
    ["job", instance.jobName],
    ["state", instance.state],
    ["origin", instance.origin],
    ["planned", formatTime(instance.plannedAt)],
    ["started", formatTime(instance.startedAt)],
    ["ended", formatTime(instance.endedAt)],
    ["parameters", parameters.join(", ")],
    ["error", instance.errorMessage],
  ]);
  return `${facts}\n\n${formatNodes(instance.nodes)}`;
}

function formatNodes(nodes: readonly NodeView[]): string {
  return formatTable(
    ["NODE", "TYPE", "STATE", "ATTEMPTS", "TOOK", "LOG", "MESSAGE"],
    nodes.map((node) => [
      node.name,
      node.type,
      node.state,
      node.attempts.length,
      tookBetween(node.startedAt, node.endedAt),
      formatBytes(node.attempts.at(-1)?.logBytes ?? 0),
      node.message,
    ]),
  );
}

function tookBetween(start: number | string | null | undefined, end: number | string | null | undefined) {
  if (start === undefined || start === null || end === undefined || end === null) return undefined;
  return formatDuration(new Date(end).getTime() - new Date(start).getTime());
}

function formatBytes(bytes: number): string | undefined {
  if (bytes === 0) return undefined;
  return bytes < 10_240 ? `${bytes} B` : `${Math.round(bytes / 1024)} KiB`;
}

interface LogOptions {
  readonly node?: string;
  readonly attempt?: number;
  readonly follow?: boolean;
}

async function showLogs(id: number, options: LogOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const chosen = {
    ...(options.node !== undefined && { node: options.node }),
    ...(options.attempt !== undefined && { attempt: options.attempt }),
  };
  await printLogs(client, id, { ...chosen, follow: options.follow === true });
}
