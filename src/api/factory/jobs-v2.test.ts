/** Jobs of v2 over HTTP: made from definitions in snake_case, renamed, tagged, and shown beside those that they wait for. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";

const JOBS = `/v2/${PROJECT}/factory/jobs`;

/** A definition that every rule allows; `members` are put over its own. */
function jobBodyV2(name: string, members: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name,
    nodes: [{ name: "a", type: "Dummy", location: { x: "1", y: "2" }, properties: [] }],
    schedule: { type: "EXECUTE_ONCE" },
    process_type: "BATCH",
    ...members,
  };
}

function cronOf(members: Readonly<Record<string, unknown>> = {}) {
  return { schedule: { type: "CRON", cron: { start_time: START, expression: "0 0 0 * * ?", ...members } } };
}
const START = "2030-01-01T00:00:00+08";
const CRON_V1 = { schedule: { type: "CRON", cron: { startTime: START, expression: "0 0 0 * * ?" } } };

test("a definition in snake_case is kept in the words of v1, users' own names as they are", async () => {
  const { ok } = await factoryWorld();
  const event = { event_type: "KAFKA", channel: "c/t", fail_policy: "IGNORE", read_policy: "NEW" };
  const body = jobBodyV2("j", {
    ...cronOf({ end_time: "2031-01-01T00:00:00+08", depend_pre_period: true, period: "1 days" }),
    nodes: [
      {
        name: "a",
        type: "Dummy",
        location: { x: "1", y: "2" },
        properties: [{ name: "my_key", value: "my_value" }],
      },
      {
        name: "b",
        type: "Dummy",
        location: { x: "1", y: "2" },
        pre_node_names: ["a"],
        conditions: [{ pre_node_name: "a", expression: "#{1 == 1}" }],
        polling_interval: 5,
        max_execution_time: 10,
        retry_times: 1,
        retry_interval: 30,
        exec_time_out_retry: "true",
        fail_policy: "IGNORE",
        event_trigger: event,
        cron_trigger: null,
      },
    ],
    params: [{ name: "my_name", value: "v", type: "constants" }],
    log_path: "obs://b/logs",
    directory: "/d",
    single_node_job_flag: true,
    single_node_job_type: "DwsSQL",
    create_user: "somebody",
    target_status: "SAVED",
    approvers: [{ approver_name: "boss" }],
    basic_config: { execute_user: "eve", instance_timeout: 0, custom_fields: { my_field: { sub_field: 1 } } },
    my_member: 1,
  });
  expect((await ok("POST", JOBS, { body, role: "member" })).status).toBe(204);
  const { json } = await ok("GET", "/jobs/j");
  const place = { type: "Dummy", location: { x: "1", y: "2" } };
  expect(json).toEqual({
    name: "j",
    processType: "BATCH",
    schedule: {
      type: "CRON",
      cron: {
        startTime: START,
        endTime: "2031-01-01T00:00:00+08",
        expression: "0 0 0 * * ?",
        dependPrePeriod: true,
        period: "1 days",
        intervalType: "days",
      },
    },
    nodes: [
      { name: "a", ...place, properties: [{ name: "my_key", value: "my_value" }] },
      {
        name: "b",
        ...place,
        preNodeName: ["a"],
        conditions: [{ preNodeName: "a", expression: "#{1 == 1}" }],
        pollingInterval: 5,
        maxExecutionTime: 10,
        retryTimes: 1,
        retryInterval: 30,
        execTimeOutRetry: "true",
        failPolicy: "IGNORE",
        eventTrigger: { eventType: "KAFKA", channel: "c/t", failPolicy: "IGNORE", readPolicy: "NEW" },
      },
    ],
    params: [{ name: "my_name", value: "v", type: "constants" }],
    logPath: "obs://b/logs",
    directory: "/d",
    singleNodeJobFlag: true,
    singleNodeJobType: "DwsSQL",
    createUser: "somebody",
    targetStatus: "SAVED",
    approvers: [{ approverName: "boss" }],
    basicConfig: { executeUser: "eve", instanceTimeout: 0, customFields: { my_field: { sub_field: 1 } } },
    myMember: 1,
    id: expect.any(Number),
    createTime: expect.any(Number),
    lastUpdateUser: "member-user",
    description: "",
    version: 1,
  });
  expect((await ok("GET", "/jobs")).json.jobs).toMatchObject([{ name: "j", createUser: "member-user" }]);
});

