/** `azalai retention`: how long history is kept, what would go now, and letting it go. */
import type { Command } from "commander";
import type { FindingsView, RemovalsView, RetentionView } from "../api/console/retention-wire.ts";
import type { RetentionKind } from "../domain/retention.ts";
import { connectFor, wantsJson, wholeNumber } from "./commands.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

export function addRetentionCommands(program: Command): void {
  const retention = program
    .command("retention")
    .description("how long history is kept: show, set, dry-run, apply");
  retention.command("show").description("the days that the project's history is kept").action(show);
  const set = retention
    .command("set")
    .description("sets the days for the project, in place of all that it had set; 0 keeps for ever")
    .option("--installation", "for all projects that have set nothing themselves");
  for (const [kind, meaning] of Object.entries(MEANINGS))
    set.option(`--${kind} <days>`, meaning, wholeNumber(0));
  set.action(setPolicy);
  retention.command("dry-run").description("what would go now").action(dryRun);
  retention.command("apply").description("lets go now what else goes within the hour").action(apply);
}

const MEANINGS: Readonly<Record<RetentionKind, string>> = {
  history: "instances that have ended, with their nodes and attempts",
  logs: "logs of instances that have ended",
  ledger: "the plan ledger: what became of each planned time",
  acts: "the audit trail",
};
const KINDS = Object.keys(MEANINGS) as readonly RetentionKind[];

async function show(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const view = (await client.send("GET", "/api/retention")) as RetentionView;
  printResult(wantsJson(command), view, () => formatPolicy(view));
}

interface SetOptions extends Readonly<Partial<Record<RetentionKind, number>>> {
  readonly installation?: boolean;
}

async function setPolicy({ installation, ...body }: SetOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const scope = installation === true ? "installation" : "project";
  const view = (await client.send("PUT", `/api/retention/${scope}`, { body })) as RetentionView;
  printResult(wantsJson(command), view, () => formatPolicy(view));
}

async function dryRun(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const findings = (await client.send("GET", "/api/retention/expired")) as FindingsView;
  printResult(wantsJson(command), findings, () => formatFindings(findings));
}

async function apply(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const removals = (await client.send("POST", "/api/retention/apply")) as RemovalsView;
  printResult(wantsJson(command), removals, () =>
    formatExpired(removals.expired, (one) => (removals.expired[one]?.removed ? "gone" : "in use, stays")),
  );
}

function formatPolicy({ policy, project, installation }: RetentionView): string {
  return formatTable(
    ["WHAT", "DAYS", "SET BY", "MEANING"],
    KINDS.map((kind) => [
      kind,
      policy[kind] === 0 ? "for ever" : policy[kind],
      kind in project ? "the project" : kind in installation ? "the installation" : "the product",
      MEANINGS[kind],
    ]),
  );
}

function formatFindings({ expired, held }: FindingsView): string {
  const table = formatExpired(expired, () => "would go");
  const waits = held.map(({ what, reason }) => `The period ${what} stays: ${reason}.`);
  return [table, ...waits].join("\n");
}

function formatExpired(expired: FindingsView["expired"], endOf: (place: number) => string): string {
  if (expired.length === 0) return "Nothing has had its time.";
  return formatTable(
    ["KIND", "PROJECT", "WHAT", "ROWS", "BYTES", "OLDEST (UTC)", ""],
    expired.map(({ kind, projectId, what, rows, bytes, oldest }, place) => [
      kind,
      projectId,
      what,
      rows,
      bytes,
      formatTime(oldest),
      endOf(place),
    ]),
  );
}
