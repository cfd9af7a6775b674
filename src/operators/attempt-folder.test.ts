/** The folder of an attempt: what is put in, and what is taken out although a node may have laid a trap. */
import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AttemptFolder, checkFileName, createAttemptFolder } from "./attempt-folder.ts";

const UID = process.getuid?.() === 0 ? 1_900_000_000 : undefined;

let root = "";
let folder: AttemptFolder;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "azalai-folder-"));
  await writeFile(join(root, "secret"), "secret", { mode: 0o600 });
  folder = await createAttemptFolder(root, UID);
});

afterEach(async () => await rm(root, { recursive: true, force: true }));

test("what is written belongs to the attempt's user and to nobody else", async () => {
  await folder.write("a", "text");
  await folder.write("b/c/d", Readable.from(["stream"]));
  for (const name of ["", "a", "b", "b/c", "b/c/d"]) {
    const { mode, uid } = lstatSync(join(folder.path, name));
    expect(mode & 0o077).toBe(0);
    if (UID !== undefined) expect(uid).toBe(UID);
  }
  expect(await folder.read("b/c/d", 3)).toBe("str");
  expect([...(await folder.list("b"))]).toEqual(["b/c/d"]);
});

test("a file of this machine is placed so that the attempt's user can read but not change the original", async () => {
  expect(await folder.place("in/secret", join(root, "secret"))).toBe(true);
  expect(await folder.place("in/none", join(root, "none"))).toBe(false);
  expect(readFileSync(join(folder.path, "in/secret"), "utf8")).toBe("secret");
  const original = lstatSync(join(root, "secret"));
  if (lstatSync(join(folder.path, "in/secret")).ino !== original.ino) return; // a copy
  expect(original.uid).not.toBe(UID);
  expect(original.mode & 0o222).toBe(0);
});

test("links, folders and pipes that a node left are not read", async () => {
  await symlink(join(root, "secret"), join(folder.path, "link"));
  await mkdir(join(folder.path, "folder"));
  await symlink(root, join(folder.path, "folder/link"));
  execFileSync("bash", ["-c", `mkfifo "$0"`, join(folder.path, "pipe")]);
  for (const name of ["link", "folder", "pipe", "none"]) {
    expect(await folder.read(name, 100)).toBeUndefined();
    expect(await folder.open(name)).toBeUndefined();
  }
  expect(await folder.list("folder")).toEqual([]);
});

test("a file that is read as a stream is read whole", async () => {
  await folder.write("a", "x".repeat(200_000));
  const stream = await folder.open("a");
  expect(stream === undefined ? "" : await text(stream)).toHaveLength(200_000);
});

test("the folder goes although parts of it are closed, and what its links name stays", async () => {
  await folder.write("a/b/c", "text");
  await symlink(join(root, "secret"), join(folder.path, "a/link"));
  await symlink(root, join(folder.path, "a/b/link"));
  await chmod(join(folder.path, "a/b"), 0);
  await chmod(join(folder.path, "a"), 0);
  await folder.remove();
  expect(await readdir(root)).toEqual(["secret"]);
});

test.each(["", ".", "..", "a/b", "/etc/passwd", "a\0b"])("%j is no plain file name", (name) => {
  expect(() => checkFileName(name)).toThrow(/no plain file name/);
});
