/** Patch data through HTTP: what is made of a request, what the list says, and what is refused. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { nodes } from "../../../test/setup/job-nodes.ts";
import { listBackfillRuns } from "../../store/backfill-runs.ts";
import { findBackfill } from "../../store/backfills.ts";

const PATCH = `/v2/${PROJECT}/factory/supplement-data`;

function cron(expression: string) {
  return {
    type: "CRON",
    cron: { startTime: "2030-01-01T00:00:00+08", expression, expressionTimeZone: "GMT+8" },
  };
}

/** A world with job `hours`, each hour in the zone GMT+8; `type` is that of its node. */
async function setup(type = "Dummy") {
  const world = await factoryWorld();
  const members = { nodes: nodes(["a", type]), schedule: cron("0 0 * * * ?") };
  await world.ok("POST", "/jobs", { body: jobBody("hours", members) });
  return { ...world, ...requests(world) };
}

function requests({ call, ok, pool }: FactoryWorld) {
  const body = (members: object = {}) => ({
    name: "p",
    job_name: "hours",
    start_date: "2023-08-21T00:00:00 +08",
    end_date: "2023-08-21T02:59:59 +08",
    parallel: 1,
    ...members,
  });
  const create = (members: object = {}, workspace?: string) =>
    call("POST", PATCH, { body: body(members), ...(workspace !== undefined && { workspace }) });
  const rows = async (query = "") => (await ok("GET", `${PATCH}?${query}`)).json.rows;
  const statusOf = async (name: string) =>
    (await rows(`name=${name}`)).find((row: { name: string }) => row.name === name)?.status;
  const find = async (name: string) =>
    await findBackfill(pool, { projectId: PROJECT, workspaceId: "default" }, name);
  return { create, rows, statusOf, find };
}

test("patch data is made, listed and run, an instance of type 5 for each period of the range", async () => {
  const { create, rows, statusOf, startEngine, ok, clock, find, pool } = await setup();
  expect(await create()).toMatchObject({ status: 200, json: {} });
  expect(await rows()).toEqual([
    {
      name: "p",
      job_list: ["hours"],
      status: "RUNNING",
      parallel: 1,
      start_date: Date.parse("2023-08-20T16:00:00Z"),
      end_date: Date.parse("2023-08-20T18:59:59Z"),
      submitted_date: clock.now.getTime(),
      user_name: "manager-user",
      type: 0,
    },
  ]);
  await startEngine();
  await expect.poll(() => statusOf("p"), { timeout: 20_000 }).toBe("SUCCESS");
  const path = "/jobs/instances/detail?instanceType=5&minPlanTime=0";
  const { total, instances } = (await ok("GET", path)).json;
  expect(total).toBe(3);
  const planTime = Date.parse("2023-08-20T18:00:00Z");
  expect(instances[0]).toMatchObject({
    jobName: "hours",
    jobInstanceName: `P_hours_${planTime}`,
    instanceType: 5,
    status: "success",
    planTime,
  });
  const found = await find("p");
  const lines = found && (await listBackfillRuns(pool, found, {}, { offset: 0, limit: 10 }));
  expect(lines?.map(({ state }) => state)).toEqual(["started", "started", "started"]);
});

test("patch data with an instance that fails ends as failed", async () => {
  const { create, statusOf, startEngine, rows } = await setup("Fail");
  await create({ is_stop_when_fail: true });
  await startEngine();
  await expect.poll(() => statusOf("p")).toBe("FAIL");
  expect(await rows("status=FAIL")).toHaveLength(1);
  expect(await rows("status=SUCCESS")).toHaveLength(0);
});

test("a stop ends it as cancelled at once, what runs of it included, and a second one is no error", async () => {
  const { create, statusOf, startEngine, call, find } = await setup("Hold");
  await create({ parallel: 2 });
  await startEngine();
  await expect.poll(async () => (await find("p"))?.progress.running).toBe(2);
  expect(await call("POST", `${PATCH}/p/stop`, { body: {} })).toMatchObject({ status: 200 });
  expect(await statusOf("p")).toBe("CANCEL");
  await expect.poll(async () => (await find("p"))?.state).toBe("cancelled");
  expect((await find("p"))?.progress).toMatchObject({ failed: 2, skipped: 1 });
  expect(await call("POST", `${PATCH}/p/stop`)).toMatchObject({ status: 200 });
  expect(await statusOf("p")).toBe("CANCEL");
});

