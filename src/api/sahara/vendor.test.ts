/** The vendor's own calls: runs without a template in both versions, their lists, their errors; clusters as the vendor shows them. */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type SaharaWorld, saharaWorld, tokenOf } from "../../../test/setup/sahara-world.ts";
import { LOCAL_CLUSTER_ID } from "../../domain/cluster.ts";
import { formatObjectId } from "../../domain/shared-object.ts";

const CLUSTER = formatObjectId(LOCAL_CLUSTER_ID);
const MISSING = "00000000-0000-4000-8000-000000000000";
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let world: SaharaWorld;

beforeAll(async () => {
  world = await saharaWorld("real");
});
afterAll(() => world.close());

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** A project of its own, with a folder to copy. */
async function setup() {
  const project = randomUUID().replaceAll("-", "");
  const call = async (method: Method, path: string, body?: object) => {
    const answer = await world.app.inject({
      method,
      url: path.replace("{p}", project).replace("{c}", CLUSTER),
      headers: { "x-auth-token": tokenOf(project) },
      ...(body && { payload: body }),
    });
    return { status: answer.statusCode, body: answer.body === "" ? undefined : answer.json() };
  };
  const buckets = world.buckets(project);
  await buckets.write("obs://data/in/a", Readable.from(["words"]));
  const submit = async (changes: object = {}) =>
    await call("POST", "/v1.1/{p}/jobs/submit-job", {
      job_type: 5,
      job_name: "copy",
      cluster_id: CLUSTER,
      input: "obs://data/in",
      output: "obs://data/out",
      file_action: "import",
      ...changes,
    });
  const ended = (id: string) =>
    vi.waitFor(
      async () => {
        const { body } = await call("GET", `/v1.1/{p}/job-exes/${id}`);
        expect([-1, 3, 4]).toContain(body.job_execution.job_state);
        return body.job_execution;
      },
      { timeout: 20_000, interval: 30 },
    );
  return { project, call, submit, ended, buckets };
}

const V2 = "/v2/{p}/clusters/{c}/job-executions";

test("submit-job runs at once, and says all of it twice", async () => {
  const { project, submit, ended, buckets } = await setup();
  const { status, body } = await submit({ arguments: "-m 2 @fs.key=hidden", is_public: false });
  expect(status).toBe(200);
  const { job_execution: nested, ...flat } = body;
  expect(flat).toMatchObject({
    id: expect.stringMatching(ID),
    tenant_id: project,
    job_id: "",
    job_name: "copy",
    job_type: 5,
    arguments: "-m 2 @fs.key=***",
    input: "obs://data/in",
    cluster_id: CLUSTER,
    group_id: flat.id,
    end_time: null,
    templated: false,
    job_configs: null,
    create_by: project,
  });
  expect(flat.created_at).toBeTypeOf("number");
  expect(nested).toEqual({
    ...flat,
    created_at: String(flat.created_at),
    updated_at: String(flat.updated_at),
  });
  const done = await ended(flat.id);
  expect(done).toMatchObject({ job_state: 3, job_final_status: 2, job_name: "copy", step_seq: 0 });
  expect(String(done.create_at)).toMatch(/^\d{13}$/);
  expect(done.spend_time).toBeTypeOf("number");
  expect(await text(await buckets.open("obs://data/out/a"))).toBe("words");
});

test("a run without a template is a job execution like others: shown, listed with an empty job, deleted", async () => {
  const { call, submit, ended } = await setup();
  const { id } = (await submit()).body;
  await ended(id);
  const path = `/v1.1/{p}/job-executions/${id}`;
  expect((await call("GET", path)).body.job_execution).toMatchObject({
    job_id: "",
    info: { status: "SUCCEEDED" },
  });
  const listed = await call("GET", "/v1.1/{p}/job-executions?job.name=copy");
  expect(listed.body.job_executions.map((one: { id: string }) => one.id)).toEqual([id]);
  expect((await call("DELETE", path)).status).toBe(204);
  const gone = await call("GET", `/v1.1/{p}/job-exes/${id}`);
  expect(gone).toMatchObject({ status: 404, body: { error_code: "0162" } });
  expect(gone.body.error_msg).toBe(gone.body.error_message);
});

