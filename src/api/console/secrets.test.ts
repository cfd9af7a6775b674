/** Master keys through the console's API: for administrators, by their ids alone. */
import { expect, test } from "vitest";
import { factoryWorld } from "../../../test/setup/factory.ts";
import { createMasterKey } from "../../store/secrets.ts";

test("an administrator sees what lies under each key, and brings it under the newest", async () => {
  const older = createMasterKey();
  const masterKeys = { current: createMasterKey(), previous: [older] };
  const { ok, deps } = await factoryWorld({ masterKeys });
  await ok("POST", "/connections", {
    body: { name: "pg", type: "RDS", config: { ip: "db", password: "p" } },
  });
  const { json } = await ok("GET", "/api/secrets/keys", { role: "admin" });
  expect(json).toEqual({
    keys: [
      { id: deps.masterKeys.current.id, state: "current", secrets: 1 },
      { id: older.id, state: "previous", secrets: 0 },
    ],
  });
  expect(JSON.stringify(json)).not.toContain(older.bytes.toString("hex"));
  const rotated = await ok("POST", "/api/secrets/rotate", { role: "admin" });
  expect(rotated.json).toEqual({ rewrapped: 0, unreadable: 0 });
  const { acts } = (await ok("GET", "/api/acts?kind=secrets")).json;
  expect(acts).toMatchObject([
    { act: "rotate", by: "admin-user", object: { kind: "secrets", id: "installation" } },
  ]);
});

test("a manager of a project neither sees keys nor rotates", async () => {
  const { call } = await factoryWorld();
  for (const [method, path] of [
    ["GET", "/api/secrets/keys"],
    ["POST", "/api/secrets/rotate"],
  ] as const)
    expect(await call(method, path, { role: "manager" })).toMatchObject({
      status: 403,
      json: { code: "role-missing" },
    });
});
