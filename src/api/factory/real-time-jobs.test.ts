/** How the nodes of a real-time job fare, as v2 shows it; and what a job's status counts. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { keepResumePoint } from "../../store/resume-points.ts";

const JOBS = `/v2/${PROJECT}/factory/real-time-jobs`;
const node = (name: string, type: string, members: object = {}) => ({
  name,
  type,
  location: { x: 0, y: 0 },
  properties: [],
  ...members,
});

test("a job that is not in operation has no tasks; each node of one that is has how it fares", async () => {
  const { ok, startEngine } = await factoryWorld();
  await startEngine();
  await ok("POST", "/connections", { body: { name: "here", type: "HOST", config: { ip: "local" } } });
  const properties = [
    { name: "sourceConnectionName", value: "here" },
    { name: "targetConnectionName", value: "nowhere" },
  ];
  const nodes = [node("keep", "Hold", { properties }), node("broken", "Fail")];
  const body = jobBody("rt", { processType: "REAL_TIME", singleNodeJobType: "NormalJob", nodes });
  await ok("POST", "/jobs", { body });
  const { id } = (await ok("GET", "/jobs/rt")).json;
  const show = async () => (await ok("GET", `${JOBS}/rt`, { role: "reader" })).json;
  const idle = { nodes: 0, running: 0, restarts: 0 };
  expect(await show()).toEqual({
    is_success: true,
    message: "",
    job_id: String(id),
    state: "STOPPED",
    migration_type: "NormalJob",
    metric_info: JSON.stringify(idle),
    task_details: [],
  });
  await ok("POST", "/jobs/rt/start");
  await expect
    .poll(async () => (await show()).task_details.map(({ state }: { readonly state: string }) => state), {
      timeout: 15_000,
    })
    .toEqual(["RUNNING", "RESTARTING"]);
  const shown = await show();
  expect(shown).toMatchObject({
    state: "EXCEPTION",
    startup_timestamp: expect.stringMatching(/^\d{13}$/),
    task_details: [
      { task_name: "keep", task_type: "Hold", running_status: "RUNNING", source_type: "HOST" },
      { task_name: "broken", task_type: "Fail", running_status: "RESTARTING", error_msg: "no luck" },
    ],
  });
  expect(shown.task_details[0]).toMatchObject({
    task_id: expect.stringMatching(/^\d+-0$/),
    create_time: Number(shown.startup_timestamp),
    update_time: expect.any(Number),
  });
  expect(shown.task_details[0]).not.toHaveProperty("target_type");
  expect(JSON.parse(shown.metric_info)).toMatchObject({ nodes: 2, running: 1 });
});

test("checkpoints of what a node runs on a cluster are told by node, in v2 and in the console's API", async () => {
  const { ok, startEngine, pool } = await factoryWorld();
  await startEngine();
  const body = jobBody("stream", {
    processType: "REAL_TIME",
    nodes: [node("keep", "Hold"), node("other", "Hold")],
  });
  await ok("POST", "/jobs", { body });
  const { id } = (await ok("GET", "/jobs/stream")).json;
  await ok("POST", "/jobs/stream/start");
  const key = { projectId: PROJECT, jobId: Number(id), node: "keep" };
  const point = { path: "hdfs:/chk-9", bytes: 4096, durationMs: 12, completed: 9, failed: 1 };
  const takenAt = new Date("2026-01-02T03:04:05Z");
  await keepResumePoint(pool, key, { ...point, takenAt });
  await keepResumePoint(pool, { ...key, node: "none of these" }, { ...point, takenAt });
  const metrics = async () =>
    JSON.parse((await ok("GET", `${JOBS}/stream`, { role: "reader" })).json.metric_info);
  await expect
    .poll(metrics)
    .toMatchObject({ checkpoints: { keep: { ...point, takenAt: takenAt.getTime() } } });
  expect(Object.keys((await metrics()).checkpoints)).toEqual(["keep"]);
  const { nodes } = (await ok("GET", `/api/jobs/${id}/live-nodes`, { role: "reader" })).json;
  expect(nodes.map(({ checkpoint }: { readonly checkpoint: unknown }) => checkpoint)).toEqual([
    { ...point, takenAt: takenAt.toISOString() },
    null,
  ]);
  await ok("POST", "/jobs/stream/stop");
});

test("a job that is missing, or a batch job, is refused", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("batch") });
  expect(await call("GET", `${JOBS}/none`)).toMatchObject({ status: 400, json: { error_code: "DLF.0100" } });
  expect(await call("GET", `${JOBS}/batch`)).toMatchObject({ status: 400, json: { error_code: "DLF.2014" } });
});

test("a job's status tells of each node's last attempt, once there is one", async () => {
  const { ok, startEngine, ended } = await factoryWorld();
  await startEngine();
  const nodes = [node("a", "Fail"), node("b", "Dummy", { preNodeName: ["a"] })];
  await ok("POST", "/jobs", { body: jobBody("j", { nodes }) });
  const status = async () => (await ok("GET", "/jobs/j/status")).json.nodes;
  expect((await status())[0]).not.toHaveProperty("runningData");
  const { instanceId } = (await ok("POST", "/jobs/j/run-immediate")).json;
  await ended(instanceId);
  const [a, b] = await status();
  expect(JSON.parse(a.runningData)).toMatchObject({ state: "failed", attempt: 1, message: "no luck" });
  expect(JSON.parse(a.extendCounter)).toEqual({ attempts: 1, retries: 0 });
  expect(b).not.toHaveProperty("extendCounter");
});

test("a project has no more jobs than the setting says, in all its workspaces", async () => {
  const { ok, call } = await factoryWorld({ jobsMax: 3 });
  const add = (name: string, workspace: string, members: Readonly<Record<string, unknown>> = {}) =>
    call("POST", "/jobs", { workspace, body: jobBody(name, members) });
  const eventTrigger = { eventType: "OBS", channel: "obs://inbox/in", readPolicy: "NEW" };
  const live = { processType: "REAL_TIME", nodes: [node("each", "Dummy", { eventTrigger })] };
  expect(await add("one", "w1", live)).toMatchObject({ status: 204 });
  // The jobs that stand for its nodes do not count.
  await ok("POST", "/jobs/one/start", { workspace: "w1" });
  const answers = await Promise.all(["two", "three", "four", "five"].map((name) => add(name, "w2")));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 204, 400, 400]);
  const refused = { status: 400, json: { error_code: "DLF.0101" } };
  expect(await add("six", "w1")).toMatchObject(refused);
  await ok("PUT", "/jobs/one", { workspace: "w1", body: jobBody("one", live) });
  await ok("DELETE", "/jobs/one", { workspace: "w1" });
  expect(await add("six", "w1")).toMatchObject({ status: 204 });
});
