/** The monitor, dependent instances, alarms, and lists of what waits for a review, by the SDKs. */
import { expect } from "vitest";
import { startReceiver } from "../setup/webhook.ts";
import { eventually, OK, type Play, type Stage } from "./play.ts";

const NODES = [{ name: "a", type: "Dummy", location: { x: 0, y: 0 }, properties: [] }];
const ONCE = { nodes: NODES, schedule: { type: "EXECUTE_ONCE" }, processType: "BATCH" };

const SECONDS = { expression: "* * * * * ?", startTime: "2026-01-01T00:00:00Z", dependPrePeriod: true };

async function countInstances({ call, send }: Stage): Promise<void> {
  await send("POST", "/jobs", { ...ONCE, name: "one" });
  await send("POST", "/jobs/one/run-immediate", {});
  const counted = await eventually(async () => {
    const counts = await call("list_factory_task_overview", { is_own: "true", query_days: "today" });
    expect(counts.success_count).toBe(1);
    return counts;
  });
  expect(counted).toEqual({
    ...OK,
    total_count: 1,
    success_count: 1,
    fail_count: 0,
    running_count: 0,
    waiting_count: 0,
    pause_count: 0,
    freeze_count: 0,
    manual_stop_count: 0,
    skip_count: 0,
    running_exception_count: 0,
    force_success_count: 0,
    ignore_success_count: 0,
    waiting_confirm_count: 0,
  });
  const { today, yesterday, average } = await call("list_factory_task_completion", { type: "all" });
  // What succeeded in the hour that is not over has no point yet.
  for (const points of [today, yesterday, average])
    expect(points[0]).toEqual({ record_time: expect.any(Number), task_completion_num: 0 });
  expect(today[0].record_time - yesterday[0].record_time).toBe(24 * 3_600_000);
}

async function relateInstances({ call, send, workspace }: Stage): Promise<void> {
  await send("POST", "/jobs", {
    ...ONCE,
    name: "chain",
    directory: "/d",
    schedule: { type: "CRON", cron: SECONDS },
  });
  await send("POST", "/jobs/chain/start", {});
  const rows = await eventually(async () => {
    const { instances } = await call("list_factory_job_instances_by_name", {
      job_name: "chain",
      status: "success",
    });
    expect(instances.length).toBeGreaterThanOrEqual(3);
    return instances;
  });
  await send("POST", "/jobs/chain/stop", {});
  const { instance_id: id } = rows.at(-2);
  const asked = { instance_id: id, x_project_id: "ours", relation: "both", depth: 1, latest: true };
  const related = await call("show_factory_depend_instances", asked);
  expect(related).toMatchObject({ ...OK, total: related.depend_instances_info.length });
  const parent = related.depend_instances_info.find(
    (one: { id: number }) => one.id === rows.at(-1).instance_id,
  );
  const child = related.depend_instances_info.find(
    (one: { id: number }) => one.id === rows.at(-3).instance_id,
  );
  expect(child.parent_instance_ids).toEqual([id]);
  expect(parent).toMatchObject({
    job_id: expect.any(Number),
    job_name: "chain",
    directory_path: "/d",
    force_success: false,
    ignore_success: false,
    plan_time: rows.at(-1).plan_time,
    running_time: expect.any(Number),
    start_time: expect.any(Number),
    end_time: expect.any(Number),
    status: "success",
    submit_time: expect.any(Number),
    version: 1,
    workspace_id: workspace,
    workspace_name: workspace,
    avg_execute_time_ms: expect.any(Number),
  });
}

