/** What people do to single nodes of a real-time job that runs. */
import { Fault, missing } from "../domain/fault.ts";
import { insertAct } from "../store/audit.ts";
import { transaction } from "../store/database.ts";
import { findPinnedDefinition } from "../store/instances.ts";
import { findStreamInstance, tryNow } from "../store/live-nodes.ts";
import { lockInstance } from "../store/progress.ts";
import { pin } from "./definitions.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { JobRequest } from "./requests.ts";

export interface LiveNodeRequest extends JobRequest {
  /** The node's name. */
  readonly node: string;
}

export interface LiveOperations {
  /**
   * Tries a node of a running real-time job at once that waits for its next try, or that is held after too many
   * restarts; its restarts are counted anew.
   * @throws Fault `node-missing` where no such node runs; `node-state` for a node that does not wait for a try.
   */
  readonly retryNode: (request: LiveNodeRequest) => Promise<void>;
}

export function createLiveOperations(deps: OperationDeps): LiveOperations {
  return { retryNode: (request) => retryNode(deps, request) };
}

async function retryNode(
  { pool, now, workReady }: OperationDeps,
  { projectId, jobId, by, node }: LiveNodeRequest,
): Promise<void> {
  await transaction(pool, async (db) => {
    const found = await findStreamInstance(db, projectId, jobId);
    const definition =
      found === undefined ? undefined : await findPinnedDefinition(db, projectId, jobId, found.jobVersion);
    const nodeNo =
      definition === undefined ? -1 : pin(definition).nodes.findIndex(({ name }) => name === node);
    if (found === undefined || nodeNo < 0) missing("node-missing", `The job does not run a node "${node}".`);
    const { instanceId } = found;
    await lockInstance(db, projectId, instanceId);
    if (!(await tryNow(db, { projectId, instanceId, nodeNo }, now())))
      throw new Fault("conflict", "node-state", `Node "${node}" does not wait for its next try.`);
    const object = { kind: "node", id: `${instanceId}/${node}` };
    await insertAct(db, { projectId, at: now(), by, act: "retry", object });
  });
  workReady();
}
