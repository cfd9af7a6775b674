/** The signing schemes against published vectors, recorded requests and altered ones. */
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  canonicalRequests,
  type ReceivedRequest,
  scopedCanonicalRequests,
  UNREAD_BODY,
} from "./canonical-request.ts";
import {
  checkSignedRequest,
  claimsSignature,
  parseSignature,
  SIGNATURE_SKEW_SECONDS_MAX,
  type Signature,
  type SignatureRefusal,
  signatureMatches,
} from "./signatures.ts";

interface Vector {
  readonly id: string;
  readonly note: string;
  readonly request: {
    readonly method: string;
    readonly target: string;
    readonly headers: Record<string, string>;
    readonly body: string;
  };
  readonly ak: string;
  readonly sk: string;
  readonly date: string;
  readonly authorization: string;
  readonly canonical_request?: string;
  readonly expect_valid?: boolean;
}

const goldenUrl = new URL("../../test/fixtures/golden/auth/sdk-hmac-sha256.json", import.meta.url);
const vectors: Vector[] = JSON.parse(readFileSync(goldenUrl, "utf8")).vectors;
const goodVectors = vectors.filter((vector) => vector.expect_valid !== false);
const alteredVectors = vectors.filter((vector) => vector.expect_valid === false);

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
/** What Node's HTTP server makes of the UTF-8 bytes of a header's value. */
const latin1 = (text: string) => Buffer.from(text).toString("latin1");

function received(vector: Vector): ReceivedRequest {
  const { method, target, headers, body } = vector.request;
  const rawHeaders = Object.entries(headers).flatMap(([name, value]) => [name, latin1(value)]);
  return { method, rawTarget: target, rawHeaders, bodySha256: sha256(body) };
}

