/** Carries backfills on: writes their plan, starts what may start beside what runs, and ends them. */
import {
  type Backfill,
  type BackfillProgress,
  type BackfillSkip,
  planBackfill,
  waitingOf,
} from "../domain/backfill.ts";
import { nextOpening } from "../domain/day-window.ts";
import type { Observe } from "../domain/observation.ts";
import { BACKFILL_ENDED, type BackfillState } from "../domain/states.ts";
import {
  type BackfillEnd,
  insertBackfillTimes,
  skipBackfillDue,
  skipBackfillTimes,
  takeBackfillEnds,
} from "../store/backfill-runs.ts";
import {
  type BackfillKey,
  claimBackfill,
  findNextBackfillDue,
  listBackfillJobs,
  listBackfillsToAdvance,
  updateBackfill,
  updatePlannedTo,
} from "../store/backfills.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { chooseNext, type LostTime } from "./backfill-choice.ts";
import { type BackfillStartDeps, startChosen } from "./backfill-start.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface BackfillLoopDeps extends BackfillStartDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
  /** Instances were made whose first nodes are ready. */
  readonly onStarted: () => void;
}

/** Whoever ends an instance or changes a backfill wakes the loop; this is for what a lost server or signal left. */
const POLL_MS = 5_000;
/** Backfills that one look finds. */
const BACKFILLS_MAX = 100;
/** Lines of the ledger that one transaction writes. */
const LINES_MAX = 1_000;

export function createBackfillLoop(deps: BackfillLoopDeps): Loop {
  async function round(): Promise<number> {
    // Where nothing could be taken on, another server is at it.
    while (await advanceAll(deps));
    return await pauseMs(deps);
  }
  return createLoop("backfill", round, deps.observe);
}

/** One step of each backfill with something to do; whether there was one. One that fails holds up no other. */
async function advanceAll(deps: BackfillLoopDeps): Promise<boolean> {
  const failures: unknown[] = [];
  let advanced = false;
  for (const key of await listBackfillsToAdvance(deps.pool, deps.now(), BACKFILLS_MAX)) {
    const step = transaction(deps.pool, (db) => advance(deps, db, key));
    const started = await step.catch((error: unknown) => void failures.push(error));
    if (started === undefined) continue;
    advanced = true;
    if (started > 0) deps.onStarted();
  }
  if (failures.length > 0) throw failures[0];
  return advanced;
}

async function pauseMs({ pool, now }: BackfillLoopDeps): Promise<number> {
  const due = await findNextBackfillDue(pool);
  if (due === undefined) return POLL_MS;
  return Math.min(POLL_MS, Math.max(HELD_MS, due.getTime() - now().getTime()));
}
const HELD_MS = 20;

/** What one step makes of a backfill. */
interface Step {
  readonly state: BackfillState;
  readonly progress: BackfillProgress;
  readonly dueAt?: Date;
  readonly reason?: string;
  readonly started?: number;
}

/** One short transaction's worth; gives how many instances were started, undefined when it could not be taken on. */
async function advance(deps: BackfillLoopDeps, db: Database, key: BackfillKey): Promise<number | undefined> {
  const backfill = await claimBackfill(db, key);
  if (backfill === undefined) return undefined;
  const now = deps.now();
  const counted = { ...backfill, progress: countEnds(backfill.progress, await takeBackfillEnds(db, key)) };
  const step = await stepOf(deps, db, counted, now);
  const ended = BACKFILL_ENDED.includes(step.state);
  await updateBackfill(db, key, {
    state: step.state,
    progress: step.progress,
    ...(step.dueAt !== undefined && { dueAt: step.dueAt }),
    endedAt: ended ? (backfill.endedAt ?? now) : null,
    reason: step.reason ?? backfill.reason,
  });
  return step.started ?? 0;
}

function countEnds(progress: BackfillProgress, ends: readonly BackfillEnd[]): BackfillProgress {
  const counted = { ...progress };
  for (const { was, outcome } of ends) {
    counted[was ?? "running"] -= 1;
    counted[outcome ?? "running"] += 1;
  }
  return counted;
}

async function stepOf(deps: BackfillLoopDeps, db: Database, backfill: Backfill, now: Date): Promise<Step> {
  const { state, progress } = backfill;
  switch (state) {
    case "planning":
      return await planPage(db, backfill, now);
    case "running":
      if (backfill.stopOnFailure && progress.failed > 0)
        return { state: "failing", progress, dueAt: now, reason: "an instance failed" };
      return await startNext(deps, db, backfill, now);
    case "failing":
    case "cancelling":
      return await skipPage(db, backfill, state, now);
    case "paused":
    case "succeeded":
    case "failed":
    case "cancelled":
      return { state, progress };
    default:
      return state satisfies never;
  }
}

