/** `azalai backfill`: runs a range of a job's planned times after the fact, and watches, holds and ends that. */
import { setTimeout as wait } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import type {
  BackfillPage,
  BackfillPreviewView,
  BackfillRequestBody,
  BackfillRunPage,
  BackfillView,
} from "../api/console/backfill-wire.ts";
import type { Client } from "./client.ts";
import { connectFor, nameAndValue, part, wantsJson, wholeNumber } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { createProgress, formatFacts, formatTable, formatTime, printResult } from "./terminal.ts";

/** Between two looks. */
const LOOK_MS = 250;
const ENDED: readonly BackfillView["state"][] = ["succeeded", "failed", "cancelled"];

export function addBackfillCommands(program: Command): void {
  const backfill = program
    .command("backfill")
    .description("ranges of planned times run after the fact: preview, create, list, show, pause, cancel");
  addRequest(backfill.command("create"))
    .option("-w, --wait", "follow it to its end; the exit code says whether it succeeded")
    .description("runs the times that the job's schedule plans in a range")
    .action(createBackfill);
  addRequest(backfill.command("preview"))
    .option("--shown <n>", "how many times to show at each end", wholeNumber(0), 5)
    .description("shows what `create` would run, without running it")
    .action(previewBackfill);
  backfill
    .command("list")
    .option("--name <part>", "only those whose name holds this")
    .option("--job <name>", "only those of this job")
    .option(
      "--state <state>",
      "planning, running, paused, failing, cancelling, succeeded, failed or cancelled",
    )
    .option("--limit <n>", "backfills of a page", wholeNumber(1), 20)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .description("backfills, newest first")
    .action(listBackfills);
  backfill
    .command("show")
    .argument("<name>")
    .option("-f, --follow", "go on until it has ended")
    .description("a backfill with its progress")
    .action(showBackfill);
  backfill
    .command("runs")
    .argument("<name>")
    .option("--state <state>", "due, started or skipped")
    .option("--limit <n>", "times of a page", wholeNumber(1), 50)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .description("what became of its planned times, oldest first")
    .action(listRuns);
  backfill
    .command("pause")
    .argument("<name>")
    .description("starts nothing more for now")
    .action(pauseBackfill);
  backfill.command("resume").argument("<name>").description("goes on").action(resumeBackfill);
  backfill
    .command("cancel")
    .argument("<name>")
    .option("--leave-running", "let what runs go on to its end instead of stopping it")
    .description("gives up what was not started")
    .action(cancelBackfill);
}

function addRequest(command: Command): Command {
  return command
    .argument("<job>")
    .requiredOption(
      "--from <time>",
      "first instant: 2001-01-01 or 2001-01-01T02:30 in the schedule's zone, or with an offset",
    )
    .requiredOption("--to <time>", "first instant behind the range, written as --from")
    .option("--name <name>", "its name; made up where absent")
    .option("--parallel <n>", "how many run at a time", wholeNumber(1))
    .option("--by-day", "count days, not runs: those of one day run one after the other")
    .option("--newest-first", "begin with the latest time")
    .option("--stop-on-failure", "start nothing more after a failure")
    .option("--priority <0-2>", "among backfills: 0 high, 1 medium, 2 low", wholeNumber(0))
    .option("-p, --param <name=value>", "a parameter of each run; may be repeated", nameAndValue)
    .option("--only-days <dates>", "only times of these days, comma separated", listOf)
    .option("--only-times <from-to>", "only times between these, e.g. 00:00-06:00")
    .option("--window <from-to>", "start runs only then, e.g. 22:00-06:00")
    .option("--window-weekdays <numbers>", "start runs only on these, 1 is Sunday", numbersOf)
    .option("--window-monthdays <numbers>", "start runs only on these days of the month", numbersOf)
    .option("--with <jobs>", "jobs that depend on it, run for the same range; comma separated", listOf)
    .option("--force", "also while another backfill of the job has times in the range");
}

function listOf(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}

function numbersOf(text: string): number[] {
  const numbers = listOf(text).map(Number);
  if (numbers.every(Number.isInteger)) return numbers;
  throw new InvalidArgumentError("It must be numbers, comma separated.");
}

