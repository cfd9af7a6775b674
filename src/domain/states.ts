/** Every state machine, as data. SQL checks, the engine and the documentation follow these tables. */

/** A machine: each state with the states that may follow it. A state that nothing follows is terminal. */
export type Machine<S extends string> = Readonly<Record<S, readonly S[]>>;

/** One due time of a schedule. */
export const PLANNED_RUN = {
  due: ["started", "skipped", "missed"],
  // A frozen instance that is never to begin.
  started: ["skipped"],
  skipped: [],
  missed: [],
} as const satisfies Machine<"due" | "started" | "skipped" | "missed">;

/**
 * One run of a job. `frozen` and `paused` are held by somebody, before and after the start; `suspended` is Factory's
 * running-exception: a node failed under the SUSPEND policy. `failing` and `stopping` last until what runs has ended;
 * `stopping` ends as stopped, or as succeeded where somebody wants that. Only somebody's act leaves a terminal state.
 */
export const INSTANCE = {
  waiting: ["running", "stopped", "failed", "skipped", "succeeded", "frozen"],
  frozen: ["waiting", "stopped", "skipped", "succeeded"],
  running: ["succeeded", "failed", "stopped", "paused", "suspended", "stopping", "failing"],
  paused: ["running", "succeeded", "failed", "stopped", "suspended", "stopping", "failing"],
  suspended: ["running", "stopping", "failing", "failed", "stopped", "succeeded"],
  failing: ["failed", "stopping"],
  stopping: ["stopped", "succeeded"],
  succeeded: ["running"],
  failed: ["running", "succeeded"],
  stopped: ["running", "succeeded"],
  skipped: [],
} as const satisfies Machine<
  | "waiting"
  | "frozen"
  | "running"
  | "paused"
  | "suspended"
  | "failing"
  | "stopping"
  | "succeeded"
  | "failed"
  | "stopped"
  | "skipped"
>;
export type InstanceState = keyof typeof INSTANCE;

/** States in which an instance does nothing more by itself; only somebody's act leaves them. */
export const INSTANCE_ENDED: readonly InstanceState[] = ["succeeded", "failed", "stopped", "skipped"];

/**
 * One node within an instance. `waiting` for predecessors, `ready` to be claimed (perhaps not before a time),
 * `running` under a fence. An instance that is held, paused or suspended, has its ready nodes waiting. What somebody's
 * act moves beside, out of terminal states above all, stands in `NODE_RUN_ACTS`.
 */
export const NODE_RUN = {
  waiting: ["ready", "skipped", "cancelled"],
  ready: ["running", "waiting", "cancelled", "skipped"],
  running: ["succeeded", "failed", "skipped", "ready", "waiting", "cancelled"],
  succeeded: [],
  failed: [],
  skipped: [],
  cancelled: [],
} as const satisfies Machine<
  "waiting" | "ready" | "running" | "succeeded" | "failed" | "skipped" | "cancelled"
>;
export type NodeRunState = keyof typeof NODE_RUN;

/** Further moves of a node run, by a rerun or by somebody who decides how the node is to count. */
const NODE_RUN_ACTS = {
  waiting: ["succeeded"],
  ready: ["succeeded"],
  running: [],
  succeeded: ["waiting", "ready"],
  failed: ["waiting", "ready", "succeeded", "skipped"],
  skipped: ["waiting", "ready"],
  cancelled: ["waiting", "ready"],
} as const satisfies Machine<NodeRunState>;

export const NODE_RUN_ENDED: readonly NodeRunState[] = ["succeeded", "failed", "skipped", "cancelled"];

/** One try at a node. Its outcome is written down where another try follows, so that retries and reruns are explained. */
const ATTEMPT = {
  running: ["succeeded", "failed", "timed-out", "skipped", "cancelled", "lost", "stopped", "exited"],
  succeeded: [],
  failed: [],
  "timed-out": [],
  skipped: [],
  cancelled: [],
  lost: [],
  stopped: [],
  exited: [],
} as const satisfies Machine<
  "running" | "succeeded" | "failed" | "timed-out" | "skipped" | "cancelled" | "lost" | "stopped" | "exited"
>;
export const ATTEMPT_OUTCOMES = ATTEMPT.running;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/**
 * A range of planned times that is run after the fact. `planning` writes them into the ledger, page by page; `failing`
 * and `cancelling` skip what was not started, and last until what runs has ended.
 */