test("owner and priority stand at the top or in the basic configuration, which counts", async () => {
  const { ok } = await factoryWorld();
  await ok("POST", JOBS, { body: jobBodyV2("top", { owner: "me", priority: "2" }) });
  await ok("POST", JOBS, { body: jobBodyV2("number", { priority: 1 }) });
  const basic_config = { owner: "you", priority: 0 };
  await ok("POST", JOBS, { body: jobBodyV2("both", { owner: "me", priority: "2", basic_config }) });
  const { jobs } = (await ok("GET", "/jobs")).json;
  expect(jobs).toMatchObject([
    { name: "both", owner: "you", priority: 0 },
    { name: "number", priority: 1 },
    { name: "top", owner: "me", priority: 2 },
  ]);
  expect((await ok("GET", "/jobs/top")).json.basicConfig).toEqual({ owner: "me", priority: 2 });
});

test("lists of jobs that are waited for become one, each with its period and policy", async () => {
  const { ok, pool } = await factoryWorld();
  for (const name of ["a", "b", "c"]) await ok("POST", "/jobs", { body: jobBody(name, CRON_V1) });
  const depend_jobs = [
    { jobs: ["a"], depend_fail_policy: "SUSPEND" },
    { jobs: ["b"], depend_period: "PRE_PERIOD", depend_fail_policy: "IGNORE" },
    { jobs: ["c"] },
  ];
  await ok("POST", JOBS, { body: jobBodyV2("w", cronOf({ depend_jobs })) });
  const { rows } = await pool.query(
    `select u.name, d.periods, d.fail_policy from job_dependency d
     join job u on u.project_id = d.project_id and u.id = d.upstream_id order by u.name`,
  );
  expect(rows).toEqual([
    { name: "a", periods: 0, fail_policy: "suspend" },
    { name: "b", periods: 1, fail_policy: "ignore" },
    { name: "c", periods: 0, fail_policy: "fail" },
  ]);
  // The definition can be saved again by v1 as it reads there.
  const { json: body } = await ok("GET", "/jobs/w");
  expect(body.schedule.cron.dependJobs).toMatchObject({ jobs: ["a", "b", "c"], dependFailPolicy: "SUSPEND" });
  await ok("PUT", "/jobs/w", { body });
  const saved = await pool.query("select count(*) as n from job_dependency where fail_policy = 'ignore'");
  expect(saved.rows).toEqual([{ n: 1 }]);
});

test("a list of jobs of one kind needs no words for single jobs", async () => {
  const { ok } = await factoryWorld();
  for (const name of ["a", "b"]) await ok("POST", "/jobs", { body: jobBody(name, CRON_V1) });
  const list = { depend_period: "PRE_PERIOD", depend_fail_policy: "IGNORE" };
  const depend_jobs = [
    { jobs: ["a"], ...list },
    { jobs: ["b"], ...list },
  ];
  await ok("POST", JOBS, { body: jobBodyV2("w", cronOf({ depend_jobs })) });
  expect((await ok("GET", "/jobs/w")).json.schedule.cron.dependJobs).toEqual({
    jobs: ["a", "b"],
    dependPeriod: "PRE_PERIOD",
    dependFailPolicy: "IGNORE",
  });
});

test("what v1 refuses is refused, by the same codes, with the places as v2 writes them", async () => {
  const { call, ok } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("taken") });
  const refused: readonly (readonly [code: string, members: Record<string, unknown>, words?: string])[] = [
    ["DLF.3004", { name: "" }],
    ["DLF.3018", { name: "a b" }],
    ["DLF.3018", { name: "import" }],
    ["DLF.0102", { name: "taken" }],
    ["DLF.2014", { process_type: "OTHER" }],
    ["DLF.2014", { process_type: undefined, processType: "BATCH" }],
    ["DLF.3025", { schedule: null }],
    ["DLF.3025", { schedule: { type: "NEVER" } }],
    ["DLF.3025", cronOf({ period: "daily" }), "schedule.cron.period"],
    ["DLF.3025", cronOf({ start_time: "tomorrow" })],
    ["DLF.3025", cronOf({ depend_jobs: { jobs: [] } }), "schedule.cron.depend_jobs"],
    ["DLF.0100", cronOf({ depend_jobs: [{ jobs: ["nobody"] }] })],
    ["DLF.3051", { priority: "3" }],
    ["DLF.3051", { owner: "x".repeat(129) }],
    ["DLF.3051", { basic_config: { instance_timeout: 4 } }, "basic_config.instance_timeout"],
    ["DLF.3050", { description: "x".repeat(1025) }],
    [
      "DLF.3051",
      { nodes: [{ name: "a", type: "Dummy", location: {}, retry_times: 6 }] },
      "nodes.0.retry_times",
    ],
    [
      "DLF.3025",
      { nodes: [{ name: "a", type: "Dummy", location: {}, cron_trigger: {} }] },
      "nodes.0.cron_trigger",
    ],
  ];
  for (const [code, members, words = ""] of refused) {
    const what = JSON.stringify(members);
    const { status, json } = await call("POST", JOBS, { body: jobBodyV2("j", members) });
    expect({ status, code: json.error_code }, what).toEqual({ status: 400, code });
    expect(json.error_msg, what).toContain(words);
  }
  expect((await ok("GET", "/jobs")).json.total).toBe(1);
});

