/** Which planned times of a backfill may start now, and which never will because of what they wait for. */
import { type Backfill, type BackfillCandidate, type BackfillSkip, chooseRuns } from "../domain/backfill.ts";
import { stretchOf } from "../domain/dependency.ts";
import {
  type BackfillRunning,
  type BackfillStretch,
  findTimeBefore,
  listBackfillDue,
  listBackfillDueByDay,
  listBackfillRunning,
  listStretchStates,
} from "../store/backfill-runs.ts";
import type { BackfillJob } from "../store/backfills.ts";
import type { Database } from "../store/database.ts";

/** A time that cannot run any more. */
export type LostTime = BackfillCandidate & BackfillSkip;

/** A time that waits for others of the backfill: those of the job at `place` from `from` on. */
interface HeldTime {
  readonly candidate: BackfillCandidate;
  readonly place: number;
  readonly from: Date;
}

interface Choice {
  readonly running: readonly BackfillRunning[];
  readonly chosen: readonly BackfillCandidate[];
  readonly lost: readonly LostTime[];
  readonly held: readonly HeldTime[];
}

/** Times of each job that are looked at, at least: those that are lost go in bulk. */
const CANDIDATES_MIN = 50;

/** `jobs` by place. */
export async function chooseNext(
  db: Database,
  backfill: Backfill,
  jobs: readonly BackfillJob[],
): Promise<Choice> {
  const { newestFirst, parallelMax, dayGranularity } = backfill;
  const running = await listBackfillRunning(db, backfill);
  if (!dayGranularity && running.length >= parallelMax) return { running, chosen: [], lost: [], held: [] };
  const list = dayGranularity ? listBackfillDueByDay : listBackfillDue;
  // With days, those that run have times that are due as well.
  const limit = Math.max(CANDIDATES_MIN, 2 * parallelMax);
  const due = await list(db, backfill, { newestFirst, limit });
  const { free, lost, held } = await judge(db, backfill, jobs, due.filter(createFirstInChain(jobs)));
  return { running, chosen: chooseRuns(backfill, running, free), lost, held };
}

/** Of a job whose runs wait for the one before, only the first that is due can matter. */
function createFirstInChain(jobs: readonly BackfillJob[]): (candidate: BackfillCandidate) => boolean {
  const seen = new Set<number>();
  return ({ place }) => {
    if (jobs[place]?.afterOwnPrevious !== true) return true;
    const first = !seen.has(place);
    seen.add(place);
    return first;
  };
}

/** A stretch that a time waits for. */
interface Wait extends BackfillStretch {
  readonly candidate: BackfillCandidate;
  readonly ignoresFailure: boolean;
}

/** A time is free when all that it waits for has ended, lost when a part of that failed, else neither. */
async function judge(
  db: Database,
  backfill: Backfill,
  jobs: readonly BackfillJob[],
  candidates: readonly BackfillCandidate[],
): Promise<Omit<Choice, "running" | "chosen"> & { readonly free: BackfillCandidate[] }> {
  const waits = await waitsOf(db, backfill, jobs, candidates);
  const states = await listStretchStates(db, backfill, waits);
  const held = new Map<BackfillCandidate, HeldTime>();
  const lost = new Map<BackfillCandidate, LostTime>();
  for (const [index, { candidate, place, from, ignoresFailure }] of waits.entries()) {
    const state = states[index];
    if (state?.open === true) held.set(candidate, { candidate, place, from });
    if (state === undefined || state.failedAt === null || ignoresFailure) continue;
    const name = jobs[place]?.jobName ?? "";
    const own = place === candidate.place;
    lost.set(candidate, {
      ...candidate,
      reason: own ? "own-previous" : "upstream",
      detail: `the run of "${name}" planned for ${state.failedAt.toISOString()} did not succeed`,
    });
  }
  const free = candidates.filter((candidate) => !held.has(candidate) && !lost.has(candidate));
  return { free, lost: [...lost.values()], held: [...held.values()] };
}

async function waitsOf(
  db: Database,
  backfill: Backfill,
  jobs: readonly BackfillJob[],
  candidates: readonly BackfillCandidate[],
): Promise<Wait[]> {
  const waits: Wait[] = [];
  for (const candidate of candidates) {
    const own = jobs[candidate.place];
    if (own === undefined) continue;
    for (const { place, periods, ignoresFailure } of own.waits) {
      const stretch = stretchOf(own, jobs[place], candidate.plannedAt, periods);
      if (stretch === undefined) continue;
      const { from, to } = stretch;
      waits.push({ candidate, place, ignoresFailure, from: new Date(from), to: new Date(to) });
    }
    if (own.afterOwnPrevious) waits.push(...(await ownPrevious(db, backfill, candidate)));
  }
  return waits;
}

async function ownPrevious(db: Database, backfill: Backfill, candidate: BackfillCandidate): Promise<Wait[]> {
  const { place, plannedAt: before } = candidate;
  const from = await findTimeBefore(db, backfill, { place, before });
  if (from === undefined) return [];
  return [{ candidate, place, ignoresFailure: false, from, to: new Date(from.getTime() + 1) }];
}
