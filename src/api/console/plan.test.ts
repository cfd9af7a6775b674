/** Planning through the console's API: previews, ledger, pauses, freezes, calendars. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody } from "../../../test/setup/factory.ts";

const NODES = [{ name: "a", type: "Dummy", location: { x: 0, y: 0 }, properties: [] }];

/** A job that runs every hour, and a clock at 2026-11-23 06:54. */
async function setup() {
  const world = await factoryWorld();
  const save = (name: string, cron: object = {}, customFields: object = {}, workspace?: string) =>
    world.ok("POST", "/jobs", {
      body: jobBody(name, {
        nodes: NODES,
        basicConfig: { customFields },
        schedule: {
          type: "CRON",
          cron: { expression: "0 0 * * * ?", startTime: "2026-01-01T00:00:00Z", ...cron },
        },
      }),
      ...(workspace !== undefined && { workspace }),
    });
  const start = (name: string, body = {}) => world.ok("POST", `/jobs/${name}/start`, { body });
  const ledger = async (query: string) => (await world.ok("GET", `/api/plan?${query}`)).json.lines;
  const clock = (time: string) => {
    world.clock.now = new Date(time);
    world.engine.wake();
  };
  return { ...world, save, start, ledger, setClock: clock, world };
}

async function statesOf({ ok, clock }: FactoryWorld, job: string): Promise<string[]> {
  const query = `jobName=${job}&preciseQuery=true&limit=100&minPlanTime=0&maxPlanTime=${clock.now.getTime()}`;
  const { json } = await ok("GET", `/jobs/instances/detail?${query}`);
  return json.instances
    .map(({ status, planTime }: { status: string; planTime: number }) => ({ status, planTime }))
    .sort((a: { planTime: number }, b: { planTime: number }) => a.planTime - b.planTime)
    .map(
      ({ status, planTime }: { status: string; planTime: number }) =>
        `${new Date(planTime).toISOString().slice(11, 16)} ${status}`,
    );
}

test("any schedule's next times are shown with their offsets and what a clock change does to them", async () => {
  const { ok } = await setup();
  const preview = async (body: object) =>
    (await ok("POST", "/api/schedules/preview", { role: "reader", body })).json.times;
  const nightly = { expression: "0 30 2 * * ?", timeZone: "Europe/Berlin", after: "2026-03-28T12:00:00Z" };
  expect(await preview({ ...nightly, count: 2 })).toEqual([
    {
      at: "2026-03-29T01:00:00.000Z",
      local: "2026-03-29T03:00:00+02:00",
      note: "shifted from 02:30:00, which the clock skipped",
    },
    { at: "2026-03-30T00:30:00.000Z", local: "2026-03-30T02:30:00+02:00" },
  ]);
  expect(await preview({ ...nightly, count: 1, settings: { "azalai.missingHour": "skip" } })).toEqual([
    { at: "2026-03-30T00:30:00.000Z", local: "2026-03-30T02:30:00+02:00" },
  ]);
  const both = { "azalai.repeatedHour": "both" };
  expect(await preview({ ...nightly, after: "2026-10-24T12:00:00Z", count: 2, settings: both })).toEqual([
    {
      at: "2026-10-25T00:30:00.000Z",
      local: "2026-10-25T02:30:00+02:00",
      note: "first pass of 02:30:00, which the clock shows twice",
    },
    {
      at: "2026-10-25T01:30:00.000Z",
      local: "2026-10-25T02:30:00+01:00",
      note: "second pass of 02:30:00, which the clock shows twice",
    },
  ]);
  const now = { expression: "0 0 0 * * ?", endTime: "2026-11-25T00:00:00Z" };
  expect((await preview(now)).map(({ at }: { at: string }) => at)).toEqual([
    "2026-11-24T00:00:00.000Z",
    "2026-11-25T00:00:00.000Z",
  ]);
});

