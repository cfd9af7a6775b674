/** The process of an engine on this machine: it outlives the server that starts it, and is known by its number and its birth. */
import { type SpawnOptions, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, constants, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import type { Isolation } from "./isolation.ts";
import {
  ENGINE_DATA,
  ENGINE_RUNS,
  type EngineCommand,
  type EngineFiles,
  type EnginePlace,
  type LocalEngine,
} from "./local-engine.ts";
import { birthOf, findMarker, listProcesses, MARKER, signalProcess } from "./process-table.ts";
import type { OperatorSettings } from "./settings.ts";

/** Kept in a file, so that the next server finds the engine. */
export interface EngineState extends EnginePlace {
  readonly pid: number;
  readonly birth: string;
}

interface EngineParts {
  readonly operators: OperatorSettings;
  readonly isolation: Isolation;
}

interface EngineBeginning {
  readonly projectId: string;
  readonly files: EngineFiles;
  /** Where its software lies. */
  readonly software: string;
}

const STOP_MS = 15_000;
const LOOK_AGAIN_MS = 50;
/** Empty folders of every system, over which an engine sees its own: what it keeps of its paths holds wherever the data folder lies. */
const SEEN_AS = ["/mnt", "/media", "/srv"];

// The engine's own folder is put where it sees it before what holds it is hidden from it. What runs then is the namespace's first
// process: its end is the end of all others.
const NAMESPACE_INIT = `
mount --bind "$1" "$2" || exit 70
shift 2
mount -o remount,hidepid=2 /proc 2>/dev/null
while [ "$1" != -- ]; do mount -t tmpfs -o ro,mode=0,size=4k none "$1" || exit 70; shift; done
shift
exec "$@"
`;

export function isRunning({ pid, birth }: EngineState): boolean {
  return birth !== "" && birthOf(pid) === birth;
}

/** Starts it and writes down where it is to be found; it answers later. Fault `server-unavailable` where it cannot be started. */
export async function startEngine(
  { operators, isolation }: EngineParts,
  engine: LocalEngine,
  { projectId, files, software }: EngineBeginning,
): Promise<EngineState> {
  await endStrays(files);
  const uid = isolation.ownUsers ? await userOf(operators, projectId) : undefined;
  await prepareBase(files, uid);
  const seenAs = isolation.namespace ? mountPoint(software) : files.base;
  const place = {
    ...{ port: await freePort(), secret: randomBytes(24).toString("hex"), base: files.base, seenAs },
    ...(uid !== undefined && { uid }),
  };
  const command = await engine.prepare({ ...place, software });
  const [program = "", ...args] = lineOf({ operators, isolation }, command, { files, seenAs, uid });
  const log = await openLog(files);
  try {
    const pid = await spawnDetached(program, args, {
      cwd: "/",
      env: { PATH: operators.searchPath, ...command.environment, [MARKER]: markOf(files) },
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      // Inside of a namespace the user is changed when nothing is left to mount.
      ...(uid !== undefined && !isolation.namespace && { uid, gid: uid }),
    });
    const state = { ...place, pid, birth: birthOf(pid) };
    await writeState(files, state);
    return state;
  } finally {
    await log.close();
  }
}

/** Asks it to end, and kills it where it does not; resolves when nothing of it is left. */
export async function stopEngine(files: EngineFiles, { pid, birth }: EngineState): Promise<void> {
  const isLeft = () => signalProcess(-pid, 0) && (birthOf(pid) === birth || birthOf(pid) === "");
  if (isLeft()) signalProcess(-pid, "SIGTERM");
  const deadline = performance.now() + STOP_MS;
  while (isLeft()) {
    if (performance.now() > deadline) signalProcess(-pid, "SIGKILL");
    await wait(LOOK_AGAIN_MS);
  }
  await rm(files.state, { force: true });
}

async function writeState(files: EngineFiles, state: EngineState): Promise<void> {
  const fresh = `${files.state}.new`;
  await writeFile(fresh, JSON.stringify(state), { mode: 0o600 });
  await rename(fresh, files.state);
}

/** What a server left that was killed before it had written down what it started. */
async function endStrays(files: EngineFiles): Promise<void> {
  const strays = listProcesses().filter(({ pid }) => findMarker(pid) === markOf(files));
  for (const { pid } of strays) signalProcess(pid, "SIGKILL");
  for (const { pid } of strays) while (birthOf(pid) !== "") await wait(LOOK_AGAIN_MS);
}

/** Different for each engine of each data folder. It keeps those away who end what belongs to attempts. */
function markOf({ base }: EngineFiles): string {
  return `engine:${base}`;
}

/** The last id of the project's part of the range: attempts come to it when all others are in use. */
async function userOf({ userIdBase, userIdsPerProject, userSlot }: OperatorSettings, projectId: string) {
  return userIdBase + ((await userSlot(projectId)) + 1) * userIdsPerProject - 1;
}

/** Ours but for what the engine keeps: no user's link in it may lead our writing elsewhere. */
async function prepareBase({ base }: EngineFiles, uid: number | undefined): Promise<void> {
  const kept = join(base, ENGINE_DATA);
  await mkdir(kept, { recursive: true, mode: 0o711 });
  // On the way to it nothing may be listed; within a namespace it is reached by another way.
  const project = dirname(base);
  for (const folder of [base, project, dirname(project), dirname(dirname(project))])
    await chmod(folder, 0o711);
  const runs = join(base, ENGINE_RUNS);
  await rm(runs, { recursive: true, force: true }); // of a server that was killed
  await mkdir(runs, { mode: 0o711 });
  await chmod(runs, 0o711);
  await chmod(kept, 0o700);
  if (uid !== undefined) await chown(kept, uid, uid);
}

function mountPoint(software: string): string {
  const found = SEEN_AS.find((folder) => existsSync(folder) && !software.startsWith(`${folder}/`));
  if (found !== undefined) return found;
  throw new Fault(
    "unavailable",
    "server-unavailable",
    `This machine has none of the folders ${SEEN_AS.join(", ")}.`,
  );
}

interface EngineSurroundings {
  readonly files: EngineFiles;
  readonly seenAs: string;
  readonly uid: number | undefined;
}

function lineOf(
  { operators, isolation }: EngineParts,
  { command, args }: EngineCommand,
  { files, seenAs, uid }: EngineSurroundings,
): string[] {
  const limits = isolation.limits.length > 0 ? ["prlimit", ...isolation.limits] : [];
  const own = [...limits, command, ...args];
  const noRights = isolation.noNewPrivileges ? ["setpriv", "--no-new-privs"] : [];
  if (!isolation.namespace) return [...noRights, ...own];
  const init = ["sh", "-c", NAMESPACE_INIT, "sh", files.base, seenAs, ...operators.hiddenFolders, "--"];
  const apart = ["--mount", "--pid", "--fork", "--mount-proc"];
  if (uid !== undefined) {
    const user = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--no-new-privs"];
    return ["unshare", ...apart, ...init, ...user, ...own];
  }
  // The second user namespace has no rights over the mounts of the first.
  const [user, group] = [process.getuid?.() ?? 1, process.getgid?.() ?? 1];
  const same = ["unshare", "--user", `--map-user=${user}`, `--map-group=${group}`];
  return ["unshare", "--user", "--map-root-user", ...apart, ...init, ...same, ...noRights, ...own];
}

/** A new log for each start; the one before stays beside it. */
async function openLog({ log }: EngineFiles) {
  await rename(log, `${log}.1`).catch(() => undefined); // the first start
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  return await open(log, flags, 0o600);
}

async function spawnDetached(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<number> {
  const child = spawn(program, args, options);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("spawn", () => resolve(child.pid ?? 0));
  child.once("error", (cause) =>
    reject(
      new Fault("unavailable", "server-unavailable", `${program} cannot be started: ${cause.message}`, {
        cause,
      }),
    ),
  );
  child.unref();
  return await promise;
}

/** One that is free at this moment; who takes it in between makes the start fail, and the next one takes another. */
async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === "object" && address !== null ? address.port : 0;
}
