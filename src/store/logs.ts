/**
 * Logs of attempts: blobs of up to 64 KiB, the last of which grows, so that they are read while the attempt runs. The
 * first lies in its instance's folder, since most logs are no longer, and the others under it.
 */
import type { Readable } from "node:stream";
import type { BlobStore } from "./blobs.ts";

/** Whose log. */
export interface LogKey {
  readonly projectId: string;
  readonly instanceId: number;
  readonly nodeNo: number;
  /** From 1. */
  readonly attempt: number;
}

export interface LogPart {
  readonly content: Buffer;
  /** Where to read on. */
  readonly nextByte: number;
}

/** A chunk is closed when it has at least so many bytes; until then it is written anew, longer, under its name. */
export const CHUNK_BYTES = 64 * 1024;

/** Puts the chunk that begins at `fromByte`: all of it that there is so far. */
export async function putLogChunk(
  blobs: BlobStore,
  key: LogKey,
  fromByte: number,
  content: Uint8Array,
): Promise<void> {
  await blobs.put(key.projectId, chunkKey(key, fromByte), content, "quick");
}

/** Bytes from `fromByte` on, at most `bytesMax`; empty where nothing is written yet. */
export async function readLog(
  blobs: BlobStore,
  key: LogKey,
  { fromByte, bytesMax }: { readonly fromByte: number; readonly bytesMax: number },
): Promise<LogPart> {
  const starts = await chunkStarts(blobs, key);
  const parts: Buffer[] = [];
  let at = fromByte;
  const first = starts.findLastIndex((start) => start <= fromByte);
  for (const start of starts.slice(Math.max(first, 0))) {
    const left = bytesMax - (at - fromByte);
    if (left <= 0 || start > at) break;
    const content = await blobs.open(key.projectId, chunkKey(key, start), at - start);
    const part = content === undefined ? Buffer.alloc(0) : await readUpTo(content, left);
    parts.push(part);
    at += part.length;
  }
  return { content: Buffer.concat(parts), nextByte: at };
}

/** How many bytes the log has so far. */
export async function logSizeBytes(blobs: BlobStore, key: LogKey): Promise<number> {
  const last = (await chunkStarts(blobs, key)).at(-1) ?? 0;
  return last + ((await blobs.sizeBytes(key.projectId, chunkKey(key, last))) ?? 0);
}

/** Ids of the project's instances that have logs, in no order. */
export async function listLoggedInstances(blobs: BlobStore, projectId: string): Promise<number[]> {
  return (await blobs.names(projectId, "logs")).map(Number).filter(Number.isSafeInteger);
}

/** What all the logs of an instance take up. */
export async function instanceLogBytes(
  blobs: BlobStore,
  projectId: string,
  instanceId: number,
): Promise<number> {
  return await blobs.usedBytes(projectId, `logs/${instanceId}`);
}

/** Deletes all the logs of an instance. */
export async function deleteLogs(blobs: BlobStore, projectId: string, instanceId: number): Promise<void> {
  await blobs.delete(projectId, `logs/${instanceId}`);
}

/** The first of them also where there is none yet. */
async function chunkStarts(blobs: BlobStore, key: LogKey): Promise<number[]> {
  const first = chunkKey(key, 0);
  const others = await blobs.list(key.projectId, first);
  return [0, ...others.map((name) => Number(name.slice(first.length + 1))).sort((a, b) => a - b)];
}

function chunkKey({ instanceId, nodeNo, attempt }: LogKey, fromByte: number): string {
  const first = `logs/${instanceId}/${nodeNo}-${attempt}`;
  return fromByte === 0 ? first : `${first}/${fromByte}`;
}

async function readUpTo(content: Readable, bytesMax: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let left = bytesMax;
  for await (const part of content) {
    const bytes: Buffer = part.subarray(0, left);
    parts.push(bytes);
    left -= bytes.length;
    if (left <= 0) break;
  }
  return Buffer.concat(parts);
}
