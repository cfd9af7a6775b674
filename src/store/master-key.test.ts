/** The master key's sources. */
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openMasterKeys } from "./master-key.ts";

async function setup() {
  const folder = await mkdtemp(join(tmpdir(), "azalai-key-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return { file: join(folder, "keys", "master.key") };
}

test("a key file is made on first use, readable by its owner alone, and used from then on", async () => {
  const { file } = await setup();
  const made = await openMasterKeys({ file });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await openMasterKeys({ file })).current).toEqual(made.current);
});

test("servers that start at once agree on one key", async () => {
  const { file } = await setup();
  const opened = await Promise.all(Array.from({ length: 8 }, () => openMasterKeys({ file })));
  expect(new Set(opened.map((keys) => keys.current.id)).size).toBe(1);
  expect(await readdir(dirname(file))).toEqual(["master.key"]);
});

test("a given text wins over the file, and makes none", async () => {
  const { file } = await setup();
  const keys = await openMasterKeys({ text: "ab".repeat(32), file });
  expect(keys.current.bytes.toString("hex")).toBe("ab".repeat(32));
  await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
});

test("the first key seals, the others still open", async () => {
  const { file } = await setup();
  const keys = await openMasterKeys({ text: `${"ab".repeat(32)},${"cd".repeat(32)}`, file });
  expect(keys.previous.map((key) => key.bytes.toString("hex"))).toEqual(["cd".repeat(32)]);
});

test("a text or a file without a whole key is refused", async () => {
  const { file } = await setup();
  await expect(openMasterKeys({ text: "short", file })).rejects.toMatchObject({ code: "server-unavailable" });
  await expect(openMasterKeys({ text: "", file })).rejects.toMatchObject({ code: "server-unavailable" });
  await openMasterKeys({ file });
  await writeFile(file, "");
  await expect(openMasterKeys({ file })).rejects.toMatchObject({ code: "server-unavailable" });
});
