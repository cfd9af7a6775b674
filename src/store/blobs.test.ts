import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { createFolderBlobs } from "./blobs.ts";

async function setup() {
  const folder = await mkdtemp(join(tmpdir(), "azalai-blobs-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const blobs = createFolderBlobs(folder);
  const read = async (projectId: string, key: string, fromByte?: number) => {
    const content = await blobs.open(projectId, key, fromByte);
    return content && (await text(content));
  };
  return { folder, blobs, read };
}

test("what is put is read, from any byte on", async () => {
  const { blobs, read } = await setup();
  await blobs.put("p", "a/b", Buffer.from("hello"));
  await blobs.put("p", "a/c", Readable.from(["from ", "a stream"]), "quick");
  expect(await read("p", "a/b")).toBe("hello");
  expect(await read("p", "a/b", 3)).toBe("lo");
  expect(await read("p", "a/b", 9)).toBe("");
  expect(await read("p", "a/c")).toBe("from a stream");
  expect(await blobs.sizeBytes("p", "a/c")).toBe(13);
});

test("a blob that is not there is undefined, for the owner of another as well", async () => {
  const { blobs, read } = await setup();
  await blobs.put("p", "a", Buffer.from("x"));
  expect(await read("q", "a")).toBeUndefined();
  expect(await read("p", "a/b")).toBeUndefined();
  expect(await blobs.sizeBytes("p", "b")).toBeUndefined();
  expect(await blobs.localPath("p", "b")).toBeUndefined();
  expect(await blobs.list("q", "")).toEqual([]);
});

test("a key and the keys under it are blobs of their own, deleted together", async () => {
  const { blobs, read } = await setup();
  for (const key of ["a", "a/b", "a/b/c", "ab"]) await blobs.put("p", key, Buffer.from(key));
  expect(await read("p", "a")).toBe("a");
  expect((await blobs.list("p", "")).sort()).toEqual(["a", "a/b", "a/b/c", "ab"]);
  expect((await blobs.list("p", "a")).sort()).toEqual(["a/b", "a/b/c"]);
  await blobs.delete("p", "a");
  expect(await blobs.list("p", "")).toEqual(["ab"]);
  await blobs.delete("p", "a");
});

test("names stay names: nothing in a key leads elsewhere", async () => {
  const { folder, blobs, read } = await setup();
  const key = "C:\\=x %2e%2e/数据.csv/ =~'";
  await blobs.put("p", key, Buffer.from("odd"));
  expect(await read("p", key)).toBe("odd");
  expect(await blobs.list("p", "")).toEqual([key]);
  const refused = { code: "reference-invalid" };
  for (const bad of ["", "..", "a/../b", "./a", "a//b", "/a", "a/", "\ud800", "x".repeat(201)]) {
    await expect(blobs.put("p", bad, Buffer.from("x")), bad).rejects.toMatchObject(refused);
    await expect(blobs.open("p", bad), bad).rejects.toMatchObject(refused);
  }
  expect((await readdir(folder)).sort()).toEqual(["p", "unfinished"]);
});

test("a write that fails leaves the older content and nothing beside it", async () => {
  const { folder, blobs, read } = await setup();
  await blobs.put("p", "a", Buffer.from("old"));
  const broken = Readable.from(
    (function* () {
      yield "half";
      throw new RangeError("the sender left");
    })(),
  );
  await expect(blobs.put("p", "a", broken)).rejects.toThrow("the sender left");
  expect(await read("p", "a")).toBe("old");
  expect(await readdir(join(folder, "unfinished"))).toEqual([]);
});

test("nobody else on the machine may read", async () => {
  const { blobs } = await setup();
  await blobs.put("p", "a/b", Buffer.from("x"));
  const path = (await blobs.localPath("p", "a/b")) ?? "";
  expect((await stat(path)).mode & 0o077).toBe(0);
  expect((await stat(join(path, ".."))).mode & 0o077).toBe(0);
});
