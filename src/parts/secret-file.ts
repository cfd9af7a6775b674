/** A secret that this installation makes for itself and keeps in its data folder. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

/** What stands in the file; on the first call a new secret, which the file keeps from then on, readable by its owner alone. */
export async function readOrCreateSecret(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    const secret = randomBytes(24).toString("base64url");
    await writeFile(file, secret, { mode: 0o600, flush: true });
    return secret;
  }
}
