/** Job instances over HTTP: listed, shown, stopped, run again. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { nodes } from "../../../test/setup/job-nodes.ts";
import { writeRun } from "../../../test/setup/written-runs.ts";

const DAY_MS = 86_400_000;
/** One after another. */
const chain = (...types: string[]) =>
  nodes(...types.map((type, place) => [`n${place}`, type, place === 0 ? "" : `n${place - 1}`] as const));

async function run({ ok }: FactoryWorld, name: string): Promise<number> {
  return (await ok("POST", `/jobs/${name}/run-immediate`)).json.instanceId;
}

/** Total and ids of a list. */
async function ids({ ok }: FactoryWorld, query: string): Promise<number[]> {
  const { json } = await ok("GET", `/jobs/instances/detail${query}`);
  return [json.total, ...json.instances.map(({ instanceId }: { instanceId: number }) => instanceId)];
}

test("an instance is shown with its nodes in the order in which they ran", async () => {
  const world = await factoryWorld();
  const { ok, ended, clock, startEngine } = world;
  await startEngine();
  const [first, second] = chain("Dummy", "Dummy");
  await ok("POST", "/jobs", { body: jobBody("j", { nodes: [second, first] }) });
  const id = await run(world, "j");
  await ended(id);
  const at = clock.now.getTime();
  const node = {
    status: "success",
    type: "Dummy",
    nodeType: "Dummy",
    planTime: at,
    startTime: at,
    endTime: at,
    executeTime: 0,
    retryTimes: 0,
    instanceId: id,
    queue: "",
  };
  const entry = {
    jobName: "j",
    jobId: (await ok("GET", "/jobs/j")).json.id,
    jobInstanceName: "j",
    instanceId: id,
    instancesId: String(id),
    status: "success",
    planTime: at,
    startTime: at,
    endTime: at,
    executeTime: 0,
    submitTime: at,
    instanceType: 2,
    forceSuccess: false,
    ignoreSuccess: false,
    version: 1,
  };
  expect((await ok("GET", `/jobs/j/instances/${id}`, { role: "reader" })).json).toEqual({
    ...entry,
    total: 2,
    nodes: [
      { ...node, nodeName: "n0", logPath: `logs/${id}/0/1` },
      { ...node, nodeName: "n1", logPath: `logs/${id}/1/1` },
    ],
  });
  expect((await ok("GET", "/jobs/instances/detail")).json).toEqual({ total: 1, instances: [entry] });
});

test("a failed instance says why, and the nodes behind the failure were not run", async () => {
  const world = await factoryWorld();
  const { ok, ended, startEngine } = world;
  await startEngine();
  await ok("POST", "/jobs", { body: jobBody("j", { nodes: chain("Fail", "Dummy") }) });
  const id = await run(world, "j");
  await ended(id);
  const { json } = await ok("GET", `/jobs/j/instances/${id}`);
  expect(json).toMatchObject({ status: "fail", errorMessage: expect.stringContaining("no luck") });
  expect(json.nodes).toMatchObject([{ status: "fail" }, { status: "manual-stop" }]);
  expect(json.nodes[1]).not.toHaveProperty("startTime");
});

test("a failed node under SUSPEND waits as running-exception, one under IGNORE is passed over", async () => {
  const world = await factoryWorld();
  const { ok, ended, startEngine } = world;
  await startEngine();
  const under = (failPolicy: string) => {
    const [failing, next] = chain("Fail", "Dummy");
    return { nodes: [{ ...failing, failPolicy }, next] };
  };
  await ok("POST", "/jobs", { body: jobBody("ignored", under("IGNORE")) });
  await ok("POST", "/jobs", { body: jobBody("suspended", under("SUSPEND")) });
  const ignored = await run(world, "ignored");
  await ended(ignored);
  expect((await ok("GET", `/jobs/ignored/instances/${ignored}`)).json).toMatchObject({
    status: "success",
    ignoreSuccess: true,
  });
  const suspended = await run(world, "suspended");
  const status = async () => (await ok("GET", `/jobs/suspended/instances/${suspended}`)).json.status;
  await expect.poll(status).toBe("running-exception");
  expect(await ids(world, "?status=running-exception")).toEqual([1, suspended]);
  expect(await ids(world, "?status=ignoreSuccess")).toEqual([1, ignored]);
  expect(await ids(world, "?status=success")).toEqual([1, ignored]);
  expect(await ids(world, "?status=forceSuccess")).toEqual([0]);
  await ok("POST", `/jobs/suspended/instances/${suspended}/stop`);
  await ended(suspended);
  expect(await status()).toBe("manual-stop");
});

