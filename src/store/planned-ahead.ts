/** Takes back what was planned ahead of its time: whatever changes a plan does so first, in its own transaction. */
import type { NodeRunState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";
import { lockSchedule, type ScheduleRow } from "./schedules.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/**
 * In a transaction that is about to change what decides over a job's times: its schedule, held until the transaction
 * ends, with no time planned that has not come; undefined where it has none. Runs that somebody has begun or touched
 * stay, and so do their lines.
 */
export async function lockPlan(
  db: Database,
  projectId: string,
  jobId: number,
  now: Date,
): Promise<ScheduleRow | undefined> {
  const schedule = await lockSchedule(db, projectId, jobId);
  if (schedule === undefined) return undefined;
  const nextAt = (await withdrawAhead(db, projectId, [jobId], now)).get(jobId);
  return nextAt === undefined ? schedule : { ...schedule, nextAt };
}

/** In the transaction that changes a calendar: as `lockPlan`, for all schedules that go by it. */
export async function lockPlansOfCalendar(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  calendar: string,
  now: Date,
): Promise<void> {
  const rows = await query<{ readonly jobId: number }>(
    db,
    "lock-schedules-of-calendar",
    `select s.job_id as "jobId" from schedule s join job j on j.project_id = s.project_id and j.id = s.job_id
     where s.project_id = $1 and s.calendar = $3 and j.workspace_id = $2 order by s.job_id for update of s`,
    [projectId, workspaceId, calendar],
  );
  const jobIds = rows.map(({ jobId }) => jobId);
  if (jobIds.length > 0) await withdrawAhead(db, projectId, jobIds, now);
}

interface AheadLine {
  readonly jobId: number;
  readonly plannedAt: Date;
  readonly instanceId: number;
}

/** Gives where planning goes on, for jobs of which something was taken back. Their schedules are held. */
async function withdrawAhead(
  db: Database,
  projectId: string,
  jobIds: readonly number[],
  now: Date,
): Promise<ReadonlyMap<number, Date>> {
  const lines = await query<AheadLine>(
    db,
    "list-planned-ahead",
    `select job_id as "jobId", planned_at as "plannedAt", instance_id as "instanceId" from planned_run
     where project_id = $1 and job_id = any ($2) and planned_at > $3 and origin = 'schedule' and state = 'started'`,
    [projectId, jobIds, now],
  );
  if (lines.length === 0) return new Map();
  const untouched = await lockUntouched(
    db,
    projectId,
    lines.map(({ instanceId }) => instanceId),
  );
  const withdrawn = lines.filter(({ instanceId }) => untouched.has(instanceId));
  if (withdrawn.length === 0) return new Map();
  for (const table of ["node_run", "instance"] as const)
    await execute(
      db,
      `withdraw-ahead-${table}`,
      `delete from ${table} where project_id = $1 and ${table === "instance" ? "id" : "instance_id"} = any ($2)`,
      [projectId, withdrawn.map(({ instanceId }) => instanceId)],
    );
  return await moveBack(db, projectId, withdrawn);
}

/** The ids of those that run and of which no node was ever claimed; whoever claims passes over them from now on. */
async function lockUntouched(
  db: Database,
  projectId: string,
  instanceIds: readonly number[],
): Promise<ReadonlySet<number>> {
  const nodes = await query<{
    readonly instanceId: number;
    readonly state: NodeRunState;
    readonly attempt: number;
  }>(
    db,
    "lock-ahead-node-runs",
    `select instance_id as "instanceId", state, attempt from node_run
     where project_id = $1 and instance_id = any ($2) order by instance_id, node_no for update`,
    [projectId, instanceIds],
  );
  const instances = await query<{ readonly id: number }>(
    db,
    "lock-ahead-instances",
    "select id from instance where project_id = $1 and id = any ($2) and state = 'running' order by id for update",
    [projectId, instanceIds],
  );
  const touched = nodes.filter(
    ({ state, attempt }) => attempt > 0 || (state !== "ready" && state !== "waiting"),
  );
  const ids = new Set(instances.map(({ id }) => id));
  for (const { instanceId } of touched) ids.delete(instanceId);
  return ids;
}

async function moveBack(
  db: Database,
  projectId: string,
  withdrawn: readonly AheadLine[],
): Promise<ReadonlyMap<number, Date>> {
  const rows = await query<{ readonly jobId: number; readonly nextAt: Date }>(
    db,
    "withdraw-ahead-lines",
    `with gone as (
       delete from planned_run p
       using unnest($2::bigint[], $3::timestamptz[]) as g (job_id, planned_at)
       where p.project_id = $1 and p.job_id = g.job_id and p.planned_at = g.planned_at and p.origin = 'schedule'
       returning p.job_id, p.planned_at
     )
     update schedule s set next_at = least(s.next_at, g.first_at)
     from (select job_id, min(planned_at) as first_at from gone group by 1) g
     where s.project_id = $1 and s.job_id = g.job_id
     returning s.job_id as "jobId", s.next_at as "nextAt"`,
    [projectId, withdrawn.map(({ jobId }) => jobId), withdrawn.map(({ plannedAt }) => plannedAt)],
  );
  return new Map(rows.map(({ jobId, nextAt }) => [jobId, nextAt]));
}
