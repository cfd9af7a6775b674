/** `azalai connections`: what leads to other systems, kept and tried. */
import type { Command } from "commander";
import type { ConnectionTestResult } from "../domain/connection.ts";
import type { Client } from "./client.ts";
import { connectFor, exists, part, readJson, readNamed, wantsJson } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { importFrom, type SameName, sameNameOption, saveAnswer } from "./imports.ts";
import { formatFacts, formatTable, printResult } from "./terminal.ts";

/** A connection as the Factory API writes it. */
interface ConnectionDocument {
  readonly name: string;
  readonly type: string;
  readonly config: Readonly<Record<string, string | number | boolean>>;
  readonly description?: string;
}

/** Most entries of a page. */
const PAGE = 100;

export function addConnectionsCommands(program: Command): void {
  const connections = program
    .command("connections")
    .description("what leads to other systems: list, show, save, delete, export, import, test");
  connections.command("list").description("the workspace's connections, newest first").action(list);
  connections.command("show").argument("<name>").description("a connection, secrets masked").action(show);
  connections
    .command("save")
    .argument("<file>", "JSON: name, type, config, description; - reads standard input")
    .description("adds a connection, or replaces the one of that name")
    .action(save);
  connections.command("delete").argument("<name>").description("deletes a connection").action(remove);
  connections
    .command("export")
    .option("--file <file>", "where to, on this machine", "connections.zip")
    .description("exports all connections of the workspace, without their secrets")
    .action(exportAll);
  connections
    .command("import")
    .argument("<path>", "such as obs://bucket/connections.zip")
    .addOption(sameNameOption())
    .option(
      "--secrets <file>",
      "JSON: members of configurations by the connections' names; - reads standard input",
    )
    .description("imports connections and waits for the end")
    .action(importAll);
  connections.command("test").argument("<name>").description("dials a connection and logs in").action(test);
}

function pathOf({ projectId }: Client, name?: string): string {
  const path = `/v1/${projectId}/connections`;
  return name === undefined ? path : `${path}/${part(name)}`;
}

async function list(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const found: ConnectionDocument[] = [];
  for (let offset = 0; ; offset++) {
    const answer = await client.send("GET", pathOf(client), { query: { limit: PAGE, offset } });
    const { connections } = answer as { connections: ConnectionDocument[] };
    found.push(...connections);
    if (connections.length < PAGE) break;
  }
  printResult(wantsJson(command), found, () =>
    formatTable(
      ["CONNECTION", "TYPE", "DESCRIPTION"],
      found.map(({ name, type, description }) => [name, type, description]),
    ),
  );
}

async function show(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const connection = (await client.send("GET", pathOf(client, name))) as ConnectionDocument;
  const { type, config, description } = connection;
  printResult(wantsJson(command), connection, () =>
    formatFacts([
      ["connection", name],
      ["type", type],
      ["description", description],
      ...Object.entries(config),
    ]),
  );
}

async function save(file: string, _options: unknown, command: Command): Promise<void> {
  const body = await readNamed(file, "a connection");
  const { name } = body;
  const client = await connectFor(command);
  const known = await exists(client, pathOf(client, name));
  await client.send(known ? "PUT" : "POST", pathOf(client, known ? name : undefined), { body });
  const saved = known ? "replaced" : "added";
  printResult(wantsJson(command), { name, saved }, () => `${name} ${saved}`);
}

async function exportAll({ file }: { readonly file: string }, command: Command): Promise<void> {
  const client = await connectFor(command);
  await saveAnswer(command, await client.fetch("POST", `${pathOf(client)}/export`), file);
}

interface ImportOptions {
  readonly sameName: SameName;
  readonly secrets?: string;
}

async function importAll(
  path: string,
  { sameName, secrets }: ImportOptions,
  command: Command,
): Promise<void> {
  const members = secrets === undefined ? {} : await readJson(secrets);
  const params = Object.entries(members ?? {}).map(([name, config]) => ({ name, params: config }));
  await importFrom(command, "connections", { path, sameNamePolicy: sameName.toUpperCase(), params });
}

async function remove(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", pathOf(client, name));
  printResult(wantsJson(command), { name, deleted: true }, () => `${name} deleted`);
}

async function test(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const result = (await client.send("POST", `/api/connections/${part(name)}/test`)) as ConnectionTestResult;
  if (result.ok || wantsJson(command))
    printResult(wantsJson(command), { name, ...result }, () => `${name}: ${result.ok ? result.detail : ""}`);
  if (!result.ok) throw new CommandFailure(EXIT.failed, `${name}: ${result.reason}`);
}
