/** Jobs that nodes of other jobs run: what a save of either must leave true. */
import { CHILD_JOB_TYPES, childJobNames, runsJobs } from "../domain/child-job.ts";
import { Fault, invalid } from "../domain/fault.ts";
import type { Job, JobDefinition } from "../domain/job.ts";
import type { Database } from "../store/database.ts";
import { type ChildJob, findChildJobs, listParentJobs, putJobChildren } from "../store/job-children.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";

/**
 * In the transaction that saves a job, after the save: notes which jobs its nodes run.
 * @throws Fault `job-missing` where one is not there; `job-invalid` where one is the job itself, is no batch job, or
 * runs jobs in its turn.
 */
export async function saveChildJobs(
  db: Database,
  key: WorkspaceKey,
  { id, definition }: { readonly id: number; readonly definition: JobDefinition },
): Promise<void> {
  const names = childJobNames(definition.nodes);
  const found = names.length === 0 ? [] : await findChildJobs(db, key, names);
  const missing = names.filter((name) => !found.some((child) => child.name === name));
  if (missing.length > 0)
    throw new Fault("not-found", "job-missing", "the job does not exist", {
      problems: missing.map((name) => `nodes: there is no job "${name}" to run`),
    });
  const problems = found.flatMap((child) => problemOf(child, id) ?? []);
  if (problems.length > 0) invalid("job-invalid", problems);
  await putJobChildren(
    db,
    { projectId: key.projectId, jobId: id },
    found.map((child) => child.id),
  );
}

function problemOf({ id, name, kind, nodeTypes }: ChildJob, parentId: number): string | undefined {
  if (id === parentId) return "nodes: a job cannot run itself";
  if (kind !== "batch") return `nodes: the job "${name}" is no batch job: a node cannot run it`;
  if (nodeTypes.some((type) => CHILD_JOB_TYPES.includes(type)))
    return `nodes: the job "${name}" has nodes that run jobs themselves: a node cannot run it`;
  return undefined;
}

/**
 * Whether a job may be saved so, as far as those matter that run it.
 * @throws Fault `object-in-use` for a new name, for a job that would run jobs itself, or that would be no batch job.
 */
export async function checkParentJobs(
  db: Database,
  job: Job,
  { name, definition }: { readonly name: string; readonly definition: JobDefinition },
): Promise<void> {
  const stays = name === job.name && definition.kind === "batch" && !runsJobs(definition.nodes);
  if (!stays) await refuseParents(db, job);
}

/** @throws Fault `object-in-use` where nodes of other jobs run the job. */
export async function refuseParents(db: Database, job: Job): Promise<void> {
  const parents = await listParentJobs(db, { projectId: job.projectId, jobId: job.id });
  if (parents.length === 0) return;
  throw new Fault(
    "conflict",
    "object-in-use",
    `the job is run by nodes of ${parents.map((parent) => `"${parent}"`).join(", ")}: it keeps its name, stays a batch job and runs no jobs itself`,
  );
}
