/** Texts and tables that are looked for by the SDK of v2. */
import { expect } from "vitest";
import { OK, type Play, type Stage } from "./play.ts";

const CDM = [
  { name: "clusterName", value: "cluster" },
  { name: "jobName", value: "needle-move" },
];
const SHELL = [
  { name: "scriptName", value: "find" },
  { name: "arguments", value: "needle" },
];
const NODE = { location: { x: 0, y: 0 } };

async function searchTexts({ call, refusal, send, workspace, projectId, userName }: Stage): Promise<void> {
  const job = {
    processType: "BATCH",
    schedule: { type: "EXECUTE_ONCE" },
    params: [{ name: "k", value: "needle" }],
    singleNodeJobFlag: false,
    singleNodeJobType: "NormalJob",
    basicConfig: { owner: "me" },
  };
  const nodes = [
    { ...NODE, name: "move", type: "CDMJob", properties: CDM },
    { ...NODE, name: "say", type: "Shell", properties: SHELL },
  ];
  await send("POST", "/jobs", { ...job, name: "needle-job", nodes });
  await send("POST", "/scripts", { name: "find", type: "Shell", content: "echo a needle" });
  const search = async (query: Readonly<Record<string, unknown>>) => {
    const asked = { search_text: "needle", workspace_id: workspace, ...query };
    const { http_status, search_details, ...rest } = await call("show_factory_full_text", asked);
    expect({ http_status }).toEqual(OK);
    return { ...rest, hits: search_details };
  };
  const whole = await search({ if_query_parameters: "true", limit: 100 });
  expect(whole).toMatchObject({ limit: 100, offset: 0, total_hits: whole.hits.length });
  const found = (members: object) =>
    expect(whole.hits).toContainEqual(
      expect.objectContaining({
        id: expect.any(String),
        project_id: projectId,
        workspace,
        workspace_name: workspace,
        new_save_or_commit: "save",
        version: 1,
        last_modified_time: expect.any(Number),
        ...members,
      }),
    );
  const ofJob = {
    doc_type: "node",
    job_id: expect.any(String),
    job_name: "needle-job",
    job_type: "BATCH",
    job_params: expect.stringContaining("needle"),
    single_node_job_type: "NormalJob",
    schedule_state: "stop",
    owner: "me",
  };
  found({
    ...ofJob,
    node_name: "move",
    node_type: "CDMJob",
    cdm_cluster_name: "cluster",
    cdm_job_name: "needle-move",
  });
  found({ ...ofJob, node_name: "say", script_name: "find" });
  found({
    doc_type: "script",
    script_id: expect.any(String),
    script_name: "find",
    script_type: "SHELL",
    owner: userName,
  });
  const now = Date.now();
  const span = { begin_time: now - 3_600_000, end_time: now + 3_600_000 };
  const scripts = { ...span, doc_types: "script", script_type: "SHELL", owners: userName, match_type: 1 };
  expect((await search({ ...scripts, new_save_or_commit: "commit", offset: 0 })).total_hits).toBe(1);
  const nodesOnly = { job_type: "BATCH", node_type: "CDMJob", schedule_state: "stop" };
  expect((await search(nodesOnly)).hits).toMatchObject([{ node_name: "move" }]);
  const exact = { search_text: "needle-job", is_exact: "true", exact_field: "jobName" };
  expect((await search(exact)).hits[0]).toMatchObject({ job_name: "needle-job" });
  expect(await refusal("show_factory_full_text", { search_text: "n" })).toMatchObject({ code: "DLF.3051" });
}

async function findTables({ call, send, workspace }: Stage): Promise<void> {
  const hive = { clusterName: "mrs", connectionMethod: "direct" };
  await send("POST", "/connections", { name: "hive", type: "HIVE", config: hive });
  const properties = Object.entries({
    statementOrScript: "STATEMENT",
    statement: "insert into sales.orders_${day} select * from sales.orders",
    connectionName: "hive",
  }).map(([name, value]) => ({ name, value }));
  await send("POST", "/jobs", {
    name: "load",
    processType: "BATCH",
    schedule: { type: "EXECUTE_ONCE" },
    basicConfig: { owner: "me", executeUser: "etl" },
    nodes: [{ ...NODE, name: "a", type: "HiveSQL", properties }],
  });
  const asked = { table_name: "orders", db_type: "HIVE", x_project_id: "ours" };
  const filters = {
    data_base_name: "sales",
    cluster_name: "mrs",
    io_type: 0,
    workspace_name: workspace,
    owner: "me",
    execute_user: "etl",
    offset: 0,
    limit: 10,
  };
  expect(await call("list_task_table_reference_detail", { ...asked, ...filters })).toEqual({
    ...OK,
    total: 1,
    task_table_detail_list: [
      {
        job_id: expect.any(Number),
        job_name: "load",
        db_type: "HIVE",
        data_base: "sales",
        table_name: "orders",
        cluster_name: "mrs",
        workspace_name: workspace,
        workspace_id: workspace,
        owner: "me",
        execute_user: "etl",
        last_submit_time: expect.any(Number),
        io_type: 0,
        is_dynamic: false,
      },
    ],
  });
  const written = { ...asked, workspace_name: workspace, io_type: 1 };
  expect(await call("list_task_table_reference_detail", written)).toMatchObject({ total: 0 });
}

export const searchPlays: readonly Play[] = [
  { sdk: "dataartsstudio", about: "finds texts in jobs and scripts", perform: searchTexts },
  { sdk: "dataartsstudio", about: "finds the jobs that use a table", perform: findTables },
];
