/** Signs calls of an S3 endpoint: AWS Signature Version 4. */
import { createHash, createHmac } from "node:crypto";

export interface S3Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

export interface SignedCall {
  readonly method: string;
  /** With its query as `queryText` writes it, and its path as `pathText` does. */
  readonly url: URL;
  readonly body: string | Uint8Array;
}

/**
 * The headers, beside `host`, by which the endpoint knows who calls.
 * Source: "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)" of S3's API reference.
 */
export function signCall({ method, url, body }: SignedCall, keys: S3Keys, now: Date): Record<string, string> {
  const bodyHash = createHash("sha256").update(body).digest("hex");
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = [stamp.slice(0, 8), keys.region, "s3", "aws4_request"];
  const signed = { host: url.host, "x-amz-content-sha256": bodyHash, "x-amz-date": stamp };
  const names = Object.keys(signed).join(";");
  const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`);
  const request = [method, url.pathname, url.search.slice(1), lines.join(""), names, bodyHash].join("\n");
  const hash = createHash("sha256").update(request).digest("hex");
  const text = [ALGORITHM, stamp, scope.join("/"), hash].join("\n");
  const key = scope.reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${keys.secretKey}`);
  const signature = hmac(key, text).toString("hex");
  return {
    "x-amz-content-sha256": bodyHash,
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

/** A key in the one form that is signed: its slashes as they are, all else as in queries. */
export function pathText(key: string): string {
  return key.split("/").map(encode).join("/");
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
