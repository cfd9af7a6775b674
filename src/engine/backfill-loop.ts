/** Carries backfills on: writes their plan, starts what may start beside what runs, and ends them. */
import {
  type Backfill,
  type BackfillCandidate,
  type BackfillProgress,
  chooseRuns,
  planBackfill,
} from "../domain/backfill.ts";
import { nextOpening } from "../domain/day-window.ts";
import type { Observe } from "../domain/observation.ts";
import { BACKFILL_ENDED, type BackfillState } from "../domain/states.ts";
import {
  type BackfillEnd,
  insertBackfillTimes,
  listBackfillDue,
  listBackfillDueByDay,
  listBackfillRunning,
  markBackfillStarted,
  skipBackfillDue,
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
import { findPresentVersions } from "../store/job-versions.ts";
import type { Definitions, OperatorIndex } from "./definitions.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Start, startInstances } from "./start.ts";

export interface BackfillLoopDeps {
  readonly pool: DatabasePool;
  readonly definitions: Definitions;
  readonly operators: OperatorIndex;
  readonly now: () => Date;
  readonly observe: Observe;
  /** Instances were made whose first nodes are ready. */
  readonly onStarted: () => void;
}

/** Whoever ends an instance or changes a backfill wakes the loop; this is for what a lost server or signal left. */
const POLL_MS = 2_000;
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
 * The ledger's next lines of the first job that is not planned to its end; all of them skipped for `reason`, where there
 * is one. Gives how many are skipped, undefined when all lines of all jobs are there.
 */
async function writePage(
  db: Database,
  backfill: Backfill,
  now: Date,
  reason?: string,
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
  const times = reason === undefined ? planned : planned.map((time) => ({ leftOut: reason, ...time }));
  await insertBackfillTimes(db, backfill, { place: job.place, times, now });
  await updatePlannedTo(db, backfill, {
    place: job.place,
    plannedTo: times.at(-1)?.plannedAt ?? job.plannedTo,
    plannedAll: times.length < LINES_MAX,
  });
  return times.filter(({ leftOut }) => leftOut !== undefined).length;
}

async function startNext(deps: BackfillLoopDeps, db: Database, backfill: Backfill, now: Date): Promise<Step> {
  const { progress, zone, runWindow } = backfill;
  if (waitingOf(progress) === 0) return restOf(backfill);
  const opening = runWindow === undefined ? now : nextOpening(runWindow, zone, now);
  if (opening === undefined)
    return { state: "failing", progress, dueAt: now, reason: "its run window never opens" };
  if (opening > now) return { state: "running", progress, dueAt: opening };
  const chosen = await chooseNext(db, backfill);
  if (chosen.length === 0) return { state: "running", progress };
  const { started, skipped } = await startChosen(deps, db, backfill, { chosen, now });
  return {
    state: "running",
    progress: { ...progress, running: progress.running + started, skipped: progress.skipped + skipped },
    started,
    // A place that a skipped time left, or the end of the whole.
    ...(skipped > 0 && { dueAt: now }),
  };
}

function waitingOf({ planned, running, succeeded, failed, skipped }: BackfillProgress): number {
  return planned - running - succeeded - failed - skipped;
}

/** A backfill of which nothing waits. */
function restOf({ state, progress }: Backfill): Step {
  if (progress.running > 0) return { state, progress };
  return { state: progress.failed > 0 ? "failed" : "succeeded", progress };
}

async function chooseNext(db: Database, backfill: Backfill): Promise<BackfillCandidate[]> {
  const { newestFirst, parallelMax, dayGranularity } = backfill;
  const running = await listBackfillRunning(db, backfill);
  if (!dayGranularity && running.length >= parallelMax) return [];
  const list = dayGranularity ? listBackfillDueByDay : listBackfillDue;
  // With days, those that run have times that are due as well.
  const limit = dayGranularity ? 2 * parallelMax : parallelMax;
  return chooseRuns(backfill, running, await list(db, backfill, { newestFirst, limit }));
}

async function startChosen(
  { definitions, operators }: BackfillLoopDeps,
  db: Database,
  backfill: Backfill,
  { chosen, now }: { readonly chosen: readonly BackfillCandidate[]; readonly now: Date },
): Promise<{ readonly started: number; readonly skipped: number }> {
  const jobs = await listBackfillJobs(db, backfill);
  const versions = await findPresentVersions(
    db,
    backfill.projectId,
    jobs.map(({ jobId }) => jobId),
  );
  const starts: { readonly candidate: BackfillCandidate; readonly start: Start }[] = [];
  let skipped = 0;
  for (const [place, candidates] of Map.groupBy(chosen, (candidate) => candidate.place)) {
    const job = jobs[place];
    const present = versions.find(({ jobId }) => jobId === job?.jobId);
    const pinned =
      present && (await definitions.pinnedVersion(backfill.projectId, present.jobId, present.version));
    if (present === undefined || pinned === undefined || pinned.nodes.length === 0) {
      const reason = present === undefined ? "the job was deleted" : "the job has no node to run";
      skipped += await skipBackfillDue(db, backfill, { place, reason, limit: LINES_MAX, now });
      continue;
    }
    for (const candidate of candidates)
      starts.push({ candidate, start: startOf(backfill, { candidate, present, pinned }) });
  }
  const ids = await startInstances(
    db,
    starts.map(({ start }) => start),
    { operators, now },
  );
  const started = starts.map(({ candidate }, index) => ({ ...candidate, instanceId: ids[index] ?? 0 }));
  await markBackfillStarted(db, backfill, started, now);
  return { started: started.length, skipped };
}

function startOf(
  backfill: Backfill,
  {
    candidate,
    present,
    pinned,
  }: {
    readonly candidate: BackfillCandidate;
    readonly present: Awaited<ReturnType<typeof findPresentVersions>>[number];
    readonly pinned: Start["pinned"];
  },
): Start {
  return {
    projectId: backfill.projectId,
    workspaceId: present.workspaceId,
    job: { id: present.jobId, version: present.version },
    name: present.name,
    pinned,
    origin: "backfill",
    parameters: backfill.parameters,
    plannedAt: candidate.plannedAt,
    by: backfill.createdBy,
    waits: false,
    background: true,
    tells: "backfill",
    ...(backfill.priority !== undefined && { priority: backfill.priority }),
  };
}

/** What was not started will not be; what runs is waited for. */
async function skipPage(
  db: Database,
  backfill: Backfill,
  state: "failing" | "cancelling",
  now: Date,
): Promise<Step> {
  const reason = backfill.reason ?? state;
  const due = await skipBackfillDue(db, backfill, { reason, limit: LINES_MAX, now });
  const count = due > 0 ? due : await writePage(db, backfill, now, reason);
  const progress = { ...backfill.progress, skipped: backfill.progress.skipped + (count ?? 0) };
  if (count !== undefined) return { state, progress, dueAt: now };
  if (progress.running > 0) return { state, progress };
  return { state: state === "failing" ? "failed" : "cancelled", progress };
}
