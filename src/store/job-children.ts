/** The job_child table: which jobs the nodes of a job's present version run, where no expression gives their names. */
import type { Job, JobKind } from "../domain/job.ts";
import { type Database, execute, query } from "./database.ts";
import { JOB_COLUMNS, type JobRow, jobFromRow } from "./jobs.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** A job as those that run it need to know it. */
export interface ChildJob {
  readonly id: number;
  readonly name: string;
  readonly kind: JobKind;
  /** Types of its nodes, each once. */
  readonly nodeTypes: readonly string[];
}

/** Those of the named jobs that exist; nobody deletes them until the transaction ends. */
export async function findChildJobs(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  names: readonly string[],
): Promise<ChildJob[]> {
  return await query<ChildJob>(
    db,
    "find-child-jobs",
    `select j.id, j.name, j.kind, array(
       select distinct n.node->>'type' from jsonb_array_elements(v.definition->'nodes') as n (node)
     ) as "nodeTypes"
     from job j join job_version v on v.project_id = j.project_id and v.job_id = j.id and v.version = j.version
     where j.project_id = $1 and j.workspace_id = $2 and j.name = any ($3::text[])
     for key share of j`,
    [projectId, workspaceId, names],
  );
}

/** The job of that name, where its nodes run no other one; undefined else. */
export async function findChildlessJob(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<Job | undefined> {
  const rows = await query<JobRow>(
    db,
    "find-childless-job",
    `select ${JOB_COLUMNS} from job j
     where j.project_id = $1 and j.workspace_id = $2 and j.name = $3 and j.kind <> 'node'
       and not exists (select from job_child c where c.project_id = j.project_id and c.job_id = j.id)`,
    [projectId, workspaceId, name],
  );
  return rows.map(jobFromRow)[0];
}

/** Puts the jobs in place of those that the job's nodes ran before. */
export async function putJobChildren(
  db: Database,
  { projectId, jobId }: { readonly projectId: string; readonly jobId: number },
  childIds: readonly number[],
): Promise<void> {
  await execute(
    db,
    "put-job-children",
    `with gone as (
       delete from job_child where project_id = $1 and job_id = $2 and child_id <> all ($3::bigint[])
     )
     insert into job_child (project_id, job_id, child_id)
     select $1, $2, child from unnest($3::bigint[]) child on conflict do nothing`,
    [projectId, jobId, childIds],
  );
}

/** Names of jobs whose nodes run the job, the first few. */
export async function listParentJobs(
  db: Database,
  { projectId, jobId }: { readonly projectId: string; readonly jobId: number },
): Promise<string[]> {
  const rows = await query<{ readonly name: string }>(
    db,
    "list-parent-jobs",
    `select j.name from job_child c join job j on j.project_id = c.project_id and j.id = c.job_id
     where c.project_id = $1 and c.child_id = $2 order by j.id limit 5`,
    [projectId, jobId],
  );
  return rows.map(({ name }) => name);
}
