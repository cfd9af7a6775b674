/** The bounds of every place of queries and bodies, from the contracts: the last good value is read, the next one refused. */
import { expect, test } from "vitest";
import { BODIES } from "../../../test/schema-fuzz/seeds.ts";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { boundedPlaces, withValueAt } from "../../../test/setup/schema-places.ts";
import { createFactoryFace } from "./routes.ts";

interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
}

/** Paths with every number of their queries; nothing needs to be there for a query to be read. */
function numbersOf({ deps }: FactoryWorld) {
  return createFactoryFace(deps).routes.flatMap((route) => {
    if (route.role === "public" || route.contract?.query === undefined) return [];
    const path = route.path.replace(":project_id", PROJECT).replaceAll(/:\w+/g, "1");
    return Object.entries(route.contract.query.properties).flatMap(([name, member]) =>
      "type" in member && member.type === "integer"
        ? [{ method: route.method, path, name, bounds: member as unknown as Bounds }]
        : [],
    );
  });
}

test("a number of a query may be as small and as large as its contract says, and no smaller or larger", async () => {
  const world = await factoryWorld();
  const numbers = numbersOf(world);
  expect(numbers).not.toEqual([]);
  for (const { method, path, name, bounds } of numbers) {
    const ask = async (value: number | string) =>
      JSON.stringify((await world.call(method, `${path}?${name}=${value}`)).json ?? {});
    const refused = expect.stringMatching(new RegExp(`DLF[.]3051.*${name}: `));
    const { minimum, maximum } = bounds;
    for (const good of [minimum, maximum])
      expect(await ask(good), `${path} ${name}=${good}`).not.toEqual(refused);
    for (const bad of [minimum - 1, maximum + 1, `${minimum}.5`, "1e0", "0x1", "one", "", "%20"])
      expect(await ask(bad), `${path} ${name}=${bad}`).toEqual(refused);
  }
});

test("of a member that a body has twice the last one counts", async () => {
  const world = await factoryWorld();
  const text = JSON.stringify(jobBody("second")).replace("{", '{"name":"first",');
  await world.ok("POST", "/jobs", { text });
  const { json } = await world.ok("GET", "/jobs");
  expect(json).toMatchObject({ total: 1, jobs: [{ name: "second" }] });
});

/** What bodies are changed from, and what their paths name. */
async function bodiesOf(world: FactoryWorld) {
  for (const name of ["1", "fuzz-job"]) await world.ok("POST", "/jobs", { body: jobBody(name) });
  await world.ok("POST", "/scripts", { body: { name: "1", type: "Shell", content: "true" } });
  const connection = { name: "1", type: "CloudTable", config: { clusterName: "c" } };
  await world.ok("POST", "/connections", { body: connection });
  const resource = { name: "r", type: "jar", location: "obs://b/r.jar" };
  const { resourceId } = (await world.ok("POST", "/resources", { body: resource })).json;
  return createFactoryFace(world.deps).routes.flatMap((route) => {
    if (route.role === "public" || route.contract?.body === undefined) return [];
    const path = route.path
      .replace(":project_id", PROJECT)
      .replace(":resource_id", resourceId)
      .replaceAll(/:\w+/g, "1");
    const { operation, body } = route.contract;
    return [{ method: route.method, path, operation, schema: body, base: BODIES[operation] ?? {} }];
  });
}

test("a place of a body may hold what its contract says, and nothing beyond", {
  timeout: 300_000,
}, async () => {
  const world = await factoryWorld();
  const bodies = await bodiesOf(world);
  const problems: string[] = [];
  let looks = 0;
  for (const { method, path, operation, schema, base } of bodies)
    for (const place of boundedPlaces(schema)) {
      const name = place.path.join(".");
      const ask = async (value: unknown) => {
        looks += 1;
        const body = withValueAt(base, schema, place.path, value);
        return JSON.stringify((await world.call(method, path, { body })).json ?? {});
      };
      for (const good of place.good) {
        const answer = await ask(good);
        if (answer.includes(`${name}: must`))
          problems.push(`${operation} ${name} refuses ${brief(good)}: ${brief(answer)}`);
      }
      for (const bad of place.bad) {
        const answer = await ask(bad);
        if (!answer.includes(`${name}: `))
          problems.push(`${operation} ${name} takes ${brief(bad)}: ${brief(answer)}`);
      }
    }
  expect(problems).toEqual([]);
  expect(looks).toBeGreaterThan(1000);
});