async function rename({ call }: FactoryWorld, from: string, name: unknown) {
  return await call("PUT", `${JOBS}/${from}/rename`, { body: { name }, role: "member" });
}

test("a renamed job keeps its version, and reads under its new name", async () => {
  const world = await factoryWorld();
  const { ok, call, clock } = world;
  await ok("POST", "/jobs", { body: jobBody("old", { unknown: 1 }) });
  clock.now = new Date("2026-11-24T00:00:00Z");
  expect(await rename(world, "old", "new")).toMatchObject({ status: 200, json: { is_success: true } });
  expect((await call("GET", "/jobs/old")).json.error_code).toBe("DLF.0100");
  const { json } = await ok("GET", "/jobs/new");
  expect(json).toMatchObject({ name: "new", version: 1, unknown: 1, lastUpdateUser: "member-user" });
  expect((await ok("GET", "/jobs")).json.jobs).toMatchObject([{ name: "new", lastUpdateTime: +clock.now }]);
  const { acts } = (await ok("GET", "/api/acts")).json;
  const detail = { from: "old", to: "new" };
  expect(acts).toMatchObject([{ act: "rename", by: "member-user", object: { id: String(json.id) }, detail }]);
});

test("a name that is taken, bad or missing is refused and changes nothing, as for a job that is not there", async () => {
  const world = await factoryWorld();
  const { ok } = world;
  for (const name of ["j", "taken"]) await ok("POST", "/jobs", { body: jobBody(name) });
  const refused: readonly (readonly [unknown, string])[] = [
    ["taken", "DLF.0102"],
    ["a b", "DLF.3018"],
    ["batch-export", "DLF.3018"],
    ["", "DLF.3004"],
    [undefined, "DLF.3004"],
    [null, "DLF.3004"],
    [7, "DLF.3051"],
  ];
  for (const [name, code] of refused)
    expect(await rename(world, "j", name), String(name)).toMatchObject({
      status: 400,
      json: { error_code: code },
    });
  expect(await rename(world, "nobody", "k")).toMatchObject({ status: 400, json: { error_code: "DLF.0100" } });
  expect((await ok("GET", "/jobs/j")).json).toMatchObject({ name: "j", version: 1 });
  expect((await ok("GET", "/api/acts")).json.acts).toEqual([]);
});

test("a job in operation is renamed with its schedule, and whoever waits for it still does", async () => {
  const world = await factoryWorld();
  const { ok, pool } = world;
  await ok("POST", "/jobs", { body: jobBody("up", CRON_V1) });
  await ok("POST", JOBS, { body: jobBodyV2("down", cronOf({ depend_jobs: [{ jobs: ["up"] }] })) });
  await ok("POST", "/jobs/up/start");
  const before = (await pool.query("select next_at from schedule")).rows;
  await rename(world, "up", "higher");
  expect((await pool.query("select next_at from schedule")).rows).toEqual(before);
  expect((await ok("GET", "/jobs/higher/status")).json.status).toBe("NORMAL");
  const { downstreamJobs } = (await ok("GET", "/jobs/higher?dependencies=true")).json;
  expect(downstreamJobs).toMatchObject([{ jobName: "down" }]);
});

test("a job that nodes of others run keeps its name", async () => {
  const world = await factoryWorld();
  const { ok } = world;
  await ok("POST", "/jobs", { body: jobBody("child") });
  const properties = [{ name: "jobName", value: "child" }];
  const nodes = [{ name: "s", type: "SubJob", location: {}, properties }];
  await ok("POST", "/jobs", { body: jobBody("parent", { nodes }) });
  expect(await rename(world, "child", "other")).toMatchObject({
    status: 400,
    json: { error_code: "DLF.3051" },
  });
  expect((await rename(world, "child", "child")).status).toBe(200);
});

