/** The search over HTTP: what is found by which words, filters, pages and refusals. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";

const SEARCH = `/v2/${PROJECT}/factory/search`;

const shell = (name: string, statement: string, members: object = {}) => ({
  ...{ name, type: "Shell", location: { x: 0, y: 0 } },
  properties: [{ name: "statement", value: statement }],
  ...members,
});

interface Found {
  readonly id: string;
  readonly job_name?: string;
  readonly node_name?: string;
  readonly script_name?: string;
}

/** A world with two jobs and two scripts; `names` gives the hits as `job`, `job/node` or `script`. */
async function searchWorld() {
  const world = await factoryWorld();
  const { ok, clock } = world;
  const later = () => {
    clock.now = new Date(clock.now.getTime() + 1000);
  };
  await ok("POST", "/scripts", {
    body: { name: "load_orders", type: "HiveSQL", content: "insert into Orders select * from raw" },
  });
  later();
  await ok("POST", "/scripts", {
    role: "member",
    body: { name: "clean", type: "DLISQL", content: "-- 100%\nselect 1", configuration: { "a.key": "deep" } },
  });
  later();
  const nodes = [
    shell("fetch", 'curl "orders"\n100%', {}),
    {
      ...shell("load", ""),
      ...{ type: "HiveSQL", properties: [{ name: "scriptName", value: "load_orders" }] },
    },
    shell("done", "true"),
  ];
  const params = [{ name: "region", value: "north_orders" }];
  const basicConfig = { owner: "ann" };
  await ok("POST", "/jobs", { body: jobBody("daily", { nodes, params, basicConfig }) });
  later();
  const live = { name: "live", nodes: [shell("watch", "ORDERS")], processType: "REAL_TIME" };
  await ok("POST", "/jobs", { body: jobBody("live", live), workspace: "w2" });
  const find = async (query: Readonly<Record<string, string | number>>) => {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) words.set(name, String(value));
    return (await ok("GET", `${SEARCH}?${words}`, { role: "reader" })).json;
  };
  const names = async (query: Readonly<Record<string, string | number>>) =>
    (await find(query)).search_details.map(({ job_name, node_name, script_name }: Found) =>
      job_name === undefined ? script_name : [job_name, node_name].filter((one) => one).join("/"),
    );
  return { ...world, find, names };
}

test("jobs, their nodes and scripts are found by their words in any case, saved last first", async () => {
  const { names } = await searchWorld();
  const all = ["live/watch", "daily/fetch", "daily/load", "load_orders"];
  expect(await names({ search_text: "oRDers" })).toEqual(all);
  expect(await names({ search_text: "daily" })).toEqual(["daily"]);
  expect(await names({ search_text: "shell" })).toEqual(["live/watch", "daily/fetch", "daily/done"]);
  expect(await names({ search_text: "nothing" })).toEqual([]);
});

test("no sign of the text has a meaning of its own", async () => {
  const { names } = await searchWorld();
  expect(await names({ search_text: "00%" })).toEqual(["daily/fetch", "clean"]);
  expect(await names({ search_text: '"orders"\n1' })).toEqual(["daily/fetch"]);
  for (const search_text of ["%_%", "o_ders", "a\\", "\\n", '","'])
    expect(await names({ search_text })).toEqual([]);
});

test("words are looked for as they stand, or each by itself", async () => {
  const { names } = await searchWorld();
  expect(await names({ search_text: "raw orders" })).toEqual([]);
  expect(await names({ search_text: " raw  orders ", match_type: 1 })).toEqual(["load_orders"]);
});

test("parameters and configurations are looked into where that is asked for", async () => {
  const { names } = await searchWorld();
  expect(await names({ search_text: "north" })).toEqual([]);
  expect(await names({ search_text: "north", if_query_parameters: "true" })).toEqual(["daily"]);
  expect(await names({ search_text: "a.key", if_query_parameters: "true" })).toEqual(["clean"]);
});

