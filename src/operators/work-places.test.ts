/** What runs read is brought to their programs, and what they write goes back: in a folder, and in a cluster's files. */
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld } from "../../test/setup/operators.ts";
import type { Work, WorkContext } from "./operator.ts";
import { bucketStage, fillStatements, folderStage, type PlaceOptions, placesOf } from "./work-places.ts";

let world: OperatorWorld;

beforeAll(async () => {
  world = await operatorWorld();
});
afterAll(() => world.close());

type Given = Partial<Work> & { readonly options?: PlaceOptions };

/** Places the work in a folder of an attempt and hands both over. */
async function inFolder(
  given: Given,
  body: (placed: Awaited<ReturnType<typeof placesOf>>, folder: string) => Promise<void>,
): Promise<void> {
  const { options = { addresses: "all" as const }, ...work } = given;
  await world.runner.withFolder("project-a", async (folder) => {
    const placed = await placesOf(
      world.workOf({ type: "Spark", ...work }),
      folderStage(folder),
      context(),
      options,
    );
    await body(placed, folder.path);
  });
}

function context(): WorkContext {
  return world.contextOf();
}

const text = (path: string) => readFile(path, "utf8");

describe("in the folder of an attempt", () => {
  test("a folder and a file are read, what is not there is written, and both are named by their places", async () => {
    await world.put("obs://read/words/year=1/a.txt", "one");
    await world.put("obs://read/words/b.txt", "two");
    const args = ["s3a://read/words", "--out=swift://read/result/x", "obs://read/words/*.txt", "https://x/y"];
    await inFolder({ args }, async (placed, folder) => {
      expect(placed.args).toEqual([
        join(folder, "in/read/words"),
        `--out=${join(folder, "out/read/result/x")}`,
        `${join(folder, "in/read/words")}/*.txt`,
        "https://x/y",
      ]);
      expect(await text(join(folder, "in/read/words/year=1/a.txt"))).toBe("one");
      await mkdir(join(folder, "out/read/result/x"));
      await writeFile(join(folder, "out/read/result/x/part-0"), "three");
      await writeFile(join(folder, "out/read/result/x/.part-0.crc"), "checksum");
      await placed.publish();
      expect(await text(world.bucketFile("obs://read/result/x/part-0"))).toBe("three");
      await expect(text(world.bucketFile("obs://read/result/x/.part-0.crc"))).rejects.toThrow("ENOENT");
    });
  });

  test("a run's output takes the place of what was there, once there is something", async () => {
    await world.put("obs://again/out/old", "old");
    await world.put("obs://again/in", "in");
    const places = {
      input: { url: "obs://again/in" },
      output: { url: "obs://again/out/" },
      named: [],
    };
    const params = { INPUT: "obs://again/in", to: "${output}" };
    await inFolder({ places, params }, async (placed, folder) => {
      expect(placed).toMatchObject({
        input: join(folder, "in/again/in"),
        output: join(folder, "out/again/out"),
        outputIsThere: true,
        params: { INPUT: join(folder, "in/again/in"), to: join(folder, "out/again/out") },
        environment: {
          AZALAI_INPUT: join(folder, "in/again/in"),
          AZALAI_OUTPUT: join(folder, "out/again/out"),
        },
      });
      await placed.publish();
      expect(await text(world.bucketFile("obs://again/out/old"))).toBe("old");
      await mkdir(join(folder, "out/again/out"));
      await writeFile(join(folder, "out/again/out/new"), "new");
      await placed.publish();
      expect(await text(world.bucketFile("obs://again/out/new"))).toBe("new");
      await expect(text(world.bucketFile("obs://again/out/old"))).rejects.toThrow("ENOENT");
    });
  });

  test("addresses that are no data source of the run are left to programs that did not ask for them", async () => {
    await world.put("obs://own/in/a", "a");
    const places = { input: { url: "obs://own/in" }, named: [] };
    const args = ["obs://own/in/a", "obs://other/x", "obs://own/input"];
    await inFolder({ places, args, options: { addresses: "data-sources" } }, async (placed, folder) => {
      expect(placed.args).toEqual([join(folder, "in/own/in/a"), "obs://other/x", "obs://own/input"]);
    });
  });

  test("an input that is not there, and an address of another file system, are refused by name", async () => {
    const nothing = { input: { url: "obs://none/in" }, named: [] };
    await expect(inFolder({ places: nothing }, async () => undefined)).rejects.toThrow("obs://none/in");
    const away = { input: { url: "hdfs://namenode/in" }, named: [] };
    await expect(inFolder({ places: away }, async () => undefined)).rejects.toThrow(
      "hdfs://namenode/in cannot be reached from here",
    );
    await expect(inFolder({ args: ["obs://a/../b"] }, async () => undefined)).rejects.toThrow("form");
  });

  test("nothing is published from behind a link that the program laid on the way", async () => {
    const places = { output: { url: "obs://stolen/out/all" }, named: [] };
    await inFolder({ places }, async (placed, folder) => {
      await symlink(world.dataFolder, join(folder, "out/stolen/out/all"));
      await placed.publish();
      await expect(text(world.bucketFile("obs://stolen/out/all/secret"))).rejects.toThrow("ENOENT");
    });
  });
});

test("on a cluster's file system files go there and come from there, and what it opens itself stays", async () => {
  await world.put("obs://far/in/a", "a");
  const { buckets } = context();
  const stage = bucketStage(buckets, "obs://hdfs/staging/key", (address) => address.startsWith("s3a:"));
  const work = world.workOf({ type: "Spark", args: ["obs://far/in", "obs://far/out", "s3a://native/x"] });
  const placed = await placesOf(work, stage, context(), { addresses: "all" });
  expect(placed.args).toEqual([
    "obs://hdfs/staging/key/in/far/in",
    "obs://hdfs/staging/key/out/far/out",
    "s3a://native/x",
  ]);
  expect(await text(world.bucketFile("obs://hdfs/staging/key/in/far/in/a"))).toBe("a");
  await world.put("obs://hdfs/staging/key/out/far/out/part", "b");
  await placed.publish();
  expect(await text(world.bucketFile("obs://far/out/part"))).toBe("b");
});

test("statements are filled with what the run gives, and keep what it does not", () => {
  const filled = fillStatements("select '${INPUT}', ${n}, ${hiveconf:x}, ${unknown}", {
    INPUT: "/in",
    n: "$1",
  });
  expect(filled).toBe("select '/in', $1, ${hiveconf:x}, ${unknown}");
});
