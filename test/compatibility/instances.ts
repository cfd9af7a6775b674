/** Instances and patch data by the SDKs of v1 and v2. */
import { expect } from "vitest";
import { eventually, NOTHING, OK, type Play, type Stage } from "./play.ts";

const NODE_TIMES = {
  plan_time: expect.any(Number),
  start_time: expect.any(Number),
  end_time: expect.any(Number),
};
const TIMES = { ...NODE_TIMES, execute_time: expect.any(Number) };

function wireJob(name: string, statement: string, schedule: object = { type: "EXECUTE_ONCE" }) {
  const properties = [{ name: "statement", value: statement }];
  const nodes = [{ name: "only", type: "Shell", location: { x: 1, y: 2 }, properties }];
  return { name, processType: "BATCH", schedule, nodes };
}

/** Saves a job that moves two rows from one file to another. */
async function saveMovingJob({ send, workspace }: Stage): Promise<void> {
  const source = `plays/${workspace}/rows.csv`;
  await send("PUT", `/api/files/${source}`, "a\n1\n2\n");
  const ends = { sourcePath: `obs://${source}`, targetPath: `obs://plays/${workspace}/moved.csv` };
  const properties = Object.entries(ends).map(([name, value]) => ({ name, value }));
  const nodes = [{ name: "only", type: "DataMigration", location: { x: 1, y: 2 }, properties }];
  await send("POST", "/jobs", { ...wireJob("moving", "true"), nodes });
}

/** Runs the job at once and gives the instance once it has the status. */
async function ran({ call }: Stage, jobName: string, status: string) {
  const { instance_id } = await call("run_once", { job_name: jobName });
  return reached(call, { job_name: jobName, instance_id: String(instance_id) }, status);
}

function reached(call: Stage["call"], which: Readonly<Record<string, string>>, status: string) {
  return eventually(async () => {
    const instance = await call("show_job_instance", which);
    expect(instance.status).toBe(status);
    return instance;
  });
}

async function watchInstances(stage: Stage): Promise<void> {
  const { call, send } = stage;
  await send("POST", "/jobs", wireJob("good", "true"));
  await send("POST", "/jobs", wireJob("bad", "false"));
  const good = await ran(stage, "good", "success");
  const bad = await ran(stage, "bad", "fail");
  const kind = { instance_type: 2, force_success: false, ignore_success: false };
  expect(good).toMatchObject({
    ...OK,
    ...kind,
    ...TIMES,
    job_name: "good",
    total: 1,
    nodes: [
      {
        ...NODE_TIMES,
        node_name: "only",
        type: "Shell",
        status: "success",
        queue: "",
        retry_times: expect.any(Number),
        instance_id: good.instance_id,
        log_path: `logs/${good.instance_id}/0/1`,
      },
    ],
  });
  const list = (members: object) => call("list_job_instances", { precise_query: true, ...members });
  const from = good.plan_time - 60_000;
  const { total, instances } = await list({
    job_name: "good",
    status: "success",
    instance_type: "2",
    min_plan_time: from,
    max_plan_time: from + 3_600_000,
    limit: 10,
    offset: 0,
  });
  expect({ total, instances }).toMatchObject({
    total: 1,
    instances: [
      {
        ...kind,
        ...TIMES,
        job_name: "good",
        job_instance_name: "good",
        job_id: expect.any(Number),
        version: 1,
        instance_id: good.instance_id,
        submit_time: expect.any(Number),
        status: "success",
      },
    ],
  });
  expect(await list({ job_name: "bad" })).toMatchObject({
    total: 1,
    instances: [
      {
        instance_id: bad.instance_id,
        status: "fail",
        error_message: expect.stringMatching(/^Node "only" failed/),
      },
    ],
  });
  expect(await list({ job_name: "goo" })).toMatchObject({ total: 0, instances: [] });
  await saveMovingJob(stage);
  const [moved] = (await ran(stage, "moving", "success")).nodes;
  expect(moved).toMatchObject({ input_row_count: 2, speed: expect.any(Number) });
}

async function stopInstances(stage: Stage): Promise<void> {
  const { call, refusal, send } = stage;
  await send("POST", "/jobs", wireJob("endless", "sleep 3600"));
  const { instance_id } = await ran(stage, "endless", "running");
  const which = { job_name: "endless", instance_id: String(instance_id) };
  expect(await call("stop_job_instance", which)).toEqual(NOTHING);
  await reached(call, which, "manual-stop");
  expect(await call("restore_job_instance", which)).toEqual(NOTHING);
  await reached(call, which, "running");
  expect(await call("stop_job_instance", which)).toEqual(NOTHING);
  await reached(call, which, "manual-stop");
  for (const name of ["show_job_instance", "stop_job_instance", "restore_job_instance"])
    expect(await refusal(name, { ...which, instance_id: "999999" }), name).toMatchObject({
      status: 400,
      code: "DLF.0137",
    });
}

