/** Buckets of a project: their files are named `obs://bucket/key`, wherever the bucket lies. */
import { Fault } from "./fault.ts";

/** A project's buckets; a path that is not `obs://bucket/key` raises `reference-invalid`. `Content` is a stream of bytes. */
export interface BucketFiles<Content> {
  /** @throws Fault `reference-invalid` for a file that is not there. */
  readonly open: (path: string) => Promise<Content>;
  /** Paths of the files whose path is `prefix` with something after a slash, sorted. */
  readonly list: (prefix: string) => Promise<readonly string[]>;
  /** Whether there is such a file or folder, or a file under such a folder. */
  readonly exists: (path: string) => Promise<boolean>;
  /** Where the file lies on this machine, when it does: it may be linked instead of copied. */
  readonly localPath: (path: string) => Promise<string | undefined>;
  /** Over an older file, whole or not at all. */
  readonly write: (path: string, content: Content) => Promise<void>;
  /** Makes a folder without files; `list` names no folders. One that is there stays as it is. */
  readonly createFolder: (path: string) => Promise<void>;
  /** Removes the file and all that lies under such a folder, but no whole bucket; says whether there was anything. */
  readonly remove: (path: string) => Promise<boolean>;
}

/** A place in a bucket; the key of the whole bucket is empty. */
export interface BucketPlace {
  readonly bucket: string;
  /** Without slashes at its end. */
  readonly key: string;
}

/** Source: S3's rules for the names of buckets. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PLACE = /^(?:obs|s3a?|s3n|swift):\/\/([^/]+)(?:\/(.*?))?\/*$/s;
const CLIMBS = /(?:^|\/)\.\.?(?:\/|$)/;

/** Whether an S3 endpoint may have a bucket of that name. */
export function isBucketName(text: string): boolean {
  return BUCKET.test(text);
}

/** Whether an address is one of a bucket, whatever its scheme; it may still be of a wrong form. */
export function isBucketPath(address: string): boolean {
  return /^(?:obs|s3a?|s3n|swift):\/\//.test(address);
}

/** The place that a path names, of a file, a folder or a whole bucket. @throws Fault `reference-invalid` for what is none. */
export function placeOf(path: string): BucketPlace {
  const [, bucket, key = ""] = PLACE.exec(path) ?? [];
  if (bucket === undefined || CLIMBS.test(bucket) || CLIMBS.test(key)) return refusePath(path);
  return { bucket, key };
}

/** The place of a file or a folder. @throws Fault `reference-invalid` for what is none, and for a whole bucket. */
export function keyPlaceOf(path: string): BucketPlace {
  const place = placeOf(path);
  return place.key === "" ? refusePath(path) : place;
}

function refusePath(path: string): never {
  throw new Fault("invalid", "reference-invalid", `"${path}" is not of the form obs://bucket/key`);
}
