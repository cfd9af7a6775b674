/** What the demo consists of: real data, scripts, jobs and a job template, put into a project through the APIs. */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunningServer } from "../main.ts";
import type { Client } from "./client.ts";
import { part } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { hasJob, type JobDocument } from "./jobs.ts";

const FOLDER = fileURLToPath(new URL("../../demo/", import.meta.url));

/** File of the data package to key in the bucket. */
const DATA: Readonly<Record<string, string>> = {
  "flights-3m.parquet": "flights/flights-3m.parquet",
  "airports.csv": "airports/airports.csv",
  "seattle-weather.csv": "weather/seattle-weather.csv",
};
const BUCKET = "demo";

/** Flights of each month in the data; product.md 3 of the data's own description, checked by the demo itself. */
export const FLIGHTS_OF_MONTHS: Readonly<Record<string, number>> = {
  "2001-01": 508_239,
  "2001-02": 458_170,
  "2001-03": 511_502,
  "2001-04": 501_030,
  "2001-05": 518_831,
  "2001-06": 502_222,
  "2001-07": 6,
};

/** From the first flight to the last, in the zone of the schedules, which changes its clocks on 1 April. */
export const FLIGHTS_BACKFILL = {
  name: "flights-2001",
  job: "daily-flights",
  dependents: [{ job: "monthly-flights" }],
  from: "2001-01-01",
  to: "2001-07-02",
  parallel: 8,
} as const;

/** Wants Java, and fetches two engines. */
export const ENGINES_JOB = "flights-by-engines";

export const TEMPLATE = "states-with-most-airports";

/** Uploads and defines what is not there yet; what is there stays as it is. */
export async function loadDemo(
  server: RunningServer,
  client: Client,
  say: (text: string) => void,
): Promise<void> {
  say("uploading three million flights, airports and weather");
  await uploadData(server, client);
  say("saving scripts and jobs");
  await saveScripts(client);
  await saveJobs(client);
  await saveTemplate(client);
}

async function uploadData(server: RunningServer, client: Client): Promise<void> {
  const folder = dataFolder();
  for (const [file, key] of Object.entries(DATA))
    await server.seedBucket(client.projectId, BUCKET, key, join(folder, file));
}

/** Where the package with the data is installed. */
function dataFolder(): string {
  try {
    return join(dirname(fileURLToPath(import.meta.resolve("vega-datasets"))), "..", "data");
  } catch (error) {
    const message = "the demo's data is not installed: npm install --no-save vega-datasets@3.2.1";
    throw new CommandFailure(EXIT.failed, message, error);
  }
}

/** Each folder of scripts is named for their type. */
async function saveScripts(client: Client): Promise<void> {
  const scripts = join(FOLDER, "scripts");
  for (const type of await readdir(scripts))
    for (const file of await readdir(join(scripts, type))) {
      const name = basename(file, extname(file));
      if (await isThere(client, `/v1/${client.projectId}/scripts/${part(name)}`)) continue;
      const content = await readFile(join(scripts, type, file), "utf8");
      const body = { name, type, content, directory: "/demo" };
      await client.send("POST", `/v1/${client.projectId}/scripts`, { body });
    }
}

async function saveJobs(client: Client): Promise<void> {
  for (const file of await readdir(join(FOLDER, "jobs"))) {
    const definition = JSON.parse(await readFile(join(FOLDER, "jobs", file), "utf8")) as JobDocument;
    if (await hasJob(client, definition.name)) continue;
    await client.send("POST", `/v1/${client.projectId}/jobs`, { body: definition });
  }
}

/** The template's program is a script; the airports lie beside it as a library. */
async function saveTemplate(client: Client): Promise<void> {
  const sahara = `/v1.1/${client.projectId}`;
  const found = (await client.send("GET", `${sahara}/jobs`, { query: { name: `^${TEMPLATE}$` } })) as {
    jobs: unknown[];
  };
  if (found.jobs.length > 0) return;
  const main = await saveBinary(client, `${TEMPLATE}.sh`, join(FOLDER, "job-templates", `${TEMPLATE}.sh`));
  const library = await saveBinary(client, "airports.csv", join(dataFolder(), "airports.csv"));
  const body = {
    name: TEMPLATE,
    type: "Shell",
    description: "Counts the airports of each state in a list of them",
    mains: [main],
    libs: [library],
  };
  await client.send("POST", `${sahara}/jobs`, { body });
}

/** Uploads a file and names it as a job binary, unless there is one of that name; gives its id. */
async function saveBinary(client: Client, name: string, path: string): Promise<string> {
  const sahara = `/v1.1/${client.projectId}`;
  const { binaries } = (await client.send("GET", `${sahara}/job-binaries`)) as {
    binaries: readonly { id: string; name: string }[];
  };
  const known = binaries.find((binary) => binary.name === name);
  if (known !== undefined) return known.id;
  const bytes = await readFile(path);
  const stored = await client.send("PUT", `${sahara}/job-binary-internals/${part(name)}`, { bytes });
  const { job_binary_internal: internal } = stored as { job_binary_internal: { id: string } };
  const body = { name, url: `internal-db://${internal.id}` };
  const answer = await client.send("POST", `${sahara}/job-binaries`, { body });
  return (answer as { job_binary: { id: string } }).job_binary.id;
}

async function isThere(client: Client, path: string): Promise<boolean> {
  try {
    await client.send("GET", path);
    return true;
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === EXIT.notFound) return false;
    throw error;
  }
}
