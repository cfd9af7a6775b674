/** The child_instance table: instances that nodes of other instances began, each place of a round once. */
import type { InstanceState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";
import type { Claim } from "./node-runs.ts";

/** A node's run of another job, or of work on a cluster. Attempts that go on where one was lost share its round. */
export interface RoundKey {
  readonly projectId: string;
  readonly parentId: number;
  readonly nodeNo: number;
  readonly round: number;
}

export interface ChildRow {
  readonly place: number;
  readonly instanceId: number;
}

export interface EndedChildRow extends ChildRow {
  readonly state: InstanceState;
  /** Why the instance failed. */
  readonly message: string | null;
}

/**
 * The round that an attempt belongs to: that of the first of the attempts right before it which were lost with their
 * server or handed on, unless that round is closed.
 */
export async function findRound(db: Database, claim: Claim): Promise<RoundKey> {
  const { projectId, instanceId: parentId, nodeNo, attempt } = claim;
  const rows = await query<{ readonly round: number }>(
    db,
    "find-round",
    `select greatest(coalesce(max(n), 0), (
       select coalesce(max(c.round), 0) from child_instance c
       where c.project_id = $1 and c.parent_id = $2 and c.node_no = $3 and c.closed
     ), (
       select coalesce(max(s.round), 0) from submission s
       where s.project_id = $1 and s.instance_id = $2 and s.node_no = $3 and s.closed
     )) + 1 as round
     from generate_series(1, $4::integer - 1) n
     where not exists (
       select from attempt a
       where a.project_id = $1 and a.instance_id = $2 and a.node_no = $3 and a.attempt = n
         and a.outcome in ('lost', 'stopped')
     )`,
    [projectId, parentId, nodeNo, attempt],
  );
  return { projectId, parentId, nodeNo, round: rows[0]?.round ?? attempt };
}

/** All of a round, by place. */
export async function listChildren(db: Database, key: RoundKey): Promise<ChildRow[]> {
  return await query<ChildRow>(
    db,
    "list-children",
    `select place, instance_id as "instanceId" from child_instance
     where project_id = $1 and parent_id = $2 and node_no = $3 and round = $4 order by place`,
    valuesOf(key),
  );
}

/**
 * In a transaction: the state of the claim's instance where the claim still holds and the instance goes on; both do until
 * the transaction ends, because whoever moves an instance locks its node runs.
 */
export async function holdClaim(db: Database, claim: Claim): Promise<InstanceState | undefined> {
  const { projectId, instanceId, nodeNo, fence } = claim;
  const held = await query(
    db,
    "hold-claim",
    `select from node_run
     where project_id = $1 and instance_id = $2 and node_no = $3 and state = 'running' and fence = $4 for no key update`,
    [projectId, instanceId, nodeNo, fence],
  );
  if (held.length === 0) return undefined;
  // Under the lock: what was read with it may have been older than the wait for it.
  const rows = await query<{ readonly state: InstanceState }>(
    db,
    "find-state-of-claim",
    `select state from instance where project_id = $1 and id = $2 and state not in ('stopping', 'failing')`,
    [projectId, instanceId],
  );
  return rows[0]?.state;
}

export async function insertChildren(
  db: Database,
  key: RoundKey,
  children: readonly ChildRow[],
): Promise<void> {
  await execute(
    db,
    "insert-children",
    `insert into child_instance (project_id, parent_id, node_no, round, place, instance_id)
     select $1, $2, $3, $4, c.place, c.instance_id from unnest($5::integer[], $6::bigint[]) as c (place, instance_id)`,
    [...valuesOf(key), children.map(({ place }) => place), children.map(({ instanceId }) => instanceId)],
  );
}

/** Those at the places that have ended. */
export async function listEndedChildren(
  db: Database,
  key: RoundKey,
  places: readonly number[],
): Promise<EndedChildRow[]> {
  return await query<EndedChildRow>(
    db,
    "list-ended-children",
    `select c.place, c.instance_id as "instanceId", c.state, i.error_message as message
     from child_instance c left join instance i on i.project_id = c.project_id and i.id = c.instance_id
     where c.project_id = $1 and c.parent_id = $2 and c.node_no = $3 and c.round = $4
       and c.place = any ($5::integer[]) and c.state is not null
     order by c.place`,
    [...valuesOf(key), places],
  );
}

/** Instances of a node that have not ended: of the round, or of all before it. */
export async function listUnendedChildren(
  db: Database,
  { projectId, parentId, nodeNo, round }: RoundKey,
  which: "this" | "earlier",
): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-unended-children",
    `select instance_id as id from child_instance
     where project_id = $1 and parent_id = $2 and node_no = $3 and state is null
       and case when $5::boolean then round = $4 else round < $4 end
     order by instance_id`,
    [projectId, parentId, nodeNo, round, which === "this"],
  );
  return rows.map(({ id }) => id);
}

