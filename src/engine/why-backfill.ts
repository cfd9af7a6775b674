/** Why a backfill starts nothing: what holds it back, by the same reading that carries it on. */
import { type Backfill, type BackfillProgress, waitingOf } from "../domain/backfill.ts";
import type { Blocker, Holder } from "../domain/blocker.ts";
import { nextOpening } from "../domain/day-window.ts";
import type { BackfillState } from "../domain/states.ts";
import { type BackfillRunning, listBackfillRunning } from "../store/backfill-runs.ts";
import { type BackfillJob, findBackfill, listBackfillJobs } from "../store/backfills.ts";
import { countServers, findDoer } from "../store/blockers.ts";
import type { Database } from "../store/database.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { chooseNext } from "./backfill-choice.ts";

/** How a backfill stands. */
export interface BackfillStanding {
  readonly state: BackfillState;
  readonly progress: BackfillProgress;
  readonly blockers: readonly Blocker[];
  /** Its instances under way, which may wait for slots themselves. */
  readonly running: readonly {
    readonly instanceId: number;
    readonly jobName: string;
    readonly plannedAt: Date;
  }[];
}

const SHOWN_MAX = 20;

/** Undefined where there is no such backfill. One that has ended has no blockers. */
export async function explainBackfill(
  { db, now }: { readonly db: Database; readonly now: () => Date },
  key: WorkspaceKey,
  name: string,
): Promise<BackfillStanding | undefined> {
  const backfill = await findBackfill(db, key, name);
  if (backfill === undefined) return undefined;
  const jobs = await listBackfillJobs(db, backfill);
  const running = await listBackfillRunning(db, backfill);
  const blockers = await blockersOf(db, backfill, jobs, { running, now: now() });
  return {
    state: backfill.state,
    progress: backfill.progress,
    blockers,
    running: running.slice(0, SHOWN_MAX).map(({ instanceId, place, plannedAt }) => ({
      instanceId,
      jobName: nameOf(jobs, place),
      plannedAt,
    })),
  };
}

async function blockersOf(
  db: Database,
  backfill: Backfill,
  jobs: readonly BackfillJob[],
  { running, now }: { readonly running: readonly BackfillRunning[]; readonly now: Date },
): Promise<Blocker[]> {
  const { state, projectId, name, reason } = backfill;
  switch (state) {
    case "succeeded":
    case "failed":
    case "cancelled":
      return [];
    case "paused": {
      const doer = await findDoer(db, { projectId, kind: "backfill", id: name }, ["pause"]);
      return [{ kind: "paused", ...(doer !== undefined && { doer }) }];
    }
    case "planning":
      return [...(await planners(db)), { kind: "planning" }];
    case "failing":
    case "cancelling":
      return [...(await planners(db)), { kind: "ending", reason, holders: holdersOf(jobs, running) }];
    case "running":
      return [...(await planners(db)), ...(await blockersOfNext(db, backfill, jobs, now))];
    default:
      return state satisfies never;
  }
}

async function planners(db: Database): Promise<Blocker[]> {
  return (await countServers(db, "scheduler")) === 0 ? [{ kind: "no-scheduler" }] : [];
}

async function blockersOfNext(
  db: Database,
  backfill: Backfill,
  jobs: readonly BackfillJob[],
  now: Date,
): Promise<Blocker[]> {
  const { progress, runWindow, zone, parallelMax, dayGranularity } = backfill;
  if (waitingOf(progress) === 0) return [];
  const opensAt = runWindow && nextOpening(runWindow, zone, now);
  if (opensAt !== undefined && opensAt > now) return [{ kind: "run-window", opensAt }];
  const { running, chosen, held } = await chooseNext(db, backfill, jobs);
  if (chosen.length > 0) return [];
  const units = dayGranularity ? new Set(running.map(({ day }) => day)).size : running.length;
  const full: Blocker = {
    kind: "parallel",
    most: parallelMax,
    unit: dayGranularity ? "day" : "run",
    holders: holdersOf(jobs, running),
  };
  const waits = held.slice(0, SHOWN_MAX).map(
    ({ candidate, place, from }): Blocker => ({
      kind: "order",
      jobName: nameOf(jobs, candidate.place),
      plannedAt: candidate.plannedAt,
      upstreamName: nameOf(jobs, place),
      from,
    }),
  );
  return units >= parallelMax ? [full, ...waits] : waits;
}

function holdersOf(jobs: readonly BackfillJob[], running: readonly BackfillRunning[]): Holder[] {
  return running.slice(0, SHOWN_MAX).map(({ instanceId, place }) => ({
    instanceId,
    jobName: nameOf(jobs, place),
    since: null,
  }));
}

function nameOf(jobs: readonly BackfillJob[], place: number): string {
  return jobs[place]?.jobName ?? "";
}
