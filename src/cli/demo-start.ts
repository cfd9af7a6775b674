/** Brings the demo to life: the set is loaded once, its schedule and its real-time job started, its pipelines run. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { BackfillView } from "../api/console/backfill-wire.ts";
import type { InstanceView } from "../api/console/instance-wire.ts";
import type { RunningServer } from "../main.ts";
import { fetchBackfill, startBackfill, waitForBackfill } from "./backfill.ts";
import type { Client } from "./client.ts";
import { codeOf } from "./credentials.ts";
import { FLIGHTS_BACKFILL, loadDemo, TEMPLATE } from "./demo-set.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { fetchInstance, rests } from "./follow.ts";
import { runNow } from "./jobs.ts";
import { createProgress } from "./terminal.ts";

const LOOK_MS = 200;

/** How far the demo of a data folder has come; once `done`, a start leaves it alone, whatever users did to it. */
type Stage = "loaded" | "done";

const fileOf = (dataDir: string) => join(dataDir, "demo");

async function readStage(dataDir: string): Promise<Stage | undefined> {
  try {
    const text = (await readFile(fileOf(dataDir), "utf8")).trim();
    return text === "done" ? "done" : "loaded";
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function keepStage(dataDir: string, stage: Stage): Promise<void> {
  await writeFile(fileOf(dataDir), `${stage}\n`);
}

/** A demo whose first pipelines are still to be run. */
export interface PreparedDemo {
  /** Runs them to their end and says what came of it. */
  readonly run: () => Promise<string>;
}

/** Loads what the demo consists of, unless that was done before; undefined when its pipelines have run, too. */
export async function prepareDemo(
  dataDir: string,
  server: RunningServer,
  client: Client,
): Promise<PreparedDemo | undefined> {
  const stage = await readStage(dataDir);
  if (stage === "done") return undefined;
  if (stage === undefined) {
    const progress = createProgress();
    await loadDemo(server, client, (text) => progress.show(`Loading the demo: ${text}`));
    progress.clear();
    await keepStage(dataDir, "loaded");
  }
  return {
    run: async () => {
      const runs = await runPipelines(client, "1");
      await keepStage(dataDir, "done");
      const { succeeded } = runs.filled.progress;
      return `The demo's pipelines have run: ${succeeded} days and months of flights, the report is instance ${runs.report.id}.`;
    },
  };
}

/** What the first runs of the demo left. */
export interface DemoRuns {
  /** The backfill of the days and the months. */
  readonly filled: BackfillView;
  readonly report: InstanceView;
  readonly execution: JobExecution;
}

/**
 * Starts the schedule and the real-time job, backfills the days and months, and runs the report. `pace` is the number of
 * seconds in which a quarter of an hour is replayed. CommandFailure when something does not succeed.
 */
export async function runPipelines(
  client: Client,
  pace: string,
  onStep: (text: string) => void = () => undefined,
): Promise<DemoRuns> {
  const jobs = `/v1/${client.projectId}/jobs`;
  await client.send("POST", `${jobs}/weather-today/start`, { body: {} });
  onStep("weather-today is scheduled each minute");
  const day = await runNow(client, "live-day", {});
  const backfill = await fillFlights(client);
  expectSuccess(await waitForRest(client, day));
  await client.send("POST", `${jobs}/live-flights/start`, {
    body: { jobParams: [{ name: "pace", value: pace }] },
  });
  onStep("live-flights replays the first day of 2001");
  const filled = await waitForBackfill(client, backfill.name);
  if (filled.state !== "succeeded")
    throw new CommandFailure(EXIT.failed, `backfill ${filled.name} ${filled.state}: ${filled.reason}`);
  onStep(`backfill ${filled.name} has stored ${filled.progress.succeeded} days and months`);
  const [report, execution] = await Promise.all([
    runNow(client, "routes-and-states", {}).then((id) => waitForRest(client, id)),
    executeTemplate(client),
  ]);
  expectSuccess(report);
  onStep("routes-and-states has drawn its map; the Sahara job has run");
  return { filled, report, execution };
}

/** The backfill of an earlier start goes on by itself. */
async function fillFlights(client: Client): Promise<BackfillView> {
  try {
    return await fetchBackfill(client, FLIGHTS_BACKFILL.name);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.notFound) throw error;
    return await startBackfill(client, FLIGHTS_BACKFILL);
  }
}

/** As `followInstance`, without a line of progress. */
export async function waitForRest(client: Client, id: number): Promise<InstanceView> {
  for (;;) {
    const instance = await fetchInstance(client, id);
    if (rests(instance)) return instance;
    await wait(LOOK_MS);
  }
}

function expectSuccess(instance: InstanceView): void {
  if (instance.state === "succeeded") return;
  const failed = instance.nodes.find((node) => node.state === "failed");
  const why = failed === undefined ? instance.errorMessage : `${failed.name}: ${failed.message}`;
  throw new CommandFailure(
    EXIT.failed,
    `${instance.jobName}, instance ${instance.id}, ${instance.state}: ${why}`,
  );
}

/** A run through the Sahara API, as far as it is read. */
export interface JobExecution {
  readonly id: string;
  readonly info: { readonly status: string };
}

const EXECUTION_ENDED = ["SUCCEEDED", "FAILED", "KILLED", "DONEWITHERROR", "SUSPENDFAILED"];

/** Runs the Sahara template on the built-in cluster, to its end. */
async function executeTemplate(client: Client): Promise<JobExecution> {
  const sahara = `/v1.1/${client.projectId}`;
  const template = await firstOf(client, `${sahara}/jobs`, "jobs", { name: `^${TEMPLATE}$` });
  const cluster = await firstOf(client, `${sahara}/clusters`, "clusters", { name: "^local$" });
  const body = { cluster_id: cluster.id, job_configs: { args: ["5"] } };
  const answer = await client.send("POST", `${sahara}/jobs/${template.id}/execute`, { body });
  let { job_execution: execution } = answer as { job_execution: JobExecution };
  while (!EXECUTION_ENDED.includes(execution.info.status)) {
    await wait(LOOK_MS);
    const look = await client.send("GET", `${sahara}/job-executions/${execution.id}`);
    execution = (look as { job_execution: JobExecution }).job_execution;
  }
  return execution;
}

async function firstOf(
  client: Client,
  path: string,
  rows: string,
  query: Readonly<Record<string, string>>,
): Promise<{ id: string }> {
  const answer = (await client.send("GET", path, { query })) as Record<string, readonly { id: string }[]>;
  const [first] = answer[rows] ?? [];
  if (first === undefined) throw new CommandFailure(EXIT.notFound, `${path} has no ${query.name}`);
  return first;
}
