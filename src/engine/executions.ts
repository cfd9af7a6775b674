/** Runs of definitions that belong to no job. */
import { type Database, transaction } from "../store/database.ts";
import { pin } from "./definitions.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { StartExecutionRequest } from "./requests.ts";
import { startInstances } from "./start.ts";

export interface ExecutionOperations {
  /**
   * Makes an instance of a definition without a job and gives its id. `within` runs in the same transaction, for rows
   * that belong to the instance; what it throws undoes all.
   */
  readonly startExecution: (
    request: StartExecutionRequest,
    within: (db: Database, instanceId: number) => Promise<void>,
  ) => Promise<number>;
}

export function createExecutionOperations({
  pool,
  operators,
  now,
  observe,
  workReady,
}: OperationDeps): ExecutionOperations {
  return {
    startExecution: async ({ definition, parameters = {}, ...request }, within) => {
      const plannedAt = now();
      const id = await transaction(pool, async (db) => {
        const start = {
          ...request,
          pinned: pin(definition),
          parameters,
          plannedAt,
          origin: "job-execution",
          waits: false,
        } as const;
        const [made = 0] = await startInstances(db, [start], { operators, now: plannedAt });
        await within(db, made);
        return made;
      });
      workReady();
      observe({ event: "instance-started", projectId: request.projectId, instanceId: id, by: request.by });
      return id;
    },
  };
}
