/** Users, projects, roles and access keys through HTTP: what administrators do, and what others may not. */
import { describe, expect, test } from "vitest";
import { keystoneWorld } from "../../../test/setup/keystone.ts";
import { signedHeaders } from "../../../test/setup/sign.ts";
import { grantRole } from "../../identity/roles.ts";
import { updateUser } from "../../identity/users.ts";
import { createKeystoneFace } from "./face.ts";

async function setup() {
  const world = await keystoneWorld();
  const ada = await world.user("ada", world.home, "manager");
  const eve = await world.user("eve", world.foreign, "member");
  const tokens = {
    root: await world.token(world.admin, world.home),
    ada: await world.token(ada, world.home),
  };
  return { ...world, ada, eve, tokens };
}

const MISSING_ID = "0".repeat(32);

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
    const { identity, send, tokens, foreign, eve, user, home, token } = await setup();
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
    const { send, login } = await setup();
    const unscoped = `${(await login("root", "root-password", "unscoped")).headers["x-subject-token"]}`;
    expect(
      (await send("POST", "/v3/projects", { token: unscoped, body: { project: { name: "x" } } })).statusCode,
    ).toBe(403);
  });

  test("is there under the second mount too, and other paths and methods are refused in Keystone's words", async () => {
    const { send, tokens } = await setup();
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
    const { send, identity, ada, key } = await setup();
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
    const altered = await send("GET", "/v3/auth/projects?enabled=false", { headers });
    expect(altered.json()).toMatchObject({
      error: { code: 401 },
      error_msg: "Incorrect IAM authentication information: verify aksk signature fail",
    });
  });
});

