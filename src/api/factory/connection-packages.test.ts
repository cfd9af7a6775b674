/** Packages of connections over HTTP: exported without secrets, imported with those that the import brings. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { archiveOf, filesOf, imported, put } from "../../../test/setup/packages.ts";
import { addConnection, loadConnection } from "../../catalog/connections.ts";
import { SECRET_MASK } from "../../domain/connection.ts";

const SECRET = "s3cret-word";
const POSTGRES = {
  name: "pg",
  type: "RDS",
  description: "a database",
  config: { ip: "db.example.com", port: 5432, userName: "u", password: SECRET },
};
const KAFKA = { name: "topic", type: "Kafka", config: { brokers: "k.example.com:9092", sslEnable: true } };

/** The connection as a package holds it. */
const PLAIN = { ...POSTGRES, config: { ip: "db.example.com", port: 5432, userName: "u" } };

const OF = { of: "connections" } as const;

async function secretOf({ deps }: FactoryWorld, workspaceId: string, name = "pg"): Promise<unknown> {
  return (await loadConnection(deps, { projectId: PROJECT, workspaceId }, name))?.config.password;
}

/** Every row of every table that a task has, as text. */
async function taskRows({ pool }: FactoryWorld): Promise<string> {
  const { rows } = await pool.query(
    "select t::text as row from system_task t union all select s::text from system_subtask s",
  );
  return rows.map(({ row }) => row).join("\n");
}

test("a workspace's connections are exported without their secrets, the server's own not among them", async () => {
  const { ok, deps } = await factoryWorld();
  const own = { ...PLAIN, name: "warehouse", type: "RDS", warehouse: true } as const;
  await addConnection(deps, { projectId: PROJECT, workspaceId: "w1" }, "azalai", own);
  for (const body of [POSTGRES, KAFKA]) await ok("POST", "/connections", { workspace: "w1", body });
  const answer = await ok("POST", "/connections/export", { workspace: "w1" });
  expect(answer.headers).toMatchObject({
    "content-type": "application/octet-stream",
    "content-disposition": "attachment; filename=connections.zip",
  });
  expect(answer.bytes.includes(SECRET)).toBe(false);
  expect(await filesOf(answer.bytes)).toEqual({
    "connections/pg.conn": PLAIN,
    "connections/topic.conn": KAFKA,
  });
  expect(await filesOf((await ok("POST", "/connections/export", { workspace: "w2" })).bytes)).toEqual({});
});

test("more connections than one page are exported, each once", async () => {
  const { ok, deps } = await factoryWorld();
  const key = { projectId: PROJECT, workspaceId: "default" };
  const draft = { type: "HOST", description: null, config: {}, warehouse: false } as const;
  for (let no = 0; no < 201; no++) await addConnection(deps, key, "u", { ...draft, name: `c${no}` });
  expect(Object.keys(await filesOf((await ok("POST", "/connections/export")).bytes))).toHaveLength(201);
});

test("connections are imported with the secrets that the import brings, which lie nowhere in clear", async () => {
  const world = await factoryWorld();
  const content = await archiveOf({
    "connections/pg.conn": PLAIN,
    "a/topic.conn": KAFKA,
    "j.job": jobBody("j"),
  });
  await put(world, "obs://b/p.zip", content);
  const body = {
    path: "obs://b/p.zip",
    params: [{ name: "pg", connectionType: "RDS", params: { password: SECRET, port: 5433 } }],
  };
  const { json } = await world.ok("POST", "/connections/import", { role: "manager", workspace: "w2", body });
  expect(await taskRows(world)).toContain("obs://b/p.zip");
  expect(await taskRows(world)).not.toContain(SECRET);
  await world.carryOutTasks();
  const task = (await world.ok("GET", `/system-tasks/${json.taskId}`, { workspace: "w2" })).json;
  expect(task).toMatchObject({
    status: "SUCCESSFUL",
    subtasks: [{ name: "pg" }, { name: "topic" }],
  });
  const { connections } = (await world.ok("GET", "/connections", { workspace: "w2" })).json;
  expect(connections).toEqual([
    KAFKA,
    { ...POSTGRES, config: { ...POSTGRES.config, port: 5433, password: SECRET_MASK } },
  ]);
  expect(await secretOf(world, "w2")).toBe(SECRET);
  const { rows } = await world.pool.query("select secrets_sealed from system_task");
  expect(rows).toEqual([{ secrets_sealed: null }]);
  expect((await world.ok("GET", "/jobs", { workspace: "w2" })).json.total).toBe(0);
});

