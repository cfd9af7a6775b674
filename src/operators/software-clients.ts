/** Fetches packages by the ordinary clients of their indexes, `pip` and `mvn`, with the settings that the machine has for them. */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../domain/fault.ts";
import type { FetchStep } from "./local-software-versions.ts";
import { signalProcess } from "./process-table.ts";

export interface FetchPlace {
  /** What is fetched comes to lie here. */
  readonly folder: string;
  /** For what the clients need meanwhile; the caller takes it away. */
  readonly scratch: string;
  /** What the clients find in their environment, and nothing else: no secret of ours. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The plug-in that copies; whatever version the machine's Maven would take by itself, the same for all. */
const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const COMPLAINT_LENGTH_MAX = 600;
const KILL_AFTER_MS = 5000;

/** Brings what the step names. Fault `engine-missing` with the client's own words where it cannot. */
export async function fetchStep(step: FetchStep, place: FetchPlace, signal: AbortSignal): Promise<void> {
  await mkdir(place.scratch, { recursive: true });
  if (step.client === "pip") await fetchByPip(step, place, signal);
  else await fetchByMaven(step, place, signal);
}

/**
 * Into a folder, not into an environment: that needs neither venv nor the right to change the system's Python. The archive must
 * have the digest that is asked for; its code is left uncompiled, for the users who run it may have another Python.
 */
async function fetchByPip(
  { requirement, sha256 }: Extract<FetchStep, { client: "pip" }>,
  { folder, scratch, environment }: FetchPlace,
  signal: AbortSignal,
): Promise<void> {
  const list = join(scratch, "requirements.txt");
  await writeFile(list, `${requirement} --hash=sha256:${sha256}\n`);
  const how = ["--no-deps", "--require-hashes", "--no-compile", "--no-cache-dir", "--no-input", "--quiet"];
  const line = [
    "-m",
    "pip",
    "install",
    ...how,
    "--disable-pip-version-check",
    "--target",
    folder,
    "-r",
    list,
  ];
  await runClient("python3", line, { ...environment, TMPDIR: scratch }, signal);
}

async function fetchByMaven(
  { artifacts, folder, withOthers }: Extract<FetchStep, { client: "maven" }>,
  place: FetchPlace,
  signal: AbortSignal,
): Promise<void> {
  const project = join(place.scratch, "pom.xml");
  await writeFile(project, projectOf(artifacts));
  const line = [
    ...[
      "--batch-mode",
      "--quiet",
      "--strict-checksums",
      `-Dmaven.repo.local=${join(place.scratch, "maven")}`,
    ],
    ...["-f", project, COPY, "-DincludeScope=runtime", `-DoutputDirectory=${join(place.folder, folder)}`],
    ...(withOthers ? [] : ["-DexcludeTransitive=true"]),
  ];
  await runClient("mvn", line, place.environment, signal);
}

/** A project of nothing but what it depends on: `group:name:version` each. The first one to name an artifact decides its version. */
function projectOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  const self =
    "<groupId>azalai</groupId><artifactId>fetch</artifactId><version>1</version><packaging>pom</packaging>";
  return `<project><modelVersion>4.0.0</modelVersion>${self}<dependencies>${dependencies.join("\n")}</dependencies></project>\n`;
}

/** In a session of its own, so that what it starts ends with it. */
async function runClient(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(command, args, {
    env: environment,
    cwd: "/",
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  for (const output of [child.stdout, child.stderr])
    output.on("data", (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-4 * COMPLAINT_LENGTH_MAX);
    });
  const end = () => {
    const { pid } = child;
    if (pid === undefined) return;
    signalProcess(-pid, "SIGTERM");
    setTimeout(() => signalProcess(-pid, "SIGKILL"), KILL_AFTER_MS).unref();
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    const code = await endOf(child);
    signal.throwIfAborted();
    if (code !== 0) throw refused(`${command} ended with ${code}: ${complaintOf(words)}`);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

function endOf(child: ReturnType<typeof spawn>): Promise<number | NodeJS.Signals> {
  const { promise, resolve, reject } = Promise.withResolvers<number | NodeJS.Signals>();
  child.once("error", (cause: NodeJS.ErrnoException) =>
    reject(refused(whyNot(child.spawnfile, cause), cause)),
  );
  child.once("close", (code, killedBy) => resolve(code ?? killedBy ?? 1));
  return promise;
}

function whyNot(command: string, { code, message }: NodeJS.ErrnoException): string {
  if (code !== "ENOENT") return `${command} could not be started: ${message}`;
  return command === "mvn"
    ? "mvn is not installed on this server: install Maven"
    : `${command} is not installed on this server: install Python 3 with pip`;
}

/** The lines that say what is wrong; both clients write advice behind them. */
function complaintOf(words: string): string {
  const lines = words.split(/\r?\n/).filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => /error|no module named|could not|not found/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(0, 4).join(" ").slice(0, COMPLAINT_LENGTH_MAX);
}

function refused(message: string, cause?: unknown): Fault {
  return new Fault("unavailable", "engine-missing", message, cause === undefined ? {} : { cause });
}