async function watchOlderInstances(stage: Stage): Promise<void> {
  const { call, send } = stage;
  await send("POST", "/jobs", wireJob("good", "true"));
  const instanceId = String((await call("run_once", { job_name: "good" })).instance_id);
  const which = { job_name: "good", instance_id: instanceId };
  expect(await reached(call, which, "success")).toMatchObject({
    ...OK,
    ...TIMES,
    instances_id: instanceId,
    total: 1,
    nodes: [
      {
        ...TIMES,
        node_name: "only",
        node_type: "Shell",
        status: "success",
        retry_times: expect.any(Number),
        instance_id: Number(instanceId),
        log_path: `logs/${instanceId}/0/1`,
      },
    ],
  });
  expect(await call("list_job_instances")).toMatchObject({
    total: 1,
    instances: [{ ...TIMES, job_name: "good", status: "success", instances_id: instanceId }],
  });
  expect(await call("restore_job_instance", which)).toEqual(NOTHING);
  await reached(call, which, "success");
  await saveMovingJob(stage);
  const moving = {
    job_name: "moving",
    instance_id: String((await call("run_once", { job_name: "moving" })).instance_id),
  };
  expect((await reached(call, moving, "success")).nodes).toMatchObject([
    { input_row_count: 2, output_row_count: 2 },
  ]);
  await send("POST", "/jobs", wireJob("endless", "sleep 3600"));
  const running = await call("run_once", { job_name: "endless" });
  const endless = { job_name: "endless", instance_id: String(running.instance_id) };
  await reached(call, endless, "running");
  expect(await call("stop_job_instance", endless)).toEqual(NOTHING);
  await reached(call, endless, "manual-stop");
}

const DAILY = {
  type: "CRON",
  cron: { startTime: "2020-01-01T00:00:00+00", expression: "0 0 0 * * ?", expressionTimeZone: "UTC" },
};

/** As the wire has it, with the blank. */
const dateOf = (day: number) => `2024-10-0${day}T00:00:00 +00`;

async function patchData({ call, send, userName, workspace }: Stage): Promise<void> {
  await send("POST", "/jobs", wireJob("daily", "true", DAILY));
  const cron = { ...DAILY.cron, dependJobs: { jobs: ["daily"] } };
  await send("POST", "/jobs", wireJob("after", "true", { ...DAILY, cron }));
  const body = {
    name: "patch-1",
    job_name: "daily",
    start_date: dateOf(1),
    end_date: dateOf(3),
    parallel: 2,
    depend_jobs: [{ job_name: "after", workspace_id: workspace }],
    is_day_granularity: true,
    priority: 1,
    is_stop_when_fail: true,
    reverse_order: 1,
    supplement_data_run_time: { day_of_week: "1,2,3,4,5,6,7" },
    force: "true",
  };
  const asked = { http_status: 200, x_request_id: expect.any(String) };
  expect(await call("create_factory_supplement_data_instance", { body })).toMatchObject(asked);
  const row = {
    name: "patch-1",
    job_list: ["daily", "after"],
    parallel: 2,
    start_date: Date.parse("2024-10-01T00:00:00Z"),
    end_date: Date.parse("2024-10-03T00:00:00Z"),
    submitted_date: expect.any(Number),
    user_name: userName,
    type: 0,
    supplement_data_run_time: { day_of_week: "1,2,3,4,5,6,7" },
  };
  const list = { name: "patch", sort: "desc", page: "0", size: "10", user_name: userName };
  const done = await eventually(async () => {
    const found = await call("show_factory_supplement_data", { ...list, status: "SUCCESS" });
    expect(found.total).toBe(1);
    return found;
  });
  expect(done).toMatchObject({ ...asked, success: true, rows: [{ ...row, status: "SUCCESS" }] });
  const { submitted_date } = done.rows[0];
  const between = { start_date: String(submitted_date - 1), end_date: String(submitted_date + 1) };
  expect(await call("show_factory_supplement_data", { ...list, ...between })).toMatchObject({ total: 1 });
  await listInstances(call);
}

