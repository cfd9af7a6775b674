/** Jobs over HTTP: what is kept, given back, listed and refused. */
import { expect, test } from "vitest";
import { FOREIGN, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";

const CRON = {
  type: "CRON",
  cron: { startTime: "2030-01-01T00:00:00+08", expression: "0 0 0 * * ?", expressionTimeZone: "GMT+8" },
};

test("a definition is given back as it came, unknown members, order and JSON types included", async () => {
  const { ok } = await factoryWorld();
  const body = {
    processType: "BATCH",
    unknown: { z: 1, a: [1.5, "1.5", null, true] },
    name: "j1",
    nodes: [
      {
        name: "a",
        type: "Dummy",
        location: { x: "-45.5", y: 10 },
        properties: [{ name: "p", value: "v", more: 1 }],
        extra: 0,
      },
      { name: "b", type: "Shell", location: { x: 1 }, preNodeName: ["a"], properties: [{ name: "body" }] },
    ],
    schedule: CRON,
    params: [{ name: "k", value: "v" }],
    basicConfig: { owner: "me", priority: 1, instanceTimeout: 0, customFields: { x: "y" }, tags: ["t1"] },
  };
  const created = await ok("POST", "/jobs", { body });
  expect(created).toMatchObject({ status: 204, json: undefined });
  expect(created.headers["content-type"]).toBeUndefined();
  const { json } = await ok("GET", "/jobs/j1", { role: "reader" });
  expect(json).toEqual({
    ...body,
    id: expect.any(Number),
    createTime: Date.parse("2026-11-23T06:54:27.123Z"),
    lastUpdateUser: "manager-user",
    description: "",
    directory: "/",
    version: 1,
  });
  expect(Object.keys(json).slice(0, 4)).toEqual(["processType", "unknown", "name", "nodes"]);
});

test("older spellings are understood, kept, and answered beside the present ones", async () => {
  const { ok } = await factoryWorld();
  const body = {
    name: "old",
    jobType: "BATCH",
    schedule: {
      scheType: "CRON",
      cron: { startTime: "2030-01-01T00:00:00Z", expression: "0 0 1 * * ?", "dependPrePeriod.": true },
    },
    nodes: [
      { name: "a", nodeType: "Dummy", location: { x: 1, y: 2 }, preNodeNames: "", nodeProperties: "[]" },
      {
        name: "b",
        nodeType: "Dummy",
        location: { x: 1, y: 2 },
        preNodeNames: "a",
        nodeProperties: '[{"name":"p","value":"v"}]',
        condition: [{ preNodeName: "a", expression: "#{1 == 1}" }],
      },
    ],
    params: [{ name: "k", value: "v", paramType: "constants" }],
  };
  await ok("POST", "/jobs", { body });
  const { json } = await ok("GET", "/jobs/old");
  expect(json).toMatchObject({
    ...body,
    processType: "BATCH",
    schedule: { type: "CRON", cron: { dependPrePeriod: true } },
  });
  expect(json.nodes[1]).toMatchObject({
    type: "Dummy",
    preNodeName: ["a"],
    properties: [{ name: "p", value: "v" }],
    conditions: [{ preNodeName: "a", expression: "#{1 == 1}" }],
  });
  expect(json.params).toEqual([{ name: "k", value: "v", paramType: "constants", type: "constants" }]);
});

test("an empty location is answered as the origin, and a cron trigger under both spellings", async () => {
  const { ok } = await factoryWorld();
  const cronTrigger = {
    startTime: "2030-01-01T00:00:00Z",
    expression: "0 0 1 * * ?",
    period: "1 days",
    concurrent: 2,
  };
  const nodes = [
    { name: "c", type: "Dummy", location: {}, properties: [], cronTrigger },
    {
      name: "k",
      type: "Dummy",
      location: { x: 0 },
      properties: [],
      eventTrigger: { eventType: "KAFKA", channel: "t" },
    },
  ];
  await ok("POST", "/jobs", { body: jobBody("rt", { processType: "REAL_TIME", nodes }) });
  const { json } = await ok("GET", "/jobs/rt");
  expect(json.nodes[0]).toEqual({ ...nodes[0], location: { x: 0, y: 0 }, cron_trigger: cronTrigger });
  expect(json.nodes[1]).toEqual(nodes[1]);
});

test("an update replaces the whole definition as the next version, and versions stay readable", async () => {
  const { ok, call, clock } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j", { description: "first", extra: 1 }) });
  clock.now = new Date("2026-11-24T00:00:00Z");
  expect(
    await ok("PUT", "/jobs/j", { role: "member", body: jobBody("j", { processType: "REAL_TIME" }) }),
  ).toMatchObject({
    status: 204,
  });
  const { json } = await ok("GET", "/jobs/j");
  expect(json).toMatchObject({
    version: 2,
    processType: "REAL_TIME",
    description: "",
    lastUpdateUser: "member-user",
  });
  expect(json).not.toHaveProperty("extra");
  expect((await ok("GET", "/jobs/j?version=1")).json).toMatchObject({
    version: 1,
    extra: 1,
    description: "first",
  });
  expect((await ok("GET", "/jobs/j?version=-1&getJobSubmitVersion=true")).json.version).toBe(2);
  expect(await call("GET", "/jobs/j?version=3")).toMatchObject({
    status: 400,
    json: { error_code: "DLF.3051" },
  });
  expect(await call("GET", "/jobs/nope?version=1")).toMatchObject({
    status: 400,
    json: { error_code: "DLF.0100" },
  });
});

test("another free name in an update renames the job; a name in use is refused and changes nothing", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("one") });
  await ok("POST", "/jobs", { body: jobBody("two") });
  expect(await call("PUT", "/jobs/one", { body: jobBody("two") })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.0102", error_msg: "The job name already exists." },
  });
  const before = (await ok("GET", "/jobs/one")).json;
  expect(before.version).toBe(1);
  await ok("PUT", "/jobs/one", { body: jobBody("三") });
  expect((await call("GET", "/jobs/one")).json.error_code).toBe("DLF.0100");
  expect((await ok("GET", `/jobs/${encodeURIComponent("三")}`)).json).toMatchObject({
    id: before.id,
    version: 2,
  });
});

