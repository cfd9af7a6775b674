/** Work folders of several installations beside each other: which one a server that starts removes. */
import { mkdir, mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openWorkFolder } from "./work-folder.ts";

async function setup() {
  const root = await mkdtemp(join(tmpdir(), "azalai-folders-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const add = async (name: string, server: string, ageHours: number) => {
    await mkdir(join(root, name, server), { recursive: true });
    const time = new Date(Date.now() - ageHours * 3600_000);
    await utimes(join(root, name), time, time);
  };
  return { root, add };
}

/** As a work folder names the server of this process. */
async function ownServer(): Promise<string> {
  const line = await readFile("/proc/self/stat", "latin1");
  return `server-${process.pid}-${line.slice(line.lastIndexOf(")") + 2).split(" ")[19]}`;
}

test("a work folder that nobody has used for a day is removed at the start of another server", async () => {
  const { root, add } = await setup();
  await add("azalai-work-old", "server-999999999-1", 25);
  await add("azalai-work-cache", "runtime", 25);
  await add("azalai-work-young", "server-999999999-1", 23);
  await add("azalai-work-living", await ownServer(), 25);
  await add("others", "server-999999999-1", 25);
  await openWorkFolder(join(root, "azalai-work-own"), false);
  expect((await readdir(root)).sort()).toEqual([
    "azalai-work-living",
    "azalai-work-own",
    "azalai-work-young",
    "others",
  ]);
});
