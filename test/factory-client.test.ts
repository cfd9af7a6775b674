/** The Factory API driven by the vendor's own Python SDK, which signs its requests, over a running service. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type PythonClient, startPythonClient, testPython } from "./setup/python-client.ts";
import { type Service, startService } from "./setup/service.ts";

/** Python's own start, and a run's, on a machine that does much else. */
const SLOW_MS = 120_000;
const OK = { http_status: 200 };
const NOTHING = { http_status: 204 };
const JOB_MISSING = { status: 400, code: "DLF.0100", message: "The job does not exists." };
const CRON = {
  type: "CRON",
  cron: {
    start_time: "2030-01-01T00:00:00+08",
    expression: "0 0 0 * * ?",
    expression_time_zone: "GMT+8",
    depend_pre_period: false,
  },
};

let service: Service;
let client: PythonClient;

beforeAll(async () => {
  testPython();
  service = await startService();
  client = startPythonClient("factory", { sdk: "dgc", url: service.url, ...service.credentials });
}, SLOW_MS);
afterAll(async () => {
  await client?.end();
  await service?.remove();
}, SLOW_MS);

/** A Shell node under the SDK's names. */
function shell(name: string, statement: string, ...after: string[]) {
  return {
    name,
    type: "Shell",
    location: { x: "10", y: "20" },
    pre_node_name: after,
    properties: [{ name: "statement", value: statement }],
  };
}

function job(name: string, members: Readonly<Record<string, unknown>> = {}) {
  return {
    name,
    nodes: [shell("only", "true")],
    schedule: { type: "EXECUTE_ONCE" },
    process_type: "BATCH",
    ...members,
  };
}

/** Runs the job at once and gives the instance once it has one of these statuses, asked for as users do. */
async function ran(jobName: string, statuses: readonly string[], body = {}) {
  const started = await client.call("run_once", { job_name: jobName, body });
  expect(started).toEqual({ ...OK, instance_id: expect.any(Number) });
  return reached(jobName, started.instance_id, statuses);
}

function reached(jobName: string, instanceId: number, statuses: readonly string[]) {
  const which = { job_name: jobName, instance_id: String(instanceId) };
  return vi.waitFor(
    async () => {
      const instance = await client.call("show_job_instance", which);
      expect(statuses).toContain(instance.status);
      return instance;
    },
    { timeout: SLOW_MS / 2, interval: 100 },
  );
}

