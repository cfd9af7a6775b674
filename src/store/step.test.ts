/** The step beside what other servers do at the same time: their clocks, their rescue of this one, their wait for slots. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { registerServer } from "../../test/setup/registered-server.ts";
import { moveInstance, settleByModel } from "../engine/settle.ts";
import { transaction } from "./database.ts";
import { insertInstances, listNodeRuns } from "./instances.ts";
import { type Claim, requeueLost, type StepReply, step } from "./node-runs.ts";
import { deleteServer, findUnknownServers, lockServer } from "./servers.ts";

const NOW = new Date("2026-01-01T00:00:00Z");
const after = (milliseconds: number) => new Date(NOW.getTime() + milliseconds);

interface Call {
  readonly now?: Date;
  readonly done?: readonly Claim[];
  readonly want?: number;
  readonly serverId?: string;
}

async function setup() {
  const { pool } = await testDatabase();
  const server = await registerServer(pool);
  const projectId = randomBytes(16).toString("hex");
  await pool.query("insert into project (id, name, created_at) values ($1, 'p', now())", [projectId]);
  /** Starts an instance with nodes of these successors; gives its id. */
  const start = async (graph: readonly (readonly number[])[], connection?: string) => {
    const nodes = graph.map((successors, nodeNo) => ({
      lane: "process" as const,
      need: graph.filter((others) => others.includes(nodeNo)).length,
      successors,
      ...(connection !== undefined && { connection }),
    }));
    const name = { projectId, workspaceId: "default", jobName: "j", origin: "manual" } as const;
    const rest = { waits: false, priority: 0, parameters: {}, plannedAt: NOW, createdBy: "test", nodes };
    const [id = 0] = await insertInstances(pool, [{ ...name, ...rest }], NOW);
    return id;
  };
  const call = ({ now = NOW, done = [], want = 0, serverId = server }: Call): Promise<StepReply> =>
    step(pool, {
      now,
      serverId,
      fence: randomBytes(6).readUIntBE(0, 6),
      successes: done.map((claim) => ({ claim })),
      wants: want > 0 ? [{ lane: "process", want }] : [],
      used: [],
    });
  const limit = (slots: number, connection: string) =>
    pool.query(
      `insert into slot_limit (project_id, kind, workspace_id, connection, slots, set_at, set_by)
       values ($1, 'connection', 'default', $2, $3, now(), 'test')`,
      [projectId, connection, slots],
    );
  return { pool, server, projectId, start, call, limit };
}

test("of two calls that overlap the second may bear the earlier time, and what follows both begins after both", async () => {
  const { pool, projectId, start, call } = await setup();
  const id = await start([[2], [2, 3], [], []]);
  const { claims } = await call({ now: after(100), want: 2 });
  const [first, second] = claims.toSorted((a, b) => a.nodeNo - b.nodeNo);
  await call({ now: after(300), done: first === undefined ? [] : [first] });
  const next = await call({ now: after(200), done: second === undefined ? [] : [second], want: 2 });
  expect(next.claims.map(({ nodeNo }) => nodeNo).toSorted()).toEqual([2, 3]);
  // The clock of the last one is behind those of the others.
  await call({ now: after(50), done: next.claims });
  const runs = await listNodeRuns(pool, projectId, id);
  const times = runs.map(({ startedAt, endedAt }) => [startedAt, endedAt]);
  expect(times).toEqual([
    [after(100), after(300)],
    [after(100), after(300)],
    [after(300), after(300)],
    [after(300), after(300)],
  ]);
  const { rows } = await pool.query("select ended_at from instance");
  expect(rows).toEqual([{ ended_at: after(300) }]);
});

test("an instance ends no earlier than its last node, whoever's time is written last", async () => {
  const { pool, start, call } = await setup();
  await start([[], []]);
  const { claims } = await call({ want: 2 });
  const [first, second] = claims;
  await call({ now: after(500), done: first === undefined ? [] : [first] });
  await call({ now: after(200), done: second === undefined ? [] : [second] });
  expect((await pool.query("select ended_at from instance")).rows).toEqual([{ ended_at: after(500) }]);
});

