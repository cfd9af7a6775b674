/** What the catalogue asks of the run engine for definitions that belong to no job. */
import { Fault } from "../domain/fault.ts";
import type { JobDefinition } from "../domain/job.ts";
import type { InstanceState } from "../domain/states.ts";
import type { Database } from "../store/database.ts";

export interface ExecutionEngine {
  /** Makes an instance; `within` runs in its transaction. */
  readonly startExecution: (
    request: {
      readonly projectId: string;
      readonly workspaceId: string;
      readonly name: string;
      readonly definition: JobDefinition;
      readonly parameters?: Readonly<Record<string, string>>;
      readonly by: string;
      readonly beginsAt?: Date;
    },
    within: (db: Database, instanceId: number) => Promise<void>,
  ) => Promise<number>;
  readonly stopInstance: (request: {
    readonly projectId: string;
    readonly instanceId: number;
    readonly by: string;
  }) => Promise<void>;
}

/** A run that was started so. */
export interface ExecutionRun {
  readonly projectId: string;
  readonly instanceId: number;
  readonly state: InstanceState;
}

const STOPPABLE: readonly InstanceState[] = ["waiting", "running", "paused", "suspended"];

/** Tells the run to end; one that has ended, or ends by itself meanwhile, has what was wanted. */
export async function stopRun(engine: ExecutionEngine, run: ExecutionRun, by: string): Promise<void> {
  if (!STOPPABLE.includes(run.state)) return;
  try {
    await engine.stopInstance({ projectId: run.projectId, instanceId: run.instanceId, by });
  } catch (error) {
    if (!(error instanceof Fault && ["instance-state", "instance-missing"].includes(error.code))) throw error;
  }
}
