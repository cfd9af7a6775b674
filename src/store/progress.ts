/** The whole state of one instance, locked, for the model to move on; and the model's answer written back. */

import type { InstanceOrigin } from "../domain/instance.ts";
import { leftSinks, nodeEnded, type Progress } from "../domain/progress.ts";
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
  readonly createdAt: Date;
  /** When its time is over, in its present state. */
  readonly timesOutAt: Date | null;
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
  readonly endedAt: Date | null;
  /** Whether it takes slots of limits while it runs. */
  readonly limited: boolean;
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
  readonly held: boolean;
  readonly passed: boolean;
  readonly successors: readonly number[];
  readonly attempt: number;
  readonly tries: number;
  readonly losses: number;
  readonly fence: number | null;
  readonly server_id: string | null;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly limited: boolean;
}

interface InstanceRow {
  readonly job_id: number | null;
  readonly job_version: number | null;
  readonly origin: InstanceOrigin;
  readonly state: InstanceState;
  readonly failed_branch: boolean;
  readonly ignore_success: boolean;
  readonly force_success: boolean;
  readonly created_at: Date;
  readonly times_out_at: Date | null;
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
    `select node_no, state, need, live, held, passed, successors, attempt, tries, losses, fence, server_id, started_at,
       ended_at, limits is not null as limited
     from node_run where project_id = $1 and instance_id = $2 order by node_no for update`,
    [projectId, instanceId],
  );
  const [instance] = await query<InstanceRow>(
    db,
    "lock-instance",
    `select job_id, job_version, origin, state, failed_branch, ignore_success, force_success,
       created_at, times_out_at
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
    createdAt: instance.created_at,
    timesOutAt: instance.times_out_at,
    progress: {
      state: instance.state,
      failedBranch: instance.failed_branch,
      ignoreSuccess: instance.ignore_success,
      forceSuccess: instance.force_success,
      nodes: nodes.map(({ state, need, live, held, passed, successors }) => ({
        state,
        need,
        live,
        held,
        passed,
        successors,
      })),
    },
    nodes: nodes.map((row) => ({
      attempt: row.attempt,
      tries: row.tries,
      losses: row.losses,
      fence: row.fence,
      serverId: row.server_id,
      startedAt: row.started_at,
      endedAt: row.ended_at,
      limited: row.limited,
    })),
  };
}

export interface ProgressChange {
  readonly now: Date;
  readonly progress: Progress;
  readonly ends: readonly AttemptEnd[];
  /** Why the instance failed or is suspended; absent: as it was. Cleared when it goes on. */
  readonly errorMessage?: string;
}

/** Writes what differs between `locked` and the change, as of no earlier time than what is written already. */
export async function saveProgress(
  db: Database,
  locked: LockedInstance,
  given: ProgressChange,
): Promise<void> {
  const change = { ...given, now: notBefore(locked, given.now) };
  await insertAttempts(db, locked, change);
  await keepEndedAttempts(db, locked, change);
  await updateNodes(db, locked, change);
  await updateInstance(db, locked, change);
}

/** What others wrote may bear a later time than ours: their clock, or a call that was asked for later and came first. */
function notBefore({ createdAt, nodes }: LockedInstance, now: Date): Date {
  const times = nodes.flatMap(({ startedAt, endedAt }) => [startedAt, endedAt]);
  return [createdAt, ...times].reduce<Date>((latest, at) => (at !== null && at > latest ? at : latest), now);
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

/** The last try of a node that begins anew would be lost with its row's next try. */
async function keepEndedAttempts(
  db: Database,
  locked: LockedInstance,
  { progress }: ProgressChange,
): Promise<void> {
  const anew = progress.nodes.flatMap((_, nodeNo) => (beginsAnew(locked, progress, nodeNo) ? [nodeNo] : []));
  if (anew.length === 0) return;
  await execute(
    db,
    "keep-ended-attempts",
    `insert into attempt (project_id, instance_id, node_no, attempt, outcome, started_at, ended_at, exit_code, message)
     select project_id, instance_id, node_no, attempt, state,
       started_at, ended_at, exit_code, message
     from node_run
     where project_id = $1 and instance_id = $2 and node_no = any ($3::smallint[]) and started_at is not null
       and ended_at is not null
     on conflict do nothing`,
    [locked.projectId, locked.id, anew],
  );
}

/** Its counters and its result are cleared. */
function beginsAnew(locked: LockedInstance, progress: Progress, nodeNo: number): boolean {
  const was = locked.progress.nodes[nodeNo]?.state;
  const is = progress.nodes[nodeNo]?.state;
  return was !== undefined && is !== undefined && nodeEnded(was) && !nodeEnded(is);
}

async function updateNodes(db: Database, locked: LockedInstance, change: ProgressChange): Promise<void> {
  const changed = changedNodes(locked, change);
  if (changed.length === 0) return;
  await execute(
    db,
    "update-node-runs",
    `update node_run n
     set state = c.state, need = c.need, live = c.live, held = c.held, passed = c.passed,
       tries = c.tries, losses = c.losses,
       -- A claim after a rerun is thus never the first: who has the instance in memory reads it again (engine/worker.ts).
       attempt = case when c.fresh then greatest(n.attempt, 1) else n.attempt end,
       fence = case when c.state = 'running' then n.fence end,
       ready_at = case
         when c.state = 'ready' then coalesce(c.ready_at, case when not c.fresh then greatest(n.ready_at, $3::timestamptz) end, $3::timestamptz)
         else coalesce(c.ready_at, n.ready_at) end,
       after_at = case when c.need < n.need then greatest(n.after_at, $3::timestamptz) else n.after_at end,
       started_at = case when c.fresh then null else n.started_at end,
       ended_at = case
         when c.state not in ('succeeded', 'failed', 'skipped', 'cancelled') then null
         when c.state = n.state then n.ended_at
         else $3::timestamptz end,
       exit_code = case when c.fresh then null else coalesce(c.exit_code, n.exit_code) end,
       message = case when c.fresh then null else coalesce(c.message, n.message) end,
       output = case when c.fresh then null else coalesce(c.output, n.output) end,
       limits = case when not c.fresh then n.limits else (
         select limits_of(i.project_id, i.workspace_id, i.job_id, n.connection, n.lane) from instance i
         where i.project_id = $1 and i.id = $2
       ) end
     from unnest($4::smallint[], $5::text[], $6::smallint[], $7::boolean[], $8::boolean[], $9::boolean[],
         $10::smallint[], $11::smallint[], $12::boolean[], $13::timestamptz[], $14::integer[], $15::text[], $16::text[])
       as c (node_no, state, need, live, held, passed, tries, losses, fresh, ready_at, exit_code, message, output)
     where n.project_id = $1 and n.instance_id = $2 and n.node_no = c.node_no`,
    [
      locked.projectId,
      locked.id,
      change.now,
      changed.map(({ nodeNo }) => nodeNo),
      changed.map(({ node }) => node.state),
      changed.map(({ node }) => node.need),
      changed.map(({ node }) => node.live),
      changed.map(({ node }) => node.held),
      changed.map(({ node }) => node.passed),
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

/** What is to be written of each node that is not as it was. */
function changedNodes(locked: LockedInstance, { progress, ends }: ProgressChange) {
  const endOf = new Map(ends.map((end) => [end.nodeNo, end]));
  return progress.nodes.flatMap((node, nodeNo) => {
    const was = locked.progress.nodes[nodeNo];
    const end = endOf.get(nodeNo);
    const same =
      was?.state === node.state &&
      was.need === node.need &&
      was.live === node.live &&
      was.held === node.held &&
      was.passed === node.passed;
    if (same && end === undefined) return [];
    const fresh = beginsAnew(locked, progress, nodeNo);
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
}

async function updateInstance(db: Database, locked: LockedInstance, change: ProgressChange): Promise<void> {
  const { progress, now } = change;
  const was = locked.progress.state;
  const ended = INSTANCE_ENDED.includes(progress.state);
  const goesOn = progress.state === "running" && (was === "suspended" || INSTANCE_ENDED.includes(was));
  await execute(
    db,
    "update-instance-progress",
    `update instance
     set state = $3::text, left_sinks = $4, failed_branch = $5, ignore_success = $6, force_success = $7,
       started_at = case when $8::boolean then $10::timestamptz else started_at end,
       reruns = reruns + $13::integer,
       -- Whoever goes on after a hold or anew has the whole time again.
       times_out_at = case
         when state = $3::text then times_out_at
         when $3::text <> 'running' then null
         when state = 'waiting' and wait_counts then created_at + make_interval(secs => timeout_seconds)
         else $10::timestamptz + make_interval(secs => timeout_seconds) end,
       ended_at = case when not $9::boolean then null when state = $3::text then ended_at else $10::timestamptz end,
       error_message = case when $11::boolean then null else coalesce($12::text, error_message) end
     where project_id = $1 and id = $2`,
    [
      locked.projectId,
      locked.id,
      progress.state,
      leftSinks(progress.nodes),
      progress.failedBranch,
      progress.ignoreSuccess,
      progress.forceSuccess,
      begins(was, progress.state),
      ended,
      now,
      goesOn,
      change.errorMessage ?? null,
      INSTANCE_ENDED.includes(was) && !ended ? 1 : 0,
    ],
  );
}

/** Whether the instance's time of running counts from this move on. */
function begins(was: InstanceState, is: InstanceState): boolean {
  if (INSTANCE_ENDED.includes(was)) return is === "running";
  return was === "waiting" && is === "running";
}
