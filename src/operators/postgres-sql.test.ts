/** SQL on connections: a real PostgreSQL over TCP, its answers, limits, and where a connection may lead. */

import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestDatabase, testDatabase } from "../../test/setup/postgres.ts";
import { createDatabaseOperator } from "./database-sql.ts";
import type { Work, WorkConnection, WorkContext } from "./operator.ts";
import { OPERATOR_DEFAULTS, type OperatorSettings } from "./settings.ts";

let database: TestDatabase;
let port = 0;
let close: () => void;

/** The embedded server listens on a socket only; connections are dialled over TCP. */
beforeAll(async () => {
  database = await testDatabase();
  const { host, port: serverPort } = database.connection;
  const proxy = createServer((client) => {
    const server = host.startsWith("/")
      ? connect(join(host, `.s.PGSQL.${serverPort}`))
      : connect(serverPort, host);
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on("error", () => undefined);
    client.on("close", () => server.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  port = (proxy.address() as AddressInfo).port;
  close = () => void proxy.close();
});

afterAll(() => close());

interface Options {
  readonly config?: Record<string, unknown>;
  readonly settings?: Partial<OperatorSettings>;
  readonly connection?: Partial<WorkConnection>;
  readonly work?: Partial<Work>;
}

async function run(sql: string, { config = {}, settings = {}, connection = {}, work = {} }: Options = {}) {
  let log = "";
  const operator = createDatabaseOperator({
    ...OPERATOR_DEFAULTS,
    allowedAddresses: ["loopback"],
    ...settings,
  });
  const { user, password, database: name } = database.connection;
  const whole = {
    type: "RDSSQL",
    nodeName: "node",
    idempotencyKey: "1-node-1",
    files: [],
    properties: { database: name },
    outputForm: "rows",
    script: { name: "script", type: "RDSSQL", content: sql },
    connection: {
      name: "db",
      type: "RDS",
      warehouse: false,
      config: { ip: "127.0.0.1", port: String(port), userName: user, password, ...config },
      ...connection,
    },
    ...work,
  } as unknown as Work;
  const context = {
    signal: new AbortController().signal,
    log: (chunk: string) => (log += chunk),
  } as unknown as WorkContext;
  return { outcome: await operator.run(whole, context), log };
}

test("several statements run, the rows of the last are the output as PostgreSQL writes them", async () => {
  const { outcome, log } = await run(
    "create table t (a int, b numeric, c timestamptz); insert into t values (1, 1.50, '2026-01-01Z'), (2, null, null); set timezone = 'UTC'; select * from t order by a",
  );
  expect(outcome).toEqual({
    state: "succeeded",
    output: '[["1","1.50","2026-01-01 00:00:00+00"],["2",null,null]]',
  });
  expect(log).toContain("INSERT 2");
  expect(log).toMatch(/^a {2}b {5}c/m);
  expect(log).toContain("(2 rows)");
});

test("a script whose last statement has no rows leaves an empty list", async () => {
  expect((await run("select 1; create table u (a int)")).outcome).toEqual({
    state: "succeeded",
    output: "[]",
  });
});

test("the rows of a statement before the last are not taken for its rows", async () => {
  expect((await run("select 1; select 2 where false")).outcome).toEqual({ state: "succeeded", output: "[]" });
});

test("notices stand in the log", async () => {
  expect((await run("do $$ begin raise warning 'look'; end $$")).log).toContain("WARNING: look");
});

test("what fails undoes what went before it", async () => {
  expect((await run("create table gone (a int); select 1 / 0")).outcome).toMatchObject({
    state: "failed",
    message: "division by zero",
  });
  expect((await run("select to_regclass('gone')")).outcome).toMatchObject({ output: "[[null]]" });
});

test("the output holds the first rows, and says that there are more", async () => {
  const { outcome } = await run("select * from generate_series(1, 2000)");
  expect(outcome).toMatchObject({
    state: "succeeded",
    message: "the output holds the first 1000 of 2000 rows",
  });
});

test.each([
  [{ readRowsMax: 100 }, "select * from generate_series(1, 101)"],
  [{ readBytesMax: 1000 }, "select repeat('x', 1001)"],
])("a script that sends back more than %j is ended", async (limit, sql) => {
  const { outcome } = await run(sql, { settings: { sql: { ...OPERATOR_DEFAULTS.sql, ...limit } } });
  expect(outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringContaining("put a limit on it"),
  });
});

test("a statement has a time limit", async () => {
  const settings = { sql: { ...OPERATOR_DEFAULTS.sql, statementTimeoutMs: 50 } };
  const { outcome } = await run("select pg_sleep(1000)", { settings });
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("statement timeout") });
});

test.each([
  ["/var/run/postgresql", /no host name/],
  ["@azalai", /no host name/],
  ["169.254.169.254", /link-local/],
  ["", /no address/],
])("a connection to the host %j is refused for good", async (ip, message) => {
  expect((await run("select 1", { config: { ip } })).outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringMatching(message),
  });
});

test("the loopback is closed unless it is allowed", async () => {
  const { outcome } = await run("select 1", { settings: { allowedAddresses: [] } });
  expect(outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringContaining("loopback"),
  });
});

test("no connection leads to the service's own database", async () => {
  const ownDatabase = { host: "localhost", port, database: database.connection.database };
  const { outcome } = await run("select 1", { settings: { ownDatabase } });
  expect(outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringContaining("own database"),
  });
});

test.each(["com.microsoft.sqlserver.jdbc.SQLServerDriver", "oracle.jdbc.OracleDriver"])(
  "a connection of the driver %s is refused",
  async (driverName) => {
    const { outcome } = await run("select 1", { config: { driverName } });
    expect(outcome).toMatchObject({
      state: "failed",
      permanent: true,
      message: expect.stringContaining(driverName),
    });
  },
);

test("a warehouse that this server does not have is refused", async () => {
  const { outcome } = await run("select 1", { connection: { warehouse: true } });
  expect(outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringContaining("no warehouse"),
  });
});

test("a server that does not answer is a failure that may be tried again", async () => {
  const { outcome } = await run("select 1", { config: { port: "1" } });
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("ECONNREFUSED") });
  expect(outcome).not.toHaveProperty("permanent");
});

test("copying from the client is refused instead of waited for", async () => {
  expect((await run("create table c (a int); copy c from stdin")).outcome.state).toBe("failed");
});
