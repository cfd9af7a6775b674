/** Instances on a real database beside the model of them: whatever befalls both, they agree after each event. */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { Fault } from "../../src/domain/fault.ts";
import { advance, type Move, type Progress } from "../../src/domain/progress.ts";
import { INSTANCE_ENDED } from "../../src/domain/states.ts";
import { moveInstance, type Settlement, settleByModel } from "../../src/engine/settle.ts";
import { type DatabasePool, transaction } from "../../src/store/database.ts";
import { insertInstances } from "../../src/store/instances.ts";
import { type Claim, type PlainSuccess, step } from "../../src/store/node-runs.ts";
import { lockInstance } from "../../src/store/progress.ts";
import { registerServer } from "../setup/registered-server.ts";

const SERVER = "5e".repeat(16);
const NOW = new Date("2026-01-01T00:00:00Z");

/** Edges: for each node the numbers of its successors, all larger than its own. */
type Graph = readonly (readonly number[])[];

function graphs(nodesMax: number, stepMax: number): fc.Arbitrary<Graph> {
  return fc
    .array(fc.array(fc.nat({ max: stepMax }), { maxLength: 3 }), { minLength: 1, maxLength: nodesMax })
    .map((nodes) =>
      nodes.map((steps, nodeNo) =>
        [...new Set(steps.map((one) => nodeNo + 1 + one))]
          .filter((next) => next < nodes.length)
          .sort((a, b) => a - b),
      ),
    );
}

const STARTS = fc.array(
  fc.record({
    graph: fc.oneof(
      { weight: 12, arbitrary: graphs(9, 5) },
      { weight: 3, arbitrary: graphs(40, 12) },
      { weight: 1, arbitrary: graphs(200, 60) },
    ),
    waits: fc.boolean(),
  }),
  { minLength: 1, maxLength: 3 },
);

const ACTS = ["release", "stop", "pause", "resume", "force-success", "time-out"] as const;
const NODE_ACTS = ["hold-node", "let-node-go", "settle-node"] as const;
const RERUNS = ["rerun", "rerun-from", "rerun-first", "rerun-failed"] as const;
const POLICIES = ["fail", "ignore", "suspend", "fail-child"] as const;

/** What is done next; `pick` chooses among what is possible, `count` how many at once. */
const DEEDS = fc.record({
  deed: fc.oneof(
    { weight: 7, arbitrary: fc.constant("claim") },
    { weight: 9, arbitrary: fc.constant("succeed") },
    { weight: 7, arbitrary: fc.constantFrom("fail", "fail", "skip", "skip", "retry", "retry", "cancel") },
    { weight: 7, arbitrary: fc.constantFrom("resume", ...ACTS) },
    { weight: 3, arbitrary: fc.constantFrom(...NODE_ACTS) },
    { weight: 4, arbitrary: fc.constantFrom(...RERUNS) },
  ),
  pick: fc.nat({ max: 1000 }),
  count: fc.integer({ min: 1, max: 8 }),
});

interface Play {
  readonly pool: DatabasePool;
  readonly projectId: string;
  readonly models: Map<number, Progress>;
  /** Instances that the last deed may have changed. */
  readonly touched: Set<number>;
  readonly running: Claim[];
  /** Settled already. */
  readonly late: Claim[];
}

/** `onEvents` is told how many events each play had. */
export function progressProperty(pool: DatabasePool, onEvents: (events: number) => void) {
  let plays = 0;
  return fc.asyncProperty(
    STARTS,
    fc.array(DEEDS, { minLength: 45, maxLength: 100 }),
    async (starts, done) => {
      await pool.query("truncate node_run, attempt, instance, run_end, server cascade");
      await registerServer(pool, SERVER);
      plays += 1;
      const projectId = createHash("md5").update(String(plays)).digest("hex");
      const play: Play = { pool, projectId, models: new Map(), touched: new Set(), running: [], late: [] };
      await addInstances(play, starts);
      for (const { deed, pick, count } of done) {
        play.touched.clear();
        await doDeed(play, deed, pick, count);
        await compare(play, play.touched);
      }
      await compare(play, play.models.keys());
      onEvents(done.length);
    },
  );
}

