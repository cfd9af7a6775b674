/** What holds back instances and node runs, as the tables say it: for the answer to "why is it not running?". */
import type { Doer, Holder } from "../domain/blocker.ts";
import type { Lane } from "../domain/instance.ts";
import type { DependencyFailPolicy } from "../domain/schedule.ts";
import type { InstanceState } from "../domain/states.ts";
import { type Database, query } from "./database.ts";

/** A run that an instance waits for. */
export interface OpenDependency {
  readonly jobName: string;
  readonly workspaceId: string;
  readonly failPolicy: DependencyFailPolicy;
  /** Null until its runs were looked up. */
  readonly plannedAt: Date | null;
  readonly reason: string | null;
  readonly instanceId: number | null;
  readonly instanceState: InstanceState | null;
}

/** The runs that a waiting instance still waits for, by job and time; those that failed it first. */
export async function listOpenDependencies(
  db: Database,
  projectId: string,
  instanceId: number,
  limit: number,
): Promise<OpenDependency[]> {
  return await query<OpenDependency>(
    db,
    "list-open-dependencies",
    `select coalesce(j.name, x.name, '') as "jobName", coalesce(j.workspace_id, x.workspace_id, '') as "workspaceId",
       d.fail_policy as "failPolicy", w.planned_at as "plannedAt",
       case when w.state = 'failed' then coalesce(w.reason, 'it did not succeed') end as reason,
       p.instance_id as "instanceId", i.state as "instanceState"
     from instance_dependency d
     left join job j on j.project_id = d.project_id and j.id = d.upstream_id
     left join deleted_job x on x.project_id = d.project_id and x.id = d.upstream_id
     left join instance_wait w on w.project_id = d.project_id and w.instance_id = d.instance_id
       and w.upstream_id = d.upstream_id and w.state <> 'met'
     left join planned_run p on p.project_id = d.project_id and p.job_id = d.upstream_id
       and p.planned_at = w.planned_at and p.origin = 'schedule'
     left join instance i on i.project_id = d.project_id and i.id = p.instance_id
     where d.project_id = $1 and d.instance_id = $2 and d.need is distinct from 0
     order by w.state = 'failed' desc, 1, w.planned_at
     limit $3`,
    [projectId, instanceId, limit],
  );
}

/** How many instances of the job's schedule may run at a time, and which do; undefined where it has no schedule. */
export async function findOverlap(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<{ readonly most: number; readonly holders: Holder[] } | undefined> {
  const [schedule] = await query<{ readonly most: number }>(
    db,
    "find-overlap-max",
    "select overlap_max as most from schedule where project_id = $1 and job_id = $2",
    [projectId, jobId],
  );
  if (schedule === undefined) return undefined;
  const holders = await query<Holder>(
    db,
    "list-overlap-holders",
    `select id as "instanceId", job_name as "jobName", started_at as since from instance
     where project_id = $1 and job_id = $2 and ended_at is null and origin = 'schedule'
       and state in ('running', 'paused', 'failing', 'stopping')
     order by id`,
    [projectId, jobId],
  );
  return { most: schedule.most, holders };
}

/** A node run that is ready: what it waits for beside its time. */
export interface ReadyNode {
  readonly nodeNo: number;
  readonly lane: Lane;
}

export async function listReadyNodes(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<ReadyNode[]> {
  return await query<ReadyNode>(
    db,
    "list-ready-nodes",
    `select node_no as "nodeNo", lane from node_run
     where project_id = $1 and instance_id = $2 and state = 'ready' order by node_no`,
    [projectId, instanceId],
  );
}

/** A node run at work, of any job of the project. */
export type NodeHolder = Omit<Holder, "node"> & { readonly nodeNo: number };

/** How many servers take work, how many node runs of the lane run on them, and the project's own among these. */
export async function findLaneUse(
  db: Database,
  projectId: string,
  lane: Lane,
  limit: number,
): Promise<{ readonly workers: number; readonly running: number; readonly holders: NodeHolder[] }> {
  const [counts] = await query<{ readonly workers: number; readonly running: number }>(
    db,
    "count-lane-use",
    `select (select count(*)::integer from server where 'worker' = any (roles)) as workers,
       (select count(*)::integer from server s
        join node_run n on n.server_id = s.id and n.state = 'running' and n.lane = $1) as running`,
    [lane],
  );
  const holders = await query<NodeHolder>(
    db,
    "list-lane-holders",
    `select n.instance_id as "instanceId", i.job_name as "jobName", n.node_no as "nodeNo", n.started_at as since
     from server s
     join node_run n on n.server_id = s.id and n.state = 'running' and n.lane = $2 and n.project_id = $1
     join instance i on i.project_id = n.project_id and i.id = n.instance_id
     order by n.started_at, n.instance_id, n.node_no limit $3`,
    [projectId, lane, limit],
  );
  return { workers: counts?.workers ?? 0, running: counts?.running ?? 0, holders };
}

/** Those of the instances that lie in one of the workspaces. */
export async function findInstancesIn(
  db: Database,
  projectId: string,
  { ids, workspaces }: { readonly ids: readonly number[]; readonly workspaces: readonly string[] },
): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "find-instances-in",
    "select id from instance where project_id = $1 and id = any ($2) and workspace_id = any ($3)",
    [projectId, ids, workspaces],
  );
  return rows.map(({ id }) => id);
}

