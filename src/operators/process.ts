/** Runs commands for nodes: in a folder of their own, as their project's user, within limits, through the spawner. */
import { chmod, lstat, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../domain/fault.ts";
import { type AttemptFolder, createAttemptFolder } from "./attempt-folder.ts";
import { detectIsolation, type Isolation } from "./isolation.ts";
import type { OperatorSettings } from "./settings.ts";
import { createSpawnerLink, type OutputKind } from "./spawner-link.ts";

export interface Command {
  /** Looked for in the settings' search path unless it holds a slash. */
  readonly command: string;
  readonly args: readonly string[];
  /** Beside a clean environment: search path, home and temporary folder (both the attempt's), and a UTF-8 locale. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** When aborted, the whole group is asked to end, and killed after the grace time. */
  readonly signal: AbortSignal;
  /** Whether it runs at a lower priority than other processes. */
  readonly background: boolean;
  /** Each piece of output as it comes, up to the settings' `logBytesMax`. */
  readonly onOutput: (kind: OutputKind, chunk: Buffer) => void;
}

/** How a command ended; nothing of it is left running. */
export interface CommandEnd {
  readonly exitCode?: number;
  /** The signal that killed it. */
  readonly signal?: string;
  /** Why it could not be started, e.g. `ENOENT` for a command that is not there. */
  readonly refusal?: string;
  /** The spawner was lost, and the command with it. */
  readonly lost?: boolean;
  readonly droppedBytes: number;
  /** The last line of stdout that is not empty; cut at its end part when very long. */
  readonly lastLine: string;
}

export interface ProcessRunner {
  readonly isolation: Isolation;
  /** Gives `body` a new folder of the project, which is removed soon after the body is through. */
  readonly withFolder: <T>(projectId: string, body: (folder: AttemptFolder) => Promise<T>) => Promise<T>;
  readonly run: (folder: AttemptFolder, command: Command) => Promise<CommandEnd>;
  /** A folder for programs that every project may read and none may write: `<work folder>/runtime`. */
  readonly runtimeFolder: string;
  /** The spawner's process id once something has run. */
  readonly spawnerPid: () => number | undefined;
  /** Ends all processes and removes the folders. */
  readonly stop: () => Promise<void>;
}

const LAST_LINE_BYTES_MAX = 64 * 1024;

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
    run: async (folder, command) => {
      const lastLine = createLastLine();
      if (command.signal.aborted) return { droppedBytes: 0, lastLine: "" };
      const child = await spawner.start(
        {
          command: command.command,
          args: command.args,
          folder: folder.path,
          environment: { ...baseEnvironment(settings, folder), ...command.environment },
          ...(folder.uid !== undefined && { uid: folder.uid }),
          ...(command.stdin !== undefined && { stdin: command.stdin }),
          outputBytesMax: settings.logBytesMax,
          background: command.background,
        },
        {
          onOutput: (kind, chunk) => {
            if (kind === "stdout") lastLine.add(chunk);
            command.onOutput(kind, chunk);
          },
        },
      );
      const end = () => child.end(settings.killGraceMs);
      if (command.signal.aborted) end(); // while the spawner was being started
      command.signal.addEventListener("abort", end, { once: true });
      const report = await child.ended;
      command.signal.removeEventListener("abort", end);
      if (report === undefined) return { lost: true, droppedBytes: 0, lastLine: lastLine.text() };
      const { droppedTail, ...rest } = report;
      lastLine.add(Buffer.from(droppedTail));
      return { ...rest, lastLine: lastLine.text() };
    },
    stop: async () => {
      await spawner.stop();
      await removals.all();
      await rm(serverFolder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function baseEnvironment(settings: OperatorSettings, folder: AttemptFolder): Record<string, string> {
  return { PATH: settings.searchPath, HOME: folder.path, TMPDIR: folder.path, LANG: "C.UTF-8" };
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

/** Keeps the last line that is not empty of a stream of pieces. */
function createLastLine() {
  let tail: Buffer = Buffer.alloc(0);
  return {
    add: (chunk: Buffer) => {
      tail = Buffer.concat([tail, chunk.subarray(-LAST_LINE_BYTES_MAX)]).subarray(-LAST_LINE_BYTES_MAX);
    },
    text: () => tail.toString().trimEnd().split(/\r?\n/).at(-1) ?? "",
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