test("a connection whose name is taken is left, or saved over with the secrets that it has and the import does not bring", async () => {
  const world = await factoryWorld();
  await world.ok("POST", "/connections", { workspace: "w2", body: POSTGRES });
  const moved = { ...PLAIN, config: { ...PLAIN.config, ip: "new.example.com", password: SECRET_MASK } };
  const content = await archiveOf({ "pg.conn": moved });
  const params = [{ name: "pg", params: { password: "other-word" } }];
  for (const [members, ip, password] of [
    [{ params }, "db.example.com", SECRET],
    [
      { sameNamePolicy: "OVERWRITE", params: [{ ...params[0], connectionType: "HOST" }] },
      "new.example.com",
      SECRET,
    ],
    [{ sameNamePolicy: "OVERWRITE" }, "new.example.com", SECRET],
    [{ sameNamePolicy: "OVERWRITE", params }, "new.example.com", "other-word"],
  ] as const) {
    expect(await imported(world, content, members, OF)).toMatchObject({ status: "SUCCESSFUL" });
    const { config } = (await world.ok("GET", "/connections/pg", { workspace: "w2" })).json;
    expect(config).toEqual({ ...PLAIN.config, ip, password: SECRET_MASK });
    expect(await secretOf(world, "w2")).toBe(password);
  }
});

test("a connection keeps its type, the server's own stays, and one with a fault keeps the whole package out", async () => {
  const world = await factoryWorld();
  const { deps } = world;
  await world.ok("POST", "/connections", { workspace: "w2", body: { name: "pg", type: "HOST", config: {} } });
  await addConnection(deps, { projectId: PROJECT, workspaceId: "w2" }, "azalai", {
    ...PLAIN,
    name: "warehouse",
    type: "RDS",
    warehouse: true,
  });
  const overwrite = { sameNamePolicy: "OVERWRITE" };
  const taken = await archiveOf({ "a.conn": PLAIN, "b.conn": { ...PLAIN, name: "warehouse" } });
  expect(await imported(world, taken, overwrite, OF)).toMatchObject({
    status: "FAILED",
    subtasks: [
      { name: "pg", message: expect.stringContaining("type of a connection cannot change") },
      { name: "warehouse", message: expect.stringContaining("belongs to the server") },
    ],
  });
  for (const [files, message] of [
    [{ "b.conn": { ...PLAIN, type: "None" } }, "b.conn: type"],
    [{ "b.conn": { ...PLAIN, config: { port: 0 } } }, "config.port must be"],
    [{ "b.conn": { ...PLAIN, config: [] } }, "b.conn: config"],
    [{ "b.conn": { ...PLAIN, type: "DWS", config: {} } }, "clusterName or ip"],
    [{ "b.conn": { ...KAFKA, name: "a b" } }, "name: must be"],
    [{ "b.conn": KAFKA }, 'two of connection "topic"'],
    [{ "b.conn": "[" }, "not JSON"],
  ] as const) {
    const task = await imported(
      world,
      await archiveOf({ "a.conn": KAFKA, ...files }),
      {},
      { ...OF, workspace: "w3" },
    );
    expect(task, message).toMatchObject({ status: "FAILED", message: expect.stringContaining(message) });
  }
  const jobs = await archiveOf({ "j.job": jobBody("j") });
  expect((await imported(world, jobs, {}, OF)).message).toContain("it holds no connection");
  expect((await world.ok("GET", "/connections", { workspace: "w3" })).json.total).toBe(0);
});

test("an import of connections is refused for what its body and its path are", async () => {
  const { call } = await factoryWorld();
  for (const [body, code] of [
    [{}, "DLF.3051"],
    [{ path: "/p.zip" }, "DLF.0803"],
    [{ path: "obs://b/none.zip" }, "DLF.0815"],
    [{ path: "obs://b/none.zip", sameNamePolicy: "ASK" }, "DLF.3051"],
    [{ path: "obs://b/none.zip", params: [{ params: {} }] }, "DLF.3051"],
  ] as const)
    expect((await call("POST", "/connections/import", { body })).json.error_code, JSON.stringify(body)).toBe(
      code,
    );
});
