/** Buckets at an S3 endpoint: what nodes may do in the server's own ones, done in a real gateway. */
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type S3Server, s3Missing, startS3 } from "../../test/setup/s3.ts";
import { createS3Buckets } from "./s3-buckets.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const without = (await s3Missing()) !== undefined;
let server: S3Server;
let bucketNo = 0;

beforeAll(async () => {
  if (!without) server = await startS3();
});
afterAll(async () => {
  if (!without) await server.stop();
});

/** A bucket of its own for each test. */
async function setup({ signal = new AbortController().signal, config = {} } = {}) {
  const bucket = `files-${++bucketNo}`;
  await server.createBucket(bucket);
  const open = createS3Buckets({ allowedAddresses: ["loopback"], now: () => new Date() });
  const connection = { name: "lake", type: "S3", config: { ...server.config, ...config }, warehouse: false };
  return { bucket, root: `obs://${bucket}`, files: open({ ...connection, type: "S3" }, signal) };
}

test.skipIf(without)("a file is written over an older one, and read back by both sides", async () => {
  const { bucket, root, files } = await setup();
  const path = `${root}/day 1/ä+b&c=(d)!.csv`;
  await files.write(path, Readable.from(["old"]));
  await files.write(path, Readable.from(["new ", "content"]));
  expect(await text(await files.open(path))).toBe("new content");
  expect(await text(await files.open(path.replace("obs:", "s3a:")))).toBe("new content");
  await server.put(bucket, "theirs.csv", "by another client");
  expect(await text(await files.open(`${root}/theirs.csv`))).toBe("by another client");
  await files.write(`${root}/empty`, Readable.from([]));
  expect(await text(await files.open(`${root}/empty`))).toBe("");
  expect(await files.localPath(path)).toBeUndefined();
  expect(await files.list(root)).toEqual([path, `${root}/empty`, `${root}/theirs.csv`]);
});

test.skipIf(without)("a file of many parts arrives as it is, whatever its chunks are", async () => {
  const { root, files } = await setup();
  const chunk = Buffer.alloc(700_001, "0123456789abcdef");
  const content = Buffer.concat(Array.from({ length: 60 }, () => chunk));
  await files.write(`${root}/long`, Readable.from(Array.from({ length: 60 }, () => chunk)));
  expect((await buffer(await files.open(`${root}/long`))).equals(content)).toBe(true);
});

test.skipIf(without)("what breaks off leaves the older file", async () => {
  const { root, files } = await setup();
  const path = `${root}/report`;
  await files.write(path, Readable.from(["whole"]));
  for (const chunks of [1, 40]) {
    const broken = Readable.from(
      (async function* () {
        for (let sent = 0; sent < chunks; sent += 1) yield Buffer.alloc(1024 * 1024);
        throw new RangeError("the source broke off");
      })(),
    );
    await expect(files.write(path, broken)).rejects.toThrow("the source broke off");
  }
  expect(await text(await files.open(path))).toBe("whole");
  expect(await files.list(root)).toEqual([path]);
});

test.skipIf(without)(
  "a folder is made, is there without files, and goes with all that is in it",
  async () => {
    const { bucket, root, files } = await setup();
    expect(await files.exists(`${root}/in`)).toBe(false);
    await files.createFolder(`${root}/in/`);
    await files.createFolder(`${root}/in`);
    expect(await files.exists(`${root}/in`)).toBe(true);
    expect(await files.exists(root)).toBe(true);
    expect(await files.list(root)).toEqual([]);
    for (const key of ["in/1.csv", "in/deep/2.csv", "in-other/3.csv", "in.csv"])
      await server.put(bucket, key, "x");
    expect(await files.exists(`${root}/in/deep`)).toBe(true);
    expect(await files.exists(`${root}/in/dee`)).toBe(false);
    expect(await files.remove(`${root}/in`)).toBe(true);
    expect(await files.list(root)).toEqual([`${root}/in-other/3.csv`, `${root}/in.csv`]);
    expect(await files.remove(`${root}/in`)).toBe(false);
    expect(await files.remove(`${root}/in.csv`)).toBe(true);
    expect(await files.exists(`${root}/in.csv`)).toBe(false);
  },
);

test.skipIf(without)("more files than a page holds are listed and removed", async () => {
  const { root, files } = await setup();
  const names = Array.from({ length: 1_050 }, (_, no) => `${root}/many/${String(no).padStart(4, "0")}`);
  for (let first = 0; first < names.length; first += 50)
    await Promise.all(names.slice(first, first + 50).map((name) => files.write(name, Readable.from(["x"]))));
  expect(await files.list(`${root}/many`)).toEqual(names);
  expect(await files.remove(`${root}/many`)).toBe(true);
  expect(await files.list(root)).toEqual([]);
});

test.skipIf(without)("what is not there and what is not allowed is told apart", async () => {
  const { root, files } = await setup();
  await expect(files.open(`${root}/none`)).rejects.toMatchObject({
    code: "reference-invalid",
    message: `there is no file ${root}/none`,
  });
  for (const act of [
    () => files.open("obs://none-such/key"),
    () => files.list("obs://none-such"),
    () => files.write("obs://none-such/key", Readable.from(["x"])),
    () => files.remove("obs://none-such/key"),
  ])
    await expect(act()).rejects.toThrow(/404: NoSuchBucket/);
  await expect(files.open("obs://none-such/key")).rejects.toMatchObject({ code: "bucket-missing" });
  const nowhere = (await setup({ config: { endpoint: "http://127.0.0.1:1" } })).files;
  await expect(nowhere.open(`${root}/none`)).rejects.toMatchObject({
    code: "storage-unavailable",
    message: expect.stringMatching(/^The endpoint http:.*cannot be reached: .*ECONNREFUSED/),
  });
  const stranger = (await setup({ config: { secretKey: "wrong" } })).files;
  await expect(stranger.open(`${root}/none`)).rejects.toThrow(/SignatureDoesNotMatch/);
  for (const path of [root, `${root}/`, `${root}/../x`, "/etc/passwd"])
    await expect(files.remove(path), path).rejects.toMatchObject({ code: "reference-invalid" });
});

test.skipIf(without)("what is under way ends when its user is told to stop", async () => {
  const stop = new AbortController();
  const { root, files } = await setup({ signal: stop.signal });
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const endless = Readable.from(
    (async function* () {
      for (let sent = 0; ; sent += 1) {
        if (sent === 20) resolve();
        yield Buffer.alloc(1024 * 1024);
      }
    })(),
  );
  const written = files.write(`${root}/endless`, endless);
  await begun;
  stop.abort("stop");
  await expect(written).rejects.toBeDefined();
  expect(endless.destroyed).toBe(true);
});