async function doDeed(play: Play, deed: string, pick: number, count: number): Promise<void> {
  const act = ACTS.find((one) => one === deed);
  if (deed === "claim") await claim(play, count);
  else if (deed === "succeed") await succeed(play, pick, count);
  else if (act !== undefined) await operate(play, pick, () => ({ type: act }));
  else if ([...NODE_ACTS, ...RERUNS].some((one) => one === deed))
    await operate(play, pick, (nodes) => actOnNode(deed, (pick * 7 + count) % nodes));
  else await settleOne(play, deed, pick);
}

function actOnNode(deed: string, nodeNo: number): Move {
  switch (deed) {
    case "hold-node":
    case "let-node-go":
      return { type: deed, nodeNo };
    case "settle-node":
      return { type: deed, nodeNo, as: nodeNo % 2 === 0 ? "succeeded" : "skipped" };
    case "rerun-from":
      return { type: "rerun", from: nodeNo };
    case "rerun-first":
      return { type: "rerun", from: "first" };
    case "rerun-failed":
      return { type: "rerun", from: "failed" };
    default:
      return { type: "rerun" };
  }
}

async function addInstances(
  play: Play,
  starts: readonly { readonly graph: Graph; readonly waits: boolean }[],
): Promise<void> {
  const ids = await insertInstances(
    play.pool,
    starts.map(({ graph, waits }) => ({
      projectId: play.projectId,
      workspaceId: "default",
      jobName: "j",
      origin: "manual",
      waits,
      priority: 0,
      parameters: {},
      plannedAt: NOW,
      createdBy: "test",
      nodes: graph.map((successors, nodeNo) => ({ lane: "inline", need: needOf(graph, nodeNo), successors })),
    })),
    NOW,
  );
  for (const [index, { graph, waits }] of starts.entries())
    play.models.set(ids[index] ?? 0, beginning(graph, waits));
  await compare(play, play.models.keys());
}

function beginning(graph: Graph, waits: boolean): Progress {
  const nodes = graph.map((successors, nodeNo) => {
    const need = needOf(graph, nodeNo);
    const state = need === 0 && !waits ? "ready" : "waiting";
    return { state, need, live: need === 0, held: false, passed: false, successors } as const;
  });
  const state = waits ? "waiting" : "running";
  return { state, failedBranch: false, ignoreSuccess: false, forceSuccess: false, nodes };
}

function needOf(graph: Graph, nodeNo: number): number {
  return graph.filter((successors) => successors.includes(nodeNo)).length;
}

