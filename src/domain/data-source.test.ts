import { expect, test } from "vitest";
import {
  checkDataSource,
  type DataSourceCredentials,
  type DataSourceType,
  resolvePlaceholders,
} from "./data-source.ts";

const SHARE = "00000000-0000-4000-8000-00000000dead";
const SWIFT = { user: "u", password: "p" };

function check(
  type: DataSourceType,
  url: string,
  expected: RegExp | "legal",
  credentials?: DataSourceCredentials,
) {
  const act = () => checkDataSource(type, url, credentials);
  if (expected === "legal") expect(act, `${type} ${url}`).not.toThrow();
  else expect(act, `${type} ${url}`).toThrow(expected);
}

test("each type takes its own addresses", () => {
  check("hdfs", "/p", "legal");
  check("hdfs", "relative", "legal");
  check("hdfs", "hdfs://h:8020/p", "legal");
  check("hdfs", "hdfs:///p", /hdfs:\/\/<host>/);
  check("hdfs", "s3://h/p", /HDFS takes/);
  check("maprfs", "maprfs:///x", "legal");
  check("maprfs", "/x", "legal");
  check("maprfs", "hdfs://x/x", /MapR-FS takes/);
  check("s3", "s3://b/o", "legal");
  check("s3", "s3a://b/o", "legal");
  check("s3", "s3://b", /is not s3/);
  check("s3", "s3:///o", /is not s3/);
  check("s3", "http://b/o", /is not s3/);
  check("obs", "obs://b/o", "legal");
  check("obs", "s3a://b/o", "legal");
  check("obs", "/o", /is not s3/);
  check("manila", `manila://${SHARE}/y`, "legal");
  check("manila", `manila://${SHARE}`, /Manila takes/);
  check("manila", "manila://x/y", /Manila takes/);
  for (const type of ["hdfs", "maprfs", "swift", "s3", "obs", "manila"] as const)
    check(type, "", /it is empty/);
});

test("a Swift container may end in .sahara and has no other dot", () => {
  check("swift", "swift://c/o", "legal", SWIFT);
  check("swift", "swift://c.sahara/o", "legal", SWIFT);
  for (const url of ["swift://c.other/o", "swift://c.sahara.x/o", "swift://a.b.sahara/o"])
    check("swift", url, /\.sahara/, SWIFT);
  for (const url of ["swift://c", "swift://c/", "swift:///o", "c/o"])
    check("swift", url, /Swift takes/, SWIFT);
});

test("credentials are what the type needs", () => {
  check("swift", "swift://c/o", /Swift needs user/);
  check("swift", "swift://c/o", /Swift needs password/, { user: "u" });
  check("s3", "s3://b/o", /unknown: zz/, { zz: 1 });
  check("s3", "s3://b/o", /ssl must be true or false/, { ssl: "y" });
  check("s3", "s3://b/o", "legal", {
    accesskey: "a",
    secretkey: "s",
    endpoint: "e",
    bucket_in_path: false,
    ssl: true,
  });
  check("hdfs", "/x", "legal", { anything: 1 });
});

test("placeholders ask for at least one letter each, and for 1,024 in all", () => {
  check("hdfs", "/%RANDSTR(10)%/%JOB_EXEC_ID%", "legal");
  check("hdfs", "/%RANDSTR(1024)%", "legal");
  check("hdfs", "/%RANDSTR(0)%", /above 0/);
  check("hdfs", "/%RANDSTR(-3)%", /above 0/);
  check("hdfs", "/%RANDSTR(1000)%/%RANDSTR(25)%", /at most 1024/);
});

test("a run's address has its id and letters in the placeholders' place", () => {
  const url = "/%JOB_EXEC_ID%/%RANDSTR(3)%-%RANDSTR(2)%/%JOB_EXEC_ID%";
  expect(resolvePlaceholders(url, "e1", (count) => "x".repeat(count))).toBe("/e1/xxx-xx/e1");
});
