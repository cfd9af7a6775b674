/** `azalai demo`: the whole demo without staying: start, run, check, print, stop. Exit code 0 only if all holds. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Command } from "commander";
import type { BackfillRunPage, BackfillView } from "../api/console/backfill-wire.ts";
import type { InstanceView } from "../api/console/instance-wire.ts";
import type { Config, Flags } from "../config.ts";
import type { Client } from "./client.ts";
import { ENGINES_JOB, FLIGHTS_OF_MONTHS, loadDemo } from "./demo-set.ts";
import { type DemoRuns, runPipelines, waitForRest } from "./demo-start.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { fetchInstance } from "./follow.ts";
import { fetchInstances } from "./instances.ts";
import { runNow } from "./jobs.ts";
import { configFrom, connectToOwn, formatAnswer, listPaths, startServer } from "./serve.ts";
import { formatDuration } from "./terminal.ts";

/** Seconds in which a quarter of an hour is replayed: the day is over, and started again, within the demo. */
const PACE = "0.05";
const LOOK_MS = 250;
/** A schedule of each minute fires within one; its run takes a moment. */
const SCHEDULE_WAIT_MS = 75_000;
const RESTART_WAIT_MS = 60_000;

/** One thing that must be true of what ran. */
interface Assertion {
  readonly text: string;
  readonly holds: boolean;
  readonly milliseconds: number;
}

interface DemoOptions extends Flags {
  readonly report?: string;
  readonly engines?: true;
}

export function addDemoCommand(program: Command): void {
  program
    .command("demo")
    .description("starts a server of its own, runs the demo to its end, checks it and stops")
    .option("--port <number>", "where that server listens; 0 takes a free port", "0")
    .option("--report <file>", "where to put the picture that the demo draws", "demo-report.svg")
    .option(
      "--engines",
      "also counts the flights by Spark and by MapReduce, which are fetched first (Java 17)",
    )
    .action(runDemo);
}

