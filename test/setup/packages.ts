/** Packages for tests: made, put into buckets, imported, and taken apart. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { PACKAGE_LIMITS } from "../../src/domain/package.ts";
import { openArchive, writeArchive } from "../../src/store/zip-archive.ts";
import { type Answer, type FactoryWorld, PROJECT } from "./factory.ts";

/** The JSON files of an archive, by their paths. */
export async function filesOf(bytes: Buffer): Promise<Record<string, unknown>> {
  const archive = await openArchive(Readable.from([bytes]), { ...PACKAGE_LIMITS, bytesMax: 2 ** 20 });
  const read = archive.entries.map(async (entry) => [
    entry.fileName,
    JSON.parse((await archive.read(entry)).toString()),
  ]);
  const files = Object.fromEntries(await Promise.all(read));
  await archive.close();
  return files;
}

/** Puts a file into a bucket of the world's project. */
export async function put({ deps }: FactoryWorld, path: string, content: Buffer): Promise<void> {
  await deps.buckets(PROJECT).write(path, Readable.from([content]));
}

/** An archive of JSON files; a text is written as it is. */
export async function archiveOf(files: Readonly<Record<string, unknown>>): Promise<Buffer> {
  const list = Object.entries(files).map(([path, content]) => ({
    path,
    content: typeof content === "string" ? content : JSON.stringify(content),
  }));
  return await buffer(writeArchive(Readable.from(list), new Date("2026-11-23T06:54:27Z")));
}

/** Puts the archive into a bucket, imports it, and gives the task as it ended. */
export async function imported(
  world: FactoryWorld,
  content: Buffer,
  members: Readonly<Record<string, unknown>> = {},
  {
    workspace = "w2",
    of = "jobs",
  }: { readonly workspace?: string; readonly of?: "jobs" | "connections" } = {},
): Promise<Answer["json"]> {
  await put(world, "obs://b/p.zip", content);
  const body = { path: "obs://b/p.zip", ...members };
  const role = of === "jobs" ? "member" : "manager";
  const { json } = await world.ok("POST", `/${of}/import`, { role, workspace, body });
  await world.carryOutTasks();
  return (await world.ok("GET", `/system-tasks/${json.taskId}`, { role: "reader", workspace })).json;
}
