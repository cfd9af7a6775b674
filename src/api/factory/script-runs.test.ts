/** Runs of scripts over HTTP, on an engine that can run none of them: where they stand, and what is refused. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld } from "../../../test/setup/factory.ts";

const SHELL = { name: "s", type: "Shell", content: "echo 1" };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NONE = "00000000-0000-4000-8000-000000000001";
const NO_RESULTS = { results: [], result: [] };

async function execute({ ok }: FactoryWorld, body?: unknown): Promise<string> {
  const { status, json } = await ok("POST", "/scripts/s/execute", { role: "member", body });
  expect(status).toBe(200);
  expect(json).toEqual({ instanceId: expect.stringMatching(UUID) });
  return json.instanceId;
}

async function instanceOf({ pool }: FactoryWorld, run: string): Promise<number> {
  const { rows } = await pool.query("select instance_id from script_run where id = $1", [run]);
  return rows[0].instance_id;
}

test("a run is launching until a worker takes it, and fails where nothing runs its type, with why", async () => {
  const world = await factoryWorld();
  const { ok, ended } = world;
  await ok("POST", "/scripts", { body: SHELL });
  const run = await execute(world);
  const show = async (id = run) => (await ok("GET", `/scripts/s/instances/${id}`, { role: "reader" })).json;
  expect(await show()).toEqual({ status: "LAUNCHING", ...NO_RESULTS });
  await world.startEngine();
  await ended(await instanceOf(world, run));
  const failed = { status: "FAILED", message: expect.stringContaining("Shell"), ...NO_RESULTS };
  expect(await show()).toEqual(failed);
  expect(await show(run.toUpperCase())).toEqual(failed);
});

test("a run that is stopped before it began has failed, and a second stop changes nothing", async () => {
  const world = await factoryWorld();
  const { ok } = world;
  await ok("POST", "/scripts", { body: SHELL });
  const run = await execute(world, {});
  for (const _ of [1, 2])
    expect(await ok("POST", `/scripts/s/instances/${run}/stop`, { role: "member" })).toMatchObject({
      status: 204,
      json: undefined,
    });
  expect((await ok("GET", `/scripts/s/instances/${run}`)).json).toEqual({
    status: "FAILED",
    message: "The run was stopped.",
    ...NO_RESULTS,
  });
});

test("a run is in no list of instances, and in the audit trail", async () => {
  const world = await factoryWorld();
  const { ok, pool } = world;
  await ok("POST", "/scripts", { body: SHELL });
  await ok("PUT", "/scripts/s", { body: SHELL });
  const run = await execute(world, { params: { k: "1" } });
  expect((await ok("GET", "/jobs/instances/detail")).json).toEqual({ total: 0, instances: [] });
  const { rows } = await pool.query(
    "select act, by, object_id, detail from act where object_kind = 'script'",
  );
  expect(rows).toEqual([{ act: "run", by: "member-user", object_id: "s", detail: { run, version: 2 } }]);
});

test("what a script needs is the node's, and its text stays as it was at the start", async () => {
  const world = await factoryWorld();
  const { ok, pool } = world;
  const members = { connectionName: "c", database: "db", queueName: "q", description: "d" };
  await ok("POST", "/scripts", { body: { name: "s", type: "PYTHON", content: "print(1)", ...members } });
  const run = await execute(world, { params: { k: "1", n: 2, yes: true, none: null } });
  await ok("PUT", "/scripts/s", { body: { content: "print(2)" } });
  const { rows } = await pool.query(
    `select i.parameters, d.definition->'nodes'->0 as node from instance i
     join instance_definition d on d.instance_id = i.id where i.id = $1`,
    [await instanceOf(world, run)],
  );
  expect(rows).toEqual([
    {
      parameters: { k: "1", n: "2", yes: "true" },
      node: expect.objectContaining({
        type: "Python",
        properties: {
          ...{ connectionName: "c", database: "db", queueName: "q" },
          ...{ statement: "print(1)", "azalai.output": "table" },
        },
      }),
    },
  ]);
});

test.each([
  ["parameters that are a list", { params: [] }],
  ["a parameter that is an object", { params: { k: {} } }],
  ["a parameter's name of 65 characters", { params: { ["k".repeat(65)]: "1" } }],
  ["a parameter's name with a blank", { params: { "a b": "1" } }],
  ["a parameter's value of 1025 characters", { params: { k: "v".repeat(1025) } }],
])("%s is refused", async (_, body) => {
  const { ok, call, pool } = await factoryWorld();
  await ok("POST", "/scripts", { body: SHELL });
  const refused = { status: 400, json: { error_code: "DLF.3051" } };
  expect(await call("POST", "/scripts/s/execute", { body })).toMatchObject(refused);
  expect((await pool.query("select from instance")).rowCount).toBe(0);
});

test("an unknown script and an unknown run are missing in the vendor's words", async () => {
  const world = await factoryWorld();
  const { ok, call } = world;
  await ok("POST", "/scripts", { body: SHELL });
  await ok("POST", "/scripts", { body: { ...SHELL, name: "other" } });
  const run = await execute(world);
  const script = { status: 400, json: { error_code: "DLF.6201" } };
  expect(await call("POST", "/scripts/none/execute")).toMatchObject(script);
  expect(await call("POST", "/scripts/s/execute", { workspace: "w2" })).toMatchObject(script);
  const none = {
    status: 400,
    json: {
      error_code: "DLF.6205",
      error_msg: expect.stringContaining("The script running history does not exist."),
    },
  };
  for (const [path, expected] of [
    [`none/instances/${run}`, script],
    [`other/instances/${run}`, none],
    [`s/instances/${NONE}`, none],
    ["s/instances/1", none],
  ] as const) {
    expect(await call("GET", `/scripts/${path}`)).toMatchObject(expected);
    expect(await call("POST", `/scripts/${path}/stop`)).toMatchObject(expected);
  }
  await ok("DELETE", "/scripts/s");
  await ok("POST", "/scripts", { body: SHELL });
  expect(await call("GET", `/scripts/s/instances/${run}`)).toMatchObject(none);
});
