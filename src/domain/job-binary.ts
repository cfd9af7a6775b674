/** A job binary: a named address of a program's file, and which addresses are legal. */
import { Fault } from "./fault.ts";
import type { SimpleValue } from "./job-configs.ts";
import { parseObjectId, type SharedObject } from "./shared-object.ts";

export interface JobBinary extends SharedObject {
  readonly description: string | null;
  readonly url: string;
  readonly updatedAt: Date | null;
}

/** A file in the internal store, which `internal-db://<id>` names. */
export interface StoredFile extends SharedObject {
  readonly sizeBytes: number;
  readonly updatedAt: Date | null;
}

/** Credentials for the address; write-only. */
export type BinaryExtra = Readonly<Record<string, SimpleValue>>;

/** An address in parts; `scheme` in lower case, `rest` as it came. */
interface Address {
  readonly scheme: string;
  /** What stands between `//` and the next slash; the bucket, container or share. */
  readonly host: string;
  /** From the slash on, without it. */
  readonly path: string;
}

const OBJECT_SCHEMES = ["s3", "s3a", "s3n", "obs"];
const BUCKET_SCHEMES = ["swift", ...OBJECT_SCHEMES];
const SCHEMES = ["internal-db", "swift", "manila", "hdfs", ...OBJECT_SCHEMES];
const S3_EXTRA = ["accesskey", "endpoint", "secretkey"];
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/**
 * Raises a fault unless `url` is an address that a binary may have: `job-binary-invalid` for no scheme or an unknown
 * one, `request-invalid` for a known one in a wrong shape. Whether a file in the internal store is there is not asked.
 * Source: sahara-v1.1 8, mrs-v1.1 5.
 */
export function checkBinaryUrl(url: string): void {
  if (url.startsWith("/") && !url.startsWith("//")) return; // a file of the cluster's own file system
  const address = parseAddress(url);
  if (address === undefined || !SCHEMES.includes(address.scheme))
    throw new Fault("invalid", "job-binary-invalid", `url: the scheme must be one of ${SCHEMES.join(", ")}`);
  const shape = missingShape(address);
  if (shape !== undefined) throw wrongShape(url, shape);
  if (OBJECT_SCHEMES.includes(address.scheme)) checkObjectKey(url, address);
}

/** The form that an address of its scheme lacks; undefined when it has it. */
function missingShape({ scheme, host, path }: Address): string | undefined {
  if (scheme === "internal-db") return UUID.test(host) ? undefined : "internal-db://<uuid>";
  if (scheme === "manila") return UUID.test(host) && path !== "" ? undefined : "manila://<uuid>/<path>";
  if (scheme === "hdfs") return path !== "" ? undefined : "hdfs://<host>/<path>";
  return host !== "" ? undefined : `${scheme}://<name>/<path>`;
}

/** A key is a name, never a path that is resolved. */
function checkObjectKey(url: string, { scheme, path }: Address): void {
  if (path === "") throw new Fault("invalid", "job-binary-unusable", `url: ${url} names no object`);
  if (path.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw wrongShape(url, `${scheme}://<bucket>/<key>, the key without empty parts, "." and ".."`);
}

/**
 * What a new binary's `extra` needs for its address: `job-binary-unusable` without user and password for Swift,
 * `job-binary-invalid` unless it has exactly the S3 keys for S3.
 */
export function checkBinaryExtra(url: string, extra: BinaryExtra | undefined): void {
  const scheme = parseAddress(url)?.scheme;
  if (scheme === "swift" && !(extra?.user && extra.password))
    throw new Fault("invalid", "job-binary-unusable", "extra: Swift needs user and password");
  if (
    scheme === "s3" &&
    Object.keys(extra ?? {})
      .toSorted()
      .join() !== S3_EXTRA.join()
  )
    throw new Fault("invalid", "job-binary-invalid", `extra: S3 needs exactly ${S3_EXTRA.join(", ")}`);
}

/** The id of the stored file that the address names; undefined for another scheme. */
export function storedFileIdOf(url: string): { readonly id: string | undefined } | undefined {
  const match = /^internal-db:\/\/(.*)$/is.exec(url);
  return match === null ? undefined : { id: parseObjectId(match[1] ?? "") };
}

/** The address as the project's buckets name it, `obs://bucket/key`; undefined for a scheme that is no bucket. */
export function bucketPathOf(url: string): string | undefined {
  const address = parseAddress(url);
  return address !== undefined && BUCKET_SCHEMES.includes(address.scheme)
    ? `obs://${address.host}/${address.path}`
    : undefined;
}

function parseAddress(url: string): Address | undefined {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/]*)\/?(.*)$/s.exec(url);
  if (match === null) return undefined;
  const [, scheme = "", host = "", path = ""] = match;
  return { scheme: scheme.toLowerCase(), host, path };
}

function wrongShape(url: string, shape: string): Fault {
  return new Fault("invalid", "request-invalid", `url: "${url}" does not have the form ${shape}`);
}
