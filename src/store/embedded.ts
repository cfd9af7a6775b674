/** The embedded PostgreSQL: a server of our own under the data folder, which outlives us and is adopted at the next start. */
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { constants, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "pg";
import { Fault } from "../domain/fault.ts";
import type { Observe } from "../domain/observation.ts";
import type { DatabaseConnection } from "./database.ts";
import { type Cluster, openCluster, openSocketFolder, SUPERUSER } from "./embedded-cluster.ts";
import { findText, hasCode, unlessMissing } from "./file-system.ts";
import { commandLineOf, isAlive } from "./process-table.ts";
import { spawnAs } from "./run-as.ts";

export interface EmbeddedPostgres {
  /** Of the superuser, to the service's own database. */
  readonly connection: DatabaseConnection;
  /** True where the server ran already. */
  readonly adopted: boolean;
  /** The postmaster's process id at the opening. */
  readonly pid: number;
  /**
   * Starts the server again where it has died, at the same address; otherwise does nothing. Safe as opening is.
   * @throws Fault `server-unavailable` as opening does.
   */
  revive(): Promise<void>;
  /**
   * Shuts the server down (open transactions are rolled back) and waits for its end; leaves it to the others where
   * another process has it open too.
   */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Added to the server's settings for this start, e.g. `{ fsync: "off" }` for tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Part of the socket's name only: no port is opened. */
const PORT = 5432;

/** Recovery after a crash reads back up to `max_wal_size` of log. */
const START_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_MS = 60_000;
const LOOK_AGAIN_MS = 10;
const LOG_BYTES_MAX = 16 * 1024 * 1024;

/** These cannot be changed in postgresql.conf: what finds and guards the server rests on them. */
const FIXED_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "",
  port: String(PORT),
  unix_socket_permissions: "0700",
  cluster_name: "azalai",
  shared_preload_libraries: "",
};

/**
 * Opens the server of `folder`: the one that runs, or else starts it, and makes it at the first time. Safe when several
 * processes do so at once: all but one find the server of the one.
 * @throws Fault `server-unavailable` where it cannot be made or started, with the reason.
 */
export async function openEmbedded(
  folder: string,
  observe: Observe,
  options: EmbeddedOptions = {},
): Promise<EmbeddedPostgres> {
  const cluster = await openCluster(folder);
  const claim = await claimServer(cluster);
  const settings = options.settings ?? {};
  const opened = await findOrStart(cluster, settings);
  observe({ event: "database-started", folder: cluster.folder, adopted: opened.adopted });
  let { pid } = opened;
  return {
    ...opened,
    revive: async () => {
      const found = await findOrStart(cluster, settings);
      if (found.pid === pid) return;
      pid = found.pid;
      observe({ event: "database-started", folder: cluster.folder, adopted: found.adopted });
    },
    stop: () => stopServer(cluster, claim, pid),
  };
}

interface Running {
  readonly pid: number;
  readonly socketFolder: string;
}

async function findOrStart(cluster: Cluster, settings: Readonly<Record<string, string>>) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  let start: ServerStart | undefined;
  for (;;) {
    const running = await findRunning(cluster);
    if (running !== undefined) {
      const connection = connectionTo(cluster, running);
      if (await answers(connection))
        return { connection, pid: running.pid, adopted: running.pid !== start?.process.pid };
    } else if (start === undefined || start.hasEnded()) {
      if (start !== undefined) await explainEnd(cluster, start);
      start = await startServer(cluster, settings);
    }
    if (performance.now() > deadline)
      throw unavailable(cluster, `gave no answer within ${START_TIMEOUT_MS / 1000} s`);
    await wait(LOOK_AGAIN_MS);
  }
}

/** The server that `postmaster.pid` names, if it lives. */
async function findRunning({ data }: Cluster): Promise<Running | undefined> {
  const file = join(data, "postmaster.pid");
  const text = await findText(file);
  const [pidText = "", , , , socketFolder] = (text ?? "").split("\n");
  const pid = Number(pidText);
  if (text === undefined || pid <= 0) return undefined;
  if ((await commandLineOf(pid)).includes(data))
    return socketFolder === undefined ? undefined : { pid, socketFolder };
  // PostgreSQL sees through a stale file unless its number now belongs to somebody else, or to an uncollected process.
  if (isAlive(pid) && (await findText(file)) === text) await rm(file, { force: true });
  return undefined;
}

function connectionTo({ password }: Cluster, { socketFolder }: Running): DatabaseConnection {
  return { host: socketFolder, port: PORT, user: SUPERUSER, password, database: SUPERUSER };
}

