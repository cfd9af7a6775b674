/** A project's buckets, named `obs://bucket/key`: a tree of its own in the blob store, apart from logs and uploads. */
import type { Readable } from "node:stream";
import { type BucketFiles, type BucketPlace, keyPlaceOf, placeOf } from "../domain/bucket.ts";
import { Fault } from "../domain/fault.ts";
import type { BlobStore } from "./blobs.ts";

/** All buckets of a project lie under this part of its tree. */
const BUCKETS = "buckets";

export type ProjectBuckets = BucketFiles<Readable>;

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
      const folder = treeKey(placeOf(prefix));
      const base = prefix.slice(0, prefix.indexOf("://") + 3);
      const keys = await blobs.list(projectId, folder);
      return keys.map((key) => base + key.slice(BUCKETS.length + 1)).sort();
    },
    exists: async (path) => await blobs.exists(projectId, treeKey(placeOf(path))),
    localPath: async (path) => await blobs.localPath(projectId, keyOf(path)),
    write: async (path, content) => {
      const key = keyOf(path);
      await blobs.put(projectId, key, content);
      await arrived(`obs://${key.slice(BUCKETS.length + 1)}`);
    },
    createFolder: async (path) => await blobs.putFolder(projectId, keyOf(path)),
    remove: async (path) => {
      const key = keyOf(path);
      const there = await blobs.exists(projectId, key);
      await blobs.delete(projectId, key);
      return there;
    },
  };
}

function keyOf(path: string): string {
  return treeKey(keyPlaceOf(path));
}

/** Of the blob, or of the folder with everything below it. */
function treeKey({ bucket, key }: BucketPlace): string {
  return key === "" ? `${BUCKETS}/${bucket}` : `${BUCKETS}/${bucket}/${key}`;
}
