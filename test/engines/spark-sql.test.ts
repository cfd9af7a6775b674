/** SQL on the real Spark thrift server that this machine starts by itself: rows, errors, stops, restarts, an idle end. */
import { readdirSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLocalClusters, type LocalClusters } from "../../src/operators/local-clusters.ts";
import { sparkSqlServer } from "../../src/operators/local-spark-sql.ts";
import type { Work } from "../../src/operators/operator.ts";
import { listProcesses } from "../../src/operators/process-table.ts";
import { type OperatorWorld, operatorWorld, type RunOptions, workFile } from "../setup/operators.ts";
import { localSoftware } from "./setup/software.ts";

let world: OperatorWorld;
let clusters: LocalClusters;
let now = Date.parse("2026-01-01T00:00:00Z");
const open = (others: Partial<Parameters<typeof createLocalClusters>[0]["settings"]> = {}) =>
  createLocalClusters({
    settings: {
      ...{ folder: join(world.dataFolder, "local-clusters"), allowed: true, most: 1, idleMs: 900_000 },
      ...{ now: () => new Date(now), roundMs: 200, ...others },
    },
    operators: world.settings,
    isolation: world.runner.isolation,
    software: localSoftware,
  });

beforeAll(async () => {
  world = await operatorWorld({}, {}, (settings) => ({
    sql: { use: (...args) => sparkSqlServer(clusters, settings.sql).use(...args) },
  }));
  clusters = open();
});
afterAll(async () => {
  await clusters?.stop();
  await world?.close();
});

const sql = (statement: string, work: Partial<Work> = {}, options?: RunOptions) =>
  world.run({ type: "SparkSQL", properties: { statement }, ...work }, options);
const rowsOf = async (statement: string, work?: Partial<Work>) => {
  const { outcome, log } = await sql(statement, work);
  if (outcome.state !== "succeeded") throw new RangeError(`${outcome.message}\n${log}`);
  return JSON.parse(outcome.output ?? "null");
};
const warm = { warm: { by: "ann", modules: [] } };

test("the first statement starts the server, and its log says so", async () => {
  const { outcome, log } = await sql("select 1 as one, 'é' as two, null as three");
  expect(outcome).toEqual({ state: "succeeded", output: '[["1","é",null]]' });
  expect(log).toMatch(/Starting The SQL server of Spark of this project\.\n.* answers after [\d.]+ s\.\n/);
  expect(log).toContain("one  two  three");
});

test("values of every type come as texts", async () => {
  expect(
    await rowsOf(`select true, cast(-1 as tinyint), cast(300 as smallint), 70000, 5000000000, cast(0.1 as float),
      cast(2.5 as double), cast('1.10' as decimal(5, 2)), date'2026-01-02', timestamp'2026-01-02 03:04:05.006',
      cast('ab' as binary), array(1, null), map('k', 2), named_struct('a', 'x'), interval 2 days`),
  ).toEqual([
    [
      ...["true", "-1", "300", "70000", "5000000000", "0.1", "2.5", "1.10", "2026-01-02"],
      ...["2026-01-02 03:04:05.006", "0x6162", "[1,null]", '{"k":2}', '{"a":"x"}', "2 00:00:00.000000000"],
    ],
  ]);
});

test("a table is made, filled, read and found again by the next session; other projects have their own", async () => {
  const script = `create table words (w string, n int); -- one; two
    insert into words values ('a;b', 1), ('c', 2); select * from words order by n`;
  const { outcome, log } = await sql(script);
  expect(outcome).toMatchObject({ state: "succeeded", output: '[["a;b","1"],["c","2"]]' });
  expect(log.match(/^OK$/gm)).toHaveLength(2);
  expect(await rowsOf("select sum(n) from words")).toEqual([["3"]]);
  expect(await rowsOf("show databases")).toEqual([["default"]]);
});

test("a script of a template has its values, a database is chosen, and output may be a table", async () => {
  await rowsOf("create database if not exists d; create table if not exists d.t as select 7 as n");
  const files = [workFile("q.sql", "main", "select ${what} from t")];
  const { outcome } = await world.run({
    type: "Hive",
    files,
    params: { what: "n" },
    properties: { database: "d" },
  });
  expect(outcome).toMatchObject({ state: "succeeded", output: '[["7"]]' });
  const table = await sql("select n from d.t", { outputForm: "table" });
  expect(JSON.parse(table.outcome.state === "succeeded" ? (table.outcome.output ?? "") : "")).toEqual({
    ...{ columns: [{ name: "n", type: "int" }], rowCount: 1, rows: [["7"]] },
  });
});

test.each([
  ["select * from nowhere", /^\[TABLE_OR_VIEW_NOT_FOUND\] .*`nowhere`/],
  ["selct 1", /^\[PARSE_SYNTAX_ERROR\] Syntax error at or near 'selct'/],
  ["select raise_error('told so')", /told so/],
  ["select 1; select 1/0 from (select 1); select 2", /DIVIDE_BY_ZERO/],
])("%s fails with the server's own words", async (statement, message) => {
  const { outcome, log } = await sql(statement);
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringMatching(message) });
  expect(outcome.state === "failed" && outcome.message).not.toMatch(/\tat |org\.apache\.spark/);
  expect(log).toContain("ERROR: ");
});

