/** Tables that SQL texts read and write. */
import { expect, test } from "vitest";
import { tableUses } from "./sql-tables.ts";

const shown = (sql: string) =>
  tableUses(sql).map(
    ({ database, table, use, dynamic }) =>
      `${use} ${database === undefined ? "" : `${database}.`}${table}${dynamic ? " dynamic" : ""}`,
  );

test.each([
  ["select 1", []],
  ["select * from orders", ["read orders"]],
  [
    "SELECT * FROM Sales.Orders o, `odd name` x, c WHERE a IN (1, 2)",
    ["read Sales.Orders", "read odd name", "read c"],
  ],
  [
    "select * from a join b using (id, x) left join c on a.x = c.x, d",
    ["read a", "read b", "read c", "read d"],
  ],
  ["select * from (select a, b from inner_t) t, other", ["read inner_t", "read other"]],
  ["select * from (a join b on true)", ["read a", "read b"]],
  ["select extract(day from d), trim(both 'x' from e), substring(f from 2) from t", ["read t"]],
  ["select * from t where a is not distinct from b", ["read t"]],
  ["select * from range(3), unnest(x) u, t", ["read t"]],
  ["select a from t group by a, b order by c, d limit 1, 2", ["read t"]],
  ["select a from t union all select b from u except select c from v", ["read t", "read u", "read v"]],
  ["select * from t lateral view explode(a) x as y, z", ["read t"]],
  [
    "select (select max(x) from deep), y from t where exists (select 1 from e)",
    ["read deep", "read t", "read e"],
  ],
  [
    "with a as (select * from t), b (x, y) as (select * from a) select * from b, db.a",
    ["read t", "read db.a"],
  ],
  ["insert into t (a, b) values (1, 2)", ["write t"]],
  ["insert into table db.t select * from s", ["write db.t", "read s"]],
  ["insert overwrite table t partition (dt='x') select * from s", ["write t", "read s"]],
  ["insert overwrite t select 1", ["write t"]],
  ["insert overwrite local directory '/x' select * from s", ["read s"]],
  ["from s insert overwrite table a select x insert into b select y", ["read s", "write a", "write b"]],
  ["create table if not exists t (a int, b int) comment 'from x'", ["write t"]],
  ["create external table t like u", ["write t", "read u"]],
  ["create table t using parquet as select * from u where a like b", ["write t", "read u"]],
  ["create or replace view v as select * from t", ["write v", "read t"]],
  ["update t set a = (select max(b) from u)", ["write t", "read u"]],
  ["delete from t where a in (select b from u)", ["write t", "read u"]],
  [
    "merge into t using (select * from s) x on t.a = x.a when matched then update set a = 1",
    ["write t", "read s"],
  ],
  [
    "merge into t using db.s on t.a = s.a when not matched then insert (a) values (1)",
    ["write t", "read db.s"],
  ],
  ["load data inpath 'from x' overwrite into table t", ["write t"]],
  [
    "drop table if exists t; truncate table u; alter table db.v add columns (x int)",
    ["write t", "write u", "write db.v"],
  ],
  ["show tables from db", []],
  ["select * from t; select * from T; insert into t select 1", ["read t", "write t"]],
  ["-- from a\nselect 'from b', \"from c\" /* from d */ from e -- , f", ["read e"]],
  ["select 'it\\'s from a' from b", ["read b"]],
  ["select * from catalog.db.t", ["read db.t"]],
  [
    "select * from ods_${dt}, #{Job.getParam('db')}.t",
    ["read ods_${dt} dynamic", "read #{Job.getParam('db')}.t dynamic"],
  ],
  ["select * from 表格", ["read 表格"]],
  ["select * from `a``b`", ["read a`b"]],
  ["((((", []],
  ["select from where ) ) from x", ["read x"]],
])("%s", (sql, expected) => {
  expect(shown(sql)).toEqual(expected);
});

test("a long text is read in a time that grows with its length alone", () => {
  const started = performance.now();
  for (const text of [
    "'",
    "''",
    '"',
    "`",
    "${",
    "/*",
    "a . ",
    "(",
    "a,",
    "with a as (",
    "\\'",
    "into ",
    ") as (",
  ])
    tableUses(`select * from ${text.repeat(100_000)}`);
  expect(performance.now() - started).toBeLessThan(20_000);
});
