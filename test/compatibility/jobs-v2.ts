/** Jobs by the SDK of v2: made with every member, listed by every filter, renamed, tagged, and related to each other. */
import { expect } from "vitest";
import { eventually, NOTHING, OK, type Play, type Stage } from "./play.ts";

const NODE = {
  name: "first",
  type: "Shell",
  location: { x: "1", y: "2" },
  properties: [{ name: "statement", value: "true" }],
};

const CRON = {
  start_time: "2030-01-01T00:00:00+08",
  end_time: "2031-01-01T00:00:00+08",
  expression: "0 0 0 * * ?",
  expression_time_zone: "GMT+8",
  period: "1 days",
  depend_pre_period: true,
};
const EVENT = {
  event_type: "OBS",
  channel: "obs://none/in",
  fail_policy: "IGNORE",
  concurrent: 2,
  read_policy: "NEW",
};

async function keepJobs({ call, send, userName }: Stage): Promise<void> {
  const create = (body: object) => call("create_factory_job", { body });
  const plain = {
    nodes: [NODE],
    schedule: { type: "CRON", cron: CRON },
    process_type: "BATCH",
  };
  expect(await create({ ...plain, name: "before" })).toEqual(NOTHING);
  const dependencies = { jobs: ["before"], depend_period: "SAME_PERIOD", depend_fail_policy: "IGNORE" };
  const job = {
    name: "kept",
    nodes: [
      NODE,
      {
        ...NODE,
        name: "second",
        pre_node_names: ["first"],
        conditions: [{ pre_node_name: "first", expression: "#{true}" }],
        polling_interval: 20,
        exec_time_out_retry: "true",
        max_execution_time: 5,
        retry_times: 2,
        retry_interval: 10,
        fail_policy: "IGNORE",
      },
    ],
    schedule: { type: "CRON", cron: { ...CRON, depend_jobs: [dependencies] } },
    params: [{ name: "colour", value: "red", type: "constants" }],
    log_path: "obs://logs/kept",
    directory: "/d",
    process_type: "BATCH",
    single_node_job_flag: false,
    single_node_job_type: "NormalJob",
    create_user: "somebody",
    owner: "me",
    priority: "1",
    last_update_user: "somebody",
    target_status: "SAVED",
    approvers: [{ approver_name: "boss" }],
    basic_config: {
      owner: "me",
      priority: 1,
      task_priority: 2,
      execute_user: "other",
      instance_timeout: 60,
      custom_fields: { x: "y" },
    },
  };
  expect(await create(job)).toEqual(NOTHING);
  const triggers = [
    { ...NODE, name: "each", event_trigger: EVENT },
    { ...NODE, name: "daily", cron_trigger: { ...CRON, depend_pre_period: false } },
  ];
  const realTime = {
    name: "rt",
    nodes: triggers,
    schedule: { type: "EXECUTE_ONCE" },
    process_type: "REAL_TIME",
  };
  expect(await create(realTime)).toEqual(NOTHING);
  const listened = {
    name: "ear",
    nodes: [NODE],
    schedule: { type: "EVENT", event: EVENT },
    process_type: "BATCH",
  };
  expect(await create(listened)).toEqual(NOTHING);
  const { jobs } = await call("list_factory_jobs", { job_name: "kept", job_type: "BATCH" });
  expect(jobs).toMatchObject([
    {
      name: "kept",
      job_type: "BATCH",
      status: "STOPPED",
      owner: "me",
      priority: 1,
      path: "/d",
      create_user: userName,
      create_time: expect.any(Number),
      last_update_user: userName,
      last_update_time: expect.any(Number),
      end_time: Date.parse(`${CRON.end_time}:00`),
      single_node_job_flag: false,
      single_node_job_type: "NormalJob",
      empty_running_job: "0",
    },
  ]);
  const related = await call("show_factory_job_depend_instances", {
    job_name: "kept",
    relation: "parent",
    x_project_id: "ours",
  });
  expect(related).toMatchObject({
    ...OK,
    body: [{ job_name: "before", job_path: "/", depend_layer: "parent", workspace_name: expect.any(String) }],
  });
  const owned = await call("show_factory_job_depend_instances", { job_name: "before", relation: "child" });
  expect(owned.body).toMatchObject([{ job_name: "kept", owner: "me", depend_layer: "child" }]);
  await send("DELETE", "/jobs/kept");
}

