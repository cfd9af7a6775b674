/** The data of the embedded PostgreSQL: its folder, who owns it, its first making and its password. */
import { createHash, randomBytes } from "node:crypto";
import { chown, lstat, mkdir, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Fault } from "../domain/fault.ts";
import { type Binaries, prepareBinaries } from "./embedded-binaries.ts";
import { exists, findText, renameOnce, unlessMissing } from "./file-system.ts";
import { isAlive } from "./process-table.ts";
import { canReach, type RunAs, runAsCandidates, runAsOwner, spawnAs } from "./run-as.ts";

/** A made database cluster, running or not. */
export interface Cluster {
  /** Everything of the embedded server lies under it; mode 0700. */
  readonly folder: string;
  /** PostgreSQL's own data folder. */
  readonly data: string;
  readonly password: string;
  readonly runAs: RunAs;
  readonly binaries: Binaries;
}

/** The superuser of the embedded server, and the database of the service. */
export const SUPERUSER = "azalai";

/** A socket's path may have 104 bytes (macOS; Linux has 108), its end included. */
const SOCKET_PATH_BYTES_MAX = 103;

/** Written into postgresql.conf once, so that whoever runs the service can change them there. */
const FIRST_SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: "256MB",
  effective_cache_size: "1GB",
  work_mem: "16MB",
  maintenance_work_mem: "128MB",
  max_connections: "100",
  wal_compression: "pglz", // this build has neither lz4 nor zstd
  max_wal_size: "2GB",
  checkpoint_timeout: "15min",
  random_page_cost: "1.1",
  jit: "off", // its compile time is longer than our queries
  autovacuum_naptime: "15s", // the hot tables turn over many times a minute
  autovacuum_vacuum_scale_factor: "0.05",
  autovacuum_analyze_scale_factor: "0.05",
  autovacuum_vacuum_cost_limit: "2000",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
};

/**
 * Opens the cluster in `folder`, or makes it; safe when several processes do so at once.
 * @throws Fault `server-unavailable` where the folder cannot be made, entered or read.
 */
export async function openCluster(folder: string): Promise<Cluster> {
  try {
    const runAs = await claimFolder(folder);
    const home = await realpath(folder);
    const binaries = await prepareBinaries(home, runAs);
    const place = join(home, "cluster");
    if (!(await exists(place))) await makeCluster(home, place, runAs, binaries);
    const data = join(place, "data");
    await checkVersion(data, binaries);
    return { folder: home, data, password: await readFile(join(place, "password"), "utf8"), runAs, binaries };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw unavailable(`the database's folder ${folder} cannot be used: ${error.message}`, error);
  }
}

