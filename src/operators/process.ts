/** Runs commands for nodes: in a folder of their own, as their project's user, within limits, through the spawner. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type AttemptFolder, createAttemptFolder } from "./attempt-folder.ts";
import { detectIsolation, type Isolation } from "./isolation.ts";
import { type PreparedProcess, type PreparedProgram, startPreparedProcess } from "./prepared-process.ts";
import { type CommandHost, followCommand } from "./running-command.ts";
import type { OperatorSettings } from "./settings.ts";
import { createSpawnerLink } from "./spawner-link.ts";
import { openWorkFolder } from "./work-folder.ts";

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
  const serverFolder = await openWorkFolder(settings.workFolder, isolation.ownUsers);
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
  /** A project's slot is its own for ever. */
  const slots = new Map<string, number>();
  const slotOf = async (projectId: string) => {
    const slot = slots.get(projectId) ?? (await settings.userSlot(projectId));
    slots.set(projectId, slot);
    return slot;
  };
  return {
    take: async (projectId: string) => {
      const first = settings.userIdBase + (await slotOf(projectId)) * settings.userIdsPerProject;
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
