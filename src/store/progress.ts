/** The whole state of one instance, locked, for the model to move on; and the model's answer written back. */

import { type InstanceOrigin, leftSinks, nodeEnded, type Progress } from "../domain/instance.ts";
import {
  type AttemptOutcome,
  INSTANCE_ENDED,
  type InstanceState,
  type NodeRunState,
} from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";

export interface LockedInstance {
  readonly projectId: string;
  readonly id: number;
  readonly jobId: number | null;
  readonly jobVersion: number | null;
  readonly origin: InstanceOrigin;
  readonly progress: Progress;
  readonly nodes: readonly LockedNode[];
}

/** By `nodeNo`. */
export interface LockedNode {
  readonly attempt: number;
  readonly tries: number;
  readonly losses: number;
  readonly fence: number | null;
  readonly serverId: string | null;
  readonly startedAt: Date | null;
}

/** How one attempt ended, beside the state that the model gives its node. */
export interface AttemptEnd {
  readonly nodeNo: number;
  readonly exitCode?: number;
  readonly message?: string;
  readonly output?: string;
  /** The earliest time of the next try. */
  readonly readyAt?: Date;
  /** Written down as a try that did not settle the node. */
  readonly outcome?: AttemptOutcome;
  readonly triesAdded?: number;
  readonly lossesAdded?: number;
}

interface NodeRow {
  readonly node_no: number;
  readonly state: NodeRunState;
  readonly need: number;
  readonly live: boolean;
  readonly successors: readonly number[];
  readonly attempt: number;
  readonly tries: number;
  readonly losses: number;
  readonly fence: number | null;
  readonly server_id: string | null;
  readonly started_at: Date | null;
}

interface InstanceRow {
  readonly job_id: number | null;
  readonly job_version: number | null;
  readonly origin: InstanceOrigin;
  readonly state: InstanceState;
  readonly failed_branch: boolean;
  readonly ignore_success: boolean;
}

