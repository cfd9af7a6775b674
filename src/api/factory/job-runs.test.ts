/** Jobs started, stopped and run over HTTP, by the real engine. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody } from "../../../test/setup/factory.ts";
import { nodes } from "../../../test/setup/job-nodes.ts";

const CRON = { type: "CRON", cron: { startTime: "2026-01-01T00:00:00Z", expression: "0 0 0 * * ?" } };

/** The statuses that the list and the status route give of the job. */
async function statuses({ ok }: FactoryWorld, name: string, jobType = "BATCH"): Promise<[string, string]> {
  const { jobs } = (await ok("GET", `/jobs?jobName=${name}&jobType=${jobType}`)).json;
  return [jobs[0].status, (await ok("GET", `/jobs/${name}/status`)).json.status];
}

test("a cron job is scheduling from start to stop; doing either twice changes nothing", async () => {
  const world = await factoryWorld();
  const { ok, pool } = world;
  await ok("POST", "/jobs", { body: jobBody("j", { schedule: CRON }) });
  expect(await statuses(world, "j")).toEqual(["STOPPED", "STOPPED"]);
  for (const text of ["", "null", "{}", '{"jobParams":null}']) {
    expect(await ok("POST", "/jobs/j/start", { role: "member", text })).toMatchObject({
      status: 204,
      json: undefined,
    });
    expect(await statuses(world, "j")).toEqual(["SCHEDULING", "NORMAL"]);
  }
  expect((await pool.query("select from schedule")).rowCount).toBe(1);
  for (let time = 0; time < 2; time += 1) {
    expect((await ok("POST", "/jobs/j/stop", { role: "member" })).status).toBe(204);
    expect(await statuses(world, "j")).toEqual(["STOPPED", "STOPPED"]);
  }
  expect((await pool.query("select from schedule")).rowCount).toBe(0);
});

test("a start may bring parameters and the members that clients send beside them", async () => {
  const { ok } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j", { schedule: CRON }) });
  const body = {
    jobParams: [
      { name: "k", value: "v", paramType: "variable" },
      { name: "empty", type: "constants" },
    ],
    start_date: 20990101,
    ignore_first_self_dependence: true,
  };
  await ok("POST", "/jobs/j/start", { body });
});

const REFUSED = [
  ["parameters that are no list", { jobParams: { k: "v" } }],
  ["a parameter without name", { jobParams: [{ value: "v" }] }],
  ["a parameter's name of 65 characters", { jobParams: [{ name: "n".repeat(65), value: "v" }] }],
  ["a parameter's value of 1025 characters", { jobParams: [{ name: "n", value: "v".repeat(1025) }] }],
  ["a parameter's value that is a number", { jobParams: [{ name: "n", value: 5 }] }],
  ["an unknown parameter type", { jobParams: [{ name: "n", value: "v", paramType: "x" }] }],
  ["a parameter twice", { jobParams: [{ name: "n" }, { name: "n" }] }],
  ["an expression that cannot be read", { jobParams: [{ name: "n", value: "#{1 +" }] }],
  ["a start date in words", { start_date: "today" }],
  ["a start date of no calendar", { start_date: 5 }],
  ["a flag in a text", { ignore_first_self_dep: "true" }],
  ["an execution user that is neither true nor false", { useExecutionUser: "me" }],
  ["a list", []],
] as const;

test("start and run-immediate hold each rule of their body, and a refusal starts nothing", async () => {
  const { ok, call, pool } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j") });
  for (const [what, body] of REFUSED) {
    for (const action of ["start", "run-immediate"])
      expect(await call("POST", `/jobs/j/${action}`, { body }), `${action}: ${what}`).toMatchObject({
        status: 400,
        json: { error_code: "DLF.3051" },
      });
  }
  expect((await pool.query("select from instance")).rowCount).toBe(0);
});

test("what cannot run is refused at start: no node, no expression, an event", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("empty", { nodes: undefined }) });
  await ok("POST", "/jobs", { body: jobBody("bare", { schedule: { type: "CRON" } }) });
  await ok("POST", "/jobs", {
    body: jobBody("event", { schedule: { type: "EVENT", event: { eventType: "OBS" } } }),
  });
  const code = async (path: string) => (await call("POST", path)).json.error_code;
  expect(await code("/jobs/empty/start")).toBe("DLF.1006");
  expect(await code("/jobs/empty/run-immediate")).toBe("DLF.1006");
  expect(await code("/jobs/bare/start")).toBe("DLF.3025");
  expect(await code("/jobs/event/start")).toBe("DLF.3025");
  for (const action of ["start", "stop", "run-immediate"])
    expect(await code(`/jobs/nope/${action}`)).toBe("DLF.0100");
  expect((await call("GET", "/jobs/nope/status")).json.error_code).toBe("DLF.0100");
});

test("run-immediate answers an integer at once, and leaves the job's status alone", async () => {
  const world = await factoryWorld();
  const { ok, ended, startEngine } = world;
  await startEngine();
  await ok("POST", "/jobs", {
    body: jobBody("j", { schedule: CRON, params: [{ name: "k", value: "own" }] }),
  });
  const body = { jobParams: [{ name: "k", value: "v", type: "variable" }], useExecutionUser: "true" };
  const { status, json } = await ok("POST", "/jobs/j/run-immediate", { role: "member", body });
  expect({ status, json }).toEqual({ status: 200, json: { instanceId: expect.any(Number) } });
  await ended(json.instanceId);
  expect(await statuses(world, "j")).toEqual(["STOPPED", "STOPPED"]);
  const { instances } = (await ok("GET", "/jobs/instances/detail?jobName=j")).json;
  expect(instances).toMatchObject([
    { instanceId: json.instanceId, instanceType: 2, status: "success", version: 1 },
  ]);
});