export const BACKFILL = {
  planning: ["running", "paused", "cancelling"],
  running: ["paused", "failing", "cancelling", "succeeded", "failed"],
  paused: ["planning", "cancelling"],
  failing: ["failed", "cancelling"],
  cancelling: ["cancelled"],
  succeeded: [],
  failed: [],
  cancelled: [],
} as const satisfies Machine<
  "planning" | "running" | "paused" | "failing" | "cancelling" | "succeeded" | "failed" | "cancelled"
>;
export type BackfillState = keyof typeof BACKFILL;

export const BACKFILL_ENDED: readonly BackfillState[] = ["succeeded", "failed", "cancelled"];

/** A real-time job as its users see it. Source: dataarts-factory 4.4. */
export const REAL_TIME = {
  stopped: ["starting"],
  starting: ["normal", "exception", "stopping", "stopped"],
  normal: ["exception", "stopping", "stopped"],
  exception: ["normal", "stopping", "stopped"],
  stopping: ["stopped"],
} as const satisfies Machine<"stopped" | "starting" | "normal" | "exception" | "stopping">;

/** One notice on its way to one target; it waits for each of its tries. */
const NOTICE_DELIVERY = {
  waiting: ["sent", "failed"],
  sent: [],
  failed: [],
} as const satisfies Machine<"waiting" | "sent" | "failed">;
export type DeliveryState = keyof typeof NOTICE_DELIVERY;

/** Work that goes on behind the answer of a call, such as an import; `warning` where some of its lines failed. */
export const SYSTEM_TASK = {
  running: ["successful", "failed", "warning"],
  successful: [],
  failed: [],
  warning: [],
} as const satisfies Machine<"running" | "successful" | "failed" | "warning">;
export type TaskState = keyof typeof SYSTEM_TASK;

export const SYSTEM_TASK_ENDED: readonly TaskState[] = ["successful", "failed", "warning"];

/** One object that such a task writes. */
export const SYSTEM_SUBTASK = {
  running: ["successful", "failed"],
  successful: [],
  failed: [],
} as const satisfies Machine<"running" | "successful" | "failed">;
export type TaskLineState = keyof typeof SYSTEM_SUBTASK;

/**
 * What a node has handed over to a cluster. `reserved` stands before the cluster may have it, `abandoned` is what the cluster
 * has forgotten. One that ended before its server could say so goes on with the next try.
 */
export const SUBMISSION = {
  opened: ["reserved", "ended", "abandoned"],
  reserved: ["submitted", "ended", "abandoned"],
  submitted: ["ended", "abandoned"],
  ended: ["reserved", "submitted"],
  abandoned: [],
} as const satisfies Machine<"opened" | "reserved" | "submitted" | "ended" | "abandoned">;

/** The machines as they are drawn in docs/states.md and enforced in the database. */
export const MACHINES = [
  { title: "Planned run", table: "planned_run", column: "state", machine: PLANNED_RUN },
  { title: "Instance", table: "instance", column: "state", machine: INSTANCE },
  { title: "Node run", table: "node_run", column: "state", machine: NODE_RUN, acts: NODE_RUN_ACTS },
  { title: "Attempt", table: "attempt", column: undefined, machine: ATTEMPT },
  { title: "Real-time job", table: "job", column: "status", machine: REAL_TIME },
  { title: "Backfill", table: "backfill", column: "state", machine: BACKFILL },
  { title: "Delivery of a notice", table: "notice_delivery", column: "state", machine: NOTICE_DELIVERY },
  { title: "Task", table: "system_task", column: "state", machine: SYSTEM_TASK },
  { title: "Submission", table: "submission", column: "state", machine: SUBMISSION },
  { title: "Line of a task", table: "system_subtask", column: "state", machine: SYSTEM_SUBTASK },
] as const satisfies readonly {
  readonly title: string;
  readonly table: string;
  /** Undefined where a row is written once, at the end. */
  readonly column: string | undefined;
  readonly machine: Machine<string>;
  /** Further moves, by somebody's act alone. */
  readonly acts?: Machine<string>;
}[];

/** Whether `machine` allows the move. */
export function mayMove<S extends string>(machine: Machine<S>, from: S, to: S): boolean {
  return machine[from].includes(to);
}
