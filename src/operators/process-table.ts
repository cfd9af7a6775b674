/** The system's table of processes (Linux `/proc`): who is there, and ending all that belong to something. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

/** The environment variable that marks all processes of an attempt: `<spawner>.<child>`. */
export const MARKER = "AZALAI_WORK";

export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** The real user. */
  readonly uid: number;
}

const PASSES_MAX = 200;
const PASS_PAUSE_MS = 5;

/**
 * All living processes that can be seen; none where the system has no `/proc`. With `owners` only those whose files
 * there belong to one of these users, which is far cheaper to find out on a machine with many processes.
 */
export function listProcesses(owners?: ReadonlySet<number>): ProcessEntry[] {
  const names = readdir("/proc").filter((name) => /^\d+$/.test(name) && (owners?.has(ownerOf(name)) ?? true));
  return names.map((name) => readEntry(Number(name))).filter((entry) => entry !== undefined);
}

function readEntry(pid: number): ProcessEntry | undefined {
  // Not the owner of /proc/<pid>: a process can hand that to root by making itself undumpable.
  const status = readText(`/proc/${pid}/status`);
  const state = /^State:\s+(\S)/m.exec(status)?.[1];
  const parent = /^PPid:\s+(\d+)/m.exec(status)?.[1];
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  if (parent === undefined || uid === undefined || state === "Z" || state === "X") return undefined;
  return { pid, parentPid: Number(parent), uid: Number(uid) };
}

/** The mark that a process carries in its environment; undefined when it has none or hides it. */
export function findMarker(pid: number): string | undefined {
  const prefix = `${MARKER}=`;
  const pair = readText(`/proc/${pid}/environ`)
    .split("\0")
    .find((entry) => entry.startsWith(prefix));
  return pair?.slice(prefix.length);
}

/**
 * Kills all that `belongs` names until none is left, also while they go on forking: first each is stopped, so that
 * their number cannot grow beyond the user's limit, then all are killed. Gives how many were met. `owners` as above.
 */
export async function endAll(
  belongs: (entry: ProcessEntry) => boolean,
  owners?: ReadonlySet<number>,
): Promise<number> {
  const met = new Set<number>();
  for (let pass = 0; pass < PASSES_MAX; pass += 1) {
    const alive = listProcesses(owners).filter(belongs);
    if (alive.length === 0) break;
    const fresh = alive.filter((entry) => !met.has(entry.pid));
    for (const entry of fresh) {
      met.add(entry.pid);
      signalProcess(entry.pid, "SIGSTOP");
    }
    if (fresh.length > 0) continue;
    for (const entry of alive) signalProcess(entry.pid, "SIGKILL");
    await wait(PASS_PAUSE_MS);
  }
  return met.size;
}

/**
 * What tells a process from a later one of the same number: when it began, in ticks since the machine did. Empty where none lives,
 * and where the system has no `/proc`.
 */
export function birthOf(pid: number): string {
  // The name of the program stands in parentheses, and may hold blanks and parentheses.
  const [state, ...rest] = readText(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return state === "Z" || state === "X" ? "" : (rest[18] ?? "");
}

/** Sends a signal to a process, or to a group by its negated id; false when there is none. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // ESRCH: it has ended; EPERM: no longer ours
  }
}

function readdir(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // not Linux
  }
}

function ownerOf(pid: string): number {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? -1;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it ended between the listing and now, or belongs to somebody else
  }
}