async function runDemo(_options: unknown, command: Command): Promise<void> {
  const { report = "demo-report.svg", engines = false, ...flags } = command.optsWithGlobals<DemoOptions>();
  const temporary = flags.dataDir === undefined ? await mkdtemp(join(tmpdir(), "azalai-demo-")) : undefined;
  try {
    const config = configFrom({ ...flags, dataDir: flags.dataDir ?? temporary ?? "" });
    if (config.databaseUrl !== undefined)
      throw new CommandFailure(
        EXIT.usage,
        "the demo's tables lie in the embedded database: unset AZALAI_DATABASE_URL",
      );
    const failed = await playDemo(config, resolve(report), engines);
    if (failed > 0) throw new CommandFailure(EXIT.failed, `${failed} assertions do not hold`);
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

/** Gives how many assertions do not hold. */
async function playDemo(config: Config, reportFile: string, engines: boolean): Promise<number> {
  const started = performance.now();
  const say = (text: string) => console.log(`${elapsed(started).padStart(8)}  ${text}`);
  say(`starting a server on ${config.dataDir}`);
  const server = await startServer(config);
  try {
    const client = await connectToOwn(config, server);
    say(`listening on ${server.url}`);
    await loadDemo(server, client, say);
    const runs = await runPipelines(client, PACE, say);
    const assertions = await checkDemo(client, runs, reportFile, say);
    if (engines) assertions.push(await checkEngines(client, say));
    await printLists(client);
    printAssertions(assertions);
    const failed = assertions.filter(({ holds }) => !holds).length;
    say(`${assertions.length - failed} of ${assertions.length} assertions hold`);
    return failed;
  } finally {
    await server.stop();
    say("stopped");
  }
}

function elapsed(started: number): string {
  return formatDuration(performance.now() - started);
}

type Check = readonly [text: string, holds: () => Promise<boolean> | boolean];

async function checkDemo(
  client: Client,
  runs: DemoRuns,
  reportFile: string,
  say: (text: string) => void,
): Promise<Assertion[]> {
  const counted = countsOf(runs.report);
  const svg = outputOf(runs.report, "report");
  await writeFile(reportFile, svg);
  say(`the map lies in ${reportFile}`);
  const checks: Check[] = [
    ...Object.entries(FLIGHTS_OF_MONTHS).map(
      ([month, flights]): Check => [
        `${month} has ${flights} flights in the warehouse, as in the Parquet file`,
        () => counted.get(month) === flights,
      ],
    ),
    [
      "together they are 3000000",
      () => [...counted.values()].reduce((sum, count) => sum + count, 0) === 3_000_000,
    ],
    [
      "each day of the half year has been filled, also the one whose planned hour the clock skipped",
      () => fillsEachDay(client, runs.filled),
    ],
    [
      "the map is a picture of at least 200 airports",
      () => svg.startsWith("<svg") && svg.split("<circle").length > 200,
    ],
    ["the Sahara job execution has succeeded", () => runs.execution.info.status === "SUCCEEDED"],
    [
      "a month that is counted wrongly fails its quality check, and nothing is stored",
      () => failsAsItShould(client),
    ],
    ["the real-time job is started again when its day is over", () => restarts(client)],
    ["the schedule has fired by itself, and its run has succeeded", () => fires(client)],
  ];
  const assertions: Assertion[] = [];
  for (const [text, check] of checks) {
    const started = performance.now();
    const holds = await check();
    assertions.push({ text, holds, milliseconds: performance.now() - started });
  }
  return assertions;
}

/** The job itself compares what the engines have counted. */
async function checkEngines(client: Client, say: (text: string) => void): Promise<Assertion> {
  const started = performance.now();
  say(`${ENGINES_JOB} counts by Spark and by MapReduce, which are fetched now unless they are there`);
  const instance = await waitForRest(client, await runNow(client, ENGINES_JOB, {}));
  for (const { name, message } of instance.nodes) if (message !== null) say(`${name}: ${message}`);
  return {
    text: "Spark and MapReduce have counted the same three million flights",
    holds: instance.state === "succeeded",
    milliseconds: performance.now() - started,
  };
}

/** Flights of each month, as the warehouse has them. */
function countsOf(report: InstanceView): ReadonlyMap<string, number> {
  const rows = JSON.parse(outputOf(report, "months")) as [month: string, flights: string][];
  return new Map(rows.map(([month, flights]) => [month, Number(flights)]));
}

function outputOf(instance: InstanceView, node: string): string {
  return instance.nodes.find(({ name }) => name === node)?.output ?? "";
}

/** 182 days and 7 months; on 1 April the clock goes from 02:00 to 03:00, and the run is planned for 02:30. */
async function fillsEachDay(client: Client, { name, progress }: BackfillView): Promise<boolean> {
  const query = { limit: 1000 };
  const { runs } = (await client.send("GET", `/api/backfills/${name}/runs`, { query })) as BackfillRunPage;
  const shifted = runs.find(({ local }) => local === "2001-04-01T03:00:00-04:00");
  return progress.succeeded === 189 && runs.length === 189 && shifted?.outcome === "succeeded";
}

async function failsAsItShould(client: Client): Promise<boolean> {
  const id = await runNow(client, "monthly-flights", { month: "2001-01", expected: "508240" });
  const { state, nodes } = await waitForRest(client, id);
  const stateOf = (name: string) => nodes.find((node) => node.name === name)?.state;
  return state === "failed" && stateOf("quality") === "failed" && stateOf("store") === "cancelled";
}

async function restarts(client: Client): Promise<boolean> {
  const { instances } = await fetchInstances(client, { job: "live-flights", limit: 1 });
  const [live] = instances;
  if (live === undefined) return false;
  return until(RESTART_WAIT_MS, async () => {
    const { nodes } = await fetchInstance(client, live.instanceId);
    const attempts = nodes[0]?.attempts ?? [];
    return attempts.length > 1 && attempts[0]?.exitCode === 0 && (attempts.at(-1)?.logBytes ?? 0) > 0;
  });
}

async function fires(client: Client): Promise<boolean> {
  return until(SCHEDULE_WAIT_MS, async () => {
    const { instances } = await fetchInstances(client, { job: "weather-today", exact: true, limit: 10 });
    return instances.some(({ instanceType, status }) => instanceType === 0 && status === "success");
  });
}

/** Whether `check` becomes true in time. */
async function until(milliseconds: number, check: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (!(await check())) {
    if (performance.now() > end) return false;
    await wait(LOOK_MS);
  }
  return true;
}

async function printLists(client: Client): Promise<void> {
  for (const path of listPaths(client.projectId)) {
    const answer = await client.send("GET", path);
    console.log(`\nGET ${path}\n${formatAnswer(answer)}`);
  }
  console.log("");
}

function printAssertions(assertions: readonly Assertion[]): void {
  for (const { text, holds, milliseconds } of assertions)
    console.log(`${holds ? "  holds" : "  FAILS"}  ${text} (${formatDuration(milliseconds)})`);
  console.log("");
}
