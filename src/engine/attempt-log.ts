/** The log of one attempt while it is written: gathered for a moment, then put where readers find it. */
import type { Observe } from "../domain/observation.ts";
import type { BlobStore } from "../store/blobs.ts";
import { CHUNK_BYTES, type LogKey, putLogChunk } from "../store/logs.ts";

export interface AttemptLog {
  /** Never throws, never waits. */
  readonly append: (chunk: string | Uint8Array) => void;
  /** Resolves when everything that was appended so far is where readers find it. */
  readonly flushed: () => Promise<void>;
  /** The same; nothing can be appended from now on. */
  readonly close: () => Promise<void>;
}

/** Longest log of an attempt; what comes after is dropped, with a notice. */
const LOG_BYTES_MAX = 64 * 1024 * 1024;
const FLUSH_MS = 200;

/** A log that takes no space until the first `append`. Failures to write are observed once and then drop the rest. */
export function createAttemptLog(
  blobs: BlobStore,
  key: LogKey,
  observe: Observe,
  bytesMax = LOG_BYTES_MAX,
): AttemptLog {
  /** The chunk that still grows, as far as it is written. */
  let chunk: Buffer = Buffer.alloc(0);
  let chunkStart = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let appendedBytes = 0;
  let full = false;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;

  function append(part: string | Uint8Array): void {
    if (full) return;
    let bytes = typeof part === "string" ? Buffer.from(part) : Buffer.from(part);
    if (bytes.length === 0) return;
    if (appendedBytes + bytes.length > bytesMax) {
      full = true;
      const notice = Buffer.from(`\n[the log ends here: it may have ${bytesMax} bytes]\n`);
      bytes = Buffer.concat([bytes.subarray(0, bytesMax - appendedBytes), notice]);
    }
    appendedBytes += bytes.length;
    pending.push(bytes);
    pendingBytes += bytes.length;
    if (pendingBytes >= CHUNK_BYTES) flush();
    // What came together is put together, and the first of it while the attempt is still on its way to its end.
    else if (appendedBytes === pendingBytes) queueMicrotask(flush);
    else timer ??= setTimeout(flush, FLUSH_MS);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (pendingBytes === 0) return;
    writing ??= writePending().finally(() => {
      writing = undefined;
      if (pendingBytes > 0) timer ??= setTimeout(flush, FLUSH_MS);
    });
  }

  async function writePending(): Promise<void> {
    try {
      do {
        chunk = Buffer.concat([chunk, ...pending]);
        pending = [];
        pendingBytes = 0;
        await putLogChunk(blobs, key, chunkStart, chunk);
        if (chunk.length < CHUNK_BYTES) continue;
        chunkStart += chunk.length;
        chunk = Buffer.alloc(0);
      } while (pendingBytes >= CHUNK_BYTES);
    } catch (error) {
      full = true;
      pending = [];
      pendingBytes = 0;
      observe({ event: "loop-failed", loop: "attempt-log", error });
    }
  }

  async function flushed(): Promise<void> {
    while (pendingBytes > 0 || writing !== undefined) {
      flush();
      await writing;
    }
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    append,
    flushed,
    close: async () => {
      full = true;
      await flushed();
    },
  };
}
