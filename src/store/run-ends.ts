/** Runs that have ended, kept for those who wait for them until they are taken; written in the commit that ends the run. */
import type { InstanceState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";

/**
 * Who takes the end of a run. `dependants` are told wherever an instance waits for the run or for its place; the others
 * where the instance was started with their name (`Start.tells`).
 */
export type EndAudience = "dependants" | "parent" | "backfill" | "trigger";

export interface RunEnd {
  readonly projectId: string;
  /** Null for an instance without a job. */
  readonly jobId: number | null;
  readonly plannedAt: Date;
  /** Null for a planned time that never became an instance. */
  readonly instanceId: number | null;
  /** For `dependants` also `suspended`, and `waiting`: an instance of the job began to wait. */
  readonly state: InstanceState | "missed";
}

const COLUMNS = `project_id as "projectId", job_id as "jobId", planned_at as "plannedAt", instance_id as "instanceId", state`;

/**
 * In a transaction: takes ends for the audience, the oldest first; others that take skip them, and find them again when
 * the transaction is undone.
 */
export async function takeRunEnds(db: Database, audience: EndAudience, limit: number): Promise<RunEnd[]> {
  return await query<RunEnd>(
    db,
    "take-run-ends",
    `with taken as (
       delete from run_end where id in (
         select id from run_end where audience = $1 order by id limit $2 for update skip locked
       )
       returning *
     )
     select ${COLUMNS} from taken order by id`,
    [audience, limit],
  );
}

/** Jobs with ends that wait to be taken for dependants. */
export async function listJobsWithEnds(
  db: Database,
  limit: number,
): Promise<{ readonly projectId: string; readonly jobId: number }[]> {
  return await query(
    db,
    "list-jobs-with-ends",
    `select distinct project_id as "projectId", job_id as "jobId" from run_end
     where audience = 'dependants' and job_id is not null order by 1, 2 limit $1`,
    [limit],
  );
}

/** In a transaction: takes the ends of a job's runs for dependants, the oldest first. */
export async function takeEndsOfJob(db: Database, projectId: string, jobId: number): Promise<RunEnd[]> {
  return await query<RunEnd>(
    db,
    "take-ends-of-job",
    `with taken as (
       delete from run_end where audience = 'dependants' and project_id = $1 and job_id = $2 returning *
     )
     select ${COLUMNS} from taken order by id`,
    [projectId, jobId],
  );
}

/** An instance waits anew: its job is to be looked at. */
export async function insertLook(
  db: Database,
  instance: {
    readonly projectId: string;
    readonly jobId: number;
    readonly plannedAt: Date;
    readonly instanceId: number;
  },
): Promise<void> {
  await execute(
    db,
    "insert-look",
    `insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
     values ('dependants', $1, $2, $3, $4, 'waiting')`,
    [instance.projectId, instance.jobId, instance.plannedAt, instance.instanceId],
  );
}
