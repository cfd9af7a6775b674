/** Jobs as people define them: the rules that a save must meet, and one transaction for each. */
import { runsJobs } from "../domain/child-job.ts";
import { Fault, invalid } from "../domain/fault.ts";
import { checkDefinition, checkJobName, type Job, type JobDefinition } from "../domain/job.ts";
import type { JobReference } from "../domain/schedule.ts";
import type { Caller } from "../domain/user.ts";
import { findCalendar } from "../store/calendars.ts";
import { type Database, transaction } from "../store/database.ts";
import { findJob, insertJob, type JobWrite, lockJob, updateJob } from "../store/jobs.ts";
import { hasJobLimit, refreshLimits } from "../store/limits.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { checkParentJobs, saveChildJobs } from "./child-jobs.ts";
import { findUpstream, refuseCircle } from "./dependencies.ts";
import { checkWorkspace, ensureWorkspace, type WorkspaceDeps } from "./workspaces.ts";

export interface JobDeps extends WorkspaceDeps {
  /** Called in the transaction that saves a job which may be in operation: its schedule follows the new version. */
  readonly scheduleSaved: (db: Database, projectId: string, jobId: number) => Promise<void>;
}

/** A job as somebody wants it: its definition, and what lists show of it. */
export interface JobDraft {
  readonly name: string;
  readonly definition: JobDefinition;
  readonly owner: string | null;
  readonly priority: number | null;
  readonly tags: readonly string[];
  readonly directory: string;
  readonly singleNode: boolean;
  /** The definition as it came on the wire. */
  readonly document: unknown;
}

/**
 * Adds a job, stopped, and gives its id. Faults: `job-name-invalid`, `schedule-invalid`, `job-invalid` with every
 * problem; `job-exists`; `job-missing` where it waits for a job that is not there; those of `saveChildJobs` and
 * `ensureWorkspace`.
 */
export async function createJob(
  deps: JobDeps,
  caller: Caller,
  workspaceId: string,
  draft: JobDraft,
): Promise<number> {
  checkDraft(draft);
  const key = { projectId: caller.projectId, workspaceId };
  return await transaction(deps.pool, async (db) => {
    await ensureWorkspace(db, deps, key);
    const id = await insertJob(db, key, await writeOf(db, deps, caller, key, draft));
    if (id === undefined) throw nameTaken();
    if (runsJobs(draft.definition.nodes)) await saveChildJobs(db, key, { id, definition: draft.definition });
    return id;
  });
}

/**
 * Saves the next version of a job; a different free name renames it. What runs keeps the version it started with.
 * Faults as `createJob`; `job-missing`; `job-kind-invalid` where the kind of a job in operation would change;
 * `object-in-use` where nodes of other jobs run it and could not any more.
 */
export async function saveJob(
  deps: JobDeps,
  caller: Caller,
  { workspaceId, name }: JobReference,
  draft: JobDraft,
): Promise<void> {
  checkDraft(draft);
  const key = { projectId: caller.projectId, workspaceId };
  const isFirstLimit = await transaction(deps.pool, async (db) => {
    await checkWorkspace(db, deps, key);
    const job = await lockJob(db, key, name);
    if (job === undefined) throw jobMissing();
    const isLimited = await hasJobLimit(db, job.projectId, job.id);
    checkChange(job, draft);
    await checkParentJobs(db, job, draft);
    const write = await writeOf(db, deps, caller, key, draft);
    await refuseCircle(db, job, draft.definition, write.upstream);
    if (!(await updateJob(db, job, write))) throw nameTaken();
    await saveChildJobs(db, key, { id: job.id, definition: draft.definition });
    if (job.status !== "stopped") await deps.scheduleSaved(db, job.projectId, job.id);
    return !isLimited && draft.definition.settings?.slots !== undefined;
  });
  // What was begun under no limit does not know of it yet.
  if (isFirstLimit) await refreshLimits(deps.pool, caller.projectId);
}

/** The job of that name. Faults: `job-missing`, `workspace-missing`. */
export async function getJob(deps: WorkspaceDeps, key: WorkspaceKey, name: string): Promise<Job> {
  await checkWorkspace(deps.pool, deps, key);
  const job = await findJob(deps.pool, key, name);
  if (job === undefined) throw jobMissing();
  return job;
}

export function jobMissing(): Fault {
  return new Fault("not-found", "job-missing", "the job does not exist");
}

function nameTaken(): Fault {
  return new Fault("conflict", "job-exists", "the job name already exists");
}

function checkDraft({ name, definition }: JobDraft): void {
  const nameProblem = checkJobName(name);
  if (nameProblem !== undefined) invalid("job-name-invalid", [nameProblem]);
  const { schedule, rest } = checkDefinition(definition);
  if (schedule.length > 0) invalid("schedule-invalid", [...schedule, ...rest]);
  if (rest.length > 0) invalid("job-invalid", rest);
}

function checkChange(job: Job, { definition }: JobDraft): void {
  if (definition.kind !== job.kind && job.status !== "stopped")
    invalid("job-kind-invalid", ["the job is in operation: stop it before changing its type"]);
}

async function writeOf(
  db: Database,
  deps: JobDeps,
  caller: Caller,
  key: WorkspaceKey,
  draft: JobDraft,
): Promise<JobWrite> {
  const { definition, document, ...members } = draft;
  const cron = definition.schedule.type === "cron" ? definition.schedule.cron : undefined;
  const calendar = definition.settings?.calendar;
  if (calendar !== undefined && (await findCalendar(db, key, calendar)) === undefined)
    invalid("job-invalid", [`azalai.calendar: there is no calendar "${calendar}" in the workspace`]);
  return {
    ...members,
    kind: definition.kind,
    startsAt: dateOf(cron?.startsAt),
    endsAt: dateOf(cron?.endsAt),
    definition: JSON.stringify(definition),
    document: JSON.stringify(document),
    upstream: await findUpstream(db, caller.projectId, definition),
    by: caller.userName,
    at: deps.now(),
  };
}

function dateOf(text: string | undefined): Date | null {
  return text === undefined ? null : new Date(text);
}
