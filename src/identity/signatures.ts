/** Signed requests: what an `Authorization` header of the vendor's schemes says, and whether it is true. */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import {
  canonicalRequests,
  EMPTY_SHA256,
  headerValues,
  queryRepeatsName,
  type ReceivedRequest,
  scopedCanonicalRequests,
  UNREAD_BODY,
} from "./canonical-request.ts";

/** How far a request's date may be from the server's clock, either way (auth 2.4). */
export const SIGNATURE_SKEW_SECONDS_MAX = 15 * 60;

/** Signed header names in one request; real clients sign fewer than ten. */
const SIGNED_HEADERS_MAX = 64;

/** What an `Authorization` header claims; nothing of it is checked against the request yet. */
export interface Signature {
  /** `flat`: `SDK-HMAC-SHA256 Access=`; `scoped`: `SDK-HMAC-SHA256 Credential=`; `derived`: `V11-HMAC-SHA256`. */
  readonly scheme: "flat" | "scoped" | "derived";
  readonly accessKey: string;
  /** Day, region and service (and `sdk_request`) as received; empty for `flat`. */
  readonly scope: string;
  /** Names in the order and case received. */
  readonly signedHeaders: readonly string[];
  /** 64 lower-case hexadecimal digits. */
  readonly digest: string;
}

/** Why a signed request is refused; for the log, the caller hears less. */
export type SignatureRefusal =
  | "date-missing"
  | "date-unsigned"
  | "date-outside-window"
  | "scope-day-differs"
  | "signed-header-absent"
  | "payload-hash-wrong"
  | "payload-unsigned"
  | "payload-unread"
  | "query-name-repeated";

export interface SignatureRules {
  readonly now: Date;
  readonly skewSecondsMax: number;
  /** Whether the way to this server hides the body from strangers (TLS or loopback), so that it may go unsigned. */
  readonly unsignedPayloadAllowed: boolean;
}

/** Whether a header is meant as a signature at all: such a request is judged by it and by nothing else. */
export function claimsSignature(authorization: string | undefined): authorization is string {
  return authorization !== undefined && /^(SDK|V11)-/.test(authorization);
}

/** Reads an `Authorization` header; undefined when it is of another scheme (SM3, ECDSA …) or not well formed. */
export function parseSignature(authorization: string): Signature | undefined {
  const match =
    /^(SDK-HMAC-SHA256|V11-HMAC-SHA256) +(Access|Credential)=([^, ]+), *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})$/.exec(
      authorization.trim(),
    );
  if (match === null) return undefined;
  const [, algorithm = "", keyword = "", credential = "", headers = "", digest = ""] = match;
  const signedHeaders = headers.split(";");
  if (!headersAreNamed(signedHeaders)) return undefined;
  if (keyword === "Access") {
    if (algorithm !== "SDK-HMAC-SHA256" || credential.includes("/")) return undefined;
    return { scheme: "flat", accessKey: credential, scope: "", signedHeaders, digest };
  }
  const slash = credential.indexOf("/");
  const scheme = algorithm === "V11-HMAC-SHA256" ? "derived" : "scoped";
  const scope = credential.slice(slash + 1);
  if (slash < 1 || !scopeIsNamed(scheme, scope)) return undefined;
  return { scheme, accessKey: credential.slice(0, slash), scope, signedHeaders, digest };
}

/** Everything about a signed request that needs no key (auth 2.4, points 1 to 3); undefined when it may go on. */
export function checkSignedRequest(
  request: ReceivedRequest,
  signature: Signature,
  rules: SignatureRules,
): SignatureRefusal | undefined {
  return (
    checkDate(request, signature, rules) ??
    checkSignedParts(request, signature) ??
    checkPayload(request, rules)
  );
}

/** Whether `signature` was made for `request` with `secretKey`; the comparison takes constant time. */
export function signatureMatches(request: ReceivedRequest, signature: Signature, secretKey: string): boolean {
  const [date = ""] = headerValues(request.rawHeaders, "x-sdk-date");
  const key = signingKey(signature, secretKey);
  const texts =
    signature.scheme === "scoped"
      ? scopedCanonicalRequests(request, signature.signedHeaders)
      : canonicalRequests(request, signature.signedHeaders);
  const claimed = Buffer.from(signature.digest, "hex");
  return texts
    .map((text) => textToSign(signature, date, text))
    .some((text) => timingSafeEqual(createHmac("sha256", key).update(text).digest(), claimed));
}

