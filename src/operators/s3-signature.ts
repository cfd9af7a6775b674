/** Signs reads of an S3 endpoint: AWS Signature Version 4 for requests without a body. */
import { createHash, createHmac } from "node:crypto";

export interface S3Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const EMPTY_HASH = createHash("sha256").digest("hex");

/**
 * The headers, beside `host`, by which the endpoint knows who reads; `url` carries its query as `queryText` writes it.
 * Source: "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)" of S3's API reference.
 */
export function signRead(url: URL, keys: S3Keys, now: Date): Record<string, string> {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = [stamp.slice(0, 8), keys.region, "s3", "aws4_request"];
  const signed = { host: url.host, "x-amz-content-sha256": EMPTY_HASH, "x-amz-date": stamp };
  const names = Object.keys(signed).join(";");
  const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`);
  const request = ["GET", url.pathname, url.search.slice(1), lines.join(""), names, EMPTY_HASH].join("\n");
  const hash = createHash("sha256").update(request).digest("hex");
  const text = [ALGORITHM, stamp, scope.join("/"), hash].join("\n");
  const key = scope.reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${keys.secretKey}`);
  const signature = hmac(key, text).toString("hex");
  return {
    "x-amz-content-sha256": EMPTY_HASH,
    "x-amz-date": stamp,
    authorization: `${ALGORITHM} Credential=${keys.accessKey}/${scope.join("/")}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/** The query in the one form that is signed: sorted by name, everything but letters, digits and `-._~` encoded. */
export function queryText(members: Readonly<Record<string, string>>): string {
  return Object.entries(members)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted((one, other) => (one < other ? -1 : 1))
    .join("&");
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
