/** Runs the commands of one attempt on a host over SSH: in a folder of their own there, as one group that can be ended. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { ClientChannel } from "ssh2";
import { Fault } from "../domain/fault.ts";
import { createAddressGuard } from "./address-guard.ts";
import type { FilePlace } from "./attempt-folder.ts";
import type { Work, WorkContext } from "./operator.ts";
import { type Command, type CommandEnd, type CommandHost, createLastLine } from "./running-command.ts";
import type { OperatorSettings } from "./settings.ts";
import { loadSsh, type SshPackage, type SshTarget, sshTarget } from "./ssh-connection.ts";
import { openSshSession, type SshSession } from "./ssh-session.ts";

/** A folder on the host, until its commands begin. */
export interface SshFolder extends FilePlace {
  readonly session: SshSession;
  /** A shell's word for it, without anything that a user wrote. */
  readonly word: string;
  /** Our names of its files, and theirs, which are given when the command begins. */
  readonly names: ReadonlyMap<string, string>;
}

interface SshHostDeps {
  readonly settings: Pick<OperatorSettings, "logBytesMax" | "killGraceMs">;
  readonly target: SshTarget;
  /** For programs that shall do their work once, whatever becomes of the line. */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** From the end of a grace time until a host that does not tell of a program's end is given up. */
const END_WAIT_MS = 10_000;
const REACH_PAUSE_MS = 300;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Gives the host of a node's connection; undefined where it is this server. Faults as of `sshTarget`. */
export type Hosts = (work: Work, context: WorkContext) => Promise<CommandHost<SshFolder> | undefined>;

export function createHosts(
  settings: Pick<OperatorSettings, "allowedAddresses" | "logBytesMax" | "killGraceMs">,
): Hosts {
  const guard = createAddressGuard(settings.allowedAddresses);
  return async ({ connection, idempotencyKey }, { buckets, signal }) => {
    if (connection?.type !== "HOST" || connection.name === "local") return undefined;
    const target = await sshTarget(guard, connection, buckets);
    return await createSshHost({ settings, target, idempotencyKey, signal });
  };
}

async function createSshHost(deps: SshHostDeps): Promise<CommandHost<SshFolder>> {
  const ssh = await loadSsh();
  return {
    withFolder: async (_projectId, body) => {
      const session = await openSshSession(ssh, deps.target, deps.signal);
      const folder = createFolder(session);
      try {
        if (!(await session.succeeds(inShell(`mkdir -m 700 ${folder.word}`))))
          throw new Fault("unavailable", "server-unavailable", "No folder could be made on the host.");
        return await body(folder);
      } finally {
        await session.succeeds(inShell(`rm -rf ${folder.word}`)).catch(() => false);
        session.close();
      }
    },
    run: (folder, command) => runOnHost(ssh, deps, folder, command),
  };
}

/** The user's own shell may be any; ours is POSIX's. The text has no single quote. */
function inShell(text: string): string {
  return `/bin/sh -c '${text}'`;
}

function createFolder(session: SshSession): SshFolder {
  const word = `"\${TMPDIR:-/tmp}/azalai-${randomBytes(9).toString("hex")}"`;
  const names = new Map<string, string>();
  const write = async (name: string, content: string | Readable) => {
    const ours = `file${names.size}`;
    names.set(ours, name);
    if (
      !(await session.succeeds(
        inShell(`umask 077; cat > ${word}/${ours} && chmod 700 ${word}/${ours}`),
        Readable.from(content),
      ))
    )
      throw new Fault(
        "unavailable",
        "server-unavailable",
        `The file "${name}" could not be brought to the host.`,
      );
  };
  return { session, word, names, write, place: async () => false };
}

async function runOnHost(
  ssh: SshPackage,
  deps: SshHostDeps,
  folder: SshFolder,
  command: Command,
): Promise<CommandEnd> {
  if (command.signal.aborted) return { droppedBytes: 0, lastLine: "" };
  const channel = await folder.session.exec("/bin/sh");
  const output = followOutput(channel, command, deps.settings.logBytesMax);
  const exit = exitOf(channel, folder.session);
  const closed = new Promise((resolve) => channel.on("close", resolve));
  const program: Program = {
    exit,
    signal: async (name) => {
      const group = await Promise.race([output.group, exit.then(() => undefined)]);
      if (group !== undefined) await folder.session.succeeds(inShell(`kill -${name} -${group}`));
    },
  };
  const stopped = Promise.withResolvers<Lost>();
  const stop = () => void endProgram(deps, command, program).then((lost) => lost && stopped.resolve(lost));
  channel.end(launchText(folder, command, deps.idempotencyKey, output.mark));
  if (command.signal.aborted) stop();
  command.signal.addEventListener("abort", stop, { once: true });
  const end = await Promise.race([exit, stopped.promise]);
  command.signal.removeEventListener("abort", stop);
  if ("lost" in end) {
    const hostLost = await tellLoss(ssh, deps, folder, { reason: end.lost, group: output.found() });
    return { ...output.end(), hostLost };
  }
  // What the program has left running would keep the channel open.
  await program.signal("KILL").catch(() => undefined);
  await Promise.race([closed, folder.session.lost, delay(END_WAIT_MS, undefined, { ref: false })]);
  return { ...output.end(), ...end };
}

type Exit = Pick<CommandEnd, "exitCode" | "signal">;
interface Lost {
  readonly lost: string;
}

interface Program {
  readonly exit: Promise<Exit | Lost>;
  /** To its whole group. */
  readonly signal: (name: "TERM" | "KILL") => Promise<void>;
}

function exitOf(channel: ClientChannel, { lost }: SshSession): Promise<Exit | Lost> {
  const { promise, resolve } = Promise.withResolvers<Exit | Lost>();
  channel.on("exit", (code: number | null, signal?: string) =>
    resolve(code === null ? { signal: signal ?? "a signal" } : { exitCode: code }),
  );
  channel.on("error", () => undefined); // told by its close
  void lost.then((reason) => resolve({ lost: reason }));
  channel.on("close", () => resolve({ lost: "the host told nothing of its end" }));
  return promise;
}

/** Asks the program to end, and kills it after the grace time; gives a loss where the host does not tell of its end. */
async function endProgram(
  { settings }: SshHostDeps,
  { signal, stopGraceMs }: Command,
  program: Program,
): Promise<Lost | undefined> {
  const ended = async (waitMs: number) =>
    (await Promise.race([program.exit, delay(waitMs, undefined, { ref: false })])) !== undefined;
  try {
    if (signal.reason !== "lost") {
      await program.signal("TERM");
      if (await ended(stopGraceMs ?? settings.killGraceMs)) return undefined;
    }
    await program.signal("KILL");
  } catch {
    // The line is lost, or the host has no second command for us: its end is waited for all the same.
  }
  return (await ended(END_WAIT_MS)) ? undefined : { lost: "the host does not end the program" };
}

/** What becomes of a program whose line is lost nobody hears; a new line may end it. */
async function tellLoss(
  ssh: SshPackage,
  { target }: SshHostDeps,
  { word }: SshFolder,
  { reason, group }: { readonly reason: string; readonly group: number | undefined },
): Promise<string> {
  const told = `The line to the host was lost (${reason}): what the program did there is not known`;
  if (group === undefined) return `${told}, nor whether it began.`;
  const gone = await doneOnNewLine(ssh, target, inShell(`kill -KILL -${group}; rm -rf ${word}`));
  return gone ? `${told}. A new line was had, and it runs no more.` : `${told}, and it may run on.`;
}

/** For a host that may be away for a moment, and whose new line may be lost as well. */
async function doneOnNewLine(ssh: SshPackage, target: SshTarget, command: string): Promise<boolean> {
  const signal = AbortSignal.timeout(END_WAIT_MS);
  while (!signal.aborted) {
    const session = await openSshSession(ssh, target, signal).catch(() => undefined);
    const done = await session?.succeeds(command).catch(() => false);
    session?.close();
    if (done === true) return true;
    await delay(REACH_PAUSE_MS);
  }
  return false;
}

/** Read by a shell from its standard input, so that no list of processes shows what the user wrote. */
function launchText(
  { word, names }: SshFolder,
  { command, args, environment }: Command,
  idempotencyKey: string,
  mark: string,
): string {
  const variables = { ...environment, AZALAI_IDEMPOTENCY_KEY: idempotencyKey };
  return [
    `cd ${word} || exit 255`,
    ...[...names].map(([ours, theirs]) => `mv ${ours} ${quote(`./${theirs}`)} || exit 255`),
    `echo "${mark} $$"`,
    'export TMPDIR="$PWD"',
    ...Object.entries(variables)
      .filter(([name]) => VARIABLE.test(name))
      .map(([name, value]) => `export ${name}=${quote(value)}`),
    `exec ${[command, ...args].map(quote).join(" ")} </dev/null\n`,
  ].join("\n");
}

function quote(text: string): string {
  return `'${text.replaceAll("\0", "").replaceAll("'", "'\\''")}'`;
}

/** Passes output on up to a limit; takes out of it the line that tells the number of the program's group. */
function followOutput(channel: ClientChannel, { onOutput }: Command, bytesMax: number) {
  const mark = `azalai-${randomBytes(9).toString("hex")}`;
  const { promise: group, resolve } = Promise.withResolvers<number>();
  const lastLine = createLastLine();
  let found: number | undefined;
  let before: Buffer = Buffer.alloc(0);
  let passedBytes = 0;
  let droppedBytes = 0;
  const pass = (kind: "stdout" | "stderr", chunk: Buffer) => {
    if (kind === "stdout") lastLine.add(chunk);
    const part = chunk.subarray(0, bytesMax - passedBytes);
    passedBytes += part.length;
    droppedBytes += chunk.length - part.length;
    if (part.length > 0) onOutput(kind, part);
  };
  channel.on("data", (chunk: Buffer) => {
    if (found !== undefined) return pass("stdout", chunk);
    before = Buffer.concat([before, chunk]);
    const line = new RegExp(`${mark} (\\d+)\n`).exec(before.toString("latin1"));
    if (line === null) return;
    found = Number(line[1]);
    resolve(found);
    // A host may greet whoever logs in.
    pass("stdout", before.subarray(0, line.index));
    pass("stdout", before.subarray(line.index + line[0].length));
    before = Buffer.alloc(0);
  });
  channel.stderr.on("data", (chunk: Buffer) => pass("stderr", chunk));
  return {
    mark,
    group,
    found: () => found,
    end: () => {
      if (before.length > 0) pass("stdout", before);
      before = Buffer.alloc(0);
      return { droppedBytes, lastLine: lastLine.text() };
    },
  };
}