test("what the model moves bears no earlier time than what is written already, and the step goes on from there", async () => {
  const { pool, projectId, start, call } = await setup();
  const instanceId = await start([[2], [2], []]);
  const [first] = (await call({ now: after(400), want: 2 })).claims.toSorted((a, b) => a.nodeNo - b.nodeNo);
  const skipped = { move: { type: "skipped", nodeNo: 1 } } as const;
  await transaction(pool, (db) =>
    moveInstance(db, { projectId, instanceId, now: after(100) }, () => [skipped]),
  );
  const { claims } = await call({ now: after(200), done: first === undefined ? [] : [first], want: 1 });
  expect(claims).toMatchObject([{ nodeNo: 2 }]);
  const runs = await listNodeRuns(pool, projectId, instanceId);
  expect(runs.map(({ startedAt, endedAt }) => startedAt && endedAt && endedAt >= startedAt)).toEqual([
    true,
    true,
    null,
  ]);
  expect(runs[2]?.startedAt).toEqual(after(400));
});

test("a server that is not in the register claims nothing, and what it has done counts", async () => {
  const { pool, server, start, call } = await setup();
  await start([[1], []]);
  const { claims } = await call({ want: 1 });
  await deleteServer(pool, server);
  const reply = await call({ done: claims, want: 5 });
  expect(reply).toMatchObject({ claims: [], late: [], slow: [] });
  const { rows } = await pool.query("select state from node_run order by node_no");
  expect(rows).toEqual([{ state: "succeeded" }, { state: "ready" }]);
});

test("a call under way holds up the rescue of its server, which then takes all; none claims during the rescue", async () => {
  const { pool, server, start, call } = await setup();
  await start([[], []]);
  await pool.query("update server set lease_until = '-infinity'");
  const rescue = () =>
    transaction(pool, async (db) => {
      if (!(await lockServer(db, server))) return undefined;
      const requeued = await requeueLost(db, server, NOW, 3);
      // Nothing is claimed for it while this goes on, and nothing afterwards.
      expect((await call({ want: 2 })).claims).toEqual([]);
      await deleteServer(db, server);
      return requeued;
    });
  await transaction(pool, async (db) => {
    const wants = [{ lane: "process", want: 1 }] as const;
    const request = { now: NOW, serverId: server, fence: 7, successes: [], wants, used: [] };
    expect((await step(db, request)).claims).toHaveLength(1);
    expect(await rescue()).toBe(undefined);
  });
  expect(await rescue()).toBe(1);
  expect((await call({ want: 2 })).claims).toEqual([]);
  expect(await findUnknownServers(pool)).toEqual([]);
});

test("a slot of a limit that the call leaves to others who wait for it is told", async () => {
  const { pool, start, call, limit } = await setup();
  await limit(2, "c");
  await limit(1, "d");
  for (let n = 0; n < 4; n++) await start([[]], "c");
  await start([[]], "d");
  await start([[]]);
  const first = await call({ want: 9 });
  expect(first).toMatchObject({ freed: false, claims: { length: 4 } });
  const connectionOf = async ({ instanceId }: Claim) =>
    (await pool.query("select connection from node_run where instance_id = $1", [instanceId])).rows[0]
      .connection;
  const byConnection = async (name: string | null) => {
    const named = await Promise.all(first.claims.map(async (one) => ({ one, at: await connectionOf(one) })));
    return named.filter(({ at }) => at === name).map(({ one }) => one);
  };
  const [one, two] = await byConnection("c");
  // It takes the slot itself; then it has none to take it with; then nobody waits for the limit's slot.
  expect(await call({ done: one === undefined ? [] : [one], want: 1 })).toMatchObject({ freed: false });
  expect(await call({ done: two === undefined ? [] : [two] })).toMatchObject({ freed: true });
  expect(await call({ done: await byConnection("d") })).toMatchObject({ freed: false });
  expect(await call({ done: await byConnection(null) })).toMatchObject({ freed: false });
});

test("a slot of a limit that a failure gives back is told as well", async () => {
  const { pool, start, call, limit } = await setup();
  await limit(1, "c");
  await start([[]], "c");
  await start([[]]);
  const { claims } = await call({ want: 2 });
  const freed: (boolean | undefined)[] = [];
  for (const claim of claims.toSorted((a, b) => a.instanceId - b.instanceId)) {
    const failure = { type: "failed", claim, policy: "fail", nodeName: "n" } as const;
    freed.push((await settleByModel(pool, failure, NOW))?.freed);
  }
  expect(freed).toEqual([true, false]);
});
