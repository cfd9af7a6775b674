/** Plans: each time of each schedule that has come ends in the ledger, as an instance or with a reason, in one transaction. */
import type { Observe } from "../domain/observation.ts";
import { type PlannedAct, planDue } from "../domain/plan.ts";
import { calendarOf } from "../domain/workday.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { insertDependencies } from "../store/dependencies.ts";
import { claimDueSchedules, type DueSchedule, findNextDue, updateNextTimes } from "../store/due-schedules.ts";
import { insertPlannedTimes, type PlannedDecision, updatePlannedRuns } from "../store/planned-runs.ts";
import type { Definitions, OperatorIndex, Pinned } from "./definitions.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Start, startInstances } from "./start.ts";

export interface SchedulerDeps {
  readonly pool: DatabasePool;
  readonly definitions: Definitions;
  readonly operators: OperatorIndex;
  readonly now: () => Date;
  /** False while the clock is not to be trusted. */
  readonly mayPlan: () => boolean;
  readonly observe: Observe;
  /** Instances were made, or times passed over for which others may wait. */
  readonly onPlanned: () => void;
}

/** Schedules that one transaction takes on, and times of all of them together: after a long downtime there are many. */
const BATCH_MAX = 500;
const TIMES_MAX = 5_000;
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
    if (!deps.mayPlan()) return POLL_MS;
    for (;;) {
      const next = await findNextDue(deps.pool);
      if (next === undefined) return POLL_MS;
      const delayMs = next.getTime() - deps.now().getTime();
      if (delayMs > 0) return Math.min(delayMs, POLL_MS);
      const { claimed, missed, decisions } = await transaction(deps.pool, (db) => planBatch(deps, db));
      observeMissed(deps, missed);
      observeStarted(deps, decisions);
      if (claimed > 0) deps.onPlanned();
      // Another server holds what is due.
      else return HELD_MS;
    }
  }
  return createLoop("scheduler", round, deps.observe);
}

/** What one transaction did. */
interface Batch {
  /** Schedules that were due. */
  readonly claimed: number;
  readonly missed: readonly Decided[];
  readonly decisions: readonly PlannedDecision[];
}

async function planBatch(deps: SchedulerDeps, db: Database): Promise<Batch> {
  const now = deps.now();
  const due = await claimDueSchedules(db, now, BATCH_MAX);
  if (due.length === 0) return { claimed: 0, missed: [], decisions: [] };
  const most = Math.ceil(TIMES_MAX / due.length);
  const plans = due.map((schedule) => ({ schedule, plan: planOf(schedule, now, most) }));
  const decided = plans.flatMap(({ schedule, plan }) => plan.acts.map((act): Decided => ({ schedule, act })));
  const places = await insertPlannedTimes(db, decided.map(timeOf));
  // A time that the ledger has already was decided before, perhaps under an earlier form of the schedule, or before the
  // clock was set back.
  const fresh = places.flatMap((place) => decided[place] ?? []);
  const started = await startFresh(deps, db, fresh, now);
  await updatePlannedRuns(db, [...started.decisions, ...fresh.flatMap(passedOf)], now);
  await updateNextTimes(
    db,
    plans.map(({ schedule, plan }) => ({
      ...schedule,
      nextAt: plan.nextAt,
      firstIsFree: schedule.firstIsFree && !started.schedules.has(schedule),
    })),
  );
  const missed = fresh.filter(({ act }) => act.act === "miss");
  return { claimed: due.length, missed, decisions: started.decisions };
}

function planOf(schedule: DueSchedule, now: Date, most: number) {
  const { calendar, calendarRule, afterOwnPrevious, hasUpstream } = schedule;
  const load = {
    ...schedule,
    hasDependencies: afterOwnPrevious || hasUpstream,
    calendar:
      calendar === null
        ? undefined
        : { name: calendar, ...(calendarRule !== null && { days: calendarOf(calendarRule) }) },
  };
  return planDue(schedule, load, { first: schedule.nextAt, now, most });
}

/** What became of a time that starts nothing. */
function passedOf(one: Decided): PlannedDecision[] {
  const { act } = one;
  if (act.act !== "miss" && act.act !== "skip") return [];
  const state = act.act === "miss" ? "missed" : "skipped";
  return [{ ...timeOf(one), state, reason: act.reason, detail: act.detail }];
}

async function startFresh(
  deps: SchedulerDeps,
  db: Database,
  fresh: readonly Decided[],
  now: Date,
): Promise<{ readonly decisions: PlannedDecision[]; readonly schedules: ReadonlySet<DueSchedule> }> {
  const decisions: PlannedDecision[] = [];
  const starting: { readonly one: Decided; readonly start: Start }[] = [];
  for (const one of fresh) {
    if (one.act.act === "miss" || one.act.act === "skip") continue;
    const { projectId, jobId, jobVersion } = one.schedule;
    const pinned = await deps.definitions.pinnedVersion(projectId, jobId, jobVersion);
    if (pinned === undefined || pinned.nodes.length === 0)
      decisions.push({
        ...timeOf(one),
        state: "skipped",
        reason: "no-nodes",
        detail: "the job has no node to run",
      });
    else starting.push({ one, start: startOf(one, pinned) });
  }
  const starts = starting.map(({ start }) => start);
  const ids = await startInstances(db, starts, { operators: deps.operators, now });
  const made = starting.map(({ one }, index) => ({ one, instanceId: ids[index] ?? 0 }));
  for (const { one, instanceId } of made) {
    const { detail } = one.act;
    decisions.push({ ...timeOf(one), state: "started", instanceId, ...(detail !== undefined && { detail }) });
  }
  await insertDependencies(db, dependenciesOf(made));
  return { decisions, schedules: new Set(made.map(({ one }) => one.schedule)) };
}

function dependenciesOf(made: readonly { readonly one: Decided; readonly instanceId: number }[]) {
  const begun = new Set<DueSchedule>();
  return made.flatMap(({ one: { schedule }, instanceId }) => {
    const { projectId, jobId, afterOwnPrevious, hasUpstream, firstIsFree } = schedule;
    const isFree = firstIsFree && !begun.has(schedule);
    begun.add(schedule);
    if (!afterOwnPrevious && !hasUpstream) return [];
    return [{ projectId, instanceId, jobId, onOwnPrevious: afterOwnPrevious && !isFree }];
  });
}

function observeStarted({ now, observe }: SchedulerDeps, decisions: readonly PlannedDecision[]): void {
  const at = now().getTime();
  for (const { projectId, jobId, plannedAt, state } of decisions)
    if (state === "started")
      observe({
        event: "planned-run-started",
        projectId,
        jobId,
        plannedAt,
        lateMilliseconds: Math.max(0, at - plannedAt.getTime()),
      });
}

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
    frozen: act.act === "freeze",
  };
}