/** The folder keeps its owner for good; a new one is given to the first candidate who can reach it. */
async function claimFolder(folder: string): Promise<RunAs> {
  const present = await unlessMissing(stat(folder));
  if (present !== undefined && (isForeign(present) || (await exists(join(folder, "cluster")))))
    return runAsOwner(present);
  await mkdir(dirname(folder), { recursive: true, mode: 0o711 });
  const candidates = await runAsCandidates();
  for (const candidate of candidates) {
    if (!(await canReach(candidate, dirname(folder)))) continue;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { uid, gid } = candidate.owner ?? { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
    await chown(folder, uid, gid);
    return candidate;
  }
  const tried = candidates.map(({ name }) => name).join(", ");
  const advice =
    "let one of them enter (chmod o+x), choose another data folder, or start the service as a plain user";
  throw unavailable(
    `PostgreSQL does not run as root, and none of (${tried}) can enter ${dirname(folder)}: ${advice}`,
  );
}

/** Another plain user's folder, which we may not even look into. */
function isForeign({ uid }: { readonly uid: number }): boolean {
  return process.getuid?.() !== 0 && process.getuid?.() !== uid;
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}

function unavailable(message: string, cause?: unknown): Fault {
  return new Fault("unavailable", "server-unavailable", message, { cause });
}

/** Made aside and moved in one step: a cluster that was cut short, or made twice at once, is never seen. */
async function makeCluster(home: string, place: string, runAs: RunAs, binaries: Binaries): Promise<void> {
  await removeLeftovers(home);
  const partial = `${place}.${process.pid}`;
  const passwordFile = join(partial, "password");
  await mkdir(partial, { mode: 0o700 });
  await writeFile(passwordFile, randomBytes(24).toString("base64url"), { mode: 0o600 });
  await give(runAs, partial);
  await give(runAs, passwordFile);
  await initialise(runAs, binaries.initdb, join(partial, "data"), passwordFile);
  await renameOnce(partial, place);
}

async function initialise(runAs: RunAs, initdb: string, data: string, passwordFile: string): Promise<void> {
  const settings = Object.entries(FIRST_SETTINGS).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  const always = [
    `--pgdata=${data}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--encoding=UTF8",
    "--no-instructions",
    ...settings,
  ];
  const guarded = ["--auth-local=scram-sha-256", "--auth-host=reject"];
  const sorted = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"];
  // The C library decides what a letter is to trigram indexes; under plain C, Chinese names would have no trigrams.
  const letters = process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8";
  const first = await runToEnd(runAs, initdb, [...always, ...guarded, ...sorted, `--lc-ctype=${letters}`]);
  if (first.code === 0) return;
  await rm(data, { recursive: true, force: true });
  const second = await runToEnd(runAs, initdb, [...always, ...guarded, ...sorted]);
  if (second.code === 0) return;
  throw unavailable(`the embedded PostgreSQL could not be made, as ${runAs.name}: ${second.output.trim()}`);
}

async function runToEnd(
  runAs: RunAs,
  program: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawnAs(runAs, program, args, { cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  return await new Promise((settle) => {
    child.once("error", (error) => settle({ code: null, output: error.message }));
    child.once("close", (code) => settle({ code, output }));
  });
}

async function removeLeftovers(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const maker = /^cluster\.(\d+)$/.exec(name)?.[1];
    const abandoned = maker !== undefined && (Number(maker) === process.pid || !isAlive(Number(maker)));
    if (abandoned) await rm(join(home, name), { recursive: true, force: true });
  }
}

async function checkVersion(data: string, binaries: Binaries): Promise<void> {
  const found = (await findText(join(data, "PG_VERSION")))?.trim();
  if (found === binaries.major) return;
  const message = `the data folder ${data} is of PostgreSQL ${found ?? "(unknown)"}, this release brings ${binaries.major}`;
  throw unavailable(message);
}

/**
 * The folder for the server's socket, mode 0700: in the cluster's folder, or, where that path is too long for a socket,
 * a short one under the system's temporary folder.
 */
export async function openSocketFolder({ folder, runAs }: Cluster, port: number): Promise<string> {
  const near = join(folder, "socket");
  const fits = Buffer.byteLength(join(near, `.s.PGSQL.${port}`)) <= SOCKET_PATH_BYTES_MAX;
  const place = fits
    ? near
    : join(
        shortTemporaryFolder(),
        `azalai-${createHash("sha256").update(folder).digest("hex").slice(0, 16)}`,
      );
  const made = await mkdir(place, { recursive: true, mode: 0o700 });
  if (made !== undefined) await give(runAs, place);
  const { uid, mode } = await lstat(place);
  const ours = uid === (runAs.owner?.uid ?? process.getuid?.()) && (mode & 0o170777) === 0o040700;
  if (ours) return place;
  throw unavailable(
    `${place} is in the way: the database's socket needs a folder of its own there, mode 0700`,
  );
}

function shortTemporaryFolder(): string {
  const folder = tmpdir();
  return folder.length <= 60 ? folder : "/tmp";
}

async function give(runAs: RunAs, path: string): Promise<void> {
  if (runAs.owner !== undefined) await chown(path, runAs.owner.uid, runAs.owner.gid);
}