/** In a transaction: locks all node runs of the instance in order, then itself; undefined where there is none. */
export async function lockInstance(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<LockedInstance | undefined> {
  const nodes = await query<NodeRow>(
    db,
    "lock-node-runs",
    `select node_no, state, need, live, successors, attempt, tries, losses, fence, server_id, started_at
     from node_run where project_id = $1 and instance_id = $2 order by node_no for update`,
    [projectId, instanceId],
  );
  const [instance] = await query<InstanceRow>(
    db,
    "lock-instance",
    `select job_id, job_version, origin, state, failed_branch, ignore_success
     from instance where project_id = $1 and id = $2 for update`,
    [projectId, instanceId],
  );
  if (instance === undefined) return undefined;
  return {
    projectId,
    id: instanceId,
    jobId: instance.job_id,
    jobVersion: instance.job_version,
    origin: instance.origin,
    progress: {
      state: instance.state,
      failedBranch: instance.failed_branch,
      ignoreSuccess: instance.ignore_success,
      nodes: nodes.map(({ state, need, live, successors }) => ({ state, need, live, successors })),
    },
    nodes: nodes.map((row) => ({
      attempt: row.attempt,
      tries: row.tries,
      losses: row.losses,
      fence: row.fence,
      serverId: row.server_id,
      startedAt: row.started_at,
    })),
  };
}

export interface ProgressChange {
  readonly now: Date;
  readonly progress: Progress;
  readonly ends: readonly AttemptEnd[];
  /** Why the instance failed or is suspended; absent: as it was. Cleared by a restart. */
  readonly errorMessage?: string;
  /** Counters and results of nodes that begin anew are cleared. */
  readonly restarted?: boolean;
}

/** Writes what differs between `locked` and the change. */
export async function saveProgress(
  db: Database,
  locked: LockedInstance,
  change: ProgressChange,
): Promise<void> {
  await insertAttempts(db, locked, change);
  await updateNodes(db, locked, change);
  await updateInstance(db, locked, change);
}

async function insertAttempts(
  db: Database,
  locked: LockedInstance,
  { ends, now }: ProgressChange,
): Promise<void> {
  const unsettled = ends.filter((end) => end.outcome !== undefined);
  if (unsettled.length === 0) return;
  await execute(
    db,
    "insert-attempts",
    `insert into attempt (project_id, instance_id, node_no, attempt, outcome, started_at, ended_at, exit_code, message)
     select $1, $2, a.node_no, a.attempt, a.outcome, coalesce(a.started_at, $3::timestamptz), $3::timestamptz, a.exit_code, a.message
     from unnest($4::smallint[], $5::integer[], $6::text[], $7::timestamptz[], $8::integer[], $9::text[])
       as a (node_no, attempt, outcome, started_at, exit_code, message)`,
    [
      locked.projectId,
      locked.id,
      now,
      unsettled.map(({ nodeNo }) => nodeNo),
      unsettled.map(({ nodeNo }) => locked.nodes[nodeNo]?.attempt ?? 0),
      unsettled.map(({ outcome }) => outcome),
      unsettled.map(({ nodeNo }) => locked.nodes[nodeNo]?.startedAt ?? null),
      unsettled.map(({ exitCode }) => exitCode ?? null),
      unsettled.map(({ message }) => message ?? null),
    ],
  );
}

async function updateNodes(db: Database, locked: LockedInstance, change: ProgressChange): Promise<void> {
  const { progress, ends, now, restarted = false } = change;
  const endOf = new Map(ends.map((end) => [end.nodeNo, end]));
  const changed = progress.nodes.flatMap((node, nodeNo) => {
    const was = locked.progress.nodes[nodeNo];
    const same = was?.state === node.state && was.need === node.need && was.live === node.live;
    if (same && !endOf.has(nodeNo)) return [];
    const fresh = restarted && was?.state !== node.state && !nodeEnded(node.state);
    const end = endOf.get(nodeNo);
    const { tries = 0, losses = 0 } = fresh ? {} : (locked.nodes[nodeNo] ?? {});
    return [
      {
        nodeNo,
        node,
        fresh,
        end,
        tries: tries + (end?.triesAdded ?? 0),
        losses: losses + (end?.lossesAdded ?? 0),
      },
    ];
  });
  if (changed.length === 0) return;
  await execute(
    db,
    "update-node-runs",
    `update node_run n
     set state = c.state, need = c.need, live = c.live, tries = c.tries, losses = c.losses,
       fence = case when c.state = 'running' then n.fence end,
       ready_at = case when c.state = 'ready' then coalesce(c.ready_at, $3::timestamptz) else n.ready_at end,
       started_at = case when c.fresh then null else n.started_at end,
       ended_at = case when c.state in ('succeeded', 'failed', 'skipped', 'cancelled') then $3::timestamptz end,
       exit_code = case when c.fresh then null else coalesce(c.exit_code, n.exit_code) end,
       message = case when c.fresh then null else coalesce(c.message, n.message) end,
       output = case when c.fresh then null else coalesce(c.output, n.output) end
     from unnest($4::smallint[], $5::text[], $6::smallint[], $7::boolean[], $8::smallint[], $9::smallint[],
         $10::boolean[], $11::timestamptz[], $12::integer[], $13::text[], $14::text[])
       as c (node_no, state, need, live, tries, losses, fresh, ready_at, exit_code, message, output)
     where n.project_id = $1 and n.instance_id = $2 and n.node_no = c.node_no`,
    [
      locked.projectId,
      locked.id,
      now,
      changed.map(({ nodeNo }) => nodeNo),
      changed.map(({ node }) => node.state),
      changed.map(({ node }) => node.need),
      changed.map(({ node }) => node.live),
      changed.map(({ tries }) => tries),
      changed.map(({ losses }) => losses),
      changed.map(({ fresh }) => fresh),
      changed.map(({ end }) => end?.readyAt ?? null),
      changed.map(({ end }) => end?.exitCode ?? null),
      changed.map(({ end }) => end?.message ?? null),
      changed.map(({ end }) => end?.output ?? null),
    ],
  );
}

async function updateInstance(db: Database, locked: LockedInstance, change: ProgressChange): Promise<void> {
  const { progress, now, restarted = false } = change;
  await execute(
    db,
    "update-instance-progress",
    `update instance
     set state = $3::text, left_sinks = $4, failed_branch = $5, ignore_success = $6,
       started_at = case when $9::boolean or state = 'waiting' and $3::text <> 'waiting' and $3::text <> 'stopped' then $8::timestamptz else started_at end,
       ended_at = case when not $7::boolean then null when ended_at is null then $8::timestamptz else ended_at end,
       error_message = case when $9::boolean then null else coalesce($10::text, error_message) end
     where project_id = $1 and id = $2`,
    [
      locked.projectId,
      locked.id,
      progress.state,
      leftSinks(progress.nodes),
      progress.failedBranch,
      progress.ignoreSuccess,
      INSTANCE_ENDED.includes(progress.state),
      now,
      restarted,
      change.errorMessage ?? null,
    ],
  );
}
