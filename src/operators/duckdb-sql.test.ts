/** SQL over files: what is fetched and written back, and what DuckDB is kept from. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld } from "../../test/setup/operators.ts";
import { OPERATOR_DEFAULTS } from "./settings.ts";

let world: OperatorWorld;

beforeAll(async () => {
  world = await operatorWorld({ sql: { ...OPERATOR_DEFAULTS.sql, outputRowsMax: 3 } });
  await world.put("obs://data/2001/01.csv", "day,flights\n1,10\n2,20\n");
  await world.put("obs://data/2001/02.csv", "day,flights\n3,30\n");
  await world.put("obs://data/year=2002/one.csv", "day,flights\n4,40\n");
});

afterAll(async () => await world.close());

function sql(statement: string) {
  return world.run({ type: "DLISQL", properties: { statement } });
}

test("a file, a list of files and a pattern are read from the buckets", async () => {
  const { outcome } = await sql(`
    select sum(flights) from 'obs://data/2001/01.csv'
    union all select sum(flights) from read_csv(['obs://data/2001/01.csv', 's3a://data/2001/02.csv'])
    union all select sum(flights) from 'obs://data/2001/*.csv' order by 1`);
  expect(outcome).toMatchObject({ state: "succeeded", output: '[["30"],["60"],["60"]]' });
});

test("folders of a key keep their meaning", async () => {
  const { outcome } = await sql(
    "select year, flights from read_csv('obs://data/**/one.csv', hive_partitioning = true)",
  );
  expect(outcome).toMatchObject({ output: '[["2002","40"]]' });
});

test("what is copied to a bucket is there afterwards, a partitioned folder with all of its files", async () => {
  const { outcome, log } = await sql(`
    copy (select 1 as a) to 'obs://out/one.csv';
    copy (select i, 'x' as v from range(3) t(i)) to 'obs://out/parts' (format csv, partition_by (i));
    select a from 'obs://out/one.csv'`);
  expect(outcome).toMatchObject({ state: "succeeded", output: '[["1"]]' });
  expect(readFileSync(world.bucketFile("obs://out/one.csv"), "utf8")).toBe("a\n1\n");
  expect(log.match(/wrote obs:\/\/out\/parts\/i=\d\/data_0.csv/g)).toHaveLength(3);
});

test("nothing is written back when a later statement fails", async () => {
  await sql("copy (select 1) to 'obs://out/never.csv'; select error('no')");
  const { outcome } = await sql("from 'obs://out/never.csv'");
  expect(outcome).toMatchObject({ state: "failed", message: "there is no file obs://out/never.csv" });
});

test("the last statement's first rows are the output, the log shows a table", async () => {
  const { outcome, log } = await sql(
    "select i as n, date '2026-01-01' + i::int as d, [i] as l from range(5) t(i)",
  );
  expect(outcome).toMatchObject({
    output: '[["0","2026-01-01","[0]"],["1","2026-01-02","[1]"],["2","2026-01-03","[2]"]]',
    message: "the output holds the first 3 of 5 rows",
  });
  expect(log).toContain("(5 rows)");
});

test("an error names the bucket's file, not where it lies", async () => {
  const { outcome } = await sql(
    "select nothing from 'obs://data/2001/01.csv'; from read_csv('obs://data/2001/02.csv', columns = {})",
  );
  expect(outcome.state).toBe("failed");
  expect(outcome.message).not.toContain(world.folder);
});

test("an error behind rows that nobody asked for is found", async () => {
  const { outcome } = await sql(
    "select case when i = 99999 then error('late') end from range(100000) t(i); select 1",
  );
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("late") });
});

describe("refused is", () => {
  test.each([
    ["a path above a bucket", "from 'obs://data/../secret'", /obs:\/\/bucket\/key/],
    ["a bucket alone", "from 'obs://data'", /obs:\/\/bucket\/key/],
    ["a pattern that fits nothing", "from 'obs://data/none/*.csv'", /No file fits/],
    ["a file of the system", "from read_text('/etc/passwd')", /Permission Error/],
    ["a file written elsewhere", "copy (select 1) to '/tmp/azalai-test.csv'", /Permission Error/],
    ["a database elsewhere", "attach '/tmp/azalai-test.db' as x", /Permission Error/],
    ["installing an extension", "force install httpfs from 'http://127.0.0.1:1/'", /Extensions/],
    ["loading an extension", "load '/tmp/x.duckdb_extension'", /Extensions/],
    ["a file over HTTP", "from read_csv('http://127.0.0.1:1/x.csv')", /Error/],
    ["opening the lock", "set lock_configuration = false", /locked/],
    ["leaving the folder", "set allowed_directories = ['/']", /locked/],
    ["more memory", "set memory_limit = '100GB'", /locked/],
    ["a syntax that is none", "selec 1", /^Parser Error/],
  ])("%s", async (_, statement, message) => {
    const { outcome } = await sql(statement);
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringMatching(message) });
  });
});
