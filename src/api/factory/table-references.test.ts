/** Jobs that use a table, over HTTP. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";

const REFERENCES = `/v2/${PROJECT}/factory/task-table-references`;

const sql = (name: string, type: string, properties: Readonly<Record<string, string>>) => ({
  ...{ name, type, location: { x: 0, y: 0 } },
  properties: Object.entries(properties).map(([property, value]) => ({ name: property, value })),
});

/** Jobs `load` and `report` on Hive, `spark` in another workspace, `dli`; `find` gives the entries. */
async function tableWorld() {
  const world = await factoryWorld();
  const { ok } = world;
  await ok("POST", "/scripts", {
    body: {
      ...{ name: "totals", type: "HiveSQL", database: "sales", connectionName: "hive" },
      content: "insert overwrite table Orders select * from raw.orders_${dt}",
    },
  });
  await ok("POST", "/connections", {
    body: { name: "hive", type: "HIVE", config: { clusterName: "mrs", connectionMethod: "direct" } },
  });
  const nodes = [
    sql("a", "HiveSQL", { scriptName: "totals" }),
    sql("b", "HiveSQL", { scriptName: "totals", statementOrScript: "STATEMENT", statement: "select 1" }),
    sql("c", "HiveSQL", {
      statement: "select * from sales.orders; select * from sales.ORDERS",
      clusterName: "own",
    }),
    sql("d", "Shell", { statement: "hive -e 'select * from orders'" }),
  ];
  await ok("POST", "/jobs", {
    body: jobBody("load", { nodes, basicConfig: { owner: "ann", executeUser: "etl" } }),
  });
  const report = [sql("a", "HiveSQL", { statement: "select * from orders_daily -- orders" })];
  await ok("POST", "/jobs", { body: jobBody("report", { nodes: report }) });
  const spark = [sql("a", "SparkSQL", { statement: "select * from orders", database: "mart" })];
  await ok("POST", "/jobs", { body: jobBody("spark", { nodes: spark }), workspace: "w2" });
  const dli = [sql("a", "DLISQL", { statement: "create table orders as select 1" })];
  await ok("POST", "/jobs", { body: jobBody("dli", { nodes: dli, processType: "BATCH" }) });
  const find = async (query: Readonly<Record<string, string | number>>) => {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) words.set(name, String(value));
    return (await ok("GET", `${REFERENCES}?${words}`, { role: "reader" })).json;
  };
  return { ...world, find };
}

test("the jobs that read and write a table are found by their nodes' statements and scripts", async () => {
  const { find, clock } = await tableWorld();
  const head = {
    ...{ job_id: expect.any(Number), workspace_name: "default", workspace_id: "default" },
    last_submit_time: clock.now.getTime(),
  };
  const load = { ...head, job_name: "load", owner: "ann", execute_user: "etl", db_type: "HIVE" };
  expect(await find({ table_name: "orders", db_type: "HIVE" })).toEqual({
    total: 2,
    task_table_detail_list: [
      {
        ...load,
        data_base: "sales",
        table_name: "Orders",
        cluster_name: "mrs",
        io_type: 1,
        is_dynamic: false,
      },
      {
        ...load,
        data_base: "sales",
        table_name: "orders",
        cluster_name: "own",
        io_type: 0,
        is_dynamic: false,
      },
    ],
  });
  const dynamic = { data_base: "raw", table_name: "orders_${dt}", io_type: 0, is_dynamic: true };
  expect(await find({ table_name: "orders_${dt}", db_type: "HIVE" })).toEqual({
    total: 1,
    task_table_detail_list: [{ ...load, ...dynamic, cluster_name: "mrs" }],
  });
  const others = { ...head, owner: "manager-user", is_dynamic: false, table_name: "orders" };
  expect(await find({ table_name: "orders", db_type: "DLI" })).toEqual({
    total: 1,
    task_table_detail_list: [
      { ...others, job_name: "dli", db_type: "DLI", data_base: "default", io_type: 1 },
    ],
  });
  const w2 = { workspace_name: "w2", workspace_id: "w2", data_base: "mart", db_type: "SPARK" };
  expect(await find({ table_name: "ORDERS", db_type: "SPARK" })).toEqual({
    total: 1,
    task_table_detail_list: [{ ...others, ...w2, job_name: "spark", io_type: 0 }],
  });
});

test("what is found is narrowed by each filter, and cut into pages", async () => {
  const { find } = await tableWorld();
  for (const [filter, expected] of [
    [{ io_type: 0 }, [0]],
    [{ io_type: 1 }, [1]],
    [{ data_base_name: "SALES" }, [1, 0]],
    [{ data_base_name: "raw" }, []],
    [{ cluster_name: "own" }, [0]],
    [{ cluster_name: "other" }, []],
    [{ workspace_name: "default" }, [1, 0]],
    [{ workspace_name: "w2" }, []],
    [{ owner: "ann" }, [1, 0]],
    [{ owner: "bob" }, []],
    [{ execute_user: "etl" }, [1, 0]],
    [{ execute_user: "nobody" }, []],
    [{ limit: 1 }, [1]],
    [{ limit: 1, offset: 1 }, [0]],
    [{ limit: 1, offset: 2 }, []],
  ] as const) {
    const { task_table_detail_list: list } = await find({ table_name: "orders", db_type: "HIVE", ...filter });
    expect(
      list.map(({ io_type }: { io_type: number }) => io_type),
      JSON.stringify(filter),
    ).toEqual(expected);
  }
});

test("more nodes than are read at a time are all looked through, a job's use once", async () => {
  const { ok, find } = await tableWorld();
  const nodes = Array.from({ length: 40 }, (_, n) =>
    sql(`n${n}`, "SparkSQL", { statement: `select * from ${n === 39 ? "db.late" : "late"}` }),
  );
  await ok("POST", "/jobs", { body: jobBody("many", { nodes }) });
  const { task_table_detail_list: list } = await find({ table_name: "late", db_type: "SPARK" });
  expect(list.map(({ data_base }: { data_base: string }) => data_base)).toEqual(["default", "db"]);
});

test("a question without a table, or with what no filter has, is refused", async () => {
  const { call } = await factoryWorld();
  for (const query of [
    "table_name=t",
    "db_type=HIVE",
    "table_name=&db_type=HIVE",
    "table_name=t&db_type=hive",
    "table_name=t&db_type=HIVE&io_type=2",
    "table_name=t&db_type=HIVE&limit=101",
  ])
    expect(await call("GET", `${REFERENCES}?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});

test("a job is found by what its script says now, and where nobody has made marks of either", async () => {
  const { ok, find, pool } = await tableWorld();
  const jobs = async (table_name: string) =>
    (await find({ table_name, db_type: "HIVE" })).task_table_detail_list.map(
      ({ job_name }: { readonly job_name: string }) => job_name,
    );
  expect(await jobs("invoices")).toEqual([]);
  const totals = { name: "totals", type: "HiveSQL" };
  await ok("PUT", "/scripts/totals", { body: { ...totals, content: "select * from invoices" } });
  expect(await jobs("invoices")).toEqual(["load"]);
  await pool.query("update script set marks = null");
  expect(await jobs("invoices")).toEqual(["load"]);
  await pool.query("update job set marks = null, uses = '{}'");
  expect(await jobs("invoices")).toEqual(["load"]);
});
