/** Packages over HTTP: exported, looked into, imported. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { archiveOf, filesOf, imported, put } from "../../../test/setup/packages.ts";

const SCRIPT = { name: "s1", type: "Shell", content: "echo day", directory: "/d", description: "says" };

/** A job whose node names the script. */
function withScript(name: string, members: Readonly<Record<string, unknown>> = {}) {
  const properties = [{ name: "scriptName", value: "s1" }];
  const nodes = [{ name: "a", type: "Shell", location: { x: 1, y: "-45.5" }, properties }];
  return jobBody(name, { nodes, params: [{ name: "day", value: "1", type: "variable" }], ...members });
}

/** A job that runs after others, of its own workspace unless it is said of which. */
function after(name: string, jobs: readonly string[], members: Readonly<Record<string, unknown>> = {}) {
  const cron = {
    startTime: "2030-01-01T00:00:00Z",
    expression: "0 0 0 * * ?",
    expressionTimeZone: "UTC",
    dependJobs: { jobs },
  };
  return jobBody(name, { schedule: { type: "CRON", cron }, ...members });
}

async function namesIn({ ok }: FactoryWorld, workspace: string): Promise<string[]> {
  const jobs = (await ok("GET", "/jobs", { workspace })).json.jobs;
  const scripts = (await ok("GET", "/scripts", { workspace })).json.scripts;
  return [...jobs, ...scripts].map(({ name }: { name: string }) => name).sort();
}

test("a job is exported with the scripts that its nodes name, each as its create call would take it", async () => {
  const { ok } = await factoryWorld();
  await ok("POST", "/scripts", { body: SCRIPT });
  await ok("POST", "/scripts", { body: { ...SCRIPT, name: "other" } });
  const job = withScript("j1", { unknown: { kept: [1] }, basicConfig: { priority: 2 } });
  await ok("POST", "/jobs", { body: job });
  const answer = await ok("POST", "/jobs/j1/export", { role: "member" });
  expect(answer.headers).toMatchObject({
    "content-type": "application/octet-stream",
    "content-disposition": "attachment; filename=DLF_j1.zip",
  });
  expect(await filesOf(answer.bytes)).toEqual({ "jobs/j1.job": job, "scripts/s1.script": SCRIPT });
  const alone = await ok("POST", "/jobs/j1/export", {
    body: { exportDepend: false, exportStatus: "SUBMIT" },
  });
  expect(await filesOf(alone.bytes)).toEqual({ "jobs/j1.job": job });
});

test("a renamed job is exported under its present name, and a script that is not there is left out", async () => {
  const { ok } = await factoryWorld();
  await ok("POST", "/jobs", { body: withScript("old") });
  await ok("PUT", "/jobs/old", { body: withScript("日报") });
  const answer = await ok("POST", `/jobs/${encodeURIComponent("日报")}/export`);
  expect(answer.headers["content-disposition"]).toBe(
    "attachment; filename=DLF___.zip; filename*=UTF-8''DLF_%E6%97%A5%E6%8A%A5.zip",
  );
  expect(await filesOf(answer.bytes)).toEqual({ "jobs/日报.job": withScript("日报") });
});

test("up to a hundred jobs are exported together, each once", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/scripts", { body: SCRIPT });
  for (const name of ["a", "b"]) await ok("POST", "/jobs", { body: withScript(name) });
  const answer = await ok("POST", "/jobs/batch-export", { body: { jobList: ["b", "a", "b"] } });
  expect(answer.headers["content-disposition"]).toBe("attachment; filename=jobs.zip");
  expect(Object.keys(await filesOf(answer.bytes))).toEqual(["jobs/b.job", "jobs/a.job", "scripts/s1.script"]);
  const hundred = Array.from({ length: 100 }, () => "a");
  await ok("POST", "/jobs/batch-export", { body: { jobList: hundred } });
  for (const jobList of [[], [...hundred, "a"], "a", undefined])
    expect(await call("POST", "/jobs/batch-export", { body: { jobList } })).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});

test("jobs that are not there are named, and nothing is exported", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("a") });
  expect(await call("POST", "/jobs/none/export")).toMatchObject({ json: { error_code: "DLF.0100" } });
  expect(await call("POST", "/jobs/batch-export", { body: { jobList: ["x", "a", "y"] } })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.0100", error_msg: expect.stringMatching(/"x".*"y"/) },
  });
  expect(await call("POST", "/jobs/a/export", { workspace: "w2" })).toMatchObject({
    json: { error_code: "DLF.0100" },
  });
});