test("what is no schedule is refused, each with its code", async () => {
  const { call } = await setup();
  const refused: [object, string][] = [
    [{}, "request-invalid"],
    [{ expression: "0 0 0 * * ?", after: "tomorrow" }, "request-invalid"],
    [{ expression: "0 0 0 * * ?", count: 0 }, "request-invalid"],
    [{ expression: "often" }, "schedule-invalid"],
    [{ expression: "0 0 0 * * ?", timeZone: "Mars/North" }, "schedule-invalid"],
    [{ expression: "0 0 0 * * ?", settings: { "azalai.missingHour": "drop" } }, "schedule-invalid"],
    [{ expression: "0 0 0 * * ?", settings: { "azalai.calendar": "none" } }, "schedule-invalid"],
  ];
  for (const [body, code] of refused)
    expect(await call("POST", "/api/schedules/preview", { body }), JSON.stringify(body)).toMatchObject({
      status: 400,
      json: { code },
    });
});

test("the ledger says of each planned time what became of it, page by page, and outlives its job", async () => {
  const { save, start, ledger, setClock, startEngine, ok, call } = await setup();
  await startEngine();
  await save("hourly");
  await start("hourly");
  setClock("2026-11-23T07:00:01Z");
  await expect.poll(() => ledger("job=hourly")).toHaveLength(1);
  setClock("2026-11-23T10:00:01Z");
  await expect.poll(() => ledger("job=hourly&state=missed,skipped")).toHaveLength(2);
  expect((await ledger("job=hourly&reason=downtime"))[0]).toMatchObject({
    job: "hourly",
    plannedAt: "2026-11-23T09:00:00.000Z",
    state: "missed",
    detail: expect.stringMatching(/^noticed 36\d\d s late/),
    instanceId: null,
  });
  const first = (await ok("GET", "/api/plan?limit=3")).json;
  expect(first.lines.map(({ state }: { state: string }) => state)).toEqual(["started", "missed", "missed"]);
  const second = (await ok("GET", `/api/plan?limit=3&after=${encodeURIComponent(first.next)}`)).json;
  expect(second).toMatchObject({ lines: [{ plannedAt: "2026-11-23T07:00:00.000Z" }], next: null });
  await ok("DELETE", "/jobs/hourly");
  const kept = await ledger(`jobId=${first.lines[0].jobId}`);
  expect(kept).toHaveLength(4);
  expect(kept[0]).toMatchObject({ job: "hourly", jobIsDeleted: true });
  expect((await call("GET", "/api/plan?job=hourly")).status).toBe(404);
  for (const query of ["limit=0", "after=x", "from=yesterday", "jobId=x"])
    expect(await call("GET", `/api/plan?${query}`), query).toMatchObject({ status: 400 });
});

test("a real-time job's ledger is that of its triggers, under the names of job and node, and outlives them", async () => {
  const { ok, call, start, ledger, setClock, startEngine } = await setup();
  await startEngine();
  const cronTrigger = { expression: "0 0 * * * ?", startTime: "2026-01-01T00:00:00Z", period: "1 hours" };
  const nodes = ["first", "second"].map((name) => ({ ...NODES[0], name, cronTrigger }));
  await ok("POST", "/jobs", { body: jobBody("live", { processType: "REAL_TIME", nodes }) });
  await start("live");
  await expect.poll(async () => (await ok("GET", "/jobs/live/status")).json.status).toBe("NORMAL");
  for (const hour of ["07", "08"]) {
    setClock(`2026-11-23T${hour}:00:01Z`);
    await expect.poll(() => ledger(`job=live&state=started&from=2026-11-23T${hour}:00:00Z`)).toHaveLength(2);
  }
  const shown = (lines: { job: string; plannedAt: string; state: string }[]) =>
    lines.map(({ job, plannedAt, state }) => `${job} ${plannedAt.slice(11, 16)} ${state}`).toSorted();
  const all = [
    "live_first 07:00 started",
    "live_first 08:00 started",
    "live_second 07:00 started",
    "live_second 08:00 started",
  ];
  expect(shown(await ledger("job=live"))).toEqual(all);
  expect(shown(await ledger("job=live_first"))).toEqual(all.slice(0, 2));
  expect(shown(await ledger(""))).toEqual(all);
  const page = (await ok("GET", "/api/plan?job=live&limit=3")).json;
  const rest = await ledger(`job=live&after=${encodeURIComponent(page.next)}`);
  expect(shown([...page.lines, ...rest])).toEqual(all);
  const { id } = (await ok("GET", "/jobs/live")).json;
  await ok("DELETE", "/jobs/live");
  expect(shown(await ledger(`jobId=${id}`))).toEqual(all);
  expect((await call("GET", "/api/plan?job=live_first")).status).toBe(404);
});

