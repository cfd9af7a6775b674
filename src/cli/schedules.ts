/** `azalai schedules`: previews, the plan ledger, pausing a job's schedule, freezing its runs. */
import { type Command, InvalidArgumentError } from "commander";
import type { FreezeView, LedgerPage, Preview } from "../api/console/plan-wire.ts";
import { connectFor, nameAndValue, part, wantsJson, wholeNumber } from "./commands.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

export function addSchedulesCommands(program: Command): void {
  const schedules = program
    .command("schedules")
    .description("when jobs run: preview, ledger, pause, resume, freeze, freezes, unfreeze");
  schedules
    .command("preview")
    .argument("<expression>", "Quartz: second minute hour day month week, and a year if wished")
    .option("--zone <name>", "its time zone, e.g. Europe/Berlin or GMT+8 (the server's when absent)")
    .option("--start <time>", "its first possible time, e.g. 2026-11-23T08:00Z", instant)
    .option("--end <time>", "its last possible time", instant)
    .option("--after <time>", "times after this one (now when absent)", instant)
    .option("--count <n>", "how many", wholeNumber(1), 10)
    .option("-s, --setting <name=value>", "e.g. missingHour=skip; may be repeated", nameAndValue)
    .description("when a schedule would run, before it is saved")
    .action(preview);
  schedules
    .command("ledger")
    .argument("[job]", "only this job's")
    .option("--job-id <id>", "only those of the job with this id: one that was deleted", wholeNumber(1))
    .option("--state <states>", "started, skipped or missed; several with commas")
    .option("--reason <word>", "overlap, disabled, calendar, frozen, downtime, …")
    .option("--from <time>", "planned at or after this, e.g. 2026-11-23T08:00Z", instant)
    .option("--to <time>", "planned at or before this", instant)
    .option("--limit <n>", "lines of a page", wholeNumber(1), 50)
    .option("--after <next>", "what the page before gave as next")
    .description("planned times and what became of them, newest first")
    .action(showLedger);
  for (const [act, description] of [
    ["pause", "passes over the schedule's times, each with a line in the ledger"],
    ["resume", "undoes pause from now on"],
  ] as const)
    schedules
      .command(act)
      .argument("<job>")
      .description(description)
      .action((job: string, _options: unknown, command: Command) => setPaused(job, act, command));
  addFreezeCommands(schedules);
}

function addFreezeCommands(schedules: Command): void {
  schedules
    .command("freeze")
    .argument("<job>")
    .requiredOption("--from <time>", "the first planned time to hold", instant)
    .requiredOption("--to <time>", "the first planned time not to hold any more", instant)
    .description("holds the runs planned within a stretch of time")
    .action(freeze);
  schedules.command("freezes").argument("<job>").description("a job's freezes").action(listFreezes);
  schedules
    .command("unfreeze")
    .argument("<job>")
    .argument("<id>", "the freeze", wholeNumber(1))
    .option("--skip", "the runs that it held are skipped; else they wait for their turn")
    .description("lifts a freeze")
    .action(unfreeze);
}

/** For `parseArg`: an instant, as ISO 8601 in UTC. */
function instant(text: string): string {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new InvalidArgumentError("It must be a time such as 2026-11-23T08:00Z.");
  return new Date(time).toISOString();
}

interface PreviewOptions {
  readonly zone?: string;
  readonly start?: string;
  readonly end?: string;
  readonly after?: string;
  readonly count: number;
  readonly setting?: Readonly<Record<string, string>>;
}

async function preview(expression: string, options: PreviewOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const settings = Object.entries(options.setting ?? {}).map(([name, value]) => [`azalai.${name}`, value]);
  const answer = (await client.send("POST", "/api/schedules/preview", {
    body: {
      expression,
      timeZone: options.zone,
      startTime: options.start,
      endTime: options.end,
      after: options.after,
      count: options.count,
      settings: Object.fromEntries(settings),
    },
  })) as Preview;
  const table = () =>
    formatTable(
      [`LOCAL (${answer.timeZone})`, "UTC", ""],
      answer.times.map(({ at, local, note, skipped }) => [
        local,
        at,
        [note, skipped && `skipped: ${skipped}`].filter(Boolean).join("; "),
      ]),
    );
  printResult(wantsJson(command), answer, table);
}

interface LedgerOptions {
  readonly jobId?: number;
  readonly state?: string;
  readonly reason?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
  readonly after?: string;
}

async function showLedger(job: string | undefined, options: LedgerOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const page = (await client.send("GET", "/api/plan", { query: { job, ...options } })) as LedgerPage;
  printResult(wantsJson(command), page, () => formatLedger(page));
}

function formatLedger({ lines, next }: LedgerPage): string {
  const table = formatTable(
    ["JOB", "PLANNED (UTC)", "STATE", "INSTANCE", "IT", "WHY"],
    lines.map((line) => [
      line.job ?? line.jobId,
      formatTime(line.plannedAt),
      line.state,
      line.instanceId ?? undefined,
      line.instanceState ?? undefined,
      [line.reason, line.detail].filter((text) => text !== null).join(": "),
    ]),
  );
  return next === null ? table : `${table}\nolder: --after ${next}`;
}

async function setPaused(job: string, act: "pause" | "resume", command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("POST", `/api/jobs/${part(job)}/${act}`);
  printResult(wantsJson(command), { name: job, [`${act}d`]: true }, () => `${job} ${act}d`);
}

async function freeze(
  job: string,
  { from, to }: { readonly from: string; readonly to: string },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const answer = await client.send("POST", `/api/jobs/${part(job)}/freezes`, { body: { from, to } });
  printResult(wantsJson(command), answer, () => `freeze ${(answer as { id: number }).id}`);
}

async function listFreezes(job: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", `/api/jobs/${part(job)}/freezes`)) as { freezes: FreezeView[] };
  const table = () =>
    formatTable(
      ["FREEZE", "FROM (UTC)", "TO (UTC)", "BY", "AT (UTC)"],
      answer.freezes.map(({ id, from, to, frozenBy, frozenAt }) => [
        id,
        formatTime(from),
        formatTime(to),
        frozenBy,
        formatTime(frozenAt),
      ]),
    );
  printResult(wantsJson(command), answer, table);
}

async function unfreeze(
  job: string,
  id: number,
  { skip = false }: { readonly skip?: boolean },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const answer = await client.send("POST", `/api/jobs/${part(job)}/freezes/${id}/lift`, { body: { skip } });
  const count = (answer as { instances: number }).instances;
  printResult(wantsJson(command), answer, () => `${count} instances ${skip ? "skipped" : "wait"}`);
}
