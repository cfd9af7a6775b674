/** Runs ended instances again so many at a time: whichever server comes first begins the next as soon as one has ended. */
import { Fault } from "../domain/fault.ts";
import type { InstanceState } from "../domain/states.ts";
import { type Database, transaction } from "../store/database.ts";
import { type InstanceFilter, listInstances } from "../store/instance-lists.ts";
import {
  endTurn,
  findTurn,
  insertRerunBatch,
  listRerunBatches,
  lockRerunBatch,
  type RerunBatch,
  type RerunBatchKey,
  type RerunTurn,
} from "../store/rerun-batches.ts";
import type { Rerun } from "./instance-acts.ts";
import { operateWithin, tellMoved } from "./instance-operations.ts";
import { createLoop, type Loop } from "./loop.ts";
import type { OperationDeps } from "./operation-deps.ts";

export interface RerunBatchOperations {
  /**
   * Runs the instances that the filters let through again, those of the earliest plan times first, at most `concurrent`
   * of them at a time. Those whose state does not allow it are passed over. Answers before they begin.
   */
  readonly rerunInTurns: (request: RerunBatchRequest, rerun: Rerun) => Promise<void>;
}

export interface RerunBatchRequest {
  readonly projectId: string;
  readonly filters: readonly InstanceFilter[];
  /** Instances of each filter at most, the newest ones. */
  readonly limit: number;
  readonly concurrent: number;
  readonly by: string;
}

/** In which an instance may run again. */
const RERUNNABLE: readonly InstanceState[] = ["succeeded", "failed", "stopped", "suspended"];
/** A look for ends that nobody told of, while there are batches and while there are none. */
const BUSY_MS = 500;
const REST_MS = 5_000;

export function createRerunBatches(deps: OperationDeps): RerunBatchOperations & { readonly loop: Loop } {
  const loop = createLoop(
    "rerun-batches",
    async () => {
      const batches = await listRerunBatches(deps.pool);
      for (const batch of batches) while (await takeTurn(deps, batch));
      return batches.length > 0 ? BUSY_MS : REST_MS;
    },
    deps.observe,
  );
  return {
    loop,
    rerunInTurns: async (request, rerun) => {
      await insertBatch(deps, request, rerun);
      loop.wake();
    },
  };
}

async function insertBatch(
  { pool }: OperationDeps,
  { projectId, filters, limit, concurrent, by }: RerunBatchRequest,
  rerun: Rerun,
): Promise<void> {
  const found = [];
  for (const filter of filters) {
    const page = { offset: 0, limit };
    found.push(...(await listInstances(pool, projectId, { ...filter, states: RERUNNABLE }, page)).instances);
  }
  const inOrder = found.toSorted(
    (one, other) => one.plannedAt.getTime() - other.plannedAt.getTime() || one.id - other.id,
  );
  const instanceIds = inOrder.flatMap(({ id, origin }) => (origin === "stream" ? [] : [id]));
  if (instanceIds.length > 0) await insertRerunBatch(pool, { projectId, concurrent, rerun, by, instanceIds });
}

/** Whether there may be another turn now. */
async function takeTurn(deps: OperationDeps, key: RerunBatchKey): Promise<boolean> {
  let place: number | undefined;
  try {
    const begun = await transaction(deps.pool, async (db) => {
      const batch = await lockRerunBatch<Rerun>(db, key);
      if (batch === undefined) return undefined;
      const turn = await findTurn(db, batch);
      place = turn?.place;
      return turn && (await beginTurn(deps, db, batch, turn));
    });
    if (begun !== undefined) tellMoved(deps, begun.request, begun.moved);
    return begun !== undefined;
  } catch (error) {
    if (!(error instanceof Fault) || place === undefined) throw error;
    await passOver(deps, key, place);
    return true;
  }
}

/** An instance begins in the commit that takes its turn, so it begins once. */
async function beginTurn(
  deps: OperationDeps,
  db: Database,
  batch: RerunBatch<Rerun>,
  { place, instanceId }: RerunTurn,
) {
  await endTurn(db, batch, { place, begun: true });
  const request = { projectId: batch.projectId, instanceId, by: batch.by };
  return { request, moved: await operateWithin(deps, db, request, { act: "rerun", ...batch.rerun }) };
}

/** What became of the instance meanwhile does not let it run again. */
async function passOver({ pool }: OperationDeps, key: RerunBatchKey, place: number): Promise<void> {
  await transaction(pool, async (db) => {
    if ((await lockRerunBatch(db, key)) !== undefined) await endTurn(db, key, { place, begun: false });
  });
}