test("hits have what they are, and what they do not have is absent", async () => {
  const { find } = await searchWorld();
  const { search_details: hits, ...page } = await find({ search_text: "orders", workspace_id: "default" });
  const id = expect.stringMatching(/^\d+$/);
  const time = Date.parse("2026-11-23T06:54:27.123Z");
  const head = { project_id: PROJECT, workspace: "default", workspace_name: "default", version: 1 };
  const job = {
    ...{ doc_type: "node", owner: "ann", new_save_or_commit: "save", last_modified_time: time + 2000 },
    ...{ job_id: id, job_name: "daily", job_type: "BATCH", schedule_state: "stop" },
    job_params: '[{"name":"region","value":"north_orders"}]',
  };
  expect(page).toEqual({ limit: 10, offset: 0, total_hits: 3 });
  expect(hits).toEqual([
    {
      ...{ ...head, ...job, id: expect.stringMatching(/^job-\d+-0$/), node_name: "fetch" },
      node_type: "com.cloud.datacraft.processactivity.ExecuteScript",
    },
    {
      ...{ ...head, ...job, id: expect.stringMatching(/^job-\d+-1$/), node_name: "load" },
      node_type: "com.cloud.datacraft.processactivity.ExecuteHiveJob",
      script_name: "load_orders",
    },
    {
      ...{ ...head, id: expect.stringMatching(/^script-\d+$/), doc_type: "script", owner: "manager-user" },
      ...{ new_save_or_commit: "save", last_modified_time: time, script_id: id },
      ...{ script_name: "load_orders", script_type: "HIVE" },
    },
  ]);
});

test("the search is narrowed by each of its filters", async () => {
  const { names } = await searchWorld();
  for (const [filter, expected] of [
    [{ workspace_id: "w2" }, ["live/watch"]],
    [{ workspace_id: "w9" }, []],
    [{ doc_types: "script" }, ["load_orders"]],
    [{ doc_types: "node,script", job_type: "REAL_TIME" }, ["live/watch", "load_orders"]],
    [{ script_type: "DLI,RDS" }, ["live/watch", "daily/fetch", "daily/load"]],
    [{ script_type: "HiveSQL", doc_types: "script" }, ["load_orders"]],
    [{ node_type: "HiveSQL", doc_types: "node" }, ["daily/load"]],
    [
      { node_type: "com.cloud.datacraft.processactivity.ExecuteScript", workspace_id: "default" },
      ["daily/fetch", "load_orders"],
    ],
    [{ owners: "ann,bob" }, ["daily/fetch", "daily/load"]],
    [{ owners: "manager-user" }, ["live/watch", "load_orders"]],
    [{ begin_time: Date.parse("2026-11-23T06:54:30Z") }, ["live/watch"]],
    [{ end_time: Date.parse("2026-11-23T06:54:28Z") }, ["load_orders"]],
    [{ schedule_state: "stop" }, ["live/watch", "daily/fetch", "daily/load"]],
    [{ schedule_state: "running", new_save_or_commit: "commit" }, []],
    [{ limit: 2 }, ["live/watch", "daily/fetch"]],
    [{ limit: 2, offset: 1 }, ["daily/load", "load_orders"]],
    [{ limit: 2, offset: 2 }, []],
  ] as const)
    expect(await names({ search_text: "orders", ...filter }), JSON.stringify(filter)).toEqual(expected);
});

test("a whole name or id finds its object alone", async () => {
  const { find, names } = await searchWorld();
  const exact = { is_exact: "true" };
  expect(await names({ ...exact, search_text: "daily", exact_field: "jobName" })).toEqual(["daily"]);
  expect(await names({ ...exact, search_text: "DAILY", exact_field: "jobName" })).toEqual([]);
  expect(await names({ ...exact, search_text: "clean", exact_field: "scriptName" })).toEqual(["clean"]);
  const [{ job_id }] = (await find({ search_text: "daily" })).search_details;
  const [{ script_id }] = (await find({ search_text: "clean" })).search_details;
  expect(await names({ ...exact, search_text: job_id, exact_field: "jobId" })).toEqual(["daily"]);
  expect(await names({ ...exact, search_text: script_id, exact_field: "scriptId" })).toEqual(["clean"]);
});

