/** Rows moved between real databases and files: PostgreSQL, MariaDB, CSV and Parquet, each way. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type MariadbServer, mariadbMissing, startMariadb } from "../../test/setup/mariadb.ts";
import { type OperatorWorld, operatorWorld, type RunOptions } from "../../test/setup/operators.ts";
import { testDatabase } from "../../test/setup/postgres.ts";
import type { WorkConnection } from "./operator.ts";

const missing = await mariadbMissing();

let world: OperatorWorld;
let postgres: WorkConnection;
let client: Client;
let proxy: Server;
let server: MariadbServer | undefined;

beforeAll(async () => {
  const { connection } = await testDatabase();
  client = new Client(connection);
  await client.connect();
  const port = await listenFor(connection);
  const { user, password, database } = connection;
  const config = { ip: "127.0.0.1", port, userName: user, password, database };
  postgres = { name: "pg", type: "RDS", warehouse: false, config };
  world = await operatorWorld({ allowedAddresses: ["loopback"] });
  if (missing === undefined) server = await startMariadb();
});

/** The embedded server listens on a socket only; connections are dialled over TCP. */
async function listenFor({ host, port }: { readonly host: string; readonly port: number }): Promise<number> {
  proxy = createServer((dialled) => {
    const behind = host.startsWith("/") ? connect(join(host, `.s.PGSQL.${port}`)) : connect(port, host);
    dialled.pipe(behind).pipe(dialled);
    for (const socket of [dialled, behind]) socket.on("error", () => undefined);
    dialled.on("close", () => behind.destroy());
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  return (proxy.address() as AddressInfo).port;
}

afterAll(async () => {
  proxy.close();
  await world.close();
  await client.end();
  await server?.stop();
});

interface Move {
  readonly from?: WorkConnection;
  readonly to?: WorkConnection;
  readonly properties: Readonly<Record<string, string>>;
  readonly options?: RunOptions;
}

async function move({ from, to, properties, options }: Move) {
  const { outcome } = await world.run(
    {
      type: "DataMigration",
      properties: {
        ...(from && { sourceConnectionName: from.name }),
        ...(to && { targetConnectionName: to.name }),
        ...properties,
      },
      ...(from && { sourceConnection: from }),
      ...(to && { targetConnection: to }),
    },
    options,
  );
  return outcome;
}

/** Rows that were moved. */
async function moved(request: Move): Promise<number> {
  const outcome = await move(request);
  if (outcome.state !== "succeeded") throw new RangeError(outcome.message);
  const { inputRowCount, outputRowCount, bytes, milliseconds } = JSON.parse(outcome.output ?? "");
  expect([outputRowCount, typeof bytes, typeof milliseconds]).toEqual([inputRowCount, "number", "number"]);
  return outputRowCount;
}

async function rowsOf(sql: string): Promise<unknown[][]> {
  const { rows } = await client.query<unknown[]>({
    text: sql,
    rowMode: "array",
    types: { getTypeParser: () => String },
  });
  return rows;
}

function mysql(): WorkConnection {
  return { name: "my", type: "RDS", warehouse: false, config: server?.config ?? {} };
}

const ALL_KINDS = `select 9007199254740993::bigint as i, 1.50::numeric as n, 0.1::float8 as f, true as b,
  E'a\\tb\\nc\\\\"d,é' as t, '' as e, null::text as z, date '2026-02-03' as d, timestamp '2026-02-03 04:05:06.789' as s,
  timestamptz '2026-02-03 04:05:06+02' as w, '\\x00ff'::bytea as y`;

test("a table goes from PostgreSQL to PostgreSQL as it is, more rows than a batch has", async () => {
  await client.query(
    `create table src as ${ALL_KINDS}; insert into src (i, t) select n, 'row ' || n from generate_series(1, 2500) n;
     create table dst (like src)`,
  );
  expect(
    await moved({
      from: postgres,
      to: postgres,
      properties: { sourceTable: "src", targetTable: "public.dst" },
    }),
  ).toBe(2501);
  expect(await rowsOf("select count(*) from (table src except all table dst) x")).toEqual([["0"]]);
});

test("waiting for a slow table again and again leaves nothing behind", async () => {
  const warn = vi.spyOn(process, "emitWarning");
  onTestFinished(() => warn.mockRestore());
  await client.query(
    `create table slow (id integer, text text);
     create function dawdle() returns trigger language plpgsql as $$
       begin perform pg_sleep(0.002); return new; end $$;
     create trigger dawdle before insert on slow for each row execute function dawdle()`,
  );
  const sourceQuery = "select n as id, repeat(md5(n::text), 3000) as text from generate_series(1, 300) n";
  const properties = { sourceQuery, targetTable: "slow" };
  expect(await moved({ from: postgres, to: postgres, properties })).toBe(300);
  expect(warn.mock.calls.map(([warning]) => String(warning))).toEqual([]);
});

test("columns are chosen and renamed, a query is a source, and truncate takes what was there", async () => {
  await client.query("create table named (id int, label text); insert into named values (0, 'old')");
  const properties = {
    sourceQuery: "select n as a, 'x' || n as b, n * 2 as c from generate_series(1, 3) n;",
    targetTable: "named",
    columnMapping: "a=id\nb=label",
    writeMode: "truncate",
  };
  expect(await moved({ from: postgres, to: postgres, properties })).toBe(3);
  expect(await rowsOf("select * from named order by id")).toEqual([
    ["1", "x1"],
    ["2", "x2"],
    ["3", "x3"],
  ]);
});

test("what fails leaves the target as it was", async () => {
  await client.query("create table whole (a int); insert into whole values (7)");
  const bad = {
    sourceQuery: "select case when n = 2000 then 'x' else '1' end as a from generate_series(1, 2000) n",
  };
  const properties = { ...bad, targetTable: "whole", writeMode: "truncate" };
  expect(await move({ from: postgres, to: postgres, properties })).toMatchObject({
    state: "failed",
    message: expect.stringContaining("invalid input syntax"),
  });
  const broken = {
    sourceQuery: "select 1 / (n - 2000) as a from generate_series(1, 2000) n",
    targetTable: "whole",
  };
  expect(await move({ from: postgres, to: postgres, properties: broken })).toMatchObject({
    state: "failed",
    message: expect.stringContaining("division by zero"),
  });
  expect(await rowsOf("table whole")).toEqual([["7"]]);
});

test("to CSV and back: quotes, lines, nulls and empty texts stay what they are", async () => {
  const path = "obs://b/all.csv";
  await client.query(`create table kinds as ${ALL_KINDS}; create table back (like kinds)`);
  expect(await moved({ from: postgres, properties: { sourceTable: "kinds", targetPath: path } })).toBe(1);
  const text = await readFile(world.bucketFile(path), "utf8");
  expect(text).toBe(
    '"i","n","f","b","t","e","z","d","s","w","y"\n' +
      '9007199254740993,1.50,0.1,true,"a\tb\nc\\""d,é","",,2026-02-03,2026-02-03 04:05:06.789,2026-02-03 02:05:06+00,\\x00ff\n',
  );
  expect(await moved({ to: postgres, properties: { sourcePath: path, targetTable: "back" } })).toBe(1);
  expect(await rowsOf("table kinds except all table back")).toEqual([]);
});

test("to Parquet with types, and back", async () => {
  const path = "obs://b/all.parquet";
  await client.query(`create table typed as ${ALL_KINDS}; create table untyped (like typed)`);
  expect(await moved({ from: postgres, properties: { sourceTable: "typed", targetPath: path } })).toBe(1);
  const statement = `select typeof(i), typeof(f), typeof(b), typeof(d), typeof(s), typeof(n), e, z from '${path}'`;
  expect((await world.run({ type: "DLISQL", properties: { statement } })).outcome).toMatchObject({
    output: '[["BIGINT","DOUBLE","BOOLEAN","DATE","TIMESTAMP","VARCHAR","",null]]',
  });
  expect(await moved({ to: postgres, properties: { sourcePath: path, targetTable: "untyped" } })).toBe(1);
  expect(await rowsOf("table typed except all table untyped")).toEqual([]);
});

test("from file to file, with other names", async () => {
  await world.put("obs://b/in.csv", "code,n\n007,1\n008,2\n");
  const properties = {
    sourcePath: "obs://b/in.csv",
    targetPath: "obs://b/out.parquet",
    columnMapping: "n=number",
  };
  expect(await moved({ properties })).toBe(2);
  const back = { sourcePath: "obs://b/out.parquet", targetPath: "obs://b/out.csv" };
  expect(await moved({ properties: back })).toBe(2);
  expect(await readFile(world.bucketFile("obs://b/out.csv"), "utf8")).toBe("number\n1\n2\n");
});

test("a stop ends both ends, and nothing has been written", async () => {
  await client.query("create table never (n int)");
  const stop = new AbortController();
  const properties = {
    sourceQuery: "select n, pg_sleep(0.001) from generate_series(1, 1000000) n",
    targetTable: "never",
    columnMapping: "n",
  };
  const pending = move({ from: postgres, to: postgres, properties, options: { signal: stop.signal } });
  const busy =
    "select count(*)::int from pg_stat_activity where application_name = 'azalai 1-node-1' and state <> 'idle'";
  while ((await client.query<{ count: number }>(busy)).rows[0]?.count === 0) await delay(20);
  stop.abort("stop");
  expect(await pending).toMatchObject({ state: "cancelled" });
  while ((await client.query<{ count: number }>(busy)).rows[0]?.count !== 0) await delay(20);
  expect(await rowsOf("table never")).toEqual([]);
});

test.each([
  [{ targetPath: "obs://b/x.csv" }, "sourcePath must be obs://bucket/key"],
  [{ sourcePath: "obs://b/x.csv", targetPath: "/etc/passwd" }, "targetPath must be"],
  [
    { sourcePath: "obs://b/x.csv", targetPath: "obs://b/y", targetFormat: "xml" },
    "targetFormat must be one of",
  ],
  [{ sourcePath: "obs://b/x.csv", targetPath: "obs://b/y", writeMode: "merge" }, "writeMode must be one of"],
  [{ sourceConnectionName: "pg", targetPath: "obs://b/y" }, "sourceTable or sourceQuery"],
  [{ clusterName: "cdm", jobName: "copy" }, "sourcePath must be"],
])("%j is refused for good", async (properties, message) => {
  expect(await move({ properties })).toMatchObject({
    ...{ state: "failed", permanent: true, message: expect.stringContaining(message) },
  });
});

test("a CDMJob node that says what to move is run, whatever job it names beside it", async () => {
  const cdm = async (properties: Readonly<Record<string, string>>) =>
    (await world.run({ type: "CDMJob", properties })).outcome;
  await world.put("obs://b/cdm.csv", "a\n1\n");
  const properties = {
    clusterName: "c",
    jobName: "j",
    sourcePath: "obs://b/cdm.csv",
    targetPath: "obs://b/cdm.parquet",
  };
  expect(await cdm(properties)).toMatchObject({ state: "succeeded" });
});

describe.skipIf(missing !== undefined)(`MariaDB${missing === undefined ? "" : `: ${missing}`}`, () => {
  test("from PostgreSQL to MariaDB and back", async () => {
    await client.query(`create table there as ${ALL_KINDS};
      insert into there (i, b) select n, n % 2 = 0 from generate_series(1, 2500) n; create table again (like there)`);
    await server?.query(`create table moved (i bigint, n decimal(10,2), f double, b boolean, t text, e text, z text, d date,
      s datetime(3), w timestamp(3) null, y varbinary(10)) character set utf8mb4`);
    const there = { sourceTable: "there", targetTable: "shop.moved" };
    expect(await moved({ from: postgres, to: mysql(), properties: there })).toBe(2501);
    const back = { sourceTable: "moved", targetTable: "again" };
    expect(await moved({ from: mysql(), to: postgres, properties: back })).toBe(2501);
    expect(await rowsOf("table there except all table again")).toEqual([]);
  });

  test("what fails leaves MariaDB's table as it was, also by truncate", async () => {
    await server?.query("create table narrow (a int primary key)");
    await server?.query("insert into narrow values (7)");
    const properties = {
      sourceQuery: "select n % 2000 as a from generate_series(1, 2000) n union all select 5",
      targetTable: "narrow",
      writeMode: "truncate",
    };
    expect(await move({ from: postgres, to: mysql(), properties })).toMatchObject({
      state: "failed",
      message: expect.stringContaining("Duplicate"),
    });
    expect(await server?.query("select * from narrow")).toEqual([[7]]);
  });

  test("from MariaDB to Parquet, a million rows in bounded memory", async () => {
    const properties = {
      sourceQuery: "select seq, repeat('x', 100) as t from seq_1_to_1000000",
      targetPath: "obs://b/m.parquet",
    };
    const before = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 20);
    onTestFinished(() => clearInterval(watch));
    expect(await moved({ from: mysql(), properties })).toBe(1_000_000);
    expect(most - before).toBeLessThan(200 * 1024 * 1024);
  });

  test("a query without rows is no source", async () => {
    const properties = { sourceQuery: "delete from narrow", targetPath: "obs://b/none.csv" };
    expect(await move({ from: mysql(), properties })).toMatchObject({ state: "failed" });
  });
});
