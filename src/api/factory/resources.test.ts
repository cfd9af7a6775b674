/** Resources over HTTP. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody } from "../../../test/setup/factory.ts";

const JAR = { name: "r1", type: "jar", location: "obs://b/a.jar" };
const NONE = "00000000-0000-4000-8000-000000000001";

test("a resource is given back with what was sent, under both names of its id, and what was not sent stays absent", async () => {
  const { ok } = await factoryWorld();
  const { status, json } = await ok("POST", "/resources", { role: "member", body: JAR });
  expect(status).toBe(200);
  const id = json.resourceId;
  expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const shown = { ...JAR, id, resourceId: id, directory: "/" };
  expect((await ok("GET", `/resources/${id}`, { role: "reader" })).json).toEqual(shown);
  expect((await ok("GET", `/resources/${id.toUpperCase()}`)).json).toEqual(shown);
  expect((await ok("GET", "/resources")).json).toEqual({ total: 1, resources: [shown] });
});

test("files that it needs come as paths or with their kinds, under either name, and those with kinds win", async () => {
  const { ok } = await factoryWorld();
  const dependPackages = [{ type: "jar", location: "obs://b/dep.jar" }];
  const dependFiles = ["obs://b/d.jar"];
  let made = 0;
  const dependent = async (members: object) => {
    made += 1;
    const body = { ...JAR, ...members, directory: `/${made}` };
    const { json } = await ok("POST", "/resources", { body });
    const shown = (await ok("GET", `/resources/${json.resourceId}`)).json;
    return [shown.dependFiles, shown.dependPackages];
  };
  expect(await dependent({ dependFiles })).toEqual([dependFiles, undefined]);
  expect(await dependent({ dependPackages })).toEqual([undefined, dependPackages]);
  expect(await dependent({ depend_packages: dependPackages })).toEqual([undefined, dependPackages]);
  expect(await dependent({ dependPackages, depend_packages: [] })).toEqual([undefined, dependPackages]);
  expect(await dependent({ dependFiles, dependPackages })).toEqual([undefined, dependPackages]);
  expect(await dependent({ dependFiles: [], dependPackages: null, desc: "" })).toEqual([
    undefined,
    undefined,
  ]);
});

test("an update replaces all but type and directory", async () => {
  const { ok } = await factoryWorld();
  const first = { ...JAR, desc: "x", directory: "/d", dependFiles: ["obs://b/d.jar"] };
  const { resourceId: id } = (await ok("POST", "/resources", { body: first })).json;
  const body = { name: "r2", type: "file", location: "obs://b/b.jar", directory: "/other" };
  expect(await ok("PUT", `/resources/${id}`, { role: "member", body })).toMatchObject({
    status: 204,
    json: undefined,
  });
  expect((await ok("GET", `/resources/${id}`)).json).toEqual({
    ...{ id, resourceId: id, name: "r2", type: "jar", location: "obs://b/b.jar", directory: "/d" },
  });
});

test("names are unique in their directory alone, of creations and of updates", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/resources", { body: JAR });
  const taken = { status: 400, json: { error_code: "DLF.6259" } };
  expect(await call("POST", "/resources", { body: { ...JAR, type: "file" } })).toMatchObject(taken);
  await ok("POST", "/resources", { body: { ...JAR, directory: "/d" } });
  await ok("POST", "/resources", { body: JAR, workspace: "w2" });
  const { resourceId } = (await ok("POST", "/resources", { body: { ...JAR, name: "r2" } })).json;
  expect(await call("PUT", `/resources/${resourceId}`, { body: JAR })).toMatchObject(taken);
  await ok("PUT", `/resources/${resourceId}`, { body: { ...JAR, name: "r2" } });
});

test("resources are listed newest first, by a part of the name, in pages", async () => {
  const { ok, clock } = await factoryWorld();
  for (const name of ["daily_1", "daily_2", "Weekly", "日报"]) {
    clock.now = new Date(clock.now.getTime() + 1);
    await ok("POST", "/resources", { body: { ...JAR, name } });
  }
  const list = async (query: string, workspace?: string) => {
    const { json } = await ok("GET", `/resources${query}`, workspace === undefined ? {} : { workspace });
    return [json.total, ...json.resources.map(({ name }: { name: string }) => name)];
  };
  expect(await list("")).toEqual([4, "日报", "Weekly", "daily_2", "daily_1"]);
  expect(await list("?resourceName=daily")).toEqual([2, "daily_2", "daily_1"]);
  expect(await list(`?resourceName=${encodeURIComponent("报")}`)).toEqual([1, "日报"]);
  expect(await list("?limit=1&offset=3")).toEqual([4, "daily_1"]);
  expect(await list("?limit=100&offset=100")).toEqual([4]);
  expect(await list("", "w2")).toEqual([0]);
});

test.each([
  ["no name", { name: undefined }, "DLF.3051"],
  ["a name with a blank", { name: "a b" }, "DLF.3051"],
  ["a name of 33 characters", { name: "n".repeat(33) }, "DLF.3051"],
  ["no type", { type: undefined }, "DLF.6263"],
  ["an unknown type", { type: "zip" }, "DLF.6263"],
  ["a type in other letters", { type: "JAR" }, "DLF.6263"],
  ["no location", { location: null }, "DLF.6264"],
  ["a location that is a number", { location: 1 }, "DLF.6264"],
  ["a location elsewhere", { location: "https://b/a.jar" }, "DLF.6264"],
  ["a location that is a bucket alone", { location: "obs://b/" }, "DLF.6264"],
  ["a location of 1024 characters", { location: `obs://b/${"k".repeat(1016)}` }, "DLF.6264"],
  ["a needed file elsewhere", { dependFiles: ["/etc/passwd"] }, "DLF.6264"],
  ["a needed package elsewhere", { dependPackages: [{ type: "jar", location: "b" }] }, "DLF.6264"],
  [
    "a needed package of an unknown type",
    { dependPackages: [{ type: "x", location: "obs://b/k" }] },
    "DLF.3051",
  ],
  ["too many needed files", { dependFiles: Array(1001).fill("obs://b/k") }, "DLF.3051"],
  ["a description of 256 characters", { desc: "d".repeat(256) }, "DLF.6265"],
  ["a directory that does not begin with a slash", { directory: "d" }, "DLF.3051"],
  ["a directory of 1025 characters", { directory: `/${"d".repeat(1024)}` }, "DLF.3051"],
])("a resource with %s is refused", async (_, members, code) => {
  const { ok, call } = await factoryWorld();
  const refused = { status: 400, json: { error_code: code } };
  expect(await call("POST", "/resources", { body: { ...JAR, ...members } })).toMatchObject(refused);
  expect((await ok("GET", "/resources")).json.total).toBe(0);
  if ("type" in members || "directory" in members) return;
  const { resourceId } = (await ok("POST", "/resources", { body: JAR })).json;
  expect(await call("PUT", `/resources/${resourceId}`, { body: { ...JAR, ...members } })).toMatchObject(
    refused,
  );
});

test("the longest values that may be are kept", async () => {
  const { ok } = await factoryWorld();
  const body = {
    name: "名".repeat(32),
    type: "pyFile",
    location: `obs://b/${"k".repeat(1015)}`,
    desc: "d".repeat(255),
    directory: `/${"d".repeat(1023)}`,
  };
  const { resourceId } = (await ok("POST", "/resources", { body })).json;
  expect((await ok("GET", `/resources/${resourceId}`)).json).toMatchObject(body);
});

test("a deleted, unknown or foreign resource is missing in the vendor's words", async () => {
  const { ok, call } = await factoryWorld();
  const { resourceId: id } = (await ok("POST", "/resources", { body: JAR })).json;
  const missing = {
    status: 400,
    json: {
      error_code: "DLF.6241",
      error_msg: expect.stringContaining("The resource information does not exist."),
    },
  };
  const other = (await ok("POST", "/resources", { body: JAR, workspace: "w2" })).json.resourceId;
  for (const path of [NONE, "1", "x", other]) {
    expect(await call("GET", `/resources/${path}`)).toMatchObject(missing);
    expect(await call("PUT", `/resources/${path}`, { body: JAR })).toMatchObject(missing);
    expect(await call("DELETE", `/resources/${path}`)).toMatchObject(missing);
  }
  expect((await ok("DELETE", `/resources/${id}`, { role: "member" })).status).toBe(204);
  expect(await call("GET", `/resources/${id}`)).toMatchObject(missing);
  expect(await call("DELETE", `/resources/${id}`)).toMatchObject(missing);
});

test("each act on a resource stands in the audit trail", async () => {
  const { ok, pool } = await factoryWorld();
  const { resourceId: id } = (await ok("POST", "/resources", { body: JAR, role: "member" })).json;
  await ok("PUT", `/resources/${id}`, { body: { ...JAR, name: "r2" }, role: "manager" });
  await ok("DELETE", `/resources/${id}`, { role: "member" });
  const { rows } = await pool.query(
    "select act, by, object_id, detail from act where object_kind = 'resource' order by id",
  );
  expect(rows).toEqual([
    { act: "create", by: "member-user", object_id: id, detail: { name: "r1" } },
    { act: "save", by: "manager-user", object_id: id, detail: { name: "r2" } },
    { act: "delete", by: "member-user", object_id: id, detail: {} },
  ]);
});

test("where workspaces do not come into being by themselves, an unknown one is missing", async () => {
  const { call } = await factoryWorld({ workspacesOnFirstUse: false });
  const missing = { status: 400, json: { error_code: "DLF.0819" } };
  for (const [method, path] of [
    ["POST", "/resources"],
    ["GET", "/resources"],
    ["GET", `/resources/${NONE}`],
    ["PUT", `/resources/${NONE}`],
    ["DELETE", `/resources/${NONE}`],
  ] as const)
    expect(await call(method, path, { workspace: "w9", body: JAR })).toMatchObject(missing);
});

test("the jobs whose nodes name a resource, its place or its file are shown with it", async () => {
  const { ok, call } = await factoryWorld();
  const node = (name: string, properties: Readonly<Record<string, string>>) => ({
    ...{ name, type: "Shell", location: { x: 0, y: 0 } },
    properties: Object.entries(properties).map(([property, value]) => ({ name: property, value })),
  });
  const save = (name: string, ...properties: Readonly<Record<string, string>>[]) => {
    const nodes = properties.map((given, no) => node(`n${no}`, given));
    return ok("POST", "/jobs", { body: jobBody(name, { nodes }) });
  };
  const { resourceId } = (await ok("POST", "/resources", { body: { ...JAR, directory: "/d" } })).json;
  const relations = async () =>
    (await ok("GET", `/resources/${resourceId}`)).json.jobRelation?.map(
      ({ taskName }: { taskName: string }) => taskName,
    );
  expect(await relations()).toBeUndefined();
  await save("by-name", { files: `obs://b/x,\n ${JAR.name} ` }, { files: JAR.name });
  await save("by-place", { files: `/d/${JAR.name}` });
  await save("by-file", { resourcePath: JAR.location });
  await save("by-none", { files: "/e/x", resourcePath: "#{Env.get('jar')}" }, { statement: JAR.name });
  expect(await relations()).toEqual(["by-file", "by-place", "by-name"]);
  await ok("PUT", "/jobs/by-place", { body: jobBody("by-place") });
  await ok("DELETE", "/jobs/by-file");
  const [resource] = (await ok("GET", "/resources")).json.resources;
  const id = expect.any(Number);
  expect(resource.jobRelation).toEqual([
    {
      ...{ relationType: "job", relationId: expect.stringMatching(/^\d+$/), taskId: id, taskName: "by-name" },
      ...{ userName: "manager-user", version: 1, deleted: false },
    },
  ]);
  const elsewhere = await call("GET", "/resources", { workspace: "w2" });
  expect(elsewhere.json).toEqual({ total: 0, resources: [] });
});
