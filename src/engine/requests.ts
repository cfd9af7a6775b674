/** What the engine's operations are asked for. */
import type { BackfillSpec } from "../domain/backfill.ts";
import type { CivilDate } from "../domain/civil-date.ts";
import type { InstanceOrigin } from "../domain/instance.ts";
import type { JobDefinition } from "../domain/job.ts";
import type { JobReference } from "../domain/schedule.ts";

/** A value for a parameter of the job, for this run or this start alone; it wins over the job's own. */
export type RunParameters = Readonly<Record<string, string>>;

/** A job, and who asks: the user's name, for the audit trail. */
export interface JobRequest {
  readonly projectId: string;
  readonly jobId: number;
  readonly by: string;
}

/** Planned times of a job from `from` to before `to` that are to be held. */
export interface FreezeRequest extends JobRequest {
  readonly from: Date;
  readonly to: Date;
}

export interface LiftFreezeRequest extends JobRequest {
  readonly freezeId: number;
  /** Whether the instances that it held are skipped; else they wait for their turn. */
  readonly skip: boolean;
}

/** An instance, and who asks: the user's name, for the audit trail. */
export interface InstanceRequest {
  readonly projectId: string;
  readonly instanceId: number;
  readonly by: string;
}

export interface StartJobRequest extends JobRequest {
  /** Kept for each instance that comes of the start. */
  readonly parameters?: RunParameters;
  /** A cron schedule plans no time before this day of its zone begins. */
  readonly startDate?: CivilDate;
  /** The first instance of a cron schedule does not wait for the job's own previous one. */
  readonly firstIsFree?: boolean;
}

export interface RunNowRequest extends JobRequest {
  readonly parameters?: RunParameters;
  /** `test` where absent, as run-immediate has it. */
  readonly origin?: Extract<InstanceOrigin, "test" | "manual">;
}

/** A run of a definition that belongs to no job: a job execution of the data-processing face. */
export interface StartExecutionRequest {
  readonly projectId: string;
  readonly workspaceId: string;
  /** What the instance is called in lists and logs. */
  readonly name: string;
  readonly definition: JobDefinition;
  readonly parameters?: RunParameters;
  readonly by: string;
  /** Its first nodes are ready then; at once where absent. */
  readonly beginsAt?: Date;
}

/** A range of planned times that is to be run after the fact. */
export interface BackfillRequest {
  readonly projectId: string;
  readonly workspaceId: string;
  /** Unique in the workspace. */
  readonly name: string;
  readonly jobName: string;
  /** Jobs that depend on it, run for the same range. */
  readonly dependents: readonly JobReference[];
  readonly spec: BackfillSpec;
  /** Also where another backfill of a job has times in the range that have not ended. */
  readonly force: boolean;
  /** Name of the user. */
  readonly by: string;
}

/** A backfill that somebody controls, by its name. */
export interface BackfillControl {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly name: string;
  /** Name of the user. */
  readonly by: string;
}
