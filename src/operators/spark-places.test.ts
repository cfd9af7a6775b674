/** What a Spark program finds and leaves: an output that is there already, one of a lost try, and places that it was not to write at. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld } from "../../test/setup/operators.ts";
import { placeSparkWork } from "./spark-places.ts";
import { sparkProgramOf } from "./spark-program.ts";

let world: OperatorWorld;

beforeAll(async () => {
  world = await operatorWorld();
});

afterAll(() => world.close());

/** Runs `program`, which is told where its arguments are, between what is brought and what is published. */
async function between(
  properties: Readonly<Record<string, string>>,
  program: (paths: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const work = world.workOf({ type: "MRSSpark", properties });
  await world.runner.withFolder(work.projectId, async (folder) => {
    const { placed, publish } = await placeSparkWork(work, sparkProgramOf(work), folder, world.contextOf());
    await program(placed.args);
    await publish();
  });
}

async function leave(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

const read = (path: string) => readFile(world.bucketFile(path), "utf8").catch(() => undefined);

test("an output that is there is found there: what is added is added, what is replaced is replaced", async () => {
  await world.put("obs://b/daily/part-1", "one");
  const properties = { output: "obs://b/daily", parameters: "obs://b/daily" };
  await between(properties, async ([path = ""]) => {
    expect(await readFile(join(path, "part-1"), "utf8")).toBe("one");
    await leave(join(path, "part-2"), "two");
  });
  expect([await read("obs://b/daily/part-1"), await read("obs://b/daily/part-2")]).toEqual(["one", "two"]);
  await between(properties, async ([path = ""]) => {
    await rm(path, { recursive: true });
    await leave(join(path, "part-3"), "three");
  });
  expect(await read("obs://b/daily/part-1")).toBeUndefined();
  expect(await read("obs://b/daily/part-3")).toBe("three");
});

test("what a lost try of the same node left half done is begun anew", async () => {
  const properties = { output: "obs://b/new", parameters: "obs://b/new" };
  await between(properties, async ([path = ""]) => {
    await leave(join(path, "part-1"), "one");
    await leave(join(path, "_SUCCESS"), "");
  });
  await between(properties, async ([path = ""]) => {
    await expect(readFile(join(path, "part-1"))).rejects.toThrow("ENOENT");
    await leave(join(path, "part-2"), "two");
  });
  expect(await read("obs://b/new/part-1")).toBeUndefined();
  expect(await read("obs://b/new/part-2")).toBe("two");
});

test("what is written where the node reads is no output: it is refused by its name, and nothing is published", async () => {
  await world.put("obs://b/in/a.csv", "a");
  const properties = { parameters: "obs://b/in obs://b/out", output: "obs://b/out" };
  const program = async ([input = "", output = ""]: readonly string[]) => {
    await leave(join(output, "part-1"), "one");
    await leave(join(input, "b.csv"), "b");
  };
  await expect(between(properties, program)).rejects.toThrow("wrote at obs://b/in/b.csv");
  expect(await read("obs://b/in/b.csv")).toBeUndefined();
  expect(await read("obs://b/out/part-1")).toBeUndefined();
});
