/** Runs commands for nodes: in a folder of their own, as their project's user, within limits, through the spawner. */
import { chmod, lstat, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../domain/fault.ts";
import { type AttemptFolder, createAttemptFolder } from "./attempt-folder.ts";
import { detectIsolation, type Isolation } from "./isolation.ts";
import { type PreparedProcess, type PreparedProgram, startPreparedProcess } from "./prepared-process.ts";
import { type CommandHost, followCommand } from "./running-command.ts";
import type { OperatorSettings } from "./settings.ts";
import { createSpawnerLink } from "./spawner-link.ts";

export interface ProcessRunner extends CommandHost {
  readonly isolation: Isolation;
  /** Starts a prepared process as a user of the project, which it has for itself as long as there are enough. */
  readonly prepare: (projectId: string, program: PreparedProgram) => Promise<PreparedProcess>;
  /** A folder for programs that every project may read and none may write: `<work folder>/runtime`. */
  readonly runtimeFolder: string;
  /** The spawner's process id once something has run. */
  readonly spawnerPid: () => number | undefined;
  /** Ends all processes and removes the folders. */
  readonly stop: () => Promise<void>;
}

/**
 * Prepares the work folder; no process stays until the first run. `isolation` is what the system allows, unless given.
 * Fault `unavailable` for a work folder that nodes could not reach.
 */
export async function createProcessRunner(
  settings: OperatorSettings,
  isolation?: Isolation,
): Promise<ProcessRunner> {
  return await createRunner(settings, isolation ?? (await detectIsolation(settings)));
}

async function createRunner(settings: OperatorSettings, isolation: Isolation): Promise<ProcessRunner> {
  await prepareFolder(settings.workFolder);
  if (isolation.ownUsers) await checkReachable(settings.workFolder);
  const serverFolder = await createServerFolder(settings.workFolder);
  const spawner = createSpawnerLink(settings, isolation);
  const users = createUserLeases(settings);
  const removals = createPending();

  return {
    isolation,
    runtimeFolder: join(settings.workFolder, "runtime"),
    spawnerPid: spawner.pid,
    withFolder: async (projectId, body) => {
      const user = isolation.ownUsers ? await users.take(projectId) : undefined;
      try {
        const folder = await createAttemptFolder(serverFolder, user?.uid);
        try {
          return await body(folder);
        } finally {
          removals.add(folder.remove()); // nothing runs in it any more: no outcome has to wait for this
        }
      } finally {
        user?.release();
      }
    },
    run: (folder, command) => followCommand(settings, folder, command, spawner.start),
    prepare: async (projectId, program) => {
      const user = isolation.ownUsers ? await users.take(projectId) : undefined;
      const parts = {
        settings,
        spawner,
        makeFolder: () => createAttemptFolder(serverFolder, user?.uid),
        discard: (folder: AttemptFolder) => removals.add(folder.remove()),
        release: () => user?.release(),
      };
      return await startPreparedProcess(parts, program);
    },
    stop: async () => {
      await spawner.stop();
      await removals.all();
      await rm(serverFolder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Ids of the range that are not in use by another attempt, as long as the project's part of it lasts. */
function createUserLeases(settings: OperatorSettings) {
  const uses = new Map<number, number>();
  return {
    take: async (projectId: string) => {
      const first = settings.userIdBase + (await settings.userSlot(projectId)) * settings.userIdsPerProject;
      const ids = Array.from({ length: settings.userIdsPerProject }, (_, index) => first + index);
      const uid = ids.reduce((best, id) => ((uses.get(id) ?? 0) < (uses.get(best) ?? 0) ? id : best), first);
      uses.set(uid, (uses.get(uid) ?? 0) + 1);
      return {
        uid,
        release: () => {
          const left = (uses.get(uid) ?? 1) - 1;
          if (left === 0) uses.delete(uid);
          else uses.set(uid, left);
        },
      };
    },
  };
}

/** Work that goes on behind the scenes, and the wait for all of it. */
function createPending() {
  const pending = new Set<Promise<void>>();
  return {
    add: (work: Promise<void>) => {
      pending.add(work);
      void work.finally(() => pending.delete(work));
    },
    all: () => Promise.all(pending),
  };
}

async function prepareFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o711 });
  const found = await lstat(path);
  // Where everybody may make folders, somebody may have made this one first, to own what is put into it.
  if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid))
    throw new Fault(
      "unavailable",
      "server-unavailable",
      `The work folder ${path} is not the service's own: remove it.`,
    );
  await chmod(path, 0o711); // to be passed through, not to be listed
}

async function checkReachable(path: string): Promise<void> {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0)
      throw new Fault(
        "unavailable",
        "server-unavailable",
        `The work folder ${path} cannot be reached by the users that nodes run as: ${folder} is closed to others.`,
      );
  }
}

/** A folder of this server's own under the work folder; those of servers that are gone are removed. */
async function createServerFolder(workFolder: string): Promise<string> {
  for (const name of await readdir(workFolder)) {
    const [, pid, birth] = /^server-(\d+)-(\d+)$/.exec(name) ?? [];
    if (pid === undefined || birth === undefined || (await birthOf(pid)) === birth) continue;
    await rm(join(workFolder, name), { recursive: true, force: true, maxRetries: 3 });
  }
  const path = join(workFolder, `server-${process.pid}-${await birthOf("self")}`);
  await mkdir(path, { recursive: true, mode: 0o711 });
  await chmod(path, 0o711);
  return path;
}

/** When the process was born, in the kernel's ticks: tells a number that was given out twice. `0` outside of Linux. */
async function birthOf(pid: string): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return line.slice(line.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
}
