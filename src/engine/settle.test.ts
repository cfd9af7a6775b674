/** The database agrees with the pure model, whatever befalls instances and in whatever order. */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type TestDatabase, testDatabase } from "../../test/setup/postgres.ts";
import { Fault } from "../domain/fault.ts";
import { advance, type Move, type Progress } from "../domain/progress.ts";
import { INSTANCE_ENDED } from "../domain/states.ts";
import { transaction } from "../store/database.ts";
import { insertInstances } from "../store/instances.ts";
import { type Claim, type PlainSuccess, step } from "../store/node-runs.ts";
import { lockInstance } from "../store/progress.ts";
import { moveInstance, type Settlement, settleByModel } from "./settle.ts";

const SERVER = randomBytes(16).toString("hex");
const NOW = new Date("2026-01-01T00:00:00Z");

/** Edges of a graph: for each node the numbers of its successors, all larger than its own. */
const graphs = fc
  .array(fc.array(fc.nat({ max: 5 }), { maxLength: 3 }), { minLength: 1, maxLength: 9 })
  .map((nodes) =>
    nodes.map((steps, nodeNo) =>
      [...new Set(steps.map((step) => nodeNo + 1 + step))]
        .filter((next) => next < nodes.length)
        .sort((a, b) => a - b),
    ),
  );

const POLICIES = ["fail", "ignore", "suspend", "fail-child"] as const;

/** What is done next; `pick` chooses among what is possible. */
const deeds = fc.record({
  deed: fc.constantFrom(
    "claim",
    "claim",
    "succeed",
    "succeed",
    "succeed",
    "fail",
    "skip",
    "retry",
    "cancel",
    "stop",
    "rerun",
    "release",
  ),
  pick: fc.nat({ max: 1000 }),
  count: fc.integer({ min: 1, max: 4 }),
});

interface Play {
  readonly database: TestDatabase;
  readonly projectId: string;
  readonly models: Map<number, Progress>;
  readonly running: Claim[];
  /** Settled already. */
  readonly late: Claim[];
}

