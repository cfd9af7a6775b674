/** Questions about files that node's own calls answer with exceptions. */
import { access, readFile, rename, rm } from "node:fs/promises";

/** Whether `error` is a system or database error with one of `codes`, e.g. `ENOENT` or `40001`. */
export function hasCode(error: unknown, codes: readonly string[]): boolean {
  return (
    error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code)
  );
}

export async function exists(path: string): Promise<boolean> {
  return (await unlessMissing(access(path).then(() => true))) ?? false;
}

/** The file's text, or undefined where there is no such file. */
export function findText(path: string): Promise<string | undefined> {
  return unlessMissing(readFile(path, "utf8"));
}

/** What `pending` gives, or undefined when it fails because a file or folder (or a process, under /proc) does not exist. */
export async function unlessMissing<Value>(pending: Promise<Value>): Promise<Value | undefined> {
  try {
    return await pending;
  } catch (error) {
    if (hasCode(error, ["ENOENT", "ESRCH"])) return undefined;
    throw error;
  }
}

/** Moves a finished folder to its place; where another process was first, its folder stays and ours goes. */
export async function renameOnce(finished: string, place: string): Promise<void> {
  try {
    await rename(finished, place);
  } catch (error) {
    if (!hasCode(error, ["ENOTEMPTY", "EEXIST"])) throw error;
    await rm(finished, { recursive: true });
  }
}
