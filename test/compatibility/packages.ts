/** Packages by the SDKs of v1: exported, looked into, imported by tasks. */
import { expect } from "vitest";
import { eventually, OK, type Play, type Stage } from "./play.ts";

const JOB = {
  nodes: [
    {
      name: "only",
      type: "Shell",
      location: { x: 1, y: 2 },
      properties: [{ name: "scriptName", value: "s1" }],
    },
  ],
  schedule: { type: "EXECUTE_ONCE" },
  processType: "BATCH",
  directory: "/d",
  params: [{ name: "day", value: "monday" }],
};

async function prepare({ send }: Stage): Promise<void> {
  await send("POST", "/scripts", { name: "s1", type: "Shell", content: "true", directory: "/s" });
  for (const name of ["j1", "j2"]) await send("POST", "/jobs", { ...JOB, name });
}

/** The bytes of an answer that the SDK has no model for; names of files stand in a zip as they are. */
function bytesOf({ http_status, bytes }: { http_status: number; bytes: string }): Buffer {
  expect(http_status).toBe(200);
  return Buffer.from(bytes, "base64");
}

function ended({ call }: Stage, taskId: string) {
  return eventually(async () => {
    const task = await call("list_system_tasks", { task_id: taskId });
    expect(task.status).not.toBe("RUNNING");
    return task;
  });
}

async function exchangePackages(stage: Stage): Promise<void> {
  const { call, refusal, send, workspace } = stage;
  await prepare(stage);
  const folder = `obs://${workspace}/out`;
  const plain = bytesOf(await call("export_job", { job_name: "j1" }));
  for (const part of ["PK", "jobs/j1.job", "scripts/s1.script"])
    expect(plain.includes(part), part).toBe(true);
  const choice = { export_depend: false, export_status: "DEVELOP" };
  const both = bytesOf(await call("export_job_list", { body: { job_list: ["j1", "j2"], ...choice } }));
  expect(both.includes("jobs/j2.job") && !both.includes("scripts/s1.script")).toBe(true);
  const placed = { export_depend: true, export_status: "SUBMIT", obs_path: folder };
  const many = bytesOf(await call("export_job_list", { body: { job_list: ["j1"], ...placed } }));
  expect(JSON.parse(many.toString()).obsPath).toMatch(new RegExp(`^${folder}/`));
  const one = bytesOf(await call("export_job", { job_name: "j1", body: placed }));
  const path = `${JSON.parse(one.toString()).obsPath}/j1.zip`;
  expect(await call("show_file_info", { body: { path } })).toEqual({
    ...OK,
    jobs: [{ name: "j1", path: "/d", params: { day: "monday" } }],
    scripts: [{ name: "s1", path: "/s" }],
  });
  const body = {
    path,
    params: { day: "tuesday" },
    same_name_policy: "OVERWRITE",
    jobs_param: [{ name: "j1", params: { day: "friday" } }],
    execute_user: "other",
    target_status: "SUBMITTED",
    approvers: [{ approver_name: "boss" }],
    resources: [{ name: "r", type: "jar", replace: "true" }],
  };
  const { http_status, task_id } = await call("import_job", { body });
  expect({ http_status }).toEqual(OK);
  const task = await ended(stage, task_id);
  const line = { id: expect.any(String), last_update: expect.any(Number), status: "SUCCESSFUL" };
  expect(task).toMatchObject({
    ...OK,
    id: task_id,
    name: expect.any(String),
    start_time: expect.any(Number),
    end_time: expect.any(Number),
    last_update: expect.any(Number),
    status: "SUCCESSFUL",
    subtasks: [
      { ...line, name: "s1" },
      { ...line, name: "j1" },
    ],
  });
  const job = await call("show_job", { job_name: "j1" });
  expect(job).toMatchObject({
    params: [{ name: "day", value: "friday" }],
    basic_config: { execute_user: "other" },
  });
  // The same once more, which the name that is taken leaves as it is.
  const again = await ended(
    stage,
    (await call("import_job", { body: { path, same_name_policy: "SKIP" } })).task_id,
  );
  expect(again).toMatchObject({ status: "SUCCESSFUL", subtasks: [{}, { message: expect.any(String) }] });
  const file = `obs://${workspace}/empty.zip`;
  await send("PUT", `/api/files/${workspace}/empty.zip`, "");
  const broken = await ended(stage, (await call("import_job", { body: { path: file } })).task_id);
  expect(broken).toMatchObject({ status: "FAILED", message: expect.stringMatching(/./) });
  expect(await refusal("show_file_info", { body: { path: `${folder}/none.zip` } })).toMatchObject({
    code: "DLF.0815",
  });
  expect(await refusal("list_system_tasks", { task_id: "none" })).toMatchObject({ code: "DLF.20810" });
}

async function exchangeOlderPackages(stage: Stage): Promise<void> {
  const { call, send, workspace } = stage;
  await prepare(stage);
  expect(bytesOf(await call("export_job", { job_name: "j1" })).includes("jobs/j1.job")).toBe(true);
  const choice = { job_list: ["j1", "j2"], export_depend: true };
  expect(bytesOf(await call("export_job_list", { body: choice })).includes("scripts/s1.script")).toBe(true);
  // The SDK has no word for a place to export to.
  const { obsPath } = await send("POST", "/jobs/j1/export", { obsPath: `obs://${workspace}/out` });
  const path = `${obsPath}/j1.zip`;
  expect(await call("show_file_info", { body: { path } })).toEqual({
    ...OK,
    jobs: [{ name: "j1", path: "/d", params: { day: "monday" } }],
    scripts: [{ name: "s1", path: "/s" }],
  });
  const body = {
    path,
    params: { day: "tuesday" },
    same_name_policy: "OVERWRITE",
    jobs_param: [{ name: "j1", params: { day: "friday" } }],
    execute_user: "other",
  };
  const task = await ended(stage, (await call("import_job", { body })).task_id);
  expect(task).toMatchObject({ ...OK, status: "SUCCESSFUL", sub_tasks: [{ name: "s1" }, { name: "j1" }] });
  await send("PUT", `/api/files/${workspace}/empty.zip`, "");
  const broken = { path: `obs://${workspace}/empty.zip` };
  expect(await ended(stage, (await call("import_job", { body: broken })).task_id)).toMatchObject({
    status: "FAILED",
    message: expect.stringMatching(/./),
  });
}

export const packagePlays: readonly Play[] = [
  { sdk: "dgc", about: "exchanges packages", perform: exchangePackages },
  { sdk: "dlf", about: "exchanges packages", perform: exchangeOlderPackages },
];