/** How many servers of the role there are. */
export async function countServers(db: Database, role: "scheduler" | "worker"): Promise<number> {
  const rows = await query<{ readonly count: number }>(
    db,
    "count-servers",
    "select count(*)::integer as count from server where $1 = any (roles)",
    [role],
  );
  return rows[0]?.count ?? 0;
}

/** Who did one of these acts to an object last; to `node` of it where that is given. */
export async function findDoer(
  db: Database,
  {
    projectId,
    kind,
    id,
    node,
  }: {
    readonly projectId: string;
    readonly kind: "instance" | "backfill";
    readonly id: number | string;
    readonly node?: string;
  },
  acts: readonly string[],
): Promise<Doer | undefined> {
  const rows = await query<Doer>(
    db,
    "find-doer",
    `select by, at from act
     where project_id = $1 and object_kind = $5 and object_id = $2 and act = any ($3)
       and ($4::text is null or detail ->> 'node' = $4)
     order by id desc limit 1`,
    [projectId, String(id), acts, node ?? null, kind],
  );
  return rows[0];
}

/** Who paused an instance last, or the one whose pause has paused it too: `instanceId` is that one's. */
export async function findPauser(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<(Doer & { readonly instanceId: number }) | undefined> {
  const rows = await query<Doer & { readonly instanceId: number }>(
    db,
    "find-pauser",
    `select by, at, object_id::bigint as "instanceId" from act
     where project_id = $1 and object_kind = 'instance' and act = 'pause' and object_id = coalesce((
       select parent_id from child_instance where project_id = $1 and instance_id = $2 and paused_with
     ), $2)::text
     order by id desc limit 1`,
    [projectId, instanceId],
  );
  return rows[0];
}

/** Who froze the stretch of a job's planned times in which `plannedAt` lies. */
export async function findFreezer(
  db: Database,
  projectId: string,
  jobId: number,
  plannedAt: Date,
): Promise<Doer | undefined> {
  const rows = await query<Doer>(
    db,
    "find-freezer",
    `select frozen_by as by, frozen_at as at from job_freeze
     where project_id = $1 and job_id = $2 and from_at <= $3 and to_at > $3 order by id desc limit 1`,
    [projectId, jobId, plannedAt],
  );
  return rows[0];
}

/** A job's schedule or event source, as far as it says when the next run comes. */
export interface Outlook {
  readonly status: string;
  readonly scheduled: boolean;
  readonly nextAt: Date | null;
  readonly pausedBy: string | null;
  readonly pausedAt: Date | null;
  readonly channel: string | null;
  readonly eventState: string | null;
  readonly eventReason: string | null;
  readonly eventError: string | null;
}

export async function findOutlook(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<Outlook | undefined> {
  const rows = await query<Outlook>(
    db,
    "find-outlook",
    `select j.status, s.job_id is not null as scheduled, s.next_at as "nextAt", s.paused_by as "pausedBy",
       s.paused_at as "pausedAt", e.channel, e.state as "eventState", e.reason as "eventReason", e.error as "eventError"
     from job j
     left join schedule s on s.project_id = j.project_id and s.job_id = j.id
     left join event_source e on e.project_id = j.project_id and e.job_id = j.id and e.state <> 'stopped'
     where j.project_id = $1 and j.id = $2`,
    [projectId, jobId],
  );
  return rows[0];
}

/** A job's instances that have begun or wait and have not ended, the earliest planned first. */
export async function listUnendedInstances(
  db: Database,
  projectId: string,
  jobId: number,
  limit: number,
): Promise<{ readonly id: number; readonly state: InstanceState; readonly plannedAt: Date }[]> {
  return await query(
    db,
    "list-unended-instances",
    `select id, state, planned_at as "plannedAt" from instance
     where project_id = $1 and job_id = $2 and ended_at is null order by planned_at, id limit $3`,
    [projectId, jobId, limit],
  );
}
