/** Workspaces over HTTP: kept, and closed to those who have no role there, whatever they ask for. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { archiveOf, put } from "../../../test/setup/packages.ts";
import type { Role } from "../../domain/user.ts";
import { createUser } from "../../identity/users.ts";
import { createFactoryFace } from "../factory/routes.ts";

const LIST = "/api/workspaces";
const F = `/v2/${PROJECT}/factory`;

async function setup() {
  const world = await factoryWorld();
  const make = async (name: string) =>
    (await createUser(world.identity, { name, password: `${name}-password` })).id;
  const [ada, bob] = [await make("ada"), await make("bob")];
  const admit = (userId: string, role: Role, workspace = "shop") =>
    world.ok("PUT", `${LIST}/${workspace}/members/${userId}`, { body: { role } });
  return { ...world, ada, bob, admit };
}

/** `shop`, closed to all but ada, with a job and a run of it; `lab` is open. */
async function closedShop() {
  const world = await setup();
  const { ok, ada, admit } = world;
  const workspace = "shop";
  await ok("POST", "/jobs", { workspace, body: jobBody("sell") });
  await ok("POST", "/jobs", { workspace: "lab", body: jobBody("try") });
  const { instanceId } = (await ok("POST", "/jobs/sell/run-immediate", { workspace })).json;
  const { id: jobId } = (await ok("GET", "/jobs/sell", { workspace })).json;
  await admit(ada, "member");
  return { ...world, instanceId: instanceId as number, jobId: jobId as number };
}

const idsOf = async ({ ok }: FactoryWorld, userId?: string) =>
  (await ok("GET", LIST, { role: "reader", ...(userId !== undefined && { userId }) })).json.workspaces.map(
    ({ id }: { readonly id: string }) => id,
  );

test("workspaces are made before their first object, listed with theirs, and deleted while they are empty", async () => {
  const { ok, call, ada, admit } = await setup();
  await ok("POST", LIST, { body: { id: "shop", description: "what we sell" } });
  await ok("POST", "/jobs", { workspace: "lab", body: jobBody("j") });
  await admit(ada, "reader");
  expect((await ok("GET", LIST)).json.workspaces).toEqual([
    { id: "lab", description: "", createdAt: expect.any(String), createdBy: null, closed: false, members: 0 },
    {
      id: "shop",
      description: "what we sell",
      createdAt: "2026-11-23T06:54:27.123Z",
      createdBy: "manager-user",
      closed: true,
      members: 1,
    },
  ]);
  expect((await ok("GET", `${LIST}/shop/members`)).json.members).toEqual([
    { userId: ada, userName: "ada", role: "reader", addedAt: expect.any(String), addedBy: "manager-user" },
  ]);
  expect(await call("DELETE", `${LIST}/lab`)).toMatchObject({ status: 409, json: { code: "object-in-use" } });
  await ok("DELETE", `${LIST}/shop`);
  expect(await call("DELETE", `${LIST}/shop`)).toMatchObject({
    status: 404,
    json: { code: "workspace-missing" },
  });
  expect((await ok("GET", LIST)).json.workspaces).toHaveLength(1);
});

test.each<[string, object, number, string]>([
  ["a name that is taken", { id: "shop" }, 409, "workspace-exists"],
  ["a bad name", { id: "a/b" }, 400, "request-invalid"],
  ["no name", {}, 400, "request-invalid"],
  ["a long description", { id: "x", description: "d".repeat(256) }, 400, "request-invalid"],
])("%s is refused", async (_what, body, status, code) => {
  const { ok, call } = await setup();
  await ok("POST", LIST, { body: { id: "shop" } });
  expect(await call("POST", LIST, { body })).toMatchObject({ status, json: { code } });
});

test("the default workspace stays, and no project has more than its thousand", async () => {
  const { ok, call, pool } = await setup();
  await ok("POST", "/jobs", { body: jobBody("j") });
  const refusal = { status: 409, json: { code: "object-protected" } };
  expect(await call("DELETE", `${LIST}/default`)).toMatchObject(refusal);
  await pool.query(
    "insert into workspace (project_id, id, created_at) select $1, 'w' || n, now() from generate_series(2, 1000) n",
    [PROJECT],
  );
  const full = { status: 409, json: { code: "workspace-limit" } };
  expect(await call("POST", LIST, { body: { id: "shop" } })).toMatchObject(full);
});