interface RequestOptions {
  readonly from: string;
  readonly to: string;
  readonly name?: string;
  readonly parallel?: number;
  readonly byDay?: boolean;
  readonly newestFirst?: boolean;
  readonly stopOnFailure?: boolean;
  readonly priority?: number;
  readonly param?: Record<string, string>;
  readonly onlyDays?: string[];
  readonly onlyTimes?: string;
  readonly window?: string;
  readonly windowWeekdays?: number[];
  readonly windowMonthdays?: number[];
  readonly with?: string[];
  readonly force?: boolean;
}

/** Members that are undefined do not reach the wire. */
function bodyOf(job: string, options: RequestOptions): { [Key in keyof BackfillRequestBody]: unknown } {
  const { onlyDays, onlyTimes, window, windowWeekdays, windowMonthdays } = options;
  return {
    job,
    from: options.from,
    to: options.to,
    name: options.name,
    parallel: options.parallel,
    dayGranularity: options.byDay,
    newestFirst: options.newestFirst,
    stopOnFailure: options.stopOnFailure,
    priority: options.priority,
    parameters: options.param,
    timeFilter: partsOf({ days: onlyDays, timeOfDay: onlyTimes }),
    runWindow: partsOf({ timeOfDay: window, daysOfWeek: windowWeekdays, daysOfMonth: windowMonthdays }),
    dependents: options.with?.map((name) => ({ job: name })),
    force: options.force,
  };
}

function partsOf<Parts extends object>(parts: Parts): Parts | undefined {
  return Object.values(parts).every((value) => value === undefined) ? undefined : parts;
}

/** Makes a backfill and gives it. */
export async function startBackfill(
  client: Client,
  body: { readonly [Key in keyof BackfillRequestBody]: unknown },
): Promise<BackfillView> {
  return (await client.send("POST", "/api/backfills", { body })) as BackfillView;
}

async function createBackfill(
  job: string,
  options: RequestOptions & { readonly wait?: boolean },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const made = await startBackfill(client, bodyOf(job, options));
  if (options.wait === true) return await reportEnd(await followBackfill(client, made.name), command);
  const { planned } = made.progress;
  printResult(
    wantsJson(command),
    made,
    () => `${made.name} runs ${planned} planned times of ${made.jobs.join(", ")}`,
  );
}

/** As `waitForBackfill`, with a line of progress. */
async function followBackfill(client: Client, name: string): Promise<BackfillView> {
  const progress = createProgress();
  try {
    return await waitForBackfill(client, name, (backfill) =>
      progress.show(`${name} ${backfill.state}: ${formatProgress(backfill)}`),
    );
  } finally {
    progress.clear();
  }
}

/** The backfill once it has ended; `onLook` sees it on the way. */
export async function waitForBackfill(
  client: Client,
  name: string,
  onLook: (backfill: BackfillView) => void = () => undefined,
): Promise<BackfillView> {
  for (;;) {
    const backfill = await fetchBackfill(client, name);
    if (ENDED.includes(backfill.state)) return backfill;
    onLook(backfill);
    await wait(LOOK_MS);
  }
}

async function reportEnd(backfill: BackfillView, command: Command): Promise<void> {
  printResult(wantsJson(command), backfill, () => formatBackfill(backfill));
  if (backfill.state !== "succeeded")
    throw new CommandFailure(EXIT.failed, backfill.reason ?? `${backfill.name} ${backfill.state}`);
}

async function previewBackfill(
  job: string,
  options: RequestOptions & { readonly shown: number },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const request = { body: bodyOf(job, options), query: { shown: options.shown } };
  const preview = (await client.send("POST", "/api/backfills/preview", request)) as BackfillPreviewView;
  printResult(wantsJson(command), preview, () => formatPreview(preview));
}

function formatPreview({ jobs, planned, zone }: BackfillPreviewView): string {
  const parts = jobs.map(({ job, count, first, last, leftOut }) => {
    const hidden = count - first.length - last.length;
    const lines = [
      `${job} would run ${count} times`,
      ...first.map(formatTimeLine),
      ...(hidden > 0 ? [`  … ${hidden} more`] : []),
      ...last.map(formatTimeLine),
      ...leftOut.map(({ reason, count: times }) => `  left out: ${times}, ${reason}`),
    ];
    return lines.join("\n");
  });
  return `${parts.join("\n\n")}\n\n${planned} planned times in ${zone}`;
}

