/** Engines that this server starts on its machine: one of a kind for each project, watched, found again after a restart, ended when idle. */
import { mkdir, open, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import { type EngineState, isRunning, startEngine, stopEngine } from "./engine-process.ts";
import type { Isolation } from "./isolation.ts";
import type { EngineFiles, EnginePlace, LocalEngine } from "./local-engine.ts";
import type { LocalSoftware } from "./local-software.ts";
import type { WorkContext } from "./operator.ts";
import { orAborted } from "./or-aborted.ts";
import { birthOf } from "./process-table.ts";
import type { OperatorSettings } from "./settings.ts";

export interface LocalClusters {
  /**
   * Gives `body` the project's engine, which stays as long as that runs: the one that is there, else a new one, its software
   * fetched first. `log` hears what is waited for. Fault `engine-missing` or `server-unavailable` with the reason where none can be had.
   */
  readonly use: <T>(
    engine: LocalEngine,
    projectId: string,
    context: Pick<WorkContext, "signal" | "log">,
    body: (place: EnginePlace) => Promise<T>,
  ) => Promise<T>;
  /** Ends what no other server of this machine uses. */
  readonly stop: () => Promise<void>;
}

export interface LocalClusterSettings {
  /** Holds their state, their logs and what they keep. */
  readonly folder: string;
  /** False: no engine is ever started. */
  readonly allowed: boolean;
  readonly idleMs: number;
  /** So many run at a time on this machine. */
  readonly most: number;
  readonly now: () => Date;
  /** How often it is looked what is idle. */
  readonly roundMs?: number;
}

export interface LocalClusterParts {
  readonly settings: LocalClusterSettings;
  readonly operators: OperatorSettings;
  readonly isolation: Isolation;
  readonly software: Pick<LocalSoftware, "ensure">;
}

const START_MS = 300_000;
const LOOK_AGAIN_MS = 100;
const ANSWER_MS = 5_000;
const ROUND_MS = 15_000;
const TELL_STEP = 0.1;
const LOG_TAIL = 2000;

export function createLocalClusters(parts: LocalClusterParts): LocalClusters {
  const { settings, software } = parts;
  const folder = join(settings.folder, hostname());
  const leases = new Map<string, number>();
  const starts = new Map<string, Promise<EnginePlace>>();
  const stopping = new AbortController();
  let round: NodeJS.Timeout | undefined;

  const placeOf = (engine: string, projectId: string) => engineFiles(folder, projectId, engine);

  /** One at a time for each engine; who leaves does not end the start. */
  async function ensure(engine: LocalEngine, projectId: string, log: Log): Promise<EnginePlace> {
    const files = placeOf(engine.name, projectId);
    const running = starts.get(files.state) ?? findOrStart(engine, projectId, files, log);
    starts.set(files.state, running);
    return await running.finally(() => starts.delete(files.state));
  }

  async function findOrStart(
    engine: LocalEngine,
    projectId: string,
    files: EngineFiles,
    log: Log,
  ): Promise<EnginePlace> {
    const found = await findAnswering(engine, files, stopping.signal);
    if (found !== undefined) return found;
    const home = await software.ensure(engine.software, stopping.signal, tellFetch(engine, log));
    await makeRoom(log);
    const begun = performance.now();
    log(`Starting ${engine.title} of this project.\n`);
    const state = await startEngine(parts, engine, { projectId, files, software: home });
    await untilAnswering(engine, files, state, stopping.signal);
    log(`${engine.title} answers after ${((performance.now() - begun) / 1000).toFixed(1)} s.\n`);
    return state;
  }

  /** Ends an engine that nobody uses where there are too many, or waits until there is one. */
  async function makeRoom(log: Log): Promise<void> {
    for (let told = false; ; told = true) {
      const running = await listRunning(folder);
      if (running.length < settings.most) return;
      const idle = running.filter(({ files }) => (leases.get(files.state) ?? 0) === 0);
      const [oldest] = idle.sort((a, b) => a.usedMs - b.usedMs);
      if (oldest !== undefined && oldest.usedMs + ROUND_MS * 2 < settings.now().getTime()) {
        await stopEngine(oldest.files, oldest.state);
        continue;
      }
      if (!told) log(`Waiting: ${settings.most} engines run on this machine, as many as it may have.\n`);
      await wait(1000, undefined, { signal: stopping.signal });
    }
  }

  /** Those in use are marked as such for other servers too; those that nobody has used for long are ended. */
  async function look(): Promise<void> {
    const now = settings.now();
    for (const { files, state, usedMs } of await listRunning(folder)) {
      if ((leases.get(files.state) ?? 0) > 0) await utimes(files.state, now, now).catch(() => undefined);
      else if (now.getTime() - usedMs > settings.idleMs) await stopEngine(files, state);
    }
  }

  function watch(): void {
    if (round !== undefined || stopping.signal.aborted) return;
    const next = () => {
      round = setTimeout(
        () =>
          void look()
            .catch(() => undefined)
            .finally(next),
        settings.roundMs ?? ROUND_MS,
      ).unref();
      if (stopping.signal.aborted) clearTimeout(round);
    };
    next();
  }

  if (settings.allowed) watch();
  return {
    use: async (engine, projectId, { signal, log }, body) => {
      checkAllowed(settings, engine);
      const files = placeOf(engine.name, projectId);
      leases.set(files.state, (leases.get(files.state) ?? 0) + 1);
      try {
        await claim(files);
        const place = await orAborted(ensure(engine, projectId, log), signal);
        return await body(place);
      } finally {
        leases.set(files.state, (leases.get(files.state) ?? 1) - 1);
        const now = settings.now();
        await utimes(files.state, now, now).catch(() => undefined); // it has ended meanwhile
      }
    },
    stop: async () => {
      stopping.abort(new Fault("unavailable", "server-unavailable", "The server stops."));
      clearTimeout(round);
      await Promise.allSettled(starts.values());
      for (const { files, state } of await listRunning(folder)) {
        await rm(claimOf(files), { force: true });
        if (!(await isClaimed(files))) await stopEngine(files, state);
      }
    },
  };
}

type Log = (text: string) => void;

function engineFiles(folder: string, projectId: string, engine: string): EngineFiles {
  const start = join(folder, projectId, engine);
  return { state: `${start}.json`, log: `${start}.log`, claims: `${start}.users`, base: start };
}

function checkAllowed({ allowed }: LocalClusterSettings, { title }: LocalEngine): void {
  const missing = allowed
    ? process.platform !== "linux" && `${title} runs on Linux only`
    : `The administrator has switched local engines off (AZALAI_LOCAL_ENGINES): name a connection to a server`;
  if (missing !== false) throw new Fault("unsupported", "engine-missing", `${missing}.`);
}

interface RunningEngine {
  readonly files: EngineFiles;
  readonly state: EngineState;
  /** When it was last seen in use. */
  readonly usedMs: number;
}

async function listRunning(folder: string): Promise<RunningEngine[]> {
  const running: RunningEngine[] = [];
  for (const projectId of await readdir(folder).catch(() => []))
    for (const name of await readdir(join(folder, projectId)).catch(() => [])) {
      if (!name.endsWith(".json")) continue;
      const files = engineFiles(folder, projectId, name.slice(0, -".json".length));
      const state = await readState(files);
      const found = await stat(files.state).catch(() => undefined);
      if (state !== undefined && found !== undefined) running.push({ files, state, usedMs: found.mtimeMs });
    }
  return running;
}

/** The engine of the file, if it lives. */
async function readState(files: EngineFiles): Promise<EngineState | undefined> {
  const text = await readFile(files.state, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const state: EngineState = JSON.parse(text);
  return isRunning(state) ? state : undefined;
}

/** One that lives and does not answer is still starting, or is ended. */
async function findAnswering(
  engine: LocalEngine,
  files: EngineFiles,
  signal: AbortSignal,
): Promise<EnginePlace | undefined> {
  const state = await readState(files);
  if (state === undefined) return undefined;
  if (await engine.answers(state, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]))) return state;
  return await untilAnswering(engine, files, state, signal).then(
    () => state,
    () => undefined,
  );
}

