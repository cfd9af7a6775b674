/** `azalai events` and `azalai files`: where jobs that wait for events stand, and files that arrive in buckets. */
import { openAsBlob } from "node:fs";
import type { Command } from "commander";
import type { EventSourcePage } from "../api/console/event-source-wire.ts";
import type { Client } from "./client.ts";
import { connectFor, wantsJson } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

export function addEventsCommands(program: Command): void {
  const events = program
    .command("events")
    .description("jobs that start on events: where their sources stand, resume");
  events.command("list").description("the project's event sources").action(listSources);
  events
    .command("resume")
    .argument("<job>", "as `events list` shows it")
    .description("lets a source go on that a failed run has paused")
    .action(resume);
  const files = program.command("files").description("files of the project's buckets: put, list");
  files
    .command("put")
    .argument("<file>", "on this machine")
    .argument("<path>", "such as obs://bucket/folder/name")
    .description("puts a file into a bucket; jobs that wait for it start")
    .action(putFile);
  files.command("list").argument("<folder>", "such as obs://bucket/folder").action(listFiles);
}

async function fetchSources(client: Client): Promise<EventSourcePage> {
  return (await client.send("GET", "/api/event-sources")) as EventSourcePage;
}

async function listSources(_options: unknown, command: Command): Promise<void> {
  const page = await fetchSources(await connectFor(command));
  printResult(wantsJson(command), page, () =>
    formatTable(
      ["JOB", "WORKSPACE", "CHANNEL", "STATE", "RUNNING", "BEHIND", "LAST EVENT (UTC)", "WHY"],
      page.sources.map((source) => [
        source.job,
        source.workspace,
        source.channel,
        source.state,
        `${source.running} of ${source.concurrent}`,
        source.lag,
        formatTime(source.lastEventAt),
        source.reason ?? source.error,
      ]),
    ),
  );
}

async function resume(job: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const source = (await fetchSources(client)).sources.find((one) => one.job === job);
  if (source === undefined) throw new CommandFailure(EXIT.notFound, `${job} has no event source`);
  await client.send("POST", `/api/event-sources/${source.jobId}/resume`);
  printResult(wantsJson(command), { job, resumed: true }, () => `${job} resumed`);
}

async function putFile(file: string, path: string, _options: unknown, command: Command): Promise<void> {
  const [, place] = /^obs:\/\/(.+)$/.exec(path) ?? [];
  if (place === undefined) throw new CommandFailure(EXIT.usage, `${path}: must be obs://bucket/name`);
  const content = await openAsBlob(file).catch((error: Error) => {
    throw new CommandFailure(EXIT.usage, `${file}: ${error.message}`, error);
  });
  const client = await connectFor(command);
  const bytes = new Uint8Array(await content.arrayBuffer());
  const target = place.split("/").map(encodeURIComponent).join("/");
  await client.fetch("PUT", `/api/files/${target}`, { bytes });
  printResult(wantsJson(command), { path, sizeBytes: bytes.length }, () => `${path} arrived`);
}

async function listFiles(folder: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const list = (await client.send("GET", "/api/files", { query: { folder } })) as {
    readonly total: number;
    readonly paths: readonly string[];
  };
  printResult(wantsJson(command), list, () => list.paths.join("\n"));
}
