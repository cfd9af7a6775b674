/** `azalai scripts`: lists, shows, saves, runs, stops and deletes scripts through the Factory API. */
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import type { Command } from "commander";
import type { Client } from "./client.ts";
import { connectFor, nameAndValue, part, wantsJson, wholeNumber } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { createProgress, formatTable, formatTime, printResult } from "./terminal.ts";

/** Between two looks at a run. */
const LOOK_MS = 200;

interface ScriptPage {
  readonly total: number;
  readonly scripts: readonly {
    readonly name: string;
    readonly type: string;
    readonly directory?: string;
    readonly version: number;
    readonly modify_time: number;
  }[];
}

/** A run as the API shows it. */
interface RunView {
  readonly status: "LAUNCHING" | "RUNNING" | "FINISHED" | "FAILED";
  readonly message?: string;
  readonly results: readonly {
    readonly message: string;
    readonly rowCount: number;
    readonly rows: readonly (readonly (string | null)[])[];
    readonly schema: readonly Readonly<Record<string, string>>[];
  }[];
}

export function addScriptsCommands(program: Command): void {
  const scripts = program.command("scripts").description("scripts: list, show, create, run, stop, delete");
  scripts
    .command("list")
    .description("the workspace's scripts, newest first")
    .option("--name <part>", "only scripts whose name holds this")
    .option("--limit <n>", "scripts of a page", wholeNumber(1), 100)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .action(listScripts);
  scripts.command("show").argument("<name>").description("a script's text").action(showScript);
  scripts
    .command("create")
    .argument("<name>")
    .argument("<file>", "its text; - reads standard input")
    .requiredOption("--type <type>", "Shell, PYTHON, DLISQL, RDSSQL, ...")
    .option("--connection <name>", "the connection that it runs on")
    .option("--database <name>", "the database that it runs in")
    .option("--directory <path>", "where it lies; / when absent")
    .option("--replace", "if the name is taken, save this as its next version; its type stays")
    .description("saves a script")
    .action(createScript);
  scripts
    .command("run")
    .argument("<name>")
    .option("-p, --param <name=value>", "a value for a name in the script; may be repeated", nameAndValue)
    .option("--no-wait", "print the run's id and do not wait for its rows")
    .description("runs a script and prints what it leaves; the exit code says whether it succeeded")
    .action(runScript);
  scripts
    .command("stop")
    .argument("<name>")
    .argument("<run>", "the run's id")
    .description("stops a script's run")
    .action(stopRun);
  scripts.command("delete").argument("<name>").description("deletes a script").action(deleteScript);
}

interface ListOptions {
  readonly name?: string;
  readonly limit: number;
  readonly page: number;
}

async function listScripts({ name, limit, page }: ListOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", `/v2/${client.projectId}/factory/scripts`, {
    query: { script_name: name, limit, offset: page },
  })) as ScriptPage;
  const table = formatTable(
    ["NAME", "TYPE", "DIRECTORY", "VERSION", "SAVED (UTC)"],
    answer.scripts.map((script) => [
      script.name,
      script.type,
      script.directory,
      script.version,
      formatTime(script.modify_time),
    ]),
  );
  printResult(wantsJson(command), answer, () => `${table}\n${answer.scripts.length} of ${answer.total}`);
}

async function showScript(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const script = (await client.send("GET", scriptPath(client, name))) as { readonly content: string };
  printResult(wantsJson(command), script, () => script.content);
}

interface CreateOptions {
  readonly type: string;
  readonly connection?: string;
  readonly database?: string;
  readonly directory?: string;
  readonly replace?: boolean;
}

async function createScript(
  name: string,
  file: string,
  { type, connection: connectionName, database, directory, replace = false }: CreateOptions,
  command: Command,
): Promise<void> {
  const content = await readText(file);
  const client = await connectFor(command);
  const body = { name, type, content, connectionName, database, directory };
  const replaced = replace && (await replaceScript(client, name, body));
  if (!replaced) await client.send("POST", `/v1/${client.projectId}/scripts`, { body });
  const saved = replaced ? "replaced" : "created";
  printResult(wantsJson(command), { name, saved }, () => `${name} ${saved}`);
}

async function readText(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(EXIT.usage, `${file}: ${why}`, error);
  }
}

/** False where there is none of the name. */
async function replaceScript(client: Client, name: string, body: object): Promise<boolean> {
  try {
    await client.send("PUT", scriptPath(client, name), { body });
    return true;
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === EXIT.notFound) return false;
    throw error;
  }
}

async function deleteScript(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", scriptPath(client, name));
  printResult(wantsJson(command), { name, deleted: true }, () => `${name} deleted`);
}

interface RunOptions {
  readonly param?: Readonly<Record<string, string>>;
  readonly wait: boolean;
}

async function runScript(name: string, { param, wait: waits }: RunOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const started = (await client.send("POST", `${scriptPath(client, name)}/execute`, {
    body: { params: param ?? {} },
  })) as { readonly instanceId: string };
  if (!waits) {
    printResult(wantsJson(command), started, () => `run ${started.instanceId}`);
    return;
  }
  const run = await followRun(client, name, started.instanceId);
  if (run.status === "FAILED") throw new CommandFailure(EXIT.failed, run.message ?? `${name} failed`);
  printResult(wantsJson(command), run, () => run.results.map(formatResult).join("\n"));
}

async function followRun(client: Client, name: string, id: string): Promise<RunView> {
  const progress = createProgress();
  try {
    for (;;) {
      const run = (await client.send("GET", runPath(client, name, id))) as RunView;
      if (run.status === "FINISHED" || run.status === "FAILED") return run;
      progress.show(`${name} ${id} ${run.status.toLowerCase()}`);
      await wait(LOOK_MS);
    }
  } finally {
    progress.clear();
  }
}

function formatResult({ schema, rows, rowCount }: RunView["results"][number]): string {
  const table = formatTable(schema.flatMap(Object.keys), rows);
  const count = rows.length < rowCount ? `${rows.length} of ${rowCount} rows` : `${rowCount} rows`;
  return `${table}\n${count}`;
}

async function stopRun(name: string, id: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("POST", `${runPath(client, name, id)}/stop`);
  printResult(wantsJson(command), { name, run: id, stopped: true }, () => `${name} ${id} stopped`);
}

function scriptPath({ projectId }: Client, name: string): string {
  return `/v1/${projectId}/scripts/${part(name)}`;
}

function runPath(client: Client, name: string, id: string): string {
  return `${scriptPath(client, name)}/instances/${part(id)}`;
}