test("a running instance is stopped, an ended one cannot be; it runs again under its id and plan time", async () => {
  const world = await factoryWorld();
  const { ok, call, ended, clock, startEngine } = world;
  await startEngine();
  await ok("POST", "/jobs", { body: jobBody("j", { nodes: chain("Dummy", "Hold") }) });
  const id = await run(world, "j");
  const path = `/jobs/j/instances/${id}`;
  expect(await call("POST", `${path}/restart`)).toMatchObject({
    status: 400,
    json: { error_code: "DLF.3051" },
  });
  expect(await ok("POST", `${path}/stop`, { role: "member" })).toMatchObject({
    status: 204,
    json: undefined,
  });
  await ended(id);
  expect((await ok("GET", path)).json.status).toBe("manual-stop");
  expect(await call("POST", `${path}/stop`)).toMatchObject({ status: 400, json: { error_code: "DLF.3051" } });
  const planTime = clock.now.getTime();
  clock.now = new Date(planTime + 60_000);
  expect(await ok("POST", `${path}/restart`, { role: "member" })).toMatchObject({
    status: 204,
    json: undefined,
  });
  const again = (await ok("GET", path)).json;
  expect(again).toMatchObject({ instanceId: id, planTime, status: "running" });
  expect(again).not.toHaveProperty("endTime");
  await ok("POST", `${path}/stop`);
});

test("an instance belongs to its job: another job's, a made-up one and a deleted job's are missing", async () => {
  const world = await factoryWorld();
  const { ok, call } = world;
  await ok("POST", "/jobs", { body: jobBody("j") });
  await ok("POST", "/jobs", { body: jobBody("other") });
  const id = await run(world, "j");
  const missing = {
    status: 400,
    json: { error_code: "DLF.0137", error_msg: "Job instance does not exist." },
  };
  for (const path of [
    `/jobs/other/instances/${id}`,
    "/jobs/j/instances/999999",
    "/jobs/j/instances/x",
    "/jobs/j/instances/1e3",
  ]) {
    expect(await call("GET", path), path).toMatchObject(missing);
    expect(await call("POST", `${path}/stop`), path).toMatchObject(missing);
    expect(await call("POST", `${path}/restart`), path).toMatchObject(missing);
  }
  expect((await call("GET", `/jobs/nope/instances/${id}`)).json.error_code).toBe("DLF.0100");
  expect((await call("GET", `/jobs/j/instances/${id}`, { workspace: "w2" })).json.error_code).toBe(
    "DLF.0100",
  );
  await ok("DELETE", "/jobs/j");
  expect(await ids(world, "")).toEqual([0]);
  expect((await call("GET", `/jobs/j/instances/${id}`)).json.error_code).toBe("DLF.0100");
});

test("the list shows today's instances, newest first, or those of a range of plan times", async () => {
  const world = await factoryWorld();
  const { ok, clock } = world;
  await ok("POST", "/jobs", { body: jobBody("j") });
  const today = clock.now;
  clock.now = new Date("2026-11-22T23:59:59.999Z");
  const yesterday = await run(world, "j");
  clock.now = new Date("2026-11-23T00:00:00Z");
  const midnight = await run(world, "j");
  clock.now = today;
  const now = await run(world, "j");
  expect(await ids(world, "")).toEqual([2, now, midnight]);
  expect(await ids(world, "?minPlanTime=0")).toEqual([3, now, midnight, yesterday]);
  expect(await ids(world, `?minPlanTime=0&maxPlanTime=${Date.parse("2026-11-23T00:00:00Z")}`)).toEqual([
    2,
    midnight,
    yesterday,
  ]);
  expect(await ids(world, `?minPlanTime=${today.getTime()}`)).toEqual([1, now]);
  expect(await ids(world, `?minPlanTime=0&maxPlanTime=4102444800000`)).toEqual([3, now, midnight, yesterday]);
  const week = `minPlanTime=${today.getTime() - 7 * DAY_MS}&maxPlanTime=${today.getTime()}`;
  expect((await ids(world, `?${week}`))[0]).toBe(3);
});

test("today begins at midnight of the configured zone", async () => {
  const world = await factoryWorld({ timeZone: "Asia/Shanghai" });
  const { ok, clock } = world;
  await ok("POST", "/jobs", { body: jobBody("j") });
  clock.now = new Date("2026-11-22T15:59:59Z");
  await run(world, "j");
  clock.now = new Date("2026-11-22T16:00:00Z");
  const today = await run(world, "j");
  expect(await ids(world, "")).toEqual([1, today]);
});