test("a renamed or deleted object is not found by what it was", async () => {
  const { names, ok } = await searchWorld();
  await ok("PUT", `/v2/${PROJECT}/factory/jobs/daily/rename`, { body: { name: "nightly" } });
  expect([await names({ search_text: "daily" }), await names({ search_text: "nightly" })]).toEqual([
    [],
    ["nightly"],
  ]);
  await ok("PUT", "/scripts/clean", { body: { name: "clean", content: "select 2" } });
  expect(await names({ search_text: "100%" })).toEqual(["nightly/fetch"]);
  await ok("DELETE", "/jobs/nightly");
  expect(await names({ search_text: "100%" })).toEqual([]);
});

test("a search without a text, or with what no filter has, is refused", async () => {
  const { call } = await factoryWorld();
  for (const query of [
    "",
    "search_text=",
    "search_text=a",
    "search_text=%20a%20",
    `search_text=${"a".repeat(1001)}`,
    "search_text=ab&doc_types=jobs",
    "search_text=ab&job_type=batch",
    "search_text=ab&script_type=COBOL",
    "search_text=ab&match_type=2",
    "search_text=ab&new_save_or_commit=draft",
    "search_text=ab&schedule_state=paused",
    "search_text=ab&is_exact=true",
    "search_text=ab&is_exact=maybe",
    "search_text=ab&exact_field=owner",
    "search_text=ab&limit=101",
    "search_text=ab&begin_time=yesterday",
  ])
    expect(await call("GET", `${SEARCH}?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});

test("where workspaces do not come into being by themselves, an unknown one is missing", async () => {
  const { call } = await factoryWorld({ workspacesOnFirstUse: false });
  expect(await call("GET", `${SEARCH}?search_text=ab&workspace_id=w9`)).toMatchObject({
    status: 400,
    json: { error_code: "DLF.20819" },
  });
});

test("the requests of the page in the documents are answered", async () => {
  const { ok } = await factoryWorld();
  const page = await readFile(join(import.meta.dirname, "../../../docs/search.md"), "utf8");
  const asked = [...page.matchAll(/`GET ([^`]+)`/g)].map(([, path = ""]) => path);
  expect(asked).toHaveLength(2);
  for (const path of asked) await ok("GET", path.replace("{project_id}", PROJECT));
});

test("what is saved, renamed or given tags anew is found by its new words, and what has no marks by any", async () => {
  const { ok, names, pool } = await searchWorld();
  await ok("PUT", "/jobs/live", {
    body: jobBody("live", { name: "live", nodes: [shell("watch", "invoices")], processType: "REAL_TIME" }),
    workspace: "w2",
  });
  expect(await names({ search_text: "invoice" })).toEqual(["live/watch"]);
  expect(await names({ search_text: "orders", doc_types: "node" })).toEqual(["daily/fetch", "daily/load"]);
  await ok("PUT", "/scripts/clean", { body: { name: "clean", type: "DLISQL", content: "select invoices" } });
  expect(await names({ search_text: "INVOICES" })).toEqual(["live/watch", "clean"]);
  const factory = `/v2/${PROJECT}/factory`;
  await ok("PUT", `${factory}/jobs/daily/rename`, { body: { name: "everyday" } });
  expect(await names({ search_text: "everyday" })).toEqual(["everyday"]);
  expect(await names({ search_text: "daily" })).toEqual([]);
  await pool.query("update job set marks = null");
  await pool.query("update script set marks = null");
  expect(await names({ search_text: "raw" })).toEqual(["load_orders"]);
  expect(await names({ search_text: "curl" })).toEqual(["everyday/fetch"]);
});

test("jobs that cannot hold a text are passed over unread", async () => {
  const { ok, names, pool } = await searchWorld();
  for (const [name, word] of [
    ["one", "caterpillars"],
    ["two", "hippopotamus"],
  ] as const)
    await ok("POST", "/jobs", { body: jobBody(name, { nodes: [shell("a", word)] }) });
  // A definition that says what its marks do not is never looked into.
  await pool.query(
    `update job_version v set document = replace(document::text, 'hippopotamus', 'caterpillars')::json,
       definition = replace(definition::text, 'hippopotamus', 'caterpillars')::jsonb
     from job j where j.id = v.job_id and j.name = 'two'`,
  );
  expect(await names({ search_text: "caterpillars" })).toEqual(["one/a"]);
});