test("secrets among the arguments are kept sealed", async () => {
  const { project, submit, ended } = await setup();
  await ended((await submit({ arguments: "@key=very-hidden" })).body.id);
  const { rows } = await world.database.pool.query(
    "select t::text as row, program_sealed is not null as sealed from job_execution t where project_id = $1",
    [project],
  );
  expect(rows).toEqual([{ row: expect.not.stringContaining("very-hidden"), sealed: true }]);
});

test("job-exes come by pages, the newest first, narrowed by name, state and id", async () => {
  const { call, submit, ended } = await setup();
  const ids: string[] = [];
  for (const name of ["one", "two", "two"]) ids.push((await submit({ job_name: name })).body.id);
  for (const id of ids) await ended(id);
  const list = async (query: string) => {
    const { status, body } = await call("GET", `/v1.1/{p}/job-exes?${query}`);
    expect(status).toBe(200);
    return [body.totalRecord, body.job_executions.map(({ id }: { id: string }) => id)];
  };
  const own = `cluster_id=${CLUSTER}`;
  expect(await list(own)).toEqual([3, ids.toReversed()]);
  expect(await list(`clusterId=${CLUSTER}&page_size=2&current_page=2`)).toEqual([3, [ids[0]]]);
  expect(await list(`${own}&job_name=two&state=3`)).toEqual([2, [ids[2], ids[1]]]);
  expect(await list(`${own}&state=-1`)).toEqual([0, []]);
  expect(await list(`${own}&id=${ids[0]}`)).toEqual([1, [ids[0]]]);
  expect(await list(`cluster_id=${MISSING}`)).toEqual([0, []]);
  for (const query of ["", `${own}&page_size=0`, `${own}&page_size=101`, `${own}&state=7`])
    expect(await call("GET", `/v1.1/{p}/job-exes?${query}`)).toMatchObject({
      status: 400,
      body: { error_code: "12000002" },
    });
});

test("what submit-job refuses, and by which code", async () => {
  const { submit } = await setup();
  const refusals: [object, string][] = [
    [{ job_type: 8 }, "12000002"],
    [{ job_name: "a b" }, "12000002"],
    [{ cluster_id: MISSING }, "12000003"],
    [{ job_type: 1 }, "12000081"],
    [{ job_type: 3 }, "12000114"],
    [{ job_type: 2, jar_path: "obs://b/x.py" }, "12000002"],
    [{ job_type: 7, hql: "!!" }, "12000002"],
    [{ arguments: "a;b" }, "12000002"],
    [{ input: "data/in" }, "12000002"],
    [{ unknown: 1 }, "12000002"],
  ];
  for (const [changes, code] of refusals)
    expect((await submit(changes)).body, JSON.stringify(changes)).toMatchObject({ error_code: code });
});

test("the second version submits, shows, kills and deletes below its cluster", async () => {
  const { call, project } = await setup();
  const body = {
    job_type: "DistCp",
    job_name: "copy",
    arguments: ["obs://data/in", "obs://data/out; echo $(id)"],
    properties: { "fs.obs.access.key": "AK", queue: "a" },
  };
  const submitted = await call("POST", V2, body);
  expect(submitted).toMatchObject({ status: 200, body: { job_submit_result: { state: "COMPLETE" } } });
  const id = submitted.body.job_submit_result.job_id;
  const detail = await vi.waitFor(
    async () => {
      const { job_detail } = (await call("GET", `${V2}/${id}`)).body;
      expect(job_detail.job_state).toBe("FINISHED");
      return job_detail;
    },
    { timeout: 20_000, interval: 30 },
  );
  expect(detail).toMatchObject({
    job_id: id,
    user: "tester",
    job_name: "copy",
    job_result: "SUCCEEDED",
    job_progress: 100,
    job_type: "DistCp",
    arguments: "[obs://data/in, obs://data/out; echo $(id)]",
    properties: "{fs.obs.access.key=***, queue=a}",
    queue: "default",
  });
  expect(await text(await world.buckets(project).open("obs://data/out; echo $(id)/a"))).toBe("words");
  expect((await call("POST", `${V2}/${id}/kill`)).status).toBe(202);
  expect(await call("GET", `${V2}/${id}/sql-result`)).toMatchObject({
    status: 400,
    body: { error_code: "0181" },
  });
  const gone = await call("POST", `${V2}/batch-delete`, { job_id_list: [id, MISSING] });
  expect(gone).toMatchObject({ status: 404, body: { error_code: "0161" } });
  expect((await call("POST", `${V2}/batch-delete`, { job_id_list: [id] })).status).toBe(200);
  expect(await call("GET", `${V2}/${id}`)).toMatchObject({ status: 404, body: { error_code: "0176" } });
  expect(await call("POST", `${V2}/${id}/kill`)).toMatchObject({ status: 404, body: { error_code: "0160" } });
});