test("a late time is made up for as the job wishes, within its bound", async () => {
  const { save, start, ledger, setClock, engine, startEngine } = await setup();
  await save("all", {}, { "azalai.catchUp": "all", "azalai.catchUpSeconds": "7500" });
  await save("last", {}, { "azalai.catchUp": "last" });
  await start("all");
  await start("last");
  setClock("2026-11-23T10:02:00Z");
  await startEngine();
  engine.wake();
  const shown = async (job: string) =>
    (await ledger(`job=${job}`)).map(
      ({ plannedAt, state, reason }: Record<string, string>) =>
        `${plannedAt?.slice(11, 16)} ${state}${reason === null ? "" : ` ${reason}`}`,
    );
  await expect
    .poll(() => shown("all"))
    .toEqual(["10:00 started", "09:00 started", "08:00 started", "07:00 missed catch-up-bound"]);
  await expect
    .poll(() => shown("last"))
    .toEqual([
      "10:00 started",
      "09:00 missed caught-up-later",
      "08:00 missed caught-up-later",
      "07:00 missed caught-up-later",
    ]);
  expect((await ledger("job=last&state=started"))[0].detail).toBe("made up for at 2026-11-23T10:02:00.000Z");
});

test("one instance too many is skipped where the job wishes that", async () => {
  const { start, ledger, setClock, startEngine, ok, held } = await setup();
  await startEngine();
  await ok("POST", "/jobs", {
    body: jobBody("busy", {
      nodes: [{ ...NODES[0], type: "Hold" }],
      basicConfig: { customFields: { "azalai.overlap": "1", "azalai.overlapPolicy": "skip" } },
      schedule: { type: "CRON", cron: { expression: "0 * * * * ?", startTime: "2026-01-01T00:00:00Z" } },
    }),
  });
  await start("busy");
  setClock("2026-11-23T06:55:01Z");
  await expect.poll(() => ledger("job=busy")).toMatchObject([{ state: "started" }]);
  const [{ instanceId }] = await ledger("job=busy");
  await held.running(instanceId, "a");
  setClock("2026-11-23T06:56:01Z");
  await expect
    .poll(() => ledger("job=busy&reason=overlap"))
    .toMatchObject([{ state: "skipped", detail: "1 of at most 1 instances had not ended" }]);
  held.letEnd(instanceId, "a");
});

test("a paused schedule's times are skipped until it is resumed", async () => {
  const { save, start, ledger, setClock, startEngine, ok, call } = await setup();
  await startEngine();
  await save("hourly");
  expect(await call("POST", "/api/jobs/hourly/pause")).toMatchObject({ json: { code: "schedule-invalid" } });
  await start("hourly");
  await ok("POST", "/api/jobs/hourly/pause");
  await ok("POST", "/api/jobs/hourly/pause");
  expect((await ok("GET", "/jobs/hourly/status")).json.status).toBe("PAUSE");
  setClock("2026-11-23T07:00:01Z");
  await expect
    .poll(() => ledger("job=hourly"))
    .toMatchObject([
      { state: "skipped", reason: "disabled", detail: "the schedule was paused by manager-user" },
    ]);
  await ok("POST", "/api/jobs/hourly/resume");
  setClock("2026-11-23T08:00:01Z");
  await expect.poll(() => ledger("job=hourly&state=started")).toHaveLength(1);
  expect((await call("POST", "/api/jobs/none/pause")).status).toBe(404);
  expect((await call("POST", "/api/jobs/hourly/pause", { role: "reader" })).status).toBe(403);
});

