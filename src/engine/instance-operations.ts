/** What people do to instances: each act in one transaction with its line in the audit trail. */
import { Fault, type FaultCode } from "../domain/fault.ts";
import { insertAct } from "../store/audit.ts";
import { type Database, transaction } from "../store/database.ts";
import { type InstanceFilter, listInstances } from "../store/instance-lists.ts";
import { type PauseKey, pauseChildren, resumeChildren } from "./child-pause.ts";
import { type InstanceAct, moveOf } from "./instance-acts.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { InstanceRequest } from "./requests.ts";
import { prepareRerun } from "./rerun.ts";
import { type Moved, moveInstance } from "./settle.ts";

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

  /**
   * Does one act to an instance or to a node of it.
   * @throws Fault `instance-missing`, `node-missing`; `instance-state`, `node-state` where its state does not allow the
   * act; for a rerun with the current version `job-missing` and `job-without-nodes`.
   */
  readonly operate: (request: InstanceRequest, act: InstanceAct) => Promise<void>;

  /** Does the same act to many instances, each in a transaction of its own: what is refused for one is done to others. */
  readonly operateAll: (request: OperateAllRequest, act: InstanceAct) => Promise<OperateAllReply>;
}

export interface OperateAllRequest {
  readonly projectId: string;
  readonly filter: InstanceFilter;
  /** Instances at most, the newest first. */
  readonly limit: number;
  readonly by: string;
}

export interface OperateAllReply {
  /** What became of each instance that was looked at; `refused` where its state does not allow the act. */
  readonly results: readonly {
    readonly instanceId: number;
    readonly refused?: { readonly code: FaultCode; readonly message: string };
  }[];
  /** Instances that the filter lets through, looked at or not. */
  readonly total: number;
}

export function createInstanceOperations(deps: OperationDeps): InstanceOperations {
  return {
    stopInstance: (request) => operate(deps, request, { act: "stop" }),
    restartInstance: (request) => operate(deps, request, { act: "rerun" }),
    operate: (request, act) => operate(deps, request, act),
    operateAll: (request, act) => operateAll(deps, request, act),
  };
}

async function operate(deps: OperationDeps, request: InstanceRequest, act: InstanceAct): Promise<void> {
  const moved = await transaction(deps.pool, (db) => operateWithin(deps, db, request, act));
  tellMoved(deps, request, moved);
}

/** In a transaction: does the act, with its line in the audit trail; gives what was moved, for `tellMoved`. */
export async function operateWithin(
  deps: OperationDeps,
  db: Database,
  request: InstanceRequest,
  act: InstanceAct,
): Promise<Moved[]> {
  const { projectId, instanceId, by } = request;
  const at = deps.now();
  const { act: name, ...detail } = act;
  const moved = await move(deps, db, request, { act, at });
  const children = await moveChildren(db, { projectId, instanceId, now: at }, act);
  const object = { kind: "instance", id: instanceId };
  await insertAct(db, { projectId, at, by, act: name, object, detail });
  return moved === undefined ? children : [moved, ...children];
}

/** To be called when that transaction is committed. */
export function tellMoved(
  { definitions, afterMove }: OperationDeps,
  { projectId, instanceId }: InstanceRequest,
  all: readonly Moved[],
): void {
  definitions.forget(projectId, instanceId);
  for (const moved of all) afterMove(moved);
}

/** A stop needs no help: it ends the nodes that wait, and these stop what they began. */
async function moveChildren(db: Database, key: PauseKey, { act }: InstanceAct): Promise<Moved[]> {
  if (act === "pause") return await pauseChildren(db, key);
  return act === "resume" ? await resumeChildren(db, key) : [];
}

async function move(
  deps: OperationDeps,
  db: Database,
  { projectId, instanceId }: InstanceRequest,
  { act, at }: { readonly act: InstanceAct; readonly at: Date },
): Promise<Moved | undefined> {
  const key = { projectId, instanceId, now: at };
  // Another server may have changed what the instance runs.
  deps.definitions.forget(projectId, instanceId);
  const [facts] = await deps.definitions.factsOf([key]);
  const changed = act.act === "rerun" ? await prepareRerun(deps, db, key, { rerun: act, facts }) : undefined;
  const names = (changed ?? facts?.pinned)?.nodes.map((node) => node.name) ?? [];
  return await moveInstance(db, key, ({ origin }) => {
    if (act.act === "rerun" && origin === "stream")
      throw new Fault("conflict", "instance-state", "A real-time job is started again, not its instance.");
    return [{ move: moveOf(act, names) }];
  });
}

async function operateAll(
  deps: OperationDeps,
  { projectId, filter, limit, by }: OperateAllRequest,
  act: InstanceAct,
): Promise<OperateAllReply> {
  const { instances, total } = await listInstances(deps.pool, projectId, filter, { offset: 0, limit });
  const results: OperateAllReply["results"][number][] = [];
  for (const { id: instanceId } of instances) {
    try {
      await operate(deps, { projectId, instanceId, by }, act);
      results.push({ instanceId });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      results.push({ instanceId, refused: { code: error.code, message: error.message } });
    }
  }
  return { results, total };
}
