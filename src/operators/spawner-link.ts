/** The service's side of its spawner: starts it on first use, and again when it was lost. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Fault } from "../domain/fault.ts";
import {
  createFrameReader,
  END,
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
  type SweepReport,
} from "./frames.ts";
import { type Isolation, spawnerCommand } from "./isolation.ts";
import { endAll, findMarker } from "./process-table.ts";
import type { OperatorSettings } from "./settings.ts";

export type OutputKind = "stdout" | "stderr";

export interface ChildHandlers {
  /** Each piece as it comes; in order within stdout and within stderr. */
  readonly onOutput: (kind: OutputKind, chunk: Buffer) => void;
}

export interface RunningChild {
  /** How it ended; undefined when the spawner was lost, and with it all of its children. */
  readonly ended: Promise<ExitReport | undefined>;
  readonly end: (graceMs: number) => void;
}

/** A child that goes on from one attempt to the next. */
export interface LastingChild extends RunningChild {
  /** Only for one whose request says `takesInput`. */
  readonly write: (bytes: Uint8Array) => void;
  /** Ends all that it has left running beside itself; gives how many those were, undefined when it has ended itself. */
  readonly sweep: () => Promise<number | undefined>;
}

export interface SpawnerLink {
  /** Fault `server-unavailable` when no spawner can be started. */
  readonly start: (request: StartRequest, handlers: ChildHandlers) => Promise<LastingChild>;
  /** The spawner's process id, once it runs: what a test or `doctor` may look at. */
  readonly pid: () => number | undefined;
  /** Ends the spawner and all of its children. */
  readonly stop: () => Promise<void>;
}

interface Running extends ChildHandlers {
  readonly uid?: number;
  readonly settle: (report: ExitReport | undefined) => void;
  /** Those who wait for a sweep, the first first. */
  readonly sweeps: ((leftovers: number | undefined) => void)[];
}

interface Spawner {
  readonly token: string;
  readonly process: ChildProcess;
  readonly running: Map<number, Running>;
  readonly send: (frame: Buffer) => void;
  readonly gone: Promise<void>;
}

const CHILD_ID_MAX = 2 ** 32;

export function createSpawnerLink(settings: OperatorSettings, isolation: Isolation): SpawnerLink {
  let current: Promise<Spawner> | undefined;
  let pid: number | undefined;
  let lastId = 0;

  function connect(): Promise<Spawner> {
    if (current !== undefined) return current;
    const started = launch(settings, isolation).then((spawner) => {
      pid = spawner.process.pid;
      void spawner.gone.then(() => {
        if (current === started) current = undefined;
      });
      return spawner;
    });
    started.catch(() => {
      current = undefined;
    });
    current = started;
    return started;
  }

  return {
    pid: () => pid,
    start: async (request, handlers) => {
      const { running, send } = await connect();
      lastId = (lastId + 1) % CHILD_ID_MAX;
      const id = lastId;
      const { promise: ended, resolve: settle } = Promise.withResolvers<ExitReport | undefined>();
      running.set(id, {
        ...handlers,
        settle,
        sweeps: [],
        ...(request.uid !== undefined && { uid: request.uid }),
      });
      send(encodeJsonFrame(START, id, request));
      return {
        ended,
        end: (graceMs) => send(encodeJsonFrame(END, id, { graceMs })),
        write: (bytes) => send(encodeFrame(INPUT, id, bytes)),
        sweep: () => sweep(id, running, send),
      };
    },
    stop: async () => {
      const spawner = await current?.catch(() => undefined);
      current = undefined;
      spawner?.process.stdin?.end();
      await spawner?.gone;
    },
  };
}

function launch(settings: OperatorSettings, isolation: Isolation): Promise<Spawner> {
  const token = randomBytes(12).toString("hex");
  const { command, args } = spawnerCommand(settings, isolation, token);
  const started = spawn(command, args, {
    cwd: "/",
    env: { PATH: settings.searchPath, LANG: "C.UTF-8", ...compileCache() },
    detached: true, // an interrupt at the terminal is the service's affair
    stdio: ["pipe", "pipe", "pipe"],
  });
  const running = new Map<number, Running>();
  const ready = Promise.withResolvers<Spawner>();
  const gone = Promise.withResolvers<void>();
  let complaint = "";
  started.stdin.on("error", () => undefined); // its end is noticed below
  started.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000);
  });
  const spawner: Spawner = {
    token,
    process: started,
    running,
    send: (frame) => void started.stdin.write(frame),
    gone: gone.promise,
  };
  const read = createFrameReader((kind, id, payload) => {
    if (kind === READY) ready.resolve(spawner);
    else receive(running, kind, id, payload);
  });
  started.stdout.on("data", (chunk: Buffer) => {
    if (!read(chunk)) started.kill("SIGKILL");
  });
  const lose = async () => {
    ready.reject(
      new Fault("unavailable", "server-unavailable", `The spawner of processes ended: ${complaint.trim()}`),
    );
    if (!isolation.namespace) await endOrphans(token, running);
    for (const id of running.keys()) conclude(running, id, undefined);
    gone.resolve();
  };
  started.on("error", (error) => {
    complaint = error.message;
    void lose();
  });
  started.on("close", () => void lose());
  return ready.promise;
}

/** Without it the spawner has a compiler in its memory, all of whose pages each fork would have to pass on. */
function compileCache(): { NODE_COMPILE_CACHE?: string } {
  const folder = getCompileCacheDir(); // the one of this version of node within what was given
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}

/** What a namespace would have taken along: all that bears the spawner's mark, or hides any and has a child's user. */
async function endOrphans(token: string, running: ReadonlyMap<number, Running>): Promise<void> {
  const users = new Set([...running.values()].map(({ uid }) => uid));
  await endAll(({ pid, uid }) => {
    const mark = findMarker(pid);
    return mark === undefined ? users.has(uid) : mark.startsWith(`${token}.`);
  });
}

function receive(running: Map<number, Running>, kind: number, id: number, payload: Buffer): void {
  const child = running.get(id);
  if (kind === STDOUT) child?.onOutput("stdout", Buffer.from(payload));
  if (kind === STDERR) child?.onOutput("stderr", Buffer.from(payload));
  if (kind === SWEPT) {
    const { leftovers }: SweepReport = JSON.parse(payload.toString());
    child?.sweeps.shift()?.(leftovers);
  }
  if (kind === EXIT) conclude(running, id, JSON.parse(payload.toString()));
}

function conclude(running: Map<number, Running>, id: number, report: ExitReport | undefined): void {
  const child = running.get(id);
  running.delete(id);
  for (const answer of child?.sweeps ?? []) answer(undefined);
  child?.settle(report);
}

function sweep(
  id: number,
  running: ReadonlyMap<number, Running>,
  send: Spawner["send"],
): Promise<number | undefined> {
  const child = running.get(id);
  if (child === undefined) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  child.sweeps.push(resolve);
  send(encodeFrame(SWEEP, id, Buffer.alloc(0)));
  return promise;
}
