/** Jobs put into operation and taken out of it. Source: dataarts-factory 4.5. */
import { Fault, invalid } from "../domain/fault.ts";
import { nextPlanned } from "../domain/plan.ts";
import { type CronSchedule, checkCronSchedule, OVERLAP_MAX } from "../domain/schedule.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { keepDefinitions } from "../store/instances.ts";
import {
  deleteJobRow,
  deleteSchedule,
  findOperatedJob,
  lockOperatedJob,
  lockSchedule,
  type OperatedJob,
  putSchedule,
  type ScheduleRow,
  updateJobStatus,
} from "../store/schedules.ts";
import { listUnended, listWaiting } from "../store/waiting.ts";
import { type OperatorIndex, pin } from "./definitions.ts";
import type { RunNowRequest, StartJobRequest } from "./requests.ts";
import { type Moved, moveInstance } from "./settle.ts";
import { startInstances } from "./start.ts";

export interface JobOperationDeps {
  readonly pool: DatabasePool;
  readonly operators: OperatorIndex;
  readonly now: () => Date;
}

/** For how long after its start a run-once job's list entry says `scheduling`, in seconds (dataarts-factory 4.5). */
const SHOWN_SECONDS = 15;

/** Whether anything was started: instances, or a schedule. */
export async function startJob(deps: JobOperationDeps, request: StartJobRequest): Promise<boolean> {
  return await transaction(deps.pool, async (db) => {
    const job = (await lockOperatedJob(db, request.projectId, request.jobId)) ?? jobMissing();
    if (job.status !== "stopped" && job.status !== "paused") return false;
    if (job.definition.nodes.length === 0)
      throw new Fault("invalid", "job-without-nodes", `Job "${job.name}" has no node to run.`);
    if (job.kind === "real-time") await startKept(deps, db, job, request);
    else await startBatch(deps, db, job, request);
    return true;
  });
}

async function startBatch(
  deps: JobOperationDeps,
  db: Database,
  job: OperatedJob,
  request: StartJobRequest,
): Promise<void> {
  const { schedule } = job.definition;
  if (schedule.type === "event")
    throw new Fault(
      "invalid",
      "schedule-invalid",
      "Schedules of type EVENT cannot be started by this server yet.",
    );
  if (schedule.type === "cron") {
    const { parameters = {}, by } = request;
    await putSchedule(db, scheduleOf(job, schedule.cron, { parameters, startedBy: by, now: deps.now() }));
    return await updateJobStatus(db, job, "scheduling");
  }
  const now = deps.now();
  await updateJobStatus(db, job, "scheduling", new Date(now.getTime() + SHOWN_SECONDS * 1000));
  await startOne(deps, db, job, { ...request, origin: "once" });
}

async function startKept(
  deps: JobOperationDeps,
  db: Database,
  job: OperatedJob,
  request: StartJobRequest,
): Promise<void> {
  await updateJobStatus(db, job, "starting");
  await startOne(deps, db, job, { ...request, origin: "stream" });
}

async function startOne(
  { operators, now }: JobOperationDeps,
  db: Database,
  job: OperatedJob,
  {
    parameters = {},
    by,
    origin,
  }: StartJobRequest & { readonly origin: "once" | "stream" | "test" | "manual" },
): Promise<number> {
  const time = now();
  const start = {
    projectId: job.projectId,
    workspaceId: job.workspaceId,
    job: { id: job.id, version: job.version },
    name: job.name,
    pinned: pin(job.definition),
    origin,
    parameters,
    plannedAt: time,
    by,
    waits: false,
  };
  const [id] = await startInstances(db, [start], { operators, now: time });
  return id ?? 0;
}

/** Gives the instance's id. */
export async function runNow(deps: JobOperationDeps, request: RunNowRequest): Promise<number> {
  const job = (await findOperatedJob(deps.pool, request.projectId, request.jobId)) ?? jobMissing();
  return await startOne(deps, deps.pool, job, { ...request, origin: request.origin ?? "test" });
}

/** Gives the instances that were moved by it. */
export async function stopJob(deps: JobOperationDeps, projectId: string, jobId: number): Promise<Moved[]> {
  return await transaction(deps.pool, async (db) => {
    const job = (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
    return await takeOut(deps, db, job);
  });
}

/** Gives the instances that were moved by it. */
export async function deleteJob(deps: JobOperationDeps, projectId: string, jobId: number): Promise<Moved[]> {
  return await transaction(deps.pool, async (db) => {
    const job = (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
    const moved = await takeOut(deps, db, job);
    await keepDefinitions(db, projectId, jobId);
    await deleteJobRow(db, projectId, jobId);
    return moved;
  });
}

async function takeOut(deps: JobOperationDeps, db: Database, job: OperatedJob): Promise<Moved[]> {
  const { projectId, id } = job;
  await deleteSchedule(db, projectId, id);
  const streams = await listUnended(db, projectId, id, "stream");
  await updateJobStatus(db, job, streams.length > 0 ? "stopping" : "stopped");
  const moved: Moved[] = [];
  for (const instanceId of [...(await listWaiting(db, projectId, id)), ...streams]) {
    const change = await moveInstance(db, { projectId, instanceId, now: deps.now() }, ({ progress }) =>
      progress.state === "waiting" || progress.state === "running" ? [{ move: { type: "stop" } }] : [],
    );
    if (change !== undefined) moved.push(change);
  }
  return moved;
}

/** A job in operation that was saved: its schedule follows the new version, or ends with the last that had one. */
export async function scheduleSaved(
  deps: JobOperationDeps,
  db: Database,
  projectId: string,
  jobId: number,
): Promise<void> {
  const present = await lockSchedule(db, projectId, jobId);
  if (present === undefined) return;
  const job = (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
  const { schedule } = job.definition;
  if (job.kind === "batch" && schedule.type === "cron" && schedule.cron !== undefined) {
    await putSchedule(db, scheduleOf(job, schedule.cron, { ...present, now: deps.now() }));
    return;
  }
  await deleteSchedule(db, projectId, jobId);
  await updateJobStatus(db, job, "stopped");
}

function scheduleOf(
  job: OperatedJob,
  cron: CronSchedule | undefined,
  start: {
    readonly parameters: Readonly<Record<string, string>>;
    readonly startedBy: string;
    readonly now: Date;
  },
): ScheduleRow {
  if (cron === undefined)
    throw new Fault("invalid", "schedule-invalid", "The schedule has no cron expression.");
  const problems = checkCronSchedule(cron);
  if (problems.length > 0) invalid("schedule-invalid", problems);
  const rule = {
    expression: cron.expression,
    zone: cron.zone,
    startsAt: cron.startsAt === undefined ? null : new Date(cron.startsAt),
    endsAt: cron.endsAt === undefined ? null : new Date(cron.endsAt),
  };
  return {
    ...rule,
    projectId: job.projectId,
    jobId: job.id,
    overlapMax: OVERLAP_MAX,
    afterOwnPrevious: cron.afterOwnPrevious,
    parameters: start.parameters,
    startedBy: start.startedBy,
    nextAt: nextPlanned(rule, start.now) ?? null,
  };
}

function jobMissing(): never {
  throw new Fault("not-found", "job-missing", "The job does not exist.");
}
