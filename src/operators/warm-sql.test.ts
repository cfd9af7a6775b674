/** Warm SQL sessions: what a script sets is not there for the next, and any doubt ends the session. */
import { getPriority } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld, type RunOptions } from "../../test/setup/operators.ts";
import { testDatabase } from "../../test/setup/postgres.ts";
import type { Work, WorkConnection } from "./operator.ts";
import { OPERATOR_DEFAULTS, type WarehouseCoordinates } from "./settings.ts";

const WAREHOUSE: WorkConnection = { name: "warehouse", type: "RDS", config: {}, warehouse: true };

let world: OperatorWorld;
let coordinates: WarehouseCoordinates;

beforeAll(async () => {
  const { connection } = await testDatabase();
  coordinates = { ...connection, password: connection.password ?? "" };
  world = await operatorWorld({ warehouse: async () => coordinates });
});

afterAll(async () => await world.close());

/** Each test has a user of its own, so that no session is there before it. */
function asUser(by: string, type: string, of = world) {
  return async (statement: string, work: Partial<Work> = {}, options: RunOptions = {}) => {
    const warm = { by, modules: [] };
    const { outcome } = await of.run(
      { type, connection: WAREHOUSE, properties: { statement }, warm, ...work },
      options,
    );
    return { outcome, output: outcome.state === "succeeded" ? outcome.output : undefined };
  };
}

describe("PostgreSQL", () => {
  const WHICH = "select pg_backend_pid()";

  const leaks: readonly (readonly [string, string, string, string])[] = [
    ["temporary tables", "create temp table leak (a int)", "select to_regclass('leak')", "[[null]]"],
    ["settings", "set statement_timeout = 1234", "select current_setting('statement_timeout')", '[["1d"]]'],
    [
      "prepared statements",
      "prepare leak as select 1",
      "select count(*) from pg_prepared_statements",
      '[["0"]]',
    ],
    [
      "locks",
      "select pg_advisory_lock(1)",
      "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
      '[["0"]]',
    ],
    ["cursors", "declare leak cursor with hold for select 1", "select count(*) from pg_cursors", '[["0"]]'],
    ["channels", "listen leak", "select count(*) from pg_listening_channels()", '[["0"]]'],
    ["open transactions", "begin; create table undone (a int)", "select to_regclass('undone')", "[[null]]"],
    [
      "names",
      "set application_name = leak",
      "select current_setting('application_name')",
      '[["azalai 1-node-1"]]',
    ],
  ];
  test.each(leaks)("%s of one script are not there for the next", async (name, leave, look, seen) => {
    const run = asUser(name, "RDSSQL");
    const { output: before } = await run(WHICH);
    expect((await run(leave)).outcome.state).toBe("succeeded");
    expect((await run(look)).output).toBe(seen);
    expect((await run(WHICH)).output).toBe(before);
  });

  test("a session is shared by nobody but attempts of one user in one workspace of one project", async () => {
    const run = asUser("owner", "RDSSQL");
    const others: readonly Partial<Work>[] = [
      {},
      { warm: { by: "another", modules: [] } },
      { workspaceId: "another" },
      { projectId: "project-b" },
      { connection: { ...WAREHOUSE, name: "another" } },
    ];
    const seen = new Set<string | undefined>();
    for (const work of others) seen.add((await run(WHICH, work)).output);
    expect(seen.size).toBe(others.length);
  });

  test.each([
    ["a failure", "select 1 / 0"],
    ["an end by the server", "select pg_terminate_backend(pg_backend_pid())"],
  ])("%s ends the session", async (name, statement) => {
    const run = asUser(name, "RDSSQL");
    const { output: before } = await run(WHICH);
    const { outcome } = await run(statement);
    expect(outcome.state).toBe("failed");
    expect(outcome).not.toHaveProperty("permanent");
    expect((await run(WHICH)).output).not.toBe(before);
  });

  test("a session that the server ended while it waited is not used", async () => {
    const run = asUser("waiting", "RDSSQL");
    const pid = (await run(WHICH)).output?.replaceAll(/\D/g, "");
    const watch = asUser("watcher", "RDSSQL");
    await watch(`select pg_terminate_backend(${pid}, 10000)`);
    expect((await run("select 1")).outcome.state).toBe("succeeded");
  });

  test("another definition of the connection ends the sessions under the old one", async () => {
    const run = asUser("definer", "RDSSQL");
    const pid = (await run(WHICH)).output?.replaceAll(/\D/g, "");
    const before = coordinates;
    coordinates = { ...before, host: before.host.startsWith("/") ? `${before.host}/` : before.host };
    expect((await run(WHICH)).output).not.toBe(`[["${pid}"]]`);
    coordinates = before;
    const watch = asUser("watcher", "RDSSQL");
    await expect
      .poll(async () => (await watch(`select count(*) from pg_stat_activity where pid = ${pid}`)).output)
      .toBe('[["0"]]');
  });

  test("an end on request ends the session with what runs there", async () => {
    const run = asUser("stopped", "RDSSQL");
    const pid = (await run(WHICH)).output?.replaceAll(/\D/g, "");
    const controller = new AbortController();
    const long = "do $$ begin raise notice 'begun'; perform pg_sleep(1000); end $$";
    const options = {
      signal: controller.signal,
      onLog: (log: string) => log.includes("begun") && controller.abort("stop"),
    };
    expect((await run(long, {}, options)).outcome.state).toBe("cancelled");
    expect((await run(WHICH)).output).not.toBe(`[["${pid}"]]`);
  });
});