/** Applies a move to the model, or gives the refusal's code. */
function moveModel(play: Play, instanceId: number, move: Move): string | undefined {
  const before = play.models.get(instanceId);
  assert(before);
  play.touched.add(instanceId);
  try {
    play.models.set(instanceId, advance(before, move));
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

async function claim(play: Play, count: number): Promise<void> {
  const ready = [...play.models.values()].flatMap(({ nodes }) =>
    nodes.filter(({ state }) => state === "ready"),
  );
  const { claims } = await callStep(play, [], count);
  assert.equal(claims.length, Math.min(count, ready.length));
  for (const taken of claims) {
    const model = play.models.get(taken.instanceId);
    assert(model);
    assert.equal(model.nodes[taken.nodeNo]?.state, "ready");
    const nodes = model.nodes.map((node, no) =>
      no === taken.nodeNo ? { ...node, state: "running" as const } : node,
    );
    play.models.set(taken.instanceId, { ...model, nodes });
    play.touched.add(taken.instanceId);
    play.running.push(taken);
  }
}

let fences = 0;
function callStep(play: Play, claims: readonly Claim[], want: number) {
  fences += 1;
  const successes = claims.map((one): PlainSuccess => ({ claim: one }));
  const wants = want > 0 ? [{ lane: "inline" as const, want }] : [];
  return step(play.pool, { now: NOW, serverId: SERVER, fence: fences, successes, wants, used: [] });
}

/** Several in two calls at the same time, together with one that comes too late. */
async function succeed(play: Play, pick: number, count: number): Promise<void> {
  const batch = play.running.splice(pick % Math.max(1, play.running.length), count);
  if (batch.length === 0) return;
  const late = play.late.slice(-1);
  const before = new Map(play.models);
  const middle = pick % (batch.length + 1);
  const parts = [[...batch.slice(0, middle), ...late], batch.slice(middle)];
  const replies = await Promise.all(parts.map((part) => callStep(play, part, 0)));
  const claimsOf = (list: readonly PlainSuccess[]) => list.map((one) => one.claim).toSorted(byKey);
  assert.deepEqual(claimsOf(replies.flatMap((reply) => reply.late)), late);
  // The instances' states when the calls began decide which way a success goes.
  const isPlain = ({ instanceId }: Claim) => {
    const model = before.get(instanceId);
    return model?.state === "running" && !model.failedBranch;
  };
  const slow = claimsOf(replies.flatMap((reply) => reply.slow));
  assert.deepEqual(slow, batch.filter((taken) => !isPlain(taken)).toSorted(byKey));
  for (const { instanceId, nodeNo } of batch.filter(isPlain))
    assert.equal(moveModel(play, instanceId, { type: "succeeded", nodeNo }), undefined);
  const ended = [...play.models].flatMap(([id, { state }]) =>
    state === "succeeded" && before.get(id)?.state === "running" ? [id] : [],
  );
  const told = replies.flatMap((reply) => reply.ended.map(({ instanceId }) => instanceId));
  assert.deepEqual(told.toSorted(), ended.toSorted());
  for (const one of slow)
    await settle(play, { type: "succeeded", claim: one }, { type: "succeeded", nodeNo: one.nodeNo });
  play.late.push(...batch);
}

function byKey(a: Claim, b: Claim): number {
  return a.instanceId - b.instanceId || a.nodeNo - b.nodeNo;
}

/** Settled once; the second time changes nothing. */
async function settle(play: Play, settlement: Settlement, move: Move): Promise<void> {
  assert(await settleByModel(play.pool, settlement, NOW));
  assert.equal(moveModel(play, settlement.claim.instanceId, move), undefined);
  assert.equal(await settleByModel(play.pool, settlement, NOW), undefined);
}

async function settleOne(play: Play, deed: string, pick: number): Promise<void> {
  const [taken] = play.running.splice(pick % Math.max(1, play.running.length), 1);
  if (taken === undefined) return;
  const { nodeNo } = taken;
  const policy = POLICIES[pick % 4] ?? "fail";
  const { state } = play.models.get(taken.instanceId) ?? {};
  if (deed === "fail")
    await settle(
      play,
      { type: "failed", claim: taken, policy, nodeName: "n" },
      { type: "failed", nodeNo, policy },
    );
  else if (deed === "skip")
    await settle(play, { type: "skipped", claim: taken }, { type: "skipped", nodeNo });
  else if (deed === "cancel" && (state === "stopping" || state === "failing"))
    await settle(play, { type: "cancelled", claim: taken }, { type: "cancelled", nodeNo });
  else
    await settle(
      play,
      { type: "retried", claim: taken, outcome: "failed", readyAt: NOW, triesAdded: 1 },
      { type: "retried", nodeNo },
    );
  play.late.push(taken);
}

async function operate(play: Play, pick: number, moveOf: (nodes: number) => Move): Promise<void> {
  const ids = [...play.models.keys()];
  const instanceId = ids[pick % ids.length] ?? 0;
  const move = moveOf(play.models.get(instanceId)?.nodes.length ?? 1);
  const expected = moveModel(play, instanceId, move);
  const key = { projectId: play.projectId, instanceId, now: NOW };
  const done = transaction(play.pool, (db) => moveInstance(db, key, () => [{ move }]));
  if (expected === undefined) await done;
  else await assert.rejects(done, { code: expected });
}

/** Every row of the instances is as the model has it. */
async function compare(play: Play, instanceIds: Iterable<number>): Promise<void> {
  for (const instanceId of instanceIds) {
    const model = play.models.get(instanceId);
    assert(model);
    const locked = await transaction(play.pool, (db) => lockInstance(db, play.projectId, instanceId));
    assert.deepEqual(locked?.progress, model);
    const { rows } = await play.pool.query<{ left_sinks: number; ended: boolean }>(
      "select left_sinks, ended_at is not null as ended from instance where project_id = $1 and id = $2",
      [play.projectId, instanceId],
    );
    const sinks = model.nodes.filter(
      ({ successors, state }) => successors.length === 0 && ["waiting", "ready", "running"].includes(state),
    );
    assert.deepEqual(rows[0], { left_sinks: sinks.length, ended: INSTANCE_ENDED.includes(model.state) });
  }
}
