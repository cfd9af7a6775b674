/** The first start: what it makes, and that it is made once. */
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { signedHeaders } from "../../test/setup/sign.ts";
import { createMasterKey } from "../store/secrets.ts";
import { authenticateCaller } from "./access.ts";
import { bootstrap, type FirstCredentials } from "./bootstrap.ts";
import { EMPTY_SHA256 } from "./canonical-request.ts";
import { createIdentity, type Identity } from "./identity.ts";
import { login } from "./logins.ts";

async function setup() {
  const { pool } = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), "azalai-bootstrap-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const masterKeys = { current: createMasterKey(), previous: [] };
  const deps = { pool, masterKeys, now: () => new Date("2026-01-01T00:00:00Z"), observe: () => undefined };
  const settings = { passwordCost: { memoryKib: 64, passes: 1, lanes: 1 } };
  const server = () => createIdentity({ ...deps, settings });
  return { server, identity: server(), file: join(folder, "data", "credentials.json") };
}

async function logIn(identity: Identity, { userName, password }: FirstCredentials) {
  const { token } = await login(identity, {
    password: { user: { name: userName }, identityDomain: { id: "default" }, password },
    address: "127.0.0.1",
  });
  return token;
}

test("the first start makes an administrator whose password and key work, and writes them for the owner alone", async () => {
  const { identity, file } = await setup();
  const made = await bootstrap(identity, file, { url: "http://127.0.0.1:8790" });
  if (made === undefined) throw new Error("nothing was made");
  expect(made).toMatchObject({
    url: "http://127.0.0.1:8790",
    userName: "admin",
    projectName: "default",
    domainName: "Default",
  });
  expect(made.projectId).toMatch(/^[0-9a-f]{32}$/);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(made);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await logIn(identity, made)).toMatchObject({
    projectId: made.projectId,
    projectName: "default",
    roles: ["admin"],
  });
  const request = {
    method: "GET",
    target: "/v1/p/jobs",
    accessKey: made.accessKey,
    secretKey: made.secretKey,
    now: identity.now(),
  };
  const rawHeaders = Object.entries(signedHeaders(request)).flat();
  const received = {
    method: "GET",
    rawTarget: request.target,
    rawHeaders,
    bodySha256: EMPTY_SHA256,
    address: "127.0.0.1",
  };
  expect(await authenticateCaller(identity, received, made.projectId)).toMatchObject({
    role: "admin",
    userName: "admin",
  });
});

test("a later start changes nothing and writes nothing", async () => {
  const { server, identity, file } = await setup();
  const made = await bootstrap(identity, file, {});
  await rm(file);
  expect(await bootstrap(server(), file, { adminPassword: "another" })).toBeUndefined();
  await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  if (made !== undefined) expect((await logIn(identity, made)).userName).toBe("admin");
});

test("configuration decides what it names", async () => {
  const { identity, file } = await setup();
  const choices = {
    projectId: "A".repeat(32),
    adminPassword: "given",
    accessKey: "AKIDEXAMPLE",
    secretKey: "SKEXAMPLE",
  };
  const made = await bootstrap(identity, file, choices);
  expect(made).toMatchObject({
    projectId: "a".repeat(32),
    password: "given",
    accessKey: "AKIDEXAMPLE",
    secretKey: "SKEXAMPLE",
  });
});

test("servers that start at once make one administrator, and the file is that one's", async () => {
  const { server, identity, file } = await setup();
  const made = await Promise.all(Array.from({ length: 5 }, () => bootstrap(server(), file, {})));
  const [only, ...others] = made.filter((credentials) => credentials !== undefined);
  expect(others).toEqual([]);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(only);
  if (only !== undefined) await logIn(identity, only);
});

test("a file that a broken first start left is replaced and closed to others", async () => {
  const { identity, file } = await setup();
  await bootstrap(identity, file, {}).then(() =>
    identity.pool.query("delete from user_account; delete from project"),
  );
  await writeFile(file, "half", { mode: 0o644 });
  const made = await bootstrap(identity, file, {});
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(made);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("choices that cannot be are refused before anything is made", async () => {
  const { identity, file } = await setup();
  const wrong = [{ projectId: "short" }, { accessKey: "a/b" }, { secretKey: "short" }, { adminPassword: "" }];
  for (const choices of wrong) {
    await expect(bootstrap(identity, file, choices)).rejects.toMatchObject({ code: "request-invalid" });
  }
  await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
});
