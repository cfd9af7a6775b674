/** Every state machine, as data. SQL checks, the engine and the documentation follow these tables. */

/** A machine: each state with the states that may follow it. A state that nothing follows is terminal. */
export type Machine<S extends string> = Readonly<Record<S, readonly S[]>>;

/** One due time of a schedule. */
export const PLANNED_RUN = {
  due: ["started", "skipped", "missed"],
  started: [],
  skipped: [],
  missed: [],
} as const satisfies Machine<"due" | "started" | "skipped" | "missed">;

/** One run of a job. `suspended` is Factory's running-exception: a node failed under the SUSPEND policy. */
export const INSTANCE = {
  waiting: ["running", "stopped", "failed", "skipped"],
  running: ["succeeded", "failed", "suspended", "stopping", "failing"],
  failing: ["failed", "stopping"],
  stopping: ["stopped"],
  suspended: ["running", "stopping", "failing", "failed", "stopped"],
  succeeded: ["running"],
  failed: ["running"],
  stopped: ["running"],
  skipped: [],
} as const satisfies Machine<
  | "waiting"
  | "running"
  | "failing"
  | "stopping"
  | "suspended"
  | "succeeded"
  | "failed"
  | "stopped"
  | "skipped"
>;
export type InstanceState = keyof typeof INSTANCE;

/** States in which an instance does nothing more by itself; only an operator's rerun leaves them. */
export const INSTANCE_ENDED: readonly InstanceState[] = ["succeeded", "failed", "stopped", "skipped"];

/**
 * One node within an instance. `waiting` for predecessors, `ready` to be claimed (perhaps not before a time),
 * `running` under a fence. A suspended instance holds its ready nodes as waiting. Only a rerun leaves a terminal state.
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

export const NODE_RUN_ENDED: readonly NodeRunState[] = ["succeeded", "failed", "skipped", "cancelled"];

/** One try at a node that did not settle it; kept so that retries can be explained. */
export const ATTEMPT_OUTCOMES = ["failed", "timed-out", "lost", "stopped", "exited"] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** A real-time job as its users see it. Source: dataarts-factory 4.4. */
export const REAL_TIME = {
  stopped: ["starting"],
  starting: ["normal", "exception", "stopping"],
  normal: ["exception", "stopping"],
  exception: ["normal", "stopping"],
  stopping: ["stopped"],
} as const satisfies Machine<"stopped" | "starting" | "normal" | "exception" | "stopping">;

/** Whether `machine` allows the move. */
export function mayMove<S extends string>(machine: Machine<S>, from: S, to: S): boolean {
  return machine[from].includes(to);
}
