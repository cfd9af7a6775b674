/** SQL on a real MariaDB: its answers and limits, who it is let in by, how it is stopped, and how it is lost. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MariadbServer, mariadbMissing, startMariadb } from "../../test/setup/mariadb.ts";
import { NO_SOURCES } from "../../test/setup/no-sources.ts";
import { type OperatorWorld, operatorWorld, type RunOptions } from "../../test/setup/operators.ts";
import type { ConnectionConfig } from "../domain/connection.ts";
import { createConnectionTest } from "./connection-tests.ts";
import type { Work } from "./operator.ts";
import { OPERATOR_DEFAULTS, type OperatorSettings } from "./settings.ts";

const missing = await mariadbMissing();

let server: MariadbServer;
let world: OperatorWorld;

beforeAll(async () => {
  if (missing !== undefined) return;
  server = await startMariadb();
  world = await operatorWorld({ allowedAddresses: ["loopback"] });
});

afterAll(async () => {
  await world?.close();
  await server?.stop();
});

interface Options extends RunOptions {
  readonly config?: ConnectionConfig;
  readonly work?: Partial<Work>;
  readonly in?: OperatorWorld;
}

async function run(statement: string, { config = {}, work = {}, ...options }: Options = {}) {
  const connection = {
    ...{ name: "shop", type: "RDS" as const, warehouse: false },
    config: { ...server.config, ...config },
  };
  return await (options.in ?? world).run(
    { type: "RDSSQL", connection, properties: { statement }, ...work },
    options,
  );
}

async function output(statement: string, options?: Options): Promise<unknown> {
  const { outcome } = await run(statement, options);
  if (outcome.state !== "succeeded") throw new RangeError(outcome.message);
  return JSON.parse(outcome.output ?? "");
}

async function worldWith(settings: Partial<OperatorSettings>, body: (world: OperatorWorld) => Promise<void>) {
  const other = await operatorWorld({ allowedAddresses: ["loopback"], ...settings });
  await body(other).finally(other.close);
}

/** Statements that the server works at, without those of the asking session. */
async function working(): Promise<readonly unknown[]> {
  const rows = await server.query("select info from information_schema.processlist where command = 'Query'");
  return rows.map(([info]) => info).filter((info) => !String(info).includes("processlist"));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(20);
}

