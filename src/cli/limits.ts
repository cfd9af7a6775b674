/** `azalai limits`: how much runs at a time, who holds the slots, and setting it. */
import { type Command, InvalidArgumentError } from "commander";
import type { HolderList, LimitList } from "../api/console/limit-wire.ts";
import { connectFor, part, wantsJson, wholeNumber } from "./commands.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

export function addLimitsCommands(program: Command): void {
  const limits = program
    .command("limits")
    .description("how many nodes run at a time: list, set, holders, weight");
  limits
    .command("list")
    .description("the project's limits, and the slots that are in use")
    .action(listLimits);
  limits
    .command("set")
    .argument("<slots>", "how many nodes may run at a time, or none for no limit", slotsOrNone)
    .option("--connection <name>", "of nodes that use this connection; absent: of the workspace")
    .option("--whole-project", "of the project, instead of the workspace (admin)")
    .description("sets or takes away a limit; a job's own is its setting azalai.slots")
    .action(setLimit);
  limits
    .command("holders")
    .argument("<id>", "of the limit, as `limits list` shows it", wholeNumber(1))
    .description("which nodes hold the slots of a limit")
    .action(listHolders);
  limits
    .command("weight")
    .argument("<weight>", "1 to 100", wholeNumber(1))
    .description("sets the project's share of slots that other projects want too (admin)")
    .action(setWeight);
}

function slotsOrNone(text: string): number | null {
  if (text === "none") return null;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 1 on, or none.");
}

async function listLimits(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const list = (await client.send("GET", "/api/limits")) as LimitList;
  printResult(wantsJson(command), list, () => {
    const table = formatTable(
      ["ID", "LIMIT", "WORKSPACE", "NAME", "IN USE", "SLOTS", "SET (UTC)", "BY"],
      list.limits.map((limit) => [
        limit.id,
        limit.kind,
        limit.workspace,
        limit.name,
        limit.held,
        limit.slots,
        formatTime(limit.setAt),
        limit.setBy,
      ]),
    );
    return `${table}\nweight of the project: ${list.weight}`;
  });
}

interface SetOptions {
  readonly connection?: string;
  readonly wholeProject?: boolean;
}

async function setLimit(slots: number | null, options: SetOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const { connection, wholeProject = false } = options;
  const path = wholeProject ? "/api/limits/project" : "/api/limits";
  await client.send("PUT", path, { body: { slots, ...(connection !== undefined && { connection }) } });
  const what = wholeProject
    ? "the project"
    : connection === undefined
      ? "the workspace"
      : `the connection ${connection}`;
  printResult(wantsJson(command), { slots, ...options }, () =>
    slots === null ? `no limit on ${what} any more` : `at most ${slots} nodes of ${what} run at a time`,
  );
}

async function listHolders(id: number, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const { holders } = (await client.send("GET", `/api/limits/${part(id)}/holders`)) as HolderList;
  printResult(wantsJson(command), holders, () =>
    formatTable(
      ["INSTANCE", "JOB", "NODE", "SINCE (UTC)", "BACKGROUND", "SERVER"],
      holders.map((holder) => [
        holder.instanceId,
        holder.job,
        holder.nodeNo,
        formatTime(holder.startedAt),
        holder.background,
        holder.server,
      ]),
    ),
  );
}

async function setWeight(weight: number, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("PUT", "/api/limits/project", { body: { weight } });
  printResult(wantsJson(command), { weight }, () => `weight of the project: ${weight}`);
}