test("only managers of the project make and delete workspaces; a workspace's own manager gives its roles", async () => {
  const { ok, call, ada, bob, admit } = await setup();
  await ok("POST", LIST, { body: { id: "shop" } });
  const member = { role: "member", userId: ada } as const;
  const refused = { status: 403, json: { code: "role-missing" } };
  expect(await call("POST", LIST, { ...member, body: { id: "x" } })).toMatchObject(refused);
  const put = () => call("PUT", `${LIST}/shop/members/${bob}`, { ...member, body: { role: "reader" } });
  expect(await put()).toMatchObject(refused);
  await admit(ada, "manager");
  expect(await put()).toMatchObject({ status: 204 });
  expect(await call("DELETE", `${LIST}/shop/members/${bob}`, member)).toMatchObject({ status: 204 });
  expect(await call("DELETE", `${LIST}/shop`, member)).toMatchObject(refused);
  expect(await call("PUT", `${LIST}/shop/members/${bob}`, { body: { role: "admin" } })).toMatchObject({
    status: 400,
    json: { code: "request-invalid" },
  });
  await ok("DELETE", `${LIST}/shop/members`, member);
  expect((await ok("GET", LIST)).json.workspaces).toMatchObject([{ closed: false, members: 0 }]);
});

test("each route of the Factory finds no workspace where one is closed to the caller", async () => {
  const { call, deps, bob } = await closedShop();
  const { routes } = createFactoryFace(deps);
  for (const { method, path } of routes) {
    const target = path.replace(":project_id", PROJECT).replace(":job_name", "sell").replaceAll(/:\w+/g, "1");
    const body = method === "POST" || method === "PUT" ? { body: {} } : {};
    const answer = await call(method, target, { ...body, role: "member", userId: bob, workspace: "shop" });
    const code = path.startsWith("/v2/") ? "DLF.20819" : "DLF.0819";
    expect({ status: answer.status, code: answer.json?.error_code }, `${method} ${path}`).toEqual({
      status: 400,
      code,
    });
  }
});

test("searches over all workspaces pass over those that are closed to the caller", async () => {
  const { ok, call, ada, bob } = await closedShop();
  const node = { name: "a", type: "HiveSQL", location: { x: 0, y: 0 } };
  const properties = [{ name: "statement", value: "select * from things" }];
  const body = jobBody("count", { nodes: [{ ...node, properties }] });
  for (const workspace of ["shop", "lab"]) await ok("POST", "/jobs", { workspace, body });
  const texts = (userId: string) => ok("GET", `${F}/search?search_text=things`, { role: "member", userId });
  const tables = `${F}/task-table-references?table_name=things&db_type=HIVE`;
  const users = (userId: string) => ok("GET", tables, { role: "member", userId });
  expect((await texts(ada)).json.search_details).toMatchObject([{ workspace: "lab" }, { workspace: "shop" }]);
  expect((await texts(bob)).json).toMatchObject({ total_hits: 1, search_details: [{ workspace: "lab" }] });
  expect((await users(ada)).json.total).toBe(2);
  expect((await users(bob)).json).toMatchObject({
    total: 1,
    task_table_detail_list: [{ workspace_id: "lab" }],
  });
  const closed = { status: 400, json: { error_code: "DLF.20819" } };
  for (const target of [`${F}/search?search_text=things&workspace_id=shop`, `${tables}&workspace_name=shop`])
    expect(await call("GET", target, { role: "member", userId: bob })).toMatchObject(closed);
});

test("its members work there with their role there, others elsewhere with theirs", async () => {
  const world = await closedShop();
  const { ok, call, ada, bob } = world;
  const workspace = "shop";
  // In the project, ada may only read.
  await ok("PUT", "/jobs/sell", { role: "reader", userId: ada, workspace, body: jobBody("sell") });
  expect(
    await call("PUT", "/jobs/try", { role: "reader", userId: ada, workspace: "lab", body: jobBody("try") }),
  ).toMatchObject({ status: 403 });
  await ok("PUT", "/jobs/try", { role: "member", userId: bob, workspace: "lab", body: jobBody("try") });
  expect(await idsOf(world, ada)).toEqual(["lab", "shop"]);
  expect(await idsOf(world, bob)).toEqual(["lab"]);
});

