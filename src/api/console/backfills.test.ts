/** Backfills through the console's API, on a real engine. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody } from "../../../test/setup/factory.ts";
import { nodes } from "../../../test/setup/job-nodes.ts";

const RANGE = { job: "days", from: "2001-03-31", to: "2001-04-03" };

/** A world with job `days`, each day at 02:30 in New York; `type` is that of its node. */
async function setup(type = "Dummy") {
  const world = await factoryWorld();
  const cron = {
    startTime: "2030-01-01T00:00:00Z",
    expression: "0 30 2 * * ?",
    expressionTimeZone: "America/New_York",
  };
  const members = { nodes: nodes(["a", type]), schedule: { type: "CRON", cron } };
  await world.ok("POST", "/jobs", { body: jobBody("days", members) });
  const show = async (name = "b") => (await world.ok("GET", `/api/backfills/${name}`)).json;
  const create = (members: object = {}) =>
    world.call("POST", "/api/backfills", { role: "member", body: { name: "b", ...RANGE, ...members } });
  return { ...world, show, create };
}

test("a preview says how many times there are, the first and the last with their offsets, and what is left out", async () => {
  const { ok, call } = await setup();
  const body = { ...RANGE, timeFilter: { days: ["2001-03-31", "2001-04-01"] } };
  const { json } = await ok("POST", "/api/backfills/preview?shown=1", { role: "reader", body });
  expect(json).toEqual({
    zone: "America/New_York",
    planned: 3,
    jobs: [
      {
        job: "days",
        count: 2,
        first: [{ plannedAt: "2001-03-31T07:30:00.000Z", local: "2001-03-31T02:30:00-05:00" }],
        last: [
          {
            plannedAt: "2001-04-01T07:00:00.000Z",
            local: "2001-04-01T03:00:00-04:00",
            note: "shifted from 02:30:00, which the clock skipped",
          },
        ],
        leftOut: [{ reason: "not one of the days asked for", count: 1 }],
      },
    ],
  });
  expect((await call("GET", "/api/backfills")).json).toEqual({ total: 0, backfills: [] });
});

test("a backfill is made, shown with its progress and its times, and listed", async () => {
  const { create, show, ok, startEngine, clock } = await setup();
  const made = await create({ parallel: 20, priority: 2, parameters: { k: "v" }, newestFirst: true });
  expect(made).toMatchObject({ status: 201, json: { name: "b", state: "planning" } });
  expect(await show()).toEqual({
    name: "b",
    workspace: "default",
    state: "planning",
    jobs: ["days"],
    from: "2001-03-31T05:00:00.000Z",
    to: "2001-04-03T04:00:00.000Z",
    zone: "America/New_York",
    parallel: 20,
    dayGranularity: false,
    newestFirst: true,
    stopOnFailure: false,
    priority: 2,
    parameters: { k: "v" },
    runWindow: null,
    timeFilter: null,
    progress: { planned: 3, waiting: 3, running: 0, succeeded: 0, failed: 0, skipped: 0 },
    createdAt: clock.now.toISOString(),
    createdBy: "member-user",
    endedAt: null,
    reason: null,
  });
  await startEngine();
  await expect.poll(async () => (await show()).state).toBe("succeeded");
  expect((await show()).progress).toMatchObject({ waiting: 0, succeeded: 3 });
  const { runs } = (await ok("GET", "/api/backfills/b/runs?limit=2&page=0")).json;
  expect(runs).toMatchObject([
    { job: "days", local: "2001-03-31T02:30:00-05:00", state: "started", outcome: "succeeded", reason: null },
    { job: "days", local: "2001-04-01T03:00:00-04:00", state: "started" },
  ]);
  const instance = (await ok("GET", `/api/instances/${runs[0].instanceId}`)).json;
  expect(instance).toMatchObject({
    origin: "backfill",
    plannedAt: runs[0].plannedAt,
    parameters: { k: "v" },
  });
  expect((await ok("GET", "/api/backfills/b/runs?state=skipped")).json.runs).toEqual([]);
  for (const query of ["", "name=b", "job=days", "state=succeeded"])
    expect((await ok("GET", `/api/backfills?${query}`)).json.backfills, query).toMatchObject([{ name: "b" }]);
  for (const query of ["name=c", "job=day", "state=failed", "page=1"])
    expect((await ok("GET", `/api/backfills?${query}`)).json.backfills, query).toEqual([]);
});

