/** SubJob and ForEach through the faces: the examples of docs/sub-jobs.md, the instances that they begin, refusals. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody } from "../../../test/setup/factory.ts";

async function worldWithExamples(): Promise<FactoryWorld> {
  const page = await readFile(new URL("../../../docs/sub-jobs.md", import.meta.url), "utf8");
  const world = await factoryWorld();
  for (const [, text = ""] of page.matchAll(/```json\n(.*?)```/gs))
    await world.ok("POST", "/jobs", { body: JSON.parse(text) });
  await world.startEngine();
  return world;
}

async function run({ ok, ended }: FactoryWorld, job: string): Promise<number> {
  const { instanceId } = (await ok("POST", `/jobs/${job}/run-immediate`)).json;
  await ended(instanceId);
  return instanceId;
}

async function outputsOf({ ok }: FactoryWorld, instanceId: number): Promise<Record<string, string>> {
  const { state, nodes } = (await ok("GET", `/api/instances/${instanceId}`)).json;
  expect(state).toBe("succeeded");
  return Object.fromEntries(nodes.map((node: { name: string; output: string }) => [node.name, node.output]));
}

const subJob = (properties: Record<string, string>, type = "SubJob") => ({
  nodes: [
    {
      name: "run",
      type,
      location: { x: 0, y: 0 },
      properties: Object.entries(properties).map(([name, value]) => ({ name, value })),
    },
  ],
});

test("a sub-job's output reaches the nodes behind it, and its instance is known from both sides", async () => {
  const world = await worldWithExamples();
  const id = await run(world, "nightly");
  expect(await outputsOf(world, id)).toEqual({ orders: "loaded orders_2026", tell: "loaded orders_2026" });
  const { parent, children, next } = (
    await world.ok("GET", `/api/instances/${id}/children`, { role: "reader" })
  ).json;
  expect({ parent, next }).toEqual({ parent: null, next: null });
  expect(children).toEqual([
    { instanceId: expect.any(Number), node: "orders", round: 1, place: 0, state: "succeeded" },
  ]);
  const child = children[0].instanceId;
  const below = (await world.ok("GET", `/api/instances/${child}/children`)).json;
  expect(below).toMatchObject({ parent: { instanceId: id, node: "orders", place: 0 }, children: [] });
  const listed = await world.ok("GET", "/jobs/instances/detail?instanceType=6");
  expect(listed.json.instances).toMatchObject([{ instanceId: child, jobName: "load_one", instanceType: 6 }]);
});

test("a loop gathers what its rows left; its instances are read in pages", async () => {
  const world = await worldWithExamples();
  const id = await run(world, "all_tables");
  const { each = "" } = await outputsOf(world, id);
  expect(JSON.parse(each)).toEqual(["loaded orders_eu", "loaded items_us"]);
  const first = (await world.ok("GET", `/api/instances/${id}/children?limit=1`)).json;
  expect(first.children).toMatchObject([{ node: "each", place: 0 }]);
  const second = (await world.ok("GET", `/api/instances/${id}/children?limit=1&after=${first.next}`)).json;
  expect(second).toMatchObject({ children: [{ place: 1 }], next: null });
  const { json } = await world.ok(
    "GET",
    "/jobs/instances/detail?instanceType=6&jobName=load_one_items&preciseQuery=true",
  );
  expect(json.total).toBe(1);
});

test.each([
  [subJob({}), "jobName is missing"],
  [subJob({ jobName: "none" }), 'there is no job "none"'],
  [subJob({ jobName: "parent" }), "cannot run itself"],
  [subJob({ jobName: "live" }), "is no batch job"],
  [subJob({ jobName: "nightly" }), "run jobs themselves"],
  [subJob({ jobName: "load_one", dataset: "x" }, "ForEach"), "dataset is not JSON"],
  [subJob({ jobName: "load_one" }, "ForEach"), "dataset is not JSON"],
  [subJob({ jobName: "load_one", dataset: "[]", concurrency: "0" }, "ForEach"), "whole number from 1 to 200"],
  [
    subJob({ jobName: "load_one", dataset: "[]", "azalai.onChildFailure": "?" }, "ForEach"),
    "stop or continue",
  ],
  [subJob({ jobName: "#{1 +}" }), "expression at character"],
])("a job with %j is not saved: %s", async (members, reason) => {
  const { call, ok } = await worldWithExamples();
  await ok("POST", "/jobs", { body: jobBody("live", { processType: "REAL_TIME" }) });
  const answer = await call("POST", "/jobs", { body: jobBody("parent", members) });
  expect(answer.status).toBe(400);
  expect(answer.json.error_msg).toContain(reason);
  expect((await call("GET", "/jobs/parent")).status).toBe(400);
});

test("a name that an expression gives is left to the run", async () => {
  const world = await worldWithExamples();
  await world.ok("POST", "/jobs", { body: jobBody("open", subJob({ jobName: "load_#{1 + 0}" })) });
  const id = await run(world, "open");
  expect((await world.ok("GET", `/api/instances/${id}`)).json.errorMessage).toContain('no job "load_1"');
});

test("a job that others run keeps its name and kind, runs no jobs, and is not deleted until they let go of it", async () => {
  const { call, ok } = await worldWithExamples();
  const load = (await ok("GET", "/jobs/load_one")).json;
  for (const changed of [
    { ...load, name: "renamed" },
    { ...load, processType: "REAL_TIME" },
    { ...load, ...subJob({ jobName: "#{'x'}" }) },
  ])
    expect((await call("PUT", "/jobs/load_one", { body: changed })).json.error_msg).toContain(
      '"nightly", "all_tables"',
    );
  expect((await call("DELETE", "/jobs/load_one")).json.error_msg).toContain("nightly");
  await ok("PUT", "/jobs/load_one", { body: { ...load, description: "changed" } });
  await ok("DELETE", "/jobs/all_tables");
  await ok("PUT", "/jobs/nightly", { body: jobBody("nightly") });
  await ok("DELETE", "/jobs/load_one");
});

test("instances of strangers, and ones that are not there, are missing; a page has a size", async () => {
  const world = await worldWithExamples();
  const id = await run(world, "nightly");
  expect((await world.call("GET", "/api/instances/999/children")).json).toMatchObject({
    code: "instance-missing",
  });
  for (const query of ["limit=0", "limit=1001", "after=x"])
    expect((await world.call("GET", `/api/instances/${id}/children?${query}`)).json).toMatchObject({
      code: "request-invalid",
    });
});