test("runs of a stretch are frozen, and lifting the freeze lets them run or skips them", async () => {
  const { save, start, ledger, setClock, startEngine, ok, call, world } = await setup();
  await startEngine();
  await save("hourly");
  await start("hourly");
  const freeze = { from: "2026-11-23T07:00:00Z", to: "2026-11-23T09:00:00Z" };
  const { id } = (await ok("POST", "/api/jobs/hourly/freezes", { body: freeze })).json;
  const listed = (await ok("GET", "/api/jobs/hourly/freezes")).json;
  expect(listed).toMatchObject({ freezes: [{ id, frozenBy: "manager-user" }] });
  for (const hour of ["07", "08", "09"]) {
    setClock(`2026-11-23T${hour}:00:01Z`);
    await expect.poll(() => statesOf(world, "hourly")).toHaveLength(Number(hour) - 6);
  }
  await expect
    .poll(() => statesOf(world, "hourly"))
    .toEqual(["07:00 freeze", "08:00 freeze", "09:00 success"]);
  expect((await ok("POST", `/api/jobs/hourly/freezes/${id}/lift`)).json).toEqual({ instances: 2 });
  await expect
    .poll(() => statesOf(world, "hourly"))
    .toEqual(["07:00 success", "08:00 success", "09:00 success"]);
  const again = { from: "2026-11-23T10:00:00Z", to: "2026-11-23T10:00:01Z" };
  const { id: second } = (await ok("POST", "/api/jobs/hourly/freezes", { body: again })).json;
  setClock("2026-11-23T10:00:01Z");
  await expect.poll(async () => (await statesOf(world, "hourly")).at(-1)).toBe("10:00 freeze");
  await ok("POST", `/api/jobs/hourly/freezes/${second}/lift`, { body: { skip: true } });
  expect((await statesOf(world, "hourly")).at(-1)).toBe("10:00 skip-by-depend");
  expect(await ledger("job=hourly&reason=frozen")).toMatchObject([
    { state: "skipped", plannedAt: "2026-11-23T10:00:00.000Z" },
  ]);
  const acts = (await ok("GET", "/api/acts?kind=job")).json.acts.map(({ act }: { act: string }) => act);
  expect(acts).toEqual(["unfreeze", "freeze", "unfreeze", "freeze", "start"]);
  expect((await call("POST", `/api/jobs/hourly/freezes/${second}/lift`)).status).toBe(404);
  expect(
    await call("POST", "/api/jobs/hourly/freezes", { body: { from: again.to, to: again.from } }),
  ).toMatchObject({ status: 400, json: { code: "freeze-invalid" } });
});

test("a schedule with a calendar passes over its free days, and its expressions ask it", async () => {
  const { save, start, ledger, setClock, startEngine, ok, call } = await setup();
  await startEngine();
  const calendar = { name: "works", holidays: ["2026-11-24"], workdays: ["2026-11-28"] };
  expect(
    await call("POST", "/jobs", {
      body: jobBody("early", { basicConfig: { customFields: { "azalai.calendar": "works" } } }),
    }),
  ).toMatchObject({ status: 400, json: { error_code: "DLF.3051" } });
  await ok("POST", "/api/calendars", { body: calendar });
  await save("daily", { expression: "0 0 6 * * ?" }, { "azalai.calendar": "works" });
  await start("daily");
  for (const day of ["24", "25"]) {
    setClock(`2026-11-${day}T06:00:01Z`);
    await expect.poll(async () => (await ledger("job=daily"))[0]?.plannedAt.slice(8, 10)).toBe(day);
  }
  expect(await ledger("job=daily")).toMatchObject([
    { state: "started" },
    { state: "skipped", reason: "calendar", detail: '2026-11-24 is no workday of calendar "works"' },
  ]);
  const text =
    "#{Job.getCalendarPreviousWorkday('works', 1, 'yyyy-MM-dd')} #{Job.getPreviousWorkday(2, 'dd')}";
  const body = { text, job: "daily", planTime: "2026-11-25T06:00:00Z" };
  expect((await ok("POST", "/api/expressions/evaluate", { body })).json).toEqual({ result: "2026-11-23 20" });
  expect(await call("DELETE", "/api/calendars/works")).toMatchObject({
    status: 409,
    json: { code: "object-in-use" },
  });
  expect((await ok("GET", "/api/calendars")).json.calendars).toMatchObject([
    { name: "works", weekdays: [2, 3, 4, 5, 6] },
  ]);
  await ok("POST", "/jobs/daily/stop", { body: {} });
  await ok("DELETE", "/api/calendars/works");
  expect((await call("GET", "/api/calendars/works")).status).toBe(404);
  expect(await call("POST", "/jobs/daily/start", { body: {} })).toMatchObject({
    json: { error_code: "DLF.3025" },
  });
});

