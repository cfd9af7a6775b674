/** One run of a job: what it is, and the pure model of how it goes on when nodes end. */
import type { InstanceState, NodeRunState } from "./states.ts";

/** Why there is an instance. */
export type InstanceOrigin =
  | "schedule"
  | "manual"
  | "backfill"
  | "test"
  | "event"
  | "once"
  | "sub-job"
  | "stream"
  | "job-execution";

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
  readonly forceSuccess: boolean;
  /** A failed node was passed over by its IGNORE policy. */
  readonly ignoreSuccess: boolean;
  readonly errorMessage: string | null;
}

export interface NodeRun {
  /** Place of the node in the pinned definition. */
  readonly nodeNo: number;
  readonly state: NodeRunState;
  readonly attempt: number;
  readonly tries: number;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly exitCode: number | null;
  readonly message: string | null;
}