/** Whether the server takes connections, the service's database among them; false while it starts or stops. */
async function answers(connection: DatabaseConnection): Promise<boolean> {
  const problem = await tryToConnect(connection);
  if (problem === undefined) return true;
  if (hasCode(problem, ["3D000"])) return await makeServiceDatabase(connection);
  // 57P03: starting up, shutting down or recovering; the rest: its socket is not there yet, or not any more.
  if (hasCode(problem, ["57P03", "57P01", "ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE"])) return false;
  throw new Fault(
    "unavailable",
    "server-unavailable",
    `the embedded PostgreSQL refused us: ${messageOf(problem)}`,
    { cause: problem },
  );
}

async function tryToConnect(connection: DatabaseConnection): Promise<unknown> {
  const client = new Client(connection);
  client.on("error", () => undefined); // reported by connect() too
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => undefined); // nothing to end where nothing was opened
  }
}

/** At the first start. Roles made later may enter their own database only. */
async function makeServiceDatabase(connection: DatabaseConnection): Promise<boolean> {
  const client = new Client({ ...connection, database: "postgres" });
  await client.connect();
  try {
    await client.query(`create database ${SUPERUSER}`);
    await client.query(`revoke all on database ${SUPERUSER}, postgres, template1 from public`);
  } catch (error) {
    if (!hasCode(error, ["42P04", "23505", "XX000"])) throw error; // another process makes it at this moment
  } finally {
    await client.end();
  }
  return false; // look again
}

interface ServerStart {
  readonly process: ChildProcess;
  readonly hasEnded: () => boolean;
  /** Where this start's lines begin in the log. */
  readonly logOffset: number;
}

/** Starts the server in a session of its own, with nothing of ours open: no signal of our terminal, no end of ours ends it. */
async function startServer(
  cluster: Cluster,
  settings: Readonly<Record<string, string>>,
): Promise<ServerStart> {
  const socketFolder = await openSocketFolder(cluster, PORT);
  const all = { ...settings, ...FIXED_SETTINGS, unix_socket_directories: socketFolder };
  const args = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const log = await openLog(cluster);
  try {
    const { size: logOffset } = await log.stat();
    const child = spawnAs(cluster.runAs, cluster.binaries.postgres, ["-D", cluster.data, ...args], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    let ended = false;
    child.once("exit", () => {
      ended = true;
    });
    child.once("error", () => {
      ended = true;
    });
    child.unref();
    return { process: child, hasEnded: () => ended, logOffset };
  } finally {
    await log.close();
  }
}

async function openLog({ folder }: Cluster) {
  const file = join(folder, "server.log");
  const present = await unlessMissing(stat(file));
  if (present !== undefined && present.size > LOG_BYTES_MAX) await rename(file, `${file}.1`);
  // In a folder that is the database user's, a link laid by that user must not lead us (perhaps root) to another file.
  return await open(
    file,
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
}

/** Passes where trying again is right: another process was first, or a killed server's last children are still ending. */
async function explainEnd(cluster: Cluster, { logOffset }: ServerStart): Promise<void> {
  const lines = (await readFile(join(cluster.folder, "server.log"))).subarray(logOffset).toString().trim();
  if (!/lock file|shared memory block/.test(lines))
    throw unavailable(cluster, `ended at once: ${lines || "it left no message"}`);
}

function unavailable({ folder, runAs }: Cluster, what: string): Fault {
  return new Fault(
    "unavailable",
    "server-unavailable",
    `the embedded PostgreSQL of ${folder} (as ${runAs.name}) ${what}`,
  );
}

function messageOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

/** A file named after us for as long as we need the server. */
async function claimServer({ folder }: Cluster): Promise<string> {
  const claims = join(folder, "claims");
  await mkdir(claims, { recursive: true, mode: 0o700 });
  const claim = join(claims, `${process.pid}.${randomUUID()}`);
  await writeFile(claim, "");
  return claim;
}

async function stopServer(cluster: Cluster, claim: string, pid: number): Promise<void> {
  await rm(claim, { force: true });
  if (await isClaimed(cluster)) return;
  const running = await findRunning(cluster);
  if (running?.pid !== pid) return;
  process.kill(pid, "SIGINT"); // PostgreSQL's "fast" shutdown
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while ((await commandLineOf(pid)) !== "") {
    if (performance.now() > deadline)
      throw unavailable(cluster, `did not stop within ${STOP_TIMEOUT_MS / 1000} s`);
    await wait(LOOK_AGAIN_MS);
  }
}

/** Whether a living process has the server open; what dead ones left is cleared away. */
async function isClaimed({ folder }: Cluster): Promise<boolean> {
  const claims = join(folder, "claims");
  let claimed = false;
  for (const name of await readdir(claims)) {
    if (isAlive(Number.parseInt(name, 10))) claimed = true;
    else await rm(join(claims, name), { force: true });
  }
  return claimed;
}
