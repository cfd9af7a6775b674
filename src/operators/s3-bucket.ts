/** S3 endpoints as events read them: the files of a bucket page by page, and a try at an endpoint. */
import { readBuckets } from "../domain/connection-config.ts";
import { createAddressGuard } from "./address-guard.ts";
import { required } from "./connection-members.ts";
import type { ObjectBucket, WorkConnection } from "./operator.ts";
import {
  createEndpointCaller,
  type EndpointCaller,
  element,
  endpointOf,
  refusal,
  type S3Settings,
} from "./s3-endpoint.ts";
import { listKeys } from "./s3-listing.ts";

/** Gives buckets. @throws Fault `reference-invalid` for a connection that leads to no endpoint. */
export function createBucketOpener(settings: S3Settings) {
  const guard = createAddressGuard(settings.allowedAddresses);
  return (connection: WorkConnection, bucket: string): ObjectBucket => {
    const endpoint = endpointOf(connection);
    const caller = createEndpointCaller(settings, guard, endpoint);
    return {
      intervalSeconds: endpoint.intervalSeconds,
      list: async (prefix, { from, signal }) => {
        const page = await listKeys(caller, { bucket, prefix, ...(from !== undefined && { from }), signal });
        return { ...page, objects: page.objects.filter(({ key }) => !key.endsWith("/")) };
      },
    };
  };
}

/** Lists what the connection's buckets hold, or says what the endpoint thinks of the keys; rejects where they are of no use. */
export function createEndpointTest(settings: S3Settings) {
  const guard = createAddressGuard(settings.allowedAddresses);
  return async (connection: WorkConnection, signal: AbortSignal): Promise<string> => {
    const endpoint = endpointOf(connection);
    const caller = createEndpointCaller(settings, guard, endpoint);
    const buckets = required(readBuckets(connection.config));
    for (const bucket of buckets) await listKeys(caller, { bucket, prefix: "", most: 1, signal });
    if (buckets.length > 0) return `the endpoint lists what is in ${buckets.join(", ")}`;
    return await askForBuckets(caller, endpoint.keys !== undefined, signal);
  };
}

async function askForBuckets(
  caller: EndpointCaller,
  withKeys: boolean,
  signal: AbortSignal,
): Promise<string> {
  const answer = await caller.call({ method: "GET", signal });
  if (answer.status === 200 && answer.text.includes("<ListAllMyBucketsResult"))
    return "the endpoint lists its buckets to these keys";
  // Keys that it does not know, or a wrong secret, have codes of their own.
  if (element(answer.text, "Code") !== "AccessDenied") throw refusal(answer);
  return withKeys
    ? "the endpoint knows the keys, which may not list its buckets"
    : "the endpoint answers; without keys only what everybody may read is open";
}
