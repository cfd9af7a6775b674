/** Connections over HTTP: kept, masked, sealed. */
import { expect, test } from "vitest";
import { FOREIGN, factoryWorld, PROJECT } from "../../../test/setup/factory.ts";
import { addConnection, loadConnection } from "../../catalog/connections.ts";
import type { Connection, ConnectionTestResult } from "../../domain/connection.ts";

const MASK = "*********";
const RDS = {
  name: "pg",
  type: "RDS",
  config: {
    ip: "db.example.com",
    port: "5432",
    userName: "u",
    password: "s3cret-word",
    driverName: "org.postgresql.Driver",
  },
  description: "the warehouse",
};

test("a connection is given back with its secret masked, and the secret lies in no row in clear", async () => {
  const { ok, pool } = await factoryWorld();
  expect((await ok("POST", "/connections", { body: RDS })).status).toBe(204);
  const shown = { ...RDS, config: { ...RDS.config, password: MASK } };
  expect((await ok("GET", "/connections/pg", { role: "reader" })).json).toEqual(shown);
  expect((await ok("GET", "/connections")).json).toEqual({ total: 1, connections: [shown] });
  const { rows } = await pool.query("select connection::text as row, secrets_sealed from connection");
  expect(rows[0].row).not.toContain("s3cret-word");
  expect(rows[0].secrets_sealed.includes("s3cret-word")).toBe(false);
});

test("nodes get the secret in clear, and only through the key of the connection's own place", async () => {
  const { ok, deps, pool } = await factoryWorld();
  await ok("POST", "/connections", { body: RDS });
  const key = { projectId: PROJECT, workspaceId: "default" };
  expect((await loadConnection(deps, key, "pg"))?.config).toEqual(RDS.config);
  expect(await loadConnection(deps, { ...key, workspaceId: "w2" }, "pg")).toBeUndefined();
  expect(await loadConnection(deps, { ...key, projectId: FOREIGN }, "pg")).toBeUndefined();
  await ok("POST", "/connections", {
    body: { ...RDS, name: "other", config: { ip: "x", password: "another" } },
  });
  await pool.query(
    "update connection set secrets_sealed = (select secrets_sealed from connection where name = 'pg') where name = 'other'",
  );
  await expect(loadConnection(deps, key, "other")).rejects.toMatchObject({ code: "server-unavailable" });
});

test("an update with the mask keeps the stored secret, another text replaces it, none drops it", async () => {
  const { ok, call, deps } = await factoryWorld();
  await ok("POST", "/connections", { body: RDS });
  const secret = async () =>
    (await loadConnection(deps, { projectId: PROJECT, workspaceId: "default" }, "pg"))?.config.password;
  await ok("PUT", "/connections/pg", { body: { ...RDS, config: { ip: "new", password: MASK } } });
  expect((await ok("GET", "/connections/pg")).json.config).toEqual({ ip: "new", password: MASK });
  expect(await secret()).toBe("s3cret-word");
  await ok("PUT", "/connections/pg", { body: { ...RDS, config: { password: "changed" } } });
  expect(await secret()).toBe("changed");
  await ok("PUT", "/connections/pg", { body: { ...RDS, config: { ip: "new" } } });
  expect(await secret()).toBeUndefined();
  expect(
    await call("PUT", "/connections/pg", { body: { ...RDS, config: { password: MASK } } }),
  ).toMatchObject({
    status: 400,
    json: { error_code: "DLF.3051" },
  });
});

test("a deleted or unknown connection is missing in the vendor's words", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/connections", { body: RDS });
  expect((await ok("DELETE", "/connections/pg")).status).toBe(204);
  const missing = {
    status: 400,
    json: { error_code: "DLF.6322", error_msg: "The data connection does not exist." },
  };
  expect(await call("GET", "/connections/pg")).toMatchObject(missing);
  expect(await call("PUT", "/connections/pg", { body: RDS })).toMatchObject(missing);
  expect(await call("DELETE", "/connections/pg")).toMatchObject(missing);
});

test("the rules of names, types and addresses have the vendor's codes", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/connections", { body: RDS });
  await ok("POST", "/connections", { body: { name: "dli", type: "DLI" } });
  await ok("POST", "/connections", { body: { name: "dli", type: "DLI" }, workspace: "w2" });
  const code = async (method: string, path: string, body: object) =>
    (await call(method, path, { body })).json?.error_code;
  expect(await code("POST", "/connections", RDS)).toBe("DLF.6309");
  expect(await code("POST", "/connections", { name: "dli2", type: "DLI" })).toBe("DLF.6271");
  expect(await code("PUT", "/connections/pg", { ...RDS, type: "HOST" })).toBe("DLF.6323");
  expect(await code("POST", "/connections", { name: "dws", type: "DWS" })).toBe("DLF.6418");
  expect(await code("POST", "/connections", { name: "dws", type: "DWS", config: { clusterName: "" } })).toBe(
    "DLF.6418",
  );
  await ok("POST", "/connections", { body: { name: "dws", type: "DWS", config: { ip: "1.1.1.1" } } });
  expect(await code("PUT", "/connections/pg?ischeck=perhaps", RDS)).toBe("DLF.3051");
  await ok("PUT", "/connections/pg?ischeck=false", { body: RDS });
});

