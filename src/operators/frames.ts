/** The wire between the service and what starts processes for it: frames of kind, child and payload on a pipe. */

/** From the service: start a child (JSON), end a child (JSON). */
export const START = 1;
export const END = 2;
/** To the service: it listens; a child's output; how a child ended (JSON). */
export const READY = 3;
export const STDOUT = 4;
export const STDERR = 5;
export const EXIT = 6;
/** From the service: bytes for a child's stdin; end all that a child has left running. To it: how many that were (JSON). */
export const INPUT = 7;
export const SWEEP = 8;
export const SWEPT = 9;
/** To a prepared process: nothing is left of the last attempt, and there may be a next. */
export const PREPARE = 10;

const HEADER_BYTES = 9;
/** Longer payloads are a broken peer: a script travels as a file, output in pieces. */
const PAYLOAD_BYTES_MAX = 16 * 1024 * 1024;

export interface StartRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Absent: the spawner's own user. */
  readonly uid?: number;
  readonly stdin?: string;
  /** Its stdin stays open for INPUT. */
  readonly takesInput?: boolean;
  /** Output beyond this is dropped, but for the last of it. */
  readonly outputBytesMax: number;
  /** At a lower priority than others, with all that it starts. */
  readonly background: boolean;
}

export interface EndRequest {
  readonly graceMs: number;
}

export interface SweepReport {
  readonly leftovers: number;
}

export interface ExitReport {
  readonly exitCode?: number;
  readonly signal?: string;
  /** Why the child could not be started, e.g. `ENOENT`. */
  readonly refusal?: string;
  /** Bytes of output that were dropped. */
  readonly droppedBytes: number;
  /** The last of stdout that was dropped, for the node's output. */
  readonly droppedTail: string;
  /** From a prepared process: the attempt changed what outlives it there. */
  readonly doubt?: boolean;
}

/** One frame as bytes. */
export function encodeFrame(kind: number, child: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(child, 4);
  frame.writeUInt8(kind, 8);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** One frame whose payload is JSON. */
export function encodeJsonFrame(kind: number, child: number, value: object): Buffer {
  return encodeFrame(kind, child, Buffer.from(JSON.stringify(value)));
}

/**
 * Cuts a byte stream into frames; give it each chunk as it comes. A payload is only good until `onFrame` returns.
 * False when the peer sent a frame over the limit: the stream is of no more use then.
 */
export function createFrameReader(
  onFrame: (kind: number, child: number, payload: Buffer) => void,
): (chunk: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (data.length >= HEADER_BYTES) {
      const length = data.readUInt32LE(0);
      if (length > PAYLOAD_BYTES_MAX) return false;
      if (data.length < HEADER_BYTES + length) break;
      onFrame(data.readUInt8(8), data.readUInt32LE(4), data.subarray(HEADER_BYTES, HEADER_BYTES + length));
      data = data.subarray(HEADER_BYTES + length);
    }
    rest = data;
    return true;
  };
}
