/** A process that was made ready once and does one attempt after the other, as long as nothing speaks against it. */
import type { AttemptFolder } from "./attempt-folder.ts";
import {
  createFrameReader,
  END,
  EXIT,
  type ExitReport,
  encodeFrame,
  encodeJsonFrame,
  PREPARE,
  START,
  STDERR,
  STDOUT,
  type StartRequest,
} from "./frames.ts";
import { baseEnvironment, type CommandHost, followCommand } from "./running-command.ts";
import type { PooledSession } from "./session-pool.ts";
import type { OperatorSettings } from "./settings.ts";
import type { ChildHandlers, LastingChild, RunningChild, SpawnerLink } from "./spawner-link.ts";

/**
 * The program of a prepared process: it speaks the frames of `frames.ts` on its stdin and stdout. At `PREPARE` it makes
 * ready what the next attempt will use, so that this takes no time of it; attempts may come without one.
 */
export interface PreparedProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Whether it runs at a lower priority than other processes. */
  readonly background: boolean;
}

/** Runs one command at a time; after one that leaves a doubt it is ended before the command's end is told. */
export interface PreparedProcess extends CommandHost, PooledSession {}

interface Parts {
  readonly settings: OperatorSettings;
  readonly spawner: SpawnerLink;
  /** A new folder of the process's user. */
  readonly makeFolder: () => Promise<AttemptFolder>;
  /** Has a folder removed behind the scenes. */
  readonly discard: (folder: AttemptFolder) => void;
  /** Once the process has ended: its user is free again. */
  readonly release: () => void;
}

interface Attempt extends ChildHandlers {
  readonly settle: (report: ExitReport | undefined) => void;
  /** An end on request leaves a doubt in any case. */
  aborted: boolean;
}

/** Starts the program; commands wait in its stdin until it is ready. */
export async function startPreparedProcess(parts: Parts, program: PreparedProgram): Promise<PreparedProcess> {
  const { settings, spawner } = parts;
  const home = await parts.makeFolder();
  let current: Attempt | undefined;
  let alive = true;
  let complaint: (chunk: Buffer) => void = () => undefined;
  const read = createFrameReader((kind, _, payload) => {
    if (kind === STDOUT) current?.onOutput("stdout", Buffer.from(payload));
    if (kind === STDERR) current?.onOutput("stderr", Buffer.from(payload));
    if (kind === EXIT) void conclude(JSON.parse(payload.toString()));
  });
  const child: LastingChild = await spawner.start(requestOf(settings, home, program), {
    onOutput: (kind, chunk) => {
      if (kind === "stderr") complaint(chunk);
      else if (!read(chunk)) child.end(0);
    },
  });
  const gone = child.ended.then((report) => {
    alive = false;
    parts.discard(home);
    parts.release();
    current?.settle(report && { ...report, ...(report.exitCode === 0 && { exitCode: 1 }) });
    current = undefined;
  });

  async function conclude(report: ExitReport): Promise<void> {
    const attempt = current;
    if (attempt === undefined) return;
    if (attempt.aborted || report.signal !== undefined || report.doubt === true) alive = false;
    else if ((await child.sweep()) !== 0) alive = false;
    if (current !== attempt) return; // the whole process has ended meanwhile, and said so
    current = undefined;
    if (alive) child.write(encodeFrame(PREPARE, 0, Buffer.alloc(0)));
    else await close();
    attempt.settle(report);
  }

  async function close(): Promise<void> {
    alive = false;
    child.end(0);
    await gone;
  }

  function start(request: StartRequest, handlers: ChildHandlers): RunningChild {
    const { promise: ended, resolve: settle } = Promise.withResolvers<ExitReport | undefined>();
    const attempt: Attempt = { ...handlers, settle, aborted: false };
    current = attempt;
    complaint = (chunk) => attempt.onOutput("stderr", chunk);
    if (alive) child.write(encodeJsonFrame(START, 0, request));
    else void child.ended.then(settle);
    return {
      ended,
      end: (graceMs) => {
        attempt.aborted = true;
        child.write(encodeJsonFrame(END, 0, { graceMs }));
        const killing = setTimeout(() => child.end(0), graceMs);
        void ended.then(() => clearTimeout(killing));
      },
    };
  }

  return {
    usable: () => alive,
    close,
    withFolder: (_, body) => lendFolder(parts, body),
    run: (folder, command) =>
      followCommand(settings, folder, command, async (request, handlers) => start(request, handlers)),
  };
}

function requestOf(settings: OperatorSettings, home: AttemptFolder, program: PreparedProgram): StartRequest {
  return {
    ...program,
    environment: { ...baseEnvironment(settings, home), ...program.environment },
    folder: home.path,
    ...(home.uid !== undefined && { uid: home.uid }),
    takesInput: true,
    outputBytesMax: Number.MAX_SAFE_INTEGER, // the program itself holds each attempt to its limit
  };
}

async function lendFolder<T>(
  { makeFolder, discard }: Parts,
  body: (folder: AttemptFolder) => Promise<T>,
): Promise<T> {
  const folder = await makeFolder();
  try {
    return await body(folder);
  } finally {
    discard(folder);
  }
}
