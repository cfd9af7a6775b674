/** One run of a job: what it is, and the pure model of how it goes on when nodes end. */
import { Fault } from "./fault.ts";
import type { FailPolicy } from "./job.ts";
import { INSTANCE, type InstanceState, mayMove, NODE_RUN_ENDED, type NodeRunState } from "./states.ts";

/** Why there is an instance. */
export type InstanceOrigin =
  | "schedule"
  | "manual"
  | "backfill"
  | "test"
  | "event"
  | "once"
  | "sub-job"
  | "stream"
  | "job-execution";

export interface Instance {
  readonly projectId: string;
  readonly id: number;
  readonly workspaceId: string;
  readonly jobId: number | null;
  readonly jobVersion: number | null;
  readonly jobName: string;
  readonly origin: InstanceOrigin;
  readonly state: InstanceState;
  readonly nodeCount: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly plannedAt: Date;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly forceSuccess: boolean;
  /** A failed node was passed over by its IGNORE policy. */
  readonly ignoreSuccess: boolean;
  readonly errorMessage: string | null;
  /** It takes only what other work leaves: its processes wait for slots that nobody else wants. */
  readonly background: boolean;
}

/**
 * Where attempts count against a server's capacity: `inline` costs nothing but a promise, `process` is a child process
 * or a query, `stream` is held by a real-time node for as long as it lives, `child` by a node that waits for instances
 * of its own. `background` is a process of a background instance: it uses the slots that `process` leaves.
 */
export const LANES = ["inline", "process", "stream", "child", "background"] as const;
export type Lane = (typeof LANES)[number];

/** A lane that a node has by its type. */
export type OwnLane = Exclude<Lane, "background">;

export interface NodeRun {
  /** Place of the node in the pinned definition, in topological order. */
  readonly nodeNo: number;
  readonly state: NodeRunState;
  /** Tries in all, reruns included; 0 before the first. The logs are kept by this number. */
  readonly attempt: number;
  /** Tries since the instance (re)started that failed and were followed by another. */
  readonly tries: number;
  /** Tries since then that were lost with their server. */
  readonly losses: number;
  /** When it was or will be allowed to start; null before. */
  readonly readyAt: Date | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly exitCode: number | null;
  readonly message: string | null;
}

/** What the model knows of an instance: enough to say how it goes on. */
export interface Progress {
  readonly state: InstanceState;
  /** A node failed under FAIL_CHILD: other branches go on, and the instance ends as failed. */
  readonly failedBranch: boolean;
  readonly ignoreSuccess: boolean;
  /** By `nodeNo`, so every successor stands behind its predecessors. */
  readonly nodes: readonly NodeProgress[];
}

export interface NodeProgress {
  readonly state: NodeRunState;
  /** Predecessors that have not ended. */
  readonly need: number;
  /** Whether a predecessor ended otherwise than skipped. */
  readonly live: boolean;
  readonly successors: readonly number[];
}

/** Something that befalls an instance. Those with a node concern one that runs. */
export type Move =
  | { readonly type: "succeeded" | "skipped" | "cancelled"; readonly nodeNo: number }
  /** After its last try. */
  | { readonly type: "failed"; readonly nodeNo: number; readonly policy: FailPolicy }
  /** An attempt ended without settling its node: it is to be tried again. */
  | { readonly type: "retried"; readonly nodeNo: number }
  | { readonly type: "stop" }
  /** A waiting instance may begin. */
  | { readonly type: "release" }
  /** From the first node after a success, else from the first nodes that did not succeed (dataarts-factory 4.7). */
  | { readonly type: "restart" };

interface Draft {
  state: InstanceState;
  failedBranch: boolean;
  ignoreSuccess: boolean;
  readonly nodes: {
    state: NodeRunState;
    need: number;
    live: boolean;
    readonly successors: readonly number[];
  }[];
}

const STOPPABLE: readonly InstanceState[] = ["waiting", "running", "suspended"];
const RESTARTABLE: readonly InstanceState[] = ["succeeded", "failed", "stopped", "suspended"];

/**
 * How an instance goes on after `move`.
 * @throws Fault `instance-state` for a stop, release or restart that its state does not allow.
 * Source of the rules: dataarts-factory 4.7 and 4.8.
 */
export function advance(progress: Progress, move: Move): Progress {
  const draft: Draft = { ...progress, nodes: progress.nodes.map((node) => ({ ...node })) };
  switch (move.type) {
    case "succeeded":
    case "skipped":
      endNode(draft, move.nodeNo, move.type);
      break;
    case "failed":
      failNode(draft, move.nodeNo, move.policy);
      break;
    case "retried":
      holdOrReady(draft, move.nodeNo);
      break;
    case "cancelled":
      setNode(draft, move.nodeNo, "cancelled");
      break;
    case "stop":
      expectState(draft, STOPPABLE, "stopped");
      moveTo(draft, draft.state === "waiting" ? "stopped" : "stopping");
      cancelUnstarted(draft);
      break;
    case "release":
      expectState(draft, ["waiting"], "released");
      moveTo(draft, "running");
      readyAll(draft);
      break;
    case "restart":
      restart(draft);
      break;
    default:
      move satisfies never;
  }
  return closed(draft);
}

/** Whether an instance in the state can be stopped. */
export function mayStop(state: InstanceState): boolean {
  return STOPPABLE.includes(state);
}

/** Whether a node run does nothing more by itself. */
export function nodeEnded(state: NodeRunState): boolean {
  return NODE_RUN_ENDED.includes(state);
}

