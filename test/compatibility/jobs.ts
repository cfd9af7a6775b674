/** Jobs by the SDKs of v1: every member of a definition given back as it was sent, lists, operation and runs. */
import { expect } from "vitest";
import { eventually, NOTHING, OK, type Play, type Stage } from "./play.ts";

const JOB_MISSING = { status: 400, code: "DLF.0100", message: "The job does not exists." };

const SHELL = [{ name: "statement", value: "true" }];

const DEPENDENCIES = {
  jobs: ["before", "earlier"],
  depend_period: "SAME_PERIOD",
  depend_fail_policy: "IGNORE",
};

function node(name: string, members: object = {}) {
  return { name, type: "Shell", location: { x: "10", y: "-45.5" }, properties: SHELL, ...members };
}

function job(name: string, members: object = {}) {
  return {
    name,
    nodes: [node("only")],
    schedule: { type: "EXECUTE_ONCE" },
    process_type: "BATCH",
    ...members,
  };
}

const CRON = {
  start_time: "2030-01-01T00:00:00+08",
  end_time: "2031-01-01T00:00:00+08",
  expression: "0 0 0 * * ?",
  expression_time_zone: "GMT+8",
  depend_pre_period: false,
};

/** With all that a job can say. */
async function definitionOf({ call, workspace }: Stage) {
  for (const name of ["before", "earlier"])
    await call("create_job", { body: job(name, { schedule: { type: "CRON", cron: CRON } }) });
  const detailed = {
    job_name: "earlier",
    work_space_id: workspace,
    work_space: workspace,
    depend_on_last_period: true,
    depend_type: "SAME",
    depend_on_last_n_period_value: 2,
  };
  const dependencies = {
    ...DEPENDENCIES,
    same_work_space_jobs: [detailed],
    other_work_space_jobs: [{ ...detailed, job_name: "before" }],
  };
  return job("kept", {
    schedule: { type: "CRON", cron: { ...CRON, interval_type: "days", depend_jobs: dependencies } },
    nodes: [
      node("first"),
      node("second", {
        pre_node_name: ["first"],
        conditions: [{ pre_node_name: "first", expression: '#{Job.getNodeStatus("first") == "success"}' }],
        polling_interval: 20,
        exec_time_out_retry: "true",
        max_execution_time: 5,
        retry_times: 2,
        retry_interval: 10,
        fail_policy: "IGNORE",
      }),
    ],
    params: [{ name: "colour", value: "red", type: "constants" }],
    directory: "/d",
    clean_overdue_days: 3,
    clean_waiting_job: "yes",
    empty_running_job: "0",
    single_node_job_flag: true,
    single_node_job_type: "NormalJob",
    last_update_user: "somebody",
    log_path: "obs://logs/kept",
    basic_config: {
      owner: "me",
      agency: "none",
      is_ignore_waiting: 1,
      priority: 1,
      task_priority: 2,
      execute_user: "other",
      instance_timeout: 60,
      custom_fields: { x: "y" },
      tags: ["t1", "t2"],
    },
  });
}

async function keepDefinition(stage: Stage): Promise<void> {
  const { call, refusal, send, userName } = stage;
  const definition = await definitionOf(stage);
  const approval = { target_status: "SAVED", approvers: [{ approver_name: "boss" }] };
  expect(await call("create_job", { body: { ...definition, ...approval } })).toEqual(NOTHING);
  const which = { job_name: "kept" };
  const kept = { ...definition, version: "1", last_update_user: userName };
  const shown = await call("show_job", which);
  expect(shown).toMatchObject({ ...OK, ...kept, id: expect.any(Number), create_time: expect.any(Number) });
  const changed = { ...definition, nodes: [node("alone")], params: [] };
  expect(await call("update_job", { ...which, body: changed })).toEqual(NOTHING);
  const now = await call("show_job", { ...which, get_job_submit_version: true });
  expect(now).toMatchObject({ ...kept, nodes: [{ name: "alone" }], params: [], version: "2", id: shown.id });
  expect(now.nodes).toHaveLength(1);
  expect(await call("show_job", { ...which, version: 1 })).toEqual(shown);
  const [follower] = (await call("show_job", { job_name: "before", dependencies: true })).downstream_jobs;
  expect(follower).toEqual({ work_space: stage.workspace, job_name: "kept", job_id: shown.id });
  const described = { name: "described", processType: "BATCH", schedule: { type: "EXECUTE_ONCE" } };
  await send("POST", "/jobs", { ...described, description: "日报" });
  expect(await call("show_job", { job_name: "described" })).toMatchObject({ description: "日报" });
  expect(await call("delete_job", { ...which, body: { approvers: approval.approvers } })).toEqual(NOTHING);
  expect(await refusal("show_job", which)).toEqual(JOB_MISSING);
}

