/** What the step claims: shares of projects by weight, within limits, whatever is ready and whoever claims beside it. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { registerServer } from "../../test/setup/registered-server.ts";
import type { Lane } from "../domain/instance.ts";
import { insertInstances } from "./instances.ts";
import { type Claim, requeueLost, type StepReply, step, type UsedSlots } from "./node-runs.ts";

const NOW = new Date("2026-01-01T00:00:00Z");
const newId = () => randomBytes(16).toString("hex");

interface Asked {
  readonly want: number;
  readonly lane?: Lane;
  readonly used?: readonly UsedSlots[];
  readonly serverId?: string;
  readonly done?: readonly Claim[];
  readonly since?: Date;
}

async function setup() {
  const { pool } = await testDatabase();
  const server = await registerServer(pool);
  const project = async (weight = 1) => {
    const id = newId();
    await pool.query("insert into project (id, name, weight, created_at) values ($1, $2, $3, now())", [
      id,
      `p${id}`,
      weight,
    ]);
    return id;
  };
  let instances = 0;
  /** Ready node runs, all alike, of running instances of 200 each. */
  const fill = async (
    projectId: string,
    count: number,
    connection: string | null = null,
    lane: Lane = "process",
  ) => {
    await pool.query(
      `with made as (
         insert into instance (project_id, id, workspace_id, job_name, origin, state, left_sinks, node_count, planned_at,
           created_at, created_by)
         select $1, $2 + n, 'default', 'j', 'manual', 'running', 200, 200, $4::timestamptz, $4::timestamptz, 'test'
         from generate_series(0, ($6::integer - 1) / 200) n
       )
       insert into node_run (project_id, instance_id, node_no, state, lane, need, ready_at, connection, limits)
       select $1, $2 + n / 200, n % 200, 'ready', $3, 0, $4::timestamptz, $5::text,
         (select limits_of($1, 'default', null, $5::text, $3))
       from generate_series(0, $6::integer - 1) n`,
      [projectId, instances, lane, NOW, connection, count],
    );
    instances += Math.ceil(count / 200);
  };
  const limit = (projectId: string, slots: number, connection: string) =>
    pool.query(
      `insert into slot_limit (project_id, kind, workspace_id, connection, slots, set_at, set_by)
       values ($1, 'connection', 'default', $2, $3, now(), 'test')`,
      [projectId, connection, slots],
    );
  const claim = (asked: Asked): Promise<StepReply> =>
    step(pool, {
      now: NOW,
      serverId: asked.serverId ?? server,
      fence: randomBytes(6).readUIntBE(0, 6),
      successes: (asked.done ?? []).map((one) => ({ claim: one })),
      wants: asked.want > 0 ? [{ lane: asked.lane ?? "process", want: asked.want }] : [],
      used: asked.used ?? [],
      since: asked.since,
    });
  /** How many were claimed of each project, in their order. */
  const counts = ({ claims }: StepReply, projects: readonly string[]) =>
    projects.map((id) => claims.filter(({ projectId }) => projectId === id).length);
  return { pool, server, project, fill, limit, claim, counts };
}

