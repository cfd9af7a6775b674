/** Looks up which runs of other jobs a waiting instance waits for, and what is known of them already. */
import { stretchOf } from "../domain/dependency.ts";
import { type PlanRule, plannedWithin } from "../domain/plan.ts";
import { INSTANCE_ENDED } from "../domain/states.ts";
import type { Database } from "../store/database.ts";
import {
  type FoundWaits,
  findPreviousRun,
  holdUpstreamLines,
  listWaits,
  replaceWaits,
  type UnresolvedDependency,
  type UpstreamLine,
  type Wait,
} from "../store/dependencies.ts";
import { type ScheduleRow, shareSchedule } from "../store/schedules.ts";

/** Runs of one job that an instance may wait for; beyond them it is refused. */
const RUNS_MAX = 10_000;

/**
 * In a transaction of its own that holds the job's schedule: looks up what one of its waiting instances waits for of one
 * other job. Until it ends, no run that is looked at ends or is planned, so none is missed. Of two other jobs the runs
 * would be held in another order than by who ends them.
 */
export async function resolveDependency(
  db: Database,
  own: ScheduleRow,
  dependency: UnresolvedDependency,
): Promise<void> {
  const { projectId, jobId } = own;
  const { instanceId, upstreamId, plannedAt } = dependency;
  const found =
    upstreamId === jobId
      ? { waits: await findOwnPrevious(db, own, plannedAt) }
      : await findUpstreamRuns(db, own, dependency);
  await replaceWaits(db, { projectId, instanceId, upstreamId }, found);
}

/** A run that was skipped is passed over. */
async function findOwnPrevious(
  db: Database,
  { projectId, jobId }: ScheduleRow,
  plannedAt: Date,
): Promise<Wait[]> {
  const previous = await findPreviousRun(db, projectId, jobId, plannedAt);
  if (previous === undefined) return [];
  const to = new Date(previous.getTime() + 1);
  const lines = await holdUpstreamLines(db, { projectId, jobId }, { from: previous, to, limit: RUNS_MAX });
  const [wait] = waitsOf(lines, "suspend");
  return wait === undefined ? [] : [wait];
}

async function findUpstreamRuns(
  db: Database,
  own: ScheduleRow,
  { instanceId, upstreamId, plannedAt, periods, failPolicy }: UnresolvedDependency,
): Promise<FoundWaits> {
  const { projectId } = own;
  const upstream = await shareSchedule(db, projectId, upstreamId);
  const stretch = stretchOf(periodicOf(own), upstream && periodicOf(upstream), plannedAt, periods);
  if (stretch === undefined) return { waits: [] };
  const from = new Date(stretch.from);
  const to = new Date(stretch.to);
  const bounds = { from, to, limit: RUNS_MAX + 1 };
  const lines = await holdUpstreamLines(db, { projectId, jobId: upstreamId }, bounds);
  const known = waitsOf(lines, failPolicy);
  const inLedger = new Set(lines.map((line) => line.plannedAt.getTime()));
  const isNew = (wait: Wait) => !inLedger.has(wait.plannedAt.getTime());
  const planned = upstream === undefined ? [] : comingTimes(upstream, from, to).filter(isNew);
  const before = await listWaits(db, projectId, instanceId, upstreamId);
  const gone = upstream === undefined ? goneTimes(before.filter(isNew), failPolicy) : [];
  const waits = [...known, ...planned, ...gone];
  if (waits.length <= RUNS_MAX) return { from, to, waits };
  const reason = `more than ${RUNS_MAX} of its runs would have to be waited for`;
  return { from, to, waits: [{ plannedAt: from, state: "failed", reason }], isHopeless: true };
}

function periodicOf(schedule: ScheduleRow) {
  return { rule: schedule satisfies PlanRule, interval: schedule.interval };
}

/** Times that are not planned yet. */
function comingTimes(upstream: ScheduleRow, from: Date, to: Date): Wait[] {
  if (upstream.nextAt === null || upstream.nextAt >= to) return [];
  const first = upstream.nextAt > from ? upstream.nextAt : from;
  return plannedWithin(upstream, first, to, RUNS_MAX + 1).map((plannedAt) => ({ plannedAt, state: "open" }));
}

/** Times that were waited for and now will never be planned, because the upstream was taken out of operation. */
function goneTimes(before: readonly Wait[], failPolicy: UnresolvedDependency["failPolicy"]): Wait[] {
  return before
    .filter(({ state }) => state !== "met")
    .map(({ plannedAt }) => ({
      plannedAt,
      state: failPolicy === "ignore" ? "met" : "failed",
      reason: "its job was taken out of operation",
    }));
}

/** One wait for each planned time: met by any run that succeeded, open while one may still. */
function waitsOf(lines: readonly UpstreamLine[], failPolicy: UnresolvedDependency["failPolicy"]): Wait[] {
  const byTime = Map.groupBy(
    lines.filter(({ reason }) => reason !== "calendar"), // A free day has no run that could be waited for.
    ({ plannedAt }) => plannedAt.getTime(),
  );
  return [...byTime.values()].flatMap((runs): Wait[] => {
    const [first] = runs;
    if (first === undefined) return [];
    const { plannedAt } = first;
    if (runs.some(hasSucceeded)) return [{ plannedAt, state: "met" }];
    // Of a backfill alone, whose run failed, there was nothing to wait for.
    if (runs.every(({ ofBackfill }) => ofBackfill) && !runs.some(mayYetSucceed)) return [];
    if (runs.some(mayYetSucceed)) return [{ plannedAt, state: "open" }];
    return [{ plannedAt, state: failPolicy === "ignore" ? "met" : "failed", reason: whyFailed(first) }];
  });
}

/** An instance that history has dropped counts as succeeded: it is too old to be held against anybody. */
function hasSucceeded({ state, instanceState }: UpstreamLine): boolean {
  return state === "started" && (instanceState ?? "succeeded") === "succeeded";
}

function mayYetSucceed({ state, instanceState }: UpstreamLine): boolean {
  if (state === "due") return true;
  return state === "started" && instanceState !== null && !INSTANCE_ENDED.includes(instanceState);
}

function whyFailed({ state, detail, instanceId, instanceState }: UpstreamLine): string {
  if (state === "started") return `instance ${instanceId} ${instanceState}`;
  return `it was ${state}${detail === null ? "" : `: ${detail}`}`;
}
