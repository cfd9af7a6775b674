/** Jobs put into operation and taken out of it. Source: dataarts-factory 4.5. */
import { Fault } from "../domain/fault.ts";
import { insertAct } from "../store/audit.ts";
import { type Database, transaction } from "../store/database.ts";
import { stopEventSource } from "../store/event-sources.ts";
import { keepDefinitions } from "../store/instances.ts";
import { listParentJobs } from "../store/job-children.ts";
import { listNodeJobs } from "../store/node-jobs.ts";
import {
  deleteJobRow,
  insertDeletedJob,
  lockOperatedJob,
  type OperatedJob,
  updateJobStatus,
} from "../store/schedules.ts";
import { listUnended, listWaiting } from "../store/waiting.ts";
import { pin } from "./definitions.ts";
import { startListening } from "./event-operations.ts";
import { createImmediateRuns } from "./immediate-runs.ts";
import { putNodeJobs } from "./node-jobs.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { JobRequest, RunNowRequest, StartJobRequest } from "./requests.ts";
import { endSchedule, startSchedule } from "./schedule-operations.ts";
import { type Moved, moveInstance } from "./settle.ts";
import { startInstances } from "./start.ts";

export interface JobOperations {
  /**
   * Puts a job into operation. A batch job with a cron schedule is `scheduling` from now on; one that runs once gets its
   * instance at once and is `scheduling` until that ends (dataarts-factory 4.5); a real-time job is `starting`, then
   * `normal`. A job already in operation stays as it is.
   * @throws Fault `job-missing`; `job-without-nodes`; `schedule-invalid` where the schedule names no cron expression, an
   * illegal one, or a calendar that is not there.
   */
  readonly startJob: (request: StartJobRequest) => Promise<void>;

  /**
   * Takes a job out of operation. Its waiting instances end as `stopped`, running ones of a batch job go on to their
   * end; a real-time job's node runs are told to stop and it is `stopping` until they have. Stopping twice is no fault.
   * @throws Fault `job-missing`.
   */
  readonly stopJob: (request: JobRequest) => Promise<void>;

  /**
   * Makes one instance of the job's present version now, whatever its schedule says, and gives the instance's id. The
   * job's status does not change.
   * @throws Fault `job-missing`; `job-without-nodes`.
   */
  readonly runNow: (request: RunNowRequest) => Promise<number>;

  /**
   * Stops the job as `stopJob` does and deletes it, in one transaction; instances that still run keep their definition.
   * @throws Fault `job-missing`; `object-in-use` while nodes of other jobs run it.
   */
  readonly deleteJob: (request: JobRequest) => Promise<void>;
}

/** For how long after its start a run-once job's list entry says `scheduling`, in seconds (dataarts-factory 4.5). */
const SHOWN_SECONDS = 15;

export function createJobOperations(deps: OperationDeps): JobOperations {
  const { workReady, planChanged, afterMove } = deps;
  const runNow = createImmediateRuns(deps);
  return {
    startJob: async (request) => {
      if (!(await startJob(deps, request))) return;
      workReady();
      planChanged();
    },
    stopJob: async (request) => {
      for (const moved of await stopJob(deps, request)) afterMove(moved);
      planChanged();
    },
    runNow: async (request) => {
      const instanceId = await runNow(request);
      workReady();
      const { projectId, by } = request;
      deps.observe({ event: "instance-started", projectId, instanceId, by });
      return instanceId;
    },
    deleteJob: async (request) => {
      for (const moved of await deleteJob(deps, request)) afterMove(moved);
      planChanged();
    },
  };
}

/** Whether anything was started: instances, or a schedule. */
async function startJob(deps: OperationDeps, request: StartJobRequest): Promise<boolean> {
  return await transaction(deps.pool, async (db) => {
    const job = (await lockOperatedJob(db, request.projectId, request.jobId)) ?? jobMissing();
    if (job.status !== "stopped" && job.status !== "paused") return false;
    if (job.definition.nodes.length === 0)
      throw new Fault("invalid", "job-without-nodes", `Job "${job.name}" has no node to run.`);
    if (job.kind === "real-time") await startKept(deps, db, job, request);
    else await startBatch(deps, db, job, request);
    await writeAct(deps, db, request, "start");
    return true;
  });
}

