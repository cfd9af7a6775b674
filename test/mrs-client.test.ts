/** The vendor's own calls for runs and clusters, driven by its Python SDK in both versions, which signs its requests, over a running service. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { LOCAL_CLUSTER_ID } from "../src/domain/cluster.ts";
import { formatObjectId } from "../src/domain/shared-object.ts";
import { type PythonClient, startPythonClient, testPython } from "./setup/python-client.ts";
import { type Service, startService } from "./setup/service.ts";

const CLUSTER = formatObjectId(LOCAL_CLUSTER_ID);
const MISSING = "00000000-0000-4000-8000-000000000000";
/** Python's own start, and a run's, on a machine that does much else. */
const SLOW_MS = 120_000;

let service: Service;
let first: PythonClient;
let second: PythonClient;

beforeAll(async () => {
  testPython();
  service = await startService();
  const login = { url: service.url, ...service.credentials };
  first = startPythonClient("factory", { sdk: "mrs", ...login });
  second = startPythonClient("factory", { sdk: "mrs2", ...login });
  const put = await fetch(`${service.url}/api/files/data/in/a`, {
    method: "PUT",
    headers: { "x-auth-token": await service.token(), "content-type": "application/octet-stream" },
    body: "words",
  });
  expect(put.status).toBe(201);
}, SLOW_MS);
afterAll(async () => {
  await first?.end();
  await second?.end();
  await service?.remove();
}, SLOW_MS);

const waiting = { timeout: SLOW_MS / 2, interval: 100 };

test("the first version submits, lists, shows and deletes a run", { timeout: SLOW_MS }, async () => {
  const body = {
    job_name: "copy",
    cluster_id: CLUSTER,
    job_type: 5,
    file_action: "export",
    input: "obs://data/in",
    output: "obs://data/out",
    arguments: "@password=hidden",
  };
  const submitted = await first.call("create_and_execute_job", { body });
  expect(submitted).toMatchObject({
    http_status: 200,
    job_name: "copy",
    job_type: 5,
    arguments: "@password=***",
    created_at: expect.any(Number),
  });
  const { id } = submitted;
  const done = await vi.waitFor(async () => {
    const { job_execution: shown } = await first.call("show_job_exes", { job_exe_id: id });
    expect(shown.job_state).toBe(3);
    return shown;
  }, waiting);
  expect(done).toMatchObject({ id, job_final_status: 2, spend_time: expect.any(Number), step_seq: 0 });
  const listed = await first.call("list_execute_job", {
    cluster_id: CLUSTER,
    page_size: "10",
    current_page: "1",
    job_name: "copy",
    state: "3",
  });
  expect(listed).toMatchObject({ total_record: 1, job_executions: [{ id, job_state: 3 }] });
  expect(await first.call("delete_job_execution", { job_execution_id: id })).toEqual({ http_status: 204 });
  expect(await first.refusal("show_job_exes", { job_exe_id: id })).toEqual({
    status: 404,
    code: "0162",
    message: "there is no such job execution",
  });
});

test("the first version refuses a run by the vendor's code", async () => {
  const body = { job_name: "wc", cluster_id: CLUSTER, job_type: 1 };
  expect(await first.refusal("create_and_execute_job", { body })).toMatchObject({
    status: 400,
    code: "12000081",
  });
});

test("clusters are listed and shown", async () => {
  expect(await first.call("list_clusters", { page_size: "10", current_page: "1" })).toMatchObject({
    cluster_total: 1,
    clusters: [{ cluster_id: CLUSTER, cluster_name: "local", cluster_state: "running" }],
  });
  expect(await first.call("list_hosts", { cluster_id: CLUSTER })).toMatchObject({
    http_status: 200,
    hosts: [],
  });
  expect(await first.refusal("show_cluster_details", { cluster_id: MISSING })).toMatchObject({
    status: 404,
    code: "12000003",
  });
});

test("the second version submits, follows, lists, kills and deletes a run", {
  timeout: SLOW_MS,
}, async () => {
  const body = {
    job_type: "DistCp",
    job_name: "again",
    arguments: ["obs://data/in", "obs://data/again"],
    properties: { a: "b" },
  };
  const submitted = await second.call("create_execute_job", { cluster_id: CLUSTER, body });
  expect(submitted).toMatchObject({ http_status: 200, job_submit_result: { state: "COMPLETE" } });
  const run = { cluster_id: CLUSTER, job_execution_id: submitted.job_submit_result.job_id };
  const done = await vi.waitFor(async () => {
    const { job_detail: detail } = await second.call("show_single_job_exe", run);
    expect(detail.job_state).toBe("FINISHED");
    return detail;
  }, waiting);
  expect(done).toMatchObject({
    job_result: "SUCCEEDED",
    job_progress: 100,
    job_type: "DistCp",
    arguments: "[obs://data/in, obs://data/again]",
    properties: "{a=b}",
  });
  const listed = await second.call("show_job_exe_list_new", {
    cluster_id: CLUSTER,
    limit: "10",
    offset: "1",
    sort_by: "desc",
    submitted_time_begin: done.submitted_time,
  });
  expect(listed).toMatchObject({ http_status: 202, total_record: 1, job_list: [{ job_name: "again" }] });
  expect(await second.call("stop_job", run)).toEqual({ http_status: 202 });
  expect(await second.refusal("show_sql_result_with_job", run)).toMatchObject({ status: 400, code: "0181" });
  const list = { body: { job_id_list: [run.job_execution_id] }, cluster_id: CLUSTER };
  expect((await second.call("batch_delete_jobs", list)).http_status).toBe(200);
  expect(await second.refusal("show_single_job_exe", run)).toMatchObject({ status: 404, code: "0176" });
});
