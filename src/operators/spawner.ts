/**
 * A process of its own that starts and ends the children of a server: forking from the service would stop it for
 * as long as its memory is large. Nothing outlives it, and it does not outlive the service.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import {
  createFrameReader,
  END,
  type EndRequest,
  EXIT,
  type ExitReport,
  encodeFrame,
  encodeJsonFrame,
  INPUT,
  READY,
  START,
  STDERR,
  STDOUT,
  type StartRequest,
  SWEEP,
  SWEPT,
} from "./frames.ts";
import { endAll, findMarker, MARKER, type ProcessEntry, signalProcess } from "./process-table.ts";

/** What the service tells its spawner at the start, as JSON in the first argument. */
export interface SpawnerOptions {
  /** Names this spawner in the marks of its children; different for each ever started. */
  readonly token: string;
  /** The spawner sees no processes but its own children and those that made it: it is in a process namespace. */
  readonly namespace: boolean;
  /** Put before every command, e.g. `setpriv --pdeathsig KILL`. */
  readonly prefix: readonly string[];
}

interface Child {
  readonly id: number;
  readonly process: ChildProcess;
  readonly mark: string;
  readonly uid?: number;
  /** How much output may still be relayed. */
  budget: number;
  droppedBytes: number;
  droppedTail: Buffer;
  endingUntilMs?: number;
}

const TAIL_BYTES_MAX = 64 * 1024;
/** An escaped process may hold a pipe open; what it writes after the end is of no interest. */
const CLOSE_WAIT_MS = 1000;
const GROUP_PAUSE_MS = 10;
/** Before the command itself, so that neither it nor anything that it starts runs a moment at another priority. */
const GIVE_WAY = ["nice", "-n", "10"];
/** Where memory runs out, children go before the service. Raising the score needs no right. */
const OOM_SCORE = "500";
/** O_CLOEXEC in the flags that the kernel shows of an open file. */
const CLOSE_AT_EXEC = 0o2000000;

const options: SpawnerOptions = JSON.parse(process.argv[2] ?? "{}");
const children = new Map<number, Child>();
// process.stdout would write synchronously and stop all children while the service is busy.
const service = new Socket({ fd: 1, readable: false });
const requests = new Socket({ fd: 0, writable: false });

preferAsVictim();
closeInherited();
const read = createFrameReader(receive);
requests.on("data", (chunk: Buffer) => {
  if (!read(chunk)) void leave();
});
for (const pipe of [requests, service]) {
  pipe.on("error", () => void leave());
  pipe.on("close", () => void leave());
}
requests.on("end", () => void leave());
service.on("drain", () => eachOutput((output) => output.resume()));
service.write(encodeFrame(READY, 0, Buffer.alloc(0)));

function receive(kind: number, id: number, payload: Buffer): void {
  if (kind === START) start(id, JSON.parse(payload.toString()));
  if (kind === END) end(id, JSON.parse(payload.toString()));
  if (kind === INPUT) children.get(id)?.process.stdin?.write(Buffer.from(payload));
  if (kind === SWEEP) void sweep(id);
}

function start(id: number, request: StartRequest): void {
  const mark = `${options.token}.${id}`;
  const [command = request.command, ...args] = [
    ...(request.background ? GIVE_WAY : []),
    ...options.prefix,
    request.command,
    ...request.args,
  ];
  try {
    const started = spawn(command, args, {
      cwd: request.folder,
      env: { ...request.environment, [MARKER]: mark },
      detached: true, // a session and group of its own
      stdio: [request.stdin === undefined && !request.takesInput ? "ignore" : "pipe", "pipe", "pipe"],
      ...(request.uid !== undefined && { uid: request.uid, gid: request.uid }),
    });
    watch({
      id,
      process: started,
      mark,
      ...(request.uid !== undefined && { uid: request.uid }),
      budget: request.outputBytesMax,
      droppedBytes: 0,
      droppedTail: Buffer.alloc(0),
    });
    started.stdin?.on("error", () => undefined); // the child need not read it
    if (!request.takesInput) started.stdin?.end(request.stdin);
  } catch (error) {
    report(id, { refusal: codeOf(error), droppedBytes: 0, droppedTail: "" });
  }
}

function watch(child: Child): void {
  children.set(child.id, child);
  child.process.on("error", (error) => {
    if (child.process.pid !== undefined) return; // a signal that came too late, not a failed start
    children.delete(child.id);
    report(child.id, { refusal: codeOf(error), droppedBytes: 0, droppedTail: "" });
  });
  child.process.on("exit", (exitCode, signal) => void finish(child, exitCode, signal));
  relay(child, STDOUT, child.process.stdout);
  relay(child, STDERR, child.process.stderr);
}

function relay(child: Child, kind: number, output: Readable | null): void {
  output?.on("data", (chunk: Buffer) => {
    const kept = chunk.subarray(0, child.budget);
    child.budget -= kept.length;
    if (kept.length > 0 && !service.write(encodeFrame(kind, child.id, kept)))
      eachOutput((one) => one.pause());
    if (kept.length < chunk.length) drop(child, kind, chunk.subarray(kept.length));
  });
}

