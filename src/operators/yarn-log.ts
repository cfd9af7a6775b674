/** The log of an application's first container: of its node while it runs, of the history server when it is over. */
import { Fault } from "../domain/fault.ts";
import type { LogPart, LogStream } from "./cluster-adapter.ts";
import type { ClusterCaller } from "./cluster-call.ts";
import { isOver, type YarnApp } from "./yarn-app.ts";

export interface YarnLogPlaces {
  readonly historyCall?: ClusterCaller;
  readonly nodeCall: (address: string) => ClusterCaller;
}

/** Asked for at a time. */
const PART_BYTES = 1024 * 1024;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const HEAD = /LogLength:\s*(\d+)\s*\nLogContents:\n/;

/**
 * Between a container's end and the moment when its log is with the history server, for some seconds, neither has it: a Fault
 * `cluster-unreachable`, to be asked for again.
 */
export async function readYarnLog(
  places: YarnLogPlaces,
  app: YarnApp | undefined,
  { stream, from }: { readonly stream: LogStream; readonly from: number },
  signal: AbortSignal,
): Promise<LogPart> {
  const nothing = (end: boolean): LogPart => ({ bytes: Buffer.alloc(0), next: from, end });
  const place = app === undefined ? undefined : placeOf(app);
  // No container has begun, and none will where the application is over.
  if (app === undefined || place === undefined) return nothing(app !== undefined && isOver(app));
  const over = isOver(app);
  const isThere = over && places.historyCall !== undefined;
  const call = isThere && places.historyCall !== undefined ? places.historyCall : places.nodeCall(place.node);
  const base = isThere ? "/ws/v1/history" : "/ws/v1/node";
  const part = await readPart(
    { call, path: `${base}/containerlogs/${place.container}/${stream}` },
    from,
    signal,
  );
  if (part === undefined) return nothing(false);
  return {
    bytes: part.bytes,
    next: from + part.bytes.length,
    end: over && from + part.bytes.length >= part.total,
  };
}

interface LogFile {
  readonly call: ClusterCaller;
  readonly path: string;
}

/** The last bytes are asked for, as far as they reach back; else the first ones. There is no way to name a place. */
async function readPart(file: LogFile, from: number, signal: AbortSignal) {
  const tail = await ask(file, -PART_BYTES, signal);
  if (tail === undefined) return undefined;
  const begins = tail.total - tail.bytes.length;
  if (begins <= from) return { total: tail.total, bytes: tail.bytes.subarray(from - begins) };
  const head = await ask(file, from + PART_BYTES, signal);
  return head && { total: head.total, bytes: head.bytes.subarray(from) };
}

async function ask({ call, path }: LogFile, size: number, signal: AbortSignal) {
  const answer = await call(
    { method: "GET", path: `${path}?size=${size}`, responseBytesMax: ANSWER_BYTES_MAX },
    signal,
  );
  if (answer.status !== 200)
    throw new Fault(
      "unavailable",
      "cluster-unreachable",
      `the log is not to be had yet (HTTP ${answer.status})`,
    );
  const head = HEAD.exec(answer.text);
  if (head === null) return undefined;
  const total = Number(head[1]);
  const content = Buffer.from(answer.text.slice(head.index + head[0].length));
  return { total, bytes: content.subarray(0, Math.min(total, Math.abs(size))) };
}

/** Of `http://node:8042/node/containerlogs/container_…/user`. */
function placeOf({ logs }: YarnApp): { readonly node: string; readonly container: string } | undefined {
  if (!URL.canParse(logs)) return undefined;
  const { origin, pathname } = new URL(logs);
  const container = /\/containerlogs\/(container_\w+)/.exec(pathname)?.[1];
  return container === undefined ? undefined : { node: origin, container };
}
