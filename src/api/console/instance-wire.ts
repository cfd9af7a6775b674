/** An instance with its nodes and attempts, as the console's API writes it. */
import { type Static, Type } from "typebox";
import type { Instance, NodeRun } from "../../domain/instance.ts";
import type { JobNode } from "../../domain/job.ts";
import {
  type AttemptOutcome,
  type InstanceState,
  NODE_RUN_ENDED,
  type NodeRunState,
} from "../../domain/states.ts";
import type { PastAttempt } from "../../store/attempts.ts";

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Union([type, Type.Null()]);
const Moment = Nullable(Type.String({ format: "date-time" }));

/** One try at a node. The last one's outcome is null while it runs, and the node's own state when that has ended. */
export const AttemptView = Type.Object({
  attempt: Type.Integer({ minimum: 1 }),
  outcome: Nullable(Type.Unsafe<AttemptOutcome | NodeRunState>(Type.String())),
  startedAt: Moment,
  endedAt: Moment,
  exitCode: Nullable(Type.Integer()),
  message: Nullable(Type.String()),
  /** Length of its log so far, in bytes. */
  logBytes: Type.Integer({ minimum: 0 }),
});
export type AttemptView = Static<typeof AttemptView>;

export const NodeView = Type.Object({
  /** Its place in the instance, from 0: what the path of its logs names. */
  no: Type.Integer({ minimum: 0 }),
  name: Type.String(),
  type: Type.String(),
  after: Type.Array(Type.String()),
  state: Type.Unsafe<NodeRunState>(Type.String()),
  /** Somebody holds it back. */
  held: Type.Boolean(),
  startedAt: Moment,
  endedAt: Moment,
  exitCode: Nullable(Type.Integer()),
  message: Nullable(Type.String()),
  /** What it left for other nodes. */
  output: Nullable(Type.String()),
  attempts: Type.Array(AttemptView),
});
export type NodeView = Static<typeof NodeView>;

export const InstanceView = Type.Object({
  id: Type.Integer({ minimum: 1 }),
  jobName: Type.String(),
  /** Of its job, as it runs now; null without a job. */
  jobVersion: Nullable(Type.Integer({ minimum: 1 })),
  workspace: Type.String(),
  origin: Type.String(),
  state: Type.Unsafe<InstanceState>(Type.String()),
  plannedAt: Moment,
  createdAt: Moment,
  createdBy: Type.String(),
  startedAt: Moment,
  endedAt: Moment,
  parameters: Type.Record(Type.String(), Type.String()),
  /** Somebody ended it as succeeded, whatever its nodes did. */
  forceSuccess: Type.Boolean(),
  /** A failed node was passed over by its IGNORE policy. */
  ignoreSuccess: Type.Boolean(),
  errorMessage: Nullable(Type.String()),
  nodes: Type.Array(NodeView),
});
export type InstanceView = Static<typeof InstanceView>;

export function encodeInstance(instance: Instance, nodes: NodeView[]): InstanceView {
  return {
    id: instance.id,
    jobName: instance.jobName,
    jobVersion: instance.jobVersion,
    workspace: instance.workspaceId,
    origin: instance.origin,
    state: instance.state,
    plannedAt: encodeMoment(instance.plannedAt),
    createdAt: encodeMoment(instance.createdAt),
    createdBy: instance.createdBy,
    startedAt: encodeMoment(instance.startedAt),
    endedAt: encodeMoment(instance.endedAt),
    parameters: instance.parameters,
    forceSuccess: instance.forceSuccess,
    ignoreSuccess: instance.ignoreSuccess,
    errorMessage: instance.errorMessage,
    nodes,
  };
}

/** The tries that were followed by another, and the present or last one. */
export function encodeAttempts(run: NodeRun, past: readonly PastAttempt[]): Omit<AttemptView, "logBytes">[] {
  const earlier = past.map((attempt) => ({
    attempt: attempt.attempt,
    outcome: attempt.outcome,
    startedAt: encodeMoment(attempt.startedAt),
    endedAt: encodeMoment(attempt.endedAt),
    exitCode: attempt.exitCode,
    message: attempt.message,
  }));
  // A node that begins anew has no try yet, or one that stands among the earlier ones.
  if (run.startedAt === null || past.some(({ attempt }) => attempt === run.attempt)) return earlier;
  const last = {
    attempt: run.attempt,
    outcome: NODE_RUN_ENDED.includes(run.state) ? run.state : null,
    startedAt: encodeMoment(run.startedAt),
    endedAt: encodeMoment(run.endedAt),
    exitCode: run.exitCode,
    message: run.message,
  };
  return [...earlier, last];
}

/** A node whose definition is gone keeps its place for a name. */
export function encodeNode(
  run: NodeRun,
  known: {
    readonly node: JobNode | undefined;
    readonly output: string | null;
    readonly attempts: AttemptView[];
  },
): NodeView {
  return {
    no: run.nodeNo,
    name: known.node?.name ?? String(run.nodeNo),
    type: known.node?.type ?? "unknown",
    after: [...(known.node?.after ?? [])],
    state: run.state,
    held: run.held,
    startedAt: encodeMoment(run.startedAt),
    endedAt: encodeMoment(run.endedAt),
    exitCode: run.exitCode,
    message: run.message,
    output: known.output,
    attempts: known.attempts,
  };
}

function encodeMoment(moment: Date | null): string | null {
  return moment?.toISOString() ?? null;
}
