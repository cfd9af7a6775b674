/** Jobs as people define them: the rules that a save must meet, and one transaction for each. */
import { runsJobs } from "../domain/child-job.ts";
import { Fault, invalid } from "../domain/fault.ts";
import { checkDefinition, checkJobName, type Job, type JobDefinition } from "../domain/job.ts";
import { usesOf } from "../domain/job-use.ts";
import type { JobReference } from "../domain/schedule.ts";
import { marksOf } from "../domain/text-marks.ts";
import type { Caller } from "../domain/user.ts";
import { insertAct, type NewAct } from "../store/audit.ts";
import { findCalendar } from "../store/calendars.ts";
import { REFERENCED, unlessRefused } from "../store/constraints.ts";
import { type Database, transaction } from "../store/database.ts";
import { findChildlessJob } from "../store/job-children.ts";
import { findVersionedJob, type VersionedJob } from "../store/job-versions.ts";
import { findJob, insertJob, type JobWrite, lockJob, updateJob, updateJobLabel } from "../store/jobs.ts";
import { hasJobLimit, refreshLimits } from "../store/limits.ts";
import { countJobs } from "../store/list-blocks.ts";
import { lockProject, type WorkspaceKey } from "../store/workspaces.ts";
import { checkParentJobs, refuseParents, saveChildJobs } from "./child-jobs.ts";
import { findUpstream, refuseCircle } from "./dependencies.ts";
import { checkWorkspace, ensureWorkspace, type WorkspaceDeps } from "./workspaces.ts";

export interface JobQuota {
  /** Jobs that a project may have; absent: as many as it likes. */
  readonly jobsMax?: number;
}

export interface JobDeps extends WorkspaceDeps, JobQuota {
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
  /** What its one node is, in the words of the wire. */
  readonly singleNodeType: string | null;
  /** The definition as it came on the wire. */
  readonly document: unknown;
}

/**
 * Adds a job, stopped, and gives its id. Faults: `job-name-invalid`, `schedule-invalid`, `job-invalid` with every
 * problem; `job-exists`; `job-limit`; `job-missing` where it waits for a job that is not there; those of `saveChildJobs`
 * and `ensureWorkspace`.
 */
export async function createJob(
  deps: JobDeps,
  caller: Caller,
  workspaceId: string,
  draft: JobDraft,
): Promise<number> {
  checkJobDraft(draft);
  const author = { projectId: caller.projectId, workspaceId, by: caller.userName };
  const placed = await unlessRefused(placeLoneJob(deps.pool, deps, author, draft), REFERENCED);
  if (placed === "taken") throw nameTaken();
  return placed ?? (await transaction(deps.pool, (db) => addJob(db, deps, author, draft)));
}

/** Whose workspace is written to, and by whom. */
export interface Author extends WorkspaceKey {
  /** Name of the user. */
  readonly by: string;
}

/** As `createJob` in a transaction, for a draft that `checkJobDraft` has let pass. */
export async function addJob(
  db: Database,
  deps: WorkspaceDeps & JobQuota,
  author: Author,
  draft: JobDraft,
): Promise<number> {
  await ensureWorkspace(db, deps, author);
  await checkQuota(db, deps, author.projectId);
  const id = await insertJob(db, author, await writeOf(db, deps, author, draft));
  if (id === undefined) throw nameTaken();
  if (runsJobs(draft.definition.nodes)) await saveChildJobs(db, author, { id, definition: draft.definition });
  return id;
}

/** Whether a draft names nothing that is kept elsewhere: then its save needs no look at anything but its own rows. */
function isLone({ definition: { kind, nodes, schedule, settings } }: JobDraft): boolean {
  const upstream = schedule.type === "cron" ? (schedule.cron?.dependencies?.jobs ?? []) : [];
  const isPlain = settings?.calendar === undefined && settings?.slots === undefined;
  return kind === "batch" && upstream.length === 0 && isPlain && !runsJobs(nodes);
}

/**
 * Adds the job of a lone draft by one statement, which is enough for a transaction where `db` is the pool; the workspace must
 * be there. "taken" where a job has the name; undefined, and nothing done, for a draft or a quota that asks for more.
 */
export async function placeLoneJob(
  db: Database,
  deps: WorkspaceDeps & JobQuota,
  author: Author,
  draft: JobDraft,
): Promise<number | "taken" | undefined> {
  if (deps.jobsMax !== undefined || !isLone(draft)) return undefined;
  return (await insertJob(db, author, await writeOf(db, deps, author, draft))) ?? "taken";
}

/**
 * Saves a lone draft by one statement, which is a transaction, over a job that keeps its name, is not in operation and
 * names nothing either. False, and nothing done, for another draft, and where the job is another one, or not there, or was
 * changed meanwhile.
 */
async function changeLoneJob(
  deps: JobDeps,
  author: Author,
  { name, draft }: { readonly name: string; readonly draft: JobDraft },
): Promise<boolean> {
  if (draft.name !== name || !isLone(draft)) return false;
  const job = await findChildlessJob(deps.pool, author, name);
  if (job?.status !== "stopped" || job.kind !== draft.definition.kind) return false;
  return await updateJob(deps.pool, job, await writeOf(deps.pool, deps, author, draft));
}