const REFUSED = [
  ["no name", { name: undefined }],
  ["a name with Chinese characters", { name: "数据" }],
  ["a name of 101 characters", { name: "c".repeat(101) }],
  ["no type", { type: undefined }],
  ["an unknown type", { type: "MYSQL" }],
  ["a configuration that is a list", { config: [] }],
  ["a member that is an object", { config: { ip: { host: "x" } } }],
  ["a secret that is a number", { config: { password: 5 } }],
  ["a secret that is the mask of nothing", { config: { password: MASK } }],
  ["port 0", { config: { port: 0 } }],
  ["port 65536", { config: { port: "65536" } }],
  ["a port in words", { config: { port: "http" } }],
  ["a text of 4097 characters", { config: { ip: "x".repeat(4097) } }],
  ["a description that is a number", { description: 1 }],
  ["a description of 256 characters", { description: "d".repeat(256) }],
  ["a member that its type has a rule for", { config: { sslEnable: "perhaps" } }],
  ["a Kafka connection without brokers", { type: "Kafka", config: {} }],
] as const;

test("each rule of a connection is held, and a refusal writes nothing", async () => {
  const { call, pool } = await factoryWorld();
  for (const [what, members] of REFUSED) {
    expect(await call("POST", "/connections", { body: { ...RDS, ...members } }), what).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
  }
  expect((await pool.query("select from workspace")).rowCount).toBe(0);
});

test("the limits of ports and names are taken, and null counts as absent", async () => {
  const { ok } = await factoryWorld();
  const name = "c".repeat(100);
  await ok("POST", "/connections", {
    body: { name, type: "HOST", config: { port: 65_535, ip: null }, description: null },
  });
  const description = "d".repeat(255);
  await ok("POST", "/connections", { body: { ...RDS, name: "described", description } });
  expect((await ok("GET", "/connections/described")).json.description).toBe(description);
  await ok("POST", "/connections", { body: { name: "a-B_1", type: "Hive", config: { port: "1" } } });
  expect((await ok("GET", `/connections/${name}`)).json).toEqual({
    name,
    type: "HOST",
    config: { port: 65_535 },
  });
});

test("connections are listed newest first, by a part of the name, in pages", async () => {
  const { ok } = await factoryWorld();
  for (const name of ["a1", "a2", "b1"]) await ok("POST", "/connections", { body: { ...RDS, name } });
  const list = async (query: string) => {
    const { json } = await ok("GET", `/connections${query}`);
    return [json.total, ...json.connections.map(({ name }: { name: string }) => name)];
  };
  expect(await list("")).toEqual([3, "b1", "a2", "a1"]);
  expect(await list("?connectionName=a")).toEqual([2, "a2", "a1"]);
  expect(await list("?limit=1&offset=1")).toEqual([3, "a2"]);
});

test("the server's own connection is shown, and neither changed nor deleted", async () => {
  const { ok, call, deps } = await factoryWorld();
  const key = { projectId: PROJECT, workspaceId: "default" };
  const config = { ip: "localhost", password: "x" };
  await addConnection(deps, key, "azalai", {
    name: "warehouse",
    type: "RDS",
    description: null,
    config,
    warehouse: true,
  });
  expect((await ok("GET", "/connections/warehouse")).json.config.password).toBe(MASK);
  expect((await call("DELETE", "/connections/warehouse")).status).toBe(400);
  expect((await call("PUT", "/connections/warehouse", { body: { ...RDS, name: "warehouse" } })).status).toBe(
    400,
  );
  expect((await ok("GET", "/connections")).json.total).toBe(1);
});

test("with ischeck a connection is saved only where it can be used, tried with the secret that it has", async () => {
  const tried: Connection[] = [];
  let result: ConnectionTestResult = { ok: false, reason: "nobody answers" };
  const testConnection = async (connection: Connection) => {
    tried.push(connection);
    return result;
  };
  const { ok, call, pool } = await factoryWorld({ testConnection });
  await ok("POST", "/connections", { body: RDS });
  const body = { ...RDS, config: { ip: "new.example.com", password: MASK } };
  expect(await call("PUT", "/connections/pg?ischeck=true", { body })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.6423", error_msg: "The data connection cannot be used. nobody answers" },
  });
  expect((await ok("GET", "/connections/pg")).json.config.ip).toBe(RDS.config.ip);
  result = { ok: true, detail: "well" };
  expect((await ok("PUT", "/connections/pg?ischeck=TRUE", { body })).status).toBe(204);
  expect((await ok("GET", "/connections/pg")).json.config).toEqual(body.config);
  const config = { ip: "new.example.com", password: "s3cret-word" };
  expect(tried).toMatchObject([{ name: "pg", type: "RDS", config }, { config }]);
  await ok("PUT", "/connections/pg?ischeck=false", { body });
  expect(tried).toHaveLength(2);
  const { rows } = await pool.query("select act from act where object_kind = 'connection' order by id");
  expect(rows.map(({ act }) => act)).toEqual(["create", "save", "save"]);
});

test("a change that would be refused is not tried first", async () => {
  let tries = 0;
  const testConnection = async () => {
    tries += 1;
    return { ok: true, detail: "" } as const;
  };
  const { ok, call, deps } = await factoryWorld({ testConnection });
  await ok("POST", "/connections", { body: RDS });
  const key = { projectId: PROJECT, workspaceId: "default" };
  const made = { description: null, config: {}, warehouse: true };
  await addConnection(deps, key, "azalai", { ...made, name: "warehouse", type: "RDS" });
  const code = async (name: string, changes: object = {}) =>
    (await call("PUT", `/connections/${name}?ischeck=true`, { body: { ...RDS, ...changes } })).json
      .error_code;
  expect(await code("none")).toBe("DLF.6322");
  expect(await code("pg", { type: "HOST" })).toBe("DLF.6323");
  expect(await code("pg", { config: { port: 0 } })).toBe("DLF.3051");
  expect(await code("pg", { config: { token: MASK } })).toBe("DLF.3051");
  expect(await code("warehouse")).toBe("DLF.3051");
  expect(tries).toBe(0);
});
