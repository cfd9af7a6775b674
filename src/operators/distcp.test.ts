/** What DistCp copies, and what it refuses. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld } from "../../test/setup/operators.ts";

let world: OperatorWorld;

beforeAll(async () => {
  world = await operatorWorld();
});
afterAll(() => world.close());

const copy = (from: string, to: string) =>
  world.run({ type: "DistCp", places: { input: { url: from }, output: { url: to }, named: [] } });
const text = (path: string) => readFile(world.bucketFile(path), "utf8");

test("a folder's files go below the target, under their names", async () => {
  await world.put("obs://one/in/a", "first");
  await world.put("obs://one/in/x=1/b", "second");
  const { outcome, log } = await copy("s3a://one/in/", "obs://two/out");
  expect(outcome).toMatchObject({ state: "succeeded", output: "2" });
  expect(log).toContain("s3a://one/in/a -> obs://two/out/a\n");
  expect([await text("obs://two/out/a"), await text("obs://two/out/x=1/b")]).toEqual(["first", "second"]);
});

test("a file goes to the very address, also where the two are the last arguments", async () => {
  await world.put("obs://one/file", "whole");
  const { outcome } = await world.run({ type: "DistCp", args: ["-m", "obs://one/file", "obs://two/file"] });
  expect(outcome.state).toBe("succeeded");
  expect(await text("obs://two/file")).toBe("whole");
});

test("what is not there, what lies elsewhere, and a copy into itself are refused for good", async () => {
  for (const [from, to, said] of [
    ["obs://one/none", "obs://two/none", "obs://one/none"],
    ["hdfs://host/in", "obs://two/x", "hdfs://host/in cannot be reached"],
    ["obs://one/in", "obs://one/in/copy", "into itself"],
  ] as const) {
    const { outcome } = await copy(from, to);
    expect(outcome).toMatchObject({
      state: "failed",
      permanent: true,
      message: expect.stringContaining(said),
    });
  }
});
