/** Where the server of a data folder listens at present: left by `serve` for the commands on the same machine. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "./credentials.ts";

const fileOf = (dataDir: string) => join(dataDir, "address");

export async function findAddress(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(fileOf(dataDir), "utf8")).trim() || undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
}

export async function keepAddress(dataDir: string, url: string): Promise<void> {
  await writeFile(fileOf(dataDir), `${url}\n`, { mode: 0o600 });
}

export async function forgetAddress(dataDir: string): Promise<void> {
  await rm(fileOf(dataDir), { force: true });
}
