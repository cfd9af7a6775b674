/** Instances: made in batches with their node runs, shown, and what the worker needs to know of them. */

import { strict as assert } from "node:assert";
import type { Instance, InstanceOrigin, Lane, NodeRun } from "../domain/instance.ts";
import type { JobDefinition } from "../domain/job.ts";
import { type Database, execute, query } from "./database.ts";
import type { EndAudience } from "./run-ends.ts";

export interface NewInstance {
  readonly projectId: string;
  readonly workspaceId: string;
  /** Absent for a definition without a job. */
  readonly jobId?: number;
  readonly jobVersion?: number;
  readonly jobName: string;
  readonly origin: InstanceOrigin;
  /** Whether it has to wait for others of its job; else its first nodes are ready at once. */
  readonly waits: boolean;
  /** Whether it is held until it is unfrozen, and waits then. */
  readonly frozen?: boolean;
  readonly background?: boolean;
  readonly priority: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly plannedAt: Date;
  /** Before it nothing of it begins, and it counts as made then; now where absent. */
  readonly beginsAt?: Date;
  readonly createdBy: string;
  /** Kept with the instance where there is no job whose version could be pinned. */
  readonly definition?: JobDefinition;
  /** How long it may run; as long as it takes where absent. */
  readonly timeoutSeconds?: number;
  /** Whether its time of waiting counts; it does where absent. */
  readonly waitCounts?: boolean;
  /** When its time is over, as it begins; never where absent. */
  readonly timesOutAt?: Date;
  /** Who is told when it has ended. */
  readonly endAudience?: EndAudience;
  /** By `nodeNo`; at least one. */
  readonly nodes: readonly NewNodeRun[];
}

export interface NewNodeRun {
  readonly lane: Lane;
  /** The name of its connection, where that needs no expression. */
  readonly connection?: string;
  readonly need: number;
  readonly successors: readonly number[];
}

