/** Limits on how many node runs run at a time, who holds their slots, and the weights of projects. */
import { type Database, type DatabasePool, execute, query, transaction } from "./database.ts";

/** What a limit is for, but for a job's: that comes with the job (migrations/0012-slots.sql, `limit_job`). */
export type LimitScope =
  | { readonly kind: "project" }
  | { readonly kind: "workspace"; readonly workspaceId: string }
  | { readonly kind: "connection"; readonly workspaceId: string; readonly connection: string };

export interface SlotLimit {
  readonly id: number;
  readonly kind: LimitScope["kind"] | "job";
  readonly workspaceId: string | null;
  readonly connection: string | null;
  readonly jobName: string | null;
  readonly slots: number;
  /** In use now, on all servers together. */
  readonly held: number;
  readonly setAt: Date;
  readonly setBy: string;
}

/** A running node run that holds a slot. */
export interface SlotHolder {
  readonly instanceId: number;
  readonly jobName: string;
  /** Place in the instance's definition. */
  readonly nodeNo: number;
  readonly background: boolean;
  readonly startedAt: Date;
  /** Host and process of the server that runs it. */
  readonly server: string;
}

export interface NewLimit {
  readonly projectId: string;
  readonly scope: LimitScope;
  readonly slots: number;
  readonly by: string;
  readonly at: Date;
}

/**
 * In a transaction: what starts instances waits for its end, and sees the limit then, so that none slips by unlimited.
 * It raises `55P03` where one of them takes longer than a moment.
 */
export async function lockLimits(db: Database): Promise<void> {
  await query(db, "lock-limits-timeout", "select set_config('lock_timeout', '2s', true)");
  await query(db, "lock-limits", "lock table slot_limit in access exclusive mode");
}

export async function putLimit(db: Database, { projectId, scope, slots, by, at }: NewLimit): Promise<void> {
  await execute(
    db,
    "put-limit",
    `insert into slot_limit (project_id, kind, workspace_id, connection, slots, set_at, set_by)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (project_id, kind, workspace_id, connection, job_id)
       do update set slots = excluded.slots, set_at = excluded.set_at, set_by = excluded.set_by`,
    [projectId, scope.kind, ...placeOf(scope), slots, at, by],
  );
}

/** False where there was none. */
export async function deleteLimit(db: Database, projectId: string, scope: LimitScope): Promise<boolean> {
  return (
    (await execute(
      db,
      "delete-limit",
      `delete from slot_limit where project_id = $1 and kind = $2
         and workspace_id is not distinct from $3 and connection is not distinct from $4`,
      [projectId, scope.kind, ...placeOf(scope)],
    )) === 1
  );
}

/** Whether a job has a limit of its own (migrations/0012-slots.sql, `limit_job`). */
export async function hasJobLimit(db: Database, projectId: string, jobId: number): Promise<boolean> {
  const rows = await query(
    db,
    "has-job-limit",
    "select from slot_limit where project_id = $1 and kind = 'job' and job_id = $2",
    [projectId, jobId],
  );
  return rows.length > 0;
}

const INSTANCES_AT_ONCE = 200;

/** Brings the limits of all node runs of the project that have not ended up to date, some instances at a time. */
export async function refreshLimits(pool: DatabasePool, projectId: string): Promise<void> {
  for (let after = 0; ; ) {
    const last = await transaction(pool, (db) => refreshSome(db, projectId, after));
    if (last === null) return;
    after = last;
  }
}

/** Gives the last instance; null when none was left. Locks in the order that all keep (migrations/0012-slots.sql, `step`). */
async function refreshSome(db: Database, projectId: string, after: number): Promise<number | null> {
  const rows = await query<{ readonly last: number | null }>(
    db,
    "refresh-limits",
    `with some_instances as (
       select project_id, id, workspace_id, job_id from instance
       where project_id = $1 and ended_at is null and id > $2 and id >= history_floor() order by id limit $3
     ), due as (
       select n.project_id, n.instance_id, n.node_no,
         limits_of(i.project_id, i.workspace_id, i.job_id, n.connection, n.lane) as limits
       from some_instances i join node_run n on n.project_id = i.project_id and n.instance_id = i.id
       where n.state in ('waiting', 'ready', 'running', 'held')
       order by n.project_id, n.instance_id, n.node_no for update of n
     ), written as (
       update node_run n set limits = d.limits
       from due d
       where n.project_id = d.project_id and n.instance_id = d.instance_id and n.node_no = d.node_no
         and n.limits is distinct from d.limits
     )
     select max(id) as last from some_instances`,
    [projectId, after, INSTANCES_AT_ONCE],
  );
  return rows[0]?.last ?? null;
}

