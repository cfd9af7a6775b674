/** Buckets that lie at an S3 endpoint, with what nodes may do in the server's own ones. */
import { keyPlaceOf, placeOf } from "../domain/bucket.ts";
import { Fault } from "../domain/fault.ts";
import { createAddressGuard } from "./address-guard.ts";
import { readAnswer } from "./guarded-call.ts";
import type { Buckets, WorkConnection } from "./operator.ts";
import {
  createEndpointCaller,
  type EndpointCaller,
  type EndpointKey,
  element,
  endpointOf,
  refusal,
  type S3Settings,
} from "./s3-endpoint.ts";
import { listKeys } from "./s3-listing.ts";
import { succeed, upload } from "./s3-upload.ts";

/** Keys that a list names; more are an error that asks for a narrower path. */
const LISTED_MAX = 100_000;
const REFUSAL_BYTES_MAX = 64 * 1024;
const DELETES_AT_ONCE = 8;

/** What was begun ends with `signal`. @throws Fault `reference-invalid` for a connection that leads to no endpoint. */
export function createS3Buckets(settings: S3Settings) {
  const guard = createAddressGuard(settings.allowedAddresses);
  return (connection: WorkConnection, signal: AbortSignal): Buckets => {
    const caller = createEndpointCaller(settings, guard, endpointOf(connection));
    return {
      open: async (path) => await openFile(caller, path, signal),
      list: async (prefix) => {
        const { bucket, key } = placeOf(prefix);
        const base = prefix.slice(0, prefix.indexOf("://") + 3);
        const keys = await listFiles(caller, { bucket, prefix: folderPrefix(key), signal });
        return keys.map((found) => `${base}${bucket}/${found}`).sort();
      },
      exists: async (path) => {
        const target = { ...placeOf(path), signal };
        return (await isObject(caller, target)) || (await isFolder(caller, target));
      },
      localPath: async (path) => {
        keyPlaceOf(path);
        return undefined;
      },
      write: async (path, content) => await upload(caller, { ...keyPlaceOf(path), signal }, content),
      createFolder: async (path) => {
        const { bucket, key } = keyPlaceOf(path);
        // Source: "Organizing objects in the Amazon S3 console by using folders".
        await succeed(caller, { method: "PUT", bucket, key: folderPrefix(key), signal });
      },
      remove: async (path) => {
        const target = { ...keyPlaceOf(path), signal };
        const object = await isObject(caller, target);
        if (object) await deleteKey(caller, target);
        return (await deleteFolder(caller, target)) || object;
      },
    };
  };
}

async function openFile(caller: EndpointCaller, path: string, signal: AbortSignal) {
  const { bucket, key } = keyPlaceOf(path);
  const content = await caller.open({ method: "GET", bucket, key, signal });
  if (content.statusCode === 200) return content;
  const answer = await readAnswer(content, REFUSAL_BYTES_MAX);
  if (answer.status === 404 && element(answer.text, "Code") !== "NoSuchBucket")
    throw new Fault("not-found", "reference-invalid", `there is no file ${path}`);
  throw refusal(answer);
}

/** Of the whole bucket: every key. */
function folderPrefix(key: string): string {
  return key === "" ? "" : `${key}/`;
}

async function listFiles(
  caller: EndpointCaller,
  range: { readonly bucket: string; readonly prefix: string; readonly signal: AbortSignal },
): Promise<string[]> {
  const keys: string[] = [];
  let from: string | undefined;
  do {
    const page = await listKeys(caller, { ...range, ...(from !== undefined && { from }) });
    keys.push(...page.objects.map(({ key }) => key).filter((key) => !key.endsWith("/")));
    from = page.next;
    if (keys.length > LISTED_MAX)
      throw new Fault(
        "too-large",
        "reference-invalid",
        `There are more than ${LISTED_MAX} files under ${range.bucket}/${range.prefix}: choose a narrower path.`,
      );
  } while (from !== undefined);
  return keys;
}

/** By a list, whose right those who may read a bucket have: asking for the object alone cannot tell "none" from "not allowed". */
async function isObject(caller: EndpointCaller, { bucket, key, signal }: EndpointKey): Promise<boolean> {
  if (key === "") return false;
  const { objects } = await listKeys(caller, { bucket, prefix: key, most: 1, signal });
  return objects[0]?.key === key;
}

async function isFolder(caller: EndpointCaller, { bucket, key, signal }: EndpointKey): Promise<boolean> {
  const { objects } = await listKeys(caller, { bucket, prefix: folderPrefix(key), most: 1, signal });
  return objects.length > 0;
}

/** Page after page from the first: what is deleted is listed no more. Folders drawn in a page go behind what lies in them. */
async function deleteFolder(
  caller: EndpointCaller,
  { bucket, key: folder, signal }: EndpointKey,
): Promise<boolean> {
  let before: string | undefined;
  for (;;) {
    const { objects } = await listKeys(caller, { bucket, prefix: folderPrefix(folder), signal });
    const keys = objects.map(({ key }) => key).reverse();
    const last = keys.at(-1);
    if (last === undefined) return before !== undefined;
    if (last === before)
      throw new Fault(
        "unavailable",
        "storage-unavailable",
        `The endpoint does not remove ${bucket}/${last}.`,
      );
    before = last;
    for (let first = 0; first < keys.length; first += DELETES_AT_ONCE) {
      const some = keys.slice(first, first + DELETES_AT_ONCE);
      await Promise.all(some.map((key) => deleteKey(caller, { bucket, key, signal })));
    }
  }
}

async function deleteKey(caller: EndpointCaller, target: EndpointKey): Promise<void> {
  const answer = await caller.call({ method: "DELETE", ...target });
  // Some say so of what has gone meanwhile.
  if (answer.status !== 404 && (answer.status < 200 || answer.status > 299)) throw refusal(answer);
}
