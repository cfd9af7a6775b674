/** What a workspace's instances and nodes did in a stretch of time, in numbers. */
import type { InstanceState } from "../domain/states.ts";
import { type Database, query } from "./database.ts";
import { findFirstIdSince } from "./history.ts";
import { countInstancesOf } from "./instance-blocks.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** From the first instant that counts to before the last. */
interface Stretch {
  readonly from: Date;
  readonly to: Date;
}

export interface InstanceCount {
  readonly state: InstanceState;
  readonly forceSuccess: boolean;
  readonly ignoreSuccess: boolean;
  readonly count: number;
}

/**
 * The instances that were planned in the stretch, those of lists alone, by how they stand; with `owner`, of that one's
 * jobs: a job without an owner is its maker's.
 */
export async function countInstances(
  db: Database,
  key: WorkspaceKey,
  { owner, ...stretch }: Stretch & { readonly owner?: string },
): Promise<InstanceCount[]> {
  return owner === undefined
    ? await countAll(db, key, stretch)
    : await countOwned(db, key, { ...stretch, owner });
}

/** What simply succeeded is what is left of all, which are counted already: only the others are looked at. */
async function countAll(db: Database, key: WorkspaceKey, { from, to }: Stretch): Promise<InstanceCount[]> {
  const fromId = await findFirstIdSince(db, from);
  const { projectId, workspaceId } = key;
  const plannedTo = new Date(to.getTime() - 1);
  const { total } = await countInstancesOf(db, { ...key, fromId, plannedFrom: from, plannedTo });
  const within = `i.project_id = $1 and i.workspace_id = $2 and i.id >= $3 and i.planned_at >= $4 and i.planned_at <= $5
    and exists (select from job j where j.project_id = i.project_id and j.id = i.job_id)`;
  // Each in words that a partial index is about.
  const others = await query<InstanceCount>(
    db,
    "count-unusual-instances-by-state",
    `select state, force_success as "forceSuccess", ignore_success as "ignoreSuccess", count(*) as count
     from (
       select i.state, i.force_success, i.ignore_success from instance i
       where ${within} and i.state <> 'running' and i.state <> 'succeeded'
       union all
       select i.state, i.force_success, i.ignore_success from instance i
       where ${within} and i.state = 'running' and i.ended_at is null
       union all
       select i.state, i.force_success, i.ignore_success from instance i
       where ${within} and i.state = 'succeeded' and (i.force_success or i.ignore_success)
     ) others
     group by 1, 2, 3`,
    [projectId, workspaceId, fromId, from, plannedTo],
  );
  const count = total - others.reduce((sum, each) => sum + each.count, 0);
  const plain = { state: "succeeded", forceSuccess: false, ignoreSuccess: false } as const;
  return count > 0 ? [...others, { ...plain, count }] : others;
}

async function countOwned(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { from, to, owner }: Stretch & { readonly owner: string },
): Promise<InstanceCount[]> {
  return await query<InstanceCount>(
    db,
    "count-owned-instances-by-state",
    `select i.state, i.force_success as "forceSuccess", i.ignore_success as "ignoreSuccess", count(*) as count
     from instance i join job j on j.project_id = i.project_id and j.id = i.job_id
     where i.project_id = $1 and i.workspace_id = $2 and i.id >= $3 and i.planned_at >= $4 and i.planned_at < $5
       and coalesce(nullif(j.owner, ''), j.created_by) = $6
     group by 1, 2, 3`,
    [projectId, workspaceId, await findFirstIdSince(db, from), from, to, owner],
  );
}

/** How long before the stretch an instance may have been made whose nodes are counted. */
const INSTANCE_AGE_MAX_MS = 31 * 86_400_000;

/** Nodes that succeeded in one step of the stretch, of jobs that are still there. */
export interface SuccessCount {
  /** Steps since the stretch's beginning. */
  readonly step: number;
  readonly count: number;
}

/** By steps of `stepMs`; steps without any are left out. */
export async function countSuccesses(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { from, to, stepMs }: Stretch & { readonly stepMs: number },
): Promise<SuccessCount[]> {
  return await query<SuccessCount>(
    db,
    "count-successes",
    `select ${STEP} as step, count(*) as count ${SUCCESSES} group by 1`,
    [projectId, workspaceId, await firstIdOf(db, from), from, to, stepMs],
  );
}

/** Of one node of a job's version; `nodeNo` is its place in topological order. */
interface NodeSuccessCount extends SuccessCount {
  readonly jobId: number;
  readonly jobVersion: number;
  readonly nodeNo: number;
}

/** As `countSuccesses`, node by node of the versions that have a node of one of the types at all. */
export async function countNodeSuccesses(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { from, to, stepMs, types }: Stretch & { readonly stepMs: number; readonly types: readonly string[] },
): Promise<NodeSuccessCount[]> {
  return await query<NodeSuccessCount>(
    db,
    "count-node-successes",
    `select ${STEP} as step, i.job_id as "jobId", i.job_version as "jobVersion", n.node_no as "nodeNo", count(*) as count
     ${SUCCESSES}
       and exists (
         select from job_version v, jsonb_array_elements(v.definition -> 'nodes') as node (document)
         where v.project_id = i.project_id and v.job_id = i.job_id and v.version = i.job_version
           and node.document ->> 'type' = any ($7)
       )
     group by 1, 2, 3, 4`,
    [projectId, workspaceId, await firstIdOf(db, from), from, to, stepMs, types],
  );
}

const STEP = "floor(extract(epoch from n.ended_at - $4::timestamptz) * 1000 / $6)::integer";
const SUCCESSES = `from instance i
  join job j on j.project_id = i.project_id and j.id = i.job_id
  join node_run n on n.project_id = i.project_id and n.instance_id = i.id
  where i.project_id = $1 and i.workspace_id = $2 and i.id >= $3 and (i.ended_at is null or i.ended_at >= $4)
    and n.instance_id >= $3 and n.state = 'succeeded' and n.ended_at >= $4 and n.ended_at < $5`;

async function firstIdOf(db: Database, from: Date): Promise<number> {
  return await findFirstIdSince(db, new Date(from.getTime() - INSTANCE_AGE_MAX_MS));
}