/** In a transaction that holds the job, which is no real-time one. */
export async function startBatch(
  deps: OperationDeps,
  db: Database,
  job: OperatedJob,
  request: StartJobRequest,
): Promise<void> {
  const { schedule } = job.definition;
  const { parameters = {}, by } = request;
  if (schedule.type === "event") {
    const { projectId, workspaceId, id: jobId } = job;
    await startListening(
      db,
      { projectId, workspaceId, jobId, event: schedule.event, parameters, by },
      deps.now(),
    );
    return await updateJobStatus(db, job, "scheduling");
  }
  if (schedule.type === "cron") return await startSchedule(deps, db, job, request);
  const now = deps.now();
  await updateJobStatus(db, job, "scheduling", new Date(now.getTime() + SHOWN_SECONDS * 1000));
  await startOne(deps, db, job, { ...request, origin: "once" });
}

async function startKept(
  deps: OperationDeps,
  db: Database,
  job: OperatedJob,
  request: StartJobRequest,
): Promise<void> {
  await putNodeJobs(db, job, request.by, deps.now());
  await updateJobStatus(db, job, "starting");
  await startOne(deps, db, job, { ...request, origin: "stream" });
}

async function startOne(
  { operators, now }: OperationDeps,
  db: Database,
  job: OperatedJob,
  { parameters = {}, by, origin }: StartJobRequest & { readonly origin: "once" | "stream" },
): Promise<void> {
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
  await startInstances(db, [start], { operators, now: time });
}

/** Gives the instances that were moved by it. */
async function stopJob(deps: OperationDeps, request: JobRequest): Promise<Moved[]> {
  return await transaction(deps.pool, async (db) => {
    const job = (await lockOperatedJob(db, request.projectId, request.jobId)) ?? jobMissing();
    await writeAct(deps, db, request, "stop");
    return await takeOut(deps, db, job);
  });
}

/** Gives the instances that were moved by it. */
async function deleteJob(deps: OperationDeps, request: JobRequest): Promise<Moved[]> {
  const { projectId, jobId } = request;
  return await transaction(deps.pool, async (db) => {
    const job = (await lockOperatedJob(db, projectId, jobId)) ?? jobMissing();
    await refuseUsed(db, job);
    await writeAct(deps, db, request, "delete", { name: job.name });
    const moved = await takeOut(deps, db, job);
    for (const node of await listNodeJobs(db, projectId, jobId))
      await keepDefinitions(db, projectId, node.jobId);
    await keepDefinitions(db, projectId, jobId);
    await insertDeletedJob(db, job, deps.now());
    await deleteJobRow(db, projectId, jobId);
    return moved;
  });
}

async function takeOut(deps: OperationDeps, db: Database, job: OperatedJob): Promise<Moved[]> {
  const { projectId, id } = job;
  await endSchedule(deps, db, { projectId, jobId: id }, "the job was taken out of operation");
  await stopEventSource(db, projectId, id);
  const streams = await listUnended(db, projectId, id, "stream");
  await updateJobStatus(db, job, streams.length > 0 ? "stopping" : "stopped");
  const moved: Moved[] = [];
  for (const instanceId of [...(await listWaiting(db, projectId, id)), ...streams]) {
    const change = await moveInstance(db, { projectId, instanceId, now: deps.now() }, ({ progress }) =>
      ["waiting", "frozen", "running"].includes(progress.state) ? [{ move: { type: "stop" } }] : [],
    );
    if (change !== undefined) moved.push(change);
  }
  for (const node of await listNodeJobs(db, projectId, id)) {
    const nodeJob = await lockOperatedJob(db, projectId, node.jobId);
    if (nodeJob !== undefined) moved.push(...(await takeOut(deps, db, nodeJob)));
  }
  return moved;
}

async function refuseUsed(db: Database, { projectId, id, name }: OperatedJob): Promise<void> {
  const parents = await listParentJobs(db, { projectId, jobId: id });
  if (parents.length === 0) return;
  const named = parents.map((parent) => `"${parent}"`).join(", ");
  throw new Fault("conflict", "object-in-use", `Job "${name}" is run by nodes of ${named}.`);
}

async function writeAct(
  { now }: OperationDeps,
  db: Database,
  { projectId, jobId, by }: JobRequest,
  act: string,
  detail: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await insertAct(db, { projectId, at: now(), by, act, object: { kind: "job", id: jobId }, detail });
}

function jobMissing(): never {
  throw new Fault("not-found", "job-missing", "The job does not exist.");
}
