/** The work folder: opened by each server for a folder of its own, swept of servers and installations that are gone. */
import { chmod, lstat, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Fault } from "../domain/fault.ts";

/** Begins the name of the work folder of every installation on this machine. */
export const WORK_FOLDER_PREFIX = "azalai-work-";
/** A work folder in which nothing began or ended for so long, and no server lives, belongs to nobody any more. */
const ABANDONED_MS = 24 * 3600_000;

/**
 * Gives a folder of this server's own under the work folder. Faults `server-unavailable` for a work folder that is not
 * ours, and, where nodes run as users of their own, for one that these cannot reach.
 */
export async function openWorkFolder(workFolder: string, ownUsers: boolean): Promise<string> {
  await prepareFolder(workFolder);
  if (ownUsers) await checkReachable(workFolder);
  const serverFolder = await createServerFolder(workFolder);
  await removeAbandoned(workFolder);
  return serverFolder;
}

async function prepareFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o711 });
  const found = await lstat(path);
  // Where everybody may make folders, somebody may have made this one first, to own what is put into it.
  if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid))
    throw new Fault(
      "unavailable",
      "server-unavailable",
      `The work folder ${path} is not the service's own: remove it.`,
    );
  await chmod(path, 0o711); // to be passed through, not to be listed
}

async function checkReachable(path: string): Promise<void> {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0)
      throw new Fault(
        "unavailable",
        "server-unavailable",
        `The work folder ${path} cannot be reached by the users that nodes run as: ${folder} is closed to others.`,
      );
  }
}

/** A folder of this server's own under the work folder; those of servers that are gone are removed. */
async function createServerFolder(workFolder: string): Promise<string> {
  for (const name of await readdir(workFolder))
    if ((await ownerOf(name)) === "gone")
      await rm(join(workFolder, name), { recursive: true, force: true, maxRetries: 3 });
  const path = join(workFolder, `server-${process.pid}-${await birthOf("self")}`);
  await mkdir(path, { recursive: true, mode: 0o711 });
  await chmod(path, 0o711);
  return path;
}

/** Work folders of other data folders that nobody has used for a day: they hold copies of programs, and stay else. */
async function removeAbandoned(workFolder: string): Promise<void> {
  const { mtimeMs: now, uid } = await stat(workFolder);
  const siblings = await readdir(dirname(workFolder));
  for (const name of siblings) {
    if (!name.startsWith(WORK_FOLDER_PREFIX) || name === basename(workFolder)) continue;
    const path = join(dirname(workFolder), name);
    const found = await lstat(path).catch(() => undefined);
    const isOurs = found?.isDirectory() === true && found.uid === uid;
    if (!isOurs || now - found.mtimeMs < ABANDONED_MS) continue;
    const owners = await Promise.all((await readdir(path)).map(ownerOf));
    // What resists is looked at again at the next start.
    if (!owners.includes("living")) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Whose an entry of a work folder is. */
async function ownerOf(name: string): Promise<"living" | "gone" | "nobody"> {
  const [, pid, birth] = /^server-(\d+)-(\d+)$/.exec(name) ?? [];
  if (pid === undefined || birth === undefined) return "nobody";
  return (await birthOf(pid)) === birth ? "living" : "gone";
}

/** When the process was born, in the kernel's ticks: tells a number that was given out twice. `0` outside of Linux. */
async function birthOf(pid: string): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return line.slice(line.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
}
