/** Signs requests as the vendor's SDKs do, for tests; written apart from the verifier so that neither hides the other's faults. */
import { createHash, createHmac } from "node:crypto";

export interface ToSign {
  readonly method: string;
  /** Path and query, encoded and in the order that the signer wants (sorted). */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly now: Date;
}

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");

/** All headers of the signed request (`SDK-HMAC-SHA256 Access=`), the given ones and `host` among the signed. */
export function signedHeaders(request: ToSign): Record<string, string> {
  const date = request.now.toISOString().replace(/[-:]|\.\d+/g, "");
  const given = Object.entries({ host: "localhost", ...request.headers, "x-sdk-date": date });
  const headers = given
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const [path = "", query = ""] = request.target.split("?");
  const names = headers.map(([name]) => name).join(";");
  const lines = headers.map(([name, value]) => `${name}:${value}\n`).join("");
  const slashed = path.endsWith("/") ? path : `${path}/`;
  const canonical = [request.method, slashed, query, lines, names, sha256(request.body ?? "")].join("\n");
  const text = `SDK-HMAC-SHA256\n${date}\n${sha256(canonical)}`;
  const signature = createHmac("sha256", request.secretKey).update(text).digest("hex");
  const authorization = `SDK-HMAC-SHA256 Access=${request.accessKey}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...Object.fromEntries(headers), authorization };
}
