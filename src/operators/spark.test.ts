/** Where Spark nodes may run, before anything of Spark is started. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld } from "../../test/setup/operators.ts";

let world: OperatorWorld;

beforeAll(async () => {
  world = await operatorWorld();
});

afterAll(() => world.close());

const properties = { resourcePath: "obs://b/a.jar" };

test("a node that names another cluster is refused for good, and by its name", async () => {
  const cluster = { id: "0".repeat(32), name: "big", local: false, services: {} };
  const { outcome } = await world.run({ type: "MRSSpark", properties, cluster });
  expect(outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringContaining('"big"'),
  });
  expect(world.operatorFor("MRSSpark").hasCluster).toBe(true);
  expect(world.operatorFor("DLISpark").hasCluster).toBeUndefined();
});

test("a project without the right to run commands here runs no Spark programs", async () => {
  const { outcome } = await world.run({ type: "DLISpark", properties, localCommandsAllowed: false });
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("administrator") });
});

test("Spark that cannot be had is a failure that another try may mend", async () => {
  const { outcome } = await world.run({ type: "Spark", properties });
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("spark") });
  expect(outcome).not.toMatchObject({ permanent: true });
});