test("names are unique in a workspace only, and a workspace comes into being with its first job", async () => {
  const { ok, call, pool } = await factoryWorld();
  expect((await ok("GET", "/jobs", { workspace: "w1" })).json).toEqual({ total: 0, jobs: [] });
  expect((await call("GET", "/jobs/j", { workspace: "w1" })).json.error_code).toBe("DLF.0100");
  expect((await call("PUT", "/jobs/j", { workspace: "w1", body: jobBody("j") })).json.error_code).toBe(
    "DLF.0100",
  );
  expect((await pool.query("select from workspace")).rowCount).toBe(0);
  await ok("POST", "/jobs", { workspace: "w1", body: jobBody("j") });
  await ok("POST", "/jobs", { workspace: "w2", body: jobBody("j") });
  await ok("POST", "/jobs", { workspace: "", body: jobBody("j") });
  expect((await pool.query("select id from workspace order by id")).rows.map(({ id }) => id)).toEqual([
    "default",
    "w1",
    "w2",
  ]);
  expect(await call("POST", "/jobs", { body: jobBody("j"), workspace: "default" })).toMatchObject({
    status: 400,
    json: {
      error_code: "DLF.0102",
      error_msg: "The job name already exists.",
      errors: [{ error_code: "DLF.0102", error_msg: "The job name already exists." }],
    },
  });
});

test("without creation on first use an unknown workspace is refused everywhere, the default one never", async () => {
  const { ok, call, pool } = await factoryWorld({ workspacesOnFirstUse: false });
  const refused = { status: 400, json: { error_code: "DLF.0819", error_msg: "Workspace does not exists." } };
  const body = jobBody("j");
  for (const [method, path] of [
    ["POST", "/jobs"],
    ["GET", "/jobs"],
    ["GET", "/jobs/j"],
    ["PUT", "/jobs/j"],
    ["DELETE", "/jobs/j"],
    ["POST", "/jobs/j/start"],
    ["POST", "/jobs/j/stop"],
    ["GET", "/jobs/j/status"],
    ["GET", "/jobs/instances/detail"],
    ["GET", "/scripts"],
    ["GET", "/connections"],
  ] as const) {
    const withBody =
      method === "POST" || method === "PUT" ? { body: path === "/jobs" || method === "PUT" ? body : {} } : {};
    expect(await call(method, path, { workspace: "nope", ...withBody }), `${method} ${path}`).toMatchObject(
      refused,
    );
  }
  const env = await call("GET", `/v2/${PROJECT}/factory/env`, { workspace: "nope" });
  expect(env).toMatchObject({ status: 400, json: { error_code: "DLF.20819" } });
  expect((await pool.query("select from workspace")).rowCount).toBe(0);
  expect((await ok("GET", "/jobs")).json.total).toBe(0);
  await ok("POST", "/jobs", { body });
  expect((await ok("GET", "/jobs")).json.total).toBe(1);
});