test("runs and jobs of a closed workspace are missing by their numbers too", async () => {
  const { ok, call, ada, bob, instanceId, jobId } = await closedShop();
  const member = { role: "member", userId: bob } as const;
  const missing = { status: 404, json: { code: "instance-missing" } };
  for (const rest of ["", "/children", "/why", "/nodes/0/attempts/1/log"])
    expect(await call("GET", `/api/instances/${instanceId}${rest}`, member), rest).toMatchObject(missing);
  const act = { body: { act: "stop" } };
  expect(await call("POST", `/api/instances/${instanceId}/acts`, { ...member, ...act })).toMatchObject(
    missing,
  );
  const noJob = { status: 404, json: { code: "job-missing" } };
  expect(await call("GET", `/api/jobs/${jobId}/live-nodes`, member)).toMatchObject(noJob);
  expect(await call("POST", `/api/event-sources/${jobId}/resume`, member)).toMatchObject(noJob);
  await ok("GET", `/api/instances/${instanceId}`, { role: "reader", userId: ada });
  await ok("POST", `/api/instances/${instanceId}/acts`, { role: "reader", userId: ada, ...act });
});

test("the audit trail is for those to whom no workspace is closed, and so are acts on many runs of one", async () => {
  const { ok, call, ada, bob } = await closedShop();
  const refused = { status: 403, json: { code: "role-missing" } };
  expect(await call("GET", "/api/acts", { role: "member", userId: bob })).toMatchObject(refused);
  await ok("GET", "/api/acts", { role: "reader", userId: ada });
  const body = { act: { act: "stop" }, filter: { workspace: "shop" } };
  const bulk = { role: "member", userId: bob, body } as const;
  expect(await call("POST", "/api/instance-acts", bulk)).toMatchObject({
    status: 404,
    json: { code: "workspace-missing" },
  });
  await ok("POST", "/api/instance-acts", { role: "member", userId: ada, body });
});

test("lists of limits and of event sources leave out those of closed workspaces", async () => {
  const { ok, call, ada, bob } = await closedShop();
  for (const workspace of ["shop", "lab"]) {
    await ok("PUT", "/api/limits", { workspace, body: { slots: 2 } });
    const event = { eventType: "OBS", channel: `obs://files/${workspace}/` };
    await ok("POST", "/jobs", { workspace, body: jobBody("watch", { schedule: { type: "EVENT", event } }) });
    await ok("POST", "/jobs/watch/start", { workspace });
  }
  await ok("PUT", "/api/limits/project", { role: "admin", body: { slots: 5 } });
  const seen = async (userId: string) => {
    const given = { role: "member", userId } as const;
    const { limits } = (await ok("GET", "/api/limits", given)).json;
    const { sources } = (await ok("GET", "/api/event-sources", given)).json;
    return {
      limits: limits.map(({ workspace }: { readonly workspace: string | null }) => workspace),
      sources: sources.map(({ workspace }: { readonly workspace: string }) => workspace),
      ids: limits.map(({ id }: { readonly id: number }) => id) as number[],
    };
  };
  const { ids, ...all } = await seen(ada);
  expect(all).toEqual({ limits: [null, "lab", "shop"], sources: ["lab", "shop"] });
  expect(await seen(bob)).toMatchObject({ limits: [null, "lab"], sources: ["lab"] });
  const [whole, , shops] = ids;
  const member = { role: "member", userId: bob } as const;
  await ok("GET", `/api/limits/${whole}/holders`, member);
  expect(await call("GET", `/api/limits/${shops}/holders`, member)).toMatchObject({
    status: 404,
    json: { code: "limit-missing" },
  });
});

