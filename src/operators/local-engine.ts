/** The contract between what starts engines on this machine and those who know one kind of them. */
import type { SoftwareName } from "./local-software-versions.ts";
import type { WorkContext } from "./operator.ts";

/** In the engine's own folder: what it may write to, and keeps from one start to the next. */
export const ENGINE_DATA = "data";

/** In that folder too: what runs bring and take, each in a folder of its own. */
export const ENGINE_RUNS = "runs";

/** One kind of engine. */
export interface LocalEngine {
  /** A plain file name. */
  readonly name: string;
  readonly title: string;
  readonly software: SoftwareName;
  /** Writes what it needs into `base`, which is the engine's own folder, and gives its command line. */
  readonly prepare: (start: EngineStart) => Promise<EngineCommand>;
  /** Whether it answers at its port to who knows the secret. */
  readonly answers: (place: EnginePlace, signal: AbortSignal) => Promise<boolean>;
}

/** Where it answers: at the loopback address, to who knows the secret. */
export interface EnginePlace {
  readonly port: number;
  readonly secret: string;
  /** Its own folder as this process sees it, and as the engine does. */
  readonly base: string;
  readonly seenAs: string;
  /** Who it runs as; absent: the service's own user. */
  readonly uid?: number;
}

export interface EngineStart extends EnginePlace {
  /** Where its software lies. */
  readonly software: string;
}

export interface EngineCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What lends out a server of SQL. */
export interface LocalSqlServer {
  readonly use: <T>(
    projectId: string,
    context: Pick<WorkContext, "signal" | "log">,
    body: (place: EnginePlace) => Promise<T>,
  ) => Promise<T>;
}

/** Files about one engine, and its own folder. */
export interface EngineFiles {
  readonly state: string;
  readonly log: string;
  readonly claims: string;
  readonly base: string;
}