test("a package is put into a bucket, in a folder of its own whose path has no double slash", async () => {
  const world = await factoryWorld();
  const { ok, clock } = world;
  await ok("POST", "/jobs", { body: jobBody("once1") });
  const ms = clock.now.getTime();
  for (const [given, folder] of [
    ["obs://b/out/", "obs://b/out"],
    ["obs://b/out", "obs://b/out"],
    ["obs://b/", "obs://b"],
    ["obs://b", "obs://b"],
  ]) {
    const { json } = await ok("POST", "/jobs/once1/export", { body: { obsPath: given } });
    expect(json).toEqual({ obsPath: `${folder}/once1_exported/${ms}` });
    const path = `${json.obsPath}/once1.zip`;
    expect((await ok("POST", "/jobs/check-file", { body: { path } })).json.jobs).toHaveLength(1);
  }
  const several = { jobList: ["once1"], obsPath: "obs://b/out/" };
  const { json } = await ok("POST", "/jobs/batch-export", { body: several });
  expect(json).toEqual({ obsPath: `obs://b/out/jobs_exported/${ms}` });
  await ok("POST", "/jobs/check-file", { body: { path: `${json.obsPath}/jobs.zip` } });
  // What a client leaves out when it is empty is the same empty.
  expect((await ok("POST", "/jobs/once1/export", { body: { obsPath: "" } })).bytes.length).toBeGreaterThan(
    100,
  );
});

test("a path of another form is refused by every call that takes one", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("a") });
  const refused = { status: 400, json: { error_code: "DLF.0803" } };
  for (const path of [
    "/tmp/a.zip",
    "b/a.zip",
    "s3a://b/a.zip",
    "obs://",
    "obs://b/../../a.zip",
    "obs://b//a.zip",
  ]) {
    expect(await call("POST", "/jobs/a/export", { body: { obsPath: path } }), path).toMatchObject(refused);
    expect(await call("POST", "/jobs/check-file", { body: { path } }), path).toMatchObject(refused);
    expect(await call("POST", "/jobs/import", { body: { path } }), path).toMatchObject(refused);
  }
  for (const path of ["check-file", "import"]) {
    const body = { path: "obs://b/none.zip" };
    expect(await call("POST", `/jobs/${path}`, { body })).toMatchObject({
      status: 400,
      json: { error_code: "DLF.0815", errors: [{ error_code: "DLF.0815" }] },
    });
    expect(await call("POST", `/jobs/${path}`, { body: {} })).toMatchObject({
      json: { error_code: "DLF.3051" },
    });
  }
});

test("a package is looked into without importing it", async () => {
  const world = await factoryWorld();
  const { ok, call } = world;
  const content = await archiveOf({
    "jobs/j.job": withScript("j", { directory: "/x" }),
    "deep/er/k.job": jobBody("k"),
    "s.script": SCRIPT,
    "readme.txt": "not ours",
  });
  await put(world, "obs://b/p.zip", content);
  const body = { path: "obs://b/p.zip" };
  expect((await ok("POST", "/jobs/check-file", { role: "reader", body })).json).toEqual({
    jobs: [
      { name: "j", path: "/x", params: { day: "1" } },
      { name: "k", path: "/", params: {} },
    ],
    scripts: [{ name: "s1", path: "/d" }],
    resources: [],
  });
  expect((await ok("GET", "/jobs")).json.total).toBe(0);
  for (const broken of [Buffer.alloc(0), Buffer.from("no zip"), Buffer.alloc(2 ** 20 + 1)]) {
    await put(world, "obs://b/p.zip", broken);
    expect(await call("POST", "/jobs/check-file", { body })).toMatchObject({
      json: { error_code: "DLF.0815" },
    });
  }
  await put(world, "obs://b/p.zip", await archiveOf({ "a.job": { name: "a" }, "b.job": "{" }));
  expect(await call("POST", "/jobs/check-file", { body })).toMatchObject({
    json: { error_code: "DLF.3051", error_msg: expect.stringMatching(/a[.]job: .*; b[.]job: /) },
  });
});

