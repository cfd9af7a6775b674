/** Resources in packages: which go with a job, and what an import does with each. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody } from "../../../test/setup/factory.ts";
import { archiveOf, filesOf, imported } from "../../../test/setup/packages.ts";

const JAR = { name: "count", type: "jar", location: "obs://b/count.jar", directory: "/" };
const FULL = {
  name: "词频",
  type: "pyFile",
  location: "obs://b/count.py",
  directory: "/d",
  dependPackages: [{ type: "archive", location: "obs://b/lib.zip" }],
  desc: "counts words",
};

function job(name: string, resourcePaths: readonly string[]) {
  const nodes = resourcePaths.map((value, no) => ({
    name: `n${no}`,
    type: "MRSSpark",
    location: {},
    properties: [{ name: "resourcePath", value }],
  }));
  return jobBody(name, { nodes });
}

async function resourcesIn({ ok }: FactoryWorld, workspace: string) {
  const { resources } = (await ok("GET", "/resources", { workspace })).json;
  return resources
    .map(({ id: _, resourceId: __, jobRelation: ___, ...resource }: Record<string, unknown>) => resource)
    .sort((one: typeof JAR, other: typeof JAR) => one.location.localeCompare(other.location));
}

test("resources go with the jobs whose nodes name them or their files, as their create call takes them", async () => {
  const { ok } = await factoryWorld();
  const elsewhere = { ...JAR, directory: "/else", location: "obs://b/else.jar", dependFiles: ["obs://b/x"] };
  for (const body of [JAR, elsewhere, FULL, { ...JAR, name: "unused", location: "obs://b/u" }])
    await ok("POST", "/resources", { body });
  const body = job("j", ["count", FULL.location, "obs://b/none.jar", "#{Env.get('jar')}"]);
  await ok("POST", "/jobs", { body });
  expect(await filesOf((await ok("POST", "/jobs/j/export")).bytes)).toEqual({
    "jobs/j.job": body,
    "resources/count.resource": JAR,
    "resources/count.2.resource": elsewhere,
    "resources/词频.resource": FULL,
  });
  const alone = await ok("POST", "/jobs/j/export", { body: { exportDepend: false } });
  expect(Object.keys(await filesOf(alone.bytes))).toEqual(["jobs/j.job"]);
});

test("resources go with a job whose nodes' files they are, by their names, their places or their own files", async () => {
  const { ok } = await factoryWorld();
  for (const body of [JAR, FULL, { ...JAR, name: "other", location: "obs://b/o" }])
    await ok("POST", "/resources", { body });
  const properties = [{ name: "files", value: `count,\n/d/${FULL.name} , obs://b/o` }];
  const nodes = [{ name: "n", type: "Shell", location: {}, properties }];
  await ok("POST", "/jobs", { body: jobBody("j", { nodes }) });
  const files = await filesOf((await ok("POST", "/jobs/j/export")).bytes);
  expect(Object.keys(files).toSorted()).toEqual([
    "jobs/j.job",
    "resources/count.resource",
    "resources/other.resource",
    "resources/词频.resource",
  ]);
});

test("what was exported with resources is imported with the same resources", async () => {
  const world = await factoryWorld();
  const { ok } = world;
  const elsewhere = { ...JAR, directory: "/else", location: "obs://b/else.jar" };
  for (const body of [JAR, elsewhere, FULL]) await ok("POST", "/resources", { workspace: "w1", body });
  await ok("POST", "/jobs", { workspace: "w1", body: job("j", ["count", "词频"]) });
  const { bytes } = await ok("POST", "/jobs/j/export", { workspace: "w1" });
  expect(await imported(world, bytes)).toMatchObject({
    status: "SUCCESSFUL",
    subtasks: ["count", "count", "词频", "j"].map((name) => ({ name, status: "SUCCESSFUL" })),
  });
  expect(await resourcesIn(world, "w2")).toEqual(await resourcesIn(world, "w1"));
  const body = { path: "obs://b/p.zip" };
  expect((await ok("POST", "/jobs/check-file", { body })).json.resources).toEqual([
    { name: "count", path: "/" },
    { name: "count", path: "/else" },
    { name: "词频", path: "/d" },
  ]);
});

test("a resource whose name is taken is left or saved over, by the import's policy or what is said of it alone", async () => {
  const world = await factoryWorld();
  const content = await archiveOf({ "a.resource": { ...JAR, desc: "new" }, "b.resource": FULL });
  for (const [members, desc, location] of [
    [{}, undefined, JAR.location],
    [
      { resources: [{ name: "count", type: "jar", replace: "false" }], sameNamePolicy: "OVERWRITE" },
      undefined,
      JAR.location,
    ],
    [{ resources: [{ name: "count", type: "pyFile", replace: true }] }, undefined, JAR.location],
    [{ resources: [{ name: "count", type: "jar", replace: "true" }] }, "new", JAR.location],
    [
      { resources: [{ name: "count", type: "", replace: "obs://c/here.jar" }], sameNamePolicy: "OVERWRITE" },
      "new",
      "obs://c/here.jar",
    ],
  ] as const) {
    for (const { resourceId } of (await world.ok("GET", "/resources", { workspace: "w2" })).json.resources)
      await world.ok("DELETE", `/resources/${resourceId}`, { workspace: "w2" });
    await world.ok("POST", "/resources", { workspace: "w2", body: JAR });
    expect(await imported(world, content, members)).toMatchObject({ status: "SUCCESSFUL" });
    const expected = { ...JAR, location, ...(desc !== undefined && { desc }) };
    expect(await resourcesIn(world, "w2"), JSON.stringify(members)).toEqual(
      [expected, FULL].sort((one, other) => one.location.localeCompare(other.location)),
    );
  }
  const body = { path: "obs://b/p.zip", resources: [{ name: "count", type: "jar", replace: "maybe" }] };
  expect(await world.call("POST", "/jobs/import", { body })).toMatchObject({
    json: { error_code: "DLF.3051" },
  });
});

test("a resource keeps its type, and one with a fault keeps the whole package out", async () => {
  const world = await factoryWorld();
  await world.ok("POST", "/resources", { workspace: "w2", body: { ...JAR, type: "file" } });
  const other = await imported(world, await archiveOf({ "a.resource": JAR }), {
    sameNamePolicy: "OVERWRITE",
  });
  expect(other).toMatchObject({ status: "FAILED", message: expect.stringContaining("has the type file") });
  for (const [members, message] of [
    [{ location: "here" }, "location: must be of the form"],
    [{ type: "exe" }, "type"],
    [{ name: "a b" }, "name: must be"],
    [{ desc: "x".repeat(256) }, "more than 255"],
  ] as const) {
    const content = await archiveOf({ "a.resource": FULL, "b.resource": { ...JAR, ...members } });
    const task = await imported(world, content, {}, { workspace: "w3" });
    expect(task, message).toMatchObject({ status: "FAILED", message: expect.stringContaining(message) });
  }
  const twice = await archiveOf({ "a.resource": JAR, "b.resource": JAR });
  expect((await imported(world, twice, {}, { workspace: "w3" })).message).toContain(
    'two of resource "count" in /',
  );
  expect(await resourcesIn(world, "w3")).toEqual([]);
});
