/** Real-time jobs with triggers, and jobs on events, through the Factory API and the console's. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody } from "../../../test/setup/factory.ts";

const LOCATION = { x: 0, y: 0 };
const FILES = { eventType: "OBS", channel: "obs://inbox/in", readPolicy: "NEW" };

const realTime = (members: object, type = "Dummy") => ({
  processType: "REAL_TIME",
  nodes: [{ name: "each", type, location: LOCATION, properties: [], ...members }],
});

const onEvent = (event: object) => jobBody("on-event", { schedule: { type: "EVENT", event } });

test("a paused trigger makes node and job an exception until it is resumed; its runs bear both names", async () => {
  const { ok, call, startEngine } = await factoryWorld();
  await startEngine();
  await ok("POST", "/jobs", { body: jobBody("rt", realTime({ eventTrigger: FILES }, "Fail")) });
  await ok("POST", "/jobs/rt/start");
  const status = async () => (await ok("GET", "/jobs/rt/status")).json;
  await expect.poll(async () => (await status()).status).toBe("NORMAL");
  expect((await status()).nodes).toMatchObject([{ name: "each", status: "NORMAL" }]);
  expect((await status()).nodes[0]).not.toHaveProperty("lastInstanceStatus");

  const upload = { role: "member", text: "x", headers: { "content-type": "text/csv" } } as const;
  expect((await ok("PUT", "/api/files/inbox/in/a%20b.csv", upload)).json).toEqual({
    path: "obs://inbox/in/a b.csv",
  });
  const failed = { status: "EXCEPTION", lastInstanceStatus: "fail" };
  await expect.poll(status).toMatchObject({ status: "EXCEPTION", nodes: [failed] });
  const runs = await ok("GET", "/jobs/instances/detail?jobName=rt_each&preciseQuery=true");
  expect(runs.json).toMatchObject({ total: 1, instances: [{ jobName: "rt_each", status: "fail" }] });
  const { sources } = (await ok("GET", "/api/event-sources", { role: "reader" })).json;
  expect(sources).toMatchObject([
    { job: "rt_each", type: "files", state: "paused", reason: expect.stringMatching(/failed/) },
  ]);
  const resume = `/api/event-sources/${sources[0].jobId}/resume`;
  expect((await call("POST", resume, { role: "reader" })).status).toBe(403);
  expect((await ok("POST", resume, { role: "member" })).status).toBe(204);
  expect((await call("POST", resume, { role: "member" })).json).toMatchObject({ status: 409 });
  await expect.poll(async () => (await status()).status).toBe("NORMAL");
  expect((await ok("GET", "/api/acts?act=resume-events")).json.acts).toMatchObject([{ by: "member-user" }]);
});

test("a trigger's job is in no list and under no name, and its name is taken", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("rt", realTime({ eventTrigger: FILES })) });
  await ok("POST", "/jobs", { body: jobBody("rt_each") });
  expect((await call("POST", "/jobs/rt/start")).json).toMatchObject({ error_code: "DLF.0102" });
  await ok("DELETE", "/jobs/rt_each");
  await ok("POST", "/jobs/rt/start");
  expect((await call("GET", "/jobs/rt_each")).json).toMatchObject({ error_code: "DLF.0100" });
  expect((await call("POST", "/jobs", { body: jobBody("rt_each") })).json).toMatchObject({
    error_code: "DLF.0102",
  });
  for (const type of ["BATCH", "REAL_TIME"])
    expect(
      (await ok("GET", `/jobs?jobType=${type}`)).json.jobs.map((job: { name: string }) => job.name),
    ).toEqual(type === "BATCH" ? [] : ["rt"]);
  await ok("DELETE", "/jobs/rt");
  await ok("POST", "/jobs", { body: jobBody("rt_each") });
});

test("a source that cannot be listened to is kept, and refused at the start with the reason", async () => {
  const { ok, call } = await factoryWorld();
  for (const [event, why] of [
    [{ eventType: "DIS", channel: "c" }, /DIS is the vendor's own/],
    [{ eventType: "KAFKA", channel: "orders" }, /connection\/topic/],
    [{ eventType: "OBS" }, /obs:\/\/bucket\/folder/],
  ] as const) {
    await ok("POST", "/jobs", { body: onEvent(event) });
    expect((await call("POST", "/jobs/on-event/start")).json).toMatchObject({
      error_code: "DLF.3025",
      error_msg: expect.stringMatching(why),
    });
    await ok("DELETE", "/jobs/on-event");
  }
});

test("a node with two triggers, and settings against their rules, are refused at the save", async () => {
  const { call } = await factoryWorld();
  const cronTrigger = { expression: "0 0 * * * ?", startTime: "2026-01-01T00:00:00Z", period: "1 hours" };
  const twice = realTime({ eventTrigger: FILES, cronTrigger });
  expect((await call("POST", "/jobs", { body: jobBody("rt", twice) })).json).toMatchObject({
    error_msg: expect.stringContaining("one trigger, not two"),
  });
  const wrong = realTime({ properties: [{ name: "azalai.restart", value: "never" }] });
  expect((await call("POST", "/jobs", { body: jobBody("rt", wrong) })).json).toMatchObject({
    error_msg: expect.stringContaining("azalai.restart: must be one of always, on-failure"),
  });
});

test("a file's path is a name, and a folder has to be named", async () => {
  const { call } = await factoryWorld();
  for (const path of ["/api/files/bucket", "/api/files/bucket/%2e%2e/key", "/api/files/bucket//key"])
    expect(await call("PUT", path, { text: "x" }), path).toMatchObject({
      status: 400,
      json: { code: "reference-invalid" },
    });
  expect(await call("GET", "/api/files")).toMatchObject({ status: 400, json: { code: "request-invalid" } });
  for (const path of ["/api/jobs/999/live-nodes", "/api/jobs/none/live-nodes"])
    expect(await call("GET", path)).toMatchObject({ status: 404, json: { code: "job-missing" } });
});
