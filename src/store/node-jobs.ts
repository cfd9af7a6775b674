/** Jobs that stand for nodes with triggers of real-time jobs: their schedules and events are kept, and run, as a job's. */
import { Fault } from "../domain/fault.ts";
import type { JobDefinition, JobStatus } from "../domain/job.ts";
import type { InstanceState } from "../domain/states.ts";
import { orFault, UNIQUE } from "./constraints.ts";
import { type Database, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

export interface NodeJobWrite {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly parentId: number;
  /** The node's name. */
  readonly node: string;
  /** What its runs are called (dataarts-factory 4.7). */
  readonly name: string;
  readonly definition: JobDefinition;
  readonly by: string;
}

/**
 * In a transaction that holds the parent: makes the job of a node, or its next version.
 * @throws Fault `job-exists` where another job has the name.
 */
export async function putNodeJob(db: Database, write: NodeJobWrite, now: Date): Promise<void> {
  const put = query(
    db,
    "put-node-job",
    `with j as (
       insert into job (project_id, workspace_id, name, kind, version, parent_id, node, created_at, created_by,
         updated_at, updated_by)
       values ($1, $2, $3, 'node', 1, $4, $5, $6, $7, $6, $7)
       on conflict (project_id, parent_id, node) where parent_id is not null do update
       set name = excluded.name, version = job.version + 1, updated_at = excluded.updated_at,
         updated_by = excluded.updated_by
       returning id, version
     )
     insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
     select $1, id, version, $8, '{}', $6, $7 from j`,
    [
      write.projectId,
      write.workspaceId,
      write.name,
      write.parentId,
      write.node,
      now,
      write.by,
      JSON.stringify(write.definition),
    ],
  );
  const taken = `There is a job "${write.name}" already: runs of node "${write.node}" would be called so.`;
  await orFault(put, UNIQUE, (cause) => new Fault("conflict", "job-exists", taken, { cause }));
}

/** A node's job, and what its runs come from. */
export interface NodeJob {
  readonly jobId: number;
  readonly node: string;
  readonly name: string;
  /** `paused` while its event source is. */
  readonly status: JobStatus;
  /** Of its newest run; null before the first. */
  readonly lastState: InstanceState | null;
}

/** The jobs of a real-time job's nodes, those of earlier versions included. */
export async function listNodeJobs(db: Database, projectId: string, parentId: number): Promise<NodeJob[]> {
  return await query<NodeJob>(
    db,
    "list-node-jobs",
    `select j.id as "jobId", j.node, j.name, j.status, i.state as "lastState"
     from job j
     left join lateral (
       select state from instance i where i.project_id = j.project_id and i.job_id = j.id order by i.id desc limit 1
     ) i on true
     where j.project_id = $1 and j.parent_id = $2 order by j.id`,
    [projectId, parentId],
  );
}

/**
 * The job of the name with the jobs of its nodes, or the one that is a node's and whose runs are called so
 * (dataarts-factory 4.7); none where there is neither.
 */
export async function listJobIdsByName(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-job-ids-by-name",
    `with named as (select id from job where project_id = $1 and workspace_id = $2 and name = $3)
     select id from named
     union all
     select j.id from named join job j on j.project_id = $1 and j.parent_id = named.id`,
    [projectId, workspaceId, name],
  );
  return rows.map(({ id }) => id);
}

/** The job with the jobs of its nodes, deleted ones included; whether there is such a job is not asked. */
export async function listJobIdsWithNodes(db: Database, projectId: string, jobId: number): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-job-ids-with-nodes",
    `select $2::bigint as id
     union select id from job where project_id = $1 and parent_id = $2
     union select id from deleted_job where project_id = $1 and parent_id = $2`,
    [projectId, jobId],
  );
  return rows.map(({ id }) => id);
}