test("what is no calendar is refused with what is wrong", async () => {
  const { call } = await setup();
  const refused: [object, RegExp][] = [
    [{}, /name/],
    [{ name: "a b" }, /name/],
    [{ name: "c", weekdays: [0] }, /weekdays/],
    [{ name: "c", holidays: ["2026-02-30"] }, /2026-02-30/],
    [{ name: "c", holidays: ["2026-02-03"], workdays: ["2026-02-03"] }, /both/],
  ];
  for (const [body, detail] of refused)
    expect(await call("POST", "/api/calendars", { body }), JSON.stringify(body)).toMatchObject({
      status: 400,
      json: { code: "calendar-invalid", detail: expect.stringMatching(detail) },
    });
});

test("a start may name its first day, and lets the first run go without the one before", async () => {
  const { save, start, ledger, setClock, startEngine, ok, call, world } = await setup();
  await startEngine();
  await save("chain", { dependPrePeriod: true, expression: "0 0 0 * * ?" });
  await ok("PUT", "/jobs/chain", {
    body: jobBody("chain", {
      nodes: [{ ...NODES[0], type: "Fail" }],
      schedule: {
        type: "CRON",
        cron: { expression: "0 0 0 * * ?", startTime: "2026-01-01T00:00:00Z", dependPrePeriod: true },
      },
    }),
  });
  await start("chain", { start_date: 20261125 });
  setClock("2026-11-24T00:00:01Z");
  setClock("2026-11-25T00:00:01Z");
  await expect.poll(() => statesOf(world, "chain")).toEqual(["00:00 fail"]);
  expect(await ledger("job=chain")).toHaveLength(1);
  await ok("POST", "/jobs/chain/stop", { body: {} });
  await start("chain", { ignore_first_self_dep: true });
  setClock("2026-11-26T00:00:01Z");
  await expect.poll(() => statesOf(world, "chain")).toEqual(["00:00 fail", "00:00 fail"]);
  setClock("2026-11-27T00:00:01Z");
  await expect.poll(() => statesOf(world, "chain")).toEqual(["00:00 fail", "00:00 fail", "00:00 waiting"]);
  expect(await call("POST", "/jobs/chain/start", { body: { start_date: 20261332 } })).toMatchObject({
    status: 400,
  });
});

test("jobs that would wait for each other are refused, over workspaces and renames, with the way that leads back", async () => {
  const { save, call, ok } = await setup();
  await save("a");
  await save("b", { dependJobs: { jobs: ["a"] } }, {}, undefined);
  const far = { jobs: ["b"], otherWorkSpaceJobs: [{ jobName: "b", workSpace: "default" }] };
  await save("c", { dependJobs: far }, {}, "w2");
  const back = jobBody("a2", {
    nodes: NODES,
    schedule: {
      type: "CRON",
      cron: {
        expression: "0 0 * * * ?",
        startTime: "2026-01-01T00:00:00Z",
        dependJobs: { jobs: ["c"], otherWorkSpaceJobs: [{ jobName: "c", workSpace: "w2" }] },
      },
    },
  });
  const refused = await call("PUT", "/jobs/a", { body: back });
  expect(refused).toMatchObject({ status: 400, json: { error_code: "DLF.3025" } });
  expect(refused.json.error_msg).toMatch(/jobs wait for each other: .*default\/a -> w2\/c/);
  await ok("PUT", "/jobs/b", { body: jobBody("b2", { nodes: NODES }) });
  await ok("PUT", "/jobs/a", { body: back });
});

test("two saves at the same time cannot close a circle", async () => {
  const { save, call } = await setup();
  await save("a");
  await save("b");
  const waiting = (name: string, upstream: string) =>
    call("PUT", `/jobs/${name}`, {
      body: jobBody(name, {
        schedule: {
          type: "CRON",
          cron: {
            expression: "0 0 * * * ?",
            startTime: "2026-01-01T00:00:00Z",
            dependJobs: { jobs: [upstream] },
          },
        },
      }),
    });
  const answers = await Promise.all([waiting("a", "b"), waiting("b", "a")]);
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 400]);
});
