/** Which jobs wait for runs of which others, as their present versions say. */
import { type Database, query } from "./database.ts";

/** A job beside another one. */
export interface RelatedJob {
  /** `parent`: its runs are waited for; `child`: it waits. */
  readonly relation: "parent" | "child";
  readonly workspaceId: string;
  readonly name: string;
  readonly directory: string;
  readonly owner: string | null;
}

/** Of more, the oldest are given. */
const RELATED_MAX = 10_000;

/** The jobs that a job waits for, then those that wait for it: its direct neighbours. */
export async function listRelatedJobs(
  db: Database,
  projectId: string,
  jobId: number,
  relations: readonly RelatedJob["relation"][],
): Promise<RelatedJob[]> {
  return await query<RelatedJob>(
    db,
    "list-related-jobs",
    `with related as (
       select 'parent' as relation, upstream_id as id from job_dependency
       where project_id = $1 and job_id = $2 and 'parent' = any ($3)
       union all
       select 'child', job_id from job_dependency
       where project_id = $1 and upstream_id = $2 and 'child' = any ($3)
     )
     select r.relation, j.workspace_id as "workspaceId", j.name, j.directory, j.owner
     from related r join job j on j.project_id = $1 and j.id = r.id
     order by r.relation = 'child', j.id limit ${RELATED_MAX}`,
    [projectId, jobId, relations],
  );
}
