/** What a rerun rewrites of an instance: its parameters, and its node runs for another version of the job. */
import { type Database, execute } from "./database.ts";
import type { NewNodeRun } from "./instances.ts";
import type { LockedInstance } from "./progress.ts";

/** In a transaction that holds the instance: these values win over those that it has; others stay. */
export async function changeParameters(
  db: Database,
  { projectId, id }: LockedInstance,
  parameters: Readonly<Record<string, string>>,
): Promise<void> {
  await execute(
    db,
    "change-parameters",
    "update instance set parameters = parameters || $3::jsonb where project_id = $1 and id = $2",
    [projectId, id, JSON.stringify(parameters)],
  );
}

export interface VersionChange {
  readonly version: number;
  readonly priority: number;
  /** How long it may run; as long as it takes where absent. */
  readonly timeoutSeconds: number | undefined;
  /** By `nodeNo`. `was`: the number that the node had before; its state and its result stay. */
  readonly nodes: readonly (NewNodeRun & { readonly was?: number })[];
}

/** Numbers of nodes are below: the old ones are moved out of the way by it. */
const ASIDE = 10_000;

/**
 * In a transaction that holds the instance, of which nothing runs: writes its node runs as another version has them,
 * to be moved on by a rerun. Logs and earlier tries are kept by a node's number: where that changes they are given up,
 * and further tries are counted on from the last of all, so that they never meet an old one's.
 */
export async function changeVersion(
  db: Database,
  { projectId, id, nodes: old }: LockedInstance,
  { version, priority, timeoutSeconds, nodes }: VersionChange,
): Promise<void> {
  const key = [projectId, id];
  const nextAttempt = 1 + Math.max(0, ...old.map(({ attempt }) => attempt));
  const unmoved = nodes.flatMap(({ was }, nodeNo) => (was === nodeNo ? [nodeNo] : []));
  await execute(
    db,
    "change-version-instance",
    `update instance set job_version = $3, priority = $4, node_count = $5, timeout_seconds = $6
     where project_id = $1 and id = $2`,
    [...key, version, priority, nodes.length, timeoutSeconds ?? null],
  );
  await execute(
    db,
    "change-version-attempts",
    "delete from attempt where project_id = $1 and instance_id = $2 and node_no <> all ($3::smallint[])",
    [...key, unmoved],
  );
  await execute(
    db,
    "change-version-aside",
    `update node_run set node_no = node_no + ${ASIDE} where project_id = $1 and instance_id = $2`,
    key,
  );
  await execute(
    db,
    "change-version-node-runs",
    `insert into node_run (project_id, instance_id, node_no, state, lane, need, live, successors, priority, connection,
       limits, passed, attempt, started_at, ended_at, exit_code, message, output)
     select i.project_id, i.id, n.node_no, coalesce(o.state, 'waiting'), n.lane, n.need, coalesce(o.live, false),
       n.successors::smallint[], $4 + case when i.background then 3 else 0 end, n.connection,
       limits_of(i.project_id, i.workspace_id, i.job_id, n.connection, n.lane), coalesce(o.passed, false),
       case when n.was = n.node_no then o.attempt else $5 end,
       o.started_at, o.ended_at, o.exit_code, o.message, o.output
     from unnest($3::smallint[], $6::text[], $7::smallint[], $8::text[], $9::text[], $10::smallint[])
       as n (node_no, lane, need, successors, connection, was)
     join instance i on i.project_id = $1 and i.id = $2
     left join node_run o on o.project_id = $1 and o.instance_id = $2 and o.node_no = n.was + ${ASIDE}`,
    [
      ...key,
      nodes.map((_, nodeNo) => nodeNo),
      priority,
      nextAttempt,
      nodes.map(({ lane }) => lane),
      nodes.map(({ need }) => need),
      nodes.map(({ successors }) => `{${successors.join(",")}}`),
      nodes.map(({ connection }) => connection ?? null),
      nodes.map(({ was }) => was ?? null),
    ],
  );
  await execute(
    db,
    "change-version-old",
    `delete from node_run where project_id = $1 and instance_id = $2 and node_no >= ${ASIDE}`,
    key,
  );
}
