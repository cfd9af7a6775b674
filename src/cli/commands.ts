/** What every command shares: the options that stand before or after it, the connection, and the printing of its result. */
import { readFile } from "node:fs/promises";
import { text as readText } from "node:stream/consumers";
import { type Command, InvalidArgumentError } from "commander";
import { processEnvironment, readClientConfig } from "../config.ts";
import { type Client, connect } from "./client.ts";
import { CommandFailure, EXIT } from "./failure.ts";

/** Options of the whole program, which commander takes before or after the command's name. */
interface SharedOptions {
  readonly json?: boolean;
  readonly url?: string;
  readonly username?: string;
  readonly password?: string;
  readonly project?: string;
  readonly token?: string;
  readonly workspace?: string;
  readonly dataDir?: string;
}

export function addSharedOptions(program: Command): void {
  program
    .option("--json", "print JSON, for scripts")
    .option("--url <address>", "the server (AZALAI_URL; else the one that runs on the data folder)")
    .option("--username <name>", "who asks (AZALAI_USERNAME)")
    .option("--password <text>", "their password (better: AZALAI_PASSWORD)")
    .option("--project <name>", "name or id of the project (AZALAI_PROJECT)")
    .option("--token <text>", "a token instead of a log-in (better: AZALAI_TOKEN)")
    .option("--workspace <id>", "the workspace inside the project (AZALAI_WORKSPACE)")
    .option(
      "--data-dir <folder>",
      "where the server keeps its data and its credentials.json (AZALAI_DATA_DIR)",
    );
}

export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<SharedOptions>().json === true;
}

/** Logs in with what flags and environment say. */
export async function connectFor(command: Command): Promise<Client> {
  const { json: _, ...flags } = command.optsWithGlobals<SharedOptions>();
  const read = readClientConfig(flags, processEnvironment());
  if ("problems" in read) throw new CommandFailure(EXIT.usage, read.problems.join("\n"));
  return connect(read.config);
}

/** For `parseArg`: a whole number from `least` on. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
  };
}

/** For `parseArg` of a repeatable `name=value`. */
export function nameAndValue(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError("It must be written name=value.");
  return { ...earlier, [name]: value };
}

/** A part of a path, encoded. */
export function part(text: string | number): string {
  return encodeURIComponent(text);
}

/** Whether there is something at the path. */
export async function exists(client: Client, path: string): Promise<boolean> {
  try {
    await client.send("GET", path);
    return true;
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === EXIT.notFound) return false;
    throw error;
  }
}

/** What the file holds as JSON; `-` is standard input. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(file === "-" ? await readText(process.stdin) : await readFile(file, "utf8"));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(EXIT.usage, `${file}: ${why}`, error);
  }
}

/** As `readJson`, of an object with a name; `what` it is says the refusal of anything else. */
export async function readNamed(file: string, what: string): Promise<{ readonly name: string }> {
  const value = await readJson(file);
  if (typeof value === "object" && value !== null && "name" in value && typeof value.name === "string")
    return { ...value, name: value.name };
  throw new CommandFailure(EXIT.usage, `${file}: ${what} is a JSON object with a name`);
}
