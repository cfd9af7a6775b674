/** The resume_point table: the newest savepoint or checkpoint of each node of a real-time job. */
import { type Database, execute, query } from "./database.ts";

export interface ResumePointKey {
  readonly projectId: string;
  readonly jobId: number;
  /** The node's name. */
  readonly node: string;
}

export interface ResumePointRow {
  readonly node: string;
  /** As the cluster reads it. */
  readonly path: string;
  readonly takenAt: Date;
  readonly bytes: number;
  readonly durationMs: number;
  /** Checkpoints of the cluster's job that left it, so far. */
  readonly completed: number;
  readonly failed: number;
}

/** Keeps it unless a newer one is there; a job that was deleted meanwhile keeps none. */
export async function keepResumePoint(
  db: Database,
  { projectId, jobId, node }: ResumePointKey,
  point: Omit<ResumePointRow, "node">,
): Promise<void> {
  await execute(
    db,
    "keep-resume-point",
    `insert into resume_point (project_id, job_id, node, path, taken_at, bytes, duration_ms, completed, failed)
     select project_id, id, $3, $4, $5, $6, $7, $8, $9 from job where project_id = $1 and id = $2
     on conflict (project_id, job_id, node) do update
     set path = excluded.path, taken_at = excluded.taken_at, bytes = excluded.bytes,
       duration_ms = excluded.duration_ms, completed = excluded.completed, failed = excluded.failed
     where resume_point.taken_at <= excluded.taken_at`,
    [
      projectId,
      jobId,
      node,
      point.path,
      point.takenAt,
      point.bytes,
      point.durationMs,
      point.completed,
      point.failed,
    ],
  );
}

/** Of a job, in no order. */
export async function listResumePoints(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<ResumePointRow[]> {
  return await query<ResumePointRow>(
    db,
    "list-resume-points",
    `select node, path, taken_at as "takenAt", bytes, duration_ms as "durationMs", completed, failed
     from resume_point where project_id = $1 and job_id = $2`,
    [projectId, jobId],
  );
}
