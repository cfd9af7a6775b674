/** Lets waiting instances begin, or never begin, when what they wait for has ended. */
import { SETTING_DEFAULTS } from "../domain/job-settings.ts";
import type { Observe } from "../domain/observation.ts";
import { INSTANCE_ENDED } from "../domain/states.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import {
  holdUnresolved,
  listRefused,
  listUnresolved,
  type Refusal,
  settleWaits,
} from "../store/dependencies.ts";
import { insertLook, listJobsWithEnds, type RunEnd, takeEndsOfJob } from "../store/run-ends.ts";
import { lockSchedule } from "../store/schedules.ts";
import { listReleasable } from "../store/waiting.ts";
import { resolveDependency } from "./dependencies.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Moved, type MoveRequest, moveInstance } from "./settle.ts";

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
  // What one job's end brings about may be another job's turn, so a round goes on until nothing is left. A job that
  // cannot be looked at holds up no other.
  async function round(): Promise<number> {
    const failed = new Set<number>();
    for (;;) {
      const listed = await listJobsWithEnds(deps.pool, JOBS_MAX);
      const jobs = listed.filter(({ jobId }) => !failed.has(jobId));
      if (jobs.length === 0) return POLL_MS;
      for (const job of jobs)
        try {
          await releaseJob(deps, job);
        } catch (error) {
          failed.add(job.jobId);
          deps.observe({ event: "loop-failed", loop: "release", error });
        }
    }
  }
  return createLoop("release", round, deps.observe);
}

interface JobKey {
  readonly projectId: string;
  readonly jobId: number;
}

/** Holding the job's schedule, so that no two servers count the same running instances. */
async function releaseJob({ pool, now, onMoved }: ReleaseDeps, job: JobKey): Promise<void> {
  const { projectId, jobId } = job;
  await resolveAll(pool, job);
  const changed = await transaction(pool, async (db) => {
    const schedule = await lockSchedule(db, projectId, jobId);
    for (const end of await takeEndsOfJob(db, projectId, jobId)) await tellDependants(db, job, end);
    // What began to wait since it was looked up has its turn in the next round.
    const [unresolved] = schedule === undefined ? [] : await listUnresolved(db, projectId, jobId);
    if (unresolved !== undefined) await insertLook(db, { ...job, ...unresolved });
    const moved: (Moved | undefined)[] = [];
    const move = async (instanceId: number, request: MoveRequest) =>
      moved.push(
        await moveInstance(db, { projectId, instanceId, now: now() }, ({ progress }) =>
          progress.state === "waiting" ? [request] : [],
        ),
      );
    for (const refusal of await listRefused(db, projectId, jobId))
      await move(refusal.instanceId, {
        move: { type: "dismiss", as: "failed" },
        errorMessage: sentenceOf(refusal),
      });
    const overlapMax = schedule?.overlapMax ?? SETTING_DEFAULTS.overlap;
    for (const instanceId of await listReleasable(db, projectId, jobId, overlapMax))
      await move(instanceId, { move: { type: "release" } });
    return moved;
  });
  for (const moved of changed) if (moved !== undefined) onMoved(moved);
}

async function resolveAll(pool: DatabasePool, { projectId, jobId }: JobKey): Promise<void> {
  for (const dependency of await listUnresolved(pool, projectId, jobId))
    await transaction(pool, async (db) => {
      const schedule = await lockSchedule(db, projectId, jobId);
      // Another server may have been faster.
      if (schedule !== undefined && (await holdUnresolved(db, projectId, dependency)))
        await resolveDependency(db, schedule, dependency);
    });
}

/** What has not ended (it waits, or is suspended) says only that the job is to be looked at. */
async function tellDependants(
  db: Database,
  { projectId, jobId }: JobKey,
  { plannedAt, state, instanceId }: RunEnd,
): Promise<void> {
  if (state !== "missed" && state !== "free" && !INSTANCE_ENDED.includes(state)) return;
  const reason = instanceId === null ? `it was ${state}` : `instance ${instanceId} ${state}`;
  await settleWaits(
    db,
    { projectId, jobId, plannedAt },
    {
      succeeded: state === "succeeded" || state === "free",
      skipped: state === "skipped",
      reason,
      instanceId,
    },
  );
}

function sentenceOf({ upstreamName, plannedAt, reason }: Refusal): string {
  return `It waited for the run of job "${upstreamName}" of ${plannedAt.toISOString()}, which did not succeed: ${reason}`;
}