function drop(child: Child, kind: number, chunk: Buffer): void {
  child.droppedBytes += chunk.length;
  if (kind === STDOUT)
    child.droppedTail = Buffer.concat([child.droppedTail, chunk]).subarray(-TAIL_BYTES_MAX);
}

function eachOutput(act: (output: Readable) => void): void {
  for (const { process: one } of children.values()) {
    if (one.stdout !== null) act(one.stdout);
    if (one.stderr !== null) act(one.stderr);
  }
}

/** Asks the child's whole group to end, and kills it after the grace time. */
function end(id: number, request: EndRequest): void {
  const child = children.get(id);
  const pid = child?.process.pid;
  if (child === undefined || pid === undefined || child.endingUntilMs !== undefined) return;
  child.endingUntilMs = performance.now() + request.graceMs;
  signalProcess(-pid, "SIGTERM");
  signalProcess(-pid, "SIGCONT"); // a stopped process would not hear it
  setTimeout(() => signalProcess(-pid, "SIGKILL"), request.graceMs).unref();
}

/** Between two attempts of a prepared process: ends what the last one left running, and says how many that were. */
async function sweep(id: number): Promise<void> {
  const child = children.get(id);
  if (child === undefined) return; // its end says so
  const leftovers = await endAll(
    (entry) => entry.pid !== child.process.pid && belongs(child, entry),
    ownersOf(child),
  );
  service.write(encodeJsonFrame(SWEPT, id, { leftovers }));
}

/** The child itself has ended: sees to it that nothing of its work is left, then tells the service. */
async function finish(child: Child, exitCode: number | null, signal: NodeJS.Signals | null): Promise<void> {
  const pid = child.process.pid;
  assert(pid !== undefined, "a child that ended was started");
  const closed = once(child.process, "close");
  while (performance.now() < (child.endingUntilMs ?? 0) && signalProcess(-pid, 0)) await wait(GROUP_PAUSE_MS);
  signalProcess(-pid, "SIGKILL");
  await endAll((entry) => belongs(child, entry), ownersOf(child));
  const closing = new AbortController();
  await Promise.race([
    closed,
    wait(CLOSE_WAIT_MS, undefined, { signal: closing.signal }).catch(() => undefined),
  ]);
  closing.abort();
  child.process.stdout?.destroy();
  child.process.stderr?.destroy();
  children.delete(child.id);
  report(child.id, {
    ...(exitCode !== null && { exitCode }),
    ...(signal !== null && { signal }),
    droppedBytes: child.droppedBytes,
    droppedTail: child.droppedTail.toString(),
  });
}

/**
 * Whether a process is of the child's work although it may have left the group. Its user says so for certain as
 * long as no other child has that user; else the mark in its environment does, which a process may hide.
 */
function belongs(child: Child, entry: ProcessEntry): boolean {
  if (entry.pid === 1 || entry.pid === process.pid || entry.pid === process.ppid) return false;
  if (child.uid !== undefined && entry.uid !== child.uid) return false;
  const rivals = [...children.values()].filter((other) => other.uid === child.uid).length;
  if (options.namespace && rivals === 1) return true;
  const mark = findMarker(entry.pid);
  return mark === child.mark || (child.uid !== undefined && rivals === 1 && mark === undefined);
}

/** Whom the kernel may show as owner of the child's processes: root has those that made themselves undumpable. */
function ownersOf(child: Child): ReadonlySet<number> | undefined {
  return options.namespace ? undefined : new Set([child.uid ?? process.getuid?.() ?? 0, 0]);
}

function report(id: number, exit: ExitReport): void {
  service.write(encodeJsonFrame(EXIT, id, exit));
}

/** The service has gone: so does everything that it asked for. In a namespace the kernel sees to that. */
async function leave(): Promise<void> {
  requests.pause();
  for (const { process: one } of children.values())
    if (one.pid !== undefined) signalProcess(-one.pid, "SIGKILL");
  if (!options.namespace) await endAll((entry) => entry.pid !== process.pid && isOurs(entry));
  process.exit(0);
}

function isOurs(entry: ProcessEntry): boolean {
  const mark = findMarker(entry.pid);
  if (mark !== undefined) return mark.startsWith(`${options.token}.`);
  return [...children.values()].some((child) => child.uid !== undefined && child.uid === entry.uid);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function preferAsVictim(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", OOM_SCORE);
  } catch {
    // not Linux, or not allowed here: the service merely has no preference then
  }
}

/** Files that somebody left open for whoever the service starts are none of a node's business. */
function closeInherited(): void {
  try {
    for (const descriptor of readdirSync("/proc/self/fd")
      .map(Number)
      .filter((number) => number > 2)) {
      if (!closesAtExec(descriptor)) closeSync(descriptor);
    }
  } catch {
    // no /proc: what node opened itself is closed for children anyway
  }
}

function closesAtExec(descriptor: number): boolean {
  try {
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"))?.[1];
    return flags === undefined || (Number.parseInt(flags, 8) & CLOSE_AT_EXEC) !== 0;
  } catch {
    return true; // the listing's own, closed by now
  }
}
