/** Trying a connection through the console's API. */
import { expect, test } from "vitest";
import { factoryWorld } from "../../../test/setup/factory.ts";
import type { ConnectionTestResult } from "../../domain/connection.ts";

const RDS = { name: "pg", type: "RDS", config: { ip: "db.example.com", password: "s3cret-word" } };

test("a try says who answered or why nobody did, and stands in the audit trail without the secret", async () => {
  let result: ConnectionTestResult = { ok: true, detail: "PostgreSQL 17" };
  const { ok } = await factoryWorld({ testConnection: async () => result });
  await ok("POST", "/connections", { body: RDS });
  expect((await ok("POST", "/api/connections/pg/test")).json).toEqual(result);
  result = { ok: false, reason: "nobody answers" };
  expect((await ok("POST", "/api/connections/pg/test")).json).toEqual(result);
  await ok("DELETE", "/connections/pg");
  const { acts } = (await ok("GET", "/api/acts?kind=connection&id=pg")).json;
  expect(acts.map(({ act, by, detail }: Record<string, unknown>) => [act, by, detail])).toEqual([
    ["delete", "manager-user", { workspace: "default" }],
    ["test", "manager-user", { workspace: "default" }],
    ["test", "manager-user", { workspace: "default" }],
    ["create", "manager-user", { workspace: "default" }],
  ]);
});

test("only managers try connections, of their own workspace, and only such as there are", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/connections", { body: RDS });
  const path = "/api/connections/pg/test";
  expect((await call("POST", path, { role: "member" })).status).toBe(403);
  expect((await call("POST", "/api/connections/none/test")).status).toBe(404);
  expect((await call("POST", path, { workspace: "other" })).status).toBe(404);
});
