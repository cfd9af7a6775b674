/** Nodes of a real-time job in operation, as the console's API writes them. */
import { type Static, Type } from "typebox";
import { type LiveState, liveStateOf } from "../../domain/kept-alive.ts";
import type { KnownNode } from "../../engine/live-nodes.ts";
import type { ResumePointRow } from "../../store/resume-points.ts";

const NullableText = Type.Union([Type.String(), Type.Null()]);
const Moment = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);

const LiveNodeView = Type.Object({
  /** Its place in the instance: what the path of its logs names. */
  no: Type.Integer({ minimum: 0 }),
  name: Type.String(),
  type: Type.String(),
  after: Type.Array(Type.String()),
  state: Type.Unsafe<LiveState>(Type.String()),
  upAt: Moment,
  /** When it is tried again; null unless it restarts. */
  nextTryAt: Moment,
  /** Since the job was started, and within the present window. */
  restarts: Type.Integer({ minimum: 0 }),
  restartsInWindow: Type.Integer({ minimum: 0 }),
  restartsMax: Type.Integer({ minimum: 0 }),
  /** Why its last try ended. */
  message: NullableText,
  /** The machine that it runs on. */
  host: NullableText,
  /** The job behind a trigger, by which its runs and events are found; null for a node that lives itself. */
  trigger: Type.Union([
    Type.Object({ kind: Type.String(), jobId: Type.Integer(), job: Type.String(), status: Type.String() }),
    Type.Null(),
  ]),
  /** The newest savepoint or checkpoint of what it runs on a cluster: the job goes on from there when it is started again. */
  checkpoint: Type.Union([
    Type.Object({
      path: Type.String(),
      takenAt: Type.String({ format: "date-time" }),
      bytes: Type.Integer({ minimum: 0 }),
      durationMs: Type.Integer({ minimum: 0 }),
      completed: Type.Integer({ minimum: 0 }),
      failed: Type.Integer({ minimum: 0 }),
    }),
    Type.Null(),
  ]),
});

/** In running order; no instance and no nodes while the job is not in operation. */
export const LiveNodePage = Type.Object({
  instanceId: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  status: Type.String(),
  nodes: Type.Array(LiveNodeView),
});
export type LiveNodePage = Static<typeof LiveNodePage>;

export function encodeLiveNode({
  run,
  node,
  rules,
  trigger,
  resume,
}: KnownNode): LiveNodePage["nodes"][number] {
  const state = liveStateOf(run);
  return {
    no: run.nodeNo,
    name: node.name,
    type: node.type,
    after: [...node.after],
    state,
    upAt: state === "up" ? textOf(run.upAt) : null,
    nextTryAt: state === "restarting" ? textOf(run.readyAt) : null,
    restarts: Math.max(0, run.attempt - 1),
    restartsInWindow: run.inWindow,
    restartsMax: rules.restartsMax,
    message: run.message,
    host: run.host,
    trigger:
      trigger === undefined || node.trigger === undefined
        ? null
        : { kind: node.trigger.type, jobId: trigger.jobId, job: trigger.name, status: trigger.status },
    checkpoint: resume === undefined ? null : encodeCheckpoint(resume),
  };
}

function encodeCheckpoint({ node: _, takenAt, ...same }: ResumePointRow) {
  return { ...same, takenAt: takenAt.toISOString() };
}

function textOf(moment: Date | null): string | null {
  return moment?.toISOString() ?? null;
}