test("a project has at most 1,000 workspaces, and a name that none can bear is an unknown one", async () => {
  const { ok, call, pool, clock } = await factoryWorld();
  await pool.query(
    "insert into workspace (project_id, id, created_at) select $1, 'w' || n, $2 from generate_series(1, 999) n",
    [PROJECT, clock.now],
  );
  await ok("POST", "/jobs", { workspace: "last", body: jobBody("j") });
  expect(await call("POST", "/jobs", { workspace: "more", body: jobBody("j") })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.3051" },
  });
  expect((await pool.query("select from job")).rowCount).toBe(1);
  expect((await call("GET", "/jobs", { workspace: "a b" })).json.error_code).toBe("DLF.0819");
  const named = Buffer.from("空间", "utf8").toString("latin1");
  expect((await ok("GET", "/jobs", { workspace: named })).json.total).toBe(0);
});

test("a deleted job is gone, with everything that it had", async () => {
  const { ok, call, pool } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j") });
  const deleted = await ok("DELETE", "/jobs/j", {
    role: "member",
    body: { approvers: [{ approverName: "u" }] },
  });
  expect(deleted).toMatchObject({ status: 204, json: undefined });
  expect(await call("GET", "/jobs/j")).toMatchObject({
    status: 400,
    json: { error_code: "DLF.0100", error_msg: "The job does not exists." },
  });
  expect((await call("DELETE", "/jobs/j")).json.error_code).toBe("DLF.0100");
  expect((await pool.query("select from job_version")).rowCount).toBe(0);
});

test("jobs that wait for others name existing ones, and show up with them", async () => {
  const { ok, call } = await factoryWorld();
  const waiting = (jobs: string[], more = {}) => ({
    schedule: { type: "CRON", cron: { ...CRON.cron, dependJobs: { jobs, ...more } } },
  });
  await ok("POST", "/jobs", { body: jobBody("up") });
  await ok("POST", "/jobs", { body: jobBody("far"), workspace: "w2" });
  expect(await call("POST", "/jobs", { body: jobBody("down", waiting(["up", "nope"])) })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.0100", error_msg: expect.stringContaining('"nope"') },
  });
  expect((await ok("GET", "/jobs")).json.total).toBe(1);
  const others = { otherWorkSpaceJobs: [{ jobName: "far", workSpace: "w2" }] };
  await ok("POST", "/jobs", { body: jobBody("down", waiting(["up", "far"], others)) });
  const { json } = await ok("GET", "/jobs/up?dependencies=true");
  expect(json.downstreamJobs).toEqual([{ workSpace: "default", jobName: "down", jobId: expect.any(Number) }]);
  expect(
    (await ok("GET", "/jobs/far?dependencies=true", { workspace: "w2" })).json.downstreamJobs,
  ).toHaveLength(1);
  expect((await ok("GET", "/jobs/down?dependencies=true")).json.downstreamJobs).toEqual([]);
  expect((await ok("GET", "/jobs/up")).json).not.toHaveProperty("downstreamJobs");
  expect(
    (await call("PUT", "/jobs/down", { body: jobBody("down", waiting(["down"])) })).json.error_code,
  ).toBe("DLF.3025");
  await ok("PUT", "/jobs/down", { body: jobBody("down") });
  expect((await ok("GET", "/jobs/up?dependencies=true")).json.downstreamJobs).toEqual([]);
});