async function addInstances(
  play: Play,
  made: readonly { graph: number[][]; waits: boolean }[],
): Promise<void> {
  const { pool } = play.database;
  const ids = await insertInstances(
    pool,
    made.map(({ graph, waits }) => ({
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
  for (const [index, { graph, waits }] of made.entries()) {
    const nodes = graph.map((successors, nodeNo) => {
      const need = needOf(graph, nodeNo);
      return {
        state: need === 0 && !waits ? "ready" : "waiting",
        need,
        live: need === 0,
        held: false,
        passed: false,
        successors,
      } as const;
    });
    const state = waits ? "waiting" : "running";
    play.models.set(ids[index] ?? 0, {
      state,
      failedBranch: false,
      ignoreSuccess: false,
      forceSuccess: false,
      nodes,
    });
  }
}

function needOf(graph: readonly number[][], nodeNo: number): number {
  return graph.filter((successors) => successors.includes(nodeNo)).length;
}

/** Applies a move to the model, or gives the refusal's code. */
function moveModel(play: Play, instanceId: number, move: Move): string | undefined {
  const before = play.models.get(instanceId);
  if (before === undefined) return "instance-missing";
  try {
    play.models.set(instanceId, advance(before, move));
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

async function claim(play: Play, count: number): Promise<void> {
  const reply = await callStep(play, [], count);
  const ready = [...play.models.values()].flatMap(({ nodes }) =>
    nodes.filter(({ state }) => state === "ready"),
  );
  expect(reply.claims.length).toBe(Math.min(count, ready.length));
  takeClaims(play, reply.claims);
}

function takeClaims(play: Play, claims: readonly Claim[]): void {
  for (const taken of claims) {
    const model = play.models.get(taken.instanceId);
    expect(model?.nodes[taken.nodeNo]?.state).toBe("ready");
    if (model === undefined) continue;
    const nodes = model.nodes.map((node, no) =>
      no === taken.nodeNo ? { ...node, state: "running" as const } : node,
    );
    play.models.set(taken.instanceId, { ...model, nodes });
    play.running.push(taken);
  }
}

let fences = 0;
function callStep(play: Play, successes: readonly PlainSuccess[], want: number) {
  fences += 1;
  const wants = want > 0 ? [{ lane: "inline" as const, want }] : [];
  return step(play.database.pool, { now: NOW, serverId: SERVER, fence: fences, successes, wants, used: [] });
}

/** Several at once, together with some that come too late; then claims in the same call. */
async function succeed(play: Play, pick: number, count: number): Promise<void> {
  const batch = play.running.splice(pick % Math.max(1, play.running.length), count);
  if (batch.length === 0) return;
  const late = play.late.slice(-1);
  const before = new Map(play.models);
  const reply = await callStep(
    play,
    [...batch, ...late].map((taken) => ({ claim: taken })),
    pick % 3,
  );
  expect(reply.late.map(({ claim: { fence } }) => fence)).toEqual(late.map(({ fence }) => fence));
  // The instances' states when the call began decide which way a success goes.
  const plain = (taken: Claim) => {
    const model = before.get(taken.instanceId);
    return model?.state === "running" && !model.failedBranch;
  };
  expect(reply.slow.map((success) => success.claim).toSorted(byKey)).toEqual(
    batch.filter((taken) => !plain(taken)).toSorted(byKey),
  );
  for (const taken of batch.filter(plain))
    moveModel(play, taken.instanceId, { type: "succeeded", nodeNo: taken.nodeNo });
  const ended = [...play.models].filter(
    ([id, { state }]) => state === "succeeded" && before.get(id)?.state === "running",
  );
  expect(reply.ended.map(({ instanceId }) => instanceId).toSorted()).toEqual(
    ended.map(([id]) => id).toSorted(),
  );
  takeClaims(play, reply.claims);
  for (const success of reply.slow)
    await settle(
      play,
      { type: "succeeded", ...success },
      { type: "succeeded", nodeNo: success.claim.nodeNo },
    );
  play.late.push(...batch);
}

function byKey(a: Claim, b: Claim): number {
  return a.instanceId - b.instanceId || a.nodeNo - b.nodeNo;
}

async function settle(play: Play, settlement: Settlement, move: Move): Promise<void> {
  const moved = await settleByModel(play.database.pool, settlement, NOW);
  expect(moved).toBeDefined();
  expect(moveModel(play, settlement.claim.instanceId, move)).toBeUndefined();
  const again = await settleByModel(play.database.pool, settlement, NOW);
  expect(again).toBeUndefined();
}

async function settleOne(play: Play, deed: string, pick: number): Promise<void> {
  const [taken] = play.running.splice(pick % Math.max(1, play.running.length), 1);
  if (taken === undefined) return;
  const { nodeNo } = taken;
  const policy = POLICIES[pick % 4] ?? "fail";
  if (deed === "fail")
    await settle(
      play,
      { type: "failed", claim: taken, policy, nodeName: "n" },
      { type: "failed", nodeNo, policy },
    );
  else if (deed === "skip")
    await settle(play, { type: "skipped", claim: taken }, { type: "skipped", nodeNo });
  else if (deed === "cancel") {
    // Only attempts of instances that are to end are cancelled.
    const { state } = play.models.get(taken.instanceId) ?? {};
    if (state !== "stopping" && state !== "failing") return void play.running.push(taken);
    await settle(play, { type: "cancelled", claim: taken }, { type: "cancelled", nodeNo });
  } else
    await settle(
      play,
      { type: "retried", claim: taken, outcome: "failed", readyAt: NOW, triesAdded: 1 },
      { type: "retried", nodeNo },
    );
  play.late.push(taken);
}

async function operate(play: Play, type: "stop" | "rerun" | "release", pick: number): Promise<void> {
  const ids = [...play.models.keys()];
  const instanceId = ids[pick % ids.length] ?? 0;
  const key = { projectId: play.projectId, instanceId, now: NOW };
  const expected = moveModel(play, instanceId, { type });
  const done = transaction(play.database.pool, (db) => moveInstance(db, key, () => [{ move: { type } }]));
  if (expected !== undefined) await expect(done).rejects.toMatchObject({ code: expected });
  else await done;
}

/** Every row is as the model has it. */
async function compare(play: Play): Promise<void> {
  const { pool } = play.database;
  for (const [instanceId, model] of play.models) {
    const locked = await transaction(pool, (db) => lockInstance(db, play.projectId, instanceId));
    expect(locked?.progress).toEqual(model);
    const { rows } = await pool.query<{ left_sinks: number; ended: boolean }>(
      "select left_sinks, ended_at is not null as ended from instance where project_id = $1 and id = $2",
      [play.projectId, instanceId],
    );
    const sinks = model.nodes.filter(
      ({ successors, state }) => successors.length === 0 && ["waiting", "ready", "running"].includes(state),
    );
    expect(rows[0]).toEqual({ left_sinks: sinks.length, ended: INSTANCE_ENDED.includes(model.state) });
  }
}

test("the database goes on exactly as the model does, on random graphs under random events", async () => {
  const database = await testDatabase();
  const starts = fc.array(fc.record({ graph: graphs, waits: fc.boolean() }), { minLength: 1, maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(starts, fc.array(deeds, { minLength: 10, maxLength: 40 }), async (made, done) => {
      await database.pool.query("truncate node_run, attempt, instance cascade");
      const projectId = randomBytes(16).toString("hex");
      const play: Play = { database, projectId, models: new Map(), running: [], late: [] };
      await addInstances(play, made);
      for (const { deed, pick, count } of done) {
        if (deed === "claim") await claim(play, count);
        else if (deed === "succeed") await succeed(play, pick, count);
        else if (deed === "stop" || deed === "rerun" || deed === "release") await operate(play, deed, pick);
        else await settleOne(play, deed, pick);
        await compare(play);
      }
    }),
    { numRuns: 60, seed: 20010401, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
  );
}, 120_000);
