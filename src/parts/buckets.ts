/** A project's buckets, each where it lies: in the server's own store, or where a connection of the project leads. */
import { type ConnectionDeps, loadConnection } from "../catalog/connections.ts";
import type { Config } from "../config.ts";
import { isBucketPath, placeOf } from "../domain/bucket.ts";
import { type CredentialedPlace, endpointMembers } from "../domain/data-source.ts";
import { createS3Buckets } from "../operators/s3-buckets.ts";
import { findBucketPlace } from "../store/bucket-places.ts";
import type { ProjectBuckets } from "../store/buckets.ts";

/**
 * What is under way at an endpoint ends with the signal, where one is given. What lies under one of `places` is reached
 * with its credentials.
 */
export type BucketsOf = (
  projectId: string,
  signal?: AbortSignal,
  places?: readonly CredentialedPlace[],
) => ProjectBuckets;

/** `own` gives the server's own buckets. */
export function placeBuckets(
  { allowedPrivateAddresses: allowedAddresses }: Pick<Config, "allowedPrivateAddresses">,
  catalog: ConnectionDeps,
  own: (projectId: string) => ProjectBuckets,
): BucketsOf {
  const open = createS3Buckets({ allowedAddresses, now: catalog.now });
  return (projectId, signal = new AbortController().signal, places = []) => {
    const at = async (path: string): Promise<ProjectBuckets> => {
      const members = credentialsAt(path, places);
      if (members !== undefined)
        return open({ name: path, type: "S3", config: members, warehouse: false }, signal);
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

/** The most exact place counts. Credentials without an endpoint lead to the project's own buckets. */
function credentialsAt(path: string, places: readonly CredentialedPlace[]) {
  if (places.length === 0) return undefined;
  const { bucket, key } = placeOf(path);
  const [found] = places
    .filter(({ url }) => isBucketPath(url))
    .map(({ url, credentials }) => ({ place: placeOf(url), credentials }))
    .filter(
      ({ place }) => place.bucket === bucket && `${key}/`.startsWith(place.key === "" ? "" : `${place.key}/`),
    )
    .toSorted((one, other) => other.place.key.length - one.place.key.length);
  return found && endpointMembers(found.credentials);
}
