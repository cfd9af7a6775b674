/** `azalai instances children`: the instances that a run's SubJob and ForEach nodes began. */
import type { Command } from "commander";
import type { ChildPage } from "../api/console/child-instances.ts";
import { connectFor, wantsJson, wholeNumber } from "./commands.ts";
import { formatTable, printResult } from "./terminal.ts";

export function addChildrenCommand(instances: Command): void {
  instances
    .command("children")
    .argument("<id>", "the instance", wholeNumber(1))
    .option("--limit <n>", "instances of a page", wholeNumber(1), 100)
    .option("--after <id>", "those begun after this one", wholeNumber(0), 0)
    .description("the runs that its SubJob and ForEach nodes began, and the node that began it")
    .action(listChildren);
}

async function listChildren(
  id: number,
  query: { readonly limit: number; readonly after: number },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const page = (await client.send("GET", `/api/instances/${id}/children`, { query })) as ChildPage;
  printResult(wantsJson(command), page, () => formatChildren(page));
}

function formatChildren({ parent, children, next }: ChildPage): string {
  const table = formatTable(
    ["INSTANCE", "NODE", "ROUND", "ROW", "STATE"],
    children.map(({ instanceId, node, round, place, state }) => [instanceId, node, round, place, state]),
  );
  const above = parent === null ? "" : `begun by node "${parent.node}" of instance ${parent.instanceId}\n\n`;
  return `${above}${table}${next === null ? "" : `\nmore: --after ${next}`}`;
}
