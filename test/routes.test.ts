/** Every route of every face before the real judge: who is let in, and in which words the others are refused. */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createAuthenticate } from "../src/api/authenticate.ts";
import { createConsoleFace } from "../src/api/console/routes.ts";
import { createFactoryFace } from "../src/api/factory/routes.ts";
import { createKeystoneFace } from "../src/api/keystone/routes.ts";
import type { Face } from "../src/api/route.ts";
import { createSaharaFace } from "../src/api/sahara/routes.ts";
import { isVendorPath } from "../src/api/sahara/vendor-fault-wire.ts";
import { createServer } from "../src/api/server.ts";
import { PACKAGE_LIMITS } from "../src/domain/package.ts";
import { pluginsOf } from "../src/domain/plugin.ts";
import { createRetention } from "../src/engine/retention.ts";
import { createSecretRotation } from "../src/engine/secret-rotation.ts";
import { createFolderBlobs } from "../src/store/blobs.ts";
import { createBuckets } from "../src/store/buckets.ts";
import { factoryWorld } from "./setup/factory.ts";
import { identityWorld } from "./setup/identity.ts";

/** How each face says 401 and 403. */
const WORDS: Readonly<Record<string, readonly [unauthenticated: object, forbidden: object]>> = {
  factory: [{ error_code: "APIGW.0301" }, { error_code: "DLF.6888" }],
  sahara: [
    { error_code: 401, error_name: "UNAUTHORIZED" },
    { error_code: 403, error_name: "FORBIDDEN" },
  ],
  // The vendor's own calls, in the face that they share.
  vendor: [
    { error_code: "12000001", error_msg: expect.any(String) },
    { error_code: "12000136", error_msg: expect.any(String) },
  ],
  console: [
    { status: 401, code: "credentials-refused" },
    { status: 403, code: "role-missing" },
  ],
};

async function setup() {
  const world = await identityWorld();
  const { identity } = world;
  const { engine } = await factoryWorld(); // No request of these tests gets as far as to it.
  const newId = () => randomUUID().replaceAll("-", "");
  const testConnection = async () => ({ ok: false, reason: "the test dials nothing" }) as const;
  const { pool, masterKeys, now } = identity;
  const blobs = createFolderBlobs(join(tmpdir(), `azalai-routes-${newId()}`)); // Nothing is ever written there.
  const buckets = (projectId: string) => createBuckets(blobs, projectId);
  const shared = {
    pool,
    masterKeys,
    now,
    blobs,
    buckets,
    engine,
    newId,
    testConnection,
    region: "RegionOne",
    workspacesOnFirstUse: true,
  };
  const packageLimits = { ...PACKAGE_LIMITS, bytesMax: 1 };
  const observe = () => undefined;
  const retention = createRetention({ pool, blobs, now, observe, periodDays: 7 });
  const secrets = createSecretRotation({ pool, masterKeys, observe });
  const faces: Face[] = [
    createKeystoneFace(identity),
    createFactoryFace({
      ...shared,
      packageLimits,
      taskAdded: () => undefined,
      pageMax: 100,
      timeZone: "UTC",
    }),
    createSaharaFace({ ...shared, plugins: pluginsOf({ fake: true }) }),
    createConsoleFace({
      ...shared,
      testCluster: async () => [],
      identity,
      retention,
      secrets,
      timeZone: "UTC",
      mails: false,
      noticesPublished: () => undefined,
    }),
  ];
  const app = await createServer({
    faces,
    authenticate: createAuthenticate(identity),
    observe,
    elapsedMs: () => 0,
    newId,
    checkReady: async () => undefined,
  });
  const call = async (method: string, path: string, token: string | undefined) => {
    const headers = token === undefined ? {} : { "x-auth-token": token };
    const url = path.replace(":project_id", world.home.id).replaceAll(/:\w+/g, "1");
    const answer = await app.inject({ method: method as "GET", url, headers });
    return { status: answer.statusCode, json: answer.body === "" ? undefined : answer.json() };
  };
  const guarded = faces.flatMap(({ name: face, routes }) =>
    routes
      .filter(({ role }) => role !== "public")
      .map(({ method, path, role }) => ({
        face: isVendorPath(path) ? "vendor" : face,
        method,
        path,
        role,
        named: path.includes(":project_id"),
      })),
  );
  return { ...world, call, faces, guarded };
}

test("no token, a guessed one, an expired one and one of another project open nothing", async () => {
  const { call, guarded, user, token, home, foreign, pass } = await setup();
  const ada = await user("ada", home, "manager");
  const old = await token(ada, home);
  pass(2 * 3600);
  const strange = await token(await user("eve", foreign, "admin"), foreign);
  expect(new Set(guarded.map(({ face }) => face))).toEqual(new Set(Object.keys(WORDS)));
  for (const { face, method, path, named } of guarded) {
    // A path that names no project means the caller's own, where a stranger finds nothing of ours by its id.
    const foreigners = named ? [strange] : [];
    for (const text of [undefined, "", "azt_guess", `${strange}x`, old, ...foreigners])
      expect(await call(method, path, text), `${method} ${path} ${text}`).toMatchObject({
        status: 401,
        json: WORDS[face]?.[0],
      });
    if (!named && path.includes(":"))
      // What is wrong with the body may be told first.
      expect(method === "PUT" ? [400, 404] : [404], `${method} ${path}`).toContain(
        (await call(method, path, strange)).status,
      );
  }
});

test("a reader changes nothing", async () => {
  const { call, guarded, user, token, home } = await setup();
  const reader = await token(await user("rita", home, "reader"), home);
  for (const { face, method, path, role } of guarded) {
    const { status, json } = await call(method, path, reader);
    if (role === "reader") expect([401, 403], `${method} ${path}`).not.toContain(status);
    else expect({ status, json }, `${method} ${path}`).toMatchObject({ status: 403, json: WORDS[face]?.[1] });
  }
});

test("only identity and discovery are open to judge for themselves", async () => {
  const { faces } = await setup();
  for (const { name, routes } of faces.filter(({ name }) => name !== "keystone"))
    for (const { method, path, role } of routes)
      if (role === "public") expect(method, `${name} ${path}`).toBe("OPTIONS");
});
