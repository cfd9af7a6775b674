/** The job list of v2 over HTTP: its entries, and each of the things by which it chooses. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";

const JOBS = `/v2/${PROJECT}/factory/jobs`;
const CRON = {
  schedule: { type: "CRON", cron: { startTime: "2026-01-01T00:00:00Z", expression: "0 0 0 * * ?" } },
};
const LIVE = { processType: "REAL_TIME" };

async function names({ ok }: FactoryWorld, query = ""): Promise<string[]> {
  const { jobs, total } = (await ok("GET", `${JOBS}${query}`, { role: "reader" })).json;
  const found = jobs.map(({ name }: { readonly name: string }) => name);
  expect({ query, total }).toEqual({ query, total: found.length });
  return found;
}

function nodeOf(properties: Readonly<Record<string, string>>, type = "Dummy") {
  const pairs = Object.entries(properties).map(([name, value]) => ({ name, value }));
  return { name: "n", type, location: {}, properties: pairs };
}

test("both kinds are listed, newest first, and each by itself", async () => {
  const world = await factoryWorld();
  for (const [name, members] of Object.entries({ b1: {}, r1: LIVE, b2: {}, r2: LIVE }))
    await world.ok("POST", "/jobs", { body: jobBody(name, members) });
  expect(await names(world)).toEqual(["r2", "b2", "r1", "b1"]);
  expect(await names(world, "?job_type=BATCH")).toEqual(["b2", "b1"]);
  expect(await names(world, "?job_type=REAL_TIME")).toEqual(["r2", "r1"]);
  const page = async (query: string) => {
    const { jobs, total } = (await world.ok("GET", `${JOBS}?${query}`)).json;
    return [total, ...jobs.map(({ name }: { readonly name: string }) => name)];
  };
  expect(await page("limit=3&offset=0")).toEqual([4, "r2", "b2", "r1"]);
  expect(await page("limit=3&offset=1")).toEqual([4, "b1"]);
  expect(await page("limit=2&offset=1&job_name=2")).toEqual([2]);
  expect(await page("limit=1&offset=1&job_name=2")).toEqual([2, "b2"]);
  expect(await page("limit=3&offset=2")).toEqual([4]);
});

test("an entry has the members of v1 in snake_case, and those that only v2 has", async () => {
  const { ok, clock } = await factoryWorld();
  const made = {
    ...CRON,
    singleNodeJobFlag: true,
    singleNodeJobType: "DwsSQL",
    emptyRunningJob: "1",
    directory: "/d",
  };
  const basicConfig = { owner: "me", priority: 1 };
  await ok("POST", "/jobs", { body: jobBody("j", { ...made, basicConfig }) });
  const entry = {
    name: "j",
    job_type: "BATCH",
    owner: "me",
    priority: 1,
    status: "STOPPED",
    create_user: "manager-user",
    create_time: +clock.now,
    start_time: Date.parse("2026-01-01T00:00:00Z"),
    last_update_time: +clock.now,
    last_update_user: "manager-user",
    path: "/d",
    single_node_job_flag: true,
    single_node_job_type: "DwsSQL",
    empty_running_job: "1",
  };
  expect((await ok("GET", JOBS)).json).toEqual({ total: 1, jobs: [entry] });
  await ok("POST", "/jobs/j/start");
  const next = String(Date.parse("2026-11-24T00:00:00Z"));
  const started = { ...entry, status: "SCHEDULING", next_plan_time: next };
  expect((await ok("GET", `${JOBS}?need_alarms=true`)).json.jobs).toEqual([{ ...started, alarms: [] }]);
  await ok("POST", `/api/jobs/j/pause`);
  expect((await ok("GET", JOBS)).json.jobs).toEqual([{ ...entry, status: "PAUSED" }]);
});

test("names, ids and tags choose alone and together", async () => {
  const world = await factoryWorld();
  const ids: number[] = [];
  for (const [name, tags] of Object.entries({
    daily_one: ["a"],
    daily_two: ["a", "b"],
    weekly: ["b"],
    流程一号: [],
  })) {
    const members = name === "daily_two" ? LIVE : {};
    await world.ok("POST", "/jobs", { body: jobBody(name, { ...members, basicConfig: { tags } }) });
    ids.push((await world.ok("GET", `/jobs/${encodeURIComponent(name)}`)).json.id);
  }
  const [one, two, weekly] = ids;
  const chosen: Readonly<Record<string, readonly string[]>> = {
    "?job_name=daily": ["daily_two", "daily_one"],
    "?job_name=Daily": [],
    "?job_name=ly": ["weekly", "daily_two", "daily_one"],
    [`?job_name=${encodeURIComponent("程")}`]: ["流程一号"],
    [`?job_id=${one},${weekly}`]: ["weekly", "daily_one"],
    [`?job_id=${two}&job_type=BATCH`]: [],
    "?job_id=9007199254740993,1234567890123456789": [],
    "?job_id=": ["流程一号", "weekly", "daily_two", "daily_one"],
    "?tags=a": ["daily_two", "daily_one"],
    "?tags=a%2Cb": ["weekly", "daily_two", "daily_one"],
    "?tags=a,b&match_all_tags=true": ["daily_two"],
    "?tags=a&job_type=BATCH": ["daily_one"],
    "?tags=a,b&job_name=daily": ["daily_two", "daily_one"],
    "?tags=c": [],
    [`?tags=b&job_id=${two},${one}&job_name=daily`]: ["daily_two"],
  };
  for (const [query, expected] of Object.entries(chosen))
    expect(await names(world, query), query).toEqual(expected);
});

test("a state chooses what the list shows as such", async () => {
  const world = await factoryWorld();
  const { ok, clock } = world;
  for (const [name, members] of Object.entries({ once: {}, cron: CRON, held: CRON, idle: {}, live: LIVE }))
    await ok("POST", "/jobs", { body: jobBody(name, members) });
  for (const name of ["once", "cron", "held", "live"]) await ok("POST", `/jobs/${name}/start`);
  await ok("POST", "/api/jobs/held/pause");
  await ok("POST", "/jobs/once/stop");
  // It ran once, and the list goes on saying so.
  await world.pool.query("update job set scheduling_shown_until = $1 where name = 'once'", [
    new Date(clock.now.getTime() + 15_000),
  ]);
  expect(await names(world, "?status=SCHEDULING")).toEqual(["cron", "once"]);
  expect(await names(world, "?status=STOPPED")).toEqual(["idle"]);
  expect(await names(world, "?status=STOPPED,SCHEDULING")).toEqual(["idle", "cron", "once"]);
  expect(await names(world, "?status=PAUSED")).toEqual(["held"]);
  expect(await names(world, "?status=PAUSE")).toEqual(["held"]);
  expect(await names(world, "?status=STARTING&job_name=live")).toEqual(["live"]);
  expect(await names(world, "?status=STARTING,PAUSED")).toEqual(["live", "held"]);
  expect(await names(world, "?status=EXCEPTION")).toEqual([]);
  clock.now = new Date(clock.now.getTime() + 15_000);
  expect(await names(world, "?status=SCHEDULING")).toEqual(["cron"]);
  expect(await names(world, "?status=STOPPED")).toEqual(["idle", "once"]);
});

test("a connection chooses the jobs whose nodes use it now, its ends and their types those that move data", async () => {
  const world = await factoryWorld();
  const { ok } = world;
  const config = { ip: "192.0.2.1", port: "5432", userName: "u", password: "p" };
  await ok("POST", "/connections", { body: { name: "rds", type: "RDS", config } });
  await ok("POST", "/connections", { body: { name: "dws", type: "DWS", config } });
  const mover = { sourceConnectionName: "rds", targetConnectionName: "dws" };
  const jobs = {
    query: nodeOf({ connectionName: "rds" }),
    late: nodeOf({ connectionName: "#{Env.get('c')}" }),
    move: nodeOf(mover, "DataMigration"),
    none: nodeOf({}),
  };
  for (const [name, node] of Object.entries(jobs))
    await ok("POST", "/jobs", { body: jobBody(name, { nodes: [node] }) });
  const chosen: Readonly<Record<string, readonly string[]>> = {
    "?connection_name=rds": ["move", "query"],
    "?connection_name=dws": ["move"],
    "?connection_name=rd": [],
    "?source_name=rds": ["move"],
    "?source_name=dws": [],
    "?sink_name=dws": ["move"],
    "?sink_name=dws&source_name=rds&connection_name=rds": ["move"],
    "?source_type=RDS": ["move"],
    "?source_type=DWS": [],
    "?sink_type=DWS&source_type=RDS": ["move"],
    "?sink_type=HOST": [],
    "?connection_name=&sink_type=": ["none", "move", "late", "query"],
  };
  for (const [query, expected] of Object.entries(chosen))
    expect(await names(world, query), query).toEqual(expected);
  await ok("PUT", "/jobs/query", { body: jobBody("query") });
  expect(await names(world, "?connection_name=rds")).toEqual(["move"]);
});

test("a query against its rules is refused", async () => {
  const { call } = await factoryWorld();
  const many = (count: number) => Array.from({ length: count }, (_, n) => n + 1).join();
  for (const query of [
    "limit=0",
    "limit=101",
    "offset=-1",
    "job_type=NODE",
    "job_type=batch",
    "job_id=a",
    "job_id=1,,2",
    `job_id=${many(51)}`,
    "status=RUNNING",
    "status=stopped",
    "need_alarms=1",
    "match_all_tags=yes",
  ])
    expect(await call("GET", `${JOBS}?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
  expect((await call("GET", `${JOBS}?job_id=${many(50)}&limit=100`)).status).toBe(200);
});

test("other workspaces' jobs are in no list, and an unknown workspace is refused where none comes by use", async () => {
  const world = await factoryWorld();
  await world.ok("POST", "/jobs", { body: jobBody("j"), workspace: "w1" });
  for (const query of ["", "?status=STOPPED", "?job_name=j", "?job_id=1,2,3,4,5"])
    expect(await names(world, query)).toEqual([]);
  const strict = await factoryWorld({ workspacesOnFirstUse: false });
  expect(await strict.call("GET", JOBS, { workspace: "w9" })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.20819" },
  });
});

test("jobs that were there before lists chose by what they use are found all the same", async () => {
  const { ok, pool } = await factoryWorld();
  const mover = nodeOf({ sourceConnectionName: "a", targetConnectionName: "b" }, "DataMigration");
  const members = { singleNodeJobType: "DataMigration", emptyRunningJob: "1" };
  await ok("POST", "/jobs", { body: jobBody("move", { ...members, nodes: [mover] }) });
  await ok("POST", "/jobs", { body: jobBody("late", { nodes: [nodeOf({ connectionName: "${c}" })] }) });
  await ok("POST", "/jobs", { body: jobBody("empty", { nodes: [] }) });
  const read = async () =>
    (
      await pool.query(
        "select name, single_node_type, dry_run, array(select unnest(uses) order by 1) as uses from job order by id",
      )
    ).rows;
  const before = await read();
  expect(before[0].uses).toEqual(["connection/a", "connection/b", "sink/b", "source/a"]);
  await pool.query("update job set single_node_type = null, dry_run = false, uses = '{}'");
  const file = join(import.meta.dirname, "../../store/migrations/0032-job-filters.sql");
  const statements = (await readFile(file, "utf8")).split(";");
  await pool.query(statements.find((statement) => statement.includes("update job")) ?? "");
  expect(await read()).toEqual(before);
});
