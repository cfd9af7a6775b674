import { expect, test } from "vitest";
import { bucketPathOf, checkBinaryExtra, checkBinaryUrl, storedFileIdOf } from "./job-binary.ts";

const ID = "00000000-0000-4000-8000-00000000dead";

function codeOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "not a fault";
  }
}

test.each([
  [`internal-db://${ID}`, undefined],
  [`INTERNAL-DB://${ID}`, undefined],
  ["internal-db://abc", "request-invalid"],
  ["internal-db://", "request-invalid"],
  ["swift://container/object", undefined],
  ["swift://container", undefined],
  ["swift:///object", "request-invalid"],
  ["s3://bucket/key", undefined],
  ["s3a://bucket/dir/key.jar", undefined],
  ["s3n://bucket/key", undefined],
  ["obs://bucket/key", undefined],
  ["s3://bucket", "job-binary-unusable"],
  ["s3:///key", "request-invalid"],
  ["obs://bucket/../key", "request-invalid"],
  ["obs://bucket/a//key", "request-invalid"],
  ["obs://bucket/a/./key", "request-invalid"],
  [`manila://${ID}/path`, undefined],
  [`manila://${ID}`, "request-invalid"],
  ["manila://x/path", "request-invalid"],
  ["hdfs://namenode:8020/app.jar", undefined],
  ["hdfs:///app.jar", undefined],
  ["hdfs://namenode", "request-invalid"],
  ["/user/app.jar", undefined],
  ["//host/app.jar", "job-binary-invalid"],
  ["file:///etc/passwd", "job-binary-invalid"],
  ["ftp://h/x", "job-binary-invalid"],
  ["plain", "job-binary-invalid"],
  ["", "job-binary-invalid"],
])("the address %s", (url, code) => {
  expect(codeOf(() => checkBinaryUrl(url))).toBe(code);
});

test("Swift needs user and password, S3 exactly its three keys, the rest nothing", () => {
  const swift = (extra: Record<string, string> | undefined) =>
    codeOf(() => checkBinaryExtra("Swift://c/o", extra));
  expect(swift(undefined)).toBe("job-binary-unusable");
  expect(swift({ user: "u" })).toBe("job-binary-unusable");
  expect(swift({ user: "u", password: "" })).toBe("job-binary-unusable");
  expect(swift({ user: "u", password: "p" })).toBeUndefined();
  const s3 = (extra: Record<string, string> | undefined) => codeOf(() => checkBinaryExtra("s3://b/o", extra));
  const keys = { accesskey: "a", secretkey: "s", endpoint: "e" };
  expect(s3(undefined)).toBe("job-binary-invalid");
  expect(s3({ accesskey: "a", secretkey: "s" })).toBe("job-binary-invalid");
  expect(s3({ ...keys, more: "x" })).toBe("job-binary-invalid");
  expect(s3(keys)).toBeUndefined();
  expect(codeOf(() => checkBinaryExtra("obs://b/o", undefined))).toBeUndefined();
});

test("an address says which stored file or bucket it names", () => {
  expect(storedFileIdOf(`internal-db://${ID}`)).toEqual({ id: ID.replaceAll("-", "") });
  expect(storedFileIdOf(`internal-db://${ID}/more`)).toEqual({ id: undefined });
  expect(storedFileIdOf("swift://c/o")).toBeUndefined();
  expect(bucketPathOf("s3a://b/dir/o")).toBe("obs://b/dir/o");
  expect(bucketPathOf("swift://c/o")).toBe("obs://c/o");
  expect(bucketPathOf("hdfs://h/o")).toBeUndefined();
});