describe("projects", () => {
  test("are listed by name to an administrator, and to others as far as they have a role", async () => {
    const { send, tokens, home } = await setup();
    const names = async (token: string, query = "") =>
      (await send("GET", `/v3/projects${query}`, { token }))
        .json()
        .projects.map(({ name }: { name: string }) => name);
    expect(await names(tokens.root)).toEqual(["foreign", "home"]);
    expect(await names(tokens.root, "?name=foreign")).toEqual(["foreign"]);
    expect(await names(tokens.root, "?enabled=false")).toEqual([]);
    expect(await names(tokens.root, "?domain_id=elsewhere")).toEqual([]);
    expect(await names(tokens.ada)).toEqual(["home"]);
    expect(await names(tokens.ada, "?name=foreign")).toEqual([]);
    const { projects, links } = (await send("GET", "/v3/projects?name=home", { token: tokens.ada })).json();
    expect(links).toEqual({ self: "http://localhost:80/v3/projects", previous: null, next: null });
    expect(projects).toEqual([
      {
        id: home.id,
        name: "home",
        domain_id: "default",
        parent_id: "default",
        is_domain: false,
        enabled: true,
        description: "",
        local_commands: true,
        tags: [],
        options: {},
        links: { self: `http://localhost:80/v3/projects/${home.id}` },
      },
    ]);
  });

  test("asked for by the region's name are the caller's default one, under the name that was asked", async () => {
    const { send, tokens, home, identity, ada } = await setup();
    const byRegion = async () =>
      (await send("GET", "/v3/projects?name=RegionOne", { token: tokens.ada })).json().projects;
    expect(await byRegion()).toMatchObject([{ id: home.id, name: "RegionOne" }]);
    await updateUser(identity, ada.id, { defaultProjectId: null });
    expect(await byRegion()).toMatchObject([{ id: home.id }]);
    expect((await send("GET", "/v3/projects?name=RegionTwo", { token: tokens.ada })).json().projects).toEqual(
      [],
    );
  });

  test("without a role look like projects that do not exist", async () => {
    const { send, tokens, foreign, home } = await setup();
    const show = async (token: string, id: string) =>
      (await send("GET", `/v3/projects/${id}`, { token })).statusCode;
    expect(await show(tokens.ada, home.id)).toBe(200);
    expect(await show(tokens.ada, foreign.id)).toBe(404);
    expect(await show(tokens.root, foreign.id)).toBe(200);
    expect(await show(tokens.root, MISSING_ID)).toBe(404);
    expect(await show(tokens.root, "no-id")).toBe(404);
  });

  test("of a user are told to the user and to an administrator", async () => {
    const { send, tokens, ada, eve } = await setup();
    const of = async (token: string, id: string) =>
      (await send("GET", `/v3/users/${id}/projects`, { token })).json();
    expect((await of(tokens.ada, ada.id)).projects).toMatchObject([{ name: "home" }]);
    expect((await of(tokens.root, eve.id)).projects).toMatchObject([{ name: "foreign" }]);
    expect(await of(tokens.ada, eve.id)).toMatchObject({ error: { code: 403 } });
    expect((await send("GET", "/v3/auth/projects", { token: tokens.root })).json().projects).toMatchObject([
      { name: "home" },
    ]);
  });

  test("are made, changed and removed", async () => {
    const { send, tokens } = await setup();
    const token = tokens.root;
    const made = await send("POST", "/v3/projects", {
      token,
      body: { project: { name: "new", description: "why", local_commands: false } },
    });
    expect(made.statusCode).toBe(201);
    const { id } = made.json().project;
    expect(made.json().project).toMatchObject({
      name: "new",
      description: "why",
      enabled: true,
      local_commands: false,
    });
    const path = `/v3/projects/${id}`;
    const changed = await send("PATCH", path, {
      token,
      body: { project: { name: "newer", enabled: false, description: null } },
    });
    expect(changed.json().project).toMatchObject({ id, name: "newer", description: "why", enabled: false });
    expect((await send("GET", path, { token })).json()).toEqual(changed.json());
    expect((await send("DELETE", path, { token })).statusCode).toBe(204);
    expect((await send("DELETE", path, { token })).statusCode).toBe(404);
    expect((await send("PATCH", path, { token, body: { project: {} } })).statusCode).toBe(404);
  });

  test("are refused with a wrong or a taken name, and with members of a wrong type", async () => {
    const { send, tokens, home } = await setup();
    const post = (project: unknown) =>
      send("POST", "/v3/projects", { token: tokens.root, body: { project } });
    expect((await post({ name: "home" })).json()).toMatchObject({ error: { code: 409, title: "Conflict" } });
    const wrong = [
      undefined,
      {},
      { name: 7 },
      { name: "" },
      { name: " x" },
      { name: "a\nb" },
      { name: "x".repeat(65) },
    ];
    const more = [
      { name: "a", enabled: "yes" },
      { name: "a", domain_id: "elsewhere" },
      { name: "a", description: "x".repeat(2001) },
    ];
    for (const project of [...wrong, ...more])
      expect((await post(project)).statusCode, JSON.stringify(project)).toBe(400);
    const rename = await send("PATCH", `/v3/projects/${home.id}`, {
      token: tokens.root,
      body: { project: { name: "foreign" } },
    });
    expect(rename.statusCode).toBe(409);
  });
});

