/** Planned runs of a job held for a stretch of time, and let go or passed over when the freeze is lifted. */
import { Fault, invalid } from "../domain/fault.ts";
import { insertAct } from "../store/audit.ts";
import { type Database, transaction } from "../store/database.ts";
import { deleteFreeze, type Freeze, insertFreeze, listFreezes } from "../store/freezes.ts";
import { lockPlan } from "../store/planned-ahead.ts";
import { skipStartedLine } from "../store/planned-runs.ts";
import { insertLook } from "../store/run-ends.ts";
import { lockOperatedJob, lockSchedule } from "../store/schedules.ts";
import { listPlannedIn } from "../store/waiting.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { FreezeRequest, LiftFreezeRequest } from "./requests.ts";
import { type Moved, moveInstance } from "./settle.ts";

export interface FreezeOperations {
  /**
   * Holds a job's planned times of a stretch and gives the freeze's id: those of instances that wait, and those that will
   * be planned, become frozen instances. What runs goes on.
   * @throws Fault `job-missing`; `freeze-invalid` for a stretch without length or a job with 100 freezes.
   */
  readonly freezeRuns: (request: FreezeRequest) => Promise<number>;

  /**
   * Lifts a freeze: its frozen instances wait for their turn again, or are skipped, with a line in the ledger. One that
   * another freeze covers stays frozen. Gives how many instances were unfrozen or skipped.
   * @throws Fault `job-missing`; `freeze-missing`.
   */
  readonly liftFreeze: (request: LiftFreezeRequest) => Promise<number>;
}

const FREEZES_MAX = 100;

export function createFreezeOperations(deps: OperationDeps): FreezeOperations {
  return {
    freezeRuns: (request) => freezeRuns(deps, request),
    liftFreeze: async (request) => {
      const moved = await liftFreeze(deps, request);
      for (const one of moved) deps.afterMove(one);
      deps.planChanged();
      return moved.length;
    },
  };
}

/** The schedule is held, so that nothing of it is planned in between. */
async function freezeRuns(deps: OperationDeps, request: FreezeRequest): Promise<number> {
  const { projectId, jobId, from, to, by } = request;
  if (from >= to) invalid("freeze-invalid", ["to: must be after from"]);
  return await transaction(deps.pool, async (db) => {
    (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
    const now = deps.now();
    await lockPlan(db, projectId, jobId, now);
    if ((await listFreezes(db, projectId, jobId)).length >= FREEZES_MAX)
      invalid("freeze-invalid", [`a job has at most ${FREEZES_MAX} freezes`]);
    const id = await insertFreeze(db, projectId, jobId, { from, to, frozenBy: by, frozenAt: now });
    for (const instance of await listPlannedIn(db, projectId, jobId, { state: "waiting", from, to }))
      await moveInstance(db, { projectId, instanceId: instance.id, now }, ({ progress }) =>
        progress.state === "waiting" ? [{ move: { type: "freeze" } }] : [],
      );
    const detail = { freeze: id, from: from.toISOString(), to: to.toISOString() };
    await insertAct(db, {
      projectId,
      at: now,
      by,
      act: "freeze",
      object: { kind: "job", id: jobId },
      detail,
    });
    return id;
  });
}

async function liftFreeze(deps: OperationDeps, request: LiftFreezeRequest): Promise<Moved[]> {
  const { projectId, jobId, freezeId, by } = request;
  return await transaction(deps.pool, async (db) => {
    (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
    await lockSchedule(db, projectId, jobId);
    const freezes = await listFreezes(db, projectId, jobId);
    const lifted = freezes.find(({ id }) => id === freezeId) ?? freezeMissing(freezeId);
    const others = freezes.filter(({ id }) => id !== freezeId);
    await deleteFreeze(db, projectId, freezeId);
    const frozen = await listPlannedIn(db, projectId, jobId, { state: "frozen", ...lifted });
    const moved: Moved[] = [];
    for (const { id, plannedAt } of frozen.filter((one) => !covers(others, one.plannedAt))) {
      const one = { projectId, jobId, plannedAt, instanceId: id };
      const change = await (request.skip ? skip(deps, db, one, by) : unfreeze(deps, db, one));
      if (change !== undefined) moved.push(change);
    }
    const detail = { freeze: freezeId, skip: request.skip, instances: moved.length };
    const object = { kind: "job", id: jobId };
    await insertAct(db, { projectId, at: deps.now(), by, act: "unfreeze", object, detail });
    return moved;
  });
}

function covers(freezes: readonly Freeze[], time: Date): boolean {
  return freezes.some(({ from, to }) => from <= time && time < to);
}

interface FrozenInstance {
  readonly projectId: string;
  readonly jobId: number;
  readonly plannedAt: Date;
  readonly instanceId: number;
}

async function unfreeze({ now }: OperationDeps, db: Database, one: FrozenInstance) {
  await insertLook(db, one);
  return await moveInstance(db, { ...one, now: now() }, ({ progress }) =>
    progress.state === "frozen" ? [{ move: { type: "unfreeze" } }] : [],
  );
}

async function skip({ now }: OperationDeps, db: Database, one: FrozenInstance, by: string) {
  const time = now();
  const detail = `it was frozen, and skipped by ${by}`;
  await skipStartedLine(db, one, { reason: "frozen", detail, now: time });
  return await moveInstance(db, { ...one, now: time }, ({ progress }) =>
    progress.state === "frozen" ? [{ move: { type: "dismiss", as: "skipped" }, errorMessage: detail }] : [],
  );
}

function freezeMissing(id: number): never {
  throw new Fault("not-found", "freeze-missing", `The job has no freeze ${id}.`);
}

function jobMissing(): never {
  throw new Fault("not-found", "job-missing", "The job does not exist.");
}