function formatTimeLine({ local, note }: { readonly local: string; readonly note?: string }): string {
  return note === undefined ? `  ${local}` : `  ${local}  ${note}`;
}

interface ListOptions {
  readonly name?: string;
  readonly job?: string;
  readonly state?: string;
  readonly limit: number;
  readonly page: number;
}

async function listBackfills({ ...query }: ListOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const page = (await client.send("GET", "/api/backfills", { query })) as BackfillPage;
  printResult(wantsJson(command), page, () => {
    const rows = page.backfills.map((backfill) => [
      backfill.name,
      backfill.jobs.join(", "),
      backfill.state,
      formatTime(backfill.from),
      formatTime(backfill.to),
      formatProgress(backfill),
    ]);
    const table = formatTable(["BACKFILL", "JOBS", "STATE", "FROM (UTC)", "TO (UTC)", "PROGRESS"], rows);
    return `${table}\n${page.backfills.length} of ${page.total}`;
  });
}

function formatProgress({ progress }: BackfillView): string {
  const { planned, waiting, ...rest } = progress;
  const counts = Object.entries(rest).filter(([, count]) => count > 0);
  const done = planned - waiting - progress.running;
  return [`${done} of ${planned} done`, ...counts.map(([name, count]) => `${count} ${name}`)].join(", ");
}

export async function fetchBackfill(client: Client, name: string): Promise<BackfillView> {
  return (await client.send("GET", `/api/backfills/${part(name)}`)) as BackfillView;
}

async function showBackfill(
  name: string,
  { follow = false }: { readonly follow?: boolean },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const backfill = follow ? await followBackfill(client, name) : await fetchBackfill(client, name);
  printResult(wantsJson(command), backfill, () => formatBackfill(backfill));
}

function formatBackfill(backfill: BackfillView): string {
  const { runWindow, timeFilter, progress } = backfill;
  return formatFacts([
    ["backfill", backfill.name],
    ["jobs", backfill.jobs.join(", ")],
    ["state", backfill.state],
    ["reason", backfill.reason],
    ["from", formatTime(backfill.from)],
    ["to", formatTime(backfill.to)],
    ["zone", backfill.zone],
    ["at a time", `${backfill.parallel} ${backfill.dayGranularity ? "days" : "runs"}`],
    ["order", backfill.newestFirst ? "newest first" : "oldest first"],
    ["starts only", runWindow && JSON.stringify(runWindow)],
    ["times only", timeFilter && JSON.stringify(timeFilter)],
    ...Object.entries(progress),
    ["made", formatTime(backfill.createdAt)],
    ["by", backfill.createdBy],
    ["ended", formatTime(backfill.endedAt)],
  ]);
}

async function listRuns(
  name: string,
  { ...query }: { readonly state?: string; readonly limit: number; readonly page: number },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const page = (await client.send("GET", `/api/backfills/${part(name)}/runs`, { query })) as BackfillRunPage;
  printResult(wantsJson(command), page, () =>
    formatTable(
      ["JOB", "PLANNED", "STATE", "INSTANCE", "OUTCOME", "REASON"],
      page.runs.map((run) => [run.job, run.local, run.state, run.instanceId, run.outcome, run.detail]),
    ),
  );
}

const pauseBackfill = (name: string, _options: unknown, command: Command) =>
  actOn(name, { act: "pause", done: "paused" }, command);
const resumeBackfill = (name: string, _options: unknown, command: Command) =>
  actOn(name, { act: "resume", done: "resumed" }, command);
const cancelBackfill = (name: string, options: { readonly leaveRunning?: boolean }, command: Command) =>
  actOn(
    name,
    { act: "cancel", done: "cancelled", body: { running: options.leaveRunning ? "leave" : "stop" } },
    command,
  );

async function actOn(
  name: string,
  { act, done, body = {} }: { readonly act: string; readonly done: string; readonly body?: object },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  await client.send("POST", `/api/backfills/${part(name)}/${act}`, { body });
  printResult(wantsJson(command), { name, [done]: true }, () => `${name} ${done}`);
}