describe("DuckDB", () => {
  const pids = () =>
    world
      .processes()
      .map(({ pid }) => pid)
      .join(" ");

  const leaks: readonly (readonly [string, string, string, string])[] = [
    ["tables", "create table leak (a int)", "select count(*) from duckdb_tables()", '[["0"]]'],
    [
      "databases",
      "attach ':memory:' as leak",
      "select count(*) from duckdb_databases() where not internal",
      '[["1"]]',
    ],
    ["variables", "set variable leak = 1", "select getvariable('leak')", "[[null]]"],
    [
      "macros",
      "create macro leak() as 1",
      "select count(*) from duckdb_functions() where function_name = 'leak'",
      '[["0"]]',
    ],
    ["files", "copy (select 1) to 'leak.csv'", "select count(*) from glob('**/leak.csv')", '[["0"]]'],
    [
      "failures",
      "create table leak (a int); select error('no')",
      "select count(*) from duckdb_tables()",
      '[["0"]]',
    ],
  ];
  test.each(leaks)("%s of one script are not there for the next", async (_, leave, look, seen) => {
    const run = asUser("duck", "DLISQL");
    await run("select 1");
    const before = pids();
    await run(leave);
    expect((await run(look)).output).toBe(seen);
    expect(pids()).toBe(before);
  });

  test("each script sees the folder of its own attempt, and nothing else", async () => {
    const run = asUser("bounded", "DLISQL");
    await world.put("obs://bucket/in.csv", "a\n1\n");
    const read = "from 'obs://bucket/in.csv'";
    expect((await run(read)).output).toBe('[["1"]]');
    expect((await run(read)).output).toBe('[["1"]]');
    for (const path of [`${world.dataFolder}/secret`, "../secret"])
      expect((await run(`from read_text('${path}')`)).outcome).toMatchObject({
        state: "failed",
        message: expect.stringContaining("Permission Error"),
      });
    expect((await run("set memory_limit = '100GB'")).outcome.state).toBe("failed");
  });

  test("a script that needs the disk leaves the session fit for the next", async () => {
    const small = { ...OPERATOR_DEFAULTS.sql, duckdbMemoryBytes: 64 * 1024 * 1024 };
    const own = await operatorWorld({ sql: small });
    const run = asUser("large", "DLISQL", own);
    const large =
      "create table t as select range as a, repeat('x', 100) as b from range(2_000_000); select count(*) from (from t order by b, a desc)";
    expect((await run("select 1")).output).toBe('[["1"]]');
    const before = own.processes().map(({ pid }) => pid);
    expect((await run(large)).output).toBe('[["2000000"]]');
    expect((await run("select count(*) from duckdb_tables()")).output).toBe('[["0"]]');
    expect(own.processes().map(({ pid }) => pid)).toEqual(before);
    await own.close();
  });

  test("a script of a background instance has a process that gives way, and shares it with its like alone", async () => {
    const run = asUser("patient", "DLISQL");
    await run("select 1");
    const others = pids().split(" ");
    await run("select 1", {}, { background: true });
    const added = pids()
      .split(" ")
      .filter((pid) => !others.includes(pid));
    expect(added.map((pid) => getPriority(Number(pid)))).toEqual([getPriority() + 10]);
  });

  test("a process that was killed while it waited is given up as soon as its end is told", async () => {
    const run = asUser("killed", "DLISQL");
    const others = pids().split(" ");
    await run("select 1");
    const [pid = ""] = pids()
      .split(" ")
      .filter((one) => !others.includes(one));
    process.kill(Number(pid), "SIGKILL");
    await expect.poll(pids).toBe(others.join(" "));
    await expect.poll(async () => (await run("select 1")).output).toBe('[["1"]]');
  });
});
