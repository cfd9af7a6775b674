/** Files of a cluster as nodes name files, `hdfs://name-node:port/folder/file`. */
import { Fault } from "../domain/fault.ts";
import type { Buckets } from "./operator.ts";
import type { WebHdfs } from "./webhdfs.ts";

/** Files that a list names; more are an error that asks for a narrower path. */
const LISTED_MAX = 100_000;

/** `defaultFs` is what the cluster calls its file system; a path without one is meant in it too. */
export function createHdfsFiles(client: WebHdfs, defaultFs: string): Buckets {
  const base = defaultFs.replace(/\/+$/, "");
  const pathOf = (address: string) => hdfsPath(base, address);
  return {
    open: async (address) => await client.open(pathOf(address)),
    list: async (prefix) => {
      const root = pathOf(prefix);
      const start = prefix.slice(0, prefix.length - root.length);
      const files = await filesBelow(client, root.replace(/(?<=.)\/+$/, ""));
      return files.map((path) => `${start}${path}`).sort();
    },
    exists: async (address) => (await client.status(pathOf(address))) !== undefined,
    localPath: async (address) => {
      pathOf(address);
      return undefined;
    },
    write: async (address, content) => await client.write(pathOf(address), content),
    createFolder: async (address) => await client.makeFolder(pathOf(address)),
    remove: async (address) => await client.remove(pathOf(address)),
  };
}

async function filesBelow(client: WebHdfs, root: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const { path, kind } of await client.children(folder))
      if (kind === "folder") folders.push(path);
      else if (path !== root) files.push(path);
    if (files.length > LISTED_MAX)
      throw new Fault(
        "too-large",
        "reference-invalid",
        `There are more than ${LISTED_MAX} files under ${root}: choose a narrower path.`,
      );
  }
  return files;
}

/** The absolute path within the cluster's file system. */
function hdfsPath(base: string, address: string): string {
  const path = address.startsWith("/")
    ? address
    : address.startsWith(`${base}/`)
      ? address.slice(base.length)
      : "";
  if (path === "" || /(?:^|\/)\.\.?(?:\/|$)/.test(path))
    throw new Fault(
      "invalid",
      "reference-invalid",
      `"${address}" is no place of the cluster's files, ${base}/…`,
    );
  return path;
}
