/** Archives as they are written, and what is refused of those that others made. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import type { ArchiveLimits } from "../domain/package.ts";
import { type ArchiveFile, openArchive, writeArchive } from "./zip-archive.ts";

const AT = new Date("2026-11-23T06:54:27Z");
const LIMITS: ArchiveLimits = {
  bytesMax: 2 ** 20,
  entriesMax: 3,
  directoryBytesMax: 10_000,
  entryBytesMax: 1000,
  unpackedBytesMax: 2500,
  ratioMax: 200,
};

async function* given(files: readonly ArchiveFile[]): AsyncGenerator<ArchiveFile> {
  yield* files;
}

async function packed(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const list = Object.entries(files).map(([path, content]) => ({ path, content }));
  return await buffer(writeArchive(given(list), AT));
}

async function opened(bytes: Buffer, limits: ArchiveLimits = LIMITS) {
  const archive = await openArchive(Readable.from([bytes]), limits);
  onTestFinished(() => archive.close());
  return archive;
}

/** The archive with each `from` in it written as `to`, which is as long. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const text = bytes.toString("latin1");
  expect(text).toContain(from);
  expect(to).toHaveLength(from.length);
  return Buffer.from(text.replaceAll(from, to), "latin1");
}

/** The archive with the field at `offset` of its first directory entry set. */
function patched(bytes: Buffer, offset: number, value: number, size = 2): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUIntLE(value, copy.indexOf("PK\x01\x02", 0, "latin1") + offset, size);
  return copy;
}

test("what is written is read again, names in any script included", async () => {
  const files = {
    "jobs/日报.job": '{"name":"日报"}',
    "scripts/s.script": "x".repeat(1000),
    "scripts/e.script": "",
  };
  const archive = await opened(await packed(files));
  const read = await Promise.all(
    archive.entries.map(async (entry) => [entry.fileName, (await archive.read(entry)).toString()]),
  );
  expect(Object.fromEntries(read)).toEqual(files);
});

test("the same files make the same archive", async () => {
  expect(await packed({ a: "1", b: "2" })).toEqual(await packed({ a: "1", b: "2" }));
});

test("a file is asked for when the one before it has been taken, and an error of theirs breaks the archive", async () => {
  async function* failing(): AsyncGenerator<ArchiveFile> {
    yield { path: "a", content: "1" };
    throw new RangeError("no more");
  }
  await expect(buffer(writeArchive(failing(), AT))).rejects.toThrow("no more");
  let asked = 0;
  async function* endless(): AsyncGenerator<ArchiveFile> {
    for (;;) yield { path: `f${asked++}`, content: "x".repeat(100_000) };
  }
  const archive = writeArchive(endless(), AT);
  archive.read();
  await new Promise<void>((resolve) => archive.once("readable", resolve));
  const closed = new Promise<void>((resolve) => archive.once("close", resolve));
  archive.destroy();
  await closed;
  expect(asked).toBeLessThan(1000);
});

test("each limit is kept to the byte", async () => {
  const files = { a: "a".repeat(1000), b: "b".repeat(1000), c: "c".repeat(500) };
  const bytes = await packed(files);
  expect((await opened(bytes)).entries).toHaveLength(3);
  await opened(bytes, { ...LIMITS, bytesMax: bytes.length });
  for (const [limit, message] of [
    [{ bytesMax: bytes.length - 1 }, `larger than ${bytes.length - 1} bytes`],
    [{ entriesMax: 2 }, "more than 2 files"],
    [{ directoryBytesMax: 2 }, "directory has more than 2 bytes"],
    [{ entryBytesMax: 999 }, '"a" has more than 999 bytes'],
    [{ unpackedBytesMax: 2499 }, "more than 2499 bytes, unpacked"],
  ] as const)
    await expect(opened(bytes, { ...LIMITS, ...limit })).rejects.toMatchObject({
      code: "package-invalid",
      message: expect.stringContaining(message),
    });
});

test("an archive that unpacks to a multiple of itself is refused before it is unpacked", async () => {
  const bytes = await packed({ a: "0".repeat(50_000_000), b: "0".repeat(50_000_000) });
  const limits = { ...LIMITS, entryBytesMax: 2 ** 30, unpackedBytesMax: 2 ** 30 };
  await expect(opened(bytes, limits)).rejects.toThrow("200 times its size");
  await opened(bytes, { ...limits, ratioMax: 2000 });
});

test("a path that leads out of the archive is refused", async () => {
  const bytes = await packed({ "jobs/abc.job": "{}" });
  for (const path of ["../../../abc", "/obs/abc.job", "C:/s/abc.job", "jobs\\abc.job", "jobs/../.job"])
    await expect(opened(replaced(bytes, "jobs/abc.job", path)), path).rejects.toMatchObject({
      code: "package-invalid",
    });
});

test("what is no archive, or broken, is refused", async () => {
  const bytes = await packed({ "jobs/a.job": '{"name":"a"}', "jobs/b.job": '{"name":"b"}' });
  for (const broken of [
    Buffer.alloc(0),
    Buffer.from("PK"),
    Buffer.from("x".repeat(10_000)),
    bytes.subarray(0, -1),
    bytes.subarray(0, bytes.length / 2),
    replaced(bytes, "jobs/b.job", "jobs/a.job"),
    patched(bytes, 8, 1),
    patched(bytes, 10, 12),
  ])
    await expect(opened(broken)).rejects.toMatchObject({ kind: "invalid", code: "package-invalid" });
});

test("a file that is not what the directory says of it is refused when it is read", async () => {
  const bytes = await packed({ a: "a".repeat(900) });
  for (const [offset, value] of [
    [16, 1], // checksum
    [24, 899], // unpacked size
    [24, 901],
    [42, 7], // where it lies
  ] as const) {
    const archive = await opened(patched(bytes, offset, value, 4));
    const [entry] = archive.entries;
    if (entry === undefined) throw new RangeError("the archive has a file");
    await expect(archive.read(entry), `${offset} ${value}`).rejects.toMatchObject({
      code: "package-invalid",
    });
  }
});

test("an archive without files is one, and folders are no files", async () => {
  expect((await opened(await packed({}))).entries).toEqual([]);
  const folder = replaced(await packed({ "jobs/x": "" }), "jobs/x", "jobsx/");
  expect((await opened(folder)).entries).toEqual([]);
});
