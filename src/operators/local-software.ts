/** Software of engines on this machine: fetched at its first use, whole or not at all, once for all servers that share its folder. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm, statfs } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import { LOCAL_SOFTWARE, type Software, type SoftwareName } from "./local-software-versions.ts";
import { orAborted } from "./or-aborted.ts";
import { birthOf } from "./process-table.ts";
import { fetchStep } from "./software-clients.ts";

export interface LocalSoftware {
  /** Where it lies, if it is there. */
  readonly find: (name: SoftwareName) => Promise<string | undefined>;
  /**
   * Where it lies; fetched first where it is not there. Those who ask for it meanwhile wait for the same fetch, which goes on
   * when one of them leaves. `tell` hears of the progress. Fault `engine-missing` with the reason where it cannot be had.
   */
  readonly ensure: (name: SoftwareName, signal: AbortSignal, tell?: TellProgress) => Promise<string>;
  /** How far the fetch is that this server is at. */
  readonly progress: (name: SoftwareName) => FetchProgress | undefined;
  /** Ends what is being fetched. */
  readonly stop: () => Promise<void>;
}

/** Bytes on the disk so far, and how many it will have been at the end: those of the archives and of what is made of them. */
export interface FetchProgress {
  readonly bytes: number;
  readonly ofBytes: number;
}

export type TellProgress = (progress: FetchProgress) => void;

export interface SoftwareSettings {
  /** Every user of the machine may read what lies here. */
  readonly folder: string;
  /** What `pip` and `mvn` find in their environment. */
  readonly environment: Readonly<Record<string, string>>;
}

interface Fetch {
  readonly done: Promise<string>;
  readonly listeners: Set<TellProgress>;
  progress: FetchProgress;
}

const TELL_MS = 2000;
const LOOK_AGAIN_MS = 500;
/** A machine that is filled to the last byte serves nobody. */
const DISK_BYTES_LEFT = 512 * 1024 * 1024;

export function createLocalSoftware(
  settings: SoftwareSettings,
  catalogue: Readonly<Record<SoftwareName, Software>> = LOCAL_SOFTWARE,
): LocalSoftware {
  const fetches = new Map<SoftwareName, Fetch>();
  const stopping = new AbortController();
  const find = (name: SoftwareName) => findFolder(folderOf(settings, catalogue[name]));

  function begin(name: SoftwareName): Fetch {
    const software = catalogue[name];
    const listeners = new Set<TellProgress>();
    const tell = (progress: FetchProgress) => {
      fetch.progress = progress;
      for (const listener of listeners) listener(progress);
    };
    const done = fetchOnce(settings, software, tell, stopping.signal).finally(() => fetches.delete(name));
    done.catch(() => undefined); // those who wait hear of it
    const fetch: Fetch = { done, listeners, progress: { bytes: 0, ofBytes: software.fetchBytes } };
    fetches.set(name, fetch);
    return fetch;
  }

  return {
    find,
    ensure: async (name, signal, tell) => {
      signal.throwIfAborted();
      const found = await find(name);
      if (found !== undefined) return found;
      const fetch = fetches.get(name) ?? begin(name);
      if (tell !== undefined) fetch.listeners.add(tell);
      try {
        return await orAborted(fetch.done, signal);
      } finally {
        if (tell !== undefined) fetch.listeners.delete(tell);
      }
    },
    progress: (name) => fetches.get(name)?.progress,
    stop: async () => {
      stopping.abort();
      await Promise.allSettled([...fetches.values()].map(({ done }) => done));
    },
  };
}

/** SHA-256 over a line for each jar below `folder`, its own SHA-256 and its path, in the order of the paths. */
async function digestOfJars(folder: string): Promise<string> {
  const jars = (await filesBelow(folder)).filter((path) => path.endsWith(".jar"));
  const digest = createHash("sha256");
  for (const path of jars.map((jar) => relative(folder, jar)).sort()) {
    const own = createHash("sha256");
    await pipeline(createReadStream(join(folder, path)), own);
    digest.update(`${own.digest("hex")} ${path}\n`);
  }
  return digest.digest("hex");
}