test("what was exported is imported into another workspace with the same definitions", async () => {
  const world = await factoryWorld();
  const { ok } = world;
  await ok("POST", "/scripts", { workspace: "w1", body: SCRIPT });
  const child = [{ name: "n", type: "SubJob", location: {}, properties: [{ name: "jobName", value: "a" }] }];
  // Later names are needed by earlier ones.
  const jobs = [
    withScript("z", { unknown: 1 }),
    jobBody("a"),
    after("b", ["z"]),
    jobBody("c", { nodes: child }),
  ];
  for (const body of jobs) await ok("POST", "/jobs", { workspace: "w1", body });
  const jobList = ["c", "b", "a", "z"];
  const { bytes } = await ok("POST", "/jobs/batch-export", { workspace: "w1", body: { jobList } });
  const task = await imported(world, bytes);
  expect(task).toMatchObject({
    name: "Import obs://b/p.zip",
    status: "SUCCESSFUL",
    projectId: PROJECT,
    startTime: world.clock.now.getTime(),
    endTime: world.clock.now.getTime(),
    lastUpdate: world.clock.now.getTime(),
  });
  expect(task).not.toHaveProperty("message");
  expect(task.subtasks).toHaveLength(5);
  expect(task.subTasks).toEqual(task.subtasks);
  for (const line of task.subtasks)
    expect(line).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      name: expect.any(String),
      lastUpdate: world.clock.now.getTime(),
      status: "SUCCESSFUL",
      taskId: task.id,
    });
  expect(await namesIn(world, "w2")).toEqual(await namesIn(world, "w1"));
  for (const path of [...jobList.map((name) => `/jobs/${name}`), "/scripts/s1"]) {
    const [from, to] = [
      (await ok("GET", path, { workspace: "w1" })).json,
      (await ok("GET", path, { workspace: "w2" })).json,
    ];
    const author = path.startsWith("/jobs")
      ? { lastUpdateUser: "member-user" }
      : { owner: "member-user", createUser: "member-user" };
    expect(to, path).toEqual({ ...from, ...author, id: to.id });
  }
});

test("a name that is taken is left as it is, or saved over as its next version", async () => {
  const world = await factoryWorld();
  const { ok } = world;
  const content = await archiveOf({ "j.job": jobBody("j", { description: "new" }), "s.script": SCRIPT });
  await ok("POST", "/jobs", { workspace: "w2", body: jobBody("j", { description: "old" }) });
  await ok("POST", "/scripts", { workspace: "w2", body: { ...SCRIPT, content: "old" } });
  for (const [policy, description, script, version] of [
    [undefined, "old", "old", 1],
    ["SKIP", "old", "old", 1],
    ["OVERWRITE", "new", SCRIPT.content, 2],
  ] as const) {
    const line = { message: expect.stringMatching(version === 1 ? /left as it is/ : /saved over/) };
    expect(await imported(world, content, { sameNamePolicy: policy })).toMatchObject({
      status: "SUCCESSFUL",
      subtasks: [line, line],
    });
    expect((await ok("GET", "/jobs/j", { workspace: "w2" })).json).toMatchObject({ description, version });
    expect((await ok("GET", "/scripts/s1", { workspace: "w2" })).json).toMatchObject({
      content: script,
      version,
    });
  }
});

test("an object that cannot be written fails alone, and the task says so", async () => {
  const world = await factoryWorld();
  await world.ok("POST", "/scripts", { workspace: "w2", body: { ...SCRIPT, type: "PYTHON" } });
  const content = await archiveOf({ "j.job": withScript("j"), "s.script": SCRIPT });
  const task = await imported(world, content, { sameNamePolicy: "OVERWRITE" });
  expect(task).toMatchObject({
    status: "WARNING",
    message: expect.stringMatching(/^1 of 2 .*script "s1": .*type PYTHON/),
    subtasks: [
      { name: "s1", status: "FAILED" },
      { name: "j", status: "SUCCESSFUL" },
    ],
  });
  const alone = await imported(world, await archiveOf({ "s.script": SCRIPT }), {
    sameNamePolicy: "OVERWRITE",
  });
  expect(alone).toMatchObject({ status: "FAILED" });
});

