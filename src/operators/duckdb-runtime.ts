/** Puts what a DuckDB process needs where the users of projects can reach it. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Fault } from "../domain/fault.ts";

export interface DuckdbRuntime {
  readonly nodePath: string;
  /** The file of `duckdb-child`. */
  readonly childPath: string;
}

interface Part {
  readonly from: string;
  readonly to: string;
}

const PACKAGE = "@duckdb/node-api";

/** Where the parts lie in this installation; fault `engine-missing` when DuckDB is not installed. */
export function findDuckdbRuntime(nodePath: string): DuckdbRuntime {
  packageFolders();
  return { nodePath, childPath: besideThis("duckdb-child") };
}

/**
 * The same, placed under `folder` once for each version: other users can neither pass through a closed home folder
 * nor change what they run. Files are linked where that is possible, else copied (about 200 MB).
 */
export async function placeDuckdbRuntime(nodePath: string, folder: string): Promise<DuckdbRuntime> {
  const child = besideThis("duckdb-child");
  const parts: Part[] = [
    { from: await realpath(nodePath), to: "node" },
    ...[child, besideThis("frames")].map((from) => ({ from, to: basename(from) })),
    ...packageFolders().map(({ name, path }) => ({ from: path, to: join("node_modules", name) })),
  ];
  const target = join(folder, `duckdb-${await fingerprint(parts)}`);
  if (!existsSync(target)) await place(parts, folder, target);
  return { nodePath: join(target, "node"), childPath: join(target, basename(child)) };
}

async function place(parts: readonly Part[], folder: string, target: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await chmod(folder, 0o755);
  const draft = await mkdtemp(join(folder, "draft-"));
  try {
    for (const part of parts) await placeTree(part.from, join(draft, part.to));
    await writeFile(join(draft, "package.json"), '{"type":"module"}\n', { mode: 0o644 });
    await chmod(draft, 0o755);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // else another server was first
  }
}

async function placeTree(from: string, to: string): Promise<void> {
  const source = await stat(from);
  await mkdir(dirname(to), { recursive: true, mode: 0o755 });
  if (!source.isDirectory()) return await placeFile(from, to, source.mode);
  await mkdir(to, { recursive: true, mode: 0o755 });
  for (const name of await readdir(from)) await placeTree(join(from, name), join(to, name));
}

async function placeFile(from: string, to: string, mode: number): Promise<void> {
  const readable = (mode & 0o004) !== 0;
  // Another file system, or one that knows no links: then by copy.
  if (
    readable &&
    (await link(from, to).then(
      () => true,
      () => false,
    ))
  )
    return;
  await copyFile(from, to);
  await chmod(to, (mode & 0o100) === 0 ? 0o644 : 0o755);
}

function packageFolders(): { name: string; path: string }[] {
  try {
    const api = folderOf(PACKAGE, import.meta.url);
    const bindings = folderOf("@duckdb/node-bindings", join(api, "package.json"));
    const from = join(bindings, "package.json");
    const platform = `@duckdb/node-bindings-${process.platform}-${process.arch}`;
    const native = [platform, `${platform}-musl`].map((name) => ({ name, path: findFolder(name, from) }));
    return [
      { name: PACKAGE, path: api },
      { name: "@duckdb/node-bindings", path: bindings },
      { name: "detect-libc", path: findFolder("detect-libc", from) },
      ...native,
    ].flatMap(({ name, path }) => (path === undefined ? [] : [{ name, path }]));
  } catch (cause) {
    throw new Fault(
      "unsupported",
      "engine-missing",
      `DuckDB is not installed on this server (package ${PACKAGE}).`,
      { cause },
    );
  }
}

function findFolder(name: string, from: string): string | undefined {
  try {
    return folderOf(name, from);
  } catch {
    return undefined; // built for another system, or left out
  }
}

function folderOf(name: string, from: string): string {
  return dirname(createRequire(from).resolve(`${name}/package.json`));
}

/** Source file or compiled file, as this one is. */
function besideThis(name: string): string {
  return fileURLToPath(import.meta.url).replace(/duckdb-runtime(\.[jt]s)$/, `${name}$1`);
}

async function fingerprint(parts: readonly Part[]): Promise<string> {
  const hash = createHash("sha256");
  for (const { from } of parts) {
    const { size, mtimeMs } = await stat(from);
    hash.update(`${from} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}
