/** A project's buckets, named `obs://bucket/key`: a tree of its own in the blob store, apart from logs and uploads. */
import type { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import type { BlobStore } from "./blobs.ts";

/** All buckets of a project lie under this part of its tree. */
const BUCKETS = "buckets";
const BUCKET_PATH = /^(?:obs|s3a?|s3n|swift):\/\/([^/]+)\/(.*)$/s;

export interface ProjectBuckets {
  readonly open: (path: string) => Promise<Readable>;
  /** Paths of the files whose path is `prefix` with something after a slash. */
  readonly list: (prefix: string) => Promise<readonly string[]>;
  /** Whether there is such a file, or a file under such a folder. */
  readonly exists: (path: string) => Promise<boolean>;
  readonly localPath: (path: string) => Promise<string | undefined>;
  readonly write: (path: string, content: Readable) => Promise<void>;
}

/**
 * Each function raises `reference-invalid` for a path of another form, and `open` for a file that is not there. `arrived`
 * is told of each file that is in its place, as `obs://bucket/key`; until it settles the write has not succeeded.
 */
export function createBuckets(
  blobs: BlobStore,
  projectId: string,
  arrived: (path: string) => Promise<void> = async () => undefined,
): ProjectBuckets {
  return {
    open: async (path) => {
      const content = await blobs.open(projectId, keyOf(path));
      if (content === undefined)
        throw new Fault("not-found", "reference-invalid", `there is no file ${path}`);
      return content;
    },
    list: async (prefix) => {
      const folder = keyOf(prefix.replace(/\/+$/, ""), true);
      const base = prefix.slice(0, prefix.indexOf("://") + 3);
      const keys = await blobs.list(projectId, folder);
      return keys.map((key) => base + key.slice(BUCKETS.length + 1)).sort();
    },
    exists: async (path) => await blobs.exists(projectId, keyOf(path.replace(/\/+$/, ""), true)),
    localPath: async (path) => await blobs.localPath(projectId, keyOf(path)),
    write: async (path, content) => {
      const key = keyOf(path);
      await blobs.put(projectId, key, content);
      await arrived(`obs://${key.slice(BUCKETS.length + 1)}`);
    },
  };
}

function keyOf(path: string, wholeBucket = false): string {
  const [, bucket, key] = BUCKET_PATH.exec(wholeBucket ? `${path}/` : path) ?? [];
  if (bucket === undefined || key === undefined || (key === "" && !wholeBucket))
    throw new Fault("invalid", "reference-invalid", `"${path}" is not of the form obs://bucket/key`);
  return `${BUCKETS}/${bucket}/${key}`.replace(/\/$/, "");
}