async function keepTriggers({ call }: Stage): Promise<void> {
  await call("create_job", { body: job("before") });
  const event = {
    event_type: "OBS",
    channel: "obs://in/new",
    fail_policy: "IGNORE",
    concurrent: 3,
    read_policy: "NEW",
  };
  const follower = { ...DEPENDENCIES, jobs: ["before"] };
  const trigger = { ...CRON, period: "1 days", depend_jobs: follower, concurrent: 2 };
  const nodes = [node("timed", { cron_trigger: trigger }), node("told", { event_trigger: event })];
  const live = job("live", { process_type: "REAL_TIME", nodes });
  const told = job("told", { schedule: { type: "EVENT", event } });
  for (const body of [live, told]) {
    expect(await call("create_job", { body })).toEqual(NOTHING);
    expect(await call("show_job", { job_name: body.name })).toMatchObject({ ...OK, ...body });
  }
}

async function listJobs({ call, userName }: Stage): Promise<void> {
  const names = ["page-0", "page-1", "page-2"];
  for (const name of names) {
    const basic_config = { tags: name.endsWith("1") ? ["odd", "three"] : ["odd"], owner: "me", priority: 2 };
    await call("create_job", { body: job(name, { basic_config }) });
  }
  await call("create_job", { body: job("page-live", { process_type: "REAL_TIME" }) });
  const seen: string[] = [];
  // `offset` counts pages.
  for (const [offset, size] of [2, 1, 0].entries()) {
    const page = await call("list_jobs", { job_name: "page-", limit: 2, offset });
    expect(page).toMatchObject({ ...OK, total: 3 });
    expect(page.jobs).toHaveLength(size);
    seen.push(...page.jobs.map(({ name }: { name: string }) => name));
  }
  expect(seen.toSorted()).toEqual(names);
  expect(await call("list_jobs", { job_type: "REAL_TIME" })).toMatchObject({
    total: 1,
    jobs: [{ name: "page-live", job_type: "REAL_TIME", status: "STOPPED" }],
  });
  expect(await call("list_jobs", { tags: "odd,three" })).toMatchObject({
    total: 1,
    jobs: [
      {
        name: "page-1",
        job_type: "BATCH",
        owner: "me",
        priority: 2,
        status: "STOPPED",
        create_user: userName,
        last_update_user: userName,
        create_time: expect.any(Number),
        last_update_time: expect.any(Number),
        path: "/",
        single_node_job_flag: false,
      },
    ],
  });
}

async function operate({ call, refusal }: Stage): Promise<void> {
  const which = { job_name: "operated" };
  const schedule = { type: "CRON", cron: CRON };
  const params = [{ name: "colour", value: "red" }];
  await call("create_job", { body: job("operated", { schedule, params }) });
  const listed = async () => (await call("list_jobs", which)).jobs[0];
  const body = { job_params: [{ name: "colour", value: "blue", type: "variable" }] };
  expect(await call("start_job", { ...which, body })).toEqual(NOTHING);
  expect(await listed()).toMatchObject({
    status: "SCHEDULING",
    start_time: Date.parse("2030-01-01T00:00:00+08:00"),
    end_time: Date.parse("2031-01-01T00:00:00+08:00"),
  });
  expect(await call("stop_job", which)).toEqual(NOTHING);
  expect(await listed()).toMatchObject({ status: "STOPPED" });
  const { instance_id } = await call("run_once", { ...which, body });
  expect(instance_id).toEqual(expect.any(Number));
  const last = await eventually(async () => {
    const found = await listed();
    expect(found.last_instance_status).toBe("success");
    return found;
  });
  expect(last.last_instance_end_time).toBeGreaterThan(last.create_time);
  for (const asked of ["start_job", "stop_job", "run_once", "show_job_status"])
    expect(await refusal(asked, { job_name: "missing" }), asked).toEqual(JOB_MISSING);
}

async function showStatus({ call, userName }: Stage): Promise<void> {
  const which = { job_name: "watched" };
  await call("create_job", { body: job("watched") });
  const members = { ...OK, name: "watched", create_user: userName, last_modifiy_user: userName };
  expect(await call("show_job_status", which)).toMatchObject({
    ...members,
    status: "STOPPED",
    last_update_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    nodes: [{ name: "only", status: "STOPPED", node_type: "Shell", log_path: "" }],
  });
  await call("run_once", which);
  const ended = await eventually(async () => {
    const found = await call("show_job_status", which);
    expect(found.nodes[0].last_instance_status).toBe("success");
    return found;
  });
  expect(ended).toMatchObject({
    ...members,
    nodes: [{ log_path: expect.stringMatching(/^logs\/\d+\/0\/1$/) }],
  });
  expect(Date.parse(ended.end_time)).toBeGreaterThanOrEqual(Date.parse(ended.starttime));
}

