/** How an instance goes on: the pure model of what follows when a node ends or somebody acts. */
import { Fault } from "./fault.ts";
import type { FailPolicy } from "./job.ts";
import { INSTANCE, type InstanceState, mayMove, NODE_RUN_ENDED, type NodeRunState } from "./states.ts";

/** What the model knows of an instance: enough to say how it goes on. */
export interface Progress {
  readonly state: InstanceState;
  /** A node failed under FAIL_CHILD: other branches go on, and the instance ends as failed. */
  readonly failedBranch: boolean;
  readonly ignoreSuccess: boolean;
  /** Somebody wants it to end as succeeded; while it is `stopping`, that is how it will end. */
  readonly forceSuccess: boolean;
  /** By `nodeNo`, so every successor stands behind its predecessors. */
  readonly nodes: readonly NodeProgress[];
}

export interface NodeProgress {
  readonly state: NodeRunState;
  /** Predecessors that have not ended; and one more while the node is held. */
  readonly need: number;
  /** Whether a predecessor ended otherwise than skipped, or was passed over. */
  readonly live: boolean;
  /** Somebody holds it back until they let it go. */
  readonly held: boolean;
  /** Its successors go on although it failed (its IGNORE policy) or was skipped (by hand). */
  readonly passed: boolean;
  readonly successors: readonly number[];
}

/** Where a rerun begins: with the first nodes, with those that did not succeed, or with this one and all below it. */
export type RerunFrom = "first" | "failed" | number;

/** Something that befalls an instance. */
export type Move =
  /** To a node that runs. */
  | { readonly type: "succeeded" | "skipped" | "cancelled"; readonly nodeNo: number }
  /** To a node that runs, after its last try. */
  | { readonly type: "failed"; readonly nodeNo: number; readonly policy: FailPolicy }
  /** An attempt ended without settling its node: it is to be tried again. */
  | { readonly type: "retried"; readonly nodeNo: number }
  /** A waiting instance may begin. */
  | { readonly type: "release" }
  /** A waiting instance is held until it is unfrozen. */
  | { readonly type: "freeze" | "unfreeze" }
  /** An instance that has not begun never will: what it waited for did not succeed, or it is passed over. */
  | { readonly type: "dismiss"; readonly as: "failed" | "skipped" }
  /** Its time is over: it fails. */
  | { readonly type: "time-out" }
  | { readonly type: "stop" | "pause" | "resume" | "force-success" }
  | { readonly type: "hold-node" | "let-node-go"; readonly nodeNo: number }
  /** Somebody decides how a failed node, or one whose turn has come, is to count; its successors go on. */
  | { readonly type: "settle-node"; readonly nodeNo: number; readonly as: "succeeded" | "skipped" }
  /** Without `from`: after a success from the first nodes, else from the failed ones (dataarts-factory 4.7). */
  | { readonly type: "rerun"; readonly from?: RerunFrom };

interface Draft {
  state: InstanceState;
  failedBranch: boolean;
  ignoreSuccess: boolean;
  forceSuccess: boolean;
  readonly nodes: DraftNode[];
}

interface DraftNode {
  state: NodeRunState;
  need: number;
  live: boolean;
  held: boolean;
  passed: boolean;
  readonly successors: readonly number[];
}

/** It has not begun. */
const UNBEGUN: readonly InstanceState[] = ["waiting", "frozen"];
const STOPPABLE: readonly InstanceState[] = [...UNBEGUN, "running", "paused", "suspended"];
const RERUNNABLE: readonly InstanceState[] = ["succeeded", "failed", "stopped", "suspended"];
const FORCIBLE: readonly InstanceState[] = [
  ...UNBEGUN,
  "running",
  "paused",
  "suspended",
  "failing",
  "stopping",
  "failed",
  "stopped",
];
/** States in which the engine goes on by itself, or would if nobody held it. */
const UNDER_WAY: readonly InstanceState[] = ["running", "paused", "suspended"];

