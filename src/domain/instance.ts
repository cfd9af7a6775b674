/** One run of a job and of its nodes. How it goes on: progress.ts. */
import type { InstanceState, NodeRunState } from "./states.ts";

/** Why there is an instance. */
export const INSTANCE_ORIGINS = [
  "schedule",
  "manual",
  "backfill",
  "test",
  "event",
  "once",
  "sub-job",
  "stream",
  "job-execution",
] as const;
export type InstanceOrigin = (typeof INSTANCE_ORIGINS)[number];

export interface Instance {
  readonly projectId: string;
  readonly id: number;
  readonly workspaceId: string;
  readonly jobId: number | null;
  readonly jobVersion: number | null;
  readonly jobName: string;
  readonly origin: InstanceOrigin;
  readonly state: InstanceState;
  readonly nodeCount: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly plannedAt: Date;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** Somebody ended it as succeeded, whatever its nodes did. */
  readonly forceSuccess: boolean;
  /** A failed node was passed over by its IGNORE policy. */
  readonly ignoreSuccess: boolean;
  readonly errorMessage: string | null;
  /** How often it was begun anew after it had ended. */
  readonly reruns: number;
  /** 0 is the highest; that of a backfill or of an execution may differ from its job's. */
  readonly priority: number;
  /** It takes only what other work leaves: its processes wait for slots that nobody else wants. */
  readonly background: boolean;
}

/**
 * An instance as it looks at `now`: one that was planned ahead waits for its time, whatever is written of it already. It
 * begins at its planned time to the millisecond.
 */
export function shownAt<Shown extends Pick<Instance, "origin" | "state" | "plannedAt" | "startedAt">>(
  instance: Shown,
  now: Date,
): Shown {
  const { origin, state, plannedAt, startedAt } = instance;
  const isAhead = origin === "schedule" && state === "running" && plannedAt > now;
  if (!isAhead || startedAt?.getTime() !== plannedAt.getTime()) return instance;
  return { ...instance, state: "waiting", startedAt: null };
}

/**
 * Where attempts count against a server's capacity: `inline` costs nothing but a promise, `process` is a child process
 * or a query, `stream` is held by a real-time node for as long as it lives, `child` by a node that waits for instances
 * of its own, `remote` by one that follows work on a cluster. `background` is a process of a background instance: it uses
 * the slots that `process` leaves.
 */
export const LANES = ["inline", "process", "stream", "child", "remote", "background"] as const;
export type Lane = (typeof LANES)[number];

/** A lane that a node has by its type. */
export type OwnLane = Exclude<Lane, "background">;

export interface NodeRun {
  /** Place of the node in the pinned definition, in topological order. */
  readonly nodeNo: number;
  readonly state: NodeRunState;
  /** Somebody holds it back: it does not start before they let it go. */
  readonly held: boolean;
  /** Its successors go on although it failed (its IGNORE policy) or was skipped (by hand). */
  readonly passed: boolean;
  /**
   * Grows with each try, reruns included; 0 before the first, and from 2 on after a rerun. The logs are kept by this
   * number.
   */
  readonly attempt: number;
  /** Tries since the instance (re)started that failed and were followed by another. */
  readonly tries: number;
  /** Tries since then that were lost with their server. */
  readonly losses: number;
  /** When it was or will be allowed to start; null before. */
  readonly readyAt: Date | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly exitCode: number | null;
  readonly message: string | null;
}
