/** A project's buckets, each where it lies: in the server's own store, or where a connection of the project leads. */
import { type ConnectionDeps, loadConnection } from "../catalog/connections.ts";
import type { Config } from "../config.ts";
import { placeOf } from "../domain/bucket.ts";
import { createS3Buckets } from "../operators/s3-buckets.ts";
import { findBucketPlace } from "../store/bucket-places.ts";
import type { ProjectBuckets } from "../store/buckets.ts";

/** What is under way at an endpoint ends with the signal, where one is given. */
export type BucketsOf = (projectId: string, signal?: AbortSignal) => ProjectBuckets;

/** `own` gives the server's own buckets. */
export function placeBuckets(
  { allowedPrivateAddresses: allowedAddresses }: Config,
  catalog: ConnectionDeps,
  own: (projectId: string) => ProjectBuckets,
): BucketsOf {
  const open = createS3Buckets({ allowedAddresses, now: catalog.now });
  return (projectId, signal = new AbortController().signal) => {
    const at = async (path: string): Promise<ProjectBuckets> => {
      const place = await findBucketPlace(catalog.pool, projectId, placeOf(path).bucket);
      if (place === undefined) return own(projectId);
      const { workspaceId, connection: name } = place;
      const connection = await loadConnection(catalog, { projectId, workspaceId }, name);
      return connection === undefined ? own(projectId) : open(connection, signal);
    };
    return {
      open: async (path) => await (await at(path)).open(path),
      list: async (prefix) => await (await at(prefix)).list(prefix),
      exists: async (path) => await (await at(path)).exists(path),
      localPath: async (path) => await (await at(path)).localPath(path),
      write: async (path, content) => await (await at(path)).write(path, content),
      createFolder: async (path) => await (await at(path)).createFolder(path),
      remove: async (path) => await (await at(path)).remove(path),
    };
  };
}
