/** What every route of the Keystone face refuses, and the two short lists. */
import { describe, expect, test } from "vitest";
import { peopledWorld } from "../../../test/setup/keystone.ts";
import { signedHeaders } from "../../../test/setup/sign.ts";
import { createKeystoneFace } from "./routes.ts";

describe("every route", () => {
  const open = [
    "GET /",
    "GET /v3",
    "GET /v3/",
    "GET /v1.1",
    "GET /v1.1/",
    "GET /v2",
    "GET /v2/",
    "POST /v3/auth/tokens",
  ];
  /** Routes that an ordinary user is refused on an existing object of somebody else. */
  const administrators = [
    "POST /v3/projects",
    "PATCH /v3/projects/:project_id",
    "DELETE /v3/projects/:project_id",
    "GET /v3/users/:user_id/projects",
    "POST /v3/users",
    "PATCH /v3/users/:user_id",
    "DELETE /v3/users/:user_id",
    "POST /v3/users/:user_id/password",
    "GET /v3/users/:user_id/application_credentials",
    "GET /v3/role_assignments",
    "GET /v3/projects/:project_id/users/:user_id/roles",
    "GET /v3/projects/:project_id/users/:user_id/roles/:role_id",
    "PUT /v3/projects/:project_id/users/:user_id/roles/:role_id",
    "DELETE /v3/projects/:project_id/users/:user_id/roles/:role_id",
  ];

  test("but discovery and login needs a token or a signature, and an administrator's where it reaches others", async () => {
    const { identity, send, tokens, foreign, eve, user, home, token } = await peopledWorld();
    const reader = await token(await user("reader", home, "reader"), home);
    const routes = createKeystoneFace(identity).routes.filter(
      ({ method, path }) => !open.includes(`${method} ${path}`),
    );
    expect(routes.length).toBeGreaterThan(30);
    for (const { method, path } of routes) {
      const name = `${method} ${path}`;
      const url = path
        .replace(":project_id", foreign.id)
        .replace(":user_id", eve.id)
        .replace(":role_id", "member")
        .replace(":access_key", "AK");
      const body = method === "GET" || method === "DELETE" ? {} : { body: {} };
      const bare = await send(method, url, body);
      expect(bare.statusCode, name).toBe(401);
      expect(bare.json(), name).toMatchObject({ error: { code: 401 }, error_code: "APIGW.0301" });
      expect((await send(method, url, { ...body, token: "azt_guess" })).statusCode, name).toBe(401);
      for (const text of [tokens.ada, reader]) {
        const refused = (await send(method, url, { ...body, token: text })).statusCode === 403;
        expect(refused, name).toBe(administrators.includes(name));
      }
    }
  });

  test("that changes something refuses an administrator's unscoped token", async () => {
    const { send, login } = await peopledWorld();
    const unscoped = `${(await login("root", "root-password", "unscoped")).headers["x-subject-token"]}`;
    expect(
      (await send("POST", "/v3/projects", { token: unscoped, body: { project: { name: "x" } } })).statusCode,
    ).toBe(403);
  });

  test("is there under the second mount too, and other paths and methods are refused in Keystone's words", async () => {
    const { send, tokens } = await peopledWorld();
    expect((await send("GET", "/identity/v3/projects", { token: tokens.root })).statusCode).toBe(200);
    expect((await send("GET", "/v3/nothing", { token: tokens.root })).json()).toMatchObject({
      error: { code: 404, title: "Not Found" },
    });
    expect((await send("PUT", "/v3/projects", { token: tokens.root, body: {} })).json()).toMatchObject({
      error: { code: 405, title: "Method Not Allowed" },
    });
    expect((await send("GET", "/identity/nothing")).json()).toMatchObject({ error: { code: 404 } });
  });

  test("takes a signature in place of a token", async () => {
    const { send, identity, ada, key } = await peopledWorld();
    const { id: accessKey, secretKey } = await key(ada);
    const target = "/v3/auth/projects?enabled=true";
    const headers = signedHeaders({
      method: "GET",
      target,
      headers: { host: "localhost:80" },
      accessKey,
      secretKey,
      now: identity.now(),
    });
    const answer = await send("GET", target, { headers });
    expect(answer.json().projects).toHaveLength(1);
    const second = `/identity${target}`;
    const signed = signedHeaders({
      method: "GET",
      target: second,
      headers: { host: "localhost:80" },
      accessKey,
      secretKey,
      now: identity.now(),
    });
    expect((await send("GET", second, { headers: signed })).statusCode).toBe(200);
    const altered = await send("GET", "/v3/auth/projects?enabled=false", { headers });
    expect(altered.json()).toMatchObject({
      error: { code: 401 },
      error_msg: "Incorrect IAM authentication information: verify aksk signature fail",
    });
  });
});

test("services and endpoints are listed and filtered", async () => {
  const { send, tokens } = await peopledWorld();
  const token = tokens.ada;
  const { services } = (await send("GET", "/v3/services?type=mrs", { token })).json();
  expect(services).toMatchObject([{ type: "mrs", name: "mrs", enabled: true }]);
  const query = `service_id=${services[0].id}&interface=public`;
  expect((await send("GET", `/v3/endpoints?${query}`, { token })).json().endpoints).toMatchObject([
    {
      service_id: services[0].id,
      interface: "public",
      region_id: "RegionOne",
      url: "http://localhost:80/v1.1",
    },
  ]);
  expect((await send("GET", `/v3/services/${services[0].id}`, { token })).json().service.type).toBe("mrs");
  expect((await send("GET", "/v3/services/none", { token })).statusCode).toBe(404);
  const { endpoints } = (await send("GET", "/v3/endpoints", { token })).json();
  expect(endpoints).toHaveLength(24);
  expect(endpoints.map(({ url }: { url: string }) => url)).toContain(
    "http://localhost:80/v1.1/$(project_id)s",
  );
});

test("the one domain is found by id and name", async () => {
  const { send, tokens } = await peopledWorld();
  const token = tokens.ada;
  for (const path of ["/v3/domains", "/v3/auth/domains", "/v3/auth/domains?name=Default"]) {
    expect((await send("GET", path, { token })).json().domains).toMatchObject([
      { id: "default", name: "Default", enabled: true },
    ]);
  }
  expect((await send("GET", "/v3/domains?name=other", { token })).json().domains).toEqual([]);
  expect((await send("GET", "/v3/domains/default", { token })).json().domain.name).toBe("Default");
  expect((await send("GET", "/v3/domains/other", { token })).statusCode).toBe(404);
});