async function showAlarms({ call, send, workspace, userName }: Stage): Promise<void> {
  const topic = `${workspace}-topic`;
  await send("POST", "/api/topics", { name: topic });
  const receiver = await startReceiver();
  await send("POST", `/api/topics/${topic}/targets`, {
    url: `${receiver.url}/here`,
    secret: "a secret of the target",
  });
  await send("POST", "/jobs", { ...ONCE, name: "told" });
  await send("POST", "/api/alarm-rules", { name: "of-a-job", kind: "success", topic, job: "told" });
  await send("POST", "/api/alarm-rules", { name: "of-a-folder", kind: "failure", topic, directory: "/" });
  await send("POST", "/jobs/told/run-immediate", {});
  const now = Date.now();
  const span = { start_time: now - 600_000, end_time: now + 600_000, limit: 10, offset: 0 };
  const told = await eventually(async () => {
    const answer = await call("list_factory_alarm_info", span);
    expect(answer.alarm_info?.[0]?.send_status).toBeDefined();
    return answer;
  });
  expect(told).toEqual({
    ...OK,
    total: 1,
    alarm_info: [
      {
        alarm_time: expect.any(Number),
        job_id: expect.any(Number),
        job_name: "told",
        schedule_type: 2,
        send_msg: expect.stringContaining("told"),
        plan_time: expect.any(Number),
        remind_type: 0,
        send_status: 0,
      },
    ],
  });
  const rules = await call("list_factory_alarm_rules", {
    x_project_id: "ours",
    name: "of-a",
    remind_type: 1,
    limit: 10,
    offset: 0,
  });
  expect(rules).toMatchObject({
    ...OK,
    total: 1,
    total_all: 2,
    success_count: 1,
    exception_count: 1,
    cancel_jobs_count: 0,
    unfinished_count: 0,
    alarm_rules_items_details: [
      {
        id: expect.any(Number),
        name: "of-a-folder",
        rule_name: "of-a-folder",
        remind_type: 1,
        topic_name: topic,
        urn: expect.stringContaining(topic),
        create_time: expect.any(Number),
        create_user: userName,
        job_directory: [{ directory_name: "/" }],
      },
    ],
  });
  const { alarm_rules_items_details: all } = await call("list_factory_alarm_rules", {});
  expect(all.find((rule: { rule_name: string }) => rule.rule_name === "of-a-job")).toMatchObject({
    name: "told",
    node_id: expect.any(Number),
    node_id_list: [expect.any(Number)],
    node_name_list: ["told"],
  });
  expect(await call("list_factory_alarm_rules", { ding_name: "robot" })).toMatchObject({ total: 0 });
}

async function listAlarms({ call, send, workspace }: Stage): Promise<void> {
  const topic = `${workspace}-topic`;
  await send("POST", "/api/topics", { name: topic });
  await send("POST", "/jobs", { ...ONCE, name: "told" });
  await send("POST", "/api/alarm-rules", { name: "r", kind: "success", topic, job: "told" });
  expect(await call("list_jobs")).toMatchObject({
    jobs: [{ name: "told", alarms: [{ alarm_type: "SUCCESS", topic_urn: expect.stringContaining(topic) }] }],
  });
}

async function releaseNothing({ call, refusal }: Stage): Promise<void> {
  const filter = {
    key_word: "k",
    apply_user_name: "a",
    deploy_user_name: "d",
    apply_begin_time: 1,
    apply_end_time: 2,
    deploy_begin_time: 3,
    deploy_end_time: 4,
    apply_user_name_filter: ["a"],
    deploy_user_name_filter: ["d"],
    deploy_status_filter: [1],
    sorted_direction: "desc",
    order_column: "c",
    limit: 10,
    offset: 0,
  };
  const { x_request_id, ...packages } = await call("list_factory_release_packages", { body: filter });
  expect(packages).toEqual({ ...OK, data: [], total: 0 });
  const items = {
    x_project_id: "ours",
    submit_user_name: "a",
    item_name: "i",
    update_type: "1",
    task_type: "1",
    start_time: "1",
    end_time: "2",
    limit: 10,
    offset: 0,
  };
  expect(await call("list_factory_pending_items", items)).toEqual({ ...OK, data: [], total: 0 });
  const approvals = {
    x_project_id: "ours",
    begin_time: 1,
    end_time: 2,
    status: "s",
    type: "t",
    apply_id: "7",
    approver_name: "a",
    create_user: "c",
    object_name: "o",
    object_type: "j",
    limit: 10,
    offset: 0,
  };
  const searched = await call("list_factory_workspaces_approval", approvals);
  expect(searched).toEqual({ ...OK, job_apply_search_list: [], total: 0 });
  const invalid = { status: 400, code: "DLF.3051" };
  const refused = async (name: string, args: object) =>
    expect(await refusal(name, { ...args }), name).toMatchObject(invalid);
  await refused("show_factory_package_detail", { package_id: "7" });
  await refused("deploy_factory_packages", { body: { package_ids: ["7"], startup_mode: 1 } });
  await refused("cancel_factory_packages", { body: { package_ids: ["7"] } });
  const pack = { apply_user_id: "u", package_name: "p", pending_item_list: ["7"], approver_ids: ["u"] };
  await refused("create_factory_pending_items_package", { body: pack });
}

export const monitorPlays: readonly Play[] = [
  { sdk: "dataartsstudio", about: "counts instances and completed nodes", perform: countInstances },
  { sdk: "dataartsstudio", about: "shows instances that depend on each other", perform: relateInstances },
  { sdk: "dataartsstudio", about: "shows alarms and their rules", perform: showAlarms },
  { sdk: "dgc", about: "lists jobs with their alarms", perform: listAlarms },
  { sdk: "dataartsstudio", about: "finds nothing under review", perform: releaseNothing },
];