test("a backfill is held, goes on, and is given up while what runs goes on to its end", async () => {
  const { create, show, ok, call, startEngine, engine, pool } = await setup("Hold");
  await create();
  await ok("POST", "/api/backfills/b/pause", { role: "member" });
  expect(await show()).toMatchObject({ state: "paused", reason: "paused by member-user" });
  await startEngine();
  await ok("POST", "/api/backfills/b/resume", { role: "member" });
  await expect.poll(async () => (await show()).progress.running).toBe(1);
  await ok("POST", "/api/backfills/b/cancel", { role: "member", body: { running: "leave" } });
  await expect.poll(async () => (await show()).progress.skipped).toBe(2);
  expect(await show()).toMatchObject({ state: "cancelling", progress: { running: 1 } });
  const { rows } = await pool.query<{ id: number; project_id: string }>(
    "select id, project_id from instance",
  );
  for (const { id, project_id: projectId } of rows)
    await engine.stopInstance({ projectId, instanceId: id, by: "ann" });
  await expect.poll(async () => (await show()).state).toBe("cancelled");
  expect((await call("POST", "/api/backfills/b/pause")).json).toMatchObject({
    status: 409,
    code: "backfill-state",
  });
  await ok("POST", "/api/backfills/b/cancel");
  const acts = (await ok("GET", "/api/acts?kind=backfill")).json.acts;
  expect(acts.map(({ act }: { act: string }) => act)).toEqual(["cancel", "resume", "pause", "create"]);
});

test("each of its times is a line of the plan ledger, beside those of schedules and of other backfills", async () => {
  const { create, show, ok, startEngine } = await setup();
  await create({ timeFilter: { days: ["2001-04-01"] } });
  await create({ name: "c", force: true, from: "2001-04-01" });
  await startEngine();
  for (const name of ["b", "c"]) await expect.poll(async () => (await show(name)).state).toBe("succeeded");
  const lines: { backfill: string; plannedAt: string; reason: string | null }[] = [];
  for (let after = ""; ; ) {
    const page = (await ok("GET", `/api/plan?job=days&limit=2${after}`)).json;
    lines.push(...page.lines);
    if (page.next === null) break;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
  expect(lines.map(({ backfill, plannedAt, reason }) => [backfill, plannedAt.slice(0, 10), reason])).toEqual([
    ["c", "2001-04-02", null],
    ["b", "2001-04-02", "filter"],
    ["c", "2001-04-01", null],
    ["b", "2001-04-01", null],
    ["b", "2001-03-31", "filter"],
  ]);
  expect(lines[0]).toMatchObject({
    origin: "backfill",
    state: "started",
    instanceState: "succeeded",
    job: "days",
  });
  expect((await ok("GET", "/api/plan?state=skipped&to=2001-03-31T23:00:00Z")).json.lines).toHaveLength(1);
});

test("a backfill without a name is given one", async () => {
  const { create } = await setup();
  expect((await create({ name: undefined })).json.name).toBe("days-20261123T065427");
});

test("what cannot be is refused with what is wrong, and nobody finds what is not there", async () => {
  const { create, call } = await setup();
  const refusals: readonly (readonly [object, number, string])[] = [
    [{ job: "nobody" }, 404, "backfill-job-missing"],
    [{ to: "2001-03-31" }, 400, "backfill-range-invalid"],
    [{ from: "31.3.2001" }, 400, "request-invalid"],
    [{ from: "2001-02-30" }, 400, "request-invalid"],
    [{ from: 20010331 }, 400, "request-invalid"],
    [{ paralel: 3 }, 400, "request-invalid"],
    [{ parallel: 101 }, 400, "backfill-invalid"],
    [{ priority: 3 }, 400, "backfill-invalid"],
    [{ runWindow: { timeOfDay: "night" } }, 400, "backfill-invalid"],
  ];
  for (const [members, status, code] of refusals)
    expect((await create(members)).json, JSON.stringify(members)).toMatchObject({ status, code });
  await create({ from: "2001-03-31T00:00", to: "2001-04-03T04:00:00Z" });
  expect((await create()).json).toMatchObject({ status: 409, code: "backfill-overlaps" });
  for (const path of ["", "/runs"])
    expect((await call("GET", `/api/backfills/nobody${path}`)).json).toMatchObject({
      code: "backfill-missing",
    });
  for (const path of ["?state=lost", "?limit=0", "/b/runs?state=lost", "/b/runs?page=-1"])
    expect((await call("GET", `/api/backfills${path}`)).json, path).toMatchObject({
      code: "request-invalid",
    });
  expect((await call("POST", "/api/backfills/b/cancel", { body: { running: "kill" } })).json).toMatchObject({
    code: "request-invalid",
  });
});