test("a job that runs once is shown as scheduling for 15 seconds after its start, the status route does not wait", async () => {
  const world = await factoryWorld();
  const { ok, ended, clock, startEngine } = world;
  await startEngine();
  await ok("POST", "/jobs", { body: jobBody("j") });
  await ok("POST", "/jobs/j/start");
  const { instances } = (await ok("GET", "/jobs/instances/detail")).json;
  expect(instances).toMatchObject([{ instanceType: 7 }]);
  await ended(instances[0].instanceId);
  expect(await statuses(world, "j")).toEqual(["SCHEDULING", "STOPPED"]);
  clock.now = new Date(clock.now.getTime() + 15_000);
  expect(await statuses(world, "j")).toEqual(["STOPPED", "STOPPED"]);
  await ok("POST", "/jobs/j/start");
  expect((await ok("GET", "/jobs")).json.jobs[0].status).toBe("SCHEDULING");
  await ok("POST", "/jobs/j/stop");
  expect(await statuses(world, "j")).toEqual(["STOPPED", "STOPPED"]);
});

test("a real-time job lives from start to stop, and its status says how its nodes fare", async () => {
  const world = await factoryWorld();
  const { ok, pool, startEngine, ended } = world;
  await ok("POST", "/jobs", {
    body: jobBody("rt", { processType: "REAL_TIME", nodes: nodes(["a", "Hold"]) }),
  });
  await ok("POST", "/jobs/rt/start");
  expect(await statuses(world, "rt", "REAL_TIME")).toEqual(["STARTING", "STARTING"]);
  const { rows } = await pool.query<{ id: number }>("select id from instance");
  await startEngine();
  await ok("POST", "/jobs/rt/stop");
  await ended(rows[0]?.id ?? 0);
  await expect.poll(() => statuses(world, "rt", "REAL_TIME")).toEqual(["STOPPED", "STOPPED"]);
  const entry = (await ok("GET", "/jobs?jobType=REAL_TIME")).json.jobs[0];
  expect(entry).not.toHaveProperty("lastInstanceStatus");
  expect(entry).not.toHaveProperty("lastInstanceEndTime");
});

test("the list shows the last run of a batch job, its end only once it has ended", async () => {
  const { ok, ended, clock, startEngine } = await factoryWorld();
  await startEngine();
  await ok("POST", "/jobs", { body: jobBody("bad", { nodes: nodes(["a", "Fail"]) }) });
  await ok("POST", "/jobs", { body: jobBody("long", { nodes: nodes(["a", "Hold"]) }) });
  const bad = (await ok("POST", "/jobs/bad/run-immediate")).json.instanceId;
  await ended(bad);
  const long = (await ok("POST", "/jobs/long/run-immediate")).json.instanceId;
  const [entryOfLong, entryOfBad] = (await ok("GET", "/jobs")).json.jobs;
  expect(entryOfBad).toMatchObject({ lastInstanceStatus: "fail", lastInstanceEndTime: clock.now.getTime() });
  expect(entryOfLong.lastInstanceStatus).toBe("running");
  expect(entryOfLong).not.toHaveProperty("lastInstanceEndTime");
  await ok("POST", `/jobs/long/instances/${long}/stop`);
  await ended(long);
  expect((await ok("GET", "/jobs?jobName=long")).json.jobs[0].lastInstanceStatus).toBe("manual-stop");
});

test("the status names nodes and times in the forms that all clients read", async () => {
  const { ok, ended, startEngine } = await factoryWorld();
  await startEngine();
  await ok("POST", "/jobs", { role: "member", body: jobBody("j") });
  const before = (await ok("GET", "/jobs/j/status", { role: "reader" })).json;
  expect(before).toEqual({
    name: "j",
    status: "STOPPED",
    lastUpdateTime: "2026-11-23T06:54:27Z",
    createUser: "member-user",
    lastModifiyUser: "member-user",
    nodes: [{ name: "a", status: "STOPPED", type: "Dummy", nodeType: "Dummy", logPath: "" }],
  });
  const { instanceId } = (await ok("POST", "/jobs/j/run-immediate")).json;
  await ended(instanceId);
  expect((await ok("GET", "/jobs/j/status")).json).toMatchObject({
    startTime: "2026-11-23T06:54:27Z",
    starttime: "2026-11-23T06:54:27Z",
    endTime: "2026-11-23T06:54:27Z",
    nodes: [{ lastInstanceStatus: "success", logPath: `logs/${instanceId}/0/1` }],
  });
});

test("a job that is being scheduled may be updated, not change its type, and is deleted with its schedule", async () => {
  const { ok, call, pool } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j", { schedule: CRON }) });
  await ok("POST", "/jobs/j/start");
  const hourly = { type: "CRON", cron: { ...CRON.cron, expression: "0 0 * * * ?" } };
  await ok("PUT", "/jobs/j", { body: jobBody("j", { schedule: hourly }) });
  expect((await pool.query("select expression from schedule")).rows).toEqual([{ expression: "0 0 * * * ?" }]);
  const changed = await call("PUT", "/jobs/j", {
    body: jobBody("j", { processType: "REAL_TIME", schedule: hourly }),
  });
  expect(changed).toMatchObject({ status: 400, json: { error_code: "DLF.2014" } });
  await ok("DELETE", "/jobs/j");
  expect((await ok("GET", "/jobs")).json.total).toBe(0);
  expect((await pool.query("select from schedule")).rowCount).toBe(0);
});
