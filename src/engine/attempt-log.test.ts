import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Observation } from "../domain/observation.ts";
import { type BlobStore, createFolderBlobs } from "../store/blobs.ts";
import { CHUNK_BYTES, logSizeBytes, readLog } from "../store/logs.ts";
import { createAttemptLog } from "./attempt-log.ts";

const KEY = { projectId: "p", instanceId: 7, nodeNo: 0, attempt: 1 };

async function setup(): Promise<BlobStore> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-log-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return createFolderBlobs(folder);
}

const all = async (blobs: BlobStore) =>
  (await readLog(blobs, KEY, { fromByte: 0, bytesMax: 100_000_000 })).content.toString();

test("all that was appended is there when the log is closed, in its order", async () => {
  const blobs = await setup();
  const log = createAttemptLog(blobs, KEY, () => undefined);
  const lines = Array.from({ length: 20_000 }, (_, n) => `line ${n}\n`);
  for (const [n, line] of lines.entries()) {
    log.append(n % 2 === 0 ? line : Buffer.from(line));
    if (n % 4_000 === 0) await new Promise(setImmediate);
  }
  await log.close();
  expect(await all(blobs)).toBe(lines.join(""));
  expect(await logSizeBytes(blobs, KEY)).toBe(lines.join("").length);
});

test("a log is read in parts that fit together", async () => {
  const blobs = await setup();
  const log = createAttemptLog(blobs, KEY, () => undefined);
  const content = Array.from({ length: 3 * CHUNK_BYTES }, (_, n) => String.fromCharCode(97 + (n % 26))).join(
    "",
  );
  for (let at = 0; at < content.length; at += 10_000) {
    log.append(content.slice(at, at + 10_000));
    if (at % 50_000 === 0) await new Promise(setImmediate);
  }
  await log.close();
  let read = "";
  for (let fromByte = 0; fromByte < content.length; ) {
    const part = await readLog(blobs, KEY, { fromByte, bytesMax: 17_001 });
    expect(part.content.length).toBeGreaterThan(0);
    read += part.content.toString();
    fromByte = part.nextByte;
  }
  expect(read).toBe(content);
  expect(await readLog(blobs, KEY, { fromByte: content.length + 5, bytesMax: 10 })).toEqual({
    content: Buffer.alloc(0),
    nextByte: content.length + 5,
  });
});

test("what is said first is there to be read before the attempt says more", async () => {
  const blobs = await setup();
  const put = Promise.withResolvers<void>();
  const heard: BlobStore = {
    ...blobs,
    put: async (...given) => {
      await blobs.put(...given);
      put.resolve();
    },
  };
  const log = createAttemptLog(heard, KEY, () => undefined);
  log.append("one ");
  log.append("and two");
  await put.promise;
  expect(await all(blobs)).toBe("one and two");
  log.append(", and the rest");
  await log.close();
  expect(await all(blobs)).toBe("one and two, and the rest");
});

test("a short log is one blob in its instance's folder", async () => {
  const blobs = await setup();
  const log = createAttemptLog(blobs, KEY, () => undefined);
  log.append("short");
  await log.close();
  expect(await blobs.list("p", "")).toEqual(["logs/7/0-1"]);
});

test("a log without a word takes no space", async () => {
  const blobs = await setup();
  const log = createAttemptLog(blobs, KEY, () => undefined);
  log.append("");
  await log.close();
  expect(await blobs.list("p", "")).toEqual([]);
  expect(await all(blobs)).toBe("");
});

test("a log ends at its limit with a notice", async () => {
  const blobs = await setup();
  const log = createAttemptLog(blobs, KEY, () => undefined, 10);
  log.append("12345678");
  log.append("90abc");
  log.append("never");
  await log.close();
  expect(await all(blobs)).toBe("1234567890\n[the log ends here: it may have 10 bytes]\n");
});

test("a log that cannot be written is observed, and ends no attempt", async () => {
  const blobs = await setup();
  const seen: Observation[] = [];
  const full = { ...blobs, put: () => Promise.reject(new RangeError("no space")) };
  const log = createAttemptLog(full, KEY, (observation) => seen.push(observation));
  log.append("lost");
  await log.close();
  log.append("after");
  expect(seen).toMatchObject([{ event: "loop-failed", loop: "attempt-log" }]);
});
