/** Plans: each time of each schedule that has come ends in the ledger, as an instance or as missed, in one transaction. */
import type { Observe } from "../domain/observation.ts";
import { type PlannedAct, planDue } from "../domain/plan.ts";
import { LATENESS_MAX_SECONDS } from "../domain/schedule.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { insertPlannedTimes, type PlannedDecision, updatePlannedRuns } from "../store/planned-runs.ts";
import { claimDueSchedules, type DueSchedule, findNextDue, updateNextTimes } from "../store/schedules.ts";
import type { Definitions, OperatorIndex, Pinned } from "./definitions.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Start, startInstances } from "./start.ts";

export interface SchedulerDeps {
  readonly pool: DatabasePool;
  readonly definitions: Definitions;
  readonly operators: OperatorIndex;
  readonly now: () => Date;
  readonly observe: Observe;
  /** Instances were made; `waiting`: some of them have to be released. */
  readonly onStarted: (started: { readonly waiting: boolean }) => void;
}

/** Schedules that one transaction takes on. */
const BATCH_MAX = 500;
/** Changes made here wake the loop and those made elsewhere are signalled; this is for signals that were lost. */
const POLL_MS = 1_000;
const HELD_MS = 20;

/** One time of one schedule, and what is to become of it. */
interface Decided {
  readonly schedule: DueSchedule;
  readonly act: PlannedAct;
}

export function createScheduler(deps: SchedulerDeps): Loop {
  async function round(): Promise<number> {
    for (;;) {
      const next = await findNextDue(deps.pool);
      if (next === undefined) return POLL_MS;
      const delayMs = next.getTime() - deps.now().getTime();
      if (delayMs > 0) return Math.min(delayMs, POLL_MS);
      const { claimed, missed, starts } = await transaction(deps.pool, (db) => planBatch(deps, db));
      observeMissed(deps, missed);
      if (starts.length > 0) deps.onStarted({ waiting: starts.some(({ waits }) => waits) });
      // Another server holds what is due.
      if (claimed === 0) return HELD_MS;
    }
  }
  return createLoop("scheduler", round, deps.observe);
}

/** What one transaction did. */
interface Batch {
  /** Schedules that were due. */
  readonly claimed: number;
  readonly missed: readonly Decided[];
  readonly starts: readonly Start[];
}

async function planBatch(deps: SchedulerDeps, db: Database): Promise<Batch> {
  const now = deps.now();
  const due = await claimDueSchedules(db, now, BATCH_MAX);
  if (due.length === 0) return { claimed: 0, missed: [], starts: [] };
  const plans = due.map((schedule) => ({
    schedule,
    plan: planDue(schedule, schedule, { first: schedule.nextAt, now }),
  }));
  const decided = plans.flatMap(({ schedule, plan }) => plan.acts.map((act): Decided => ({ schedule, act })));
  const places = await insertPlannedTimes(db, decided.map(timeOf));
  // A time that the ledger has already was decided before, perhaps under an earlier form of the schedule.
  const fresh = places.flatMap((place) => decided[place] ?? []);
  const missed = fresh.filter(({ act }) => act.act === "miss");
  const { decisions, starts } = await startFresh(deps, db, fresh, now);
  const misses = missed.map((one): PlannedDecision => ({ ...timeOf(one), state: "missed", reason: MISSED }));
  await updatePlannedRuns(db, [...decisions, ...misses], now);
  await updateNextTimes(
    db,
    plans.map(({ schedule, plan }) => ({ ...schedule, nextAt: plan.nextAt })),
  );
  return { claimed: due.length, missed, starts };
}

async function startFresh(
  deps: SchedulerDeps,
  db: Database,
  fresh: readonly Decided[],
  now: Date,
): Promise<{ readonly decisions: PlannedDecision[]; readonly starts: Start[] }> {
  const decisions: PlannedDecision[] = [];
  const starting: { readonly one: Decided; readonly start: Start }[] = [];
  for (const one of fresh) {
    if (one.act.act === "miss") continue;
    const { projectId, jobId, jobVersion } = one.schedule;
    const pinned = await deps.definitions.pinnedVersion(projectId, jobId, jobVersion);
    if (pinned === undefined || pinned.nodes.length === 0)
      decisions.push({ ...timeOf(one), state: "skipped", reason: "the job has no node to run" });
    else starting.push({ one, start: startOf(one, pinned) });
  }
  const starts = starting.map(({ start }) => start);
  const ids = await startInstances(db, starts, { operators: deps.operators, now });
  for (const [index, { one }] of starting.entries())
    decisions.push({ ...timeOf(one), state: "started", instanceId: ids[index] ?? 0 });
  return { decisions, starts };
}

const MISSED = `noticed more than ${LATENESS_MAX_SECONDS} s late: no scheduler was running`;

function observeMissed({ observe }: SchedulerDeps, missed: readonly Decided[]): void {
  const bySchedule = Map.groupBy(missed, ({ schedule }) => schedule);
  for (const [{ projectId, jobId }, times] of bySchedule)
    observe({ event: "planned-runs-missed", projectId, jobId, count: times.length });
}

function timeOf({ schedule: { projectId, jobId }, act: { plannedAt } }: Decided) {
  return { projectId, jobId, plannedAt };
}

function startOf({ schedule, act }: Decided, pinned: Pinned): Start {
  return {
    projectId: schedule.projectId,
    workspaceId: schedule.workspaceId,
    job: { id: schedule.jobId, version: schedule.jobVersion },
    name: schedule.jobName,
    pinned,
    origin: "schedule",
    parameters: schedule.parameters,
    plannedAt: act.plannedAt,
    by: schedule.startedBy,
    waits: act.act === "wait",
  };
}