async function fetchOnce(
  settings: SoftwareSettings,
  software: Software,
  tell: TellProgress,
  signal: AbortSignal,
): Promise<string> {
  await mkdir(settings.folder, { recursive: true, mode: 0o755 });
  const folder = folderOf(settings, software);
  const unlock = await lock(`${folder}.lock`, signal);
  try {
    const found = await findFolder(folder); // another server has fetched it meanwhile
    if (found !== undefined) return found;
    await removeLeftovers(settings, software);
    await checkDisk(settings, software);
    return await fetchInto(settings, software, tell, signal);
  } finally {
    await unlock();
  }
}

/** What is not whole has another name; who finds the folder finds all of it. */
async function fetchInto(
  { folder: parent, environment }: SoftwareSettings,
  software: Software,
  tell: TellProgress,
  signal: AbortSignal,
): Promise<string> {
  const folder = folderOf({ folder: parent }, software);
  const unfinished = `${folder}.unfinished-${process.pid}`;
  const place = { folder: unfinished, scratch: join(unfinished, ".scratch"), environment };
  const watch = watchGrowth(unfinished, software.fetchBytes, tell);
  try {
    await mkdir(unfinished);
    for (const step of software.steps) await fetchStep(step, place, signal);
    await rm(place.scratch, { recursive: true });
    const digest = await digestOfJars(unfinished);
    if (digest !== software.jarsSha256)
      throw missing(`what was fetched of ${titleOf(software)} is not what is known of it (${digest})`);
    await letAllRead(unfinished);
    await rename(unfinished, folder);
    return folder;
  } finally {
    watch.stop();
    await rm(unfinished, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The greatest size so far: what is unpacked is taken away again in between. */
function watchGrowth(folder: string, ofBytes: number, tell: TellProgress): { readonly stop: () => void } {
  let bytes = 0;
  let stopped = false;
  const timer = setInterval(async () => {
    const size = await sizeOf(folder);
    bytes = Math.min(Math.max(bytes, size), ofBytes);
    if (!stopped) tell({ bytes, ofBytes });
  }, TELL_MS);
  tell({ bytes, ofBytes });
  return {
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

/** Gives what opens the lock again. The lock of a process that has died is taken away. */
async function lock(file: string, signal: AbortSignal): Promise<() => Promise<void>> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const handle = await open(file, "wx", 0o644);
      await handle.writeFile(`${process.pid} ${birthOf(process.pid)}`);
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const [pid = "", birth = ""] = (await readFile(file, "utf8").catch(() => "")).split(" ");
    if (birth !== "" && birthOf(Number(pid)) !== birth) await rm(file, { force: true });
    else await wait(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function removeLeftovers({ folder }: SoftwareSettings, software: Software): Promise<void> {
  const start = `${nameOf(software)}.unfinished-`;
  for (const name of await readdir(folder))
    if (name.startsWith(start)) await rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 });
}

async function checkDisk({ folder }: SoftwareSettings, software: Software): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= software.fetchBytes + DISK_BYTES_LEFT) return;
  const [needed, free] = [software.fetchBytes + DISK_BYTES_LEFT, bavail * bsize].map(inGigabytes);
  throw missing(`${titleOf(software)} needs ${needed} GB of disk to be fetched; ${folder} has ${free} GB`);
}

/** The numeric users that run nodes must be able to read what the service's user has fetched, whatever its umask. */
async function letAllRead(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await letAllRead(path);
    else if (entry.isFile()) await chmod(path, ((await lstat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

/** All of them; a folder that goes away meanwhile has none. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const path of await filesBelow(folder)) bytes += (await lstat(path).catch(() => undefined))?.size ?? 0;
  return bytes;
}

async function findFolder(folder: string): Promise<string | undefined> {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true ? folder : undefined;
}

function folderOf({ folder }: Pick<SoftwareSettings, "folder">, software: Software): string {
  return join(folder, nameOf(software));
}

function nameOf({ name, version }: Software): string {
  return `${name}-${version}`;
}

function titleOf({ name, version }: Software): string {
  return `${name} ${version}`;
}

function inGigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}

function missing(message: string): Fault {
  return new Fault("unavailable", "engine-missing", message);
}