/** Writes instances with their node runs in one statement and gives their ids in the same order. */
export async function insertInstances(
  db: Database,
  instances: readonly NewInstance[],
  now: Date,
): Promise<number[]> {
  const nodes = instances.flatMap((instance, index) =>
    instance.nodes.map((node, nodeNo) => ({ place: index + 1, nodeNo, node, instance })),
  );
  const rows = await query<{ readonly id: number }>(
    db,
    "insert-instances",
    `with given as materialized (
       select g.*, nextval('instance_id') as id,
         exists (select from slot_limit l where l.project_id = g.project_id) as limited,
         g.job_id is not null and exists (
           select from alarm_rule r where r.project_id = g.project_id and r.workspace_id = g.workspace_id
         ) as alarmed
       from unnest($2::uuid[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::text[],
           $9::smallint[], $10::jsonb[], $11::timestamptz[], $12::text[], $13::jsonb[], $14::integer[], $15::integer[],
           $21::boolean[], $22::text[], $24::integer[], $25::boolean[], $26::timestamptz[], $1::timestamptz[])
         with ordinality as g (project_id, workspace_id, job_id, job_version, job_name, origin, held,
           priority, parameters, planned_at, created_by, definition, node_count, sinks, background, end_audience,
           timeout_seconds, wait_counts, times_out_at, begins_at, place)
     ), made as (
       insert into instance (project_id, id, workspace_id, job_id, job_version, job_name, origin, state, left_sinks,
         node_count, priority, parameters, planned_at, created_at, created_by, started_at,
         background, end_audience, timeout_seconds, wait_counts, times_out_at, alarmed)
       select project_id, id, workspace_id, job_id, job_version, job_name, origin,
         coalesce(held, 'running'), sinks,
         node_count, priority, parameters, planned_at, begins_at, created_by, case when held is null then begins_at end,
         background, end_audience, timeout_seconds, wait_counts, times_out_at, alarmed
       from given
     ), definitions as (
       insert into instance_definition (project_id, instance_id, definition)
       select project_id, id, definition from given where definition is not null
     ), looks as (
       insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
       select 'dependants', project_id, job_id, planned_at, id, 'waiting' from given
       where held = 'waiting' and origin = 'schedule'
     ), runs as (
       insert into node_run (project_id, instance_id, node_no, state, lane, need, live, successors, priority, ready_at,
         connection, limits)
       select g.project_id, g.id, n.node_no, case when n.need = 0 and g.held is null then 'ready' else 'waiting' end,
         n.lane, n.need, n.need = 0, n.successors::smallint[],
         -- Behind the last priority of other work.
         g.priority + case when g.background then 3 else 0 end,
         case when n.need = 0 and g.held is null then g.begins_at end, n.connection,
         case when g.limited then limits_of(g.project_id, g.workspace_id, g.job_id, n.connection, n.lane) end
       from unnest($16::integer[], $17::smallint[], $18::text[], $19::smallint[], $20::text[], $23::text[])
         as n (place, node_no, lane, need, successors, connection)
       join given g using (place)
     )
     select id from given order by place`,
    [
      instances.map(({ beginsAt }) => beginsAt ?? now),
      instances.map(({ projectId }) => projectId),
      instances.map(({ workspaceId }) => workspaceId),
      instances.map(({ jobId }) => jobId ?? null),
      instances.map(({ jobVersion }) => jobVersion ?? null),
      instances.map(({ jobName }) => jobName),
      instances.map(({ origin }) => origin),
      instances.map(({ waits, frozen }) => (frozen === true ? "frozen" : waits ? "waiting" : null)),
      instances.map(({ priority }) => priority),
      instances.map(({ parameters }) => JSON.stringify(parameters)),
      instances.map(({ plannedAt }) => plannedAt),
      instances.map(({ createdBy }) => createdBy),
      instances.map(({ definition }) => (definition === undefined ? null : JSON.stringify(definition))),
      instances.map((instance) => instance.nodes.length),
      instances.map((instance) => instance.nodes.filter(({ successors }) => successors.length === 0).length),
      nodes.map(({ place }) => place),
      nodes.map(({ nodeNo }) => nodeNo),
      nodes.map(({ node }) => node.lane),
      nodes.map(({ node }) => node.need),
      nodes.map(({ node }) => `{${node.successors.join(",")}}`),
      instances.map(({ background }) => background ?? false),
      instances.map(({ endAudience }) => endAudience ?? null),
      nodes.map(({ node }) => node.connection ?? null),
      instances.map(({ timeoutSeconds }) => timeoutSeconds ?? null),
      instances.map(({ waitCounts }) => waitCounts ?? true),
      instances.map(({ timesOutAt }) => timesOutAt ?? null),
    ],
  );
  assert.equal(rows.length, instances.length);
  return rows.map(({ id }) => id);
}

/** Every member of an instance, from `instance i`. */
export const INSTANCE_COLUMNS = `i.project_id as "projectId", i.id, i.workspace_id as "workspaceId", i.job_id as "jobId",
  i.job_version as "jobVersion", i.job_name as "jobName", i.origin, i.state, i.node_count as "nodeCount", i.parameters,
  i.planned_at as "plannedAt", i.created_at as "createdAt", i.created_by as "createdBy", i.started_at as "startedAt",
  i.ended_at as "endedAt", i.force_success as "forceSuccess", i.ignore_success as "ignoreSuccess",
  i.error_message as "errorMessage", i.reruns, i.priority, i.background`;

