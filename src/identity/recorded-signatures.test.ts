/** Signatures that unmodified DataArts clients made, recorded: each holds, but those that are wrong on purpose. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ReceivedRequest } from "./canonical-request.ts";
import {
  checkSignedRequest,
  parseSignature,
  SIGNATURE_SKEW_SECONDS_MAX,
  signatureMatches,
} from "./signatures.ts";

interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

const SECRET = "SKEXAMPLE";

/** Every signed request in a file, however deep it lies. */
function readSigned(file: string): RecordedRequest[] {
  const url = new URL(`../../test/fixtures/golden/dataarts/${file}.json`, import.meta.url);
  const found: RecordedRequest[] = [];
  JSON.parse(readFileSync(url, "utf8"), (_name, value) => {
    if (value?.headers?.Authorization !== undefined && value.target !== undefined) found.push(value);
    return value;
  });
  return found;
}

function judge(request: RecordedRequest): "holds" | "wrong" {
  const { method, target, headers } = request;
  const signature = parseSignature(headers.Authorization ?? "");
  if (signature === undefined) throw new Error(`${method} ${target} is not well formed`);
  const received: ReceivedRequest = {
    method,
    rawTarget: target,
    rawHeaders: Object.entries(headers).flatMap(([name, value]) => [
      name,
      Buffer.from(value).toString("latin1"),
    ]),
    bodySha256: createHash("sha256")
      .update(request.body ?? "")
      .digest("hex"),
  };
  const date = headers["X-Sdk-Date"] ?? "";
  const now = new Date(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z"));
  const rules = { now, skewSecondsMax: SIGNATURE_SKEW_SECONDS_MAX, unsignedPayloadAllowed: true };
  expect(checkSignedRequest(received, signature, rules), target).toBeUndefined();
  return signatureMatches(received, signature, SECRET) ? "holds" : "wrong";
}

test.each([
  ["dgc_calls", 37, 1],
  ["dlf_calls", 22, 0],
  ["otc_go_calls", 17, 0],
  ["terraform_calls", 208, 2],
  ["airflow_calls", 19, 0],
])("%s: %i signatures hold, %i made wrong on purpose do not", (file, holding, wrong) => {
  const verdicts = readSigned(file).map(judge);
  expect(verdicts.filter((verdict) => verdict === "holds")).toHaveLength(holding);
  expect(verdicts.filter((verdict) => verdict === "wrong")).toHaveLength(wrong);
});
