/** A real-time job in operation, as DataArts Factory v2 writes it (dataarts-factory 5). */
import { type Static, Type } from "typebox";
import { type LiveState, liveStateOf } from "../../domain/kept-alive.ts";
import type { KnownNode, LiveRun } from "../../engine/live-nodes.ts";
import type { VersionedJob } from "../../store/job-versions.ts";
import { encodeOperation } from "./job-list-wire.ts";

/** The vendor lists no words for these. */
const STATES: Readonly<Record<LiveState, string>> = {
  waiting: "WAITING",
  starting: "STARTING",
  ready: "STARTING",
  running: "RUNNING",
  up: "RUNNING",
  restarting: "RESTARTING",
  held: "HELD",
  succeeded: "FINISHED",
  failed: "FAILED",
  skipped: "SKIPPED",
  cancelled: "STOPPED",
};

const Task = Type.Object({
  task_id: Type.String({ description: "Of the node within the run: the run's id, and the node's place." }),
  task_name: Type.String({ description: "The node." }),
  task_type: Type.String({ description: "Its type." }),
  running_status: Type.Enum([...new Set(Object.values(STATES))]),
  state: Type.Enum([...new Set(Object.values(STATES))], { description: "The same." }),
  external_job_id: Type.Optional(
    Type.String({ description: "Of a node with a trigger: the job whose runs it begins." }),
  ),
  source_type: Type.Optional(Type.String({ description: "Type of the connection that it moves data from." })),
  target_type: Type.Optional(Type.String({ description: "Type of the connection that it moves data to." })),
  error_msg: Type.Optional(Type.String({ description: "Why its last try ended." })),
  create_time: Type.Optional(Type.Integer({ description: "When the run began; 13 digits." })),
  update_time: Type.Optional(Type.Integer({ description: "When its present or last try began; 13 digits." })),
});

/** Members of the vendor's own engines are left out: there are none here. */
export const RealTimeJob = Type.Object({
  is_success: Type.Literal(true),
  message: Type.String(),
  job_id: Type.String(),
  state: Type.String({ description: "As the job list says it." }),
  migration_type: Type.Optional(Type.String({ description: "What the job's single node is." })),
  startup_timestamp: Type.Optional(Type.String({ description: "When the run began; 13 digits." })),
  metric_info: Type.String({
    description:
      "JSON: how many nodes there are, how many run, and their restarts; by node, the checkpoints of what runs on clusters.",
  }),
  task_details: Type.Array(Task),
});

/** Types of the workspace's connections by name. */
export type ConnectionTypes = ReadonlyMap<string, string>;

/** The connections whose types are wanted. */
export function connectionsOf({ node: { properties } }: KnownNode): readonly string[] {
  return [properties.sourceConnectionName ?? "", properties.targetConnectionName ?? ""].filter(Boolean);
}

export function encodeRealTimeJob(
  { job, document: { singleNodeJobType } }: VersionedJob,
  run: LiveRun | undefined,
  types: ConnectionTypes,
): Static<typeof RealTimeJob> {
  const tasks = (run?.nodes ?? []).map((node) => encodeTask(node, run, types));
  const restarts = (run?.nodes ?? []).map(({ run: { attempt } }) => Math.max(0, attempt - 1));
  const metrics = {
    nodes: tasks.length,
    running: tasks.filter(({ state }) => state === "RUNNING").length,
    restarts: restarts.reduce((sum, count) => sum + count, 0),
    ...checkpointsOf(run),
  };
  return {
    is_success: true,
    message: "",
    job_id: String(job.id),
    state: encodeOperation(job.status),
    ...(typeof singleNodeJobType === "string" && { migration_type: singleNodeJobType }),
    ...(run !== undefined &&
      run.startedAt !== null && { startup_timestamp: String(run.startedAt.getTime()) }),
    metric_info: JSON.stringify(metrics),
    task_details: tasks,
  };
}

/** As `checkpoints`; nothing where no node has any. */
function checkpointsOf(run: LiveRun | undefined) {
  const points = (run?.nodes ?? []).flatMap(({ resume }) => resume ?? []);
  if (points.length === 0) return {};
  const entries = points.map(({ node, takenAt, ...same }) => [node, { ...same, takenAt: takenAt.getTime() }]);
  return { checkpoints: Object.fromEntries(entries) };
}

function encodeTask(
  { run, node, trigger }: KnownNode,
  live: LiveRun | undefined,
  types: ConnectionTypes,
): Static<typeof Task> {
  const state = STATES[liveStateOf(run)];
  const source = types.get(node.properties.sourceConnectionName ?? "");
  const target = types.get(node.properties.targetConnectionName ?? "");
  const begun = live?.startedAt ?? null;
  return {
    task_id: `${live?.instanceId}-${run.nodeNo}`,
    task_name: node.name,
    task_type: node.type,
    running_status: state,
    state,
    ...(trigger !== undefined && { external_job_id: String(trigger.jobId) }),
    ...(source !== undefined && { source_type: source }),
    ...(target !== undefined && { target_type: target }),
    ...(run.message !== null && { error_msg: run.message }),
    ...(begun !== null && { create_time: begun.getTime() }),
    ...(run.startedAt !== null && { update_time: run.startedAt.getTime() }),
  };
}