test("every member of a request counts", async () => {
  const { create, find, rows } = await setup();
  const asked = {
    parallel: 5,
    is_day_granularity: true,
    is_stop_when_fail: true,
    priority: 2,
    reverse_order: 1,
    supplement_data_run_time: { time_of_day: "10:15-23:30", day_of_week: "MON,3", day_of_month: "1,3" },
    supplement_data_instance_time: { days: ["20230821", "2023-08-22"], time_of_day: "00:00-01:30" },
    force: "true",
    depend_jobs: null,
  };
  expect(await create(asked)).toMatchObject({ status: 200 });
  expect(await find("p")).toMatchObject({
    startsAt: new Date("2023-08-20T16:00:00Z"),
    endsAt: new Date("2023-08-20T18:59:59Z"),
    zone: "GMT+8",
    parallelMax: 5,
    dayGranularity: true,
    stopOnFailure: true,
    newestFirst: true,
    priority: 0,
    runWindow: { timeOfDay: "10:15-23:30", daysOfWeek: [2, 3], daysOfMonth: [1, 3] },
    timeFilter: { days: ["2023-08-21", "2023-08-22"], timeOfDay: "00:00-01:30" },
  });
  expect(await rows()).toMatchObject([
    {
      supplement_data_run_time: { time_of_day: "10:15-23:30", day_of_week: "2,3", day_of_month: "1,3" },
      supplement_data_instance_time: { days: ["2023-08-21", "2023-08-22"], time_of_day: "00:00-01:30" },
    },
  ]);
});

test("jobs that depend on the job are patched with it, each behind those that it waits for", async () => {
  const { create, rows, ok, find, statusOf, startEngine } = await setup();
  const dependJobs = { jobs: ["hours"] };
  const schedule = cron("0 0 4 * * ?");
  await ok("POST", "/jobs", {
    body: jobBody("day", { schedule: { ...schedule, cron: { ...schedule.cron, dependJobs } } }),
  });
  const end_date = "2023-08-21T23:59:59 +08";
  await create({
    job_name: "day",
    depend_jobs: [{ job_name: "hours", workspace_id: "" }],
    end_date,
    parallel: 5,
  });
  expect(await rows()).toMatchObject([{ job_list: ["hours", "day"] }]);
  expect((await find("p"))?.progress.planned).toBe(25);
  await startEngine();
  await expect.poll(() => statusOf("p"), { timeout: 10_000 }).toBe("SUCCESS");
});

test("dates come in one form with any two-digit offset, and others are refused as a bad range is", async () => {
  const { create } = await setup();
  const refused = async (start_date: string, end_date: string) =>
    expect(await create({ name: "refused", start_date, end_date }), start_date).toMatchObject({
      status: 400,
      json: { error_code: "DLF.30121", error_msg: expect.stringContaining("at least 2 second later") },
    });
  for (const [month, offset] of ["+00", "-05", "+14"].entries()) {
    const [start_date, end_date] = ["00:00:00", "23:59:59"].map(
      (time) => `2023-0${month + 1}-21T${time} ${offset}`,
    );
    expect(await create({ name: offset, start_date, end_date }), offset).toMatchObject({ status: 200 });
  }
  await refused("2023-08-21T00:00:00 +08", "2023-08-21T00:00:01 +08");
  await refused("2023-08-22T00:00:00 +08", "2023-08-21T00:00:00 +08");
  for (const form of [
    "2023-08-21",
    "2023-08-21 00:00:00",
    "2023-08-21T00:00:00+08",
    "2023-08-21T00:00:00 +0800",
    "2023-08-21T00:00:00Z",
    "2023-02-30T00:00:00 +08",
    "1692547200000",
    "",
  ])
    await refused(form, "2024-08-21T00:00:00 +08");
});

