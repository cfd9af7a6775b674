/** Imports packages: first all of a package is read and held against every rule, then it is written, some objects at a time. */
import { childJobNames } from "../domain/child-job.ts";
import { Fault } from "../domain/fault.ts";
import { cycleIn, type GraphNode, topologicalOrder } from "../domain/graph.ts";
import type { JobDefinition } from "../domain/job.ts";
import { CONNECTION_PACKAGE, JOB_PACKAGE, type PackageKind, type StoredImport } from "../domain/package.ts";
import type { JobReference } from "../domain/schedule.ts";
import type { TaskEnd, TaskLine } from "../domain/task.ts";
import { type Database, transaction } from "../store/database.ts";
import { findJobIds } from "../store/jobs.ts";
import { refreshLimits } from "../store/limits.ts";
import {
  type ClaimedTask,
  endTaskLines,
  insertTaskLines,
  listTaskLines,
  type TaskKind,
} from "../store/system-tasks.ts";
import type { Archive, ArchiveEntry } from "../store/zip-archive.ts";
import type { Author } from "./jobs.ts";
import {
  openPackage,
  type PackagedObject,
  type PackageReader,
  type PackageTarget,
  readObject,
  scanPackage,
} from "./package-contents.ts";
import { openChanges } from "./package-secrets.ts";
import { type WriteDeps, writeObject } from "./package-writes.ts";
import { ensureWorkspace } from "./workspaces.ts";

export interface ImportDeps extends WriteDeps, PackageReader {}

const KINDS: Readonly<Record<TaskKind, readonly PackageKind[]>> = {
  "import-jobs": JOB_PACKAGE,
  "import-connections": CONNECTION_PACKAGE,
};

interface ImportTarget extends PackageTarget, Pick<StoredImport, "hiddenWorkspaces"> {}

/** One object of the package, as the plan of its import has it. */
interface PlannedObject extends GraphNode {
  readonly kind: PackagedObject["kind"];
  readonly entry: ArchiveEntry;
  /** As it was read, while there is room; else it is read again when it is written. */
  readonly read: PackagedObject | undefined;
  /** Jobs that must be there before it, and may be outside of the package. */
  readonly references: readonly JobReference[];
}

/**
 * Carries out an import that was claimed; one that another server began goes on behind what is written. Nothing is
 * written of a package with anything wrong in it. Rejects when `signal` is aborted, or the claim is lost.
 */