async function untilAnswering(
  engine: LocalEngine,
  files: EngineFiles,
  state: EngineState,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const alive = isRunning(state);
    if (alive && (await engine.answers(state, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]))))
      return;
    if (!alive || signal.aborted || performance.now() > deadline) {
      await stopEngine(files, state);
      signal.throwIfAborted();
      const what = alive ? `does not answer within ${START_MS / 1000} s` : "ended while it started";
      throw new Fault(
        "unavailable",
        "server-unavailable",
        `${engine.title} ${what}: ${await lastWords(files)}`,
      );
    }
    await wait(LOOK_AGAIN_MS);
  }
}

/** The first complaint in the end of its log, else the last line. */
async function lastWords({ log }: EngineFiles): Promise<string> {
  const handle = await open(log).catch(() => undefined);
  if (handle === undefined) return "it left no log";
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, 16 * LOG_TAIL);
    const { buffer } = await handle.read({ buffer: Buffer.alloc(length), position: size - length });
    const lines = buffer
      .toString()
      .split("\n")
      .filter((line) => line.trim() !== "");
    const complaint =
      lines.find((line) => /error|exception|cannot|denied|not found/i.test(line)) ?? lines.at(-1);
    return complaint?.slice(0, LOG_TAIL).trim() ?? "it left no message";
  } finally {
    await handle.close();
  }
}

function tellFetch({ title }: LocalEngine, log: Log) {
  let told = -1;
  return ({ bytes, ofBytes }: { readonly bytes: number; readonly ofBytes: number }) => {
    const part = bytes / ofBytes;
    if (part - told < TELL_STEP) return;
    told = part;
    log(`Fetching ${title}: ${Math.floor(part * 100)} % of ${Math.round(ofBytes / 1e6)} MB.\n`);
  };
}

/** A file named after us for as long as we may use the engine. */
async function claim(files: EngineFiles): Promise<void> {
  await mkdir(files.claims, { recursive: true, mode: 0o700 });
  await writeFile(claimOf(files), "");
}

function claimOf({ claims }: EngineFiles): string {
  return join(claims, `${process.pid}-${birthOf(process.pid)}`);
}

async function isClaimed({ claims }: EngineFiles): Promise<boolean> {
  let claimed = false;
  for (const name of await readdir(claims).catch(() => [])) {
    const [pid = "", birth = ""] = name.split("-");
    if (birthOf(Number(pid)) === birth) claimed = true;
    else await rm(join(claims, name), { force: true });
  }
  return claimed;
}
