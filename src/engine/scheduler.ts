/**
 * Plans: each time of each schedule ends in the ledger, as an instance or with a reason, in one transaction: when it has
 * come, or a moment before where it simply starts (docs/decisions/0023-planned-ahead.md).
 */
import type { Observe } from "../domain/observation.ts";
import { type PlannedAct, planDue } from "../domain/plan.ts";
import { calendarOf } from "../domain/workday.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { insertDependencies } from "../store/dependencies.ts";
import {
  type DuePlace,
  type DueSchedule,
  findNextDue,
  holdDueSchedules,
  readDueSchedules,
  updateNextTimes,
} from "../store/due-schedules.ts";
import { insertPlannedTimes, type PlannedDecision, updatePlannedRuns } from "../store/planned-runs.ts";
import { insertMissed } from "../store/run-ends.ts";
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
  /** How long the loop may sleep: changes made here wake it, and those made elsewhere where signals are heard. */
  readonly pollMs: () => number;
  /** Instances were made, or times passed over for which others may wait. */
  readonly onPlanned: () => void;
  /** Instances were made that begin at these times, which have not come. */
  readonly onPlannedAhead: (times: readonly Date[]) => void;
}

/** Schedules that one transaction takes on, and times of all of them together: after a long downtime there are many. */
const BATCH_MAX = 500;
const TIMES_MAX = 5_000;
const HELD_MS = 20;
/** How far ahead times that simply start are planned, and how long before it is due a schedule is looked at for that. */
const AHEAD_MS = 2_000;
const LOOK_MS = 1_500;

/** One time of one schedule, and what is to become of it. */
interface Decided {
  readonly schedule: DueSchedule;
  readonly pinned: Pinned | undefined;
  readonly act: PlannedAct;
}

export function createScheduler(deps: SchedulerDeps): Loop {
  /** Times until then were looked at ahead; what is left of them is decided when it is due. */
  let seenTo = new Date(0);

  async function round(): Promise<number> {
    if (!deps.mayPlan()) return deps.pollMs();
    for (;;) {
      const now = deps.now();
      // The clock was set back.
      if (seenTo.getTime() > now.getTime() + AHEAD_MS) seenTo = now;
      const { nextAt, unseenAt } = await findNextDue(deps.pool, seenTo);
      const delayMs = delayUntil(nextAt, 0);
      const lookMs = delayUntil(unseenAt, LOOK_MS);
      if (delayMs > 0 && lookMs > 0) return Math.min(delayMs, lookMs, deps.pollMs());
      if (delayMs <= 0) {
        const { claimed } = await plan(now, undefined);
        // Another server holds what is due.
        if (claimed === 0) return HELD_MS;
      } else await lookAhead(now, nextAt);
    }
  }

  function delayUntil(time: Date | undefined, before: number): number {
    return time === undefined ? Number.POSITIVE_INFINITY : time.getTime() - before - deps.now().getTime();
  }

  /** Looks at all that will be due soon, or until something is. */
  async function lookAhead(now: Date, nextAt: Date | undefined): Promise<void> {
    const to = new Date(now.getTime() + AHEAD_MS);
    let after: DuePlace | undefined;
    do {
      const { last } = await plan(to, after);
      after = last;
    } while (after !== undefined && delayUntil(nextAt, 0) > 0);
    seenTo = to;
  }

  async function plan(to: Date, after: DuePlace | undefined): Promise<Batch> {
    const batch = await transaction(deps.pool, (db) => planBatch(deps, db, { to, after }));
    observeMissed(deps, batch.missed);
    if (batch.decided > batch.ahead.length) deps.onPlanned();
    if (batch.ahead.length > 0) {
      deps.onPlannedAhead(batch.ahead.map(({ plannedAt }) => plannedAt));
      // So that nothing has to be read at the time itself.
      await deps.definitions.factsOf(batch.ahead);
    }
    return batch;
  }

  return createLoop("scheduler", round, deps.observe);
}

/** What one transaction did. */
interface Batch {
  /** Schedules that were looked at, and the last of them where there may be more. */
  readonly claimed: number;
  readonly last: DuePlace | undefined;
  readonly missed: readonly Decided[];
  /** Times, in all. */
  readonly decided: number;
  /** Runs that were made before their time. */
  readonly ahead: readonly {
    readonly projectId: string;
    readonly instanceId: number;
    readonly plannedAt: Date;
  }[];
}

