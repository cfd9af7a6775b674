/** OBSManager nodes on the built-in buckets: folders made, folders removed, and what is refused. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { createFolderBlobs } from "../store/blobs.ts";
import { createBuckets } from "../store/buckets.ts";
import { createBucketPathOperator } from "./bucket-paths.ts";
import type { Work, WorkContext } from "./operator.ts";

async function setup() {
  const folder = await mkdtemp(join(tmpdir(), "azalai-bucket-paths-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const buckets = createBuckets(createFolderBlobs(folder), "a".repeat(32));
  let log = "";
  const run = async (properties: Readonly<Record<string, string>>) => {
    const work = { type: "OBSManager", nodeName: "folders", properties };
    const context = {
      signal: new AbortController().signal,
      log: (chunk: string) => {
        log += chunk;
      },
      buckets,
    };
    return await createBucketPathOperator().run(work as unknown as Work, context as unknown as WorkContext);
  };
  return { buckets, run, log: () => log };
}

test("a folder is made once, is there without files, and takes files", async () => {
  const { buckets, run, log } = await setup();
  const create = { action: "CREATE_PATH", path: "obs://demo/in/today/" };
  expect(await buckets.exists("obs://demo/in/today")).toBe(false);
  expect(await run(create)).toEqual({ state: "succeeded" });
  expect(await run(create)).toEqual({ state: "succeeded" });
  expect(log()).toContain("obs://demo/in/today/ is there");
  expect(await buckets.exists("obs://demo/in/today")).toBe(true);
  expect(await buckets.exists("obs://demo/in")).toBe(true);
  expect(await buckets.list("obs://demo")).toEqual([]);
  await buckets.write("obs://demo/in/today/1.csv", Readable.from(["1"]));
  expect(await buckets.list("obs://demo")).toEqual(["obs://demo/in/today/1.csv"]);
});

test("a folder goes with all that lies under it, and nothing beside it", async () => {
  const { buckets, run, log } = await setup();
  for (const key of ["in/1.csv", "in/deep/2.csv", "in-other/3.csv", "in.csv"])
    await buckets.write(`obs://demo/${key}`, Readable.from(["x"]));
  const remove = { action: "delete_path", path: "obs://demo/in" };
  expect(await run(remove)).toEqual({ state: "succeeded" });
  expect(await buckets.list("obs://demo")).toEqual(["obs://demo/in-other/3.csv", "obs://demo/in.csv"]);
  expect(await run(remove)).toEqual({ state: "succeeded" });
  expect(log()).toBe("removed obs://demo/in\nobs://demo/in was not there\n");
});

test("a whole bucket, a path of another form and another action are refused", async () => {
  const { buckets, run } = await setup();
  await buckets.write("obs://demo/1.csv", Readable.from(["x"]));
  for (const path of ["obs://demo", "obs://demo/", "/demo/in", "obs://demo/../other"])
    expect(await run({ action: "DELETE_PATH", path }), path).toMatchObject({
      state: "failed",
      permanent: true,
    });
  expect(await run({ action: "COPY_PATH", path: "obs://demo/in" })).toMatchObject({
    state: "failed",
    permanent: true,
    message: "The action COPY_PATH is none of CREATE_PATH, DELETE_PATH.",
  });
  expect(await buckets.list("obs://demo")).toEqual(["obs://demo/1.csv"]);
});
