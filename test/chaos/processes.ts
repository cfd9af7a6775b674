/** The processes of a storm: its services, their spawners and all that their nodes ran, known by a mark. */
import { readFileSync } from "node:fs";
import { listProcesses } from "../../src/operators/process-table.ts";

export interface MetProcess {
  readonly pid: number;
  /** When it started, in ticks: a number may be given to another process later. */
  readonly start: string;
  readonly words: string;
}

/** What carries the mark in its command line or environment, and all below it. */
export function findProcesses(mark: string): MetProcess[] {
  const all = listProcesses();
  const ours = new Set(all.filter(({ pid }) => isMarked(pid, mark)).map(({ pid }) => pid));
  for (let before = -1; before < ours.size; ) {
    before = ours.size;
    for (const { pid, parentPid } of all) if (ours.has(parentPid)) ours.add(pid);
  }
  return [...ours]
    .map((pid) => ({ pid, start: startOf(pid), words: readProcess(pid, "cmdline") }))
    .filter(({ start }) => start !== "");
}

/** Whether the very process that was met still lives. */
export function livesStill({ pid, start }: MetProcess): boolean {
  return startOf(pid) === start;
}

function isMarked(pid: number, mark: string): boolean {
  return ["cmdline", "environ"].some((file) => readProcess(pid, file).includes(mark));
}

/** Empty for one that has ended, also while its parent has not collected it. */
function startOf(pid: number): string {
  const [state = "Z", ...rest] = readProcess(pid, "stat")
    .replace(/^.*\) /s, "")
    .split(" ");
  return state === "Z" || state === "X" ? "" : (rest[18] ?? "");
}

function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1").replaceAll("\0", " ");
  } catch {
    return ""; // it has ended
  }
}