async function listJobs({ call, refusal, send, workspace }: Stage): Promise<void> {
  const body = {
    name: "one",
    nodes: [NODE],
    schedule: { type: "CRON", cron: { ...CRON, start_time: "2026-01-01T00:00:00+08" } },
    process_type: "BATCH",
  };
  await call("create_factory_job", { body });
  const moved = [
    { name: "statementOrScript", value: "STATEMENT" },
    { name: "statement", value: "select 1" },
    { name: "connectionName", value: "base" },
  ];
  const sql = { ...NODE, type: "RDSSQL", properties: moved };
  await call("create_factory_job", {
    body: { ...body, name: "two", nodes: [sql], schedule: { type: "EXECUTE_ONCE" } },
  });
  expect(
    await call("set_factory_job_tags", { job_name: "one", body: { tag_names: ["a", "b"] } }),
  ).toMatchObject(OK);
  expect(await call("set_factory_job_tags", { job_name: "two", body: { tag_names: ["b"] } })).toMatchObject(
    OK,
  );
  const names = async (query: Readonly<Record<string, unknown>>) =>
    (await call("list_factory_jobs", query)).jobs?.map(({ name }: { name: string }) => name) ?? [];
  expect(await names({ tags: "a,b" })).toEqual(["two", "one"]);
  expect(await names({ tags: "a,b", match_all_tags: true })).toEqual(["one"]);
  expect(await names({ limit: 1, offset: 1 })).toEqual(["one"]);
  expect(await names({ connection_name: "base" })).toEqual(["two"]);
  const ends = { source_type: "RDS", source_name: "x", sink_type: "RDS", sink_name: "y" };
  expect(await names(ends), "nothing moves data").toEqual([]);
  await send("POST", "/api/topics", { name: `${workspace}-topic` });
  await send("POST", "/api/alarm-rules", {
    name: `${workspace}-rule`,
    kind: "failure",
    topic: `${workspace}-topic`,
    job: "one",
  });
  await send("POST", "/jobs/one/run-immediate", {});
  await send("POST", "/jobs/one/start", {});
  const listed = await eventually(async () => {
    const page = await call("list_factory_jobs", {
      job_name: "one",
      status: "SCHEDULING,PAUSED",
      need_alarms: true,
    });
    expect(page.jobs?.[0]?.last_instance_end_time).toEqual(expect.any(Number));
    return page;
  });
  expect(listed).toMatchObject({
    ...OK,
    total: 1,
    jobs: [
      {
        status: "SCHEDULING",
        last_instance_status: "success",
        start_time: expect.any(Number),
        next_plan_time: expect.stringMatching(/^\d{13}$/),
        alarms: [{ alarm_type: "FAIL", topic_urn: expect.stringContaining(`${workspace}-topic`) }],
      },
    ],
  });
  await send("POST", "/jobs/one/stop", {});
  const { jobs } = await call("list_factory_jobs", {});
  expect(jobs[0].alarms).toBeUndefined();
  expect(await refusal("list_factory_jobs", { job_id: "x" })).toMatchObject({
    status: 400,
    code: "DLF.3051",
  });
  expect(await names({ job_id: "1,2" })).toEqual([]);
}

async function renameJobs({ call, refusal, send }: Stage): Promise<void> {
  await send("POST", "/jobs", {
    name: "old",
    nodes: [{ name: "a", type: "Dummy", location: { x: 0, y: 0 }, properties: [] }],
    schedule: { type: "EXECUTE_ONCE" },
    processType: "BATCH",
  });
  expect(await call("update_factory_job_name", { job_name: "old", body: { name: "new" } })).toMatchObject({
    ...OK,
    is_success: true,
  });
  expect(await call("list_factory_jobs", { job_name: "" })).toMatchObject({
    total: 1,
    jobs: [{ name: "new" }],
  });
  expect(await refusal("update_factory_job_name", { job_name: "old", body: { name: "x" } })).toMatchObject({
    status: 400,
    code: "DLF.0100",
  });
}

async function showRealTimeJobs({ call, send }: Stage): Promise<void> {
  for (const [name, type] of [
    ["from", "RDS"],
    ["to", "DWS"],
  ])
    await send("POST", "/connections", {
      name,
      type,
      config: { ip: "10.0.0.1", port: "5432", userName: "u", password: "p" },
    });
  const node = (name: string, statement: string, more: object = {}) => ({
    name,
    type: "Shell",
    location: { x: 0, y: 0 },
    properties: Object.entries({ statement, ...more }).map(([key, value]) => ({ name: key, value })),
  });
  const ends = { sourceConnectionName: "from", targetConnectionName: "to" };
  const trigger = { expression: "0 0 0 1 1 ?", startTime: "2026-01-01T00:00:00+00", period: "1 days" };
  const nodes = [
    node("lives", "while :; do sleep 1; done", ends),
    node("fails", "exit 3"),
    { ...node("yearly", "true"), cronTrigger: trigger },
  ];
  const job = { name: "live", processType: "REAL_TIME", schedule: { type: "EXECUTE_ONCE" }, nodes };
  await send("POST", "/jobs", { ...job, singleNodeJobType: "NormalJob" });
  await send("POST", "/jobs/live/start", {});
  const asked = { job_name: "live", x_project_id: "ours" };
  const shown = await eventually(async () => {
    const seen = await call("show_real_time_job_details", asked);
    const [lives, fails] = seen.task_details;
    expect([lives?.state, typeof fails?.error_msg]).toEqual(["RUNNING", "string"]);
    return seen;
  });
  await send("POST", "/jobs/live/stop", {});
  const task = { task_id: expect.any(String), task_type: "Shell", create_time: expect.any(Number) };
  expect(shown).toMatchObject({
    ...OK,
    is_success: true,
    message: "",
    job_id: expect.stringMatching(/^\d+$/),
    // Between two failures of one node all are up.
    state: expect.stringMatching(/^(STARTING|EXCEPTION|NORMAL)$/),
    migration_type: "NormalJob",
    startup_timestamp: expect.stringMatching(/^\d{13}$/),
    metric_info: expect.stringContaining('"nodes":3'),
    task_details: [
      {
        ...task,
        task_name: "lives",
        running_status: "RUNNING",
        source_type: "RDS",
        target_type: "DWS",
        update_time: expect.any(Number),
      },
      { ...task, task_name: "fails", error_msg: expect.stringContaining("3") },
      { ...task, task_name: "yearly", external_job_id: expect.stringMatching(/^\d+$/) },
    ],
  });
}

export const jobV2Plays: readonly Play[] = [
  { sdk: "dataartsstudio", about: "keeps jobs and shows their relations", perform: keepJobs },
  { sdk: "dataartsstudio", about: "lists jobs by each filter, tags and alarms", perform: listJobs },
  { sdk: "dataartsstudio", about: "renames jobs", perform: renameJobs },
  { sdk: "dataartsstudio", about: "shows how a real-time job fares", perform: showRealTimeJobs },
];