test("what holds a run up in a closed workspace is not named", async () => {
  const world = await closedShop();
  const { ok, ada, bob, held } = world;
  await world.startEngine();
  const node = (type: string) => ({ nodes: [{ name: "a", type, location: { x: 0, y: 0 }, properties: [] }] });
  const run = async (workspace: string, name: string, type: string): Promise<number> => {
    await ok("POST", "/jobs", { workspace, body: jobBody(name, node(type)) });
    return (await ok("POST", `/jobs/${name}/run-immediate`, { workspace })).json.instanceId;
  };
  await ok("PUT", "/api/limits/project", { role: "admin", body: { slots: 1 } });
  const first = await run("shop", "secret-sale", "Hold");
  await held.running(first, "a");
  const second = await run("lab", "later", "Dummy");
  const why = async (userId: string) =>
    (await ok("GET", `/api/instances/${second}/why`, { role: "member", userId })).json;
  await expect.poll(async () => (await why(ada)).blockers[0]?.holders).toMatchObject([{ instance: first }]);
  const hidden = await why(bob);
  expect(hidden.blockers).toMatchObject([{ kind: "limit", holders: [] }]);
  expect(hidden.blockers[0].sentence).toContain("in use by 1 run in workspaces that are closed to you");
  expect(JSON.stringify(hidden)).not.toContain("secret-sale");
});

test("a closed workspace is not reached through what a request names beside its own", async () => {
  const world = await closedShop();
  const { call, ok, bob } = world;
  const member = { role: "member", userId: bob, workspace: "lab" } as const;
  const cron = { startTime: "2030-01-01T00:00:00Z", expression: "0 0 0 * * ?" };
  const dependJobs = { jobs: ["x"], otherWorkSpaceJobs: [{ jobName: "sell", workSpace: "shop" }] };
  const waits = (jobs: object) =>
    jobBody("waits", { schedule: { type: "CRON", cron: { ...cron, dependJobs: jobs } } });
  const gone = { status: 400, json: { error_code: "DLF.0819" } };
  expect(await call("POST", "/jobs", { ...member, body: waits(dependJobs) })).toMatchObject(gone);
  expect(await call("PUT", "/jobs/try", { ...member, body: waits(dependJobs) })).toMatchObject(gone);
  const patch = {
    name: "p",
    job_name: "try",
    start_date: "2026-11-20T00:00:00 +00",
    end_date: "2026-11-21T00:00:00 +00",
    parallel: 1,
    depend_jobs: [{ job_name: "sell", workspace_id: "shop" }],
  };
  const goneV2 = { status: 400, json: { error_code: "DLF.20819" } };
  expect(await call("POST", `${F}/supplement-data`, { ...member, body: patch })).toMatchObject(goneV2);
  const backfill = {
    job: "try",
    from: "2026-11-20",
    to: "2026-11-21",
    dependents: [{ job: "sell", workspace: "shop" }],
  };
  for (const path of ["/api/backfills", "/api/backfills/preview"])
    expect(await call("POST", path, { ...member, body: backfill }), path).toMatchObject({
      status: 404,
      json: { code: "workspace-missing" },
    });
  const retry = {
    retry_location: "firstNode",
    retry_task_version: "original_version",
    begin_time: 1,
    end_time: 2,
    jobs: [{ job_name: "sell", workspace_id: "shop" }],
  };
  expect(await call("POST", `${F}/jobs/try/instances/retry`, { ...member, body: retry })).toMatchObject(
    goneV2,
  );
  await put(
    world,
    "obs://b/p.zip",
    await archiveOf({ "waits.job": waits(dependJobs), "x.job": jobBody("x") }),
  );
  const asked = await ok("POST", "/jobs/import", { ...member, body: { path: "obs://b/p.zip" } });
  await world.carryOutTasks();
  expect((await ok("GET", `/system-tasks/${asked.json.taskId}`, { workspace: "lab" })).json).toMatchObject({
    status: "FAILED",
    message: expect.stringContaining('there is no job "sell"'),
  });
  // Nor is a job there named as one that waits for theirs.
  await ok("PUT", "/jobs/try", {
    workspace: "lab",
    body: jobBody("try", { schedule: { type: "CRON", cron } }),
  });
  const upstream = { jobs: [], otherWorkSpaceJobs: [{ jobName: "try", workSpace: "lab" }] };
  await ok("PUT", "/jobs/sell", { workspace: "shop", body: { ...waits(upstream), name: "sell" } });
  const beside = async (given: object) =>
    (await ok("GET", `${F}/jobs/try/depend`, { workspace: "lab", ...given })).json;
  expect(await beside({})).toMatchObject([{ job_name: "sell", workspace_name: "shop" }]);
  expect(await beside({ role: "member", userId: bob })).toEqual([]);
});