function instant(date: string): Date {
  return new Date(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z"));
}

function signatureOf(vector: Vector): Signature {
  const signature = parseSignature(vector.authorization);
  if (signature === undefined) throw new Error(`${vector.id} is not well formed`);
  return signature;
}

describe("published signing vectors", () => {
  test("there are vectors of every scheme", () => {
    expect(new Set(goodVectors.map((vector) => signatureOf(vector).scheme)).size).toBe(3);
    expect(alteredVectors).toHaveLength(10);
  });

  test.each(goodVectors)("$id verifies: $note", (vector) => {
    const signature = signatureOf(vector);
    const texts = signature.scheme === "scoped" ? scopedCanonicalRequests : canonicalRequests;
    const canonical = Buffer.from(vector.canonical_request ?? "").toString("latin1");
    expect(texts(received(vector), signature.signedHeaders)).toContain(canonical);
    expect(signature.accessKey).toBe(vector.ak);
    expect(signatureMatches(received(vector), signature, vector.sk)).toBe(true);
    expect(signatureMatches(received(vector), signature, `${vector.sk}x`)).toBe(false);
  });

  test.each(goodVectors)(
    "$id passes the checks that need no key, unless it repeats a name of the query",
    (vector) => {
      const rules = {
        now: instant(vector.date),
        skewSecondsMax: SIGNATURE_SKEW_SECONDS_MAX,
        unsignedPayloadAllowed: true,
      };
      const refusal = checkSignedRequest(received(vector), signatureOf(vector), rules);
      expect(refusal).toBe(vector.id === "b07" ? "query-name-repeated" : undefined);
    },
  );

  test.each(alteredVectors)("$id is refused: $note", (vector) => {
    const signature = signatureOf(vector);
    const rules = {
      now: instant(vector.date),
      skewSecondsMax: SIGNATURE_SKEW_SECONDS_MAX,
      unsignedPayloadAllowed: true,
    };
    const known = signature.accessKey === vector.ak && signature.accessKey !== "UNKNOWNAK00000000000";
    const accepted =
      known &&
      checkSignedRequest(received(vector), signature, rules) === undefined &&
      signatureMatches(received(vector), signature, vector.sk);
    expect(accepted).toBe(false);
  });
});

describe("recorded requests of real clients", () => {
  interface Step {
    readonly request: { method: string; target: string; headers: [string, string][]; body: unknown };
    readonly signature?: { readonly valid: boolean; readonly canonical_request: string };
  }
  const exchangesUrl = new URL("../../test/fixtures/golden/auth/exchanges.json", import.meta.url);
  const exchanges: { id: string; steps: Step[] }[] = JSON.parse(readFileSync(exchangesUrl, "utf8")).exchanges;
  const steps = exchanges.flatMap(({ id, steps }) =>
    steps.flatMap((step) => (step.signature === undefined ? [] : [{ id, ...step }])),
  );

  test.each(steps)(
    "$id $request.method $request.target verifies as recorded",
    ({ request, signature: expected }) => {
      const rawHeaders = request.headers.flat();
      const authorization =
        request.headers.find(([name]) => name.toLowerCase() === "authorization")?.[1] ?? "";
      const signature = parseSignature(authorization);
      if (signature === undefined) throw new Error("not well formed");
      // The recording keeps bodies parsed, so their bytes are known only through the recorded hash.
      const bodySha256 = expected?.canonical_request.split("\n").at(-1) ?? "";
      const isForm = request.body === null;
      const asReceived = {
        method: request.method,
        rawTarget: request.target,
        rawHeaders,
        bodySha256: isForm ? sha256("") : bodySha256,
      };
      expect(signatureMatches(asReceived, signature, "dummySK-not-a-real-secret-000000000001")).toBe(
        expected?.valid,
      );
    },
  );
});

describe("reading the header", () => {
  const digest = "0".repeat(64);
  const good = `SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=${digest}`;

  test("the first word decides whether a request counts as signed", () => {
    expect(claimsSignature(good)).toBe(true);
    expect(claimsSignature("SDK-HMAC-SM3 Access=AK")).toBe(true);
    expect(claimsSignature("Bearer abc")).toBe(false);
    expect(claimsSignature(undefined)).toBe(false);
  });

  test.each([
    ["another algorithm", good.replace("SHA256", "SM3")],
    ["no signed headers", good.replace("host;x-sdk-date", "")],
    ["a header named twice", good.replace("host", "X-Sdk-Date")],
    ["an empty header name", good.replace("host;", "host;;")],
    ["a digest in upper case", good.replace(digest, "A".repeat(64))],
    ["a short digest", good.replace(digest, "0")],
    ["a parameter more", `${good}, Extra=1`],
    ["a flat key with a scope", good.replace("Access=AK", "Access=AK/20260101")],
    ["a derived signature with a flat key", good.replace("SDK-HMAC", "V11-HMAC")],
    ["a scope without its end", good.replace("Access=AK", "Credential=AK/20260101//")],
    [
      "a derived scope with a scoped end",
      good.replace("SDK-HMAC", "V11-HMAC").replace("Access=AK", "Credential=AK/20260101/r/s/sdk_request"),
    ],
    ["no access key", good.replace("Access=AK", "Credential=/20260101///sdk_request")],
    ["too many headers", good.replace("host", Array.from({ length: 65 }, (_, i) => `h${i}`).join(";"))],
  ])("%s is not well formed", (_, authorization) => {
    expect(parseSignature(authorization)).toBeUndefined();
  });
});

describe("checks that need no key", () => {
  const now = new Date("2026-01-02T03:04:05Z");
  const rules = { now, skewSecondsMax: SIGNATURE_SKEW_SECONDS_MAX, unsignedPayloadAllowed: true };
  const flat: Signature = {
    scheme: "flat",
    accessKey: "AK",
    scope: "",
    signedHeaders: ["x-sdk-date"],
    digest: "",
  };
  const request: ReceivedRequest = {
    method: "POST",
    rawTarget: "/v1/p/jobs",
    rawHeaders: ["X-Sdk-Date", "20260102T030405Z"],
    bodySha256: sha256("{}"),
  };

  function check(
    change: {
      request?: Partial<ReceivedRequest>;
      signature?: Partial<Signature>;
      rules?: Partial<typeof rules>;
    },
    expected: SignatureRefusal | undefined,
  ): void {
    const refusal = checkSignedRequest(
      { ...request, ...change.request },
      { ...flat, ...change.signature },
      { ...rules, ...change.rules },
    );
    expect(refusal).toBe(expected);
  }
  const dated = (date: string, ...more: string[]) => ({ rawHeaders: ["x-sdk-date", date, ...more] });

  test("a request without a date, with two, or with an impossible one is refused", () => {
    check({ request: { rawHeaders: [] } }, "date-missing");
    check({ request: dated("20260102T030405Z", "X-Sdk-Date", "20260102T030405Z") }, "date-missing");
    check({ request: dated("20260231T030405Z") }, "date-missing");
    check({ request: dated("2026-01-02T03:04:05Z") }, "date-missing");
  });

  test("the date may be fifteen minutes off, either way, and no more", () => {
    check({ request: dated("20260102T024905Z") }, undefined);
    check({ request: dated("20260102T031905Z") }, undefined);
    check({ request: dated("20260102T024904Z") }, "date-outside-window");
    check({ request: dated("20260102T032005Z") }, "date-outside-window");
    check({ request: dated("20260102T024904Z"), rules: { skewSecondsMax: 3600 } }, undefined);
  });

  test("the date is signed, except in the scoped scheme, whose scope names the same day", () => {
    const host = { rawHeaders: [...request.rawHeaders, "Host", "h"] };
    check({ request: host, signature: { signedHeaders: ["host"] } }, "date-unsigned");
    const scope = "20260102///sdk_request";
    check({ request: host, signature: { scheme: "scoped", scope, signedHeaders: ["host"] } }, undefined);
    check({ signature: { scheme: "scoped", scope: "20260103///sdk_request" } }, "scope-day-differs");
    check({ signature: { scheme: "derived", scope: "20260101/r/s" } }, "scope-day-differs");
  });

  test("every signed header is there", () => {
    check({ signature: { signedHeaders: ["x-sdk-date", "workspace"] } }, "signed-header-absent");
  });

  test("a repeated name in the query is refused in the scoped scheme only, and only with another value", () => {
    const scope = "20260102///sdk_request";
    check(
      { request: { rawTarget: "/?a=1&%61=2" }, signature: { scheme: "scoped", scope } },
      "query-name-repeated",
    );
    check({ request: { rawTarget: "/?a=1&a=1" }, signature: { scheme: "scoped", scope } }, undefined);
    check({ request: { rawTarget: "/?a=1&a=2" } }, undefined);
  });

  test("a stated hash of the body is the true one", () => {
    check({ request: dated("20260102T030405Z", "X-Sdk-Content-Sha256", request.bodySha256) }, undefined);
    check(
      { request: dated("20260102T030405Z", "X-Sdk-Content-Sha256", sha256("other")) },
      "payload-hash-wrong",
    );
    const twice = ["x-sdk-content-sha256", request.bodySha256, "x-sdk-content-sha256", "UNSIGNED-PAYLOAD"];
    check({ request: dated("20260102T030405Z", ...twice) }, "payload-hash-wrong");
  });

  test("a body goes unsigned only where nobody can change it, and never as JSON", () => {
    const marker = ["x-sdk-content-sha256", "UNSIGNED-PAYLOAD"];
    const bytes = dated("20260102T030405Z", ...marker, "content-type", "application/octet-stream");
    check({ request: bytes }, undefined);
    check({ request: bytes, rules: { unsignedPayloadAllowed: false } }, "payload-unsigned");
    check(
      { request: { ...bytes, bodySha256: sha256("") }, rules: { unsignedPayloadAllowed: false } },
      undefined,
    );
    check(
      { request: dated("20260102T030405Z", ...marker, "content-type", "Application/JSON") },
      "payload-unsigned",
    );
  });
});

test("an upload that is still to be read goes unsigned or not at all", () => {
  const request = {
    method: "PUT",
    rawTarget: "/",
    rawHeaders: ["X-Sdk-Date", "20260102T030405Z", "Content-Type", "application/octet-stream"],
    bodySha256: UNREAD_BODY,
  };
  const now = new Date("2026-01-02T03:04:05Z");
  const rules = { now, skewSecondsMax: SIGNATURE_SKEW_SECONDS_MAX, unsignedPayloadAllowed: true };
  const flat: Signature = {
    scheme: "flat",
    accessKey: "AK",
    scope: "",
    signedHeaders: ["x-sdk-date"],
    digest: "",
  };
  const claiming = (value: string) => ({
    ...request,
    rawHeaders: [...request.rawHeaders, "X-Sdk-Content-Sha256", value],
  });
  expect(checkSignedRequest(request, flat, rules)).toBe("payload-unread");
  expect(checkSignedRequest(claiming(sha256("x")), flat, rules)).toBe("payload-unread");
  expect(checkSignedRequest(claiming("UNSIGNED-PAYLOAD"), flat, rules)).toBeUndefined();
});

test("a value with a byte that Latin-1 calls a blank is signed byte for byte", () => {
  const secretKey = "secret";
  const value = "voilà"; // its last byte in UTF-8 is 0xA0
  const canonical = `GET\n/\n\nx-note:${value}\nx-sdk-date:20260102T030405Z\n\nx-note;x-sdk-date\n${sha256("")}`;
  const digest = createHmac("sha256", secretKey)
    .update(`SDK-HMAC-SHA256\n20260102T030405Z\n${sha256(canonical)}`)
    .digest("hex");
  const signature = parseSignature(
    `SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-note;x-sdk-date, Signature=${digest}`,
  );
  const request = {
    method: "GET",
    rawTarget: "/",
    rawHeaders: ["X-Note", latin1(value), "X-Sdk-Date", "20260102T030405Z"],
    bodySha256: sha256(""),
  };
  expect(signature && signatureMatches(request, signature, secretKey)).toBe(true);
});
