/** What the engine's operations are asked for. */
import type { InstanceOrigin } from "../domain/instance.ts";
import type { JobDefinition } from "../domain/job.ts";

/** A value for a parameter of the job, for this run or this start alone; it wins over the job's own. */
export type RunParameters = Readonly<Record<string, string>>;

export interface StartJobRequest {
  readonly projectId: string;
  readonly jobId: number;
  /** Kept for each instance that a run-once or real-time start makes. */
  readonly parameters?: RunParameters;
  /** Name of the user, for the instance's line. */
  readonly by: string;
}

export interface RunNowRequest extends StartJobRequest {
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
}
