/** Instances that nodes begin of other jobs: begun once for each place, waited for, and stopped with their node. */
import type { Observe } from "../domain/observation.ts";
import { mayStop } from "../domain/progress.ts";
import type { ChildJobs, ChildRun, EndedChild } from "../operators/operator.ts";
import {
  findRound,
  listChildOutputs,
  listChildren,
  listEndedChildren,
  listOrphans,
  listUnendedChildren,
  type RoundKey,
} from "../store/child-instances.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import type { Claim } from "../store/node-runs.ts";
import { type ChildStartDeps, findChildJob, startChildren } from "./child-start.ts";
import type { InstanceFacts } from "./definitions.ts";
import { insist, isGivenUp } from "./insistence.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Moved, moveInstance } from "./settle.ts";

export interface ChildrenDeps extends ChildStartDeps {
  readonly pool: DatabasePool;
  readonly observe: Observe;
  /** Instances were begun. */
  readonly onStarted: () => void;
  readonly onMoved: (moved: Moved) => void;
}

export interface Children {
  /** What an attempt may do with other jobs. */
  readonly of: (claim: Claim, facts: InstanceFacts, signal: AbortSignal) => ChildJobs;
  /** An instance has ended, here or elsewhere: who waits for it here looks again. */
  readonly noteEnd: (projectId: string, instanceId: number) => void;
  /** Stops instances whose node ended without them. */
  readonly loop: Loop;
  /** Gives up what still waits: the database is about to go. */
  readonly close: () => void;
}

/** How often who waits looks by itself, for signals that were lost. */
const POLL_MS = 2_000;
const ORPHANS_MS = 5_000;
const ORPHANS_MAX = 200;

export function createChildren(deps: ChildrenDeps): Children {
  const { pool, observe } = deps;
  /** By instance: tells who waits for its end. */
  const waiting = new Map<string, () => void>();
  let closed = false;

  const asked = <T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> =>
    insist({ observe, loop: "children", isOver: () => closed || isGivenUp(signal) }, ask);

  async function stopInstances(projectId: string, instanceIds: readonly number[]): Promise<void> {
    for (const instanceId of instanceIds) {
      const moved = await transaction(pool, (db) =>
        moveInstance(db, { projectId, instanceId, now: deps.now() }, ({ progress }) =>
          mayStop(progress.state) ? [{ move: { type: "stop" } }] : [],
        ),
      );
      if (moved !== undefined) deps.onMoved(moved);
    }
  }

  /** Asks `look` again at each end of one of the instances, at an abort, and now and then, until it gives something. */
  async function waitFor<T>(
    {
      projectId,
      instanceIds,
      signal,
    }: { projectId: string; instanceIds: readonly number[]; signal: AbortSignal },
    look: () => Promise<T | undefined>,
  ): Promise<T> {
    let called = false;
    let hear: () => void = () => undefined;
    const call = () => {
      called = true;
      hear();
    };
    const keys = instanceIds.map((instanceId) => keyOf(projectId, instanceId));
    for (const key of keys) waiting.set(key, call);
    signal.addEventListener("abort", call);
    try {
      for (;;) {
        called = false;
        const found = await look();
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, POLL_MS);
          hear = () => {
            clearTimeout(timer);
            resolve();
          };
          if (called) hear();
        });
      }
    } finally {
      signal.removeEventListener("abort", call);
      for (const key of keys) waiting.delete(key);
    }
  }

  async function open(
    claim: Claim,
    facts: InstanceFacts,
    jobName: string,
    signal: AbortSignal,
  ): Promise<ChildRun> {
    const { projectId } = claim;
    const key = await asked(signal, () => findRound(pool, claim));
    await asked(signal, async () =>
      stopInstances(projectId, await listUnendedChildren(pool, key, "earlier")),
    );
    const begun = await asked(signal, () => listChildren(pool, key));
    const job = await asked(signal, () => findChildJob(deps, facts, { jobName, begun }));
    const instanceIds = new Map(begun.map(({ place, instanceId }) => [place, instanceId]));
    return {
      begun,
      start: async (starts) => {
        const request = { claim, facts, key, job, starts };
        const children = await asked(signal, () =>
          transaction(pool, (db) => startChildren(deps, db, request)),
        );
        for (const { place, instanceId } of children) instanceIds.set(place, instanceId);
        deps.onStarted();
        return children;
      },
      ended: (places) => {
        const awaited = places.flatMap((place) => instanceIds.get(place) ?? []);
        return waitFor({ projectId, instanceIds: awaited, signal }, () => endsAt(key, places, signal));
      },
      stop: async () => {
        await asked(signal, async () =>
          stopInstances(projectId, await listUnendedChildren(pool, key, "this")),
        );
        await waitFor({ projectId, instanceIds: [...instanceIds.values()], signal }, async () => {
          const left = await asked(signal, () => listUnendedChildren(pool, key, "this"));
          return left.length === 0 ? true : undefined;
        });
      },
      outputs: (bytesMax) => asked(signal, () => listChildOutputs(pool, key, bytesMax)),
    };
  }

  /** Undefined while none has ended. */
  async function endsAt(
    key: RoundKey,
    places: readonly number[],
    signal: AbortSignal,
  ): Promise<readonly EndedChild[] | undefined> {
    if (signal.aborted) return [];
    const ends = await asked(signal, () => listEndedChildren(pool, key, places));
    return ends.length > 0 ? ends : undefined;
  }

  async function stopOrphans(): Promise<number> {
    for (const { projectId, instanceId } of await listOrphans(pool, ORPHANS_MAX))
      await stopInstances(projectId, [instanceId]);
    return ORPHANS_MS;
  }

  return {
    of: (claim, facts, signal) => ({ open: (jobName) => open(claim, facts, jobName, signal) }),
    noteEnd: (projectId, instanceId) => waiting.get(keyOf(projectId, instanceId))?.(),
    loop: createLoop("children", stopOrphans, observe),
    close: () => {
      closed = true;
    },
  };
}

function keyOf(projectId: string, instanceId: number): string {
  return `${projectId}/${instanceId}`;
}
