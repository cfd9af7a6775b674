/** Every route of the face: who may call it. */
import { expect, test } from "vitest";
import { FOREIGN, factoryWorld, PROJECT } from "../../../test/setup/factory.ts";
import { ROLES, roleIncludes } from "../../domain/user.ts";
import { createFactoryFace } from "./routes.ts";

test("each route refuses a missing token, a foreign project and a lower role, and lets the needed role in", async () => {
  const { call, deps } = await factoryWorld();
  const { routes } = createFactoryFace(deps);
  expect(routes.length).toBeGreaterThanOrEqual(25);
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

test("readers change nothing, members keep no connections and settings", async () => {
  const { deps } = await factoryWorld();
  for (const { method, path, role } of createFactoryFace(deps).routes) {
    const settings = path.includes("/connections") || path.endsWith("/env");
    expect(role, `${method} ${path}`).toBe(method === "GET" ? "reader" : settings ? "manager" : "member");
  }
});