const NOTHING: Batch = { claimed: 0, last: undefined, missed: [], decided: 0, ahead: [] };

async function planBatch(
  deps: SchedulerDeps,
  db: Database,
  reach: { readonly to: Date; readonly after: DuePlace | undefined },
): Promise<Batch> {
  const held = await holdDueSchedules(db, { ...reach, limit: BATCH_MAX });
  if (held.length === 0) return NOTHING;
  const now = deps.now();
  const due = await readDueSchedules(db, held);
  const pinned = await deps.definitions.pinnedVersions(due);
  const most = Math.ceil(TIMES_MAX / due.length);
  const plans = due.map((schedule, place) => {
    const plan = planOf(schedule, pinned[place], now, most);
    return {
      schedule,
      plan,
      acts: plan.acts.map((act): Decided => ({ schedule, pinned: pinned[place], act })),
    };
  });
  const decided = plans.flatMap(({ acts }) => acts);
  const places = await insertPlannedTimes(db, decided.map(timeOf));
  // A time that the ledger has already was decided before, perhaps under an earlier form of the schedule, or before the
  // clock was set back.
  const fresh = places.flatMap((place) => decided[place] ?? []);
  const started = await startFresh(deps, db, fresh, now);
  const decisions = [...started.decisions, ...fresh.flatMap(passedOf)];
  await updatePlannedRuns(db, decisions, now);
  const missed = fresh.filter(({ act }) => act.act === "miss");
  if (missed.length > 0) await insertMissed(db, missed.map(timeOf));
  await updateNextTimes(
    db,
    plans
      .filter(({ acts }) => acts.length > 0)
      .map(({ schedule, plan }) => ({
        ...schedule,
        nextAt: plan.nextAt,
        firstIsFree: schedule.firstIsFree && !started.schedules.has(schedule),
      })),
  );
  return {
    claimed: due.length,
    last: held.length < BATCH_MAX ? undefined : held.at(-1),
    missed,
    decided: decisions.length,
    ahead: decisions.flatMap((one) => (one.state === "started" && one.plannedAt > now ? [one] : [])),
  };
}

function planOf(schedule: DueSchedule, pinned: Pinned | undefined, now: Date, most: number) {
  const { calendar, calendarRule, afterOwnPrevious, hasUpstream, firstIsFree } = schedule;
  const load = {
    ...schedule,
    hasDependencies: afterOwnPrevious || hasUpstream,
    calendar:
      calendar === null
        ? undefined
        : { name: calendar, ...(calendarRule !== null && { days: calendarOf(calendarRule) }) },
  };
  // What a run uses up is not given back where the run is taken back.
  const mayAhead = !firstIsFree && hasNodes(pinned);
  const ahead = mayAhead ? new Date(now.getTime() + AHEAD_MS) : undefined;
  return planDue(schedule, load, { first: schedule.nextAt, now, ahead, most });
}

function hasNodes(pinned: Pinned | undefined): pinned is Pinned {
  return pinned !== undefined && pinned.nodes.length > 0;
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
    if (hasNodes(one.pinned)) starting.push({ one, start: startOf(one, one.pinned, now) });
    else
      decisions.push({
        ...timeOf(one),
        state: "skipped",
        reason: "no-nodes",
        detail: "the job has no node to run",
      });
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

function observeMissed({ observe }: SchedulerDeps, missed: readonly Decided[]): void {
  const bySchedule = Map.groupBy(missed, ({ schedule }) => schedule);
  for (const [{ projectId, jobId }, times] of bySchedule)
    observe({ event: "planned-runs-missed", projectId, jobId, count: times.length });
}

function timeOf({ schedule: { projectId, jobId }, act: { plannedAt } }: Decided) {
  return { projectId, jobId, plannedAt };
}

function startOf({ schedule, act }: Decided, pinned: Pinned, now: Date): Start {
  return {
    projectId: schedule.projectId,
    workspaceId: schedule.workspaceId,
    job: { id: schedule.jobId, version: schedule.jobVersion },
    name: schedule.jobName,
    pinned,
    origin: "schedule",
    parameters: schedule.parameters,
    plannedAt: act.plannedAt,
    ...(act.plannedAt > now && { beginsAt: act.plannedAt }),
    by: schedule.startedBy,
    waits: act.act === "wait",
    frozen: act.act === "freeze",
  };
}