describe("users", () => {
  test("are made, log in, are changed and removed", async () => {
    const { send, tokens, home, login } = await setup();
    const token = tokens.root;
    const body = {
      user: { name: "bob", password: "first", default_project_id: home.id, email: "is kept by nobody" },
    };
    const made = await send("POST", "/v3/users", { token, body });
    expect(made.statusCode).toBe(201);
    const { id } = made.json().user;
    expect(made.json().user).toEqual({
      id,
      name: "bob",
      domain_id: "default",
      enabled: true,
      default_project_id: home.id,
      password_expires_at: null,
      options: {},
      links: { self: `http://localhost:80/v3/users/${id}` },
    });
    expect((await login("bob", "first")).json().token).not.toHaveProperty("project");
    const put = await send("PUT", `/v3/projects/${home.id}/users/${id}/roles/reader`, { token });
    expect(put.statusCode).toBe(204);
    const first = await login("bob", "first");
    expect(first.json().token.roles).toEqual([{ id: "reader", name: "reader" }]);

    await send("PATCH", `/v3/users/${id}`, { token, body: { user: { name: "robert", password: "second" } } });
    expect((await login("bob", "first")).statusCode).toBe(401);
    expect(
      (await send("GET", "/v3/auth/projects", { token: `${first.headers["x-subject-token"]}` })).statusCode,
    ).toBe(401);
    const second = `${(await login("robert", "second")).headers["x-subject-token"]}`;
    expect((await send("DELETE", `/v3/users/${id}`, { token })).statusCode).toBe(204);
    expect((await send("GET", "/v3/auth/projects", { token: second })).statusCode).toBe(401);
    expect((await login("robert", "second")).statusCode).toBe(401);
    expect((await send("GET", `/v3/users/${id}`, { token })).statusCode).toBe(404);
  });

  test("see themselves alone; an administrator sees everybody", async () => {
    const { send, tokens, ada, eve } = await setup();
    const names = async (token: string, query = "") =>
      (await send("GET", `/v3/users${query}`, { token }))
        .json()
        .users.map(({ name }: { name: string }) => name);
    expect(await names(tokens.root)).toEqual(["ada", "eve", "root"]);
    expect(await names(tokens.root, "?name=eve")).toEqual(["eve"]);
    expect(await names(tokens.root, "?enabled=0")).toEqual([]);
    expect(await names(tokens.ada)).toEqual(["ada"]);
    expect(await names(tokens.ada, "?name=eve")).toEqual([]);
    expect((await send("GET", `/v3/users/${ada.id}`, { token: tokens.ada })).json().user.name).toBe("ada");
    expect((await send("GET", `/v3/users/${eve.id}`, { token: tokens.ada })).statusCode).toBe(404);
  });

  test("change their own password when they know the old one", async () => {
    const { send, tokens, ada, login } = await setup();
    const change = (original_password: string, password: string) =>
      send("POST", `/v3/users/${ada.id}/password`, {
        token: tokens.ada,
        body: { user: { original_password, password } },
      });
    expect((await change("wrong", "new")).statusCode).toBe(401);
    expect((await change("ada-password", "")).statusCode).toBe(400);
    expect((await change("ada-password", "new")).statusCode).toBe(204);
    expect((await change("new", "newer")).statusCode).toBe(401); // the change ended the token
    expect((await login("ada", "new")).statusCode).toBe(201);
  });

  test("are refused with a wrong or taken name, without a password, and with an unknown default project", async () => {
    const { send, tokens, eve } = await setup();
    const post = async (user: unknown) =>
      (await send("POST", "/v3/users", { token: tokens.root, body: { user } })).statusCode;
    expect(await post({ name: "ada", password: "x" })).toBe(409);
    expect(await post({ name: "bob" })).toBe(400);
    expect(await post({ name: "", password: "x" })).toBe(400);
    expect(await post({ name: "x".repeat(256), password: "x" })).toBe(400);
    expect(await post({ name: "bob", password: "x".repeat(1025) })).toBe(400);
    expect(await post({ name: "bob", password: "x", default_project_id: MISSING_ID })).toBe(404);
    expect(await post({ name: "bob", password: "x", default_project_id: "no id" })).toBe(404);
    const rename = await send("PATCH", `/v3/users/${eve.id}`, {
      token: tokens.root,
      body: { user: { name: "ada" } },
    });
    expect(rename.statusCode).toBe(409);
  });

  test("cannot all lose the role admin", async () => {
    const { send, tokens, admin, home, ada, identity } = await setup();
    const token = tokens.root;
    const grant = `/v3/projects/${home.id}/users/${admin.id}/roles/admin`;
    const attempts = () => [
      send("DELETE", grant, { token }),
      send("DELETE", `/v3/users/${admin.id}`, { token }),
      send("PATCH", `/v3/users/${admin.id}`, { token, body: { user: { enabled: false } } }),
      send("DELETE", `/v3/projects/${home.id}`, { token }),
      send("PATCH", `/v3/projects/${home.id}`, { token, body: { project: { enabled: false } } }),
    ];
    for (const answer of await Promise.all(attempts())) expect(answer.statusCode).toBe(409);
    expect((await send("GET", grant, { token })).statusCode).toBe(204);
    await grantRole(identity, { projectId: home.id, userId: ada.id, role: "admin" });
    expect((await send("DELETE", grant, { token })).statusCode).toBe(204);
  });

  test("have no application credentials", async () => {
    const { send, tokens, ada } = await setup();
    const answer = await send("GET", `/v3/users/${ada.id}/application_credentials`, { token: tokens.ada });
    expect(answer.json().application_credentials).toEqual([]);
  });
});

