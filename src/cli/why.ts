/** `azalai why`: what keeps a run, a job's next run or a backfill from running. */
import type { Command } from "commander";
import type { BackfillWhy, InstanceWhy, JobWhy } from "../api/console/why-wire.ts";
import { connectFor, part, wantsJson } from "./commands.ts";
import { formatTime, printResult } from "./terminal.ts";

export function addWhyCommand(program: Command): void {
  program
    .command("why")
    .argument("<what>", "an instance's number, a job's name, or a backfill's with --backfill")
    .description("why it is not running: what holds it back, and who has what it waits for")
    .option("--job", "it is a job's name, although it is a number")
    .option("--backfill", "it is a backfill's name")
    .action(explain);
}

async function explain(
  what: string,
  options: { readonly job?: boolean; readonly backfill?: boolean },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  if (options.backfill === true) {
    const why = (await client.send("GET", `/api/backfills/${part(what)}/why`)) as BackfillWhy;
    return printResult(wantsJson(command), why, () => formatBackfill(why));
  }
  if (/^\d+$/.test(what) && options.job !== true) {
    const why = (await client.send("GET", `/api/instances/${part(what)}/why`)) as InstanceWhy;
    return printResult(wantsJson(command), why, () => formatInstance(why));
  }
  const why = (await client.send("GET", `/api/jobs/${part(what)}/why`)) as JobWhy;
  printResult(wantsJson(command), why, () => formatJob(why));
}

function formatInstance({ state, blockers, running }: InstanceWhy): string {
  const lines = [
    ...blockers.map(({ sentence }) => sentence),
    ...running.map(
      ({ node, attempt, since }) => `Node "${node}" runs since ${formatTime(since)} (attempt ${attempt}).`,
    ),
  ];
  return [`The instance is ${state}.`, ...lines].join("\n");
}

function formatBackfill({ state, progress, blockers, running }: BackfillWhy): string {
  const { planned, succeeded, failed, skipped } = progress;
  return [
    `The backfill is ${state}: of ${planned} times ${succeeded} succeeded, ${failed} failed, ${skipped} were skipped.`,
    ...blockers.map(({ sentence }) => sentence),
    ...running.map(
      ({ instance, job, plannedAt }) =>
        `Instance ${instance} of "${job}", planned for ${formatTime(plannedAt)}, is under way; azalai why ${instance} says more.`,
    ),
  ].join("\n");
}

function formatJob({ status, blockers, unended }: JobWhy): string {
  return [
    `The job is ${status}.`,
    ...blockers.map(({ sentence }) => sentence),
    ...unended.map(
      ({ instance, state, plannedAt }) =>
        `Instance ${instance}, planned for ${formatTime(plannedAt)}, is ${state}; azalai why ${instance} says more.`,
    ),
  ].join("\n");
}