function headersAreNamed(names: readonly string[]): boolean {
  const lowerNames = new Set(names.map((name) => name.toLowerCase()));
  return names.length <= SIGNED_HEADERS_MAX && lowerNames.size === names.length && !lowerNames.has("");
}

function scopeIsNamed(scheme: "scoped" | "derived", scope: string): boolean {
  return scheme === "scoped"
    ? /^\d{8}\/[^/]*\/[^/]*\/sdk_request$/.test(scope)
    : /^\d{8}\/[^/]*\/[^/]*$/.test(scope);
}

function checkDate(
  request: ReceivedRequest,
  signature: Signature,
  rules: SignatureRules,
): SignatureRefusal | undefined {
  const dates = headerValues(request.rawHeaders, "x-sdk-date");
  const [date = ""] = dates;
  const instant = parseSdkDate(date);
  if (dates.length !== 1 || instant === undefined) return "date-missing";
  const signed = signature.signedHeaders.some((name) => name.toLowerCase() === "x-sdk-date");
  // Scheme B needs no signed date header: the date is part of its text to sign in any case.
  if (!signed && signature.scheme !== "scoped") return "date-unsigned";
  if (signature.scheme !== "flat" && !signature.scope.startsWith(date.slice(0, 8)))
    return "scope-day-differs";
  const skewMs = Math.abs(instant.getTime() - rules.now.getTime());
  return skewMs > rules.skewSecondsMax * 1000 ? "date-outside-window" : undefined;
}

function checkSignedParts(request: ReceivedRequest, signature: Signature): SignatureRefusal | undefined {
  const absent = signature.signedHeaders.some(
    (name) => headerValues(request.rawHeaders, name.toLowerCase()).length === 0,
  );
  if (absent) return "signed-header-absent";
  return signature.scheme === "scoped" && queryRepeatsName(request.rawTarget)
    ? "query-name-repeated"
    : undefined;
}

/** Without this check a signed hash header would let any body through. */
function checkPayload(request: ReceivedRequest, rules: SignatureRules): SignatureRefusal | undefined {
  const claims = headerValues(request.rawHeaders, "x-sdk-content-sha256");
  const [claim] = claims;
  if (request.bodySha256 === UNREAD_BODY && claim !== "UNSIGNED-PAYLOAD") return "payload-unread";
  if (claim === undefined) return undefined;
  if (claims.length > 1) return "payload-hash-wrong";
  if (claim !== "UNSIGNED-PAYLOAD") return claim === request.bodySha256 ? undefined : "payload-hash-wrong";
  const contentTypes = headerValues(request.rawHeaders, "content-type");
  const structured = contentTypes.some((type) => /json|bson/i.test(type));
  const nothingToHide = rules.unsignedPayloadAllowed || request.bodySha256 === EMPTY_SHA256;
  return structured || !nothingToHide ? "payload-unsigned" : undefined;
}

/** `YYYYMMDDTHHMMSSZ`, or undefined when the text is no such instant. */
function parseSdkDate(text: string): Date | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const instant = new Date(iso);
  return Number.isNaN(instant.getTime()) || instant.toISOString() !== iso ? undefined : instant;
}

function textToSign(signature: Signature, date: string, canonicalRequest: string): string {
  const hash = createHash("sha256").update(canonicalRequest, "latin1").digest("hex");
  switch (signature.scheme) {
    case "flat":
      return `SDK-HMAC-SHA256\n${date}\n${hash}`;
    case "scoped":
      return `SDK-HMAC-SHA256\n${date}\n${signature.scope}\n${hash}`;
    case "derived":
      return `V11-HMAC-SHA256\n${date}\n${signature.scope}\n${hash}`;
  }
}

function signingKey(signature: Signature, secretKey: string): Buffer | string {
  const { scheme, accessKey, scope } = signature;
  switch (scheme) {
    case "flat":
      return secretKey;
    case "scoped":
      // Day, region, service and `sdk_request` enter one after the other.
      return scope
        .split("/")
        .reduce(
          (key, part) => createHmac("sha256", key).update(part).digest(),
          Buffer.from(`SDK${secretKey}`),
        );
    case "derived":
      // The key is the hexadecimal text of the derived bytes, not the bytes.
      return Buffer.from(hkdfSync("sha256", secretKey, accessKey, scope, 32)).toString("hex");
  }
}
