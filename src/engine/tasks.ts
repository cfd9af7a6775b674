/** Carries out tasks that go on behind the answer of a call: whichever server takes one, and one that a server lost. */
import { randomBytes } from "node:crypto";
import type { Observe } from "../domain/observation.ts";
import type { TaskEnd } from "../domain/task.ts";
import type { DatabasePool } from "../store/database.ts";
import { type ClaimedTask, claimTask, endTask, releaseTask, renewTask } from "../store/system-tasks.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface TaskLoopDeps {
  readonly pool: DatabasePool;
  /** Does the task's work. Rejects where it cannot be said now how it ends: then it is tried again, here or elsewhere. */
  readonly run: (task: ClaimedTask, signal: AbortSignal) => Promise<TaskEnd>;
  readonly now: () => Date;
  readonly observe: Observe;
}

/** Whoever asks for a task wakes the loop of his own server; others take what that one does not get to. */
const POLL_MS = 2_000;
const LEASE_MS = 30_000;
const RENEW_MS = 10_000;
/** Claims of one task that may be lost or break before it counts as failed. */
const TRIES_MAX = 5;

/** One task at a time on each server. `stop` gives the one that is under way back. */
export function createTaskLoop(deps: TaskLoopDeps): Loop {
  const closing = new AbortController();
  const loop = createLoop(
    "tasks",
    async () => {
      while (!closing.signal.aborted && (await carryOutNext(deps, closing.signal)));
      return POLL_MS;
    },
    deps.observe,
  );
  return {
    ...loop,
    stop: async () => {
      closing.abort();
      await loop.stop();
    },
  };
}

/** Whether there was one. */
async function carryOutNext(deps: TaskLoopDeps, closing: AbortSignal): Promise<boolean> {
  const task = await claimTask(deps.pool, { fence: randomBytes(6).readUIntBE(0, 6), leaseMs: LEASE_MS });
  if (task === undefined) return false;
  try {
    const end = task.tries > TRIES_MAX ? givenUp() : await runHeld(deps, task, closing);
    await endTask(deps.pool, task, { ...end, at: deps.now() });
  } catch (error) {
    if (!closing.aborted) throw error; // Its lease runs out, and then it is anybody's.
    await releaseTask(deps.pool, task);
  }
  return true;
}

/** The work ends, too, when the claim is lost. */
async function runHeld(deps: TaskLoopDeps, task: ClaimedTask, closing: AbortSignal): Promise<TaskEnd> {
  const lost = new AbortController();
  const renewal = createLoop(
    "task-claim",
    async () => {
      if (!(await renewTask(deps.pool, task, LEASE_MS))) lost.abort();
      return RENEW_MS;
    },
    deps.observe,
  );
  renewal.start();
  try {
    return await deps.run(task, AbortSignal.any([closing, lost.signal]));
  } finally {
    await renewal.stop();
  }
}

function givenUp(): TaskEnd {
  return { state: "failed", message: `given up after ${TRIES_MAX} tries; the log says what broke them` };
}
