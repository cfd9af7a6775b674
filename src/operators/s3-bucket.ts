/** Lists buckets of S3 endpoints page by page (ListObjectsV2), each call through the address guard. */
import {
  readCertificate,
  readEndpoint,
  readIntervalSeconds,
  readKeyPair,
  readSwitch,
  textOf,
} from "../domain/connection-config.ts";
import { Fault } from "../domain/fault.ts";
import { type AddressGuard, createAddressGuard } from "./address-guard.ts";
import { refuseConnection, required } from "./connection-members.ts";
import { type Answer, callGuarded } from "./guarded-call.ts";
import type { BucketObject, ObjectBucket, ObjectPage, WorkConnection } from "./operator.ts";
import { queryText, type S3Keys, signRead } from "./s3-signature.ts";

interface S3Settings {
  readonly allowedAddresses: readonly string[];
  readonly now: () => Date;
}

/** What a connection of type `S3` says. */
interface Endpoint {
  readonly url: URL;
  /** Undefined for buckets that everybody may read. */
  readonly keys: S3Keys | undefined;
  /** The bucket stands in the path rather than in the host's name. */
  readonly pathStyle: boolean;
  readonly ca: string | undefined;
  readonly intervalSeconds: number;
}

const PAGE_MAX = 1000;
/** A page's keys have at most 1024 bytes each, three characters for a byte. */
const PAGE_BYTES_MAX = 8 * 1024 * 1024;
const CALL_TIMEOUT_MS = 20_000;
const REGION = "us-east-1";
const REASON_LENGTH_MAX = 300;

/** Gives buckets. @throws Fault `reference-invalid` for a connection that leads to no endpoint. */
export function createBucketOpener(settings: S3Settings) {
  const guard = createAddressGuard(settings.allowedAddresses);
  return (connection: WorkConnection, bucket: string): ObjectBucket => {
    const endpoint = endpointOf(connection);
    return {
      intervalSeconds: endpoint.intervalSeconds,
      list: async (prefix, { from, signal }) => {
        const url = pageUrl(endpoint, bucket, prefix, from);
        const answer = await callEndpoint(settings, guard, endpoint, { url, signal });
        if (answer.status !== 200) throw refusal(answer);
        return readPage(answer.text);
      },
    };
  };
}

/** Asks for the list of buckets and says what the endpoint thinks of the keys; rejects where it does not know them. */
export function createEndpointTest(settings: S3Settings) {
  const guard = createAddressGuard(settings.allowedAddresses);
  return async (connection: WorkConnection, signal: AbortSignal): Promise<string> => {
    const endpoint = endpointOf(connection);
    const url = new URL(endpoint.url);
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/`;
    const answer = await callEndpoint(settings, guard, endpoint, { url, signal });
    if (answer.status === 200 && answer.text.includes("<ListAllMyBucketsResult"))
      return "the endpoint lists its buckets to these keys";
    // Keys that it does not know, or a wrong secret, have codes of their own.
    if (element(answer.text, "Code") !== "AccessDenied") throw refusal(answer);
    return endpoint.keys === undefined
      ? "the endpoint answers; without keys only what everybody may read is open"
      : "the endpoint knows the keys, which may not list its buckets";
  };
}

async function callEndpoint(
  { now }: S3Settings,
  guard: AddressGuard,
  { keys, ca }: Endpoint,
  { url, signal }: { readonly url: URL; readonly signal: AbortSignal },
): Promise<Answer> {
  const headers = keys === undefined ? {} : signRead(url, keys, now());
  const bounds = {
    signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
    responseBytesMax: PAGE_BYTES_MAX,
    ...(ca !== undefined && { ca }),
  };
  return await callGuarded(guard, { url, method: "GET", headers, body: "" }, bounds);
}

function endpointOf({ name, type, config }: WorkConnection): Endpoint {
  if (type !== "S3") refuseConnection(`The connection "${name}" is of type ${type}, not S3.`);
  const pair = required(readKeyPair(config));
  return {
    url: required(readEndpoint(config)),
    keys: pair && { ...pair, region: textOf(config, "region") || REGION },
    pathStyle: required(readSwitch(config, "pathStyle", true)),
    ca: required(readCertificate(config)),
    intervalSeconds: required(readIntervalSeconds(config)),
  };
}

function pageUrl({ url, pathStyle }: Endpoint, bucket: string, prefix: string, from?: string): URL {
  const page = new URL(url);
  const folder = url.pathname.replace(/\/+$/, "");
  page.pathname = pathStyle ? `${folder}/${bucket}` : `${folder}/`;
  if (!pathStyle) page.hostname = `${bucket}.${url.hostname}`;
  page.search = queryText({
    "encoding-type": "url",
    "list-type": "2",
    "max-keys": String(PAGE_MAX),
    prefix,
    ...(from !== undefined && { "continuation-token": from }),
  });
  return page;
}

/** What the endpoint says of its refusal; it leads elsewhere, too, where it does not know the bucket's region. */
function refusal({ status, text }: Answer): Fault {
  const [code, message] = [element(text, "Code"), element(text, "Message")];
  const reason = code === undefined ? text : `${code}: ${message ?? ""}`;
  return new Fault(
    "unavailable",
    "server-unavailable",
    `The endpoint answered with status ${status}: ${reason.slice(0, REASON_LENGTH_MAX)}`,
  );
}

/** Source: ListObjectsV2 in S3's API reference. A key that ends in a slash is how consoles draw a folder: no file. */
function readPage(text: string): ObjectPage {
  if (!text.includes("<ListBucketResult"))
    throw new Fault("unavailable", "server-unavailable", "The endpoint's answer is no list of a bucket.");
  const decode = element(text, "EncodingType") === "url" ? decodeKey : (key: string) => key;
  const objects = new Map<string, BucketObject>();
  for (const [, content = ""] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
    const key = decode(element(content, "Key") ?? "");
    const modifiedAt = new Date(element(content, "LastModified") ?? 0);
    if (!key.endsWith("/") && !key.includes("\0"))
      objects.set(key, { key, etag: element(content, "ETag") ?? "", modifiedAt });
  }
  const next = element(text, "IsTruncated") === "true" ? element(text, "NextContinuationToken") : undefined;
  return { objects: [...objects.values()], ...(next !== undefined && { next }) };
}

/** The text of the first element of that name, its entities resolved. */
function element(text: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(text)?.[1];
  return found?.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|([a-z]+));/g, (_, decimal, hex, entity) =>
    entity === undefined
      ? String.fromCodePoint(decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal))
      : (ENTITIES[entity] ?? ""),
  );
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}