test("values of parameters are put in place of the package's, those of one job before those of all", async () => {
  const world = await factoryWorld();
  const params = [
    { name: "day", value: "1", type: "constants" },
    { name: "n", value: "2" },
    { name: "kept", value: "3" },
  ];
  const content = await archiveOf({ "a.job": jobBody("a", { params }), "b.job": jobBody("b", { params }) });
  await imported(world, content, {
    params: { day: "all", n: 7, foreign: "x" },
    jobsParam: [{ name: "b", params: { day: "own" } }, { name: "nobody" }],
    executeUser: "ada",
    targetStatus: "SAVED",
    approvers: [{ approverName: "u" }],
  });
  const read = async (name: string) => (await world.ok("GET", `/jobs/${name}`, { workspace: "w2" })).json;
  const expected = (day: string) => [
    { name: "day", value: day, type: "constants" },
    { name: "n", value: "7" },
    { name: "kept", value: "3" },
  ];
  expect(await read("a")).toMatchObject({ params: expected("all"), basicConfig: { executeUser: "ada" } });
  expect(await read("b")).toMatchObject({ params: expected("own"), basicConfig: { executeUser: "ada" } });
});

test("of a package with anything wrong in it nothing is imported, and the task says all that is", async () => {
  const world = await factoryWorld();
  const good = jobBody("good");
  for (const [files, message] of [
    [{ "a.job": good, "b.job": "{" }, "b.job: the body is not JSON"],
    [{ "a.job": good, "b.job": { name: "b" } }, "b.job: processType"],
    [{ "a.job": good, "b.job": "[1]" }, "b.job: the body must be a JSON object"],
    [{ "a.job": good, "b.job": jobBody("check-file") }, 'name "check-file" is reserved'],
    [{ "a.job": good, "b.script": { ...SCRIPT, type: "None" } }, "b.script: type"],
    [{ "a.job": good, "b.job": good }, 'there are two of job "good"'],
    [{ "a.job": good, "b.job": after("b", ["none"]) }, 'job "b": there is no job "none"'],
    [{ "a.job": good, "b.job": after("b", ["c"]), "c.job": after("c", ["b"]) }, "jobs wait for each other"],
    [{ "a.job": good, "b.job": "[".repeat(101) }, "nested deeper than 100"],
    [{ "readme.txt": "x" }, "it holds no job, no script, no resource"],
  ] as const) {
    const task = await imported(world, await archiveOf(files));
    expect(task, message).toMatchObject({
      status: "FAILED",
      message: expect.stringContaining(message),
      subtasks: [],
    });
  }
  expect(await namesIn(world, "w2")).toEqual([]);
});

test("a task is shown as it runs, under both paths, to its workspace alone", async () => {
  const world = await factoryWorld();
  const { ok, call } = world;
  await put(world, "obs://b/p.zip", await archiveOf({ "j.job": jobBody("j") }));
  const body = { path: "obs://b/p.zip" };
  const { taskId } = (await ok("POST", "/jobs/import", { workspace: "w2", body })).json;
  const shown = (await ok("GET", `/systemTasks/${taskId}`, { workspace: "w2" })).json;
  expect(shown).toMatchObject({ id: taskId, status: "RUNNING", subtasks: [] });
  expect(shown).not.toHaveProperty("endTime");
  expect((await ok("GET", `/system-tasks/${taskId.replaceAll("-", "")}`, { workspace: "w2" })).json).toEqual(
    shown,
  );
  for (const [id, workspace] of [
    [taskId, "w1"],
    ["7", "w2"],
    ["0".repeat(32), "w2"],
  ])
    expect(await call("GET", `/system-tasks/${id}`, { workspace })).toMatchObject({
      status: 400,
      json: { error_code: "DLF.20810", error_msg: expect.stringContaining(`Task[${id}] does not exist`) },
    });
});

test("an import is in the audit trail, and wakes the server's loop", async () => {
  let woken = 0;
  const world = await factoryWorld({ taskAdded: () => woken++ });
  await put(world, "obs://b/p.zip", Buffer.alloc(0));
  const body = { path: "obs://b/p.zip" };
  const { taskId } = (await world.ok("POST", "/jobs/import", { role: "member", body })).json;
  expect(woken).toBe(1);
  expect((await world.ok("GET", "/api/acts?kind=task")).json.acts).toMatchObject([
    { by: "member-user", act: "import", object: { id: taskId.replaceAll("-", "") }, detail: body },
  ]);
});

test("a project has a hundred tasks under way and no more", async () => {
  const world = await factoryWorld();
  await put(world, "obs://b/p.zip", Buffer.alloc(0));
  const ask = () => world.call("POST", "/jobs/import", { body: { path: "obs://b/p.zip" } });
  for (let count = 0; count < 100; count += 1) expect((await ask()).status).toBe(200);
  expect(await ask()).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
  await world.carryOutTasks();
  expect((await ask()).status).toBe(200);
});