test("the second version's list answers 202 with pages from 1, and takes its filters in any case", async () => {
  const { call, submit, ended } = await setup();
  const ids: string[] = [];
  for (const name of ["one", "two"]) ids.push((await submit({ job_name: name })).body.id);
  for (const id of ids) await ended(id);
  const list = async (query: string) => {
    const { status, body } = await call("GET", `${V2}?${query}`);
    expect(status).toBe(202);
    return [body.total_record, body.job_list.map((one: { job_name: string }) => one.job_name)];
  };
  expect(await list("limit=10&offset=1&sort_by=desc")).toEqual([2, ["two", "one"]]);
  expect(await list("limit=1&offset=2&sort_by=asc")).toEqual([2, ["two"]]);
  expect(await list("limit=1&offset=0")).toEqual([2, ["two"]]);
  expect(
    await list("job_state=finished&job_result=succeeded&job_type=distcp&user=tester&queue=default"),
  ).toEqual([2, ["two", "one"]]);
  expect(await list("job_state=New")).toEqual([0, []]);
  expect(await list(`job_id=${ids[0]}&job_name=one`)).toEqual([1, ["one"]]);
  expect(await list("submitted_time_begin=4000000000000")).toEqual([0, []]);
  expect(await list("submitted_time_begin=1&submitted_time_end=4000000000000")).toEqual([2, ["two", "one"]]);
});

test("the rows that a statement left are given by the names of their columns, to whom asks when it has ended", async () => {
  const { call, project, submit, ended } = await setup();
  const { id } = (await submit()).body;
  await ended(id);
  const { pool } = world.database;
  await pool.query(
    `update job_execution set vendor = jsonb_set(vendor::jsonb, '{type}', '"SparkSql"')::json where project_id = $1`,
    [project],
  );
  const leave = (output: string | null) =>
    pool.query("update node_run set output = $2 where project_id = $1", [project, output]);
  const table = {
    columns: [{ name: "a", type: "int" }, { name: "b" }],
    rowCount: 2,
    rows: [
      ["1", null],
      ["2", "x"],
    ],
  };
  await leave(JSON.stringify(table));
  const result = await call("GET", `${V2}/${id}/sql-result`);
  expect(result).toEqual({
    status: 200,
    body: {
      sql_results: {
        "0": [
          { a: "1", b: "" },
          { a: "2", b: "x" },
        ],
      },
    },
  });
  await leave(null);
  expect((await call("GET", `${V2}/${id}/sql-result`)).body).toEqual({
    sql_results: { "0": [{ result: "succeed" }] },
  });
});

test("what the cluster calls the work is shown once it is known, of the last round, and found by it", async () => {
  const { call, project, submit, ended } = await setup();
  const { id } = (await submit()).body;
  await ended(id);
  const shown = async () => [
    (await call("GET", `/v1.1/{p}/job-executions/${id}`)).body.job_execution.engine_job_id,
    (await call("GET", `/v1.1/{p}/job-exes/${id}`)).body.job_execution.job_id,
    (await call("GET", `${V2}/${id}`)).body.job_detail.app_id,
  ];
  expect(await shown()).toEqual([null, "", ""]);
  for (const round of [1, 4])
    await world.database.pool.query(
      `insert into submission (project_id, instance_id, node_no, round, key, cluster_id, service, engine_id, begun_at)
       select project_id, instance_id, 0, $2::integer, gen_random_uuid(), cluster_id, 'yarn', 'application_' || $2::integer, now()
       from job_execution where project_id = $1`,
      [project, round],
    );
  expect(await shown()).toEqual(["application_4", "application_4", "application_4"]);
  const found = async (engineId: string) =>
    (await call("GET", `/v1.1/{p}/job-executions?engine_job_id=${engineId}`)).body.job_executions.length;
  expect([await found("application_4"), await found("application_1")]).toEqual([1, 0]);
});