test("what cannot be patched is refused with the vendor's codes", async () => {
  const { create, ok, call } = await setup();
  await ok("POST", "/jobs", { body: jobBody("once") });
  await ok("POST", "/jobs", {
    body: jobBody("event", {
      schedule: { type: "EVENT", event: { eventType: "OBS", channel: "obs://b/c" } },
    }),
  });
  await ok("POST", "/jobs", { body: jobBody("empty", { nodes: [], schedule: cron("0 0 * * * ?") }) });
  await ok("POST", "/jobs", {
    body: jobBody("live", { processType: "REAL_TIME", schedule: cron("0 0 * * * ?") }),
  });
  const refusals: readonly (readonly [object, string])[] = [
    [{ job_name: "nobody" }, "DLF.30100"],
    [{ depend_jobs: [{ job_name: "nobody" }] }, "DLF.30100"],
    [{ job_name: "once" }, "DLF.30111"],
    [{ job_name: "event" }, "DLF.30111"],
    [{ job_name: "live" }, "DLF.30111"],
    [{ job_name: "empty" }, "DLF.1006"],
    [{ parallel: 0 }, "DLF.3051"],
    [{ parallel: 6 }, "DLF.3051"],
    [{ parallel: "1" }, "DLF.3051"],
    [{ parallel: undefined }, "DLF.3051"],
    [{ name: undefined }, "DLF.3051"],
    [{ name: "" }, "DLF.3051"],
    [{ reverse_order: 2 }, "DLF.3051"],
    [{ supplement_data_run_time: { time_of_day: "10-11" } }, "DLF.3051"],
    [{ supplement_data_run_time: { day_of_week: "someday" } }, "DLF.3051"],
    [{ supplement_data_run_time: { day_of_month: "32" } }, "DLF.3051"],
    [{ supplement_data_instance_time: { days: ["soon"] } }, "DLF.3051"],
  ];
  for (const [members, code] of refusals)
    expect(await create(members), JSON.stringify(members)).toMatchObject({
      status: 400,
      json: { error_code: code },
    });
  expect(await create({}, "elsewhere")).toMatchObject({ status: 400, json: { error_code: "DLF.30100" } });
  expect(await call("POST", `${PATCH}/nobody/stop`)).toMatchObject({
    status: 400,
    json: { error_code: "DLF.30137" },
  });
  expect(await call("POST", PATCH, { role: "reader", body: {} })).toMatchObject({ status: 403 });
  await create();
  for (const members of [{}, { name: "q" }])
    expect(await create(members)).toMatchObject({ status: 400, json: { error_code: "DLF.3051" } });
  expect(await create({ name: "q", force: "true" })).toMatchObject({ status: 200 });
});

test("the list pages from 0, sorts by the time of making, and narrows by each of its parameters", async () => {
  const { create, rows, clock, ok, call } = await setup();
  for (const [name, month] of [
    ["a_1", "01"],
    ["b_2", "02"],
    ["a_3", "03"],
  ] as const) {
    clock.now = new Date(`2026-${month}-01T00:00:00Z`);
    await create({
      name,
      start_date: `2023-${month}-01T00:00:00 +08`,
      end_date: `2023-${month}-01T01:00:00 +08`,
    });
  }
  const names = async (query: string) => (await rows(query)).map(({ name }: { name: string }) => name);
  expect(await names("")).toEqual(["a_3", "b_2", "a_1"]);
  expect(await names("sort=asc&page=0&size=2")).toEqual(["a_1", "b_2"]);
  expect(await names("sort=asc&page=1&size=2")).toEqual(["a_3"]);
  expect(await names("page=7")).toEqual([]);
  expect(await names("name=a_")).toEqual(["a_3", "a_1"]);
  expect(await names("name=A_")).toEqual([]);
  expect(await names("user_name=manager-user&status=RUNNING")).toHaveLength(3);
  expect(await names("user_name=nobody")).toEqual([]);
  expect(await names("status=CANCEL")).toEqual([]);
  const february = Date.parse("2026-02-01T00:00:00Z");
  expect(await names(`start_date=${february}`)).toEqual(["a_3", "b_2"]);
  expect(await names(`end_date=${february}`)).toEqual(["b_2", "a_1"]);
  expect((await ok("GET", `${PATCH}?name=a_&size=1`)).json).toMatchObject({
    success: true,
    msg: "success",
    total: 2,
  });
  for (const query of ["page=-1", "size=0", "size=x", "sort=up", "status=LOST", "start_date=today"])
    expect(await call("GET", `${PATCH}?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});
