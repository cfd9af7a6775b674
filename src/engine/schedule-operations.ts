/** Schedules put into operation, changed with their job, paused, and taken out again. */
import { parseCron } from "../domain/cron.ts";
import { Fault, invalid } from "../domain/fault.ts";
import { SETTING_DEFAULTS } from "../domain/job-settings.ts";
import { intervalOf } from "../domain/period.ts";
import { nextPlanned, type PlanRule, plannedWithin } from "../domain/plan.ts";
import { type CronSchedule, checkCronSchedule } from "../domain/schedule.ts";
import { instantOf } from "../domain/zone.ts";
import { insertAct } from "../store/audit.ts";
import { findCalendar } from "../store/calendars.ts";
import { type Database, transaction } from "../store/database.ts";
import { reopenDependencies } from "../store/dependencies.ts";
import { lockEventSource, pauseEventSource, stopEventSource } from "../store/event-sources.ts";
import { lockPlan } from "../store/planned-ahead.ts";
import { insertPlannedTimes, updatePlannedRuns } from "../store/planned-runs.ts";
import {
  deleteSchedule,
  lockOperatedJob,
  type OperatedJob,
  putSchedule,
  type ScheduleRow,
  updateJobStatus,
} from "../store/schedules.ts";
import { startListening } from "./event-operations.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { JobRequest, StartJobRequest } from "./requests.ts";

export interface ScheduleOperations {
  /**
   * To be called in the transaction that saves a new version of a job, after the save: where the job is in operation,
   * its schedule follows the new version from where planning stands, or ends where the new version has none. A time of
   * the old schedule that had come, and that the new one does not have, is skipped in the ledger.
   */
  readonly scheduleSaved: (db: Database, projectId: string, jobId: number) => Promise<void>;

  /**
   * Pauses a job's schedule: its times are skipped, each with a line in the ledger, until it is resumed. Instances that
   * there are go on. Pausing twice is no fault.
   * @throws Fault `job-missing`; `schedule-invalid` unless the job is in operation with a cron schedule.
   */
  readonly pauseSchedule: (request: JobRequest) => Promise<void>;

  /** Undoes `pauseSchedule` from now on; the times in between stay skipped. Faults as there. */
  readonly resumeSchedule: (request: JobRequest) => Promise<void>;
}

export function createScheduleOperations(deps: OperationDeps): ScheduleOperations {
  return {
    scheduleSaved: async (db, projectId, jobId) => {
      await eventsSaved(deps, db, projectId, jobId);
      await followSaved(deps, db, projectId, jobId);
      deps.planChanged();
    },
    pauseSchedule: (request) => setPaused(deps, request, "pause"),
    resumeSchedule: (request) => setPaused(deps, request, "resume"),
  };
}

/** In a transaction that holds the job: its cron schedule is in operation from now on. */
export async function startSchedule(
  deps: Pick<OperationDeps, "now">,
  db: Database,
  job: OperatedJob,
  { parameters = {}, by, startDate, firstIsFree = false }: StartJobRequest,
): Promise<void> {
  const cron = cronOf(job);
  const { calendar } = settingsOf(job);
  if (calendar !== undefined && (await findCalendar(db, job, calendar)) === undefined)
    invalid("schedule-invalid", [`azalai.calendar: there is no calendar "${calendar}"`]);
  const midnight = { hour: 0, minute: 0, second: 0, millisecond: 0 };
  const notBefore =
    startDate === undefined ? null : new Date(instantOf(cron.zone, { ...startDate, ...midnight }));
  const kept = { parameters, startedBy: by, firstIsFree, notBefore, pausedBy: null, pausedAt: null };
  const before = "the schedule was started anew before the time was planned"; // Of one that was paused.
  await endSchedule(deps, db, { projectId: job.projectId, jobId: job.id }, before);
  await putSchedule(db, scheduleOf(job, cron, { ...kept, after: deps.now() }));
  await reopenDependencies(db, job.projectId, job.id);
  await updateJobStatus(db, job, "scheduling");
}

/**
 * In a transaction that holds the job: its schedule, where it has one, is no more. Times that had come and were not
 * planned yet are skipped in the ledger; whoever waits for later ones is told.
 */
export async function endSchedule(
  { now }: Pick<OperationDeps, "now">,
  db: Database,
  { projectId, jobId }: { readonly projectId: string; readonly jobId: number },
  detail: string,
): Promise<void> {
  const time = now();
  const schedule = await lockPlan(db, projectId, jobId, time);
  if (schedule === undefined) return;
  await skipDue(db, schedule, time, { detail, unless: () => false });
  await deleteSchedule(db, projectId, jobId);
  await reopenDependencies(db, projectId, jobId);
}

