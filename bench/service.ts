/** A service in a process of its own for the time of a benchmark, and ways to it: HTTP, its database, its processor time. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool } from "pg";
import { listProcesses } from "../src/operators/process-table.ts";
import { openDatabase } from "../src/store/database.ts";
import { openEmbedded } from "../src/store/embedded.ts";
import { hasCode } from "../src/store/file-system.ts";
import { createClient } from "./measure.ts";

export interface BenchService {
  readonly url: string;
  readonly projectId: string;
  readonly pool: Pool;
  /** Microseconds that the service's own process has spent. */
  readonly cpu: () => Promise<number>;
  /** Resident memory of the service's own process, bytes. */
  readonly residentBytes: () => Promise<number>;
  /** The same of the processes that it has begun, but for the database's: those of nodes. */
  readonly nodesResidentBytes: () => number;
  /** A token of the first user within the project, who is given the role admin there. */
  readonly tokenFor: (projectId: string) => Promise<string>;
  /** Stops it and starts another on the same data folder. */
  readonly restart: () => Promise<BenchService>;
  /** Processor time of the embedded database's processes, microseconds. */
  readonly databaseCpu: () => number;
  readonly stop: () => Promise<void>;
}

interface Usage {
  readonly cpuMicroseconds: number;
  readonly residentBytes: number;
}

/** Starts on a new data folder, or that of another, which is removed at the end. */
export async function startService(given?: string): Promise<BenchService> {
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), "azalai-bench-")));
  const child = fork(join(import.meta.dirname, "service-process.ts"), [], {
    env: {
      ...process.env,
      AZALAI_DATA_DIR: dataDir,
      AZALAI_PORT: "0",
      AZALAI_LOG_LEVEL: "warn",
      AZALAI_TOKEN_HOURS: "24",
    },
  });
  const [{ url }] = (await once(child, "message")) as [{ url: string }];
  const usage = async (): Promise<Usage> => {
    child.send("usage");
    const [message] = (await once(child, "message")) as [Usage];
    return message;
  };
  const embedded = await openEmbedded(join(dataDir, "postgres"), () => undefined);
  const { pool, close } = await openDatabase(embedded.connection, () => undefined, { statementTimeoutMs: 0 });
  const credentials = JSON.parse(await readFile(join(dataDir, "credentials.json"), "utf8")) as Credentials;
  return {
    url,
    projectId: credentials.projectId,
    pool,
    cpu: async () => (await usage()).cpuMicroseconds,
    residentBytes: async () => (await usage()).residentBytes,
    nodesResidentBytes: () => residentOfNodes(child.pid ?? 0, embedded.pid),
    tokenFor: (projectId) => tokenFor(url, credentials, projectId, pool),
    restart: async () => {
      await end();
      return await startService(dataDir);
    },
    databaseCpu: () => familyCpu(embedded.pid),
    stop: async () => {
      await end();
      await rm(dataDir, { recursive: true, force: true });
    },
  };

  async function end(): Promise<void> {
    await close();
    child.kill("SIGTERM");
    await once(child, "exit");
    await embedded.stop();
  }
}

/** Of a process, its living children and those that have ended; the system counts in ticks of 10 ms. */
function familyCpu(pid: number): number {
  const family = listProcesses().filter((one) => one.pid === pid || one.parentPid === pid);
  const ticks = family.map((one) => {
    const [, ...members] = readFileSync(`/proc/${one.pid}/stat`, "latin1").split(") ");
    const numbers = members.join(") ").split(" ").map(Number);
    const own = (numbers[11] ?? 0) + (numbers[12] ?? 0);
    return one.pid === pid ? own + (numbers[13] ?? 0) + (numbers[14] ?? 0) : own;
  });
  return ticks.reduce((sum, each) => sum + each, 0) * 10_000;
}

/** Of the descendants of the service: all but those of the database. */
function residentOfNodes(service: number, database: number): number {
  const listed = listProcesses();
  const below = (pid: number): number[] =>
    listed
      .filter((one) => one.parentPid === pid && one.pid !== database)
      .flatMap((one) => [one.pid, ...below(one.pid)]);
  return below(service).reduce((sum, pid) => sum + residentOf(pid), 0);
}

/** 0 of one that has ended meanwhile. */
function residentOf(pid: number): number {
  try {
    const [, pages] = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ");
    return Number(pages) * 4096;
  } catch (error) {
    if (hasCode(error, ["ENOENT", "ESRCH"])) return 0;
    throw error;
  }
}

interface Credentials {
  readonly userName: string;
  readonly password: string;
  readonly projectId: string;
}

async function tokenFor(
  url: string,
  { userName, password }: Credentials,
  projectId: string,
  pool: Pool,
): Promise<string> {
  await pool.query(
    `insert into role_assignment (project_id, user_id, role)
     select $1, id, 'admin' from user_account where name = $2 on conflict do nothing`,
    [projectId, userName],
  );
  const client = createClient(url, 1);
  const user = { name: userName, password, domain: { id: "default" } };
  const auth = {
    identity: { methods: ["password"], password: { user } },
    scope: { project: { id: projectId } },
  };
  const { headers } = await client.send(
    "POST",
    "/v3/auth/tokens",
    { "content-type": "application/json" },
    JSON.stringify({ auth }),
  );
  client.close();
  return String(headers["x-subject-token"]);
}