describe("jobs", () => {
  test("are given back as they were made, and as they were changed", async () => {
    const definition = {
      ...job("kept", { schedule: CRON }),
      nodes: [
        shell("first", "true"),
        {
          ...shell("second", "true", "first"),
          conditions: [{ pre_node_name: "first", expression: '#{Job.getNodeStatus("first") == "success"}' }],
          max_execution_time: 5,
          retry_times: 2,
          retry_interval: 10,
          fail_policy: "IGNORE",
        },
      ],
      params: [{ name: "colour", value: "red" }],
      directory: "/d",
      basic_config: { owner: "me", priority: 1, tags: ["t1", "t2"], custom_fields: { x: "y" } },
    };
    expect(await client.call("create_job", { body: definition })).toEqual(NOTHING);
    const shown = await client.call("show_job", { job_name: "kept" });
    expect(shown).toMatchObject({
      ...OK,
      ...definition,
      id: expect.any(Number),
      create_time: expect.any(Number),
      last_update_user: service.credentials.userName,
    });
    const changed = { ...definition, nodes: [shell("alone", "false")], params: [] };
    expect(await client.call("update_job", { job_name: "kept", body: changed })).toEqual(NOTHING);
    const now = await client.call("show_job", { job_name: "kept" });
    expect(now).toMatchObject({ ...changed, id: shown.id });
    expect(now.nodes).toHaveLength(1);
    expect(await client.call("delete_job", { job_name: "kept", body: {} })).toEqual(NOTHING);
    expect(await client.refusal("show_job", { job_name: "kept" })).toEqual(JOB_MISSING);
  });

  test("are listed page by page, filtered by a part of the name, kind and tags", async () => {
    const names = Array.from({ length: 12 }, (_, place) => `page-${String(place).padStart(2, "0")}`);
    for (const name of names)
      await client.call("create_job", {
        body: job(name, { basic_config: { tags: name.endsWith("3") ? ["odd", "three"] : ["odd"] } }),
      });
    await client.call("create_job", { body: job("page-stream", { process_type: "REAL_TIME" }) });
    const seen: string[] = [];
    // `offset` counts pages.
    for (const [offset, size] of [5, 5, 2, 0].entries()) {
      const page = await client.call("list_jobs", { job_name: "page-", limit: 5, offset });
      expect(page).toMatchObject({ ...OK, total: 12 });
      expect(page.jobs).toHaveLength(size);
      seen.push(...page.jobs.map(({ name }: { name: string }) => name));
    }
    expect(seen.toSorted()).toEqual(names);
    expect(await client.call("list_jobs", { job_name: "page-", job_type: "REAL_TIME" })).toMatchObject({
      total: 1,
      jobs: [{ name: "page-stream", job_type: "REAL_TIME", status: "STOPPED" }],
    });
    expect(await client.call("list_jobs", { tags: "odd,three" })).toMatchObject({
      total: 1,
      jobs: [{ name: "page-03", job_type: "BATCH", status: "STOPPED", path: "/" }],
    });
    expect(await client.call("list_jobs", { job_name: "流 a/b?&" })).toMatchObject({ total: 0, jobs: [] });
  });

  test("are put into operation and taken out of it", async () => {
    await client.call("create_job", { body: job("operated", { schedule: CRON }) });
    const which = { job_name: "operated" };
    const listed = async () => (await client.call("list_jobs", which)).jobs[0].status;
    expect(await client.call("start_job", { ...which, body: {} })).toEqual(NOTHING);
    expect(await client.call("show_job_status", which)).toMatchObject({
      ...OK,
      name: "operated",
      status: "NORMAL",
      nodes: [{ name: "only", status: "NORMAL" }],
    });
    expect(await listed()).toBe("SCHEDULING");
    expect(await client.call("stop_job", which)).toEqual(NOTHING);
    expect(await client.call("show_job_status", which)).toMatchObject({ status: "STOPPED" });
    expect(await listed()).toBe("STOPPED");
  });

  test("that cannot be are refused with the vendor's codes", async () => {
    await client.call("create_job", { body: job("taken") });
    const create = (members: object) => client.refusal("create_job", { body: { ...job("new"), ...members } });
    expect(await create({ name: "taken" })).toMatchObject({ status: 400, code: "DLF.0102" });
    expect(await create({ name: "a b" })).toMatchObject({ status: 400, code: "DLF.3018" });
    expect(await create({ process_type: "WEEKLY" })).toMatchObject({ status: 400, code: "DLF.2014" });
    const never = { type: "CRON", cron: { ...CRON.cron, expression: "every day" } };
    expect(await create({ schedule: never })).toMatchObject({ status: 400, code: "DLF.3025" });
    for (const [call, args] of [
      ["show_job", {}],
      ["update_job", { body: job("missing") }],
      ["start_job", { body: {} }],
      ["stop_job", {}],
      ["run_once", { body: {} }],
      ["show_job_status", {}],
      ["delete_job", { body: {} }],
    ] as const)
      expect(await client.refusal(call, { job_name: "missing", ...args }), call).toEqual(JOB_MISSING);
    expect(await client.call("list_jobs", { job_name: "new" })).toMatchObject({ total: 0 });
  });
});

describe("instances", () => {
  test("run node after node to success, with the run's parameters", { timeout: SLOW_MS }, async () => {
    const check = '[[ "#{Job.getParam("colour")}" == blue && "#{Job.getParam("size")}" == 3 ]]';
    const params = [
      { name: "colour", value: "red" },
      { name: "size", value: "3" },
    ];
    await client.call("create_job", {
      body: job("pair", { nodes: [shell("last", check, "first"), shell("first", "true")], params }),
    });
    const body = { job_params: [{ name: "colour", value: "blue" }] };
    const instance = await ran("pair", ["success"], body);
    expect(instance).toMatchObject({
      ...OK,
      job_name: "pair",
      total: 2,
      plan_time: expect.any(Number),
      nodes: [
        { node_name: "first", type: "Shell", status: "success", instance_id: instance.instance_id },
        { node_name: "last", type: "Shell", status: "success", instance_id: instance.instance_id },
      ],
    });
    expect(instance.end_time).toBeGreaterThanOrEqual(instance.start_time);
    expect(instance.execute_time).toBe(instance.end_time - instance.start_time);
    expect(instance.nodes[1].start_time).toBeGreaterThanOrEqual(instance.nodes[0].end_time);
    const failed = await ran("pair", ["fail"]);
    expect(failed.nodes.map(({ status }: { status: string }) => status)).toEqual(["success", "fail"]);
    const list = (members: object) =>
      client.call("list_job_instances", { job_name: "pair", precise_query: true, ...members });
    expect(await list({})).toMatchObject({ total: 2 });
    const { total, instances } = await list({ status: "success", limit: 10, offset: 0 });
    expect({ total, instances }).toMatchObject({
      total: 1,
      instances: [{ job_name: "pair", instance_id: instance.instance_id, status: "success" }],
    });
    expect(await list({ job_name: "pai" })).toMatchObject({ total: 0, instances: [] });
  });

  test("are stopped while they run, and run again", { timeout: SLOW_MS }, async () => {
    await client.call("create_job", { body: job("endless", { nodes: [shell("only", "sleep 3600")] }) });
    const { instance_id } = await ran("endless", ["running"]);
    const which = { job_name: "endless", instance_id: String(instance_id) };
    expect(await client.call("stop_job_instance", which)).toEqual(NOTHING);
    const stopped = await reached("endless", instance_id, ["manual-stop"]);
    expect(stopped.nodes).toMatchObject([{ node_name: "only", status: "manual-stop" }]);
    expect(await client.call("restore_job_instance", which)).toEqual(NOTHING);
    await reached("endless", instance_id, ["running"]);
    await client.call("stop_job_instance", which);
    await reached("endless", instance_id, ["manual-stop"]);
  });

  test("that are not there are refused", async () => {
    await client.call("create_job", { body: job("never-run") });
    for (const call of ["show_job_instance", "stop_job_instance", "restore_job_instance"])
      expect(await client.refusal(call, { job_name: "never-run", instance_id: "999999" })).toMatchObject({
        status: 400,
        code: "DLF.0137",
      });
  });
});