async function followSaved(
  deps: OperationDeps,
  db: Database,
  projectId: string,
  jobId: number,
): Promise<void> {
  const now = deps.now();
  const present = await lockPlan(db, projectId, jobId, now);
  if (present === undefined) return;
  const job = (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
  const { schedule } = job.definition;
  if (job.kind === "batch" && schedule.type === "cron" && schedule.cron !== undefined) {
    const isDue = present.nextAt !== null && present.nextAt <= now;
    const after = isDue ? new Date(present.nextAt.getTime() - 1) : now;
    const next = scheduleOf(job, schedule.cron, { ...present, after });
    const detail = "the schedule was changed before the time was planned";
    await skipDue(db, present, now, { detail, unless: (time) => fires(next, time) });
    await putSchedule(db, next);
    await reopenDependencies(db, projectId, jobId);
    return;
  }
  await endSchedule(deps, db, { projectId, jobId }, "the job was saved without a schedule");
  await updateJobStatus(db, job, "stopped");
}

async function eventsSaved(
  { now }: OperationDeps,
  db: Database,
  projectId: string,
  jobId: number,
): Promise<void> {
  const present = await lockEventSource(db, projectId, jobId);
  if (present === undefined || present.state === "stopped") return;
  const job = (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
  const { schedule } = job.definition;
  if (job.kind === "batch" && schedule.type === "event") {
    const { parameters, startedBy: by } = present;
    const { workspaceId } = job;
    const start = { projectId, workspaceId, jobId, event: schedule.event, parameters, by };
    await startListening(db, start, now());
    // A save is no act upon the failure.
    if (present.reason !== null) await pauseEventSource(db, present, present.reason);
    return;
  }
  await stopEventSource(db, projectId, jobId);
  await updateJobStatus(db, job, "stopped");
}

async function setPaused(deps: OperationDeps, request: JobRequest, act: "pause" | "resume"): Promise<void> {
  const { projectId, jobId, by } = request;
  await transaction(deps.pool, async (db) => {
    const job = (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
    const now = deps.now();
    const schedule = await lockPlan(db, projectId, jobId, now);
    if (schedule === undefined) invalid("schedule-invalid", ["the job has no cron schedule in operation"]);
    const paused = act === "pause" ? { pausedBy: by, pausedAt: now } : { pausedBy: null, pausedAt: null };
    if ((schedule.pausedBy === null) === (act === "resume")) return;
    await putSchedule(db, { ...schedule, ...paused });
    await updateJobStatus(db, job, act === "pause" ? "paused" : "scheduling");
    await insertAct(db, { projectId, at: now, by, act, object: { kind: "schedule", id: jobId } });
  });
}

/** Times that one statement writes. */
const CHUNK = 1_000;

/** Times of a schedule that have come and were not planned end as skipped, unless another takes care of them. */
async function skipDue(
  db: Database,
  schedule: ScheduleRow,
  now: Date,
  { detail, unless }: { readonly detail: string; readonly unless: (time: Date) => boolean },
): Promise<void> {
  const { projectId, jobId, nextAt } = schedule;
  const to = new Date(now.getTime() + 1);
  let from = nextAt ?? to;
  while (from < to) {
    const times = plannedWithin(schedule, from, to, CHUNK);
    const skipped = times
      .filter((time) => !unless(time))
      .map((plannedAt) => ({ projectId, jobId, plannedAt }));
    const places = await insertPlannedTimes(db, skipped);
    const fresh = places.flatMap((place) => skipped[place] ?? []);
    const decisions = fresh.map(
      (time) => ({ ...time, state: "skipped", reason: "disabled", detail }) as const,
    );
    await updatePlannedRuns(db, decisions, now);
    const last = times.at(-1);
    from = last === undefined ? to : new Date(last.getTime() + 1);
  }
}

function fires(rule: PlanRule, time: Date): boolean {
  return nextPlanned(rule, new Date(time.getTime() - 1))?.getTime() === time.getTime();
}

function cronOf({ definition: { schedule } }: OperatedJob): CronSchedule {
  const cron = schedule.type === "cron" ? schedule.cron : undefined;
  if (cron === undefined)
    throw new Fault("invalid", "schedule-invalid", "The schedule has no cron expression.");
  const problems = checkCronSchedule(cron);
  return problems.length > 0 ? invalid("schedule-invalid", problems) : cron;
}

function settingsOf({ definition }: OperatedJob) {
  return { ...SETTING_DEFAULTS, ...definition.settings };
}

/** What a start gives a schedule beside its job's definition, and the time after which planning begins. */
type Kept = Pick<
  ScheduleRow,
  "parameters" | "startedBy" | "firstIsFree" | "notBefore" | "pausedBy" | "pausedAt"
> & { readonly after: Date };

function scheduleOf(job: OperatedJob, cron: CronSchedule, kept: Kept): ScheduleRow {
  const settings = settingsOf(job);
  const parsed = parseCron(cron.expression);
  if ("problems" in parsed) return invalid("schedule-invalid", parsed.problems);
  const rule = {
    expression: cron.expression,
    zone: cron.zone,
    startsAt: latest(dateOf(cron.startsAt), kept.notBefore),
    endsAt: dateOf(cron.endsAt),
    missingHour: settings.missingHour,
    repeatedHour: settings.repeatedHour,
  };
  return {
    ...rule,
    projectId: job.projectId,
    jobId: job.id,
    interval: cron.interval ?? intervalOf(parsed),
    catchUp: settings.catchUp,
    catchUpSeconds: settings.catchUpSeconds,
    overlapMax: settings.overlap,
    overlapPolicy: settings.overlapPolicy,
    afterOwnPrevious: cron.afterOwnPrevious,
    firstIsFree: kept.firstIsFree,
    calendar: settings.calendar ?? null,
    notBefore: kept.notBefore,
    pausedBy: kept.pausedBy,
    pausedAt: kept.pausedAt,
    parameters: kept.parameters,
    startedBy: kept.startedBy,
    nextAt: nextPlanned(rule, kept.after) ?? null,
  };
}

function dateOf(text: string | undefined): Date | null {
  return text === undefined ? null : new Date(text);
}

function latest(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}

function jobMissing(): never {
  throw new Fault("not-found", "job-missing", "The job does not exist.");
}