async function planPage(db: Database, backfill: Backfill, now: Date): Promise<Step> {
  const { progress } = backfill;
  const skipped = await writePage(db, backfill, now);
  if (skipped === undefined) return { state: "running", progress, dueAt: now };
  return { state: "planning", progress: { ...progress, skipped: progress.skipped + skipped }, dueAt: now };
}

/**
 * The ledger's next lines of the first job that is not planned to its end; all of them skipped where `skip` says why.
 * Gives how many are skipped, undefined when all lines of all jobs are there.
 */
async function writePage(
  db: Database,
  backfill: Backfill,
  now: Date,
  skip?: BackfillSkip,
): Promise<number | undefined> {
  const jobs = await listBackfillJobs(db, backfill);
  const job = jobs.find(({ plannedAll }) => !plannedAll);
  if (job === undefined) return undefined;
  const after = job.plannedTo ?? undefined;
  const planned = planBackfill(job.rule, backfill, {
    zone: backfill.zone,
    limit: LINES_MAX,
    ...(after !== undefined && { after }),
  });
  const times = skip === undefined ? planned : planned.map((time) => ({ skip, ...time }));
  await insertBackfillTimes(db, backfill, { place: job.place, times, now });
  await updatePlannedTo(db, backfill, {
    place: job.place,
    plannedTo: times.at(-1)?.plannedAt ?? job.plannedTo,
    plannedAll: times.length < LINES_MAX,
  });
  return times.filter((time) => time.skip !== undefined).length;
}

async function startNext(deps: BackfillLoopDeps, db: Database, backfill: Backfill, now: Date): Promise<Step> {
  const { progress, zone, runWindow } = backfill;
  if (waitingOf(progress) === 0) return restOf(backfill);
  const opening = runWindow === undefined ? now : nextOpening(runWindow, zone, now);
  if (opening === undefined)
    return { state: "failing", progress, dueAt: now, reason: "its run window never opens" };
  if (opening > now) return { state: "running", progress, dueAt: opening };
  const jobs = await listBackfillJobs(db, backfill);
  const { chosen, lost } = await chooseNext(db, backfill, jobs);
  const given = await skipLost(db, backfill, { lost, now });
  const { started, skipped, reason } = await startChosen(deps, db, backfill, { jobs, chosen, now });
  const passed = skipped + given;
  return {
    state: "running",
    progress: { ...progress, running: progress.running + started, skipped: progress.skipped + passed },
    started,
    ...(reason !== undefined && { reason }),
    // There may be others in their place, or nothing left at all.
    ...(passed > 0 && { dueAt: now }),
  };
}

/** Where one run of a job is lost because the one before it is, all that follow are. */
async function skipLost(
  db: Database,
  backfill: Backfill,
  { lost, now }: { readonly lost: readonly LostTime[]; readonly now: Date },
): Promise<number> {
  const single = lost.filter(({ reason }) => reason !== "own-previous");
  let skipped = await skipBackfillTimes(db, backfill, { times: single, now });
  for (const skip of lost)
    if (skip.reason === "own-previous")
      skipped += await skipBackfillDue(db, backfill, { place: skip.place, skip, limit: LINES_MAX, now });
  return skipped;
}

/** A backfill of which nothing waits: it failed where a run did, or where a reason says why times could not be run. */
function restOf({ state, progress, reason }: Backfill): Step {
  if (progress.running > 0) return { state, progress };
  return { state: progress.failed > 0 || reason !== null ? "failed" : "succeeded", progress };
}

/** What was not started will not be; what runs is waited for. */
async function skipPage(
  db: Database,
  backfill: Backfill,
  state: "failing" | "cancelling",
  now: Date,
): Promise<Step> {
  const skip: BackfillSkip = {
    reason:
      state === "cancelling" ? "cancelled" : backfill.progress.failed > 0 ? "stopped-on-failure" : "window",
    detail: backfill.reason ?? state,
  };
  const due = await skipBackfillDue(db, backfill, { skip, limit: LINES_MAX, now });
  const count = due > 0 ? due : await writePage(db, backfill, now, skip);
  const progress = { ...backfill.progress, skipped: backfill.progress.skipped + (count ?? 0) };
  if (count !== undefined) return { state, progress, dueAt: now };
  if (progress.running > 0) return { state, progress };
  return { state: state === "failing" ? "failed" : "cancelled", progress };
}
