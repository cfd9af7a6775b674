/** Runs that have ended, kept for those who wait for them until they are taken; written in the commit that ends the run. */
import type { InstanceState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";
import type { PlannedTime } from "./planned-runs.ts";

/**
 * Who takes an instance's end where it was started with their name (`Start.tells`). Beside them its dependants are told
 * (the audience `dependants`) wherever an instance waits for the run, or for its place, and alarms (`alarms`) where its
 * workspace has rules.
 */
export type EndAudience = "backfill";

export interface RunEnd {
  readonly plannedAt: Date;
  /** Null for a planned time that never became an instance. */
  readonly instanceId: number | null;
  /**
   * For `dependants` also `suspended`, and `waiting`: an instance of the job began to wait. A time on a free day of the
   * calendar is `free`: it counts for nothing.
   */
  readonly state: InstanceState | "missed" | "free";
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
     select planned_at as "plannedAt", instance_id as "instanceId", state from taken order by id`,
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

/** In a transaction: planned times that were missed, for the alarms of workspaces that have a rule about that. */
export async function insertMissed(db: Database, times: readonly PlannedTime[]): Promise<void> {
  await execute(
    db,
    "insert-missed",
    `insert into run_end (audience, project_id, job_id, planned_at, state)
     select 'alarms', g.project_id, g.job_id, g.planned_at, 'missed'
     from unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) as g (project_id, job_id, planned_at)
     join job j on j.project_id = g.project_id and j.id = g.job_id
     where exists (
       select from alarm_rule r
       where r.project_id = j.project_id and r.workspace_id = j.workspace_id and r.kind = 'missed'
     )
     order by g.project_id, g.job_id, g.planned_at`,
    [
      times.map(({ projectId }) => projectId),
      times.map(({ jobId }) => jobId),
      times.map(({ plannedAt }) => plannedAt),
    ],
  );
}
