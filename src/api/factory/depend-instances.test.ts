/** Runs that depend on each other through HTTP: which they are, how far away, and what is said of each. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { type WrittenRun, writeRun } from "../../../test/setup/written-runs.ts";

/** Hours feed the report of their day, and that the month's. */
async function setup() {
  const world = await factoryWorld();
  const { pool, clock, ok, call } = world;
  clock.now = new Date("2026-11-23T06:00:00Z");
  const job = async (name: string, expression: string, cron: object = {}, members: object = {}) => {
    const schedule = { type: "CRON", cron: { startTime: "2026-01-01T00:00:00Z", expression, ...cron } };
    await ok("POST", "/jobs", { body: jobBody(name, { schedule, ...members }) });
  };
  await job("hours", "0 0 * * * ?", {}, { directory: "/in" });
  await job("days", "0 30 0 * * ?", { dependPrePeriod: true, dependJobs: { jobs: ["hours"] } });
  await job("months", "0 0 4 1 * ?", { dependJobs: { jobs: ["days"] } });
  /** A run of the job for a time of November, which took two minutes unless told otherwise. */
  const planned = (name: string, time: string, given: Partial<WrittenRun> = {}) =>
    writeRun(pool, {
      job: name,
      at: `2026-11-${time}Z`,
      state: "succeeded",
      minutes: 2,
      origin: "schedule",
      ...given,
    });
  const target = (id: number | string, query = "") =>
    `/v2/${PROJECT}/factory/instances/${id}/depend-instances?${query}`;
  const related = async (id: number, query: string): Promise<number[]> => {
    const { total, depend_instances_info: runs } = (await ok("GET", target(id, query))).json;
    expect(total).toBe(runs.length);
    return runs.map((run: { id: number }) => run.id);
  };
  return { ...world, call, planned, related, target };
}

test("a run's parents and children are those of its period, the latest or all, over so many steps", async () => {
  const { planned, related } = await setup();
  await planned("hours", "19T23:00");
  const early = await planned("hours", "20T01:00", { minutes: 600 });
  const late = await planned("hours", "20T23:00");
  await planned("hours", "21T00:00");
  const before = await planned("days", "19T00:30");
  const day = await planned("days", "20T00:30", { state: "failed" });
  const after = await planned("days", "21T00:30", { state: "waiting" });
  const month = await planned("months", "01T04:00", { state: "waiting" });

  expect(await related(day, "relation=parent&latest=false")).toEqual([late, early, before]);
  expect(await related(day, "relation=parent")).toEqual([late, before]);
  expect(await related(day, "relation=child")).toEqual([month, after]);
  expect(await related(day, "")).toEqual([late, before, month, after]);
  expect(await related(early, "relation=parent")).toEqual([]);
  expect(await related(early, "relation=child")).toEqual([day]);
  expect(await related(early, "relation=child&depth=2")).toEqual([day, month, after]);
  expect(await related(month, "relation=parent")).toEqual([after]);
  expect(await related(month, "relation=parent&latest=false")).toEqual([after, day, before]);
});

test("each run comes with its job, its times and its own parents", async () => {
  const { planned, ok, target, call } = await setup();
  const hour = await planned("hours", "20T01:00", { minutes: 4 });
  await planned("hours", "20T02:00", { minutes: 1 });
  const day = await planned("days", "20T00:30", { state: "running" });
  const byHand = await planned("days", "20T00:30", { origin: "manual", state: "failed" });
  const [shown] = (await ok("GET", target(day, "relation=parent"))).json.depend_instances_info;
  const at = Date.parse("2026-11-20T02:00:00Z");
  expect(shown).toEqual({
    id: expect.any(Number),
    job_id: expect.any(Number),
    job_name: "hours",
    directory_path: "/in",
    force_success: false,
    ignore_success: false,
    parent_instance_ids: [],
    plan_time: at,
    running_time: 60_000,
    start_time: at,
    end_time: at + 60_000,
    status: "success",
    submit_time: at,
    version: 1,
    workspace_id: "default",
    workspace_name: "default",
    avg_execute_time_ms: 150_000,
  });
  const [below] = (await ok("GET", target(hour, "latest=false"))).json.depend_instances_info;
  expect(below).toMatchObject({
    id: day,
    status: "running",
    parent_instance_ids: [shown.id, hour],
    running_time: Date.parse("2026-11-23T06:00:00Z") - Date.parse("2026-11-20T00:30:00Z"),
  });
  expect(below).not.toHaveProperty("end_time");
  expect(below).not.toHaveProperty("avg_execute_time_ms");
  expect((await ok("GET", target(byHand))).json).toEqual({ total: 0, depend_instances_info: [] });

  for (const id of ["x", "999999"])
    expect(await call("GET", target(id)), id).toMatchObject({
      status: 400,
      json: { error_code: "DLF.30137" },
    });
  expect(await call("GET", target(day), { workspace: "w2" })).toMatchObject({
    json: { error_code: "DLF.30137" },
  });
  for (const query of ["relation=cousin", "depth=0", "depth=51", "latest=perhaps"])
    expect(await call("GET", target(day, query)), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
  await ok("DELETE", "/jobs/hours");
  expect(await call("GET", target(hour))).toMatchObject({ json: { error_code: "DLF.30137" } });
});
