/** The job_version table: what a job was at each save. Written by jobs.ts, together with the job. */
import type { Job, JobDefinition } from "../domain/job.ts";
import { type Database, query } from "./database.ts";
import { JOB_COLUMNS, type JobRow, jobFromRow } from "./jobs.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** A job with one of its versions. */
export interface VersionedJob {
  readonly job: Job;
  readonly version: number;
  readonly definition: JobDefinition;
  /** As it came on the wire; only its face reads it. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** The job of that name with the version asked for, the present one where none is; undefined where either is missing. */
export async function findVersionedJob(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
  version?: number,
): Promise<VersionedJob | undefined> {
  const rows = await query<VersionRow>(
    db,
    "find-versioned-job",
    `select ${JOB_COLUMNS}, v.version as v_version, v.definition as v_definition, v.document as v_document
     from job j join job_version v
       on v.project_id = j.project_id and v.job_id = j.id and v.version = coalesce($4, j.version)
     where j.project_id = $1 and j.workspace_id = $2 and j.name = $3 and j.kind <> 'node'`,
    [projectId, workspaceId, name, version],
  );
  return rows.map(versionedFromRow)[0];
}

/** The present versions of the jobs of these names, in no order; those that are not there are left out. */
export async function listVersionedJobs(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  names: readonly string[],
): Promise<VersionedJob[]> {
  const rows = await query<VersionRow>(
    db,
    "list-versioned-jobs",
    `select ${JOB_COLUMNS}, v.version as v_version, v.definition as v_definition, v.document as v_document
     from job j join job_version v on v.project_id = j.project_id and v.job_id = j.id and v.version = j.version
     where j.project_id = $1 and j.workspace_id = $2 and j.name = any ($3) and j.kind <> 'node'`,
    [projectId, workspaceId, names],
  );
  return rows.map(versionedFromRow);
}

/** A job as it is now, as far as making an instance of it goes. */
export interface PresentVersion {
  readonly projectId: string;
  readonly jobId: number;
  readonly workspaceId: string;
  readonly name: string;
  readonly version: number;
}

/** The present versions of several jobs, each once, in no order; those that are gone are left out. */
export async function findPresentVersions(
  db: Database,
  jobs: readonly { readonly projectId: string; readonly jobId: number }[],
): Promise<PresentVersion[]> {
  return await query<PresentVersion>(
    db,
    "find-present-versions",
    `select j.project_id as "projectId", j.id as "jobId", j.workspace_id as "workspaceId", j.name, j.version
     from (select distinct * from unnest($1::uuid[], $2::bigint[])) as k (project_id, id)
     join job j using (project_id, id)`,
    [jobs.map(({ projectId }) => projectId), jobs.map(({ jobId }) => jobId)],
  );
}

interface VersionRow extends JobRow {
  readonly v_version: number;
  readonly v_definition: JobDefinition;
  readonly v_document: Readonly<Record<string, unknown>>;
}

function versionedFromRow(row: VersionRow): VersionedJob {
  const { v_version: version, v_definition: definition, v_document: document } = row;
  return { job: jobFromRow(row), version, definition, document };
}
