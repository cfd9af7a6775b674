/** The jobs for whose runs a job waits, checked at its save: they are there, and none of them waits for it. */
import { Fault, invalid } from "../domain/fault.ts";
import { cycleIn } from "../domain/graph.ts";
import type { Job, JobDefinition } from "../domain/job.ts";
import type { JobReference } from "../domain/schedule.ts";
import type { Database } from "../store/database.ts";
import { findJobIds, holdUpstreamEdges, type UpstreamJob } from "../store/jobs.ts";

/**
 * In the transaction of the save. By id: a later rename of one of them changes nothing.
 * @throws Fault `job-missing` that names those which are not there.
 */
export async function findUpstream(
  db: Database,
  projectId: string,
  definition: JobDefinition,
): Promise<UpstreamJob[]> {
  const dependencies = dependenciesOf(definition);
  if (dependencies === undefined || dependencies.jobs.length === 0) return [];
  const found = await findJobIds(db, projectId, dependencies.jobs);
  const ids = new Map(found.map((job) => [keyOf(job), job.id]));
  const unknown = dependencies.jobs.filter((job) => !ids.has(keyOf(job)));
  if (unknown.length > 0)
    throw new Fault("not-found", "job-missing", "the job does not exist", {
      problems: unknown.map(({ name }) => `schedule.cron.dependJobs: there is no job "${name}"`),
    });
  return dependencies.jobs.map((job) => ({
    id: ids.get(keyOf(job)) ?? 0,
    periods: job.periods,
    failPolicy: job.failPolicy ?? dependencies.failPolicy,
  }));
}

/**
 * In the transaction of the save, before it writes: no job may wait for itself, over whatever others and workspaces. Who
 * saves dependencies of the project at the same time waits until this transaction has ended.
 * @throws Fault `schedule-invalid` with the way that leads back.
 */
export async function refuseCircle(
  db: Database,
  job: Job,
  definition: JobDefinition,
  upstream: readonly UpstreamJob[],
): Promise<void> {
  if (upstream.length === 0) return;
  const own = keyOf(job);
  const edges = await holdUpstreamEdges(
    db,
    job.projectId,
    upstream.map(({ id }) => id),
  );
  const after = Map.groupBy(
    edges.filter((edge) => edge.job !== own), // What the present version of the job waits for does not count any more.
    (edge) => edge.job,
  );
  const nodes = [...after].map(([name, waits]) => ({ name, after: waits.map((edge) => edge.upstream) }));
  const wanted = (dependenciesOf(definition)?.jobs ?? []).map(keyOf);
  const circle = cycleIn([...nodes, { name: own, after: wanted }]);
  if (circle === undefined) return;
  invalid("schedule-invalid", [`schedule.cron.dependJobs: jobs wait for each other: ${circle.join(" -> ")}`]);
}

/** For its messages too: a workspace and a name. */
function keyOf({ workspaceId, name }: JobReference): string {
  return `${workspaceId}/${name}`;
}

function dependenciesOf({ schedule }: JobDefinition) {
  return schedule.type === "cron" ? schedule.cron?.dependencies : undefined;
}