function brief(value: unknown): string {
  return JSON.stringify(value).slice(0, 200);
}

test("names of Chinese characters go through bodies, paths, lists and v2; others are refused", async () => {
  const { ok, call } = await factoryWorld();
  const name = "每日_报表-1.a";
  const path = encodeURIComponent(name);
  await ok("POST", "/jobs", { body: jobBody(name, { directory: "/目录" }) });
  await ok("POST", "/scripts", { body: { name, type: "Shell", content: "echo 你好 🌍" } });
  expect((await ok("GET", `/jobs/${path}`)).json).toMatchObject({ name, directory: "/目录" });
  expect((await ok("GET", `/scripts/${path}`)).json).toMatchObject({ name, content: "echo 你好 🌍" });
  const found = (await ok("GET", `/jobs?jobName=${encodeURIComponent("报表")}`)).json;
  expect(found).toMatchObject({ total: 1, jobs: [{ name, path: "/目录" }] });
  const renamed = "长".repeat(128);
  await ok("PUT", `/v2/${PROJECT}/factory/jobs/${path}/rename`, { body: { name: renamed } });
  expect((await ok("GET", `/jobs/${encodeURIComponent(renamed)}`)).json.name).toBe(renamed);
  for (const bad of ["长".repeat(129), "报 表", "报/表", "🌍", "e\u0301", "\u200b", "а", "x\u0000"])
    expect(await call("POST", "/jobs", { body: jobBody(bad) }), JSON.stringify(bad)).toMatchObject({
      status: 400,
      json: { error_code: expect.stringMatching(/^DLF[.](3018|3051)$/) },
    });
});

test("a graph of 200 nodes is kept, shown and run to its end; one more is refused", async () => {
  const world = await factoryWorld();
  // Each node waits for the one before and for the one at half its place.
  const nodes = Array.from({ length: 201 }, (_, place) => ({
    name: `n${place}`,
    type: "Dummy",
    location: { x: place, y: 0 },
    properties: [],
    ...(place > 0 && { preNodeName: [...new Set([`n${place - 1}`, `n${Math.floor(place / 2)}`])] }),
  }));
  const body = jobBody("wide", { nodes: nodes.slice(0, 200) });
  await world.ok("POST", "/jobs", { body });
  expect((await world.ok("GET", "/jobs/wide")).json.nodes).toEqual(body.nodes);
  expect(await world.call("PUT", "/jobs/wide", { body: jobBody("wide", { nodes }) })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.3051" },
  });
  await world.startEngine();
  const { instanceId } = (await world.ok("POST", "/jobs/wide/run-immediate")).json;
  await world.ended(instanceId);
  const { json } = await world.ok("GET", `/jobs/wide/instances/${instanceId}`);
  expect(json).toMatchObject({ status: "success", total: 200 });
});

test("bodies nested a hundred deep are read, deeper ones refused before they are parsed", async () => {
  const world = await factoryWorld();
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
  const send = (depth: number) => {
    const text = JSON.stringify(jobBody(`deep-${depth}`)).replace("{", `{"unknown":${nested(depth - 1)},`);
    return world.call("POST", "/jobs", { text });
  };
  expect((await send(100)).status).toBe(204);
  expect((await world.ok("GET", "/jobs/deep-100")).json.unknown).toEqual(JSON.parse(nested(99)));
  for (const depth of [101, 100_000])
    expect(await send(depth), String(depth)).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});
