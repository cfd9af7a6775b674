/** Scripts over HTTP. */
import { expect, test } from "vitest";
import { factoryWorld } from "../../../test/setup/factory.ts";

const SHELL = { name: "s", type: "Shell", content: "echo 1", connectionName: "con" };

test("a script is given back with what was sent, and members that were not sent stay absent", async () => {
  const { ok } = await factoryWorld();
  const created = await ok("POST", "/scripts", { role: "member", body: SHELL });
  expect(created).toMatchObject({ status: 204, json: undefined });
  expect((await ok("GET", "/scripts/s", { role: "reader" })).json).toEqual({
    ...SHELL,
    id: expect.stringMatching(/^\d+$/),
    owner: "member-user",
    createUser: "member-user",
    modifyTime: Date.parse("2026-11-23T06:54:27.123Z"),
    version: 1,
    autoAcquireLock: true,
  });
  const full = {
    name: "full",
    type: "DLISQL",
    content: "select 1;",
    directory: "/d",
    connectionName: "c",
    database: "db",
    queueName: "q",
    configuration: { "a.b": "c" },
    description: "x",
    owner: "somebody",
    targetStatus: "SAVED",
    approvers: [{ approver_name: "u" }],
    unknown: [1],
  };
  await ok("POST", "/scripts", { body: full });
  expect((await ok("GET", "/scripts/full")).json).toMatchObject(full);
});

test("an update replaces content and members, raises the version, and keeps name and type", async () => {
  const { ok, clock } = await factoryWorld();
  await ok("POST", "/scripts", { body: { ...SHELL, description: "old" } });
  clock.now = new Date("2026-11-24T00:00:00Z");
  const body = { name: "other", type: "DLISQL", content: "echo 2", configuration: "{}" };
  expect((await ok("PUT", "/scripts/s", { body })).status).toBe(204);
  const { json } = await ok("GET", "/scripts/s");
  expect(json).toMatchObject({
    name: "s",
    type: "Shell",
    content: "echo 2",
    version: 2,
    configuration: "{}",
  });
  expect(json).not.toHaveProperty("description");
  expect(json.modifyTime).toBe(clock.now.getTime());
});

test("scripts are listed newest first, by a part of the name, in pages", async () => {
  const { ok } = await factoryWorld();
  for (const name of ["daily_1", "daily_2", "Weekly", "日报"])
    await ok("POST", "/scripts", { body: { ...SHELL, name } });
  await ok("POST", "/scripts", { body: SHELL, workspace: "w2" });
  const list = async (query: string) => {
    const { json } = await ok("GET", `/scripts${query}`);
    return [json.total, ...json.scripts.map(({ name }: { name: string }) => name)];
  };
  expect(await list("")).toEqual([4, "日报", "Weekly", "daily_2", "daily_1"]);
  expect(await list("?scriptName=daily")).toEqual([2, "daily_2", "daily_1"]);
  expect(await list("?scriptName=y_")).toEqual([2, "daily_2", "daily_1"]);
  expect(await list(`?scriptName=${encodeURIComponent("报")}`)).toEqual([1, "日报"]);
  expect(await list("?limit=1&offset=3")).toEqual([4, "daily_1"]);
  expect(await list("?limit=100&offset=100")).toEqual([4]);
  const { json } = await ok("GET", "/scripts");
  expect(json.scripts[0]).toMatchObject({ content: "echo 1", version: 1 });
  expect(json.scripts[0]).not.toHaveProperty("autoAcquireLock");
});

test("a deleted or unknown script is missing in the vendor's words", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/scripts", { body: SHELL });
  expect((await ok("DELETE", "/scripts/s", { body: { approvers: [] } })).status).toBe(204);
  const missing = {
    status: 400,
    json: {
      error_code: "DLF.6201",
      error_msg: "The script does not exist.",
      errors: [{ error_code: "DLF.6201", error_msg: "The script does not exist." }],
    },
  };
  const { status, json } = await call("GET", "/scripts/s");
  expect({ status, json }).toEqual(missing);
  expect(await call("PUT", "/scripts/s", { body: SHELL })).toMatchObject(missing);
  expect(await call("DELETE", "/scripts/s")).toMatchObject(missing);
});

const REFUSED = [
  ["no type", { type: undefined }, "DLF.6247"],
  ["an empty type", { type: "" }, "DLF.6247"],
  ["an unknown type", { type: "shell" }, "DLF.3051"],
  ["no name", { name: undefined }, "DLF.3051"],
  ["a name with a slash", { name: "a/b" }, "DLF.3051"],
  ["a name of 129 characters", { name: "s".repeat(129) }, "DLF.3051"],
  ["no content", { content: undefined }, "DLF.3051"],
  ["content that is no text", { content: { a: 1 } }, "DLF.3051"],
  ["content of more than 4 MiB", { content: "x".repeat(4 * 1024 * 1024 + 1) }, "DLF.3051"],
  ["content of 4 MiB letters of three bytes", { content: "流".repeat(1.5 * 1024 * 1024) }, "DLF.3051"],
  ["an expression that cannot be read", { content: "echo #{1 +" }, "DLF.3051"],
  ["a description of 256 characters", { description: "x".repeat(256) }, "DLF.3051"],
  ["a configuration that is a list", { configuration: [] }, "DLF.3051"],
  ["an unknown target status", { targetStatus: "X" }, "DLF.3051"],
] as const;

test("each rule of a script is held, and a refusal writes nothing", async () => {
  const { call, pool } = await factoryWorld();
  for (const [what, members, code] of REFUSED) {
    expect(await call("POST", "/scripts", { body: { ...SHELL, ...members } }), what).toMatchObject({
      status: 400,
      json: { error_code: code },
    });
  }
  expect((await pool.query("select from workspace")).rowCount).toBe(0);
});

test("a taken name is refused; the largest content is kept", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/scripts", { body: SHELL });
  expect(await call("POST", "/scripts", { body: SHELL })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.0202", error_msg: "The script name already exists." },
  });
  const content = "x".repeat(4 * 1024 * 1024);
  await ok("PUT", "/scripts/s", { body: { content, description: "d".repeat(255) } });
  expect((await ok("GET", "/scripts/s")).json.content).toBe(content);
  for (const query of ["limit=0", "limit=101", "offset=-1", "offset=x"])
    expect((await call("GET", `/scripts?${query}`)).json.error_code, query).toBe("DLF.3051");
});
