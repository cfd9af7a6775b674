/** The run engine as the rest of the service sees it: the operations that start and end things, and its own life. */
import type { InstanceOrigin, Lane } from "../domain/instance.ts";
import type { JobDefinition } from "../domain/job.ts";
import type { Observe } from "../domain/observation.ts";
import type { Operator } from "../operators/operator.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { Database, DatabasePool } from "../store/database.ts";
import type { DirectConnection } from "../store/direct-connection.ts";
import type { WorkSources } from "./sources.ts";

/** What a server's engine does: plans and releases (`scheduler`), runs nodes (`worker`). */
export type EngineRole = "scheduler" | "worker";

/** What the engine is made of; `main.ts` hands it over. */
export interface EngineDeps {
  readonly pool: DatabasePool;
  /** Opens a connection beside the pool, never through a pooler: its session lock shows that this server lives. */
  readonly connect: () => Promise<DirectConnection>;
  /** The first that names a node's type runs it. */
  readonly operators: readonly Operator[];
  readonly sources: WorkSources;
  /** Where logs are kept. */
  readonly blobs: BlobStore;
  readonly roles: readonly EngineRole[];
  /** Attempts of each lane that run here at a time. */
  readonly slots: Readonly<Record<Lane, number>>;
  readonly now: () => Date;
  /** A number from 0 to below 1, for the jitter of retries. */
  readonly random: () => number;
  readonly observe: Observe;
  /** How long `stop` waits for running attempts before it hands them back; 10 s where absent. */
  readonly drainGraceMs?: number;
}

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

export interface Engine {
  /** Registers this server, takes over what lost servers left, and begins to work. */
  readonly start: () => Promise<void>;
  /** Takes no new work, waits for what runs within the grace time, hands the rest back, and leaves the register. */
  readonly stop: () => Promise<void>;
  /** Looks for work now rather than at the next poll. */
  readonly wake: () => void;

  /**
   * Puts a job into operation. A batch job with a cron schedule is `scheduling` from now on; one that runs once gets its
   * instance at once and is `scheduling` until that ends (dataarts-factory 4.5); a real-time job is `starting`, then
   * `normal`. A job already in operation stays as it is.
   * @throws Fault `job-missing`; `job-without-nodes`; `schedule-invalid` where the schedule names no cron expression or
   * an illegal one, or waits for events.
   */
  readonly startJob: (request: StartJobRequest) => Promise<void>;

  /**
   * Takes a job out of operation. Its waiting instances end as `stopped`, running ones of a batch job go on to their
   * end; a real-time job's node runs are told to stop and it is `stopping` until they have. Stopping twice is no fault.
   * @throws Fault `job-missing`.
   */
  readonly stopJob: (projectId: string, jobId: number) => Promise<void>;

  /**
   * Makes one instance of the job's present version now, whatever its schedule says, and gives the instance's id. The
   * job's status does not change.
   * @throws Fault `job-missing`; `job-without-nodes`.
   */
  readonly runNow: (request: RunNowRequest) => Promise<number>;

  /**
   * To be called in the transaction that saves a new version of a job, after the save: where the job is in operation,
   * its schedule follows the new version from `now` on, or ends where the new version has none.
   */
  readonly scheduleSaved: (db: Database, projectId: string, jobId: number) => Promise<void>;

  /**
   * Stops the job as `stopJob` does and deletes it, in one transaction; instances that still run keep their definition.
   * @throws Fault `job-missing`.
   */
  readonly deleteJob: (projectId: string, jobId: number) => Promise<void>;

  /**
   * Makes an instance of a definition without a job and gives its id. `within` runs in the same transaction, for rows
   * that belong to the instance; what it throws undoes all.
   */
  readonly startExecution: (
    request: StartExecutionRequest,
    within: (db: Database, instanceId: number) => Promise<void>,
  ) => Promise<number>;

  /**
   * Ends an instance as `stopped`: nothing more starts, and what runs is told to end. Answers when that is decided, not
   * when the last process has gone.
   * @throws Fault `instance-missing`; `instance-state` unless it is waiting, running or suspended.
   */
  readonly stopInstance: (projectId: string, instanceId: number) => Promise<void>;

  /**
   * Runs an ended or suspended instance again under its id and plan time: after a success from the first node, else
   * from the first nodes that did not succeed (dataarts-factory 4.7).
   * @throws Fault `instance-missing`; `instance-state` unless it succeeded, failed, was stopped or is suspended.
   */
  readonly restartInstance: (projectId: string, instanceId: number) => Promise<void>;
}

/** The engine, not started yet. */
export declare function createEngine(deps: EngineDeps): Engine;