/**
 * How an instance goes on after `move`.
 * @throws Fault `instance-state` or `node-state` for an act that the state does not allow; `node-missing`.
 * Source of the rules: dataarts-factory 4.7 and 4.8, docs/failure-policies.md, docs/operating-runs.md.
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
    default:
      act(draft, move);
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

type Act = Exclude<Move, { readonly type: "succeeded" | "skipped" | "cancelled" | "failed" | "retried" }>;

function act(draft: Draft, move: Act): void {
  switch (move.type) {
    case "release":
      expectState(draft, ["waiting"], "released");
      go(draft);
      break;
    case "freeze":
      expectState(draft, ["waiting"], "frozen");
      moveTo(draft, "frozen");
      break;
    case "unfreeze":
      expectState(draft, ["frozen"], "unfrozen");
      moveTo(draft, "waiting");
      break;
    case "dismiss":
      expectState(draft, UNBEGUN, "passed over");
      end(draft, move.as);
      break;
    case "time-out":
      expectState(draft, ["waiting", "running"], "ended by its time");
      end(draft, draft.state === "waiting" ? "failed" : "failing");
      break;
    case "stop":
      expectState(draft, STOPPABLE, "stopped");
      end(draft, UNBEGUN.includes(draft.state) ? "stopped" : "stopping");
      break;
    case "pause":
      expectState(draft, ["running"], "paused");
      hold(draft, "paused");
      break;
    case "resume":
      expectState(draft, ["paused"], "resumed");
      go(draft);
      break;
    case "force-success":
      forceSuccess(draft);
      break;
    case "hold-node":
      holdNode(draft, move.nodeNo);
      break;
    case "let-node-go":
      letNodeGo(draft, move.nodeNo);
      break;
    case "settle-node":
      settleNode(draft, move.nodeNo, move.as);
      break;
    case "rerun":
      rerun(draft, move.from);
      break;
    default:
      move satisfies never;
  }
}

/** An instance whose nodes have all ended, or that was to end and of which nothing runs any more, ends. */
function closed(draft: Draft): Progress {
  if (draft.nodes.some((node) => !nodeEnded(node.state))) return draft;
  if (draft.state === "running" || draft.state === "paused")
    moveTo(draft, draft.failedBranch ? "failed" : "succeeded");
  else if (draft.state === "failing") moveTo(draft, "failed");
  else if (draft.state === "stopping") moveTo(draft, draft.forceSuccess ? "succeeded" : "stopped");
  return draft;
}

/** Ends a node and lets its successors know; those that have nothing more to wait for become ready or are skipped. */
function endNode(
  draft: Draft,
  nodeNo: number,
  state: "succeeded" | "failed" | "skipped",
  passed = false,
): void {
  const ended = setNode(draft, nodeNo, state);
  ended.passed = passed;
  for (const next of ended.successors) {
    const node = nodeOf(draft, next);
    if (node.state !== "waiting") continue;
    node.need -= 1;
    if (state !== "skipped" || passed) node.live = true;
    if (node.need === 0) begin(draft, next);
  }
}

/** What becomes of a node that waits for nothing more. */
function begin(draft: Draft, nodeNo: number): void {
  if (nodeOf(draft, nodeNo).live) holdOrReady(draft, nodeNo);
  else endNode(draft, nodeNo, "skipped");
}

function failNode(draft: Draft, nodeNo: number, policy: FailPolicy): void {
  if (policy === "ignore") {
    draft.ignoreSuccess = true;
    endNode(draft, nodeNo, "failed", true);
    return;
  }
  setNode(draft, nodeNo, "failed");
  // An instance that is ending already goes on ending as it began to.
  if (!UNDER_WAY.includes(draft.state)) return;
  if (policy === "fail") end(draft, "failing");
  else if (policy === "suspend") hold(draft, "suspended");
  else {
    draft.failedBranch = true;
    cancelBelow(draft, nodeNo);
  }
}

function cancelBelow(draft: Draft, nodeNo: number): void {
  for (const next of nodeOf(draft, nodeNo).successors) {
    if (nodeOf(draft, next).state !== "waiting") continue;
    setNode(draft, next, "cancelled");
    cancelBelow(draft, next);
  }
}

/** Nothing more starts, and what runs is told to end. */
function end(draft: Draft, state: InstanceState): void {
  moveTo(draft, state);
  for (const [nodeNo, node] of draft.nodes.entries())
    if (node.state === "waiting" || node.state === "ready") setNode(draft, nodeNo, "cancelled");
}

/** Nothing more starts until somebody acts; what runs goes on. */
function hold(draft: Draft, state: "paused" | "suspended"): void {
  if (draft.state !== state) moveTo(draft, state);
  for (const node of draft.nodes) if (node.state === "ready") node.state = "waiting";
}

/** What waits for nothing but this becomes ready. */
function go(draft: Draft): void {
  moveTo(draft, "running");
  for (const node of draft.nodes) if (node.state === "waiting" && node.need === 0) node.state = "ready";
}

/** Nothing starts in an instance that has not begun, is held or is ending. */
function holdOrReady(draft: Draft, nodeNo: number): void {
  if (draft.state === "running") setNode(draft, nodeNo, "ready");
  else setNode(draft, nodeNo, mayGoOn(draft.state) ? "waiting" : "cancelled");
}

function mayGoOn(state: InstanceState): boolean {
  return state !== "failing" && state !== "stopping";
}

function forceSuccess(draft: Draft): void {
  expectState(draft, FORCIBLE, "ended as succeeded");
  if (draft.forceSuccess) refuse("instance-state", "The instance is being ended as succeeded already.");
  draft.forceSuccess = true;
  if (UNDER_WAY.includes(draft.state) || draft.state === "failing") end(draft, "stopping");
  else if (draft.state !== "stopping") end(draft, "succeeded");
}

/** A hold is one thing more that the node waits for, so nothing that settles its predecessors has to know of it. */
function holdNode(draft: Draft, nodeNo: number): void {
  expectState(draft, [...UNBEGUN, ...UNDER_WAY], "held in one node");
  const node = nodeOf(draft, nodeNo);
  if (node.held) refuse("node-state", "The node is held already.");
  if (node.state !== "waiting" && node.state !== "ready")
    refuse("node-state", `The node is ${node.state} and cannot be held.`);
  node.state = "waiting";
  node.held = true;
  node.need += 1;
}