const ALL: LimitFilter = { closedWorkspaces: [] };

const HELD = `(select count(*)::integer from node_run r
  where r.project_id = l.project_id and r.state = 'running' and r.limits is not null and l.id = any (r.limits)
    and r.instance_id >= history_floor())`;

/** What a list of limits, or of who holds their slots, tells of. */
export interface LimitFilter {
  /** Never told of. */
  readonly closedWorkspaces: readonly string[];
}

/** The project's limits, those for the whole of it first. */
export async function listLimits(
  db: Database,
  projectId: string,
  most: number,
  { closedWorkspaces }: LimitFilter = ALL,
): Promise<SlotLimit[]> {
  return await query<SlotLimit>(
    db,
    "list-limits",
    `select l.id, l.kind, l.workspace_id as "workspaceId", l.connection, j.name as "jobName", l.slots,
       ${HELD} as held, l.set_at as "setAt", l.set_by as "setBy"
     from slot_limit l left join job j on j.project_id = l.project_id and j.id = l.job_id
     where l.project_id = $1 and coalesce(l.workspace_id, j.workspace_id, '') <> all ($3::text[])
     order by array_position(array['project', 'workspace', 'connection', 'job'], l.kind), l.workspace_id,
       coalesce(l.connection, j.name)
     limit $2`,
    [projectId, most, closedWorkspaces],
  );
}

/** Who holds the slots of a limit, the longest first; undefined where the project has no such limit. */
export async function listSlotHolders(
  db: Database,
  projectId: string,
  limitId: number,
  { closedWorkspaces }: LimitFilter = ALL,
): Promise<SlotHolder[] | undefined> {
  const known = await query(
    db,
    "find-limit",
    `select from slot_limit l left join job j on j.project_id = l.project_id and j.id = l.job_id
     where l.project_id = $1 and l.id = $2::integer and coalesce(l.workspace_id, j.workspace_id, '') <> all ($3::text[])`,
    [projectId, limitId, closedWorkspaces],
  );
  if (known.length === 0) return undefined;
  return await query<SlotHolder>(
    db,
    "list-slot-holders",
    `select n.instance_id as "instanceId", i.job_name as "jobName", n.node_no as "nodeNo",
       n.lane = 'background' as background, n.started_at as "startedAt",
       coalesce(s.host || ':' || s.pid, 'lost') as server
     from node_run n
     join instance i on i.project_id = n.project_id and i.id = n.instance_id
     left join server s on s.id = n.server_id
     where n.project_id = $1 and n.state = 'running' and n.limits is not null and $2::integer = any (n.limits)
       and n.instance_id >= history_floor() and i.workspace_id <> all ($3::text[])
     order by n.started_at, n.instance_id, n.node_no`,
    [projectId, limitId, closedWorkspaces],
  );
}

/** The ids of the limits without a free slot that keep a ready node run from starting. */
export async function listFullLimits(
  db: Database,
  key: { readonly projectId: string; readonly instanceId: number; readonly nodeNo: number },
): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-full-limits",
    `select l.id from node_run n join slot_limit l on l.project_id = n.project_id and l.id = any (n.limits)
     where n.project_id = $1 and n.instance_id = $2 and n.node_no = $3 and n.state = 'ready'
       and ${HELD} >= l.slots - case when n.lane = 'background' and l.slots > 1 then 1 else 0 end
     order by l.id`,
    [key.projectId, key.instanceId, key.nodeNo],
  );
  return rows.map(({ id }) => id);
}

export async function findWeight(db: Database, projectId: string): Promise<number | undefined> {
  const rows = await query<{ readonly weight: number }>(
    db,
    "find-project-weight",
    "select weight from project where id = $1",
    [projectId],
  );
  return rows[0]?.weight;
}

export async function updateWeight(db: Database, projectId: string, weight: number): Promise<void> {
  await execute(db, "update-project-weight", "update project set weight = $2 where id = $1", [
    projectId,
    weight,
  ]);
}

function placeOf(scope: LimitScope): [workspaceId: string | null, connection: string | null] {
  return [
    scope.kind === "project" ? null : scope.workspaceId,
    scope.kind === "connection" ? scope.connection : null,
  ];
}
