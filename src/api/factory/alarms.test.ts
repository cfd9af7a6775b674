/** Alarms: which ends of runs raise them, what is recorded and published, and how the wire shows both. */
import { expect, onTestFinished, test } from "vitest";
import { FOREIGN, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { createJobAlarmLoop } from "../../engine/job-alarms.ts";

const RULES = "/api/alarm-rules";
const V2 = `/v2/${PROJECT}/factory`;

function failing(members: object = {}) {
  return {
    nodes: [{ name: "a", type: "Fail", location: { x: 1, y: 2 }, properties: [], retryTimes: 0, ...members }],
  };
}

async function setup() {
  const world = await factoryWorld();
  const { pool, deps, ok, clock, ended } = world;
  await world.startEngine();
  let published = 0;
  const onPublished = () => {
    published += 1;
  };
  const loop = createJobAlarmLoop({ pool, now: deps.now, observe: () => undefined, onPublished });
  onTestFinished(() => loop.stop());
  loop.start();
  await ok("POST", "/api/topics", { body: { name: "ops" } });
  return {
    ...world,
    published: () => published,
    rule: (body: object) => ok("POST", RULES, { body: { topic: "ops", ...body } }),
    begin: async (job: string): Promise<number> =>
      (await ok("POST", `/jobs/${job}/run-immediate`)).json.instanceId,
    run: async (job: string): Promise<number> => {
      const { instanceId } = (await ok("POST", `/jobs/${job}/run-immediate`)).json;
      await ended(instanceId);
      return instanceId;
    },
    alarms: async (query = "") => {
      await loop.round();
      const { total, alarm_info: alarms } = (await ok("GET", `${V2}/alarm-info${query}`)).json;
      return { total, alarms };
    },
    later: (ms: number) => {
      clock.now = new Date(clock.now.getTime() + ms);
    },
  };
}

test("a failure raises an alarm, with its reason, and publishes it to the rule's topic", async () => {
  const { ok, rule, run, alarms, published, clock } = await setup();
  await ok("POST", "/jobs", { body: jobBody("bad", failing()) });
  await rule({ name: "failures", kind: "failure" });
  const id = await run("bad");
  const planned = clock.now.toISOString();
  const { alarms: raised, total } = await alarms();
  expect(total).toBe(1);
  expect(raised).toEqual([
    {
      alarm_time: clock.now.getTime(),
      job_id: expect.any(Number),
      job_name: "bad",
      schedule_type: 2,
      send_msg: `Job "bad" failed: run ${id}, planned for ${planned}. Node "a" failed: no luck`,
      plan_time: clock.now.getTime(),
      remind_type: 1,
    },
  ]);
  expect(published()).toBe(1);
  expect((await ok("GET", "/api/topics/ops/notices")).json.notices).toMatchObject([
    { subject: 'Job "bad" failed', deliveries: [] },
  ]);
});

test("success and cancellation are kinds of their own, and no kind raises another", async () => {
  const { ok, rule, run, begin, held, ended, alarms } = await setup();
  await ok("POST", "/jobs", { body: jobBody("good") });
  const holding = { nodes: [{ name: "a", type: "Hold", location: { x: 1, y: 2 }, properties: [] }] };
  await ok("POST", "/jobs", { body: jobBody("long", holding) });
  await rule({ name: "good", kind: "success" });
  await rule({ name: "gone", kind: "cancelled" });
  await rule({ name: "bad", kind: "failure" });
  await run("good");
  const id = await begin("long");
  await held.running(id, "a");
  await ok("POST", `/jobs/long/instances/${id}/stop`);
  await ended(id);
  const { alarms: raised } = await alarms();
  expect(
    raised.map((one: { job_name: string; remind_type: number }) => [one.job_name, one.remind_type]),
  ).toEqual([
    ["long", 13],
    ["good", 0],
  ]);
});

test("a run that is suspended raises a failure, and its later end what that is", async () => {
  const { ok, rule, begin, pool, alarms, ended } = await setup();
  await ok("POST", "/jobs", { body: jobBody("bad", failing({ failPolicy: "SUSPEND" })) });
  await rule({ name: "failures", kind: "failure" });
  await rule({ name: "cancelled", kind: "cancelled" });
  const id = await begin("bad");
  const isSuspended = async () =>
    (await pool.query("select from instance where id = $1 and state = 'suspended'", [id])).rowCount;
  await expect.poll(isSuspended).toBe(1);
  const first = await alarms();
  expect(first.alarms).toMatchObject([{ remind_type: 1, send_msg: expect.stringContaining("is suspended") }]);
  await ok("POST", `/jobs/bad/instances/${id}/stop`);
  await ended(id);
  expect(await alarms()).toMatchObject({ total: 2, alarms: [{ remind_type: 13 }, { remind_type: 1 }] });
});

test("each end is told once for each rule that watches the job, and a rerun's end again", async () => {
  const { ok, rule, run, ended, alarms, engine } = await setup();
  const sales = { ...failing(), directory: "/sales/daily", basicConfig: { owner: "ada" } };
  await ok("POST", "/jobs", { body: jobBody("bad", sales) });
  await ok("POST", "/jobs", { body: jobBody("other", failing()) });
  await rule({ name: "one", kind: "failure", job: "bad" });
  await rule({ name: "below", kind: "failure", directory: "/sales" });
  await rule({ name: "beside", kind: "failure", directory: "/sale" });
  await rule({ name: "hers", kind: "failure", owner: "ada" });
  await rule({ name: "his", kind: "failure", owner: "bob" });
  await rule({ name: "all", kind: "failure" });
  const id = await run("bad");
  expect((await alarms()).total).toBe(4);
  expect((await alarms()).total).toBe(4);
  await engine.restartInstance({ projectId: PROJECT, instanceId: id, by: "ada" });
  await ended(id);
  expect((await alarms()).total).toBe(8);
  await run("other");
  expect((await alarms()).total).toBe(9);
});

test("a rule watches runs that were begun before it, and none that ended before it unless they are begun anew", async () => {
  const { ok, rule, run, begin, held, ended, alarms, engine } = await setup();
  const holding = { nodes: [{ name: "a", type: "Hold", location: { x: 1, y: 2 }, properties: [] }] };
  await ok("POST", "/jobs", { body: jobBody("long", holding) });
  await ok("POST", "/jobs", { body: jobBody("good") });
  const past = await run("good");
  const present = await begin("long");
  await held.running(present, "a");
  await rule({ name: "all", kind: "success" });
  held.letEnd(present, "a");
  await ended(present);
  expect((await alarms()).alarms).toMatchObject([{ job_name: "long" }]);
  await engine.restartInstance({ projectId: PROJECT, instanceId: past, by: "ada" });
  await ended(past);
  expect((await alarms()).alarms).toMatchObject([{ job_name: "good" }, { job_name: "long" }]);
});

test("where there is no rule, and in other workspaces, an end writes nothing down", async () => {
  const { ok, rule, pool, run, alarms } = await setup();
  await ok("POST", "/jobs", { body: jobBody("good") });
  await ok("POST", "/jobs", { body: jobBody("good"), workspace: "w2" });
  await ok("POST", RULES, { body: { name: "all", kind: "success", topic: "ops" }, workspace: "w2" });
  await run("good");
  const told = "select from run_end where audience = 'alarms'";
  expect((await pool.query(told)).rowCount).toBe(0);
  expect(await alarms()).toEqual({ total: 0, alarms: [] });
  await rule({ name: "all", kind: "success" });
  await ok("DELETE", `${RULES}/all`);
  await run("good");
  expect((await pool.query(told)).rowCount).toBe(0);
});

test("the list is of a span of time, an hour where nothing is said, page by page, newest first", async () => {
  const { ok, call, rule, run, alarms, later, clock } = await setup();
  await ok("POST", "/jobs", { body: jobBody("good") });
  await rule({ name: "all", kind: "success" });
  const first = clock.now.getTime();
  await run("good");
  await alarms();
  later(3_600_000);
  await run("good");
  expect((await alarms()).total).toBe(2);
  later(1);
  expect((await alarms()).total).toBe(1);
  expect((await alarms(`?start_time=${first}`)).total).toBe(2);
  expect((await alarms(`?start_time=${first}&end_time=${first}`)).total).toBe(1);
  const page = await alarms(`?start_time=${first}&limit=1&offset=1`);
  expect(page).toMatchObject({ total: 2, alarms: [{ alarm_time: first }] });
  expect((await alarms(`?start_time=${first}&limit=1&offset=2`)).alarms).toEqual([]);
  for (const query of [
    "limit=0",
    "limit=1001",
    "offset=-1",
    "start_time=x",
    `start_time=${first}&end_time=${first - 1}`,
  ])
    expect(await call("GET", `${V2}/alarm-info?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});

test("an alarm is sent when all targets have it, failed when one never will, and neither before", async () => {
  const { ok, rule, run, alarms, pool } = await setup();
  await ok("POST", "/jobs", { body: jobBody("good") });
  const target = { url: "https://hooks.example", secret: "0123456789abcdef" };
  for (const body of [target, target]) await ok("POST", "/api/topics/ops/targets", { body });
  await rule({ name: "all", kind: "success" });
  await run("good");
  const status = async () => (await alarms()).alarms[0].send_status;
  expect(await status()).toBeUndefined();
  const settle = (state: string, where: string) =>
    pool.query(`update notice_delivery set state = $1, next_at = null, ended_at = now() where ${where}`, [
      state,
    ]);
  await settle("sent", "target_id = (select min(target_id::text)::uuid from notice_delivery)");
  expect(await status()).toBeUndefined();
  await settle("failed", "state = 'waiting'");
  expect(await status()).toBe(1);
  await run("good");
  await alarms();
  await settle("sent", "state = 'waiting'");
  expect(await status()).toBe(0);
});

test("rules are listed with their topics and what they watch, narrowed by name and kind, counted as a whole", async () => {
  const { ok, rule, clock } = await setup();
  await ok("POST", "/jobs", { body: jobBody("nightly") });
  await rule({ name: "one", kind: "failure", job: "nightly" });
  await rule({ name: "below", kind: "success", directory: "/sales" });
  await rule({ name: "all", kind: "cancelled" });
  const list = async (query = "") => (await ok("GET", `${V2}/alarm/rules${query}`)).json;
  const all = await list();
  expect(all).toMatchObject({
    total: 3,
    total_all: 3,
    success_count: 1,
    exception_count: 1,
    cancel_jobs_count: 1,
    unfinished_count: 0,
  });
  expect(all.alarm_rules_items_details).toEqual([
    expect.objectContaining({ name: "all", rule_name: "all", remind_type: 13 }),
    expect.objectContaining({ remind_type: 0, job_directory: [{ directory_name: "/sales" }] }),
    {
      id: expect.any(Number),
      name: "nightly",
      rule_name: "one",
      remind_type: 1,
      topic_name: "ops",
      urn: `urn:smn:RegionOne:${PROJECT}:ops`,
      create_time: clock.now.getTime(),
      create_user: "manager-user",
      node_id: expect.any(Number),
      node_id_list: [expect.any(Number)],
      node_name_list: ["nightly"],
    },
  ]);
  const names = async (query: string) => {
    const { total, total_all, alarm_rules_items_details: rules } = await list(query);
    return [total, total_all, rules.map((one: { rule_name: string }) => one.rule_name)];
  };
  expect(await names("?name=night")).toEqual([1, 3, ["one"]]);
  expect(await names("?name=el")).toEqual([1, 3, ["below"]]);
  expect(await names("?remind_type=0")).toEqual([1, 3, ["below"]]);
  expect(await names("?remind_type=12")).toEqual([0, 3, []]);
  expect(await names("?ding_name=robot")).toEqual([0, 3, []]);
  expect(await names("?limit=1&offset=2")).toEqual([3, 3, ["one"]]);
});

test("a rule is saved by its name, needs its topic and its job, and goes with its job", async () => {
  const { ok, call, rule } = await setup();
  await ok("POST", "/jobs", { body: jobBody("nightly") });
  await rule({ name: "one", kind: "failure" });
  await rule({ name: "one", kind: "success", job: "nightly" });
  expect((await ok("GET", RULES)).json).toEqual({
    rules: [
      {
        name: "one",
        kind: "success",
        topic: "ops",
        job: "nightly",
        createdAt: "2026-11-23T06:54:27.123Z",
        createdBy: "manager-user",
      },
    ],
  });
  const refused = (body: object) =>
    call("POST", RULES, { body: { name: "r", kind: "failure", topic: "ops", ...body } });
  expect(await refused({ topic: "none" })).toMatchObject({ status: 404, json: { code: "topic-missing" } });
  expect(await refused({ job: "none" })).toMatchObject({ status: 404, json: { code: "job-missing" } });
  for (const body of [
    { kind: "late" },
    { name: "" },
    { job: "nightly", owner: "ada" },
    { directory: "sales" },
    { x: 1 },
  ])
    expect(await refused(body), JSON.stringify(body)).toMatchObject({
      status: 400,
      json: { code: "alarm-rule-invalid" },
    });
  expect(await call("DELETE", "/api/topics/ops")).toMatchObject({
    status: 409,
    json: { code: "object-in-use" },
  });
  expect(await call("DELETE", `${RULES}/none`)).toMatchObject({
    status: 404,
    json: { code: "alarm-rule-missing" },
  });
  await ok("DELETE", "/jobs/nightly");
  expect((await ok("GET", RULES)).json).toEqual({ rules: [] });
  await ok("DELETE", "/api/topics/ops");
  for (const [method, path] of [
    ["POST", RULES],
    ["DELETE", `${RULES}/one`],
  ] as const)
    expect(await call(method, path, { role: "member", body: {} })).toMatchObject({ status: 403 });
});

test("another project's alarms and rules are not shown", async () => {
  const { call } = await setup();
  for (const path of ["alarm-info", "alarm/rules"])
    expect(await call("GET", `/v2/${FOREIGN}/factory/${path}`)).toMatchObject({ status: 401 });
});

test("the job list says what is told of each job, and to which topic", async () => {
  const { ok, rule } = await setup();
  await ok("POST", "/api/topics", { body: { name: "boss" } });
  await ok("POST", "/jobs", { body: jobBody("told", { directory: "/sales/daily" }) });
  await ok("POST", "/jobs", { body: jobBody("quiet") });
  await rule({ name: "a", kind: "failure", directory: "/sales" });
  await rule({ name: "b", kind: "failure", job: "told" });
  await rule({ name: "c", kind: "success", job: "told", topic: "boss" });
  await rule({ name: "d", kind: "cancelled", directory: "/other" });
  const { jobs } = (await ok("GET", "/jobs")).json;
  const urn = (topic: string) => `urn:smn:RegionOne:${PROJECT}:${topic}`;
  expect(jobs).toMatchObject([
    { name: "quiet", alarms: [] },
    {
      name: "told",
      alarms: [
        { alarmType: "SUCCESS", topicUrn: urn("boss") },
        { alarmType: "FAIL", topicUrn: urn("ops") },
      ],
    },
  ]);
  const ofV2 = async (query: string) => (await ok("GET", `${V2}/jobs?job_name=told${query}`)).json.jobs[0];
  expect((await ofV2("&need_alarms=true")).alarms).toEqual(jobs[1].alarms);
  expect(await ofV2("")).not.toHaveProperty("alarms");
});

test("a real-time job that comes into exception raises a failure, as do runs of its triggers, watched as the job is", async () => {
  const { ok, rule, alarms, later } = await setup();
  const eventTrigger = { eventType: "OBS", channel: "obs://inbox/in", readPolicy: "NEW" };
  const node = { name: "each", type: "Fail", location: { x: 0, y: 0 }, properties: [], retryTimes: 0 };
  const members = { processType: "REAL_TIME", directory: "/live", nodes: [{ ...node, eventTrigger }] };
  await ok("POST", "/jobs", { body: jobBody("rt", members) });
  await rule({ name: "a", kind: "failure", job: "rt" });
  await rule({ name: "b", kind: "failure", directory: "/live" });
  await rule({ name: "c", kind: "failure", directory: "/other" });
  await ok("POST", "/jobs/rt/start");
  const status = async () => (await ok("GET", "/jobs/rt/status")).json.status;
  await expect.poll(status).toBe("NORMAL");
  const fail = async (file: string) => {
    const upload = { text: "x", headers: { "content-type": "text/csv" } };
    await ok("PUT", `/api/files/inbox/in/${file}`, upload);
    await expect.poll(status).toBe("EXCEPTION");
  };
  const resume = async () => {
    const { sources } = (await ok("GET", "/api/event-sources")).json;
    await ok("POST", `/api/event-sources/${sources[0].jobId}/resume`);
    await expect.poll(status).toBe("NORMAL");
  };
  await fail("a.csv");
  const first = await alarms();
  const sentences = (told: { alarms: { send_msg: string }[] }) =>
    told.alarms.map(({ send_msg }) => send_msg.split(":")[0]).toSorted();
  const [exception, failed] = ['Job "rt" is in exception', 'Job "rt_each" failed'];
  expect(sentences(first)).toEqual([exception, exception, failed, failed]);
  expect(first.alarms).toMatchObject([1, 1, 1, 1].map((remind_type) => ({ remind_type })));
  await resume();
  await fail("b.csv");
  expect(sentences(await alarms())).toEqual([exception, exception, failed, failed, failed, failed]);
  await resume();
  later(600_000);
  await fail("c.csv");
  expect((await alarms()).total).toBe(10);
});