function letNodeGo(draft: Draft, nodeNo: number): void {
  const node = nodeOf(draft, nodeNo);
  if (!node.held) refuse("node-state", "The node is not held.");
  node.held = false;
  node.need -= 1;
  if (node.need === 0) begin(draft, nodeNo);
}

function settleNode(draft: Draft, nodeNo: number, as: "succeeded" | "skipped"): void {
  expectState(draft, [...UNDER_WAY, "failed", "stopped"], "settled in one node");
  const node = nodeOf(draft, nodeNo);
  const turn = (node.state === "waiting" || node.state === "ready") && node.need === (node.held ? 1 : 0);
  if (turn) {
    endNode(draft, nodeNo, as, as === "skipped");
    return;
  }
  if (!isUnsettledFailure(node))
    refuse("node-state", `The node is ${node.state}: it has not failed, and its turn has not come.`);
  if (draft.state === "running" || draft.state === "paused")
    refuse("node-state", "The node's branch has been given up; rerun the instance when it has ended.");
  endNode(draft, nodeNo, as, as === "skipped");
  if (draft.state === "suspended" && draft.nodes.some(isUnsettledFailure)) return;
  beginAnew(draft, whatStays(draft, "failed"));
}

function isUnsettledFailure(node: DraftNode): boolean {
  return node.state === "failed" && !node.passed;
}

/** Where all nodes would stay as they are, all begin anew. */
function rerun(draft: Draft, given: RerunFrom | undefined): void {
  expectState(draft, RERUNNABLE, "run again");
  const from = given ?? (draft.state === "succeeded" ? "first" : "failed");
  if (typeof from === "number") nodeOf(draft, from);
  const stays = whatStays(draft, from);
  if (stays.every(Boolean)) stays.fill(false);
  if (draft.nodes.some((node, nodeNo) => node.state === "running" && !stays[nodeNo]))
    refuse("node-state", "A node that would begin anew still runs; wait for its end, or stop the instance.");
  beginAnew(draft, stays);
}

/**
 * A node stays as it is when it succeeded, was skipped, runs, or failed and was passed over, and all before it stay; the
 * others begin anew.
 */
function whatStays(draft: Draft, from: RerunFrom): boolean[] {
  const before = predecessors(draft.nodes);
  const stays: boolean[] = [];
  for (const [nodeNo, { state, passed }] of draft.nodes.entries()) {
    const done = state === "succeeded" || state === "skipped" || state === "running" || passed;
    const asked = from === "first" || from === nodeNo;
    stays.push(done && !asked && (before[nodeNo] ?? []).every((no) => stays[no]));
  }
  return stays;
}

function beginAnew(draft: Draft, stays: readonly boolean[]): void {
  const before = predecessors(draft.nodes);
  for (const [nodeNo, node] of draft.nodes.entries()) {
    if (stays[nodeNo]) continue;
    const ended = (before[nodeNo] ?? []).filter((no) => stays[no] && nodeEnded(nodeOf(draft, no).state));
    node.state = "waiting";
    node.passed = false;
    node.need = (before[nodeNo] ?? []).length - ended.length + (node.held ? 1 : 0);
    node.live = before[nodeNo]?.length === 0 || ended.some((no) => letsPass(nodeOf(draft, no)));
  }
  draft.failedBranch = false;
  draft.forceSuccess = false;
  draft.ignoreSuccess = draft.nodes.some((node) => node.state === "failed");
  go(draft);
}

function letsPass({ state, passed }: NodeProgress): boolean {
  return state !== "skipped" || passed;
}

function predecessors(nodes: readonly NodeProgress[]): number[][] {
  const before: number[][] = nodes.map(() => []);
  for (const [nodeNo, node] of nodes.entries())
    for (const next of node.successors) before[next]?.push(nodeNo);
  return before;
}

/** A node that has ended, or was given up, is held by nobody. */
function setNode(draft: Draft, nodeNo: number, state: NodeRunState): DraftNode {
  const node = nodeOf(draft, nodeNo);
  node.state = state;
  if (nodeEnded(state)) node.held = false;
  return node;
}

function nodeOf(draft: Draft, nodeNo: number): DraftNode {
  return draft.nodes[nodeNo] ?? refuse("node-missing", `The instance has no node ${nodeNo}.`);
}

/** Only along the machine's edges. */
function moveTo(draft: Draft, state: InstanceState): void {
  if (!mayMove(INSTANCE, draft.state, state))
    refuse("instance-state", `The instance cannot go from ${draft.state} to ${state}.`);
  draft.state = state;
}

function expectState(draft: Draft, allowed: readonly InstanceState[], done: string): void {
  if (!allowed.includes(draft.state))
    refuse("instance-state", `The instance is ${draft.state} and cannot be ${done}.`);
}

function refuse(code: "instance-state" | "node-state" | "node-missing", message: string): never {
  throw new Fault(code === "node-missing" ? "not-found" : "conflict", code, message);
}