test("tags are replaced in lists and in the definition, without a new version; an empty list clears them", async () => {
  const { ok, call } = await factoryWorld();
  const basicConfig = { owner: "me", tags: ["old"] };
  await ok("POST", "/jobs", { body: jobBody("j", { basicConfig }) });
  const tag = (tag_names: unknown) => call("POST", `${JOBS}/j/tags`, { body: { tag_names }, role: "member" });
  expect(await tag(["a", "b", "a"])).toMatchObject({ status: 200, json: {} });
  const shown = (await ok("GET", "/jobs/j")).json;
  expect(shown).toMatchObject({ version: 1, basicConfig: { owner: "me", tags: ["a", "b"] } });
  expect((await ok("GET", "/jobs?tags=a,b")).json.total).toBe(1);
  expect((await ok("GET", "/jobs?tags=old")).json.total).toBe(0);
  await tag([]);
  expect((await ok("GET", "/jobs?tags=a")).json.total).toBe(0);
  expect((await ok("GET", "/jobs/j")).json.basicConfig).toEqual({ owner: "me", tags: [] });
  // What was saved before stays as it was.
  await ok("PUT", "/jobs/j", { body: jobBody("j") });
  expect((await ok("GET", "/jobs/j?version=1")).json.basicConfig.tags).toEqual([]);
  const { acts } = (await ok("GET", "/api/acts")).json;
  expect(acts).toMatchObject([
    { act: "tag", detail: { tags: [] } },
    { act: "tag", detail: { tags: ["a", "b"] } },
  ]);
});

test("tags that are none, too long or too many are refused, as for a job that is not there", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j") });
  const many = (count: number) => Array.from({ length: count }, (_, n) => `t${n}`);
  const tag = (job: string, tag_names: unknown) =>
    call("POST", `${JOBS}/${job}/tags`, { body: { tag_names } });
  for (const tags of [undefined, null, "a", [""], ["x".repeat(129)], [1], many(101)])
    expect(await tag("j", tags)).toMatchObject({ status: 400, json: { error_code: "DLF.3051" } });
  expect(await tag("nobody", ["a"])).toMatchObject({ status: 400, json: { error_code: "DLF.0100" } });
  expect((await tag("j", ["x".repeat(128), ...many(99)])).status).toBe(200);
});

test("the jobs beside a job are named with their way, directory, workspace and owner", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("far", CRON_V1), workspace: "w2" });
  await ok("POST", "/jobs", {
    body: jobBody("up", { ...CRON_V1, directory: "/d", basicConfig: { owner: "me" } }),
  });
  const dependJobs = { jobs: ["up"], otherWorkSpaceJobs: [{ jobName: "far", workSpace: "w2" }] };
  const cron = { ...CRON_V1.schedule.cron, dependJobs };
  await ok("POST", "/jobs", { body: jobBody("mid", { schedule: { type: "CRON", cron } }) });
  await ok("POST", JOBS, { body: jobBodyV2("down", cronOf({ depend_jobs: [{ jobs: ["mid"] }] })) });
  const related = async (query = "") =>
    (await ok("GET", `${JOBS}/mid/depend${query}`, { role: "reader" })).json;
  const parents = [
    { job_name: "far", job_path: "/", depend_layer: "parent", workspace_name: "w2" },
    { job_name: "up", job_path: "/d", depend_layer: "parent", workspace_name: "default", owner: "me" },
  ];
  const children = [{ job_name: "down", job_path: "/", depend_layer: "child", workspace_name: "default" }];
  expect(await related()).toEqual([...parents, ...children]);
  expect(await related("?relation=both")).toEqual([...parents, ...children]);
  expect(await related("?relation=parent")).toEqual(parents);
  expect(await related("?relation=child")).toEqual(children);
  expect((await ok("GET", `${JOBS}/down/depend?relation=child`)).json).toEqual([]);
  const refused = { status: 400, json: { error_code: "DLF.3051" } };
  expect(await call("GET", `${JOBS}/mid/depend?relation=uncle`)).toMatchObject(refused);
  const missing = { status: 400, json: { error_code: "DLF.0100" } };
  expect(await call("GET", `${JOBS}/nobody/depend`)).toMatchObject(missing);
  expect(await call("GET", `${JOBS}/mid/depend`, { workspace: "w2" })).toMatchObject(missing);
});
