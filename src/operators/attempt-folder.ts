/** The folder in which one attempt works: made empty, owned by the project's user, removed afterwards. */
import { randomBytes } from "node:crypto";
import { constants, createWriteStream } from "node:fs";
import { chmod, chown, copyFile, link, mkdir, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Fault } from "../domain/fault.ts";

/** Where the files of an attempt are put before its processes start, here or on another host. */
export interface FilePlace {
  /** Writes a file; only before a process of the attempt has started. Folders in the name are made. */
  readonly write: (name: string, content: string | Readable) => Promise<void>;
  /**
   * The same for a file that lies on this machine: linked where nothing can change it through the link, else copied.
   * False when there is no such file, or when it cannot be had that way.
   */
  readonly place: (name: string, path: string) => Promise<boolean>;
}

export interface AttemptFolder extends FilePlace {
  readonly path: string;
  /** The user (and group) that its processes run as; undefined for the service's own. */
  readonly uid?: number;
  readonly makeFolder: (name: string) => Promise<void>;
  /** All folders on the way to `name`. */
  readonly makeParents: (name: string) => Promise<void>;
  /** A regular file that a process left, at most `bytesMax` of it; undefined when there is none. */
  readonly read: (name: string, bytesMax: number) => Promise<string | undefined>;
  /** The same as a stream. */
  readonly open: (name: string) => Promise<Readable | undefined>;
  /** Names of all regular files at or below `name`, as `name` names them. */
  readonly list: (name: string) => Promise<readonly string[]>;
  readonly remove: () => Promise<void>;
}

const FILE_MODE = 0o700;

/** Makes a new folder under `root`, for `uid` alone when given. */
export async function createAttemptFolder(root: string, uid?: number): Promise<AttemptFolder> {
  const path = join(root, randomBytes(9).toString("hex"));
  const own = async (target: string) => {
    if (uid !== undefined) await chown(target, uid, uid);
  };
  const makeParents = async (name: string) => {
    const folders = dirname(name) === "." ? [] : dirname(name).split("/");
    for (let depth = 1; depth <= folders.length; depth += 1)
      await makeFolder(folders.slice(0, depth).join("/"));
  };
  const prepare = async (name: string) => {
    await makeParents(name);
    return join(path, name);
  };
  const makeFolder = async (name: string) => {
    await mkdir(join(path, name), { mode: 0o700 }).catch(ignoreExisting);
    await own(join(path, name));
  };
  await mkdir(path, { mode: 0o700 });
  await own(path);
  return {
    path,
    ...(uid !== undefined && { uid }),
    write: async (name, content) => {
      const target = await prepare(name);
      if (typeof content === "string") await writeFile(target, content, { mode: FILE_MODE });
      else await pipeline(content, createWriteStream(target, { mode: FILE_MODE }));
      await own(target);
    },
    place: async (name, source) => {
      const target = await prepare(name);
      if ((await stat(source).catch(() => undefined))?.isFile() !== true) return false;
      // Another user can read a link but neither write nor change it; the service's own user could.
      if (uid !== undefined && (await linkReadable(source, target))) return true;
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await own(target);
      await chmod(target, FILE_MODE);
      return true;
    },
    makeFolder,
    makeParents,
    read: async (name, bytesMax) => {
      const file = await openRegular(join(path, name));
      if (file === undefined) return undefined;
      await using opened = file;
      const size = Math.min((await opened.stat()).size, bytesMax);
      const { bytesRead, buffer } = await opened.read({ buffer: Buffer.alloc(size), position: 0 });
      return buffer.toString("utf8", 0, bytesRead);
    },
    open: async (name) => (await openRegular(join(path, name)))?.createReadStream(),
    list: (name) => listFiles(path, name),
    remove: () => removeTree(path),
  };
}

/**
 * Removes a tree although a node may have closed folders in it to us. What resists even then is left for the next
 * start of the service: it is no reason for an attempt to fail.
 */
async function removeTree(path: string): Promise<void> {
  const attempt = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  await attempt()
    .catch(async () => {
      await openFolders(path);
      await attempt();
    })
    .catch(() => undefined);
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
}

async function linkReadable(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
  } catch (error) {
    if (isCode(error, "EXDEV") || isCode(error, "EPERM") || isCode(error, "EMLINK")) return false;
    throw error;
  }
  await chmod(target, 0o444);
  return true;
}

/** Never follows a link: a node could have put one to a file that it cannot read itself. */
async function openRegular(path: string) {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    return undefined;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ELOOP") || isCode(error, "ENXIO")) return undefined;
    throw error;
  }
}

async function listFiles(root: string, name: string): Promise<string[]> {
  const entries = await readdir(join(root, name), { withFileTypes: true, recursive: true }).catch(
    (error: unknown) => {
      if (isCode(error, "ENOTDIR")) return undefined;
      if (isCode(error, "ENOENT")) return [];
      throw error;
    },
  );
  if (entries === undefined) return [name];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function ignoreExisting(error: unknown): void {
  if (!isCode(error, "EEXIST")) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** The name as a plain file name; Fault `reference-invalid` for one that leads elsewhere. */
export function checkFileName(name: string): string {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
    throw new Fault("invalid", "reference-invalid", `"${name}" is no plain file name.`);
  return name;
}