/** Of patch data that has run. */
async function listInstances(call: Stage["call"]): Promise<void> {
  const [from, to] = [Date.parse("2024-10-01T00:00:00Z"), Date.parse("2024-10-31T00:00:00Z")];
  const which = { job_name: "daily", min_plan_time: from, max_plan_time: to };
  const all = await call("list_factory_job_instances_by_name", which);
  expect(all.total).toBeGreaterThanOrEqual(2);
  const chosen = { status: "success", instance_type: "5", force_success: false, ignore_success: false };
  const page = await call("list_factory_job_instances_by_name", { ...which, ...chosen, limit: 1, offset: 1 });
  expect(page).toMatchObject({
    ...OK,
    total: all.total,
    instances: [
      {
        ...TIMES,
        job_name: "daily",
        job_instance_name: expect.stringMatching(/^P_daily_\d{13}$/),
        job_id: expect.any(Number),
        instance_id: expect.any(Number),
        submit_time: expect.any(Number),
        status: "success",
        instance_type: 5,
        version: 1,
        force_success: false,
        ignore_success: false,
      },
    ],
  });
}

async function stopPatchData({ call, send }: Stage): Promise<void> {
  await send("POST", "/jobs", wireJob("daily", "sleep 3600", DAILY));
  const body = {
    name: "patch-2",
    job_name: "daily",
    start_date: dateOf(1),
    end_date: dateOf(5),
    parallel: 1,
    supplement_data_run_time: { time_of_day: "00:00-23:59", day_of_month: "1,15" },
    supplement_data_instance_time: { days: ["2024-10-02"], time_of_day: "00:00-12:00" },
  };
  await call("create_factory_supplement_data_instance", { body });
  expect(await call("stop_factory_supplement_data_instance", { instance_name: "patch-2" })).toMatchObject({
    x_request_id: expect.any(String),
  });
  expect(await call("show_factory_supplement_data", { name: "patch-2" })).toMatchObject({
    msg: expect.any(String),
    rows: [
      {
        name: "patch-2",
        status: "CANCEL",
        supplement_data_run_time: { time_of_day: "00:00-23:59", day_of_month: "1,15" },
        supplement_data_instance_time: { days: ["2024-10-02"], time_of_day: "00:00-12:00" },
      },
    ],
  });
}

async function retryInstances({ call, send, projectId, workspace }: Stage): Promise<void> {
  await send("POST", "/jobs", wireJob("daily", "false", DAILY));
  const patch = {
    name: "patch-3",
    job_name: "daily",
    start_date: dateOf(1),
    end_date: dateOf(2),
    parallel: 1,
  };
  await call("create_factory_supplement_data_instance", { body: patch });
  const [from, to] = [Date.parse("2024-10-01T00:00:00Z"), Date.parse("2024-10-31T00:00:00Z")];
  const look = async (status: string) =>
    eventually(async () => {
      const which = { job_name: "daily", min_plan_time: from, max_plan_time: to };
      const { instances } = await call("list_factory_job_instances_by_name", which);
      expect(instances?.map((one: { status: string }) => one.status)).toContain(status);
      return instances.find((one: { status: string }) => one.status === status);
    });
  const { job_id, plan_time, submit_time } = await look("fail");
  await send("PUT", "/jobs/daily", wireJob("daily", "true", DAILY));
  const one = {
    retry_location: "specifiedNode",
    node_name: "only",
    retry_task_version: "current_version",
    ignore_obs_monitor: true,
    task_retrys: [{ job_id, plan_time, submit_time }],
  };
  const which = { job_name: "daily", x_project_id: projectId };
  expect(await call("retry_factory_job_instance", { ...which, body: one })).toEqual(NOTHING);
  const { end_time } = await look("success");
  const stretch = {
    retry_location: "firstNode",
    retry_task_version: "original_version",
    begin_time: from,
    end_time: to,
    jobs: [{ job_name: "daily", workspace_id: workspace }],
    concurrent: 2,
  };
  expect(await call("retry_factory_job_instance", { ...which, body: stretch })).toEqual(NOTHING);
  await eventually(async () => expect((await look("success")).end_time).toBeGreaterThan(end_time));
}

export const instancePlays: readonly Play[] = [
  { sdk: "dgc", about: "watches instances", perform: watchInstances },
  { sdk: "dgc", about: "stops instances and runs them again", perform: stopInstances },
  { sdk: "dlf", about: "watches, stops and repeats instances", perform: watchOlderInstances },
  { sdk: "dataartsstudio", about: "patches data and lists its instances", perform: patchData },
  { sdk: "dataartsstudio", about: "stops patch data", perform: stopPatchData },
  { sdk: "dataartsstudio", about: "retries instances", perform: retryInstances },
];
