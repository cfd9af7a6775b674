/** Where the master key comes from: a text that was given, or a file that is made on first use. */
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Fault } from "../domain/fault.ts";
import { findText, hasCode } from "./file-system.ts";
import { createMasterKey, type MasterKeys, parseMasterKey } from "./secrets.ts";

/**
 * The master keys of this server: `text` when there is one, else those in `file`, one a line, the newest first.
 * A missing file is made with a random key and mode 0600. Fault `server-unavailable` when a key is not 32 bytes.
 */
export async function openMasterKeys(source: {
  readonly text?: string;
  readonly file: string;
}): Promise<MasterKeys> {
  if (source.text !== undefined) return decodeKeys(source.text, "the given master key");
  return (await readKeyFile(source.file)) ?? (await createKeyFile(source.file));
}

async function readKeyFile(file: string): Promise<MasterKeys | undefined> {
  const text = await findText(file);
  return text === undefined ? undefined : decodeKeys(text, file);
}

async function createKeyFile(file: string): Promise<MasterKeys> {
  const key = createMasterKey();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${key.id}`;
  await writeFile(draft, `${key.bytes.toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    // A link fails when the file is there by now: of two servers that start at once, both use the first one's key.
    await link(draft, file);
  } catch (error) {
    if (!hasCode(error, ["EEXIST"])) throw error;
  } finally {
    await unlink(draft);
  }
  return decodeKeys(await readFile(file, "utf8"), file);
}

function decodeKeys(text: string, where: string): MasterKeys {
  const lines = text.split(/[\s,]+/).filter((line) => line !== "");
  const keys = lines.map((line) => parseMasterKey(line)).filter((key) => key !== undefined);
  const [current, ...previous] = keys;
  if (current === undefined || keys.length !== lines.length) {
    throw new Fault(
      "unavailable",
      "server-unavailable",
      `${where}: a master key is 32 bytes, as 64 hexadecimal digits or in Base64`,
    );
  }
  return { current, previous };
}
