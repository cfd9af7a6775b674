/** Node runs: the fused step that settles and claims, and what a server's running ones are. */
import type { QueryArrayConfig } from "pg";
import type { Lane } from "../domain/instance.ts";
import type { NodeRunState } from "../domain/states.ts";
import { type Database, query } from "./database.ts";
import { hasCode } from "./file-system.ts";

/** A node run in the hands of a server: only who knows the fence can settle it. */
export interface Claim {
  readonly projectId: string;
  readonly instanceId: number;
  readonly nodeNo: number;
  readonly fence: number;
  /** Of all tries, reruns included; from 1. */
  readonly attempt: number;
  /** Tries since the instance (re)started that failed. */
  readonly tries: number;
  /** Tries since then that were lost with their server. */
  readonly losses: number;
  readonly lane: Lane;
}

/** A claim whose work was done. */
export interface PlainSuccess {
  readonly claim: Claim;
  readonly exitCode?: number;
  readonly message?: string;
  readonly output?: string;
}

export interface StepRequest {
  readonly now: Date;
  readonly serverId: string;
  /** For what this call claims: random, at most 2^53 - 1, never used before. */
  readonly fence: number;
  readonly successes: readonly PlainSuccess[];
  /** How many node runs of each lane to claim; lanes without capacity are left out. */
  readonly wants: readonly { readonly lane: Lane; readonly want: number }[];
  /** What projects have of this server's slots; those that are not named have none. */
  readonly used: readonly UsedSlots[];
  /** Nothing that became ready earlier is claimed; without it, all that is ready may be. */
  readonly since?: Date | undefined;
}

export interface UsedSlots {
  readonly lane: Lane;
  readonly projectId: string;
  readonly slots: number;
}

export interface StepReply {
  readonly claims: readonly Claim[];
  /** Instances that ended. */
  readonly ended: readonly { readonly projectId: string; readonly instanceId: number }[];
  /** Successes that came too late: their attempt had been taken away, and nothing was written. */
  readonly late: readonly PlainSuccess[];
  /** Successes in instances that are not plainly running: nothing was written, the model has to decide. */
  readonly slow: readonly PlainSuccess[];
  /** Node runs that became ready in this call, those that it claimed included; only known when any row was given. */
  readonly ready: number;
  /** There may be more to claim than this call looked at. */
  readonly more: boolean;
  /** Another was just claiming for a project with limits: what that left over is to be had in a moment. */
  readonly busy: boolean;
  /** A limit has a free slot again that this call did not take, and others wait for it. */
  readonly freed: boolean;
}

type StepRow = readonly [
  kind: "claimed" | "more" | "busy" | "freed" | "ended" | "late" | "slow",
  projectId: string,
  instanceId: number,
  nodeNo: number | null,
  attempt: number | null,
  tries: number | null,
  losses: number | null,
  place: number | null,
  ready: number,
  lane: Lane,
];

const STEP_ATTEMPTS_MAX = 5;

/**
 * Settles successes and claims node runs: one round trip, one commit (migrations/0044-ready-since.sql). A server that is not in
 * the register claims nothing. Not for use within a transaction: it is done again where the database ended it because of
 * others that ran at the same time.
 */
export async function step(db: Database, request: StepRequest): Promise<StepReply> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await stepOnce(db, request);
    } catch (error) {
      if (attempt >= STEP_ATTEMPTS_MAX || !hasCode(error, COLLISIONS)) throw error;
    }
  }
}

/** Serialization failure and deadlock: nothing of it was done. */
const COLLISIONS = ["40001", "40P01"];

async function stepOnce(db: Database, request: StepRequest): Promise<StepReply> {
  const { successes, wants, used } = request;
  const statement: QueryArrayConfig = {
    name: "step",
    text: "select * from step($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    values: [
      request.now,
      request.serverId,
      request.fence,
      successes.map(({ claim }) => claim.projectId),
      successes.map(({ claim }) => claim.instanceId),
      successes.map(({ claim }) => claim.nodeNo),
      successes.map(({ claim }) => claim.fence),
      successes.map(({ exitCode }) => exitCode ?? null),
      successes.map(({ message }) => message ?? null),
      successes.map(({ output }) => output ?? null),
      wants.map(({ lane }) => lane),
      wants.map(({ want }) => want),
      used.map(({ lane }) => lane),
      used.map(({ projectId }) => projectId),
      used.map(({ slots }) => slots),
      request.since ?? "-infinity",
    ],
    rowMode: "array",
  };
  const { rows } = await db.query<StepRow>(statement);
  return readStep(rows, request);
}

function readStep(rows: readonly StepRow[], { fence, successes }: StepRequest): StepReply {
  const given = (kind: "late" | "slow") =>
    rows.flatMap((row) => (row[0] === kind ? (successes[(row[7] ?? 0) - 1] ?? []) : []));
  return {
    claims: rows.flatMap((row) => (row[0] === "claimed" ? claimOf(row, fence) : [])),
    ended: rows.flatMap(([kind, projectId, instanceId]) =>
      kind === "ended" ? { projectId, instanceId } : [],
    ),
    late: given("late"),
    slow: given("slow"),
    ready: rows[0]?.[8] ?? 0,
    more: rows.some(([kind]) => kind === "more"),
    busy: rows.some(([kind]) => kind === "busy"),
    freed: rows.some(([kind]) => kind === "freed"),
  };
}

