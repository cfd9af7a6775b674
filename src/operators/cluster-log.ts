/** Brings the log of work on a cluster into that of its attempt, from where an earlier try had read it. */
import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "../domain/cluster-services.ts";
import { Fault } from "../domain/fault.ts";
import type { ClusterAdapter, LogStream } from "./cluster-adapter.ts";
import { createLineTable } from "./line-table.ts";
import type { Submission, WorkContext } from "./operator.ts";
import { createLastLine } from "./running-command.ts";

export interface ClusterLog {
  /** Reads on in the background where it is time to. */
  readonly follow: (handle: JsonObject) => void;
  /** Reads to the end of what has ended, as far as the cluster gives it within a while. */
  readonly finish: (handle: JsonObject) => Promise<void>;
  /** Nothing is logged any more. */
  readonly close: () => void;
  /** The last line that is not empty. */
  readonly lastLine: (stream: LogStream) => string;
  /** What came on stdout, as a table of lines. */
  readonly table: () => ReturnType<ReturnType<typeof createLineTable>["table"]>;
}

export interface ClusterLogDeps {
  readonly adapter: ClusterAdapter;
  readonly submission: Pick<Submission, "logOffsets" | "noteLogs">;
  readonly context: Pick<WorkContext, "log" | "signal">;
  readonly bytesMax: number;
  /** Whether stdout is wanted as a table: it is then read from its beginning, also by a later try. */
  readonly asTable: boolean;
}

const STREAMS: readonly LogStream[] = ["stdout", "stderr"];
/** Between two looks at a log; it grows while nothing comes. */
const PAUSE_LEAST_MS = 1_000;
const PAUSE_MAX_MS = 30_000;
/** How long after the end of the work its log may come. */
const FINISH_MS = 30_000;
const FINISH_PAUSE_MS = 300;
const CALL_MS = 30_000;
/** Read once more by a later try, for the last line. */
const TAIL_BYTES = 64 * 1024;

interface StreamState {
  readonly stream: LogStream;
  next: number;
  /** Bytes from here on are logged; those before were by an earlier try. */
  readonly loggedTo: number;
  /** Nothing comes any more. */
  done: boolean;
}

export function createClusterLog(deps: ClusterLogDeps): ClusterLog {
  const { adapter, submission, context } = deps;
  const lines = createLineTable();
  const last = { stdout: createLastLine(), stderr: createLastLine() };
  const streams = STREAMS.map((stream): StreamState => {
    const loggedTo = submission.logOffsets[stream] ?? 0;
    const seenAgain = stream === "stdout" && deps.asTable ? loggedTo : Math.min(loggedTo, TAIL_BYTES);
    return { stream, next: loggedTo - seenAgain, loggedTo, done: false };
  });
  let left = deps.bytesMax;
  let dropped = 0;
  let closed = false;
  let pauseMs = PAUSE_LEAST_MS;
  let lookAt = performance.now() + PAUSE_LEAST_MS;
  let looking: Promise<boolean> | undefined;

  function take({ stream, loggedTo }: StreamState, from: number, bytes: Buffer): void {
    last[stream].add(bytes);
    if (stream === "stdout" && deps.asTable) lines.add(bytes);
    const fresh = bytes.subarray(Math.max(0, loggedTo - from));
    const kept = fresh.subarray(0, left);
    left -= kept.length;
    dropped += fresh.length - kept.length;
    if (kept.length > 0) context.log(kept);
  }

  /** Whether something came. */
  async function read(state: StreamState, handle: JsonObject, signal: AbortSignal): Promise<boolean> {
    const { bytes, next, end } = await adapter.logs(handle, state.stream, state.next, signal);
    if (closed) return false;
    take(state, state.next, bytes);
    state.next = next;
    state.done = end;
    submission.noteLogs(
      Object.fromEntries(streams.map((one) => [one.stream, Math.max(one.next, one.loggedTo)])),
    );
    return bytes.length > 0;
  }

  /** Whether something came; what cannot be read now can be later. */
  async function readAll(handle: JsonObject): Promise<boolean> {
    let came = false;
    for (const state of streams) {
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(CALL_MS)]);
      came = (await read(state, handle, signal).catch(() => false)) || came;
    }
    return came;
  }

  function follow(handle: JsonObject): void {
    if (looking !== undefined || performance.now() < lookAt) return;
    looking = readAll(handle).then((came) => {
      pauseMs = came ? PAUSE_LEAST_MS : Math.min(pauseMs * 2, PAUSE_MAX_MS);
      lookAt = performance.now() + pauseMs;
      looking = undefined;
      return came;
    });
  }

  async function finishStream(state: StreamState, handle: JsonObject): Promise<void> {
    state.done = false;
    let until = performance.now() + FINISH_MS;
    let problem = "the cluster has not given it";
    while (!state.done && performance.now() < until) {
      try {
        const came = await read(state, handle, AbortSignal.timeout(CALL_MS));
        if (came) until = performance.now() + FINISH_MS;
        else if (!state.done) await delay(FINISH_PAUSE_MS);
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
        if (error instanceof Fault && error.kind !== "unavailable") break;
        await delay(FINISH_PAUSE_MS);
      }
    }
    if (!state.done) context.log(`\n[the rest of ${state.stream} is not here: ${problem}]\n`);
  }

  return {
    follow,
    finish: async (handle) => {
      await looking;
      for (const state of streams) await finishStream(state, handle);
      if (dropped > 0) context.log(`\n[${dropped} more bytes of output were dropped]\n`);
    },
    close: () => {
      closed = true;
    },
    lastLine: (stream) => last[stream].text(),
    table: lines.table,
  };
}