export async function findInstance(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<Instance | undefined> {
  const rows = await query<Instance>(
    db,
    "find-instance",
    `select ${INSTANCE_COLUMNS} from instance i where project_id = $1 and id = $2`,
    [projectId, instanceId],
  );
  return rows[0];
}

/** Several instances at once, in no order; those that do not exist are left out. */
export async function listInstancesById(
  db: Database,
  keys: readonly { readonly projectId: string; readonly instanceId: number }[],
): Promise<Instance[]> {
  if (keys.length === 0) return [];
  const ids = keys.map(({ instanceId }) => instanceId);
  return await query<Instance>(
    db,
    "list-instances-by-id",
    `select ${INSTANCE_COLUMNS}
     from unnest($1::uuid[], $2::bigint[]) as k (project_id, id) join instance i using (project_id, id)
     where i.id between $3 and $4`,
    // The range keeps the other periods closed.
    [keys.map(({ projectId }) => projectId), ids, Math.min(...ids), Math.max(...ids)],
  );
}

/** The definition of an instance without a job, as it was stored. */
export async function findInstanceDefinition(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<JobDefinition | undefined> {
  const rows = await query<{ readonly definition: JobDefinition }>(
    db,
    "find-instance-definition",
    "select definition from instance_definition where project_id = $1 and instance_id = $2",
    [projectId, instanceId],
  );
  return rows[0]?.definition;
}

/** The definition that a job's version pins, as it was stored. */
export async function findPinnedDefinition(
  db: Database,
  projectId: string,
  jobId: number,
  version: number,
): Promise<JobDefinition | undefined> {
  const rows = await query<{ readonly definition: JobDefinition }>(
    db,
    "find-pinned-definition",
    "select definition from job_version where project_id = $1 and job_id = $2 and version = $3",
    [projectId, jobId, version],
  );
  return rows[0]?.definition;
}

/** The definitions that versions of jobs pin, as they were stored, in no order; those that do not exist are left out. */
export async function listPinnedDefinitions(
  db: Database,
  versions: readonly {
    readonly projectId: string;
    readonly jobId: number;
    readonly jobVersion: number;
  }[],
): Promise<
  {
    readonly projectId: string;
    readonly jobId: number;
    readonly jobVersion: number;
    readonly definition: JobDefinition;
  }[]
> {
  return await query(
    db,
    "list-pinned-definitions",
    `select project_id as "projectId", job_id as "jobId", version as "jobVersion", definition
     from unnest($1::uuid[], $2::bigint[], $3::integer[]) as k (project_id, job_id, version)
     join job_version using (project_id, job_id, version)`,
    [
      versions.map(({ projectId }) => projectId),
      versions.map(({ jobId }) => jobId),
      versions.map(({ jobVersion }) => jobVersion),
    ],
  );
}

/** In a transaction, before a job is deleted: its unended instances keep the definitions that its versions pinned. */
export async function keepDefinitions(db: Database, projectId: string, jobId: number): Promise<void> {
  await execute(
    db,
    "keep-definitions",
    `insert into instance_definition (project_id, instance_id, definition)
     select i.project_id, i.id, v.definition
     from instance i
     join job_version v on v.project_id = i.project_id and v.job_id = i.job_id and v.version = i.job_version
     where i.project_id = $1 and i.job_id = $2 and i.ended_at is null
     on conflict do nothing`,
    [projectId, jobId],
  );
}

/** By `nodeNo`; the names are those of the pinned definition in topological order. */
export async function listNodeRuns(db: Database, projectId: string, instanceId: number): Promise<NodeRun[]> {
  return await query<NodeRun>(
    db,
    "list-node-runs",
    `select node_no as "nodeNo", state, held, passed, attempt, tries, losses, ready_at as "readyAt", started_at as "startedAt",
       ended_at as "endedAt", exit_code as "exitCode", message
     from node_run where project_id = $1 and instance_id = $2 order by node_no`,
    [projectId, instanceId],
  );
}

/** What the nodes with these numbers gave last; without those that have not given anything. */
export async function listNodeOutputs(
  db: Database,
  projectId: string,
  instanceId: number,
  nodeNos: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await query<{ readonly nodeNo: number; readonly output: string }>(
    db,
    "list-node-outputs",
    `select node_no as "nodeNo", output from node_run
     where project_id = $1 and instance_id = $2 and node_no = any ($3) and output is not null`,
    [projectId, instanceId, nodeNos],
  );
  return new Map(rows.map(({ nodeNo, output }) => [nodeNo, output]));
}