function claimOf(
  [, projectId, instanceId, nodeNo, attempt, tries, losses, , , lane]: StepRow,
  fence: number,
): Claim {
  return {
    projectId,
    instanceId,
    nodeNo: nodeNo ?? 0,
    fence,
    attempt: attempt ?? 1,
    tries: tries ?? 0,
    losses: losses ?? 0,
    lane,
  };
}

/** What a call of `step` claimed whose answer was lost on the way. */
export async function listClaims(db: Database, serverId: string, fence: number): Promise<Claim[]> {
  return await query<Claim>(
    db,
    "list-claims",
    `select project_id as "projectId", instance_id as "instanceId", node_no as "nodeNo", fence, attempt, tries, losses, lane
     from node_run where server_id = $1 and state = 'running' and fence = $2`,
    [serverId, fence],
  );
}

/** Which of a server's running node runs belong to instances that are to end. */
export async function listToStop(
  db: Database,
  serverId: string,
): Promise<
  {
    readonly projectId: string;
    readonly instanceId: number;
    readonly nodeNo: number;
    readonly fence: number;
  }[]
> {
  return await query(
    db,
    "list-to-stop",
    `select n.project_id as "projectId", n.instance_id as "instanceId", n.node_no as "nodeNo", n.fence
     from node_run n join instance i on i.project_id = n.project_id and i.id = n.instance_id
     where n.server_id = $1 and n.state = 'running' and i.state in ('stopping', 'failing')`,
    [serverId],
  );
}

/** What became of a node's last attempt. */
export interface NodeResult {
  readonly nodeNo: number;
  readonly state: NodeRunState;
  readonly attempt: number;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly exitCode: number | null;
  readonly message: string | null;
  /** Null where it was not asked for, too. */
  readonly output: string | null;
}

/** By `nodeNo`: results of all of an instance's nodes, with the outputs of those at `outputsOf`, of all where absent. */
export async function listResults(
  db: Database,
  {
    projectId,
    instanceId,
    outputsOf,
  }: { readonly projectId: string; readonly instanceId: number; readonly outputsOf?: readonly number[] },
): Promise<NodeResult[]> {
  return await query<NodeResult>(
    db,
    "list-results",
    `select node_no as "nodeNo", state, attempt, started_at as "startedAt", ended_at as "endedAt",
       exit_code as "exitCode", message,
       case when $3::smallint[] is null or node_no = any ($3::smallint[]) then output end as output
     from node_run where project_id = $1 and instance_id = $2 order by node_no`,
    [projectId, instanceId, outputsOf ?? null],
  );
}

/** Numbers of the nodes of an instance that were skipped. */
export async function listSkipped(db: Database, projectId: string, instanceId: number): Promise<number[]> {
  const rows = await query<{ readonly nodeNo: number }>(
    db,
    "list-skipped",
    `select node_no as "nodeNo" from node_run where project_id = $1 and instance_id = $2 and state = 'skipped'`,
    [projectId, instanceId],
  );
  return rows.map(({ nodeNo }) => nodeNo);
}

/** A node run of a server that is gone, put back or to be settled by the model. */
export interface LostAttempt {
  readonly projectId: string;
  readonly instanceId: number;
  readonly nodeNo: number;
  readonly fence: number;
  readonly attempt: number;
  /** Before this loss. */
  readonly losses: number;
  readonly lane: Lane;
}

/**
 * In a transaction: makes ready again what `serverId` was running in instances that run, counts the loss and writes
 * down the attempt; gives how many. What only follows work on a cluster is lost without being counted. Others that were lost `lossesMax` times already, and those of instances that are
 * suspended or ending, are left to the model (`listAttemptsOf`).
 */
export async function requeueLost(
  db: Database,
  serverId: string,
  now: Date,
  lossesMax: number,
): Promise<number> {
  await query(
    db,
    "requeue-lost-lock",
    `select from node_run where server_id = $1 and state = 'running'
     order by project_id, instance_id, node_no for update`,
    [serverId],
  );
  const rows = await query(
    db,
    "requeue-lost",
    `with lost as (
       select n.project_id, n.instance_id, n.node_no, n.attempt, n.started_at
       from node_run n join instance i on i.project_id = n.project_id and i.id = n.instance_id
       where n.server_id = $1 and n.state = 'running' and (n.losses < $3 or n.lane = 'remote') and i.state = 'running'
     ), written as (
       insert into attempt (project_id, instance_id, node_no, attempt, outcome, started_at, ended_at, message)
       select project_id, instance_id, node_no, attempt, 'lost', started_at, greatest(started_at, $2::timestamptz),
         'the server that ran it was lost'
       from lost
     )
     update node_run n set state = 'ready', ready_at = greatest(n.ready_at, $2::timestamptz), fence = null,
       losses = n.losses + case when n.lane = 'remote' then 0 else 1 end
     from lost l
     where n.project_id = l.project_id and n.instance_id = l.instance_id and n.node_no = l.node_no
     returning n.node_no`,
    [serverId, now, lossesMax],
  );
  return rows.length;
}

/** What `serverId` is running, by key. */
export async function listAttemptsOf(db: Database, serverId: string): Promise<LostAttempt[]> {
  return await query<LostAttempt>(
    db,
    "list-attempts-of",
    `select project_id as "projectId", instance_id as "instanceId", node_no as "nodeNo", fence, attempt, losses, lane
     from node_run where server_id = $1 and state = 'running' order by project_id, instance_id, node_no`,
    [serverId],
  );
}
