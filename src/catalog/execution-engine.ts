/** What the catalogue asks of the run engine for definitions that belong to no job. */
import { Fault } from "../domain/fault.ts";
import type { JobDefinition } from "../domain/job.ts";
import { INSTANCE_ENDED, type InstanceState } from "../domain/states.ts";
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
  readonly operate: (
    request: { readonly projectId: string; readonly instanceId: number; readonly by: string },
    act: { readonly act: "pause" },
  ) => Promise<void>;
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

/**
 * Holds a run that has not begun; it begins when somebody resumes its instance. One that has ended, or is held, stays as it
 * is. @throws Fault `suspend-unsupported` for one that runs: it goes on.
 */
export async function suspendRun(engine: ExecutionEngine, run: ExecutionRun, by: string): Promise<void> {
  if (run.state === "paused" || INSTANCE_ENDED.includes(run.state)) return;
  if (run.state !== "waiting")
    throw new Fault("invalid", "suspend-unsupported", "the run has begun, and nothing can suspend it");
  await engine.operate({ projectId: run.projectId, instanceId: run.instanceId, by }, { act: "pause" });
}