test("runs of other clusters and projects are not there", async () => {
  const [one, other] = [await setup(), await setup()];
  const { id } = (await one.submit()).body;
  await one.ended(id);
  expect((await other.call("GET", `/v1.1/{p}/job-exes/${id}`)).status).toBe(404);
  expect((await one.call("GET", `/v2/{p}/clusters/${MISSING}/job-executions/${id}`)).status).toBe(404);
  expect(await one.call("GET", `/v2/{p}/clusters/${MISSING}/job-executions`)).toMatchObject({
    status: 400,
    body: { error_code: "12000003" },
  });
  expect((await other.call("GET", V2)).body).toEqual({ total_record: 0, job_list: [] });
});

test("a cluster shows as the vendor's clients read it, and is made, resized and cut down nowhere", async () => {
  const { call, project } = await setup();
  const { body } = await call("GET", "/v1.1/{p}/cluster_infos?currentPage=1&pageSize=10");
  expect(body).toMatchObject({
    clusterTotal: "1",
    clusters: [{ clusterId: CLUSTER, clusterName: "local", clusterState: "running", tenantId: project }],
  });
  expect((await call("GET", "/v1.1/{p}/cluster_infos?tags=k1*v1")).body.clusters).toEqual([]);
  expect((await call("GET", "/v1.1/{p}/cluster_infos?clusterState=terminated")).body.clusters).toEqual([]);
  expect((await call("GET", "/v1.1/{p}/cluster_infos/{c}")).body.cluster).toEqual(body.clusters[0]);
  expect((await call("GET", "/v1.1/{p}/clusters/{c}/hosts")).body).toEqual({ total: 0, hosts: [] });
  expect((await call("GET", `/v1.1/{p}/cluster_infos/${MISSING}`)).body.error_code).toBe("12000003");
  for (const refused of [
    await call("PUT", "/v1.1/{p}/cluster_infos/{c}", {}),
    await call("POST", "/v1.1/{p}/run-job-flow", {}),
  ])
    expect(refused).toMatchObject({ status: 400, body: { error_code: "12000054" } });
});

test("every call asks for a log-in and for its role, in the vendor's shape", async () => {
  const { project } = await setup();
  const routes: [Method, string, "reader" | "member" | "manager"][] = [
    ["POST", "/v1.1/{p}/jobs/submit-job", "member"],
    ["GET", "/v1.1/{p}/job-exes", "reader"],
    ["PUT", "/v1.1/{p}/cluster_infos/{c}", "manager"],
    ["POST", "/v1.1/{p}/run-job-flow", "manager"],
    ["POST", V2, "member"],
    ["GET", V2, "reader"],
    ["POST", `${V2}/${MISSING}/kill`, "member"],
    ["POST", `${V2}/batch-delete`, "member"],
  ];
  const below = { member: "reader", manager: "member" } as const;
  for (const [method, path, role] of routes) {
    const url = path.replace("{p}", project).replace("{c}", CLUSTER);
    const nobody = await world.app.inject({ method, url });
    expect(nobody.statusCode, url).toBe(401);
    expect(nobody.json()).toMatchObject({ error_code: "12000001", error_msg: expect.any(String) });
    if (role === "reader") continue;
    const refused = await world.app.inject({
      method,
      url,
      headers: { "x-auth-token": tokenOf(project, below[role]) },
      payload: {},
    });
    expect(refused.json(), url).toMatchObject({ error_code: "12000136" });
    expect(refused.statusCode).toBe(403);
  }
});
