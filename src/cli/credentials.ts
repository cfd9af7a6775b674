/** The log-in that the first start of a server leaves in its data folder. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailure, EXIT } from "./failure.ts";

/** What `credentials.json` holds; written once, by the server's first start, mode 0600. */
export interface Credentials {
  readonly projectId: string;
  readonly projectName: string;
  readonly userName: string;
  readonly password: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** What `GET /metrics` asks for. */
  readonly metricsToken?: string;
}

export function credentialsFile(dataDir: string): string {
  return join(dataDir, "credentials.json");
}

/** The credentials of the data folder; undefined when it has none. */
export async function findCredentials(dataDir: string): Promise<Credentials | undefined> {
  const file = credentialsFile(dataDir);
  try {
    return JSON.parse(await readFile(file, "utf8")) as Credentials;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(EXIT.failed, `${file} cannot be read: ${why}`, error);
  }
}

/** The system's name of an error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