/** Instances that nodes of an instance began and that have not ended, and whether its pause has paused them. */
export async function listUnendedOf(
  db: Database,
  projectId: string,
  parentId: number,
): Promise<{ readonly instanceId: number; readonly pausedWith: boolean }[]> {
  return await query(
    db,
    "list-unended-of",
    `select instance_id as "instanceId", paused_with as "pausedWith" from child_instance
     where project_id = $1 and parent_id = $2 and state is null order by instance_id`,
    [projectId, parentId],
  );
}

/** Writes whether the pause of those that began them has paused instances; for others than children it is nothing. */
export async function markPausedWith(
  db: Database,
  projectId: string,
  instanceIds: readonly number[],
  pausedWith: boolean,
): Promise<void> {
  await execute(
    db,
    "mark-paused-with",
    "update child_instance set paused_with = $3 where project_id = $1 and instance_id = any ($2) and paused_with <> $3",
    [projectId, instanceIds, pausedWith],
  );
}

/** Instances that go on although their node has ended, as happens when its server is lost while it is stopped. */
export async function listOrphans(
  db: Database,
  limit: number,
): Promise<{ readonly projectId: string; readonly instanceId: number }[]> {
  return await query(
    db,
    "list-orphans",
    `select c.project_id as "projectId", c.instance_id as "instanceId"
     from child_instance c
     left join node_run n on n.project_id = c.project_id and n.instance_id = c.parent_id and n.node_no = c.node_no
     where c.state is null and (n.state is null or n.state in ('succeeded', 'failed', 'skipped', 'cancelled'))
     limit $1`,
    [limit],
  );
}

/**
 * What the instances of a round left, by place, as far as it has room in `bytesMax`: the output of the last node
 * without successors that succeeded. Null where there is none.
 */
export async function listChildOutputs(
  db: Database,
  key: RoundKey,
  bytesMax: number,
): Promise<(string | null)[]> {
  const rows = await query<{ readonly output: string | null }>(
    db,
    "list-child-outputs",
    `select output from (
       select c.place, o.output,
         sum(coalesce(octet_length(o.output), 0)) over (order by c.place) as total
       from child_instance c left join lateral (
         select n.output from node_run n
         where n.project_id = c.project_id and n.instance_id = c.instance_id and n.successors = '{}'
           and n.state = 'succeeded' and n.output is not null
         order by n.node_no desc limit 1
       ) o on true
       where c.project_id = $1 and c.parent_id = $2 and c.node_no = $3 and c.round = $4
     ) sized
     where total <= $5 order by place`,
    [...valuesOf(key), bytesMax],
  );
  return rows.map(({ output }) => output);
}

function valuesOf({ projectId, parentId, nodeNo, round }: RoundKey): unknown[] {
  return [projectId, parentId, nodeNo, round];
}

/** An instance that a node began, with the state that it is in now. */
export interface ChildOfNode extends ChildRow {
  readonly nodeNo: number;
  readonly round: number;
  readonly state: InstanceState;
}

/** Instances that nodes of an instance began, in the order of their ids, from behind `after` on. */
export async function listChildInstances(
  db: Database,
  {
    projectId,
    parentId,
    after,
    limit,
  }: {
    readonly projectId: string;
    readonly parentId: number;
    readonly after: number;
    readonly limit: number;
  },
): Promise<ChildOfNode[]> {
  return await query<ChildOfNode>(
    db,
    "list-child-instances",
    `select c.instance_id as "instanceId", c.node_no as "nodeNo", c.round, c.place, i.state
     from child_instance c join instance i on i.project_id = c.project_id and i.id = c.instance_id
     where c.project_id = $1 and c.parent_id = $2 and c.instance_id > $3 order by c.instance_id limit $4`,
    [projectId, parentId, after, limit],
  );
}

/** The node that began an instance; undefined where none did. */
export async function findParent(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<(ChildRow & { readonly nodeNo: number }) | undefined> {
  const rows = await query<ChildRow & { readonly nodeNo: number }>(
    db,
    "find-parent",
    `select parent_id as "instanceId", node_no as "nodeNo", place from child_instance
     where project_id = $1 and instance_id = $2`,
    [projectId, instanceId],
  );
  return rows[0];
}
