/** What people do to an instance: each act in one transaction with its line in the audit trail. */
import { Fault } from "../domain/fault.ts";
import type { Move } from "../domain/progress.ts";
import { insertAct } from "../store/audit.ts";
import { transaction } from "../store/database.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { InstanceRequest } from "./requests.ts";
import { moveInstance } from "./settle.ts";

export interface InstanceOperations {
  /**
   * Ends an instance as `stopped`: nothing more starts, and what runs is told to end. Answers when that is decided, not
   * when the last process has gone.
   * @throws Fault `instance-missing`; `instance-state` unless it is waiting, running, paused or suspended.
   */
  readonly stopInstance: (request: InstanceRequest) => Promise<void>;

  /**
   * Runs an ended or suspended instance again under its id and plan time: after a success from the first node, else
   * from the first nodes that did not succeed (dataarts-factory 4.7).
   * @throws Fault `instance-missing`; `instance-state` unless it succeeded, failed, was stopped or is suspended, and for
   * an instance of a real-time job.
   */
  readonly restartInstance: (request: InstanceRequest) => Promise<void>;
}

export function createInstanceOperations(deps: OperationDeps): InstanceOperations {
  return {
    stopInstance: (request) => act(deps, request, { type: "stop" }),
    restartInstance: (request) => act(deps, request, { type: "rerun" }),
  };
}

async function act(
  { pool, definitions, now, afterMove }: OperationDeps,
  { projectId, instanceId, by }: InstanceRequest,
  move: Move,
): Promise<void> {
  const at = now();
  const moved = await transaction(pool, async (db) => {
    const change = await moveInstance(db, { projectId, instanceId, now: at }, ({ origin }) => {
      if (move.type === "rerun" && origin === "stream")
        throw new Fault("conflict", "instance-state", "A real-time job is started again, not its instance.");
      return [{ move }];
    });
    await insertAct(db, { projectId, at, by, act: move.type, object: { kind: "instance", id: instanceId } });
    return change;
  });
  definitions.forget(projectId, instanceId);
  if (moved !== undefined) afterMove(moved);
}
