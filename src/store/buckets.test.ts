/** Buckets of the folder blob store: names, not paths. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { createFolderBlobs } from "./blobs.ts";
import { createBuckets } from "./buckets.ts";

async function setup() {
  const folder = await mkdtemp(join(tmpdir(), "azalai-buckets-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const blobs = createFolderBlobs(folder);
  return { mine: createBuckets(blobs, "a".repeat(32)), theirs: createBuckets(blobs, "b".repeat(32)) };
}

test("a file is read back from its own project's bucket only", async () => {
  const { mine, theirs } = await setup();
  await mine.write("obs://demo/day/1.csv", Readable.from(["a,b\n"]));
  expect(await text(await mine.open("obs://demo/day/1.csv"))).toBe("a,b\n");
  expect(await text(await mine.open("s3a://demo/day/1.csv"))).toBe("a,b\n");
  await expect(theirs.open("obs://demo/day/1.csv")).rejects.toThrow("there is no file obs://demo/day/1.csv");
});

test("a list names what lies under a folder or a bucket", async () => {
  const { mine } = await setup();
  await mine.write("obs://demo/day/2.csv", Readable.from(["2"]));
  await mine.write("obs://demo/day/1.csv", Readable.from(["1"]));
  await mine.write("obs://demo/other.csv", Readable.from(["3"]));
  expect(await mine.list("obs://demo/day/")).toEqual(["obs://demo/day/1.csv", "obs://demo/day/2.csv"]);
  expect(await mine.list("obs://demo")).toEqual([
    "obs://demo/day/1.csv",
    "obs://demo/day/2.csv",
    "obs://demo/other.csv",
  ]);
});

test("a path that climbs, or names no bucket or key, is refused", async () => {
  const { mine } = await setup();
  for (const path of [
    "obs://demo/../x",
    "obs://../x",
    "obs://demo/a//b",
    "obs://demo/",
    "file:///etc/passwd",
    "/etc/passwd",
    "obs://demo",
  ])
    await expect(mine.open(path), path).rejects.toMatchObject({ code: "reference-invalid" });
});
