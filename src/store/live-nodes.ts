/** Node runs that are kept alive: since when they are up, what follows them, and how often they were begun again. */
import type { Restarts } from "../domain/kept-alive.ts";
import type { NodeRunState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";
import type { Claim } from "./node-runs.ts";

export interface LiveNode extends Restarts {
  /** The nodes behind it were told that it is up. */
  readonly told: boolean;
}

type NodeKey = Pick<Claim, "projectId" | "instanceId" | "nodeNo">;

/** In a transaction that holds the instance. */
export async function findLiveNode(db: Database, key: NodeKey): Promise<LiveNode | undefined> {
  const rows = await query<LiveNode>(
    db,
    "find-live-node",
    `select tries, window_at as "windowAt", coalesce(window_restarts, 0) as "inWindow", coalesce(told, false) as told
     from node_run where project_id = $1 and instance_id = $2 and node_no = $3`,
    [key.projectId, key.instanceId, key.nodeNo],
  );
  return rows[0];
}

/** In a transaction that holds the instance, which runs: the claimed node is up. Losses before count no more. */
export async function markUp(db: Database, key: NodeKey, now: Date): Promise<void> {
  await execute(
    db,
    "mark-up",
    `update node_run set up_at = $4, losses = 0 where project_id = $1 and instance_id = $2 and node_no = $3`,
    [key.projectId, key.instanceId, key.nodeNo, now],
  );
}

/** In a transaction that holds the instance, which runs: nodes that waited for this one alone begin. Gives how many. */
export async function tellSuccessors(db: Database, key: NodeKey, now: Date): Promise<number> {
  const rows = await query<{ readonly state: string }>(
    db,
    "tell-successors",
    `with one as (
       update node_run set told = true where project_id = $1 and instance_id = $2 and node_no = $3
       returning successors
     )
     update node_run n
     set need = n.need - 1, live = true, state = case when n.need = 1 then 'ready' else 'waiting' end,
       ready_at = case when n.need = 1 then greatest(n.after_at, $4::timestamptz) else n.ready_at end
     from one
     where n.project_id = $1 and n.instance_id = $2 and n.node_no = any (one.successors) and n.state = 'waiting'
     returning n.state`,
    [key.projectId, key.instanceId, key.nodeNo, now],
  );
  return rows.filter(({ state }) => state === "ready").length;
}

/** In a transaction that holds the instance: takes back what `tellSuccessors` told those that wait for others still. */
export async function untellSuccessors(db: Database, key: NodeKey): Promise<void> {
  await execute(
    db,
    "untell-successors",
    `with one as (
       update node_run set told = null where project_id = $1 and instance_id = $2 and node_no = $3
       returning successors
     )
     update node_run n set need = n.need + 1 from one
     where n.project_id = $1 and n.instance_id = $2 and n.node_no = any (one.successors) and n.state = 'waiting'`,
    [key.projectId, key.instanceId, key.nodeNo],
  );
}

/** In a transaction that holds the instance. */
export async function saveRestarts(
  db: Database,
  key: NodeKey,
  { windowAt, inWindow }: Pick<Restarts, "windowAt" | "inWindow">,
): Promise<void> {
  await execute(
    db,
    "save-restarts",
    `update node_run set window_at = $4, window_restarts = $5
     where project_id = $1 and instance_id = $2 and node_no = $3`,
    [key.projectId, key.instanceId, key.nodeNo, windowAt, inWindow],
  );
}

/** Lets a node be tried at once that waits for its next try or is held, its restarts counted anew; false for others. */
export async function tryNow(db: Database, key: NodeKey, now: Date): Promise<boolean> {
  const tried = await execute(
    db,
    "try-now",
    `update node_run set ready_at = $4, tries = 0, window_at = null, window_restarts = null
     where project_id = $1 and instance_id = $2 and node_no = $3 and state = 'ready' and ready_at > $4`,
    [key.projectId, key.instanceId, key.nodeNo, now],
  );
  return tried === 1;
}

export interface StreamInstance {
  readonly instanceId: number;
  readonly jobVersion: number;
  readonly startedAt: Date | null;
}

/** The run of a real-time job in operation; undefined where it has none. */
export async function findStreamInstance(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<StreamInstance | undefined> {
  const rows = await query<StreamInstance>(
    db,
    "find-stream-instance",
    `select id as "instanceId", job_version as "jobVersion", started_at as "startedAt" from instance
     where project_id = $1 and job_id = $2 and origin = 'stream' and ended_at is null order by id desc limit 1`,
    [projectId, jobId],
  );
  return rows[0];
}

/** A node of a real-time job's run, as operators see it. */
export interface LiveNodeState extends LiveNode {
  readonly nodeNo: number;
  readonly state: NodeRunState;
  readonly attempt: number;
  readonly startedAt: Date | null;
  readonly upAt: Date | null;
  readonly readyAt: Date | null;
  readonly message: string | null;
  /** Of the server that runs it; null when none does. */
  readonly host: string | null;
}

/** By `nodeNo`. */
export async function listLiveNodes(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<LiveNodeState[]> {
  return await query<LiveNodeState>(
    db,
    "list-live-nodes",
    `select n.node_no as "nodeNo", n.state, n.attempt, n.tries, n.started_at as "startedAt", n.up_at as "upAt",
       n.ready_at as "readyAt", n.window_at as "windowAt", coalesce(n.window_restarts, 0) as "inWindow",
       coalesce(n.told, false) as told, coalesce(n.message, a.message) as message,
       case when n.state = 'running' then s.host end as host
     from node_run n
     left join server s on s.id = n.server_id
     left join lateral (
       select message from attempt a
       where a.project_id = n.project_id and a.instance_id = n.instance_id and a.node_no = n.node_no
       order by a.attempt desc limit 1
     ) a on true
     where n.project_id = $1 and n.instance_id = $2 order by n.node_no`,
    [projectId, instanceId],
  );
}
