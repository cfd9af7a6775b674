/** Zip archives: written as a stream, and read within limits, whoever made them. */
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { type Entry, fromFdPromise, type Options, type ZipFile } from "yauzl";
import { ZipFile as ZipWriter } from "yazl";
import { Fault } from "../domain/fault.ts";
import { type ArchiveLimits, RATIO_FROM_BYTES } from "../domain/package.ts";

/** A file to be written. */
export interface ArchiveFile {
  readonly path: string;
  readonly content: string;
}

/** The archive of `files`, each asked for when the one before it has been taken; `at` is their time. */
export function writeArchive(files: AsyncIterable<ArchiveFile>, at: Date): Readable {
  const writer = new ZipWriter();
  const archive = Readable.from(writer.outputStream as AsyncIterable<Buffer>, { objectMode: false });
  const closed = new AbortController();
  archive.once("close", () => closed.abort());
  writer.once("error", (error) => archive.destroy(error));
  writeFiles(writer, files, { at, signal: closed.signal }).catch((error: Error) => archive.destroy(error));
  return archive;
}

async function writeFiles(
  writer: ZipWriter,
  files: AsyncIterable<ArchiveFile>,
  { at: mtime, signal }: { readonly at: Date; readonly signal: AbortSignal },
): Promise<void> {
  for await (const { path, content } of files) {
    const source = Readable.from([Buffer.from(content)]);
    writer.addReadStream(source, path, { mtime });
    await finished(source, { signal });
  }
  writer.end();
}

/** A file that lies in an archive. */
export type ArchiveEntry = Entry;

/** An archive that keeps the limits, as far as its directory says; each file is held to that as it is read. */
export interface Archive {
  /** Its files, without folders, in the order of its directory. */
  readonly entries: readonly ArchiveEntry[];
  /** Raises `package-invalid` for a file that is not what the directory says of it. */
  readonly read: (entry: ArchiveEntry) => Promise<Buffer>;
  readonly close: () => Promise<void>;
}

const READING: Options = {
  autoClose: false,
  lazyEntries: true,
  decodeStrings: true,
  strictFileNames: true,
  validateEntrySizes: true,
};

/**
 * Copies the archive aside, because its directory stands at its end. Raises `package-invalid` for what is no archive,
 * is larger than it may be in any respect, is encrypted, or has a path that leads out of it.
 */
export async function openArchive(content: Readable, limits: ArchiveLimits): Promise<Archive> {
  const file = await openUnnamed();
  try {
    const bytes = await copyTo(file, content, limits.bytesMax);
    const zip = await readable(fromFdPromise(file.fd, READING));
    const entries = await listEntries(zip, limits);
    checkEntries(entries, bytes, limits);
    return {
      entries: entries.filter(({ fileName }) => !fileName.endsWith("/")),
      read: (entry) => readEntry(zip, entry),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A file without a name, so that nothing is left of it, however this process ends. */
async function openUnnamed(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-package-"));
  try {
    return await open(join(folder, "archive"), "wx+", 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function copyTo(file: FileHandle, content: Readable, bytesMax: number): Promise<number> {
  let bytes = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) unreadable(`it is larger than ${bytesMax} bytes`);
    await file.writeFile(chunk);
  }
  return bytes;
}

async function listEntries(zip: ZipFile, limits: ArchiveLimits): Promise<Entry[]> {
  const { entriesMax, directoryBytesMax } = limits;
  if (zip.entryCount > entriesMax) unreadable(`it has more than ${entriesMax} files`);
  const entries: Entry[] = [];
  let bytes = 0;
  const files = zip.eachEntry();
  for (;;) {
    const { done, value: entry } = await readable(files.next());
    if (done) return entries;
    bytes += entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
    if (bytes > directoryBytesMax) unreadable(`its directory has more than ${directoryBytesMax} bytes`);
    entries.push(entry);
  }
}

function checkEntries(
  entries: readonly Entry[],
  bytes: number,
  { entryBytesMax, unpackedBytesMax, ratioMax }: ArchiveLimits,
): void {
  const paths = new Set<string>();
  let unpacked = 0;
  for (const entry of entries) {
    const { fileName, uncompressedSize } = entry;
    if (paths.has(fileName)) unreadable(`it has two files "${fileName}"`);
    paths.add(fileName);
    if (!entry.canDecodeFileData()) unreadable(`"${fileName}" is encrypted, or compressed in a rare way`);
    if (uncompressedSize > entryBytesMax)
      unreadable(`"${fileName}" has more than ${entryBytesMax} bytes, unpacked`);
    unpacked += uncompressedSize;
  }
  if (unpacked > unpackedBytesMax) unreadable(`it has more than ${unpackedBytesMax} bytes, unpacked`);
  if (unpacked > RATIO_FROM_BYTES && unpacked > bytes * ratioMax)
    unreadable(`it unpacks to more than ${ratioMax} times its size`);
}

async function readEntry(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const content = await readable(zip.openReadStreamPromise(entry).then(buffer), `"${entry.fileName}": `);
  if (crc32(content) !== entry.crc32) unreadable(`"${entry.fileName}": its checksum is wrong`);
  return content;
}

/** What the reader of archives says against one, as a fault. */
async function readable<Value>(work: Promise<Value>, place = ""): Promise<Value> {
  try {
    return await work;
  } catch (cause) {
    return unreadable(place + (cause instanceof Error ? cause.message : String(cause)), cause);
  }
}

function unreadable(why: string, cause?: unknown): never {
  throw new Fault("invalid", "package-invalid", `the package cannot be read: ${why}`, { cause });
}