describe.skipIf(missing !== undefined)(`MariaDB${missing === undefined ? "" : `: ${missing}`}`, () => {
  test("several statements run, the rows of the last are the output as the server writes them", async () => {
    const { outcome, log } = await run(`
      create table t (a bigint, b decimal(20,10), c datetime(3), d json, e varbinary(8), f double, g date);
      insert into t values (9007199254740993, 1.5, '2026-02-03 04:05:06.789', '{"a":"ä"}', x'00ff', 1e20, '0000-00-00'),
        (null, null, null, null, null, null, null);
      select 'not this';
      select * from t order by a desc`);
    expect(outcome).toEqual({
      state: "succeeded",
      output: JSON.stringify([
        [
          ...["9007199254740993", "1.5000000000", "2026-02-03 04:05:06.789", '{"a":"ä"}', "0x00ff"],
          ...["1e20", "0000-00-00"],
        ],
        [null, null, null, null, null, null, null],
      ]),
    });
    expect(log).toContain("OK, 2 rows affected");
    expect(log).toMatch(/^a {17}b/m);
    expect(log).toContain("(2 rows)");
  });

  test("as a table the output has the columns and their types", async () => {
    const statement = "select 1 as number, 'a' as text, date '2026-02-03' as day";
    const work = { properties: { statement }, outputForm: "table" as const };
    expect(await output("", { work })).toEqual({
      columns: [
        { name: "number", type: expect.stringMatching(/long/) },
        { name: "text", type: "var_string" },
        { name: "day", type: "date" },
      ],
      rows: [["1", "a", "2026-02-03"]],
      rowCount: 1,
    });
  });

  test("a script whose last statement has no rows leaves an empty list", async () => {
    expect(await output("select 1; create table empty_one (a int)")).toEqual([]);
    expect(await output("select 1; select 2 where 1 = 0")).toEqual([]);
  });

  test("what fails is the last; what went before it stays, unless the script began a transaction", async () => {
    const { outcome, log } = await run("create table kept (a int); select nonsense; drop table kept");
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("nonsense") });
    expect(log).toContain("ERROR: ");
    expect(await output("select count(*) from kept")).toEqual([["0"]]);
    await run("start transaction; insert into kept values (1); select nonsense; commit");
    expect(await output("select count(*) from kept")).toEqual([["0"]]);
  });

  test("DELIMITER is a word of a client program, and no SQL", async () => {
    expect((await run("delimiter //\nselect 1 //")).outcome).toMatchObject({ state: "failed" });
    const body = "create procedure twice() begin select 1; select 2; end";
    expect(await output(`${body}; call twice()`)).toEqual([]);
  });

  test("the node's database goes before the connection's", async () => {
    await server.query("create database other");
    const work = { properties: { statement: "select database()", database: "other" } };
    expect(await output("", { work })).toEqual([["other"]]);
    expect(await output("select database()")).toEqual([["shop"]]);
  });

  test("a connection to port 3306 or with a driver of MySQL's or MariaDB's name is one to MySQL", async () => {
    for (const driverName of ["com.mysql.jdbc.Driver", "org.mariadb.jdbc.Driver"])
      expect(await output("select 1", { config: { driverName } })).toEqual([["1"]]);
    const { outcome } = await run("select 1", { config: { driverName: "oracle" } });
    expect(outcome).toMatchObject({ state: "failed", permanent: true, message: /oracle.*MySQL/ });
  });

  test("the output holds the first rows, and says that there are more", async () => {
    expect((await run("select seq from seq_1_to_2000")).outcome).toMatchObject({
      state: "succeeded",
      message: "the output holds the first 1000 of 2000 rows",
    });
  });

  test.each([
    [{ readRowsMax: 100 }, "select seq from seq_1_to_10000000", "put a limit on it"],
    [{ readBytesMax: 1000 }, "select repeat('x', 1001)", "put a limit on it"],
    [{ statementTimeoutMs: 300 }, "select 1; select sleep(1000)", "longer than 0.3 s"],
  ])("a script beyond %j is ended on the server, too", async (limit, statement, message) => {
    await worldWith({ sql: { ...OPERATOR_DEFAULTS.sql, ...limit } }, async (other) => {
      const { outcome } = await run(statement, { in: other });
      expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining(message) });
      await until(async () => (await working()).length === 0);
    });
  });

  test("a stop ends the statement on the server, and none comes behind it", async () => {
    const stop = new AbortController();
    const pending = run("select sleep(1000); create table too_late (a int)", { signal: stop.signal });
    await until(async () => (await working()).length > 0);
    stop.abort("stop");
    expect((await pending).outcome).toMatchObject({ state: "cancelled" });
    expect(await working()).toEqual([]);
    expect(await server.query("show tables like 'too_late'")).toEqual([]);
  });

  test("a wrong password, a missing database, an address that may not be dialled are told", async () => {
    const message = async (config: ConnectionConfig, options: Options = {}) => {
      const { outcome } = await run("select 1", { ...options, config });
      return outcome.state === "failed" ? outcome.message : outcome.state;
    };
    expect(await message({ password: "wrong" })).toContain("Access denied");
    expect(await message({ database: "none_such" })).toContain("none_such");
    expect(await message({ ip: "" })).toContain("no address");
    expect(await message({ ip: "169.254.169.254" })).toContain("link-local");
    expect(await message({ port: 1 })).toContain("ECONNREFUSED");
    await worldWith({ allowedAddresses: [] }, async (other) => {
      expect(await message({}, { in: other })).toContain("loopback");
    });
  });

  test("over TLS the certificate must be for the address and signed by whom the connection names", async () => {
    const cipher = "show session status like 'Ssl_version'";
    const trusted = { sslEnable: true, caCertificate: server.ca };
    expect(await output(cipher, { config: trusted })).toEqual([
      ["Ssl_version", expect.stringMatching(/^TLS/)],
    ]);
    expect(await output(cipher, { config: { ...trusted, ip: "localhost" } })).toHaveLength(1);
    expect(await output(cipher, { config: { sslEnable: true, sslMode: "require" } })).toHaveLength(1);
    const strangers = (await run(cipher, { config: { sslEnable: true } })).outcome;
    expect(strangers).toMatchObject({ state: "failed", message: expect.stringMatching(/certificate/) });
    const misnamed = (await run(cipher, { config: { ...trusted, ip: "127.0.0.2" } })).outcome;
    expect(misnamed).toMatchObject({ state: "failed" });
  });

  test("a try at the connection names the server, the user and the database", async () => {
    const at = new Date();
    const tryOut = createConnectionTest({
      settings: world.settings,
      operators: [],
      buckets: () => NO_SOURCES.buckets(""),
      localCommandsAllowed: async () => false,
      now: () => at,
    });
    const connection = (config: ConnectionConfig) => ({
      ...{ projectId: "project-a", workspaceId: "default", id: 1, name: "shop", description: null },
      ...{ type: "RDS" as const, config: { ...server.config, ...config }, warehouse: false },
      ...{ createdAt: at, createdBy: "x", updatedAt: at, updatedBy: "x" },
    });
    const { signal } = new AbortController();
    expect(await tryOut(connection({}), signal)).toEqual({
      ok: true,
      detail: expect.stringMatching(/^MariaDB 1\d[.].*, as "ann@127.0.0.1" in the database "shop"$/),
    });
    expect(await tryOut(connection({ password: "wrong" }), signal)).toEqual({
      ok: false,
      reason: expect.stringContaining("Access denied"),
    });
  });

  test("files of this server are not the database's to ask for", async () => {
    await output("create table passwords (line text)");
    const { outcome } = await run("load data local infile '/etc/passwd' into table passwords");
    expect(outcome).toMatchObject({ state: "failed" });
    expect(await output("select count(*) from passwords")).toEqual([["0"]]);
  });

  test("a warm session is the same one, with nothing left of the script before", async () => {
    const warm = { by: "someone", modules: [] };
    const as = (statement: string) =>
      output("", { work: { warm, properties: { statement, "azalai.session": "warm" } } });
    const [[first]] = (await as("select connection_id()")) as [[string]];
    await as(
      "set @left = 1; set session sql_mode = ''; create temporary table left_over (a int); create database if not exists elsewhere; use elsewhere; begin; insert into shop.kept values (7); select get_lock('left', 0)",
    );
    expect(await as("select connection_id(), @left, database(), is_free_lock('left')")).toEqual([
      [first, null, "shop", "1"],
    ]);
    expect(await as("select @@sql_mode <> ''")).toEqual([["1"]]);
    expect(await as("select count(*) from kept where a = 7")).toEqual([["0"]]);
    const failed = await run("", { work: { warm, properties: { statement: "select * from left_over" } } });
    expect(failed.outcome).toMatchObject({ state: "failed", message: expect.stringContaining("left_over") });
    expect(await as("select connection_id()")).not.toEqual([[first]]);
  });

  // The last: it takes the server away.
  test("a server that goes away in the middle is told, and that nobody knows what became of the statement", async () => {
    const pending = run("select sleep(1000)");
    await until(async () => (await working()).length > 0);
    await server.kill();
    expect((await pending).outcome).toEqual({
      state: "failed",
      message: expect.stringMatching(/was lost .*whether its last statement took effect is not known/),
    });
  });
});