test("no other user of the machine is let in", async () => {
  const folder = join(world.dataFolder, "local-clusters", hostname(), "project-a");
  const { port } = JSON.parse(await readFile(join(folder, "spark-sql.json"), "utf8"));
  const config = { ip: "127.0.0.1", port, userName: "azalai", password: "guessed" };
  const own = await operatorWorld({ allowedAddresses: ["loopback"] });
  const connection = { name: "c", type: "SparkSQL" as const, config, warehouse: false };
  const { outcome } = await own.run({ type: "SparkSQL", properties: { statement: "select 1" }, connection });
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringMatching(/refuses the log-in/) });
  await own.close();
});

test("a warm session answers within half a second, and keeps nothing of the one before", async () => {
  await sql("set spark.sql.ansi.enabled = false; create temporary view v as select 1; use d; select 1", warm);
  const begun = performance.now();
  expect(await rowsOf("select current_database()", warm)).toEqual([["default"]]);
  expect(performance.now() - begun).toBeLessThan(500);
  const { outcome } = await sql("select * from v", warm);
  expect(outcome).toMatchObject({
    state: "failed",
    message: expect.stringMatching(/TABLE_OR_VIEW_NOT_FOUND/),
  });
});

const ENDLESS = "select count(*) from range(100000000000) where id % 7 = rand()";

test("a stop ends the statement on the server at once", async () => {
  const stop = new AbortController();
  const begun = performance.now();
  setTimeout(() => stop.abort("stop"), 3000);
  const { outcome } = await sql(ENDLESS, {}, { signal: stop.signal });
  expect(outcome).toMatchObject({ state: "cancelled" });
  expect(performance.now() - begun).toBeLessThan(8000);
  expect(await rowsOf("select 1")).toEqual([["1"]]);
});

test("too many rows are refused, many are cut", async () => {
  const { outcome } = await sql("select id from range(5000)");
  expect(outcome).toMatchObject({ message: "the output holds the first 1000 of 5000 rows" });
  const much = await sql("select id from range(200000)");
  expect(much.outcome).toMatchObject({
    state: "failed",
    message: expect.stringMatching(/more than 100000 rows/),
  });
});

test("the words of real text are counted as plain code counts them", async () => {
  const library = join(import.meta.dirname, "../../node_modules/typescript/lib");
  const texts = readdirSync(library).filter((name) => /^lib\..*\.d\.ts$/.test(name));
  const words = texts
    .flatMap((name) => readFileSync(join(library, name), "utf8").split(/[ \t\n\v\f\r]+/))
    .filter(Boolean);
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const statement = `select w, count(*) from (select explode(split(value, '[ \\\\t\\\\n\\\\x0B\\\\f\\\\r]+')) as w
    from text.\`${library}/lib.*.d.ts\`) where w <> '' group by w order by count(*) desc, w limit 50`;
  const wanted = [...counts]
    .sort(([a, n], [b, m]) => m - n || Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .slice(0, 50);
  expect(await rowsOf(statement)).toEqual(wanted.map(([word, n]) => [word, String(n)]));
});

test("the server that follows goes on with the same one", async () => {
  const before = serverPids();
  expect(before).not.toEqual([]);
  const successor = open();
  const first = clusters;
  clusters = successor;
  expect(await rowsOf("select sum(n) from words")).toEqual([["3"]]);
  expect(serverPids()).toEqual(before);
  clusters = first;
  await rowsOf("select 1");
});

test("a run of a template reads its input and leaves its output, by their names in the script", async () => {
  await world.put("obs://data/in/words.txt", "b\na\nb\n");
  const statements = `create temporary view words using text options (path '\${INPUT}');
    insert overwrite directory '\${OUTPUT}' using csv select value, count(*) from words group by value order by value`;
  const { outcome, log } = await world.run({
    type: "Hive",
    files: [workFile("count.sql", "main", statements)],
    params: { INPUT: "obs://data/in", OUTPUT: "obs://data/out" },
    places: { input: { url: "obs://data/in" }, output: { url: "obs://data/out" }, named: [] },
  });
  expect(outcome, log).toMatchObject({ state: "succeeded" });
  const left = world.bucketFile("obs://data/out");
  const parts = readdirSync(left, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".csv"),
  );
  expect(parts.map((name) => readFileSync(join(left, name), "utf8")).join("")).toBe("a,1\nb,2\n");
});

test("one that was killed is started again, and its tables are there", async () => {
  for (const pid of serverPids()) process.kill(pid, "SIGKILL");
  await expect.poll(serverPids).toEqual([]);
  const { outcome, log } = await sql("select sum(n) from words");
  expect(outcome).toMatchObject({ state: "succeeded", output: '[["3"]]' });
  expect(log).toMatch(/Starting/);
});

test("what it keeps is its project's own, and the data folder is hidden from it", async () => {
  const { outcome } = await sql(`select * from text.\`${world.dataFolder}/secret\``);
  expect(outcome).toMatchObject({ state: "failed" });
});

test("one that nobody uses is ended, and nothing of it is left", async () => {
  now += 901_000;
  await expect.poll(serverPids, { timeout: 30_000 }).toEqual([]);
  const folder = join(world.dataFolder, "local-clusters", hostname(), "project-a");
  await expect.poll(() => readdir(folder)).not.toContain("spark-sql.json");
});

/** The Java processes of SQL servers that this test's world has. */
function serverPids(): number[] {
  return listProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        return words[0] === "java" && environment.includes(world.dataFolder);
      } catch {
        return false;
      }
    });
}