export async function importPackage(
  deps: ImportDeps,
  task: ClaimedTask,
  signal: AbortSignal,
): Promise<TaskEnd> {
  const { projectId, workspaceId, kind, request } = task;
  try {
    const changes = openChanges(deps.masterKeys, task);
    const { hiddenWorkspaces } = request;
    const target: ImportTarget = { projectId, workspaceId, kinds: KINDS[kind], changes, hiddenWorkspaces };
    const archive = await openPackage(deps, projectId, request.path);
    try {
      const plan = await planImport(deps, archive, target);
      const lines = await holdLines(deps, task, plan);
      const left = plan
        .map((object, no) => ({ no, object }))
        .filter(({ no }) => lines[no]?.state === "running");
      for (const steps of batchesOf(left)) {
        signal.throwIfAborted();
        await importBatch(deps, task, { steps, archive, target });
      }
    } finally {
      await archive.close();
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { state: "failed", message: error.message };
  }
  return endOf(await listTaskLines(deps.pool, task));
}

/** Files of a package that are kept as they were read, together: of a larger one the rest is read twice. */
const KEPT_BYTES_MAX = 4 * 2 ** 20;

/** The package's objects in an order in which each can be written. Fault: `package-invalid` with all that is wrong. */
async function planImport(
  deps: ImportDeps,
  archive: Archive,
  target: ImportTarget,
): Promise<readonly PlannedObject[]> {
  const objects: PlannedObject[] = [];
  let room = KEPT_BYTES_MAX;
  const problems = await scanPackage(archive, deps.codec, target, (object) => {
    room -= object.entry.uncompressedSize;
    objects.push(planObject(object, target, room >= 0));
  });
  const others = objects.filter(({ kind }) => kind !== "job");
  const jobs = objects.filter(({ kind }) => kind === "job");
  if (problems.length === 0) problems.push(...(await checkReferences(deps.pool, jobs, target)));
  const cycle = cycleIn(jobs);
  if (cycle !== undefined) problems.push(`jobs wait for each other: ${cycle.join(" -> ")}`);
  if (objects.length === 0 && problems.length === 0)
    problems.push(`it holds no ${target.kinds.join(", no ")}`);
  if (problems.length > 0)
    throw new Fault("invalid", "package-invalid", `nothing was imported: ${problems.join("; ")}`);
  return [...others, ...topologicalOrder(jobs)];
}

function planObject(object: PackagedObject, { workspaceId }: PackageTarget, keep: boolean): PlannedObject {
  const { kind, entry, draft } = object;
  const references = kind === "job" ? referencesOf(object.draft.definition, workspaceId) : [];
  const here = references.filter((reference) => reference.workspaceId === workspaceId);
  const after = here.map(({ name }) => name);
  return { kind, entry, read: keep ? object : undefined, name: draft.name, after, references };
}

/** The jobs for whose runs it waits, and those that its nodes run. */
function referencesOf({ schedule, nodes }: JobDefinition, workspaceId: string): JobReference[] {
  const upstream = schedule.type === "cron" ? (schedule.cron?.dependencies?.jobs ?? []) : [];
  const children = childJobNames(nodes).map((name) => ({ workspaceId, name }));
  return [...upstream.map(({ workspaceId, name }) => ({ workspaceId, name })), ...children];
}

/** Jobs that are named, and are neither in the package nor in a workspace that exists for whoever imports it. */
async function checkReferences(
  db: Database,
  jobs: readonly PlannedObject[],
  { projectId, workspaceId, hiddenWorkspaces }: ImportTarget,
): Promise<string[]> {
  const packed = new Set(jobs.map(({ name }) => name));
  const outside = jobs.flatMap(({ name: by, references }) =>
    references
      .filter((reference) => reference.workspaceId !== workspaceId || !packed.has(reference.name))
      .map((reference) => ({ ...reference, by })),
  );
  if (outside.length === 0) return [];
  const keyOf = (job: JobReference) => JSON.stringify([job.workspaceId, job.name]);
  const visible = (await findJobIds(db, projectId, outside)).filter(
    (job) => !hiddenWorkspaces.includes(job.workspaceId),
  );
  const found = new Set(visible.map(keyOf));
  return outside
    .filter((reference) => !found.has(keyOf(reference)))
    .map(({ by, name }) => `job "${by}": there is no job "${name}"`);
}

/** The task's lines: written now, or those that an earlier claim has written for the same package. */
async function holdLines(
  { pool, now }: ImportDeps,
  task: ClaimedTask,
  plan: readonly PlannedObject[],
): Promise<readonly TaskLine[]> {
  const before = await listTaskLines(pool, task);
  if (before.length === 0) {
    if (!(await insertTaskLines(pool, task, plan, now()))) throw claimLost();
    return await listTaskLines(pool, task);
  }
  const isSame =
    before.length === plan.length &&
    before.every(({ kind, name }, no) => kind === plan[no]?.kind && name === plan[no]?.name);
  if (!isSame) throw new Fault("invalid", "package-invalid", "the package was changed while it was imported");
  return before;
}

/** An object and its line. */
interface ImportStep {
  readonly no: number;
  readonly object: PlannedObject;
}

interface ImportBatch {
  readonly steps: readonly ImportStep[];
  readonly archive: Archive;
  readonly target: PackageTarget;
}

/** Objects that are written in one transaction, and how large they may be together, unless one alone is larger. */
const BATCH_MAX = 25;
const BATCH_BYTES_MAX = 4 * 2 ** 20;

function* batchesOf(steps: readonly ImportStep[]): Generator<readonly ImportStep[]> {
  let batch: ImportStep[] = [];
  let bytes = 0;
  for (const step of steps) {
    const size = step.object.entry.uncompressedSize;
    if (batch.length === BATCH_MAX || (batch.length > 0 && bytes + size > BATCH_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(step);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** Writes objects and their lines in one transaction; where one of them cannot be written, each in one of its own. */
async function importBatch(deps: ImportDeps, task: ClaimedTask, batch: ImportBatch): Promise<void> {
  try {
    await writeBatch(deps, task, batch);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const [{ no } = { no: 0 }, ...others] = batch.steps;
    if (others.length > 0) {
      for (const step of batch.steps) await importBatch(deps, task, { ...batch, steps: [step] });
      return;
    }
    const line = { no, state: "failed", message: error.message } as const;
    if (!(await endTaskLines(deps.pool, task, [line], deps.now()))) throw claimLost();
  }
}

async function writeBatch(
  deps: ImportDeps,
  task: ClaimedTask,
  { steps, archive, target }: ImportBatch,
): Promise<void> {
  const author: Author = { ...target, by: task.createdBy };
  const packaged: { readonly no: number; readonly object: PackagedObject }[] = [];
  for (const { no, object } of steps)
    packaged.push({ no, object: object.read ?? (await readObject(archive, deps.codec, target, object)) });
  const isFirstLimit = await transaction(deps.pool, async (db) => {
    await ensureWorkspace(db, deps, author);
    const lines: Pick<TaskLine, "no" | "state" | "message">[] = [];
    let isLimited = false;
    for (const { no, object } of packaged) {
      const { sameNamePolicy: policy } = task.request;
      const written = await writeObject(db, deps, author, { object, policy, changes: target.changes });
      lines.push({ no, state: "successful", message: written.message ?? null });
      isLimited ||= written.isFirstLimit ?? false;
    }
    if (!(await endTaskLines(db, task, lines, deps.now()))) throw claimLost();
    return isLimited;
  });
  if (isFirstLimit) await refreshLimits(deps.pool, task.projectId);
}

function endOf(lines: readonly TaskLine[]): TaskEnd {
  const failed = lines.filter(({ state }) => state === "failed");
  const [first] = failed;
  if (first === undefined) return { state: "successful", message: null };
  const message = `${failed.length} of ${lines.length} could not be imported, the first: ${first.kind} "${first.name}": ${first.message}`;
  return { state: failed.length === lines.length ? "failed" : "warning", message };
}

/** Another server carries the task out by now: what is under way here must not be written. */
function claimLost(): DOMException {
  return new DOMException("the claim of the task is lost", "AbortError");
}
