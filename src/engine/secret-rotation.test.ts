/** A change of the master key: everything sealed moves under the new one, and the old one can go. */
import { expect, test } from "vitest";
import { identityWorld } from "../../test/setup/identity.ts";
import { createConnection } from "../catalog/connections.ts";
import { addDataSource } from "../catalog/data-sources.ts";
import { addJobBinary } from "../catalog/job-binaries.ts";
import { addTarget, createTopic } from "../catalog/topics.ts";
import type { Observation } from "../domain/observation.ts";
import type { Caller } from "../domain/user.ts";
import { createFolderBlobs } from "../store/blobs.ts";
import { createBuckets } from "../store/buckets.ts";
import {
  countSecretsByKey,
  listSecretsUnderOthers,
  replaceSecrets,
  SEALED_TABLES,
  secretPlace,
} from "../store/sealed-columns.ts";
import { createMasterKey, decryptSecret, encryptSecret, type MasterKeys } from "../store/secrets.ts";
import { createSecretRotation } from "./secret-rotation.ts";

/** Something secret in every table, sealed with the first key; `newKey` stands before it in a later configuration. */
async function setup() {
  const { identity, home, user, key } = await identityWorld();
  const { pool, masterKeys, now } = identity;
  await key(await user("ada", home, "manager"));
  let ids = 0;
  const newId = () => String(++ids).padStart(32, "0");
  const blobs = createFolderBlobs("/nowhere");
  const parts = {
    pool,
    masterKeys,
    now,
    newId,
    blobs,
    buckets: (projectId: string) => createBuckets(blobs, projectId),
  };
  const shown = { description: null, isPublic: false, isProtected: false };
  const credentials = { user: "u", password: "of-the-data-source" };
  await addDataSource(parts, home.id, {
    ...shown,
    name: "d",
    type: "swift",
    url: "swift://c/o",
    credentials,
  });
  const extra = { user: "u", password: "of-the-binary" };
  await addJobBinary(parts, home.id, { ...shown, name: "b.jar", url: "swift://c/b.jar", extra });
  const caller: Caller = {
    projectId: home.id,
    userId: "",
    userName: "ada",
    role: "manager",
    workspaceRoles: new Map(),
    credential: { kind: "token", id: "" },
  };
  await createTopic(parts, caller, { name: "t", description: null });
  await addTarget(parts, caller, "t", { url: "https://hooks.example/t", secret: "of-the-target-of-a-topic" });
  const deps = { ...parts, workspacesOnFirstUse: true };
  const save = (name: string) =>
    createConnection(deps, caller, "default", {
      ...{ name, type: "RDS", description: null },
      config: { ip: "db", password: `of-${name}` },
    });
  for (let number = 0; number < 450; number++) await save(`c${number}`);
  const newKey = createMasterKey();
  const seen: Observation[] = [];
  const rotationWith = (keys: MasterKeys) =>
    createSecretRotation({ pool, masterKeys: keys, observe: (observation) => void seen.push(observation) });
  return { pool, oldKey: masterKeys.current, newKey, rotationWith, seen };
}

test("after a round every secret of every table opens with the new key alone", async () => {
  const { pool, oldKey, newKey, rotationWith, seen } = await setup();
  const { keys, rotate } = rotationWith({ current: newKey, previous: [oldKey] });
  const total = 450 + 4;
  expect(await keys()).toEqual([
    { id: newKey.id, state: "current", secrets: 0 },
    { id: oldKey.id, state: "previous", secrets: total },
  ]);
  expect(await rotate()).toEqual({ rewrapped: total, unreadable: 0 });
  expect(seen).toEqual([{ event: "secrets-rotated", rewrapped: total, unreadable: 0 }]);
  expect(await keys()).toEqual([
    { id: newKey.id, state: "current", secrets: total },
    { id: oldKey.id, state: "previous", secrets: 0 },
  ]);
  const alone = { current: newKey, previous: [] };
  const opened: string[] = [];
  for (const table of SEALED_TABLES)
    for (const { recordId, sealed } of await listSecretsUnderOthers(pool, table, "", {
      after: "",
      limit: 1000,
    }))
      opened.push(decryptSecret(alone, secretPlace(table, recordId), sealed).toString());
  expect(opened).toHaveLength(total);
  for (const password of [
    "of-the-data-source",
    "of-the-binary",
    "of-the-target-of-a-topic",
    "of-c0",
    "of-c449",
  ])
    expect(
      opened.some((text) => text.includes(`"${password}"`)),
      password,
    ).toBe(true);
});

test("a second round finds nothing to do and says nothing", async () => {
  const { oldKey, newKey, rotationWith, seen } = await setup();
  const { rotate } = rotationWith({ current: newKey, previous: [oldKey] });
  await rotate();
  expect(await rotate()).toEqual({ rewrapped: 0, unreadable: 0 });
  expect(seen).toHaveLength(1);
});

test("what lies under a key that is not here stays as it is, is counted and told", async () => {
  const { pool, oldKey, newKey, rotationWith, seen } = await setup();
  const before = await countSecretsByKey(pool);
  const { keys, rotate } = rotationWith({ current: newKey, previous: [] });
  expect(await rotate()).toEqual({ rewrapped: 0, unreadable: 454 });
  expect(seen).toEqual([{ event: "secrets-rotated", rewrapped: 0, unreadable: 454 }]);
  expect(await countSecretsByKey(pool)).toEqual(before);
  expect((await keys())[1]).toEqual({ id: oldKey.id, state: "missing", secrets: 454 });
});

test("a secret that is saved while a round rewraps the older one stays as it was saved", async () => {
  const { pool, oldKey } = await setup();
  const [found] = await listSecretsUnderOthers(pool, "connection", "", { after: "", limit: 1 });
  const { recordId = "", sealed = Buffer.alloc(0) } = found ?? {};
  const place = secretPlace("connection", recordId);
  const seal = (text: string) => encryptSecret({ current: oldKey, previous: [] }, place, text);
  const saved = seal("saved meanwhile");
  expect(await replaceSecrets(pool, "connection", [{ from: sealed, to: saved }])).toBe(1);
  expect(await replaceSecrets(pool, "connection", [{ from: sealed, to: seal("rewrapped") }])).toBe(0);
  const [kept] = await listSecretsUnderOthers(pool, "connection", "", { after: "", limit: 1 });
  expect(kept).toEqual({ recordId, sealed: saved });
});

test("every column for sealed secrets has its line", async () => {
  const { pool } = (await identityWorld()).identity;
  const { rows } = await pool.query<{ table_name: string }>(
    "select table_name from information_schema.columns where column_name ~ '(^|_)sealed$' order by table_name",
  );
  expect(rows.map(({ table_name }) => table_name)).toEqual([...SEALED_TABLES].sort());
});