/** Pages that the statement touches, in the database's own count. */
async function pagesOf(
  { pool, server }: Pick<Awaited<ReturnType<typeof setup>>, "pool" | "server">,
  want: number,
  since?: Date,
): Promise<number> {
  const { rows } = await pool.query<{ "QUERY PLAN": [{ Plan: Record<string, number> }] }>(
    `explain (analyze, buffers, format json)
     select * from step('${NOW.toISOString()}', '${server}', 77, '{}', '{}', '{}', '{}', '{}', '{}', '{}',
       '{process}', '{${want}}', '{}', '{}', '{}', '${since?.toISOString() ?? "-infinity"}')`,
  );
  const plan = rows[0]?.["QUERY PLAN"][0].Plan ?? {};
  return (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
}

test("a project with a hundred thousand ready nodes does not delay another's few", async () => {
  const world = await setup();
  const { project, fill, claim, counts } = world;
  const [large, small] = [await project(), await project()];
  await fill(large, 100_000);
  await fill(small, 5);
  expect(counts(await claim({ want: 6 }), [large, small])).toEqual([3, 3]);
  // What a project has already counts.
  const used = [
    { lane: "process", projectId: large, slots: 3 },
    { lane: "process", projectId: small, slots: 1.5 },
    { lane: "inline", projectId: small, slots: 9 },
  ] as const;
  expect(counts(await claim({ want: 1, used }), [large, small])).toEqual([0, 1]);
  // What one does not need, the other gets.
  expect(counts(await claim({ want: 10, used }), [large, small])).toEqual([9, 1]);
  expect(await pagesOf(world, 4)).toBeLessThan(200);
});

test("slots are shared by weight", async () => {
  const { project, fill, claim, counts } = await setup();
  const projects = [await project(3), await project(1), await project(4)];
  for (const id of projects) await fill(id, 100);
  expect(counts(await claim({ want: 16 }), projects)).toEqual([6, 2, 8]);
  const used = projects.map((projectId, n) => ({
    lane: "process" as const,
    projectId,
    slots: [6, 2, 0][n] ?? 0,
  }));
  expect(counts(await claim({ want: 8, used }), projects)).toEqual([0, 0, 8]);
});

test("many projects with a few nodes each are all served, each node once, a call at the price of what it claims", async () => {
  const world = await setup();
  const { pool, fill, claim } = world;
  const projects = Array.from({ length: 1_000 }, newId);
  await pool.query(
    "insert into project (id, name, created_at) select id, id::text, now() from unnest($1::uuid[]) id",
    [projects],
  );
  for (const id of projects) await fill(id, 3);
  const first = await claim({ want: 16 });
  expect(new Set(first.claims.map(({ projectId }) => projectId)).size).toBe(16);
  expect(await pagesOf(world, 16)).toBeLessThan(3_000);
  const seen = new Set<string>();
  for (let more = true; more; ) {
    const reply = await claim({ want: 500 });
    for (const { projectId, nodeNo } of reply.claims) seen.add(`${projectId}/${nodeNo}`);
    more = reply.more || reply.claims.length > 0;
  }
  expect(seen.size).toBe(3_000 - 32);
});

test("within a project the priority counts, then the time since when a node is ready", async () => {
  const { pool, project, fill, claim } = await setup();
  const id = await project();
  await fill(id, 4);
  await pool.query("update node_run set priority = 1 where node_no = 0");
  await pool.query("update node_run set ready_at = ready_at - interval '1 second' where node_no in (0, 2)");
  await pool.query("update node_run set ready_at = ready_at + interval '1 second' where node_no = 3");
  const { claims } = await claim({ want: 10 });
  expect(claims.map(({ nodeNo }) => nodeNo).toSorted()).toEqual([0, 1, 2]);
  await pool.query("update node_run set state = 'ready', fence = null");
  expect((await claim({ want: 1 })).claims[0]?.nodeNo).toBe(2);
  expect((await claim({ want: 1 })).claims[0]?.nodeNo).toBe(1);
  expect((await claim({ want: 1 })).claims[0]?.nodeNo).toBe(0);
});

test("a limit holds whoever claims, and is used to the full", async () => {
  const { pool, project, fill, limit, claim } = await setup();
  const id = await project();
  await limit(id, 3, "warehouse");
  await fill(id, 200, "warehouse");
  const servers = await Promise.all(Array.from({ length: 6 }, () => registerServer(pool)));
  let held: Claim[] = [];
  let ended = 0;
  while (ended < 100) {
    const calls = servers.map((serverId) => claim({ want: 2, serverId }));
    for (const { claims } of await Promise.all(calls)) held.push(...claims);
    if (held.length === 0) continue;
    expect(held.length).toBeLessThanOrEqual(3);
    // Settled by one server while all others claim: the slots change hands and are never more.
    const replies = await Promise.all([
      claim({ want: 1, done: held }),
      ...servers.map((serverId) => claim({ want: 1, serverId })),
    ]);
    ended += held.length;
    held = replies.flatMap(({ claims }) => claims);
    expect(held.length).toBeLessThanOrEqual(3);
  }
  while (held.length < 3) held.push(...(await claim({ want: 1 })).claims);
  expect((await claim({ want: 5 })).claims).toEqual([]);
});

test("a node run under several limits needs a slot of each, and one that is full holds up nobody else", async () => {
  const world = await setup();
  const { pool, project, fill, limit, claim } = world;
  const id = await project();
  await limit(id, 2, "slow");
  await limit(id, 50, "quick");
  await pool.query(
    `insert into slot_limit (project_id, kind, slots, set_at, set_by) values ($1, 'project', 5, now(), 'test')`,
    [id],
  );
  await fill(id, 10_000, "slow");
  await fill(id, 10, "quick");
  const { claims } = await claim({ want: 100 });
  const { rows } = await pool.query(
    "select connection, count(*)::int from node_run where state = 'running' group by 1 order by 1",
  );
  expect(claims.length).toBe(5);
  expect(rows).toEqual([
    { connection: "quick", count: 3 },
    { connection: "slow", count: 2 },
  ]);
  expect((await claim({ want: 100 })).claims).toEqual([]);
  expect(await pagesOf(world, 100)).toBeLessThan(200);
});

test("of more sets of limits than one call looks at, those that are free are found", async () => {
  const { pool, project, fill, limit, claim } = await setup();
  const id = await project();
  for (let n = 0; n < 300; n++) {
    await limit(id, 1, `c${n}`);
    await fill(id, 2, `c${n}`);
  }
  let running = 0;
  for (let calls = 0; running < 300 && calls < 50; calls++)
    running += (await claim({ want: 100 })).claims.length;
  const { rows } = await pool.query(
    "select count(*)::int as running, count(distinct connection)::int as connections from node_run where state = 'running'",
  );
  expect(rows).toEqual([{ running: 300, connections: 300 }]);
});

test("a slot is free when its node run does not run any more, whatever ended it", async () => {
  const { pool, project, fill, limit, claim, server } = await setup();
  const id = await project();
  await limit(id, 1, "c");
  await fill(id, 10, "c");
  const first = await claim({ want: 1 });
  expect(first.claims.length).toBe(1);
  expect((await claim({ want: 1 })).claims).toEqual([]);
  // By a success, in the same call; then by the loss of the server.
  const [second] = (await claim({ want: 1, done: first.claims })).claims;
  expect(second).toBeDefined();
  await requeueLost(pool, server, NOW, 3);
  expect((await claim({ want: 1 })).claims).toMatchObject([{ nodeNo: second?.nodeNo, losses: 1 }]);
  // A larger limit holds at once.
  await pool.query("update slot_limit set slots = 3");
  expect((await claim({ want: 9 })).claims.length).toBe(2);
});

test("background work leaves the last of several slots to others, and stands behind them", async () => {
  const { pool, server, project, fill, limit, claim } = await setup();
  const id = await project();
  await limit(id, 3, "c");
  await fill(id, 5, "c", "background");
  const wants = [
    { lane: "process", want: 5 },
    { lane: "background", want: 5 },
  ] as const;
  const { claims } = await step(pool, {
    now: NOW,
    serverId: server,
    fence: 5,
    successes: [],
    wants,
    used: [],
  });
  expect(claims.length).toBe(2);
  await fill(id, 2, "c");
  expect((await claim({ want: 5 })).claims.length).toBe(1);
});

test("background work gets what processes leave in the same call", async () => {
  const { pool, server, project, fill } = await setup();
  const id = await project();
  await fill(id, 2);
  await fill(id, 10, null, "background");
  const { claims } = await step(pool, {
    now: NOW,
    serverId: server,
    fence: 5,
    successes: [],
    wants: [
      { lane: "process", want: 5 },
      { lane: "background", want: 5 },
    ],
    used: [],
  });
  expect(claims.filter(({ lane }) => lane === "process").length).toBe(2);
  expect(claims.filter(({ lane }) => lane === "background").length).toBe(3);
});

test("a claim that says since when sees nothing older, unless it frees a slot of a limit", async () => {
  const { pool, project, fill, limit, claim } = await setup();
  const id = await project();
  await fill(id, 3);
  await pool.query("update node_run set ready_at = ready_at - interval '1 minute' where node_no > 0");
  const since = new Date(NOW.getTime() - 2_000);
  expect((await claim({ want: 9, since })).claims.map(({ nodeNo }) => nodeNo)).toEqual([0]);
  expect((await claim({ want: 9 })).claims).toHaveLength(2);
  await limit(id, 1, "c");
  await fill(id, 2, "c");
  await pool.query("update node_run set ready_at = ready_at - interval '1 minute' where connection = 'c'");
  const held = await claim({ want: 9 });
  expect(held.claims).toHaveLength(1);
  expect((await claim({ want: 9, since, done: held.claims })).claims).toHaveLength(1);
});

test("what was ready once costs a claim nothing where it says since when", async () => {
  const world = await setup();
  const { pool, project, fill, claim } = world;
  const id = await project();
  await fill(id, 30_000);
  await pool.query("update node_run set ready_at = ready_at - interval '1 minute'");
  await pool.query("vacuum node_run");
  for (let left = 30_000; left > 0; ) left -= (await claim({ want: 1_000 })).claims.length;
  await fill(id, 1);
  const { rows } = await pool.query<{ version: number }>(
    "select current_setting('server_version_num')::integer as version",
  );
  // The entries of what was claimed stand in the index until a vacuum; earlier releases go past each of them.
  const since = new Date(NOW.getTime() - 2_000);
  if ((rows[0]?.version ?? 0) >= 180_000) expect(await pagesOf(world, 4, since)).toBeLessThan(300);
});

test("limits are those of the job, the connection, the workspace and the project when an instance starts", async () => {
  const { pool, project, limit, claim } = await setup();
  const id = await project();
  await limit(id, 1, "c");
  await limit(id, 1, "other");
  await pool.query(
    `insert into slot_limit (project_id, kind, workspace_id, slots, set_at, set_by)
     values ($1, 'workspace', 'default', 9, now(), 'test'), ($1, 'workspace', 'elsewhere', 9, now(), 'test')`,
    [id],
  );
  const one = {
    projectId: id,
    workspaceId: "default",
    jobName: "j",
    origin: "manual",
    waits: false,
    priority: 0,
    parameters: {},
    plannedAt: NOW,
    createdBy: "test",
    nodes: [
      { lane: "process", need: 0, successors: [], connection: "c" },
      { lane: "process", need: 0, successors: [] },
      { lane: "child", need: 0, successors: [], connection: "c" },
    ],
  } as const;
  await insertInstances(pool, [one], NOW);
  const { rows } = await pool.query(
    `select array(select l.kind || coalesce(l.connection, l.workspace_id) from slot_limit l where l.id = any (limits)
       order by l.kind) as limits from node_run order by node_no`,
  );
  expect(rows.map(({ limits }) => limits)).toEqual([
    ["connectionc", "workspacedefault"],
    ["workspacedefault"],
    [],
  ]);
  expect((await claim({ want: 9 })).claims.length).toBe(2);
  expect((await claim({ want: 9, lane: "child" })).claims.length).toBe(1);
});
