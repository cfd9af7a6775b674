/** The job table: single jobs, each written together with its version. Lists are in job-lists.ts. */
import type { Job, JobKind, JobStatus } from "../domain/job.ts";
import type { DependencyFailPolicy, JobReference } from "../domain/schedule.ts";
import { UNIQUE, unlessRefused } from "./constraints.ts";
import { type Database, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** A job whose runs another waits for. */
export interface UpstreamJob {
  readonly id: number;
  /** 0: runs of the same period; else of so many before it. */
  readonly periods: number;
  readonly failPolicy: DependencyFailPolicy;
}

/** What a save writes: the job's own members, and its new version. */
export interface JobWrite {
  readonly name: string;
  readonly kind: JobKind;
  readonly owner: string | null;
  readonly priority: number | null;
  readonly tags: readonly string[];
  readonly directory: string;
  readonly singleNode: boolean;
  readonly singleNodeType: string | null;
  readonly dryRun: boolean;
  /** Words of domain/job-use.ts. */
  readonly uses: readonly string[];
  /** Of the name and the document (domain/text-marks.ts). */
  readonly marks: string;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  /** JSON texts: the domain's reading, and the definition as it came. */
  readonly definition: string;
  readonly document: string;
  /** The jobs that the definition waits for. */
  readonly upstream: readonly UpstreamJob[];
  readonly by: string;
  readonly at: Date;
}

/** The job of that name; undefined where there is none. */
export async function findJob(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<Job | undefined> {
  const rows = await query<JobRow>(
    db,
    "find-job",
    `select ${JOB_COLUMNS} from job j
     where project_id = $1 and workspace_id = $2 and name = $3 and kind <> 'node'`,
    [projectId, workspaceId, name],
  );
  return rows.map(jobFromRow)[0];
}

/** As `findJob`; until the transaction ends nobody else changes or deletes the job. */
export async function lockJob(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<Job | undefined> {
  const rows = await query<JobRow>(
    db,
    "lock-job",
    `select ${JOB_COLUMNS} from job j
     where project_id = $1 and workspace_id = $2 and name = $3 and kind <> 'node' for no key update`,
    [projectId, workspaceId, name],
  );
  return rows.map(jobFromRow)[0];
}

/** Adds a job with its version 1 in one statement and gives its id; undefined when the name is taken. */
export async function insertJob(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  write: JobWrite,
): Promise<number | undefined> {
  const rows = await query<{ id: number }>(
    db,
    "insert-job",
    `with j as (
       insert into job (project_id, workspace_id, name, kind, version, owner, priority, tags, directory, single_node,
                        starts_at, ends_at, created_at, created_by, updated_at, updated_by, single_node_type, dry_run,
                        uses, marks)
       values ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $13, $19, $20, $21, $22)
       on conflict (project_id, workspace_id, name) do nothing
       returning id
     ), v as (
       insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
       select $1, id, 1, $14, $15, $12, $13 from j
     ), d as (
       insert into job_dependency (project_id, job_id, upstream_id, periods, fail_policy)
       select $1, j.id, u.* from j, unnest($16::bigint[], $17::smallint[], $18::text[]) u
     )
     select id from j`,
    [projectId, workspaceId, ...valuesOf(write)],
  );
  return rows[0]?.id;
}

/**
 * Writes a job's members and its next version in one statement; false when another job has the name, or when the job is no
 * more as `job` says: saved by somebody else, or put into operation or out of it.
 */
export async function updateJob(db: Database, job: Job, write: JobWrite): Promise<boolean> {
  const { projectId, id, version, status } = job;
  const values = [projectId, id, ...valuesOf(write), version, status];
  const updated = await unlessRefused(query(db, "update-job", UPDATE, values), UNIQUE);
  return updated?.length === 1;
}

const UPDATE = `
  with j as (
    update job set name = $3, kind = $4, version = version + 1, owner = $5, priority = $6, tags = $7, directory = $8,
      single_node = $9, starts_at = $10, ends_at = $11, updated_at = $12, updated_by = $13, single_node_type = $19,
      dry_run = $20, uses = $21, marks = $22
    where project_id = $1 and id = $2 and version = $23 and status = $24
    returning id, version
  ), v as (
    insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
    select $1, id, version, $14, $15, $12, $13 from j
  ), gone as (
    delete from job_dependency d using j
    where d.project_id = $1 and d.job_id = j.id and d.upstream_id <> all ($16::bigint[])
  ), d as (
    insert into job_dependency as d (project_id, job_id, upstream_id, periods, fail_policy)
    select $1, j.id, u.* from j, unnest($16::bigint[], $17::smallint[], $18::text[]) u
    on conflict (project_id, job_id, upstream_id) do update
    set periods = excluded.periods, fail_policy = excluded.fail_policy
  )
  select from j`;

/** What a job has apart from its versions, and its present document, which says the same. */
export interface JobLabel {
  readonly name: string;
  readonly tags: readonly string[];
  /** JSON text. */
  readonly document: string;
  /** As in `JobWrite`. */
  readonly marks: string;
  readonly by: string;
  readonly at: Date;
}

/** Writes a job's name and tags without a new version; false when another job has the name. */
export async function updateJobLabel(
  db: Database,
  { projectId, id }: Job,
  { name, tags, document, marks, by, at }: JobLabel,
): Promise<boolean> {
  const updated = await unlessRefused(
    query(
      db,
      "update-job-label",
      `with j as (
         update job set name = $3, tags = $4, updated_at = $6, updated_by = $7, marks = $8 where project_id = $1 and id = $2
         returning version
       )
       update job_version v set document = $5 from j
       where v.project_id = $1 and v.job_id = $2 and v.version = j.version`,
      [projectId, id, name, tags, document, at, by, marks],
    ),
    UNIQUE,
  );
  return updated !== undefined;
}

function valuesOf(write: JobWrite): unknown[] {
  return [
    write.name,
    write.kind,
    write.owner,
    write.priority,
    write.tags,
    write.directory,
    write.singleNode,
    write.startsAt,
    write.endsAt,
    write.at,
    write.by,
    write.definition,
    write.document,
    write.upstream.map(({ id }) => id),
    write.upstream.map(({ periods }) => periods),
    write.upstream.map(({ failPolicy }) => failPolicy),
    write.singleNodeType,
    write.dryRun,
    write.uses,
    write.marks,
  ];
}

/** The ids of those of the named jobs that exist. */
export async function findJobIds(
  db: Database,
  projectId: string,
  references: readonly JobReference[],
): Promise<readonly (JobReference & { readonly id: number })[]> {
  const rows = await query<{ id: number; workspace_id: string; name: string }>(
    db,
    "find-job-ids",
    `select j.id, j.workspace_id, j.name
     from unnest($2::text[], $3::text[]) as named (workspace_id, name)
     join job j on j.project_id = $1 and j.workspace_id = named.workspace_id and j.name = named.name
       and j.kind <> 'node'
     for key share of j`,
    [projectId, references.map(({ workspaceId }) => workspaceId), references.map(({ name }) => name)],
  );
  return rows.map((row) => ({ id: row.id, workspaceId: row.workspace_id, name: row.name }));
}

/** One job waits for another; both by workspace and name. */
export interface DependencyEdge {
  readonly job: string;
  readonly upstream: string;
}

/**
 * In a transaction: all that the named jobs wait for, and what these wait for, and so on. Until it ends nobody else of the
 * project asks, so that what two save at the same time cannot close a circle.
 */
export async function holdUpstreamEdges(
  db: Database,
  projectId: string,
  jobIds: readonly number[],
): Promise<DependencyEdge[]> {
  await query(
    db,
    "hold-dependencies",
    "select pg_advisory_xact_lock(hashtextextended('job_dependency' || $1::text, 0))",
    [projectId],
  );
  return await query<DependencyEdge>(
    db,
    "list-upstream-edges",
    `with recursive reached as (
       select id from unnest($2::bigint[]) id
       union
       select d.upstream_id from reached r
       join job_dependency d on d.project_id = $1 and d.job_id = r.id
     )
     select j.workspace_id || '/' || j.name as job, u.workspace_id || '/' || u.name as upstream
     from reached r
     join job_dependency d on d.project_id = $1 and d.job_id = r.id
     join job j on j.project_id = $1 and j.id = d.job_id
     join job u on u.project_id = $1 and u.id = d.upstream_id`,
    [projectId, jobIds],
  );
}

/** The jobs whose present version waits for the job. */
export async function listDownstream(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<readonly (JobReference & { readonly id: number })[]> {
  const rows = await query<{ id: number; workspace_id: string; name: string }>(
    db,
    "list-downstream-jobs",
    `select j.id, j.workspace_id, j.name from job_dependency d
     join job j on j.project_id = d.project_id and j.id = d.job_id
     where d.project_id = $1 and d.upstream_id = $2 order by j.id`,
    [projectId, jobId],
  );
  return rows.map((row) => ({ id: row.id, workspaceId: row.workspace_id, name: row.name }));
}

/** Every member of a job, from `job j`. */
export const JOB_COLUMNS = `j.id, j.project_id, j.workspace_id, j.name, j.kind, j.version, j.status, j.owner, j.priority, j.tags,
  j.directory, j.single_node, j.starts_at, j.ends_at, j.created_at, j.created_by, j.updated_at, j.updated_by`;

export interface JobRow {
  readonly id: number;
  readonly project_id: string;
  readonly workspace_id: string;
  readonly name: string;
  readonly kind: JobKind;
  readonly version: number;
  readonly status: JobStatus;
  readonly owner: string | null;
  readonly priority: number | null;
  readonly tags: string[];
  readonly directory: string;
  readonly single_node: boolean;
  readonly starts_at: Date | null;
  readonly ends_at: Date | null;
  readonly created_at: Date;
  readonly created_by: string;
  readonly updated_at: Date;
  readonly updated_by: string;
}

export function jobFromRow(row: JobRow): Job {
  return {
    id: row.id,
    projectId: row.project_id,
    workspaceId: row.workspace_id,
    name: row.name,
    kind: row.kind,
    version: row.version,
    status: row.status,
    owner: row.owner,
    priority: row.priority,
    tags: row.tags,
    directory: row.directory,
    singleNode: row.single_node,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  };
}