test("the list shows a job's members, times in milliseconds, and nothing unknown", async () => {
  const { ok } = await factoryWorld();
  const schedule = { type: "CRON", cron: { ...CRON.cron, endTime: "2031-01-01T00:00:00Z" } };
  await ok("POST", "/jobs", {
    role: "member",
    body: jobBody("j", {
      schedule,
      directory: "/d",
      basicConfig: { owner: "me", priority: 2 },
      singleNodeJobFlag: true,
    }),
  });
  await ok("POST", "/jobs", { body: jobBody("plain") });
  await ok("POST", "/jobs", { body: jobBody("rt", { processType: "REAL_TIME" }) });
  const at = Date.parse("2026-11-23T06:54:27.123Z");
  expect((await ok("GET", "/jobs", { role: "reader" })).json).toEqual({
    total: 2,
    jobs: [
      {
        name: "plain",
        jobType: "BATCH",
        status: "STOPPED",
        createUser: "manager-user",
        createTime: at,
        lastUpdateTime: at,
        lastUpdateUser: "manager-user",
        path: "/",
        singleNodeJobFlag: false,
        alarms: [],
      },
      {
        name: "j",
        jobType: "BATCH",
        owner: "me",
        priority: 2,
        status: "STOPPED",
        createUser: "member-user",
        createTime: at,
        startTime: Date.parse("2029-12-31T16:00:00Z"),
        endTime: Date.parse("2031-01-01T00:00:00Z"),
        lastUpdateTime: at,
        lastUpdateUser: "member-user",
        path: "/d",
        singleNodeJobFlag: true,
        alarms: [],
      },
    ],
  });
  expect((await ok("GET", "/jobs?jobType=REAL_TIME")).json).toMatchObject({
    total: 1,
    jobs: [{ name: "rt", jobType: "REAL_TIME", status: "STOPPED" }],
  });
});

test("the list is filtered by a part of the name, case sensitive, and by all of several tags", async () => {
  const { ok } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("daily_a", { basicConfig: { tags: ["t1", "t2"] } }) });
  await ok("POST", "/jobs", { body: jobBody("daily_B", { basicConfig: { tags: ["t1"] } }) });
  const names = async (query: string) =>
    (await ok("GET", `/jobs?${query}`)).json.jobs.map(({ name }: { name: string }) => name);
  expect(await names("jobName=daily")).toEqual(["daily_B", "daily_a"]);
  expect(await names("jobName=Daily")).toEqual([]);
  expect(await names("jobName=y_b")).toEqual([]);
  expect(await names("jobName=%25")).toEqual([]);
  expect(await names("tags=t1")).toEqual(["daily_B", "daily_a"]);
  expect(await names("tags=t1%2Ct2")).toEqual(["daily_a"]);
  expect(await names("tags=t1,nope")).toEqual([]);
  expect(await names("jobName=&tags=")).toHaveLength(2);
});

test("pages are numbered from 0; a client that counts records reads on to the end", async () => {
  const { ok, pool, clock } = await factoryWorld();
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', $2)", [
    PROJECT,
    clock.now,
  ]);
  await pool.query(
    `insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
     select $1, 'default', 'm' || n, 'batch', 1, $2, 'me', $2, 'me' from generate_series(1, 250) n order by n`,
    [PROJECT, clock.now],
  );
  const page = async (query: string) => {
    const { json } = await ok("GET", `/jobs${query}`);
    expect(json.total).toBe(250);
    return json.jobs.map(({ name }: { name: string }) => name);
  };
  expect(await page("")).toHaveLength(10);
  expect((await page(""))[0]).toBe("m250");
  expect(await page("?limit=5&offset=1")).toEqual(["m245", "m244", "m243", "m242", "m241"]);
  expect(await page("?limit=10&offset=24")).toHaveLength(10);
  expect(await page("?limit=10&offset=25")).toEqual([]);
  expect(await page("?limit=100&offset=1")).toHaveLength(100);
  expect((await page("?limit=100&offset=100"))[0]).toBe("m150");
  expect(await page("?limit=100&offset=200")).toHaveLength(50);
  expect(await page("?limit=100&offset=250")).toEqual([]);
  expect(await page("?limit=100&offset=300")).toEqual([]);
  expect(await page("?limit=100&offset=2147483647")).toEqual([]);
});

test("of two that create the same name at once one is refused, and nothing is half written", async () => {
  const { call, pool } = await factoryWorld();
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => call("POST", "/jobs", { body: jobBody("same") })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 400, 400, 400, 400, 400, 400, 400]);
  expect((await pool.query("select from job_version")).rowCount).toBe(1);
});

test("another project's jobs are out of reach", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j") });
  expect((await call("GET", `/v1/${FOREIGN}/jobs/j`)).status).toBe(401);
});
