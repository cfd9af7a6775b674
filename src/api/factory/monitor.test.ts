/** The monitor through HTTP: instances counted by how they stand, nodes that succeeded by hours. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { nodes } from "../../../test/setup/job-nodes.ts";
import { type WrittenRun, writeRun } from "../../../test/setup/written-runs.ts";

const MONITOR = `/v2/${PROJECT}/factory/monitor`;
const NONE = {
  total_count: 0,
  success_count: 0,
  fail_count: 0,
  running_count: 0,
  waiting_count: 0,
  pause_count: 0,
  freeze_count: 0,
  manual_stop_count: 0,
  skip_count: 0,
  running_exception_count: 0,
  force_success_count: 0,
  ignore_success_count: 0,
  waiting_confirm_count: 0,
};

/** It is 02:15 of November 23 in Kolkata, whose days begin at 18:30 UTC. */
async function setup() {
  const world = await factoryWorld({ timeZone: "Asia/Kolkata" });
  const { pool, clock, ok } = world;
  const written = (run: WrittenRun) => writeRun(pool, run);
  clock.now = new Date("2026-11-22T20:45:00Z");
  const job = async (name: string, types: ReturnType<typeof nodes>, members: object = {}) =>
    void (await ok("POST", "/jobs", { body: jobBody(name, { nodes: types, ...members }) }));
  const overview = async (query = "", call = {}) =>
    (await ok("GET", `${MONITOR}/task-statistics-overview?${query}`, call)).json;
  const completion = async (query = "") => (await ok("GET", `${MONITOR}/task-completion-data?${query}`)).json;
  return { ...world, job, written, overview, completion };
}

test("instances are counted once each, by the day in which they were planned and by whose jobs they are", async () => {
  const { job, written, overview, ok, call } = await setup();
  await job("own", nodes(["a", "Dummy"]), { basicConfig: { owner: "reader-user" } });
  await job("j", nodes(["a", "Dummy"]));
  await written({ job: "j", at: "2026-11-15T18:29:59Z", state: "succeeded" });
  await written({ job: "j", at: "2026-11-15T18:30:00Z", state: "succeeded" });
  await written({ job: "j", at: "2026-11-20T18:30:00Z", state: "failed" });
  await written({ job: "j", at: "2026-11-22T18:29:59Z", state: "skipped" });
  const at = "2026-11-22T18:30:00Z";
  await written({ job: "j", at, state: "succeeded", forceSuccess: true });
  await written({ job: "j", at, state: "succeeded", ignoreSuccess: true });
  const states = [
    "failed",
    "running",
    "failing",
    "stopping",
    "waiting",
    "paused",
    "frozen",
    "stopped",
    "skipped",
  ];
  for (const state of [...states, "suspended"]) await written({ job: "j", at, state });
  await written({ job: "own", at: "2026-11-22T20:45:00Z", state: "succeeded" });
  await written({ job: "j", at: "2026-11-22T20:45:01Z", state: "running" }); // not yet

  const one = Object.fromEntries(Object.keys(NONE).map((name) => [name, 1]));
  const counts = { ...one, total_count: 13, running_count: 3, waiting_confirm_count: 0 };
  expect(await overview()).toEqual(counts);
  expect(await overview("query_days=yesterday")).toEqual({ ...NONE, total_count: 1, skip_count: 1 });
  expect(await overview("query_days=before_yesterday")).toEqual({ ...NONE, total_count: 1, fail_count: 1 });
  const all = { ...counts, total_count: 16, success_count: 2, fail_count: 2, skip_count: 2 };
  expect(await overview("query_days=all")).toEqual(all);
  const own = { ...NONE, total_count: 1, success_count: 1 };
  expect(await overview("is_own=true", { role: "reader" })).toEqual(own);
  expect(await overview("is_own=TRUE")).toMatchObject({ total_count: 12, success_count: 0 });
  expect(await overview("", { workspace: "elsewhere" })).toEqual(NONE);
  await ok("DELETE", "/jobs/own");
  expect(await overview()).toMatchObject({ total_count: 12, success_count: 0 });
  for (const query of ["query_days=tomorrow", "is_own=perhaps"])
    expect(await call("GET", `${MONITOR}/task-statistics-overview?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});

test("nodes that succeeded are counted by hours and by type", async () => {
  const { job, written, completion, call } = await setup();
  const start = Date.parse("2026-11-22T18:30:00Z");
  const hour = (distance: number) => start + distance * 3_600_000;
  // The order of the document is not the order in which nodes run.
  await job("j", nodes(["last", "Echo", "first"], ["first", "Dummy"], ["bad", "Fail", "last"]));
  await job("k", nodes(["a", "Dummy"]));
  const before = "2026-11-21T20:00:00Z";
  await written({ job: "k", at: before, state: "succeeded", nodes: [{ state: "succeeded" }] });
  await written({ job: "k", at: before, state: "failed", nodes: [{ state: "failed" }] });
  const three = [{ state: "succeeded" }, { state: "succeeded" }, { state: "failed" }] as const;
  await written({ job: "j", at: "2026-11-22T18:45:00Z", state: "failed", nodes: three });
  const found = await completion();
  expect(found.today).toEqual([
    { record_time: hour(0), task_completion_num: 0 },
    { record_time: hour(1), task_completion_num: 2 },
    { record_time: hour(2), task_completion_num: 2 },
  ]);
  expect(found.yesterday).toHaveLength(25);
  expect(found.yesterday.slice(0, 3)).toEqual([
    { record_time: hour(-24), task_completion_num: 0 },
    { record_time: hour(-23), task_completion_num: 0 },
    { record_time: hour(-22), task_completion_num: 1 },
  ]);
  expect(found.average.at(-1)).toEqual({ record_time: hour(24), task_completion_num: 0 });
  const lastOf = async (query: string) => (await completion(query)).today.at(-1)?.task_completion_num;
  expect(await lastOf("type=Dummy")).toBe(1);
  expect(await lastOf("type=Echo")).toBe(1);
  expect(await lastOf("type=DLI%20SQL")).toBe(0);
  expect((await completion("start_day=2026-11-22&start_time=1")).today.slice(0, 2)).toEqual([
    { record_time: hour(-23), task_completion_num: 0 },
    { record_time: hour(-22), task_completion_num: 1 },
  ]);
  for (const query of ["start_day=2026-02-30", "start_day=today", "start_time=24", "start_time=-1"])
    expect(await call("GET", `${MONITOR}/task-completion-data?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});
