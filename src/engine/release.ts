/** Lets waiting instances begin when others of their job have ended. */
import type { Observe } from "../domain/observation.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import { listJobsWithEnds, takeEndsOfJob } from "../store/run-ends.ts";
import { lockSchedule } from "../store/schedules.ts";
import { listReleasable } from "../store/waiting.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Moved, moveInstance } from "./settle.ts";

export interface ReleaseDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
  readonly onMoved: (moved: Moved) => void;
}

/** Whoever ends an instance wakes the loop; this is for ends on servers that died before they could. */
const POLL_MS = 5_000;
/** Jobs that one round takes on before the next look. */
const JOBS_MAX = 200;

export function createReleaseLoop(deps: ReleaseDeps): Loop {
  async function round(): Promise<number> {
    for (;;) {
      const jobs = await listJobsWithEnds(deps.pool, JOBS_MAX);
      for (const job of jobs) await releaseJob(deps, job);
      if (jobs.length < JOBS_MAX) return POLL_MS;
    }
  }
  return createLoop("release", round, deps.observe);
}

/** Holding the job's schedule, so that no two servers count the same running instances. */
async function releaseJob(
  { pool, now, onMoved }: ReleaseDeps,
  { projectId, jobId }: { readonly projectId: string; readonly jobId: number },
): Promise<void> {
  const released = await transaction(pool, async (db) => {
    await lockSchedule(db, projectId, jobId);
    await takeEndsOfJob(db, projectId, jobId);
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
