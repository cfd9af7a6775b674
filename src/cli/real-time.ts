/** `azalai real-time`: the nodes of a real-time job in operation, and trying one again that waits or is held. */
import type { Command } from "commander";
import type { LiveNodePage } from "../api/console/live-node-wire.ts";
import type { Client } from "./client.ts";
import { connectFor, part, wantsJson } from "./commands.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

export function addRealTimeCommands(program: Command): void {
  const realTime = program.command("real-time").description("real-time jobs: their nodes, retry one");
  realTime
    .command("nodes")
    .argument("<job>")
    .description("what the nodes of a job in operation do, and how often they were begun again")
    .action(showNodes);
  realTime
    .command("retry")
    .argument("<job>")
    .argument("<node>")
    .description("tries a node again at once that waits for its next try, or is held after too many")
    .action(retry);
}

async function jobIdOf(client: Client, job: string): Promise<number> {
  const detail = await client.send("GET", `/v1/${client.projectId}/jobs/${part(job)}`);
  return (detail as { readonly id: number }).id;
}

async function showNodes(job: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const path = `/api/jobs/${await jobIdOf(client, job)}/live-nodes`;
  const page = (await client.send("GET", path)) as LiveNodePage;
  printResult(wantsJson(command), page, () => `${job} is ${page.status}\n\n${formatNodes(page)}`);
}

function formatNodes({ nodes }: LiveNodePage): string {
  return formatTable(
    [
      "NODE",
      "TYPE",
      "AFTER",
      "STATE",
      "UP SINCE (UTC)",
      "RESTARTS",
      "NEXT TRY (UTC)",
      "CHECKPOINT (UTC)",
      "HOST",
      "MESSAGE",
    ],
    nodes.map((node) => [
      node.name,
      node.trigger === null ? node.type : `${node.type} on ${node.trigger.kind}`,
      node.after.join(", "),
      node.trigger?.status === "paused" ? "paused" : node.state,
      formatTime(node.upAt),
      node.restarts,
      formatTime(node.nextTryAt),
      formatTime(node.checkpoint?.takenAt ?? null),
      node.host,
      node.message,
    ]),
  );
}

async function retry(job: string, node: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("POST", `/api/jobs/${await jobIdOf(client, job)}/live-nodes/${part(node)}/retry`);
  printResult(wantsJson(command), { job, node, retried: true }, () => `${node} of ${job} is tried again`);
}
