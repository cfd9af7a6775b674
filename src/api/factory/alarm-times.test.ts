/** Alarms of time: runs that are late or not finished in time, and planned times that were missed. */
import { expect, onTestFinished, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { createAlarmTimeLoop } from "../../engine/alarm-times.ts";
import { createJobAlarmLoop } from "../../engine/job-alarms.ts";

const V2 = `/v2/${PROJECT}/factory`;
const HOLDING = { nodes: [{ name: "a", type: "Hold", location: { x: 1, y: 2 }, properties: [] }] };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function setup() {
  const world = await factoryWorld();
  const { pool, deps, ok, clock } = world;
  const loopDeps = { pool, now: deps.now, observe: () => undefined, onPublished: () => undefined };
  const ofTimes = createAlarmTimeLoop(loopDeps);
  const ofEnds = createJobAlarmLoop(loopDeps);
  const [otherTimes, otherEnds] = [createAlarmTimeLoop(loopDeps), createJobAlarmLoop(loopDeps)];
  for (const loop of [ofTimes, ofEnds, otherTimes, otherEnds]) {
    onTestFinished(() => loop.stop());
    loop.start();
    await loop.round();
  }
  await ok("POST", "/api/topics", { body: { name: "ops" } });
  const later = (ms: number) => {
    clock.now = new Date(clock.now.getTime() + ms);
  };
  return {
    ...world,
    later,
    rule: (body: object) => ok("POST", "/api/alarm-rules", { body: { topic: "ops", ...body } }),
    begin: async (job: string): Promise<number> =>
      (await ok("POST", `/jobs/${job}/run-immediate`)).json.instanceId,
    look: async () => {
      await ofTimes.round();
      await ofEnds.round();
    },
    /** As servers beside each other do. */
    lookTogether: () => Promise.all([ofTimes, otherTimes, ofEnds, otherEnds].map((loop) => loop.round())),
    alarms: async (): Promise<{ remind_type: number; send_msg: string; job_name: string }[]> =>
      (await ok("GET", `${V2}/alarm-info?start_time=0&limit=1000`)).json.alarm_info,
    notices: async (): Promise<{ subject: string }[]> =>
      (await ok("GET", "/api/topics/ops/notices")).json.notices,
  };
}

test("a run that has not ended in its minutes is told once, one that has is not", async () => {
  const { ok, rule, begin, later, look, alarms, held, ended, startEngine, clock } = await setup();
  await startEngine();
  await ok("POST", "/jobs", { body: jobBody("long", HOLDING) });
  await ok("POST", "/jobs", { body: jobBody("short") });
  await rule({ name: "slow", kind: "unfinished", minutes: 30 });
  const planned = clock.now.toISOString();
  const id = await begin("long");
  await held.running(id, "a");
  await ended(await begin("short"));
  later(29 * MINUTE);
  await look();
  expect(await alarms()).toEqual([]);
  later(MINUTE);
  await look();
  expect(await alarms()).toMatchObject([
    {
      job_name: "long",
      remind_type: 12,
      send_msg: `Job "long" is not finished in time: run ${id}, planned for ${planned}, has not ended after 30 minutes.`,
    },
  ]);
  later(HOUR);
  await look();
  await rule({ name: "slow", kind: "unfinished", minutes: 100 });
  later(HOUR);
  await look();
  expect(await alarms()).toHaveLength(1);
});

test("a run no node of which has begun is late, one that has begun is not", async () => {
  const { ok, rule, begin, later, look, alarms, held, startEngine } = await setup();
  await ok("POST", "/jobs", { body: jobBody("j", HOLDING) });
  await rule({ name: "late", kind: "late", minutes: 10, job: "j" });
  const first = await begin("j");
  later(10 * MINUTE);
  await look();
  expect(await alarms()).toMatchObject([
    { remind_type: 101, send_msg: expect.stringContaining(`run ${first}, `) },
  ]);
  await startEngine();
  await held.running(first, "a");
  const second = await begin("j");
  await held.running(second, "a");
  later(HOUR);
  await look();
  expect(await alarms()).toHaveLength(1);
});

test("a rule is about times that come after it was saved, for the jobs that it watches", async () => {
  const { ok, rule, begin, later, look, alarms } = await setup();
  for (const name of ["j", "other"]) await ok("POST", "/jobs", { body: jobBody(name, HOLDING) });
  await rule({ name: "any", kind: "failure" });
  await begin("j");
  later(10 * MINUTE);
  await rule({ name: "late", kind: "late", minutes: 5, job: "j" });
  await begin("j");
  await begin("other");
  later(5 * MINUTE);
  await look();
  expect((await alarms()).map(({ job_name, remind_type }) => [job_name, remind_type])).toEqual([["j", 101]]);
});

test("times that came while nobody looked are told, each once, but for runs that have ended since", async () => {
  const { ok, rule, begin, later, look, alarms, ended } = await setup();
  await ok("POST", "/jobs", { body: jobBody("j", HOLDING) });
  await rule({ name: "slow", kind: "unfinished", minutes: 5 });
  const [gone, , kept] = [await begin("j"), later(20 * HOUR), await begin("j")];
  await ok("POST", `/jobs/j/instances/${gone}/stop`);
  await ended(gone);
  later(30 * HOUR);
  for (let round = 0; round < 60; round += 1) await look();
  expect(await alarms()).toMatchObject([{ send_msg: expect.stringContaining(`run ${kept},`) }]);
});

test("servers that look beside each other tell of each run once", async () => {
  const { ok, rule, begin, later, lookTogether, alarms, notices } = await setup();
  await ok("POST", "/jobs", { body: jobBody("j", HOLDING) });
  await rule({ name: "slow", kind: "unfinished", minutes: 5 });
  await rule({ name: "gone", kind: "cancelled" });
  for (let round = 1; round <= 5; round += 1) {
    const id = await begin("j");
    later(5 * MINUTE);
    await lookTogether();
    await ok("POST", `/jobs/j/instances/${id}/stop`);
    await lookTogether();
    expect([(await alarms()).length, (await notices()).length]).toEqual([2 * round, 2 * round]);
  }
});

test("many alarms of a rule at once are told in one notice, and each is recorded", async () => {
  const { ok, rule, begin, later, look, alarms, notices } = await setup();
  await ok("POST", "/jobs", { body: jobBody("j", HOLDING) });
  await rule({ name: "slow", kind: "unfinished", minutes: 5 });
  await rule({ name: "late", kind: "late", minutes: 6 });
  for (let run = 0; run < 10; run += 1) await begin("j");
  later(5 * MINUTE);
  await look();
  expect(await notices()).toHaveLength(10);
  await begin("j");
  later(6 * MINUTE);
  await look();
  expect(await alarms()).toHaveLength(22);
  const subjects = (await notices()).map(({ subject }) => subject);
  expect(subjects).toHaveLength(12);
  expect(subjects.slice(0, 2).toSorted()).toEqual([
    '11 alarms of the rule "late" (late)',
    'Job "j" is not finished in time',
  ]);
});

test("times that were missed in a downtime are told together, once", async () => {
  const { ok, rule, later, look, alarms, clock, pool, startEngine } = await setup();
  const cron = { startTime: "2026-11-23T00:00:00Z", expression: "0 0 * * * ?", expressionTimeZone: "UTC" };
  await ok("POST", "/jobs", { body: jobBody("hourly", { schedule: { type: "CRON", cron } }) });
  await ok("POST", "/jobs/hourly/start");
  await rule({ name: "gaps", kind: "missed" });
  clock.now = new Date("2026-11-23T12:30:00.000Z");
  await startEngine();
  const missed = async () => (await pool.query("select from planned_run where state = 'missed'")).rowCount;
  await expect.poll(missed).toBe(6);
  await look();
  expect(await alarms()).toMatchObject([
    {
      job_name: "hourly",
      remind_type: 102,
      schedule_type: 0,
      plan_time: Date.parse("2026-11-23T12:00:00.000Z"),
      send_msg:
        'Job "hourly" missed 6 times: nothing was started from 2026-11-23T07:00:00.000Z to 2026-11-23T12:00:00.000Z.',
    },
  ]);
  later(MINUTE);
  await look();
  expect(await alarms()).toHaveLength(1);
});

test("minutes belong to the kinds with a time alone", async () => {
  const { rule, ok, call } = await setup();
  for (const body of [
    { kind: "late" },
    { kind: "unfinished", minutes: 0 },
    { kind: "unfinished", minutes: 10_081 },
    { kind: "late", minutes: 1.5 },
    { kind: "failure", minutes: 5 },
    { kind: "missed", minutes: 5 },
  ])
    expect(
      await call("POST", "/api/alarm-rules", { body: { name: "r", topic: "ops", ...body } }),
      JSON.stringify(body),
    ).toMatchObject({ status: 400, json: { code: "alarm-rule-invalid" } });
  await rule({ name: "a", kind: "unfinished", minutes: 10_080 });
  await rule({ name: "b", kind: "missed" });
  expect((await ok("GET", "/api/alarm-rules")).json.rules).toMatchObject([
    { name: "b", kind: "missed" },
    { name: "a", minutes: 10_080 },
  ]);
  expect((await ok("GET", `${V2}/alarm/rules?remind_type=12`)).json).toMatchObject({
    total: 1,
    total_all: 2,
    unfinished_count: 1,
    alarm_rules_items_details: [{ rule_name: "a", remind_type: 12 }],
  });
});