describe("roles", () => {
  test("are four, found by name or id", async () => {
    const { send, tokens } = await setup();
    const { roles } = (await send("GET", "/v3/roles", { token: tokens.ada })).json();
    expect(roles.map(({ name }: { name: string }) => name)).toEqual(["reader", "member", "manager", "admin"]);
    expect((await send("GET", "/v3/roles?name=member", { token: tokens.ada })).json().roles).toMatchObject([
      { id: "member" },
    ]);
    expect((await send("GET", "/v3/roles/member", { token: tokens.ada })).json().role.name).toBe("member");
    expect((await send("GET", "/v3/roles/owner", { token: tokens.ada })).statusCode).toBe(404);
  });

  test("are given, seen and taken away; what is not there is 404", async () => {
    const { send, tokens, home, eve } = await setup();
    const token = tokens.root;
    const held = `/v3/projects/${home.id}/users/${eve.id}/roles`;
    expect((await send("HEAD", `${held}/member`, { token })).statusCode).toBe(404);
    expect((await send("PUT", `${held}/member`, { token })).statusCode).toBe(204);
    expect((await send("PUT", `${held}/member`, { token })).statusCode).toBe(204);
    expect((await send("HEAD", `${held}/member`, { token })).statusCode).toBe(204);
    expect((await send("GET", held, { token })).json().roles).toMatchObject([{ name: "member" }]);
    expect((await send("DELETE", `${held}/member`, { token })).statusCode).toBe(204);
    expect((await send("DELETE", `${held}/member`, { token })).statusCode).toBe(404);
    expect((await send("PUT", `${held}/owner`, { token })).statusCode).toBe(404);
    expect(
      (await send("PUT", `/v3/projects/${MISSING_ID}/users/${eve.id}/roles/member`, { token })).statusCode,
    ).toBe(404);
    expect(
      (await send("PUT", `/v3/projects/${home.id}/users/${MISSING_ID}/roles/member`, { token })).statusCode,
    ).toBe(404);
  });

  test("are listed by project, user and role, with names when asked", async () => {
    const { send, tokens, home, ada, eve } = await setup();
    const list = async (query: string, token = tokens.root) =>
      (await send("GET", `/v3/role_assignments?${query}`, { token })).json().role_assignments;
    expect(await list("")).toHaveLength(3);
    expect(await list(`scope.project.id=${home.id}`)).toHaveLength(2);
    expect(await list(`user.id=${eve.id}&role.id=member`)).toHaveLength(1);
    for (const none of [
      "user.id=x",
      "scope.project.id=x",
      "role.id=owner",
      "group.id=g",
      "scope.system=all",
    ]) {
      expect(await list(none)).toEqual([]);
    }
    const domain = { id: "default", name: "Default" };
    expect(await list(`user.id=${ada.id}&include_names`, tokens.ada)).toEqual([
      {
        role: { id: "manager", name: "manager" },
        user: { id: ada.id, name: "ada", domain },
        scope: { project: { id: home.id, name: "home", domain } },
        links: { assignment: `http://localhost:80/v3/projects/${home.id}/users/${ada.id}/roles/manager` },
      },
    ]);
    const [plain] = await list(`user.id=${ada.id}&include_names=False`);
    expect(plain.user).toEqual({ id: ada.id });
  });
});

