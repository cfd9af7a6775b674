/** The text that a signed request is hashed from, in each of the forms that real clients make it. */
import { createHash } from "node:crypto";

/** A request as it came off the wire; nothing in it was decoded, merged or put in another case. */
export interface ReceivedRequest {
  readonly method: string;
  /** The request target as received, e.g. `/v1/abc/jobs?limit=10`. */
  readonly rawTarget: string;
  /** Names and values in turn, as `IncomingMessage.rawHeaders` has them: bytes read as Latin-1. */
  readonly rawHeaders: readonly string[];
  /** Lower-case hex SHA-256 of the body's bytes as received, or `UNREAD_BODY`. */
  readonly bodySha256: string;
}

/** SHA-256 of no bytes at all: how a request without a body is known. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** In place of the hash of a body that is still to be streamed: such a request must be sent as `UNSIGNED-PAYLOAD`. */
export const UNREAD_BODY = "unread";

/**
 * The canonical requests that `SDK-HMAC-SHA256 Access=` and `V11-HMAC-SHA256` signers may have meant (auth 2.2):
 * query sorted, and, where that is another text, query as received (the Python SDK sorts repeated numbers as numbers).
 * Texts hold one character for each byte (Latin-1).
 */
export function canonicalRequests(request: ReceivedRequest, signedHeaders: readonly string[]): string[] {
  const pairs = queryPairs(request.rawTarget);
  const sorted = pairs.toSorted((a, b) => Buffer.compare(a.name, b.name) || Buffer.compare(a.value, b.value));
  const headers = headerLines(request.rawHeaders, signedHeaders, trimBlanks);
  return [...new Set([queryText(sorted), queryText(pairs)])].map((query) =>
    canonicalText(request, query, headers, signedHeaders, payloadHash(request)),
  );
}

/**
 * The canonical requests that `SDK-HMAC-SHA256 Credential=` signers may have meant (auth 2.3, scheme B). A POST
 * without a body has its query signed as if it were the body; one that was given an empty body has not, and on the
 * wire both look the same.
 */
export function scopedCanonicalRequests(
  request: ReceivedRequest,
  signedHeaders: readonly string[],
): string[] {
  const pairs = queryPairs(request.rawTarget);
  const headers = headerLines(request.rawHeaders, signedHeaders, collapseBlanks);
  const plain = canonicalText(request, scopedQueryText(pairs), headers, signedHeaders, payloadHash(request));
  const queryIsBody =
    request.method.toUpperCase() === "POST" && request.bodySha256 === EMPTY_SHA256 && pairs.length > 0;
  if (!queryIsBody) return [plain];
  const formHash = createHash("sha256").update(formText(pairs), "latin1").digest("hex");
  return [canonicalText(request, "", headers, signedHeaders, formHash), plain];
}

/** Whether one name stands in the query with different values: scheme B signs only the first of them. */
export function queryRepeatsName(rawTarget: string): boolean {
  const values = new Map<string, string>();
  return queryPairs(rawTarget).some(({ name, value }) => {
    const key = name.toString("latin1");
    const before = values.get(key);
    if (before === undefined) values.set(key, value.toString("latin1"));
    return before !== undefined && before !== value.toString("latin1");
  });
}

/** All values of a header, in the order received; `name` in lower case. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? "");
  }
  return values;
}

function canonicalText(
  request: ReceivedRequest,
  query: string,
  headers: string,
  signedHeaders: readonly string[],
  payload: string,
): string {
  const path = canonicalPath(request.rawTarget);
  return [request.method.toUpperCase(), path, query, headers, signedHeaders.join(";"), payload].join("\n");
}

/** The path decoded once and encoded again piece by piece; dot segments and double slashes stay. */
function canonicalPath(rawTarget: string): string {
  const [rawPath = ""] = rawTarget.split("?", 1);
  const pieces = percentDecode(rawPath).toString("latin1").split("/");
  const path = pieces.map((piece) => percentEncode(Buffer.from(piece, "latin1"))).join("/");
  return path.endsWith("/") ? path : `${path}/`;
}

interface QueryPair {
  readonly name: Buffer;
  readonly value: Buffer;
}

function queryPairs(rawTarget: string): QueryPair[] {
  const start = rawTarget.indexOf("?");
  if (start < 0) return [];
  const pieces = rawTarget.slice(start + 1).split("&");
  return pieces
    .filter((piece) => piece !== "")
    .map((piece) => {
      const equals = piece.indexOf("=");
      const [name, value] = equals < 0 ? [piece, ""] : [piece.slice(0, equals), piece.slice(equals + 1)];
      return { name: formDecode(name), value: formDecode(value) };
    });
}

function queryText(pairs: readonly QueryPair[]): string {
  return pairs.map(({ name, value }) => `${percentEncode(name)}=${percentEncode(value)}`).join("&");
}

/** Names in alphabetic order without regard to case, each with its first value only. */
function scopedQueryText(pairs: readonly QueryPair[]): string {
  const firstValues = new Map<string, string>();
  for (const { name, value } of pairs) {
    const key = percentEncode(name);
    if (!firstValues.has(key)) firstValues.set(key, percentEncode(value));
  }
  return [...firstValues]
    .toSorted(([a], [b]) => compareTexts(a.toLowerCase(), b.toLowerCase()))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** The query as a form's body: names sorted, values in the order received, a blank as a plus sign. */
function formText(pairs: readonly QueryPair[]): string {
  const sorted = pairs.toSorted((a, b) => Buffer.compare(a.name, b.name));
  return queryText(sorted).replaceAll("%20", "+");
}

function headerLines(
  rawHeaders: readonly string[],
  signedHeaders: readonly string[],
  tidy: (value: string) => string,
): string {
  const lines = signedHeaders.flatMap((name) => {
    const lowerName = name.toLowerCase();
    const values = headerValues(rawHeaders, lowerName).map(tidy);
    return values.toSorted(compareTexts).map((value) => `${lowerName}:${value}\n`);
  });
  return lines.join("");
}

// Only ASCII white space counts: as Latin-1, a byte of a UTF-8 letter can look like a no-break space.
function trimBlanks(value: string): string {
  return value.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
}

function collapseBlanks(value: string): string {
  return value.replace(/[ \t\n\v\f\r]+/g, " ");
}

function payloadHash(request: ReceivedRequest): string {
  if (request.bodySha256 === EMPTY_SHA256) return EMPTY_SHA256;
  return headerValues(request.rawHeaders, "x-sdk-content-sha256")[0] ?? request.bodySha256;
}

function formDecode(text: string): Buffer {
  return percentDecode(text.replaceAll("+", " "));
}

/** Bytes of a percent-encoded text; a percent sign without two digits stays as it is. */
function percentDecode(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  const decoded = bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(decoded, "latin1");
}

/** Every byte but the unreserved ones of RFC 3986 as `%XX`. */
function percentEncode(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(
      /[^A-Za-z0-9\-_.~]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
    );
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
