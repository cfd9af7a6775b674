/** Every route of the face: who may call it. */
import { expect, test } from "vitest";
import { FOREIGN, factoryWorld, PROJECT } from "../../../test/setup/factory.ts";
import { ROLES, type Role, roleIncludes } from "../../domain/user.ts";
import { createFactoryFace } from "./routes.ts";

test("each route refuses a missing token, a foreign project and a lower role, and lets the needed role in", async () => {
  const { call, deps } = await factoryWorld();
  const { routes } = createFactoryFace(deps);
  expect(routes).not.toEqual([]);
  for (const { method, path, role } of routes) {
    const name = `${method} ${path}`;
    const target = (project: string) => path.replace(":project_id", project).replaceAll(/:\w+/g, "1");
    const body = method === "POST" || method === "PUT" ? { body: {} } : {};
    const refused = { status: 401, json: { error_code: "APIGW.0301" } };
    expect(await call(method, target(PROJECT), { ...body, role: "none" }), name).toMatchObject(refused);
    expect(await call(method, target(FOREIGN), { ...body, role: "admin" }), name).toMatchObject(refused);
    if (role === "public") throw new Error(`${name} lets anybody in`);
    for (const held of ROLES) {
      const { status, json } = await call(method, target(PROJECT), { ...body, role: held });
      if (roleIncludes(held, role))
        expect(status, `${name} as ${held}`).not.toSatisfy((code: number) => [401, 403].includes(code));
      else
        expect({ status, code: json.error_code }, `${name} as ${held}`).toEqual({
          status: 403,
          code: "DLF.6888",
        });
    }
  }
});

/** What a route needs where its method does not say it: settings are managers' to change, and some reads are POSTs. */
const NEEDED: Readonly<Record<string, Role>> = {
  "POST /v1/:project_id/connections": "manager",
  "POST /v1/:project_id/connections/export": "manager",
  "POST /v1/:project_id/connections/import": "manager",
  "PUT /v1/:project_id/connections/:connection_name": "manager",
  "DELETE /v1/:project_id/connections/:connection_name": "manager",
  "PUT /v2/:project_id/factory/env": "manager",
  "POST /v1/:project_id/jobs/check-file": "reader",
  "POST /v2/:project_id/factory/release-packages": "reader",
};

test("readers change nothing, members keep no connections and settings", async () => {
  const { deps } = await factoryWorld();
  const { routes } = createFactoryFace(deps);
  for (const { method, path, role } of routes) {
    const name = `${method} ${path}`;
    expect(role, name).toBe(NEEDED[name] ?? (method === "GET" ? "reader" : "member"));
  }
  const names = routes.map(({ method, path }) => `${method} ${path}`);
  expect(names).toEqual(expect.arrayContaining(Object.keys(NEEDED)));
});
