/** Lets waiting instances begin when others of their job have ended. */
import type { Observe } from "../domain/observation.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import { lockSchedule } from "../store/schedules.ts";
import { listJobsThatWait, listReleasable } from "../store/waiting.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Moved, moveInstance } from "./settle.ts";

export interface ReleaseDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
  readonly onMoved: (moved: Moved) => void;
}

/** Whoever ends an instance wakes the loop; this is for what was ended by a server that died before it could. */
const POLL_MS = 5_000;

export function createReleaseLoop(deps: ReleaseDeps): Loop {
  return createLoop(
    "release",
    async () => {
      for (const job of await listJobsThatWait(deps.pool)) await releaseJob(deps, job);
      return POLL_MS;
    },
    deps.observe,
  );
}

/** Holding the job's schedule, so that no two servers count the same running instances. */
async function releaseJob(
  { pool, now, onMoved }: ReleaseDeps,
  { projectId, jobId }: { readonly projectId: string; readonly jobId: number },
): Promise<void> {
  const released = await transaction(pool, async (db) => {
    await lockSchedule(db, projectId, jobId);
    const moved: (Moved | undefined)[] = [];
    for (const instanceId of await listReleasable(db, projectId, jobId))
      moved.push(
        await moveInstance(db, { projectId, instanceId, now: now() }, ({ progress }) =>
          progress.state === "waiting" ? [{ move: { type: "release" } }] : [],
        ),
      );
    return moved;
  });
  for (const moved of released) if (moved !== undefined) onMoved(moved);
}
