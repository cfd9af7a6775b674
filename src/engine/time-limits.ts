/** Ends instances that waited or ran longer than their job allows. */

import type { Observe } from "../domain/observation.ts";
import { limitReached } from "../domain/time-limit.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import { findNextLimit, listLimitsReached } from "../store/time-limits.ts";
import type { Definitions } from "./definitions.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Moved, moveInstance } from "./settle.ts";

export interface TimeLimitDeps {
  readonly pool: DatabasePool;
  readonly definitions: Definitions;
  readonly now: () => Date;
  readonly observe: Observe;
  readonly onMoved: (moved: Moved) => void;
}

/** An instance with a limit may be made anywhere at any time, and ends that much late at most; limits are minutes. */
const POLL_MS = 5_000;
const BATCH_MAX = 200;

export function createTimeLimitLoop(deps: TimeLimitDeps): Loop {
  async function round(): Promise<number> {
    const next = await findNextLimit(deps.pool);
    if (next === undefined) return POLL_MS;
    const delayMs = next.getTime() - deps.now().getTime();
    if (delayMs > 0) return Math.min(delayMs, POLL_MS);
    for (const key of await listLimitsReached(deps.pool, deps.now(), BATCH_MAX)) await end(deps, key);
    return 0;
  }
  return createLoop("time-limits", round, deps.observe);
}

async function end(
  { pool, definitions, now, onMoved }: TimeLimitDeps,
  key: { readonly projectId: string; readonly instanceId: number },
): Promise<void> {
  definitions.forget(key.projectId, key.instanceId);
  const [facts] = await definitions.factsOf([key]);
  const time = now();
  const moved = await transaction(pool, (db) =>
    moveInstance(db, { ...key, now: time }, ({ progress, timesOutAt, createdAt }) => {
      // Somebody was faster: paused, resumed or rerun instances have another limit, or none.
      if (timesOutAt === null || timesOutAt > time) return [];
      const waits = progress.state === "waiting";
      const { move, message } = limitReached(facts?.pinned?.definition, { waits, createdAt }, time);
      return [{ move: { type: move }, errorMessage: message }];
    }),
  );
  if (moved !== undefined) onMoved(moved);
}