describe("scripts", () => {
  const script = { name: "s1", type: "Shell", content: "echo '日报' \"$1\"\n", directory: "/d" };

  test("are made, shown, listed, changed and deleted", async () => {
    const body = { ...script, description: "x", configuration: { "a.b": "c" }, connection_name: "c" };
    expect(await client.call("create_script", { body })).toEqual(NOTHING);
    const which = { script_name: "s1" };
    expect(await client.call("show_script", which)).toMatchObject({ ...OK, ...body, version: 1 });
    await client.call("create_script", { body: { ...script, name: "s2", type: "PYTHON" } });
    const page = await client.call("list_scripts", { script_name: "s", limit: 1, offset: 1 });
    expect(page).toMatchObject({ ...OK, total: 2, scripts: [{ name: "s1" }] });
    const changed = { ...script, content: "exit 1" };
    expect(await client.call("update_script", { ...which, body: changed })).toEqual(NOTHING);
    expect(await client.call("show_script", which)).toMatchObject({ ...changed, version: 2 });
    expect(await client.call("delete_script", { ...which, body: {} })).toEqual(NOTHING);
    expect(await client.refusal("show_script", which)).toMatchObject({ status: 400, code: "DLF.6201" });
    expect(await client.call("list_scripts")).toMatchObject({ total: 1, scripts: [{ name: "s2" }] });
  });

  test("are run by the nodes that name them", { timeout: SLOW_MS }, async () => {
    await client.call("create_script", { body: { ...script, name: "named", content: '[[ "$1" == word ]]' } });
    const properties = [
      { name: "scriptName", value: "named" },
      { name: "arguments", value: "word" },
    ];
    const nodes = [{ ...shell("only", ""), properties }];
    await client.call("create_job", { body: job("runs-script", { nodes }) });
    await ran("runs-script", ["success"]);
  });

  test("that cannot be are refused with the vendor's codes", async () => {
    await client.call("create_script", { body: { ...script, name: "twice" } });
    const create = (members: object) => client.refusal("create_script", { body: { ...script, ...members } });
    expect(await create({ name: "twice" })).toMatchObject({ status: 400, code: "DLF.0202" });
    expect(await create({ name: "a b" })).toMatchObject({ status: 400 });
    expect(await create({ type: "Cobol" })).toMatchObject({ status: 400 });
  });
});

describe("the vendor's other SDKs", () => {
  const start = (sdk: string) =>
    startPythonClient("factory", { sdk, url: service.url, ...service.credentials });

  test("the older one keeps connections", async () => {
    const older = start("dlf");
    const body = { name: "kept-by-dlf", type: "DLI", config: {}, description: "x" };
    expect(await older.call("create_connection", { body })).toEqual(NOTHING);
    expect(await older.call("show_connection", { connection_name: "kept-by-dlf" })).toMatchObject({
      ...OK,
      ...body,
    });
    await older.end();
  });

  test("the newest one replaces the environment", async () => {
    const newest = start("dataartsstudio");
    const params = [{ name: "a", type: "variable", value: "1", desc: "d" }];
    expect(await newest.call("create_factory_env", { body: { params } })).toMatchObject({
      ...OK,
      is_success: true,
    });
    expect(await newest.call("show_factory_env")).toEqual({ ...OK, params });
    await newest.end();
  });
});

test.each([
  ["a wrong secret", { secretKey: "guess" }],
  ["an unknown access key", { accessKey: "AKIDUNKNOWN" }],
  ["a project that is not the key's", { projectId: "0".repeat(32) }],
])("%s is refused", async (_name, changes) => {
  const stranger = startPythonClient("factory", {
    sdk: "dgc",
    url: service.url,
    ...service.credentials,
    ...changes,
  });
  for (const call of ["list_jobs", "list_scripts"])
    expect(await stranger.refusal(call)).toMatchObject({ status: 401, code: "APIGW.0301" });
  await stranger.end();
});
