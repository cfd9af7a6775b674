/** The bounds of every number that a query takes, from the contracts: the last good value is read, the next one refused. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
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
