/** A workspace's environment over HTTP. */
import { expect, test } from "vitest";
import { factoryWorld, PROJECT } from "../../../test/setup/factory.ts";
import { loadEnvironment } from "../../catalog/workspaces.ts";

const ENV = `/v2/${PROJECT}/factory/env`;

test("the environment is empty at first, and replaced as a whole, in order", async () => {
  const { ok, pool } = await factoryWorld();
  expect((await ok("GET", ENV, { role: "reader" })).json).toEqual({ params: [] });
  const params = [
    { name: "z", type: "variable", value: "1", desc: "" },
    { name: "a-B_9", type: "constant", value: "#{Job.name}", desc: "what for" },
  ];
  expect(await ok("PUT", ENV, { body: { params } })).toMatchObject({
    status: 200,
    json: { is_success: true },
  });
  expect((await ok("GET", ENV)).json).toEqual({ params });
  expect(await loadEnvironment(pool, { projectId: PROJECT, workspaceId: "default" })).toEqual({
    z: "1",
    "a-B_9": "#{Job.name}",
  });
  expect((await ok("GET", ENV, { workspace: "w2" })).json).toEqual({ params: [] });
  await ok("PUT", ENV, { body: { params: [{ name: "only" }] } });
  expect((await ok("GET", ENV)).json).toEqual({
    params: [{ name: "only", type: "variable", value: "", desc: "" }],
  });
});

const REFUSED = [
  ["no list", {}],
  ["a text for a list", { params: "a=b" }],
  ["a name with a dot", { params: [{ name: "a.b" }] }],
  ["a name of 65 characters", { params: [{ name: "n".repeat(65) }] }],
  ["a value of 1025 characters", { params: [{ name: "n", value: "v".repeat(1025) }] }],
  ["a value that is a number", { params: [{ name: "n", value: 1 }] }],
  ["an unknown type", { params: [{ name: "n", type: "secret" }] }],
  ["a name twice", { params: [{ name: "n" }, { name: "n" }] }],
  ["1001 variables", { params: Array.from({ length: 1001 }, (_, n) => ({ name: `n${n}` })) }],
] as const;

test("each rule of an environment is held, and a refusal writes nothing", async () => {
  const { call, pool } = await factoryWorld();
  for (const [what, body] of REFUSED) {
    expect(await call("PUT", ENV, { body }), what).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
  }
  expect((await pool.query("select from workspace")).rowCount).toBe(0);
});
