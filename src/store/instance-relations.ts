/** Which jobs wait for which, and the runs that stand for a job's planned times. */
import type { Instance } from "../domain/instance.ts";
import { type Database, query } from "./database.ts";
import { INSTANCE_COLUMNS } from "./instances.ts";

/** The other job of a dependency, as the present version has it. */
export interface DependencyEdge {
  readonly jobId: number;
  /** 0 is the same period. */
  readonly periods: number;
}

/** The jobs whose runs a job's wait for. */
export async function listUpstreamEdges(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<DependencyEdge[]> {
  return await query<DependencyEdge>(
    db,
    "list-upstream-of-job",
    `select upstream_id as "jobId", periods from job_dependency
     where project_id = $1 and job_id = $2 order by upstream_id`,
    [projectId, jobId],
  );
}

/** The jobs whose runs wait for a job's. */
export async function listDownstreamEdges(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<DependencyEdge[]> {
  return await query<DependencyEdge>(
    db,
    "list-downstream-of-job",
    `select job_id as "jobId", periods from job_dependency
     where project_id = $1 and upstream_id = $2 order by job_id`,
    [projectId, jobId],
  );
}

/** An instance that stands for a planned time of its job. */
export interface PlannedInstance extends Instance {
  readonly jobId: number;
  readonly jobVersion: number;
  /** Of its job. */
  readonly directory: string;
}

/** Those of schedules and backfills for a job's times from `from` to before `to`: the `limit` latest planned ones. */
export async function listPlannedInstances(
  db: Database,
  { projectId, jobId }: { readonly projectId: string; readonly jobId: number },
  { from, to, limit }: { readonly from: Date; readonly to: Date; readonly limit: number },
): Promise<PlannedInstance[]> {
  return await query<PlannedInstance>(
    db,
    "list-planned-instances",
    `select ${INSTANCE_COLUMNS}, j.directory
     from (
       select instance_id from planned_run
       where project_id = $1 and job_id = $2 and planned_at >= $3 and planned_at < $4 and instance_id is not null
       union
       select r.instance_id
       from backfill_job b join backfill_run r using (project_id, backfill_id, place)
       where b.project_id = $1 and b.job_id = $2 and r.planned_at >= $3 and r.planned_at < $4 and r.state = 'started'
     ) p
     join instance i on i.project_id = $1 and i.id = p.instance_id
     join job j on j.project_id = i.project_id and j.id = i.job_id
     order by i.planned_at desc, i.id desc limit $5`,
    [projectId, jobId, from, to, limit],
  );
}

/** The first planned time after `after` that the job's schedule made an instance of; undefined for none. */
export async function findNextRun(
  db: Database,
  projectId: string,
  jobId: number,
  after: Date,
): Promise<Date | undefined> {
  const rows = await query<{ readonly plannedAt: Date }>(
    db,
    "find-next-run",
    `select planned_at as "plannedAt" from planned_run
     where project_id = $1 and job_id = $2 and origin = 'schedule' and state = 'started' and planned_at > $3
     order by planned_at limit 1`,
    [projectId, jobId, after],
  );
  return rows[0]?.plannedAt;
}

/** How long the last runs of each job that succeeded took on average, in whole milliseconds; without those that have none. */
export async function averageRunTimes(
  db: Database,
  projectId: string,
  jobIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const rows = await query<{ readonly jobId: number; readonly ms: number | null }>(
    db,
    "average-run-times",
    `select g.job_id as "jobId", (
       select round(avg(extract(epoch from last.ended_at - last.started_at) * 1000))::float8
       from (
         select i.started_at, i.ended_at from instance i
         where i.project_id = $1 and i.job_id = g.job_id and i.state = 'succeeded' and i.started_at is not null
         order by i.id desc limit 100
       ) last
     ) as ms
     from unnest($2::bigint[]) as g (job_id)`,
    [projectId, jobIds],
  );
  return new Map(rows.flatMap(({ jobId, ms }) => (ms === null ? [] : [[jobId, ms] as const])));
}
