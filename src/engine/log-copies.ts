/** Copies of logs that a job wants in a folder of the project's buckets (`logPath`, dataarts-factory 4.1). */
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import type { Buckets } from "../operators/operator.ts";
import type { BlobStore } from "../store/blobs.ts";
import { CHUNK_BYTES, type LogKey, readLog } from "../store/logs.ts";
import type { AttemptLog } from "./attempt-log.ts";

export interface LogCopy {
  readonly key: LogKey;
  /** The folder, as the job names it. */
  readonly folder: string;
  readonly jobName: string;
  readonly nodeName: string;
}

export interface LogCopyDeps {
  readonly blobs: BlobStore;
  readonly buckets: Buckets;
}

/** An attempt does not end before its copy is there, but it does not wait for ever. */
const COPY_MAX_MS = 30_000;

/**
 * Puts what the log holds so far at `<folder>/<job>/<instance>/<node>-<attempt>.log`, where it holds anything. What goes
 * wrong with that is a line in the log, and no concern of the attempt's.
 */
export async function copyLog(deps: LogCopyDeps, log: AttemptLog, copy: LogCopy): Promise<void> {
  try {
    await log.flushed();
    await Promise.race([write(deps, copy), refuseLate()]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.append(`\n[the log was not copied to ${copy.folder}: ${reason}]\n`);
  }
}

async function write({ blobs, buckets }: LogCopyDeps, copy: LogCopy): Promise<void> {
  const first = await readLog(blobs, copy.key, { fromByte: 0, bytesMax: CHUNK_BYTES });
  if (first.content.length === 0) return;
  async function* parts() {
    for (let part = first; part.content.length > 0; part = await next(part.nextByte)) yield part.content;
  }
  const next = async (fromByte: number) =>
    await readLog(blobs, copy.key, { fromByte, bytesMax: CHUNK_BYTES });
  await buckets.write(pathOf(copy), Readable.from(parts()));
}

/** A name may hold what parts the names of folders. */
function pathOf({ key, folder, jobName, nodeName }: LogCopy): string {
  const file = `${nodeName.replaceAll("/", "_")}-${key.attempt}.log`;
  return [folder.replace(/\/+$/, ""), jobName, key.instanceId, file].join("/");
}

async function refuseLate(): Promise<never> {
  await delay(COPY_MAX_MS, undefined, { ref: false });
  throw new Fault("unavailable", "server-unavailable", `it took longer than ${COPY_MAX_MS / 1000} s`);
}
