/** Nodes of real-time jobs in the engine: when one is up those behind it begin; when one exits it is tried again. */
import { afterExit, HELD_UNTIL, type KeepRules } from "../domain/kept-alive.ts";
import type { Observe } from "../domain/observation.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { findLiveNode, markUp, saveRestarts, tellSuccessors, untellSuccessors } from "../store/live-nodes.ts";
import type { Claim, PlainSuccess } from "../store/node-runs.ts";
import { lockInstance } from "../store/progress.ts";
import type { InstanceFacts } from "./definitions.ts";
import { type Moved, moveInstance } from "./settle.ts";

const RETRY_MS = 500;
/** A database that is away for longer has cost this server its place, and the attempt. */
const TRIES_MAX = 120;

/** A kept node's attempt that ended by itself. */
export type Exit = {
  readonly type: "exited";
  readonly rules: KeepRules;
  readonly began: Date;
  /** Without fault. */
  readonly well: boolean;
  /** From 0 to below 1. */
  readonly random: number;
} & PlainSuccess;

/** Whether the instance's nodes are kept alive until they are stopped. */
export function isKeptAlive({ instance }: InstanceFacts): boolean {
  return instance.origin === "stream";
}

/** What noting that a node is up works with. */
interface UpDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
}

/**
 * Writes that a kept node is up, again where the database does not take it, unless the attempt is told to end meanwhile.
 * Gives whether nodes behind it became ready.
 */
export async function noteUp(
  { pool, now, observe }: UpDeps,
  claim: Claim,
  signal: AbortSignal,
): Promise<boolean> {
  for (let tries = 0; tries < TRIES_MAX && !signal.aborted; tries += 1) {
    try {
      return await settleUp(pool, claim, now());
    } catch (error) {
      observe({ event: "loop-failed", loop: "kept-alive", error });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  return false;
}

async function settleUp(pool: DatabasePool, claim: Claim, now: Date): Promise<boolean> {
  return await transaction(pool, async (db) => {
    if ((await lockClaimed(db, claim)) !== "running") return false;
    await markUp(db, claim, now);
    const live = await findLiveNode(db, claim);
    return live?.told === false && (await tellSuccessors(db, claim, now)) > 0;
  });
}

/** As `settleByModel`, for an attempt of a kept node that exited; with the time of the next try, where there is one. */
export async function settleExit(
  pool: DatabasePool,
  exit: Exit,
  now: Date,
): Promise<{ readonly moved: Moved | undefined; readonly nextTryAt?: Date }> {
  const { claim, rules, began, well, random, exitCode, message, output } = exit;
  const { projectId, instanceId, nodeNo } = claim;
  return await transaction(pool, async (db) => {
    if ((await lockClaimed(db, claim)) === undefined) return { moved: undefined };
    const live = (await findLiveNode(db, claim)) ?? { tries: 0, windowAt: null, inWindow: 0, told: false };
    const end = {
      nodeNo,
      ...(exitCode !== undefined && { exitCode }),
      ...(message !== undefined && { message }),
      ...(output !== undefined && { output }),
    };
    if (well && rules.restart === "on-failure") {
      // Its end tells those behind it, and they are told once.
      if (live.told) await untellSuccessors(db, claim);
      const moved = await moveInstance(db, { projectId, instanceId, now }, () => [
        { move: { type: "succeeded", nodeNo }, end },
      ]);
      return { moved };
    }
    const after = afterExit(live, { began, ended: now, random }, rules);
    await saveRestarts(db, claim, after);
    const again = {
      ...end,
      outcome: "exited",
      readyAt: after.readyAt ?? HELD_UNTIL,
      triesAdded: after.tries - live.tries,
    } as const;
    const moved = await moveInstance(db, { projectId, instanceId, now }, () => [
      { move: { type: "retried", nodeNo }, end: again },
    ]);
    return { moved, ...(after.readyAt !== undefined && { nextTryAt: after.readyAt }) };
  });
}

/** The instance's state, held until the transaction ends; undefined when its node is not under this claim any more. */
async function lockClaimed(db: Database, { projectId, instanceId, nodeNo, fence }: Claim) {
  const locked = await lockInstance(db, projectId, instanceId);
  const mine = locked?.progress.nodes[nodeNo]?.state === "running" && locked.nodes[nodeNo]?.fence === fence;
  return mine ? locked.progress.state : undefined;
}