describe("access keys", () => {
  const ALL = "/v3.0/OS-CREDENTIAL/credentials";

  test("are shown with their secret once, sign requests, are switched off and removed", async () => {
    const { send, tokens, ada, identity } = await setup();
    const token = tokens.ada;
    const made = await send("POST", ALL, {
      token,
      body: { credential: { user_id: ada.id, description: "laptop" } },
    });
    expect(made.statusCode).toBe(201);
    expect(made.headers["cache-control"]).toBe("no-store");
    const { secret, ...key } = made.json().credential;
    expect(secret).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(key).toEqual({
      user_id: ada.id,
      access: expect.stringMatching(/^[A-Z0-9]{20}$/),
      status: "active",
      create_time: "2026-01-02T03:04:05.000000Z",
      description: "laptop",
    });
    expect((await send("GET", ALL, { token })).json()).toEqual({ credentials: [key] });
    expect((await send("GET", `${ALL}/${key.access}`, { token })).json()).toEqual({ credential: key });
    const { rows } = await identity.pool.query<{ secret_sealed: Buffer }>(
      "select secret_sealed from access_key",
    );
    expect(rows[0]?.secret_sealed.includes(secret)).toBe(false);

    const target = "/v3/auth/domains";
    const sign = () =>
      signedHeaders({
        method: "GET",
        target,
        headers: { host: "localhost:80" },
        accessKey: key.access,
        secretKey: secret,
        now: identity.now(),
      });
    expect((await send("GET", target, { headers: sign() })).json().domains).toMatchObject([
      { id: "default", name: "Default" },
    ]);
    const off = await send("PUT", `${ALL}/${key.access}`, {
      token,
      body: { credential: { status: "inactive", description: "lost" } },
    });
    expect(off.json().credential).toEqual({ ...key, status: "inactive", description: "lost" });
    expect((await send("GET", target, { headers: sign() })).statusCode).toBe(401);
    expect((await send("DELETE", `${ALL}/${key.access}`, { token })).statusCode).toBe(204);
    expect((await send("GET", `${ALL}/${key.access}`, { token })).statusCode).toBe(404);
  });

  test("are two for each user, however many are asked for at once", async () => {
    const { send, tokens, ada } = await setup();
    const ask = () => send("POST", ALL, { token: tokens.ada, body: { credential: { user_id: ada.id } } });
    const answers = await Promise.all(Array.from({ length: 6 }, ask));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 201, 409, 409, 409, 409]);
    expect((await send("GET", ALL, { token: tokens.ada })).json().credentials).toHaveLength(2);
  });

  test("of others are an administrator's to see and change, and look missing to the rest", async () => {
    const { send, tokens, eve, key } = await setup();
    const { id } = await key(eve);
    const one = `${ALL}/${id}`;
    expect((await send("GET", one, { token: tokens.ada })).statusCode).toBe(404);
    expect((await send("PUT", one, { token: tokens.ada, body: { credential: {} } })).statusCode).toBe(404);
    expect((await send("DELETE", one, { token: tokens.ada })).statusCode).toBe(404);
    expect((await send("GET", `${ALL}?user_id=${eve.id}`, { token: tokens.ada })).statusCode).toBe(403);
    expect(
      (await send("POST", ALL, { token: tokens.ada, body: { credential: { user_id: eve.id } } })).statusCode,
    ).toBe(403);
    expect(
      (await send("GET", `${ALL}?user_id=${eve.id}`, { token: tokens.root })).json().credentials,
    ).toMatchObject([{ access: id }]);
    expect((await send("DELETE", one, { token: tokens.root })).statusCode).toBe(204);
  });

  test("are refused for a body that is not right and a user that does not exist", async () => {
    const { send, tokens, ada, key } = await setup();
    const post = async (credential: unknown) =>
      (await send("POST", ALL, { token: tokens.root, body: { credential } })).statusCode;
    expect(await post({})).toBe(400);
    expect(await post({ user_id: 7 })).toBe(400);
    expect(await post({ user_id: ada.id, description: "x".repeat(2001) })).toBe(400);
    expect(await post({ user_id: "no id" })).toBe(404);
    expect(await post({ user_id: MISSING_ID })).toBe(404);
    const { id } = await key(ada);
    const put = await send("PUT", `${ALL}/${id}`, {
      token: tokens.root,
      body: { credential: { status: "sleeping" } },
    });
    expect(put.statusCode).toBe(400);
  });
});

test("services and endpoints are listed and filtered", async () => {
  const { send, tokens } = await setup();
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
  const { endpoints } = (await send("GET", "/v3/endpoints", { token })).json();
  expect(endpoints).toHaveLength(24);
  expect(endpoints.map(({ url }: { url: string }) => url)).toContain(
    "http://localhost:80/v1.1/$(project_id)s",
  );
});

test("the one domain is found by id and name", async () => {
  const { send, tokens } = await setup();
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
