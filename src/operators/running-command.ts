/** A command while it runs: what it is given, where its output goes, how it ended. */
import type { AttemptFolder, FilePlace } from "./attempt-folder.ts";
import type { StartRequest } from "./frames.ts";
import type { OperatorSettings } from "./settings.ts";
import type { ChildHandlers, OutputKind, RunningChild } from "./spawner-link.ts";

export interface Command {
  /** Looked for in the settings' search path unless it holds a slash. */
  readonly command: string;
  readonly args: readonly string[];
  /** Beside a clean environment: search path, home and temporary folder (both the attempt's), and a UTF-8 locale. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** When aborted, the whole group is asked to end, and killed after the grace time. */
  readonly signal: AbortSignal;
  /** The grace time, where it is not the settings'. */
  readonly stopGraceMs?: number;
  /** Whether it runs at a lower priority than other processes. */
  readonly background: boolean;
  /** Each piece of output as it comes, up to the settings' `logBytesMax`. */
  readonly onOutput: (kind: OutputKind, chunk: Buffer) => void;
}

/** How a command ended; nothing of it is left running. */
export interface CommandEnd {
  readonly exitCode?: number;
  /** The signal that killed it. */
  readonly signal?: string;
  /** Why it could not be started, e.g. `ENOENT` for a command that is not there. */
  readonly refusal?: string;
  /** The spawner was lost, and the command with it. */
  readonly lost?: boolean;
  /** What is known of a command whose host was lost. */
  readonly hostLost?: string;
  readonly droppedBytes: number;
  /** The last line of stdout that is not empty; cut at its end part when very long. */
  readonly lastLine: string;
}

/** Where commands run: each in a folder that was made for it. */
export interface CommandHost<Folder extends FilePlace = AttemptFolder> {
  /** Gives `body` a new folder of the project, which is removed soon after the body is through. */
  readonly withFolder: <T>(projectId: string, body: (folder: Folder) => Promise<T>) => Promise<T>;
  readonly run: (folder: Folder, command: Command) => Promise<CommandEnd>;
}

type StartChild = (request: StartRequest, handlers: ChildHandlers) => Promise<RunningChild>;

const LAST_LINE_BYTES_MAX = 64 * 1024;

/** Has `start` run the command, passes its output on, and ends it on an abort. */
export async function followCommand(
  settings: OperatorSettings,
  folder: AttemptFolder,
  command: Command,
  start: StartChild,
): Promise<CommandEnd> {
  const lastLine = createLastLine();
  if (command.signal.aborted) return { droppedBytes: 0, lastLine: "" };
  const child = await start(
    {
      command: command.command,
      args: command.args,
      folder: folder.path,
      environment: { ...baseEnvironment(settings, folder), ...command.environment },
      ...(folder.uid !== undefined && { uid: folder.uid }),
      ...(command.stdin !== undefined && { stdin: command.stdin }),
      outputBytesMax: settings.logBytesMax,
      background: command.background,
    },
    {
      onOutput: (kind, chunk) => {
        if (kind === "stdout") lastLine.add(chunk);
        command.onOutput(kind, chunk);
      },
    },
  );
  const end = () => child.end(graceMs());
  // What a server does that lost its place is done again elsewhere: its processes get no time to end in their own way.
  const graceMs = () =>
    command.signal.reason === "lost" ? 0 : (command.stopGraceMs ?? settings.killGraceMs);
  if (command.signal.aborted) end(); // while the spawner was being started
  command.signal.addEventListener("abort", end, { once: true });
  const report = await child.ended;
  command.signal.removeEventListener("abort", end);
  if (report === undefined) return { lost: true, droppedBytes: 0, lastLine: lastLine.text() };
  const { droppedTail, ...rest } = report;
  lastLine.add(Buffer.from(droppedTail));
  return { ...rest, lastLine: lastLine.text() };
}

/** What every process begins with. */
export function baseEnvironment(settings: OperatorSettings, folder: AttemptFolder): Record<string, string> {
  return { PATH: settings.searchPath, HOME: folder.path, TMPDIR: folder.path, LANG: "C.UTF-8" };
}

/** Keeps the last line that is not empty of a stream of pieces. */
export function createLastLine() {
  let tail: Buffer = Buffer.alloc(0);
  return {
    add: (chunk: Buffer) => {
      tail = Buffer.concat([tail, chunk.subarray(-LAST_LINE_BYTES_MAX)]).subarray(-LAST_LINE_BYTES_MAX);
    },
    text: () => tail.toString().trimEnd().split(/\r?\n/).at(-1) ?? "",
  };
}
