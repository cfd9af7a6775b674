/** The contract between the run machine of clusters (cluster-work.ts) and what speaks to one kind of their services. */
import type { Readable } from "node:stream";
import type { JsonObject } from "../domain/cluster-services.ts";
import type { FlinkJarProgram } from "./flink-program.ts";
import type { FlinkSqlProgram } from "./flink-script.ts";
import type { ResumePoint, ServiceKind } from "./operator.ts";

/** Random, stored before anything of the work is on the cluster: tags, names and ids there are made of it. */
export type SubmissionKey = string;

/** One piece of work, resolved and staged; no secret is in arguments, confs or names that the cluster shows. */
export interface ClusterTask {
  readonly key: SubmissionKey;
  /** `<job>/<node>`, for humans on the cluster's own pages. */
  readonly name: string;
  readonly program: ClusterProgram;
  /** Settings of this run that reach the cluster's software. */
  readonly confs: Readonly<Record<string, string>>;
}

/** Discriminated by `form`; an adapter refuses forms that it does not know (`submission-refused`). */
export type ClusterProgram = CommandProgram | FlinkJarProgram | FlinkSqlProgram;

/** Any command: the files lie in its working folder. */
export interface CommandProgram {
  readonly form: "command";
  /** Begins with the command; reaches the process word by word, through no shell. */
  readonly argv: readonly string[];
  /** May hold secrets: it is handed over in a file, never where lists of processes or jobs show it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly files: readonly TaskFile[];
}

export interface TaskFile {
  /** Plain, or with folders in it. */
  readonly name: string;
  readonly open: () => Promise<Readable>;
}

export type LogStream = "stdout" | "stderr";

/**
 * Speaks to one service of one cluster. Its calls end with their signal, and after a bounded time: what nobody answers
 * is a Fault `cluster-unreachable` (kind `unavailable`: tried again, without an end), a wrong login a Fault
 * `cluster-login-refused`, and work that the cluster will never take a Fault `submission-refused`. Written as methods,
 * because one that knows its own form of handle has to stand where any handle may come.
 */
export interface ClusterAdapter<Handle extends JsonObject = JsonObject> {
  readonly kind: ServiceKind;
  /** What keeps a repeated submit from running the work twice: the id, a look-up by tag, or a claim by the work itself. */
  readonly submitOnce: "by-id" | "by-tag" | "by-claim";
  probe(signal: AbortSignal): Promise<ClusterProbe>;
  /** Obtains or derives the id; no work starts. What it gives is stored before `submit`: no secret, at most 64 KiB. */
  reserve(task: ClusterTask, signal: AbortSignal): Promise<Handle>;
  /** May be called again with the same handle: what is there already is a success. */
  submit(handle: Handle, task: ClusterTask, signal: AbortSignal): Promise<Handle>;
  /** In the order of the handles, in one call to the cluster where it has one; throws only where that does not answer. */
  statuses(handles: readonly Handle[], signal: AbortSignal): Promise<readonly WorkStatus[]>;
  /** A wish; what is not there is no fault. */
  cancel(handle: Handle, how: CancelWay, signal: AbortSignal): Promise<{ readonly savepoint?: string }>;
  /** From a byte on. `end`: nothing comes behind these bytes, where the work has ended. */
  logs(handle: Handle, stream: LogStream, from: number, signal: AbortSignal): Promise<LogPart>;
  /** The work of that key; null only where the cluster says for certain that there is none, else it throws. */
  find(key: SubmissionKey, signal: AbortSignal): Promise<Handle | null>;
  /** The cluster's own name for the work, as its pages show it. */
  engineId(handle: Handle): string | undefined;
  /** Of work that may go on for ever: the newest place from where other work can go on in its stead. */
  resumePoint?(handle: Handle, signal: AbortSignal): Promise<ResumePoint | undefined>;
}

export type CancelWay = "kill" | "stop-with-savepoint";

export interface ClusterProbe {
  readonly version: string;
  readonly detail: string;
}

export interface LogPart {
  readonly bytes: Buffer;
  /** Where the next part begins. */
  readonly next: number;
  readonly end: boolean;
}

export type WorkStatus =
  | { readonly state: "queued" | "running"; readonly progress?: number }
  | EndedStatus
  /** `forgotten`: the cluster answers, and does not know the work (any more). */
  | { readonly state: "unknown"; readonly why: string; readonly forgotten: boolean };

export interface EndedStatus {
  readonly state: "succeeded" | "failed" | "killed";
  readonly exitCode?: number;
  readonly reason?: string;
}
