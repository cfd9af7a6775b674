import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const JAVA = join(import.meta.dirname, "java");
const folder = mkdtempSync(join(tmpdir(), "azalai-classes-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Other compilers write other bytes for the same source. */
const compiler = (() => {
  try {
    return execFileSync("javac", ["-version"], { encoding: "utf8" }).startsWith("javac 17.");
  } catch {
    return false;
  }
})();

/** The one interface of Hive that `SqlDoor` needs. */
const PROVIDER = `package org.apache.hive.service.auth;
public interface PasswdAuthenticationProvider {
  void Authenticate(String user, String password) throws javax.security.sasl.AuthenticationException;
}`;

test.skipIf(!compiler)("each class in the tree is what Java 17 makes of the source beside it", () => {
  const interfaces = join(folder, "org/apache/hive/service/auth");
  mkdirSync(interfaces, { recursive: true });
  writeFileSync(join(interfaces, "PasswdAuthenticationProvider.java"), PROVIDER);
  const own = join(folder, "patch/com/sun/security/auth/module");
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "UnixSystem.java"), readFileSync(join(JAVA, "UnixSystem.java")));
  const compile = (...args: string[]) =>
    execFileSync("javac", ["-g:none", "-encoding", "UTF-8", "-d", join(folder, "out"), ...args]);
  compile("--release", "17", "-sourcepath", folder, join(JAVA, "SqlDoor.java"));
  const patch = ["--patch-module", `jdk.security.auth=${join(folder, "patch")}`];
  compile(...patch, join(own, "UnixSystem.java"));
  for (const [name, path] of [
    ["SqlDoor", "azalai"],
    ["UnixSystem", "com/sun/security/auth/module"],
  ])
    expect(
      readFileSync(join(folder, "out", path ?? "", `${name}.class`)).equals(
        readFileSync(join(JAVA, `${name}.class`)),
      ),
    ).toBe(true);
});