/** Sinks (nodes without successors) that have not ended; an instance without a failed branch ends with the last of them. */
export function leftSinks(nodes: readonly NodeProgress[]): number {
  return nodes.filter((node) => node.successors.length === 0 && !nodeEnded(node.state)).length;
}

/** An instance whose nodes have all ended, or that was to end and of which nothing runs any more, ends. */
function closed(draft: Draft): Progress {
  if (draft.nodes.some((node) => !nodeEnded(node.state))) return draft;
  if (draft.state === "running") moveTo(draft, draft.failedBranch ? "failed" : "succeeded");
  else if (draft.state === "failing") moveTo(draft, "failed");
  else if (draft.state === "stopping") moveTo(draft, "stopped");
  return draft;
}

/** Ends a node and lets its successors know; those that have nothing more to wait for become ready or are skipped. */
function endNode(draft: Draft, nodeNo: number, state: "succeeded" | "failed" | "skipped"): void {
  setNode(draft, nodeNo, state);
  for (const next of draft.nodes[nodeNo]?.successors ?? []) {
    const node = draft.nodes[next];
    if (node === undefined || node.state !== "waiting") continue;
    node.need -= 1;
    if (state !== "skipped") node.live = true;
    if (node.need > 0) continue;
    if (node.live) holdOrReady(draft, next);
    else endNode(draft, next, "skipped");
  }
}

function failNode(draft: Draft, nodeNo: number, policy: FailPolicy): void {
  if (policy === "ignore") {
    draft.ignoreSuccess = true;
    endNode(draft, nodeNo, "failed");
    return;
  }
  setNode(draft, nodeNo, "failed");
  // An instance that is ending already goes on ending as it began to.
  if (draft.state !== "running" && draft.state !== "suspended") return;
  if (policy === "fail") {
    moveTo(draft, "failing");
    cancelUnstarted(draft);
  } else if (policy === "suspend") {
    if (draft.state === "running") moveTo(draft, "suspended");
    for (const node of draft.nodes) if (node.state === "ready") node.state = "waiting";
  } else {
    draft.failedBranch = true;
    cancelBelow(draft, nodeNo);
  }
}

function cancelBelow(draft: Draft, nodeNo: number): void {
  for (const next of draft.nodes[nodeNo]?.successors ?? []) {
    if (draft.nodes[next]?.state !== "waiting") continue;
    setNode(draft, next, "cancelled");
    cancelBelow(draft, next);
  }
}

function cancelUnstarted(draft: Draft): void {
  for (const node of draft.nodes)
    if (node.state === "waiting" || node.state === "ready") node.state = "cancelled";
}

/** Nothing starts in an instance that is suspended or ending. */
function holdOrReady(draft: Draft, nodeNo: number): void {
  if (draft.state === "running") setNode(draft, nodeNo, "ready");
  else setNode(draft, nodeNo, draft.state === "suspended" ? "waiting" : "cancelled");
}

function readyAll(draft: Draft): void {
  for (const node of draft.nodes) if (node.state === "waiting" && node.need === 0) node.state = "ready";
}

/**
 * A node stays as it is when it succeeded, was skipped, runs, or failed and was passed over, and all before it stay;
 * the others begin anew. Where all would stay, all begin anew.
 */
function restart(draft: Draft): void {
  expectState(draft, RESTARTABLE, "restarted");
  const fromFirst = draft.state === "succeeded";
  moveTo(draft, "running");
  const before = predecessors(draft.nodes);
  const stays: boolean[] = [];
  for (const [nodeNo, node] of draft.nodes.entries())
    stays.push(!fromFirst && keepsResult(draft, node) && (before[nodeNo] ?? []).every((no) => stays[no]));
  if (stays.every(Boolean)) stays.fill(false);
  for (const [nodeNo, node] of draft.nodes.entries()) {
    if (stays[nodeNo]) continue;
    const kept = (before[nodeNo] ?? []).filter(
      (no) => stays[no] && nodeEnded(draft.nodes[no]?.state ?? "waiting"),
    );
    node.state = "waiting";
    node.need = (before[nodeNo] ?? []).length - kept.length;
    node.live = kept.some((no) => draft.nodes[no]?.state !== "skipped");
  }
  draft.failedBranch = false;
  draft.ignoreSuccess = draft.nodes.some((node) => node.state === "failed");
  readyAll(draft);
}

function keepsResult(draft: Draft, node: NodeProgress): boolean {
  if (node.state === "failed") return node.successors.some((no) => wasReached(draft.nodes[no]));
  return node.state === "succeeded" || node.state === "skipped" || node.state === "running";
}

function wasReached(node: NodeProgress | undefined): boolean {
  return node !== undefined && node.state !== "waiting" && node.state !== "cancelled";
}

function predecessors(nodes: readonly NodeProgress[]): number[][] {
  const before: number[][] = nodes.map(() => []);
  for (const [nodeNo, node] of nodes.entries())
    for (const next of node.successors) before[next]?.push(nodeNo);
  return before;
}

function setNode(draft: Draft, nodeNo: number, state: NodeRunState): void {
  const node = draft.nodes[nodeNo];
  if (node !== undefined) node.state = state;
}

/** Only along the machine's edges. */
function moveTo(draft: Draft, state: InstanceState): void {
  if (!mayMove(INSTANCE, draft.state, state)) refuse(`cannot go from ${draft.state} to ${state}`);
  draft.state = state;
}

function expectState(draft: Draft, allowed: readonly InstanceState[], act: string): void {
  if (!allowed.includes(draft.state)) refuse(`is ${draft.state} and cannot be ${act}`);
}

function refuse(why: string): never {
  throw new Fault("conflict", "instance-state", `The instance ${why}.`);
}