/** The older SDK's own names: what is saved with them comes back with them. */
function olderJob(name: string, members: object = {}) {
  const location = { x: 10, y: 20 };
  const first = { name: "first", node_type: "Shell", location, node_properties: JSON.stringify(SHELL) };
  const second = {
    ...first,
    name: "second",
    pre_node_names: "first",
    condition: [{ pre_node_name: "first", expression: "#{1 == 1}" }],
    polling_interval: 20,
    max_execution_time: 5,
    retry_times: 2,
    retry_interval: 10,
    fail_policy: "IGNORE",
  };
  return {
    name,
    job_type: "BATCH",
    nodes: [first, second],
    schedule: { sche_type: "EXECUTE_ONCE" },
    params: [{ name: "colour", value: "red", param_type: "variable" }],
    directory: "/d",
    basic_config: {
      owner: "me",
      priority: 1,
      task_priority: 2,
      execute_user: "other",
      instance_timeout: 60,
      custom_fields: { x: "y" },
    },
    ...members,
  };
}

const OLDER_CRON = {
  start_time: CRON.start_time,
  end_time: CRON.end_time,
  expression: CRON.expression,
  depend_pre_period: true,
};

async function keepOlderDefinition({ call, refusal, userName, workspace }: Stage): Promise<void> {
  await call("create_job", { body: olderJob("before") });
  const detailed = { job_name: "before", work_space: workspace, depend_on_last_period: true };
  const dependencies = {
    ...DEPENDENCIES,
    jobs: ["before"],
    same_work_space_jobs: [detailed],
    other_work_space_jobs: [{ ...detailed, job_name: "before" }],
  };
  const schedule = { sche_type: "CRON", cron: { ...OLDER_CRON, depend_jobs: dependencies } };
  const definition = olderJob("kept", { schedule });
  const body = { ...definition, id: 7, last_update_user: "somebody" };
  expect(await call("create_job", { body })).toEqual(NOTHING);
  const which = { job_name: "kept" };
  const shown = await call("show_job", which);
  expect(shown).toMatchObject({
    ...OK,
    ...definition,
    id: expect.any(Number),
    last_update_user: userName,
  });
  expect(await call("update_job", { ...which, body: { ...body, directory: "/e" } })).toEqual(NOTHING);
  expect(await call("show_job", which)).toMatchObject({ ...definition, directory: "/e", id: shown.id });
  const event = {
    event_type: "OBS",
    channel: "obs://in/new",
    fail_policy: "IGNORE",
    concurrent: 3,
    read_policy: "NEW",
  };
  const [first] = definition.nodes;
  const live = olderJob("live", {
    job_type: "REAL_TIME",
    nodes: [{ ...first, event_trigger: event }],
  });
  const told = olderJob("told", { schedule: { sche_type: "EVENT", event } });
  for (const made of [live, told]) {
    expect(await call("create_job", { body: made })).toEqual(NOTHING);
    expect(await call("show_job", { job_name: made.name })).toMatchObject(made);
  }
  const { total, jobs } = await call("list_jobs");
  expect({ total, jobs }).toMatchObject({
    total: 3,
    jobs: [
      { name: "told", job_type: "BATCH", last_update_user: userName },
      { name: "kept" },
      { name: "before" },
    ],
  });
  expect(await call("delete_job", which)).toEqual(NOTHING);
  expect(await refusal("show_job", which)).toEqual(JOB_MISSING);
}

async function operateOlder({ call }: Stage): Promise<void> {
  const which = { job_name: "operated" };
  await call("create_job", { body: olderJob("operated") });
  const body = { job_params: [{ name: "colour", value: "blue", param_type: "variable" }] };
  expect(await call("start_job", { ...which, body })).toEqual(NOTHING);
  expect(await call("stop_job", which)).toEqual(NOTHING);
  const { instance_id } = await call("run_once", { ...which, body });
  expect(instance_id).toEqual(expect.anything());
  const ended = await eventually(async () => {
    const found = await call("show_job_status", which);
    expect(found.end_time).toMatch(/Z$/);
    return found;
  });
  expect(ended).toMatchObject({
    ...OK,
    name: "operated",
    status: "STOPPED",
    starttime: expect.stringMatching(/Z$/),
    last_update_time: expect.stringMatching(/Z$/),
    nodes: [
      { name: "first", status: "STOPPED", node_type: "Shell", log_path: expect.any(String) },
      { name: "second" },
    ],
  });
}

export const jobPlays: readonly Play[] = [
  { sdk: "dgc", about: "keeps each member of a job's definition", perform: keepDefinition },
  { sdk: "dgc", about: "keeps triggers of schedules and nodes", perform: keepTriggers },
  { sdk: "dgc", about: "lists jobs page by page, by name, kind and tags", perform: listJobs },
  { sdk: "dgc", about: "puts jobs into operation and runs them at once", perform: operate },
  { sdk: "dgc", about: "shows a job's status", perform: showStatus },
  { sdk: "dlf", about: "keeps a job's definition under the older names", perform: keepOlderDefinition },
  { sdk: "dlf", about: "puts jobs into operation and runs them at once", perform: operateOlder },
];
