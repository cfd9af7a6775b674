/** Stored files: for each project a tree of blobs under one folder; a key is a name, never a path that is resolved. */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { invalid } from "../domain/fault.ts";
import { unlessMissing } from "./file-system.ts";

/**
 * Keys are parts between slashes, as `logs/12/0-1/65536`. A key with an empty part, `.` or `..`, or with a part of more
 * than 200 bytes is refused with Fault `reference-invalid`. A blob may lie "under" another: `a` and `a/b` are two blobs.
 */
export interface BlobStore {
  /** Puts the whole content in place at once, over an older blob of that key; half of one is never seen. */
  readonly put: (
    projectId: string,
    key: string,
    content: Uint8Array | Readable,
    keep?: BlobKeeping,
  ) => Promise<void>;
  /** Makes a folder that is there, for `exists` alone, although no blob lies under it; one that is there stays. */
  readonly putFolder: (projectId: string, key: string) => Promise<void>;
  /** The content from `fromByte` on, or undefined where there is no such blob. */
  readonly open: (projectId: string, key: string, fromByte?: number) => Promise<Readable | undefined>;
  readonly sizeBytes: (projectId: string, key: string) => Promise<number | undefined>;
  /** Whether there is a blob of that key, or one under it, or such a folder. */
  readonly exists: (projectId: string, key: string) => Promise<boolean>;
  /** Keys of all blobs whose key is `folder` with something after a slash, in no order; "" lists all. */
  readonly list: (projectId: string, folder: string) => Promise<string[]>;
  /** The next parts after `folder` in the keys of all blobs under it, each once, in no order. */
  readonly names: (projectId: string, folder: string) => Promise<string[]>;
  /** What the blob and all that lie under it take up; of "": all of the project's. */
  readonly usedBytes: (projectId: string, key: string) => Promise<number>;
  /** When the blob was put; undefined where there is none. */
  readonly changedAt: (projectId: string, key: string) => Promise<Date | undefined>;
  /** Deletes the blob and all that lie under it; none is no fault. */
  readonly delete: (projectId: string, key: string) => Promise<void>;
  /** Projects that have, or had, blobs. */
  readonly projects: () => Promise<string[]>;
  /** Deletes all blobs of a project. */
  readonly deleteProject: (projectId: string) => Promise<void>;
  /** Deletes what was begun before `before` and never put in its place, because its server ended; gives how many. */
  readonly deleteUnfinished: (before: Date) => Promise<number>;
  /** Where the blob lies on this machine, or undefined where there is no such blob. */
  readonly localPath: (projectId: string, key: string) => Promise<string | undefined>;
}

/** `durable` (the default) outlives a power cut; `quick` outlives the end of the process. */
export type BlobKeeping = "durable" | "quick";

const PART_BYTES_MAX = 200;
/** Where blobs are written before they are put in their place; no project is called so. */
const UNFINISHED = "unfinished";

/** The blob store in `folder`, which is made when it is first written to. */
export function createFolderBlobs(folder: string): BlobStore {
  const pathOf = (projectId: string, key: string) => join(folder, projectId, blobPath(key));
  return {
    put: async (projectId, key, content, keep = "durable") => {
      const place = pathOf(projectId, key);
      const unfinished = join(folder, UNFINISHED, randomBytes(12).toString("hex"));
      try {
        await writeNew(unfinished, content, keep);
        await renameInto(unfinished, place);
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
      if (keep === "durable") await syncFolder(dirname(place));
    },
    putFolder: async (projectId, key) => {
      const place = join(folder, projectId, folderPath(key));
      await mkdir(place, { recursive: true, mode: 0o700 });
      await (await open(join(place, BLOB_MARK), "w", 0o600)).close();
      await syncFolder(place);
    },
    open: async (projectId, key, fromByte = 0) => {
      const path = pathOf(projectId, key);
      const file = await unlessMissing(open(path, "r"));
      return file?.createReadStream({ start: fromByte });
    },
    sizeBytes: async (projectId, key) => (await unlessMissing(stat(pathOf(projectId, key))))?.size,
    exists: async (projectId, key) =>
      (await unlessMissing(stat(pathOf(projectId, key)))) !== undefined ||
      (await holdsBlob(join(folder, projectId, folderPath(key)))),
    names: async (projectId, under) => {
      const entries = (await unlessMissing(readdir(join(folder, projectId, folderPath(under))))) ?? [];
      return [...new Set(entries.map(nameOf))].filter((name) => name !== "");
    },
    usedBytes: (projectId, key) =>
      sizeOf([join(folder, projectId, folderPath(key)), ...(key === "" ? [] : [pathOf(projectId, key)])]),
    changedAt: async (projectId, key) => (await unlessMissing(stat(pathOf(projectId, key))))?.mtime,
    projects: async () =>
      ((await unlessMissing(readdir(folder))) ?? []).filter((name) => name !== UNFINISHED),
    deleteProject: (projectId) => rm(join(folder, projectId), { recursive: true, force: true }),
    deleteUnfinished: (before) => removeOlder(join(folder, UNFINISHED), before),
    list: (projectId, under) => listKeys(join(folder, projectId, folderPath(under)), under),
    delete: async (projectId, key) => {
      await rm(pathOf(projectId, key), { force: true });
      await rm(join(folder, projectId, folderPath(key)), { recursive: true, force: true });
    },
    localPath: async (projectId, key) => {
      const path = pathOf(projectId, key);
      return (await unlessMissing(stat(path))) === undefined ? undefined : path;
    },
  };
}

async function writeNew(path: string, content: Uint8Array | Readable, keep: BlobKeeping): Promise<void> {
  const file = await unlessMissing(open(path, "wx", 0o600));
  if (file === undefined) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return writeNew(path, content, keep);
  }
  try {
    await file.writeFile(content);
    if (keep === "durable") await file.sync();
  } finally {
    await file.close();
  }
}

