/** `azalai resources`: lists, shows, makes and deletes names for files of buckets through the Factory API. */
import type { Command } from "commander";
import type { Client } from "./client.ts";
import { connectFor, part, wantsJson, wholeNumber } from "./commands.ts";
import { formatFacts, formatTable, printResult } from "./terminal.ts";

interface ResourceView {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly location: string;
  readonly directory: string;
  readonly dependFiles?: readonly string[];
  readonly dependPackages?: readonly { readonly type: string; readonly location: string }[];
  readonly desc?: string;
}

export function addResourcesCommands(program: Command): void {
  const resources = program.command("resources").description("resources: list, show, create, delete");
  resources
    .command("list")
    .description("the workspace's resources, newest first")
    .option("--name <part>", "only resources whose name holds this")
    .option("--limit <n>", "resources of a page", wholeNumber(1), 100)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .action(listResources);
  resources.command("show").argument("<id>").description("a resource").action(showResource);
  resources
    .command("create")
    .argument("<name>")
    .argument("<location>", "obs://bucket/key")
    .requiredOption("--type <type>", "archive, file, jar or pyFile")
    .option("--directory <path>", "where it lies; / when absent")
    .option("--description <text>", "what it is for")
    .option("--needs <locations...>", "files that it needs")
    .description("names a file of a bucket")
    .action(createResource);
  resources.command("delete").argument("<id>").description("deletes a resource").action(deleteResource);
}

interface ListOptions {
  readonly name?: string;
  readonly limit: number;
  readonly page: number;
}

async function listResources({ name, limit, page }: ListOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", pathOf(client), {
    query: { resourceName: name, limit, offset: page },
  })) as { readonly total: number; readonly resources: readonly ResourceView[] };
  const table = formatTable(
    ["ID", "NAME", "TYPE", "DIRECTORY", "LOCATION"],
    answer.resources.map(({ id, name: called, type, directory, location }) => [
      id,
      called,
      type,
      directory,
      location,
    ]),
  );
  printResult(wantsJson(command), answer, () => `${table}\n${answer.resources.length} of ${answer.total}`);
}

async function showResource(id: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const resource = (await client.send("GET", `${pathOf(client)}/${part(id)}`)) as ResourceView;
  const { dependFiles = [], dependPackages = [] } = resource;
  const needed = [...dependFiles, ...dependPackages.map(({ location }) => location)];
  const facts = () =>
    formatFacts([
      ["id", resource.id],
      ["name", resource.name],
      ["type", resource.type],
      ["location", resource.location],
      ["directory", resource.directory],
      ["needs", needed.join(" ")],
      ["description", resource.desc],
    ]);
  printResult(wantsJson(command), resource, facts);
}

interface CreateOptions {
  readonly type: string;
  readonly directory?: string;
  readonly description?: string;
  readonly needs?: readonly string[];
}

async function createResource(
  name: string,
  location: string,
  { type, directory, description: desc, needs: dependFiles }: CreateOptions,
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const made = (await client.send("POST", pathOf(client), {
    body: { name, location, type, directory, desc, dependFiles },
  })) as { readonly resourceId: string };
  printResult(wantsJson(command), made, () => `${name} ${made.resourceId}`);
}

async function deleteResource(id: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", `${pathOf(client)}/${part(id)}`);
  printResult(wantsJson(command), { id, deleted: true }, () => `${id} deleted`);
}

function pathOf({ projectId }: Client): string {
  return `/v1/${projectId}/resources`;
}
