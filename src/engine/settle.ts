/** The door through which everything ends that is not a plain success: the model decides under locks on the instance. */

import { Fault } from "../domain/fault.ts";
import type { FailPolicy } from "../domain/job.ts";
import { advance, type Move, type Progress } from "../domain/progress.ts";
import { type AttemptOutcome, INSTANCE_ENDED } from "../domain/states.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import type { PlainSuccess } from "../store/node-runs.ts";
import { type AttemptEnd, type LockedInstance, lockInstance, saveProgress } from "../store/progress.ts";

/** How one claimed attempt ended. */
export type Settlement =
  | ({ readonly type: "succeeded" } & PlainSuccess)
  | ({ readonly type: "skipped" | "cancelled" } & PlainSuccess)
  | ({ readonly type: "failed"; readonly policy: FailPolicy; readonly nodeName: string } & PlainSuccess)
  /** To be tried again at `readyAt`; `triesAdded` of its retries are used up by this. */
  | ({
      readonly type: "retried";
      readonly outcome: AttemptOutcome;
      readonly readyAt: Date;
      readonly triesAdded: number;
      readonly lossesAdded?: number;
    } & PlainSuccess);

/** What an instance did when it was moved. */
export interface Moved {
  readonly projectId: string;
  readonly instanceId: number;
  readonly jobId: number | null;
  readonly origin: LockedInstance["origin"];
  readonly progress: Progress;
  /** It ended by this move. */
  readonly ended: boolean;
  /** A node run became ready. */
  readonly readied: boolean;
  /** A node run under a limit does not run any more: another may have its slot. */
  readonly freed: boolean;
  /** It is to end, and node runs of it have to be told. */
  readonly stopping: boolean;
}

/** One move of an instance, and what is written down with it. */
export interface MoveRequest {
  readonly move: Move;
  readonly end?: AttemptEnd;
  readonly errorMessage?: string;
}

/** Longest message of an instance, in characters. */
const MESSAGE_MAX = 4_000;

/**
 * Settles one attempt by the model. Gives undefined when the attempt was not this claim's any more: nothing was written
 * then. Safe to repeat, because the fence is gone after the first time.
 */
export async function settleByModel(
  pool: DatabasePool,
  settlement: Settlement,
  now: Date,
): Promise<Moved | undefined> {
  const { projectId, instanceId, nodeNo, fence } = settlement.claim;
  return await transaction(pool, (db) =>
    moveInstance(db, { projectId, instanceId, now }, ({ progress, nodes }) =>
      progress.nodes[nodeNo]?.state === "running" && nodes[nodeNo]?.fence === fence
        ? [requestOf(settlement)]
        : [],
    ),
  );
}

/**
 * In a transaction: moves an instance by what `decide` wants and writes it; undefined when it wants nothing.
 * @throws Fault `instance-missing`, and what the model refuses.
 */
export async function moveInstance(
  db: Database,
  {
    projectId,
    instanceId,
    now,
  }: { readonly projectId: string; readonly instanceId: number; readonly now: Date },
  decide: (locked: LockedInstance) => readonly MoveRequest[],
): Promise<Moved | undefined> {
  const locked = await lockInstance(db, projectId, instanceId);
  if (locked === undefined)
    throw new Fault("not-found", "instance-missing", `There is no instance ${instanceId}.`);
  const requests = decide(locked);
  if (requests.length === 0) return undefined;
  const progress = requests.reduce((before, { move }) => advance(before, move), locked.progress);
  const errorMessage = requests.findLast((request) => request.errorMessage !== undefined)?.errorMessage;
  await saveProgress(db, locked, {
    now,
    progress,
    ends: requests.flatMap(({ end }) => end ?? []),
    ...(errorMessage !== undefined && { errorMessage: errorMessage.slice(0, MESSAGE_MAX) }),
  });
  return whatMoved(locked, progress);
}

function whatMoved(locked: LockedInstance, progress: Progress): Moved {
  const before = locked.progress;
  return {
    projectId: locked.projectId,
    instanceId: locked.id,
    jobId: locked.jobId,
    origin: locked.origin,
    progress,
    ended: INSTANCE_ENDED.includes(progress.state) && !INSTANCE_ENDED.includes(before.state),
    readied: progress.nodes.some((node, no) => node.state === "ready" && before.nodes[no]?.state !== "ready"),
    freed: progress.nodes.some(
      (node, no) =>
        node.state !== "running" && before.nodes[no]?.state === "running" && locked.nodes[no]?.limited,
    ),
    stopping: progress.state === "stopping" || progress.state === "failing",
  };
}

function requestOf(settlement: Settlement): MoveRequest {
  const { claim, exitCode, message, output } = settlement;
  const { nodeNo } = claim;
  const end: AttemptEnd = {
    nodeNo,
    ...(exitCode !== undefined && { exitCode }),
    ...(message !== undefined && { message }),
    ...(output !== undefined && { output }),
  };
  switch (settlement.type) {
    case "succeeded":
    case "skipped":
    case "cancelled":
      return { move: { type: settlement.type, nodeNo }, end };
    case "failed":
      return {
        move: { type: "failed", nodeNo, policy: settlement.policy },
        end,
        errorMessage: `Node "${settlement.nodeName}" failed: ${message ?? "no reason given"}`,
      };
    case "retried": {
      const { outcome, readyAt, triesAdded, lossesAdded = 0 } = settlement;
      return {
        move: { type: "retried", nodeNo },
        end: { ...end, outcome, readyAt, triesAdded, lossesAdded },
      };
    }
    default:
      return settlement satisfies never;
  }
}