async function renameInto(finished: string, place: string): Promise<void> {
  const done = await unlessMissing(rename(finished, place).then(() => true));
  if (done) return;
  await mkdir(dirname(place), { recursive: true, mode: 0o700 });
  await rename(finished, place);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Of files, and of all files in folders. */
async function sizeOf(paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) {
    const found = await unlessMissing(stat(path));
    if (found?.isDirectory() === true) {
      const names = (await unlessMissing(readdir(path))) ?? [];
      bytes += await sizeOf(names.map((name) => join(path, name)));
    } else bytes += found?.size ?? 0;
  }
  return bytes;
}

async function removeOlder(folder: string, before: Date): Promise<number> {
  let removed = 0;
  for (const name of (await unlessMissing(readdir(folder))) ?? []) {
    const path = join(folder, name);
    const found = await unlessMissing(stat(path));
    if (found === undefined || found.mtime >= before) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function listKeys(path: string, key: string): Promise<string[]> {
  const entries = (await unlessMissing(readdir(path, { withFileTypes: true }))) ?? [];
  const found = await Promise.all(
    entries.filter(isNoMark).map((entry) => {
      const name = nameOf(entry.name);
      const inner = key === "" ? name : `${key}/${name}`;
      return entry.isDirectory() ? listKeys(join(path, entry.name), inner) : [inner];
    }),
  );
  return found.flat();
}

/** Whether a folder has a blob, however deep; looks no further than the first. */
async function holdsBlob(path: string): Promise<boolean> {
  const entries = (await unlessMissing(readdir(path, { withFileTypes: true }))) ?? [];
  if (entries.some((entry) => !entry.isDirectory())) return true;
  for (const entry of entries) if (await holdsBlob(join(path, entry.name))) return true;
  return false;
}

/**
 * Begins the file name of each blob, never that of a folder, since encoding leaves no `=`: so `a` and `a/b` both fit.
 * Alone it is no blob: it keeps a folder there that has none.
 */
const BLOB_MARK = "=";

function isNoMark({ name }: { readonly name: string }): boolean {
  return name !== BLOB_MARK;
}

function nameOf(entry: string): string {
  return decodeURIComponent(entry.replace(BLOB_MARK, ""));
}

function blobPath(key: string): string {
  const parts = encodedParts(key);
  const last = parts.pop() ?? "";
  return join(...parts, BLOB_MARK + last);
}

function folderPath(key: string): string {
  return key === "" ? "" : join(...encodedParts(key));
}

function encodedParts(key: string): string[] {
  return key.split("/").map((part) => {
    const refused = part === "" || part === "." || part === ".." || !part.isWellFormed();
    if (refused) invalid("reference-invalid", [`"${key}" has an empty part, "." or ".."`]);
    const encoded = encodeURIComponent(part);
    if (encoded.length > PART_BYTES_MAX)
      invalid("reference-invalid", [`"${key}" has a part that is too long`]);
    return encoded;
  });
}