test("the list is filtered by name, whole or in part, by status and type", async () => {
  const world = await factoryWorld();
  const { ok } = world;
  await ok("POST", "/jobs", { body: jobBody("daily") });
  await ok("POST", "/jobs", { body: jobBody("daily_2") });
  const daily = await run(world, "daily");
  const other = await run(world, "daily_2");
  await ok("POST", "/jobs/daily/start");
  const [, once] = await ids(world, "?instanceType=7");
  expect(await ids(world, "?jobName=daily")).toEqual([3, once, other, daily]);
  expect(await ids(world, "?jobName=daily&preciseQuery=true")).toEqual([2, once, daily]);
  expect(await ids(world, "?jobName=y_2")).toEqual([1, other]);
  expect(await ids(world, "?jobName=Daily")).toEqual([0]);
  expect(await ids(world, "?jobName=nope&preciseQuery=True")).toEqual([0]);
  expect(await ids(world, "?instanceType=2")).toEqual([2, other, daily]);
  expect(await ids(world, "?instanceType=5&status=running")).toEqual([0]);
  for (const status of ["pause", "freeze", "waiting-confirm", "skip-by-depend", "fail", "waiting"])
    expect(await ids(world, `?status=${status}`), status).toEqual([0]);
  expect(await ids(world, "?status=running&limit=1&offset=1")).toEqual([3, other]);
  expect(await ids(world, "?status=running&limit=1&offset=3")).toEqual([3]);
  await ok("PUT", "/jobs/daily", { body: jobBody("renamed") });
  expect(await ids(world, "?jobName=renamed&preciseQuery=true")).toEqual([2, once, daily]);
});

test("a request without any query gets up to 100 entries, every other one 10 unless it says", async () => {
  const world = await factoryWorld();
  const { ok, pool, clock } = world;
  await ok("POST", "/jobs", { body: jobBody("j") });
  await pool.query(
    `insert into instance (project_id, workspace_id, job_id, job_version, job_name, origin, state, left_sinks, node_count,
       planned_at, created_at, created_by, started_at, ended_at)
     select $1, 'default', (select id from job), 1, 'j', 'test', 'succeeded', 0, 1, $2, $2, 'me', $2, $2
     from generate_series(1, 120)`,
    [PROJECT, clock.now],
  );
  expect(await ids(world, "")).toHaveLength(101);
  expect(await ids(world, "?jobName=j")).toHaveLength(11);
  expect(await ids(world, "?offset=0")).toHaveLength(11);
  expect(await ids(world, "?limit=1000")).toHaveLength(121);
  expect(await ids(world, "?limit=100&offset=1")).toHaveLength(21);
  expect(await ids(world, "?limit=100&offset=100")).toHaveLength(21);
});

test("the list refuses what is out of range or unknown", async () => {
  const { call } = await factoryWorld();
  for (const query of [
    "limit=0",
    "limit=1001",
    "offset=-1",
    "preciseQuery=maybe",
    "status=done",
    "instanceType=3",
    "instanceType=x",
    "minPlanTime=yesterday",
    "maxPlanTime=-1",
    "minPlanTime=1000&maxPlanTime=604801001",
  ])
    expect(await call("GET", `/jobs/instances/detail?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});

test("a node that moves rows shows how many, and how fast", async () => {
  const { ok, pool, clock } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j", { nodes: chain("DataMigration", "Echo", "CDMJob") }) });
  const output = JSON.stringify({ inputRowCount: 3000, outputRowCount: 2990, bytes: 1, milliseconds: 500 });
  const ended = [
    { state: "succeeded", output },
    { state: "succeeded", output },
    { state: "failed" },
  ] as const;
  const id = await writeRun(pool, { job: "j", at: clock.now, state: "failed", nodes: ended });
  const [moved, said, failed] = (await ok("GET", `/jobs/j/instances/${id}`)).json.nodes;
  expect(moved).toMatchObject({ inputRowCount: 3000, outputRowCount: 2990, speed: 5980 });
  for (const other of [said, failed]) expect(other).not.toHaveProperty("inputRowCount");
  const { nodes: ofV2 } = (await ok("GET", `/v2/${PROJECT}/factory/jobs/j/instances/${id}`)).json;
  expect(ofV2[0]).toMatchObject({ input_row_count: 3000, output_row_count: 2990, speed: 5980 });
});

test("two statuses may be asked for by the names that the Java SDK has for them", async () => {
  const world = await factoryWorld();
  const { ok, pool, clock } = world;
  await ok("POST", "/jobs", { body: jobBody("j") });
  const stopped = await writeRun(pool, { job: "j", at: clock.now, state: "stopped" });
  const skipped = await writeRun(pool, { job: "j", at: clock.now, state: "skipped" });
  expect(await ids(world, "?status=manual")).toEqual([1, stopped]);
  expect(await ids(world, "?status=skip")).toEqual([1, skipped]);
});
