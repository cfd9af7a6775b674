/** Pages of the keys of a bucket at an S3 endpoint (ListObjectsV2 of S3's API reference). */
import { Fault } from "../domain/fault.ts";
import type { BucketObject } from "./operator.ts";
import { type EndpointCaller, element, refusal } from "./s3-endpoint.ts";

/** The keys that begin with `prefix`, behind the page before. */
export interface KeyRange {
  readonly bucket: string;
  readonly prefix: string;
  /** What the page before says is next. */
  readonly from?: string;
  /** At most so many, 1 to 1000. */
  readonly most?: number;
  readonly signal: AbortSignal;
}

export interface KeyPage {
  /** In the order of their keys' bytes, also those that end in a slash, which is how consoles draw a folder. */
  readonly objects: readonly BucketObject[];
  /** Where the next page begins; undefined on the last one. */
  readonly next?: string;
}

const PAGE_MAX = 1000;
const PAGE_MS = 20_000;

/** @throws Fault `storage-unavailable` with what the endpoint says where it lists nothing. */
export async function listKeys(
  caller: EndpointCaller,
  { bucket, prefix, from, most = PAGE_MAX, signal }: KeyRange,
): Promise<KeyPage> {
  const answer = await caller.call({
    method: "GET",
    bucket,
    query: {
      "encoding-type": "url",
      "list-type": "2",
      "max-keys": String(most),
      prefix,
      ...(from !== undefined && { "continuation-token": from }),
    },
    signal: AbortSignal.any([signal, AbortSignal.timeout(PAGE_MS)]),
  });
  if (answer.status !== 200) throw refusal(answer);
  return readPage(answer.text);
}

function readPage(text: string): KeyPage {
  if (!text.includes("<ListBucketResult"))
    throw new Fault("unavailable", "storage-unavailable", "The endpoint's answer is no list of a bucket.");
  const decode = element(text, "EncodingType") === "url" ? decodeKey : (key: string) => key;
  const objects = new Map<string, BucketObject>();
  for (const [, content = ""] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
    const key = decode(element(content, "Key") ?? "");
    const modifiedAt = new Date(element(content, "LastModified") ?? 0);
    if (!key.includes("\0")) objects.set(key, { key, etag: element(content, "ETag") ?? "", modifiedAt });
  }
  const next = element(text, "IsTruncated") === "true" ? element(text, "NextContinuationToken") : undefined;
  return { objects: [...objects.values()], ...(next !== undefined && { next }) };
}

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}