/** Those who add jobs at once wait for each other, so that the limit holds. */
async function checkQuota(db: Database, { jobsMax }: JobQuota, projectId: string): Promise<void> {
  if (jobsMax === undefined) return;
  await lockProject(db, projectId);
  if ((await countJobs(db, projectId)) < jobsMax) return;
  throw new Fault("conflict", "job-limit", `the project has ${jobsMax} jobs already, and may have no more`);
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
  checkJobDraft(draft);
  const author = { projectId: caller.projectId, workspaceId, by: caller.userName };
  if (await changeLoneJob(deps, author, { name, draft })) return;
  const isFirstLimit = await transaction(deps.pool, (db) => changeJob(db, deps, author, { name, draft }));
  // What was begun under no limit does not know of it yet.
  if (isFirstLimit) await refreshLimits(deps.pool, caller.projectId);
}

/**
 * As `saveJob` in a transaction, for a draft that `checkJobDraft` has let pass. Whether the job has its first limit by it:
 * then `refreshLimits` has to follow.
 */
export async function changeJob(
  db: Database,
  deps: JobDeps,
  author: Author,
  { name, draft }: { readonly name: string; readonly draft: JobDraft },
): Promise<boolean> {
  await checkWorkspace(db, deps, author);
  const job = await lockJob(db, author, name);
  if (job === undefined) throw jobMissing();
  const isLimited = await hasJobLimit(db, job.projectId, job.id);
  checkChange(job, draft);
  await checkParentJobs(db, job, draft);
  const write = await writeOf(db, deps, author, draft);
  await refuseCircle(db, job, draft.definition, write.upstream);
  if (!(await updateJob(db, job, write))) throw nameTaken();
  await saveChildJobs(db, author, { id: job.id, definition: draft.definition });
  if (job.status !== "stopped") await deps.scheduleSaved(db, job.projectId, job.id);
  return !isLimited && draft.definition.settings?.slots !== undefined;
}

/** How a job's present document reads after a change that makes no version; its face knows where it says what. */
type Rewrite = (document: VersionedJob["document"]) => unknown;

/**
 * Gives a job another name, in operation or not; its version stays, and so does whatever waits for it.
 * @throws Fault `job-name-invalid`; `job-missing`; `job-exists`; `object-in-use` where nodes of other jobs run it.
 */
export async function renameJob(
  deps: JobDeps,
  caller: Caller,
  reference: JobReference,
  { name, rewrite }: { readonly name: string; readonly rewrite: Rewrite },
): Promise<void> {
  const problem = checkJobName(name);
  if (problem !== undefined) invalid("job-name-invalid", [problem]);
  await relabel(deps, caller, reference, async (db, { job, document }) => {
    if (name !== job.name) await refuseParents(db, job);
    const act = { act: "rename", detail: { from: job.name, to: name } };
    return { name, tags: job.tags, document: rewrite(document), act };
  });
}

/**
 * Puts tags in place of those that a job has; its version stays.
 * @throws Fault `job-missing`.
 */
export async function tagJob(
  deps: JobDeps,
  caller: Caller,
  reference: JobReference,
  { tags, rewrite }: { readonly tags: readonly string[]; readonly rewrite: Rewrite },
): Promise<void> {
  await relabel(deps, caller, reference, async (_, { job, document }) => {
    const act = { act: "tag", detail: { tags } };
    return { name: job.name, tags, document: rewrite(document), act };
  });
}

/** What a job is to be called, how its document reads then, and what the audit trail says of it. */
interface Label {
  readonly name: string;
  readonly tags: readonly string[];
  readonly document: unknown;
  readonly act: Pick<NewAct, "act" | "detail">;
}

async function relabel(
  deps: JobDeps,
  { projectId, userName: by }: Caller,
  { workspaceId, name }: JobReference,
  choose: (db: Database, present: VersionedJob) => Promise<Label>,
): Promise<void> {
  const key = { projectId, workspaceId };
  await transaction(deps.pool, async (db) => {
    await checkWorkspace(db, deps, key);
    const job = await lockJob(db, key, name);
    const present = job && (await findVersionedJob(db, key, name));
    if (present === undefined) throw jobMissing();
    const { act, document, ...label } = await choose(db, present);
    const at = deps.now();
    const text = JSON.stringify(document);
    const written = { ...label, document: text, marks: marksOf([label.name, text]), by, at };
    if (!(await updateJobLabel(db, present.job, written))) throw nameTaken();
    // Runs that are planned bear the name.
    if (label.name !== name && present.job.status !== "stopped")
      await deps.scheduleSaved(db, projectId, present.job.id);
    await insertAct(db, { projectId, at, by, ...act, object: { kind: "job", id: present.job.id } });
  });
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

/**
 * What can be said of a draft by itself. Faults: `job-name-invalid`, `schedule-invalid`, `job-invalid` with every problem.
 */
export function checkJobDraft({ name, definition }: JobDraft): void {
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
  { now }: WorkspaceDeps,
  author: Author,
  draft: JobDraft,
): Promise<JobWrite> {
  const { definition, document, ...members } = draft;
  const cron = definition.schedule.type === "cron" ? definition.schedule.cron : undefined;
  const calendar = definition.settings?.calendar;
  if (calendar !== undefined && (await findCalendar(db, author, calendar)) === undefined)
    invalid("job-invalid", [`azalai.calendar: there is no calendar "${calendar}" in the workspace`]);
  const text = JSON.stringify(document);
  return {
    ...members,
    kind: definition.kind,
    dryRun: definition.dryRun,
    uses: usesOf(definition.nodes),
    startsAt: dateOf(cron?.startsAt),
    endsAt: dateOf(cron?.endsAt),
    definition: JSON.stringify(definition),
    document: text,
    marks: marksOf([draft.name, text]),
    upstream: await findUpstream(db, author.projectId, definition),
    by: author.by,
    at: now(),
  };
}

function dateOf(text: string | undefined): Date | null {
  return text === undefined ? null : new Date(text);
}
