/** What the operators that run one command share: its folder, its log, and what its end means. */
import type { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import { listedFiles } from "../domain/resource.ts";
import { checkFileName, type FilePlace } from "./attempt-folder.ts";
import { createLineTable } from "./line-table.ts";
import type { Outcome, OutputForm, Work, WorkContext } from "./operator.ts";
import type { CommandEnd, CommandHost } from "./running-command.ts";
import { leaveTable } from "./sql-rows.ts";

export interface NodeCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** `rows` where absent: the last line. */
  readonly outputForm?: OutputForm;
}

export interface CommandResult {
  readonly end: CommandEnd;
  /** What the end means; an operator may put its own in the place of a success. */
  readonly outcome: Outcome;
}

const COMPLAINT_LENGTH_MAX = 300;

/** Why this attempt may not run a command on this server; undefined when it may. */
export function refuseCommand(work: Work): Outcome | undefined {
  if (!work.localCommandsAllowed)
    return refuse(`The administrator does not let this project run ${work.type} nodes on the server.`);
  return undefined;
}

/** A failure that no further try can mend. */
export function refuse(message: string): Outcome {
  return { state: "failed", message, permanent: true };
}

function cancelled(signal: AbortSignal): Outcome {
  return { state: "cancelled", message: `ended on request (${String(signal.reason)})` };
}

/** The attempt's own files, and those of the project's buckets that its property `files` names. */
export function attemptFiles(
  work: Work,
  { buckets }: Pick<WorkContext, "buckets">,
): { readonly name: string; readonly open: () => Promise<Readable> }[] {
  const own = work.files.map(({ name, open }) => ({ name: checkFileName(name), open }));
  const named = [...bucketFiles(work)].map(([name, path]) => ({ name, open: () => buckets.open(path) }));
  return [...own, ...named];
}

/** Places them in the attempt's folder. */
export async function placeFiles(work: Work, folder: FilePlace, { buckets }: WorkContext): Promise<void> {
  for (const file of work.files) await folder.write(checkFileName(file.name), await file.open());
  for (const [name, path] of bucketFiles(work)) {
    const local = await buckets.localPath(path);
    if (local !== undefined && (await folder.place(name, local))) continue;
    await folder.write(name, await buckets.open(path));
  }
}

/** Name in the folder, and path: the property `files` holds `obs://bucket/key`, parted by commas or lines. */
function bucketFiles(work: Work): Map<string, string> {
  const named = new Map<string, string>();
  const taken = new Set(work.files.map((file) => file.name));
  for (const path of listedFiles(work.properties.files ?? "")) {
    const name = checkFileName(path.slice(path.lastIndexOf("/") + 1));
    if (named.has(name) || taken.has(name))
      throw new Fault("invalid", "reference-invalid", `Two files of the node would be called "${name}".`);
    named.set(name, path);
  }
  return named;
}

/** The names that `placeFiles` gives. */
export function placedNames(work: Work): string[] {
  return [...work.files.map((file) => file.name), ...bucketFiles(work).keys()];
}

/** A name for a file of our own that none of the attempt's files has. */
export function freeFileName(work: Work, name: string): string {
  const taken = new Set(placedNames(work));
  return taken.has(name) ? freeFileName(work, `_${name}`) : name;
}

/** Runs the command, streams its output to the log, and says what its end means. */
export async function runCommand<Folder extends FilePlace>(
  host: Pick<CommandHost<Folder>, "run">,
  folder: Folder,
  command: NodeCommand,
  context: WorkContext,
): Promise<CommandResult> {
  let complaint = "";
  const lines = command.outputForm === "table" ? createLineTable() : undefined;
  const end = await host.run(folder, {
    command: command.command,
    args: command.args,
    environment: command.environment ?? {},
    ...(command.stdin !== undefined && { stdin: command.stdin }),
    signal: context.signal,
    background: context.background,
    ...(context.stopGraceMs !== undefined && { stopGraceMs: context.stopGraceMs }),
    onOutput: (kind, chunk) => {
      if (kind === "stderr") complaint = (complaint + chunk.toString()).slice(-2 * COMPLAINT_LENGTH_MAX);
      else lines?.add(chunk);
      context.log(chunk);
    },
  });
  if (end.droppedBytes > 0) context.log(`\n[${end.droppedBytes} more bytes of output were dropped]\n`);
  const outcome = outcomeOf(command.command, end, complaint, context.signal);
  if (lines === undefined || outcome.state !== "succeeded") return { end, outcome };
  return { end, outcome: { ...outcome, ...leaveTable(lines.table(), "table") } };
}

function outcomeOf(command: string, end: CommandEnd, complaint: string, signal: AbortSignal): Outcome {
  if (end.hostLost !== undefined)
    return signal.aborted
      ? { state: "cancelled", message: end.hostLost }
      : { state: "failed", message: end.hostLost };
  if (signal.aborted) return cancelled(signal);
  if (end.lost === true)
    return {
      state: "failed",
      message: "the server's spawner of processes was lost, and this process with it",
    };
  if (end.refusal !== undefined) return refusalOutcome(command, end.refusal);
  if (end.signal !== undefined) return { state: "failed", message: describeSignal(end.signal) };
  const exitCode = end.exitCode ?? 1;
  if (exitCode === 0) return { state: "succeeded", output: end.lastLine, exitCode };
  const last = complaint.trim().split(/\r?\n/).at(-1)?.slice(-COMPLAINT_LENGTH_MAX) ?? "";
  return {
    state: "failed",
    message: last === "" ? `exit code ${exitCode}` : `exit code ${exitCode}: ${last}`,
    exitCode,
  };
}

function refusalOutcome(command: string, refusal: string): Outcome {
  if (refusal === "ENOENT")
    return refuse(`${command} is not installed on this server, or its users cannot reach it`);
  if (refusal === "E2BIG")
    return refuse("the arguments and the environment are longer than the system allows");
  return { state: "failed", message: `${command} could not be started: ${refusal}` };
}

function describeSignal(signal: string): string {
  if (signal === "SIGKILL") return "killed (SIGKILL), by itself or for want of memory on the server";
  if (signal === "SIGXFSZ") return "ended by the limit on the size of a file (SIGXFSZ)";
  if (signal === "SIGXCPU") return "ended by the limit on processor time (SIGXCPU)";
  return `ended by ${signal}`;
}

/** The value of a property that must be there; Fault `reference-invalid` else. */
export function requireProperty(work: Work, name: string): string {
  const value = work.properties[name];
  if (value === undefined || value === "")
    throw new Fault(
      "invalid",
      "reference-invalid",
      `The ${work.type} node "${work.nodeName}" lacks its property ${name}.`,
    );
  return value;
}

/**
 * Runs `body`. What it found wrong with the attempt itself becomes a failure that is not tried again; what goes wrong
 * after the attempt was aborted is the abort's doing.
 */
export async function settleAttempt(signal: AbortSignal, body: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return signal.aborted ? cancelled(signal) : await body();
  } catch (error) {
    if (signal.aborted) return cancelled(signal);
    if (!(error instanceof Fault)) throw error;
    return {
      state: "failed",
      message: error.message,
      ...(error.kind !== "unavailable" && { permanent: true }),
    };
  }
}

/** The failure of a node by what a database or a file's reader said; other errors, and those of a stop, are thrown on. */
export function failedBy(error: unknown, { signal, log }: WorkContext): Outcome {
  if (signal.aborted || error instanceof Fault || !(error instanceof Error)) throw error;
  log(`ERROR: ${error.message}\n`);
  return { state: "failed", message: error.message };
}
