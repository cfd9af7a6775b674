/** Logging in, scopes, validation and revocation through HTTP. */
import { describe, expect, test } from "vitest";
import { keystoneWorld } from "../../../test/setup/keystone.ts";
import { grantRole } from "../../identity/roles.ts";
import { updateUser } from "../../identity/users.ts";

async function setup() {
  const world = await keystoneWorld();
  const ada = await world.user("ada", world.home, "member");
  const inHome = { project: { name: "home", domain: { name: "Default" } } };
  const logInWith = async (password: string, scope: unknown) => {
    const answer = await world.login("ada", password, scope);
    return {
      status: answer.statusCode,
      text: `${answer.headers["x-subject-token"]}`,
      token: answer.json().token,
      answer,
    };
  };
  const logIn = (scope: unknown = inHome) => logInWith("ada-password", scope);
  const logInWithoutScope = () => logInWith("ada-password", undefined);
  return { ...world, ada, inHome, logIn, logInWithoutScope };
}

const UNAUTHENTICATED = {
  error: { code: 401, message: "The request you have made requires authentication.", title: "Unauthorized" },
};

describe("a login by password", () => {
  test("gives a token of the project in all of Keystone's words", async () => {
    const { logIn, ada, home } = await setup();
    const { status, text, token, answer } = await logIn();
    expect(status).toBe(201);
    expect(text).toMatch(/^azt_[A-Za-z0-9_-]{43}$/);
    expect(answer.headers["cache-control"]).toBe("no-store");
    const { catalog, ...about } = token;
    const domain = { id: "default", name: "Default" };
    expect(about).toEqual({
      methods: ["password"],
      user: { id: ada.id, name: "ada", domain, password_expires_at: null },
      audit_ids: [expect.stringMatching(/^[A-Za-z0-9_-]{22}$/)],
      issued_at: "2026-01-02T03:04:05.000000Z",
      expires_at: "2026-01-02T04:04:05.000000Z",
      is_domain: false,
      project: { id: home.id, name: "home", domain },
      roles: [
        { id: "member", name: "member" },
        { id: "reader", name: "reader" },
      ],
    });
    expect(catalog).toHaveLength(8);
  });

  test("has the catalogue that each client needs", async () => {
    const { logIn, home } = await setup();
    const { token } = await logIn();
    const urls = Object.fromEntries(
      token.catalog.map((service: { type: string; endpoints: { url: string }[] }) => [
        service.type,
        service.endpoints[0]?.url,
      ]),
    );
    const base = "http://localhost:80";
    expect(urls).toEqual({
      identity: `${base}/v3`,
      "data-processing": `${base}/v1.1/${home.id}`,
      mrs: `${base}/v1.1`,
      volumev2: `${base}/v2/${home.id}`,
      dataarts: `${base}/v1/${home.id}`,
      dlf: `${base}/v1/${home.id}`,
      "dayu-dlf": `${base}/v1/${home.id}`,
      network: `${base}/`,
    });
    const [{ endpoints }] = token.catalog;
    expect(endpoints).toEqual(
      ["public", "internal", "admin"].map((side) => ({
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        interface: side,
        region: "RegionOne",
        region_id: "RegionOne",
        url: `${base}/v3`,
      })),
    );
  });

  test("leaves the catalogue out when asked to", async () => {
    const { send, inHome } = await setup();
    const user = { name: "ada", domain: { id: "default" }, password: "ada-password" };
    const body = { auth: { identity: { methods: ["password"], password: { user } }, scope: inHome } };
    const answer = await send("POST", "/v3/auth/tokens?nocatalog", { body });
    expect(answer.statusCode).toBe(201);
    expect(answer.json().token).not.toHaveProperty("catalog");
  });

  test("names the user and the project by id or by name, the second mount included", async () => {
    const { send, ada, home } = await setup();
    const user = { id: ada.id, password: "ada-password" };
    const body = {
      auth: { identity: { methods: ["password"], password: { user } }, scope: { project: { id: home.id } } },
    };
    for (const mount of ["/v3", "/identity/v3"]) {
      expect((await send("POST", `${mount}/auth/tokens`, { body })).statusCode).toBe(201);
    }
  });

  test("without a scope counts in the default project, and in none when that has no role or is not set", async () => {
    const { logInWithoutScope, identity, ada, foreign, home } = await setup();
    expect((await logInWithoutScope()).token.project.id).toBe(home.id);
    await updateUser(identity, ada.id, { defaultProjectId: foreign.id });
    expect((await logInWithoutScope()).token).not.toHaveProperty("project");
    await updateUser(identity, ada.id, { defaultProjectId: null });
    const { token } = await logInWithoutScope();
    expect(Object.keys(token).sort()).toEqual(["audit_ids", "expires_at", "issued_at", "methods", "user"]);
  });

  test.each(["unscoped", { unscoped: {} }])(
    "with the scope %j has no project, roles or catalogue",
    async (scope) => {
      const { logIn } = await setup();
      const { status, token } = await logIn(scope);
      expect(status).toBe(201);
      for (const member of ["project", "roles", "catalog"]) expect(token).not.toHaveProperty(member);
    },
  );

  test("for the domain gives an ordinary user reading rights and an administrator all", async () => {
    const { logIn, login } = await setup();
    const scope = { domain: { name: "Default" } };
    expect((await logIn(scope)).token).toMatchObject({
      domain: { id: "default" },
      roles: [{ name: "reader" }],
    });
    const { token } = (await login("root", "root-password", scope)).json();
    expect(token.roles.map((role: { name: string }) => role.name)).toEqual([
      "admin",
      "manager",
      "member",
      "reader",
    ]);
    expect(token.catalog.map((service: { type: string }) => service.type)).toEqual([
      "identity",
      "mrs",
      "network",
    ]);
  });

  test("for the system is an administrator's", async () => {
    const { logIn, login } = await setup();
    const scope = { system: { all: true } };
    expect((await logIn(scope)).status).toBe(401);
    expect((await login("root", "root-password", scope)).json().token.system).toEqual({ all: true });
  });

  test("takes the region's name for the default project, as vendor SDKs write it", async () => {
    const { logIn, home } = await setup();
    const { token } = await logIn({ project: { name: "RegionOne", domain: { name: "Default" } } });
    expect(token.project).toMatchObject({ id: home.id, name: "home" });
  });

  test("for a project without a role, a foreign domain or an unknown project is refused like a wrong password", async () => {
    const { logIn, foreign } = await setup();
    const scopes = [
      { project: { id: foreign.id } },
      { project: { name: "foreign", domain: { id: "default" } } },
      { project: { name: "nowhere", domain: { id: "default" } } },
      { project: { id: "not an id" } },
      { project: { name: "home", domain: { name: "Elsewhere" } } },
      { domain: { id: "elsewhere" } },
    ];
    for (const scope of scopes) expect((await logIn(scope)).answer.json()).toEqual(UNAUTHENTICATED);
  });

  test("answers the same for a wrong password, an unknown, a disabled and a locked user", async () => {
    const { login, identity, user, home } = await setup();
    const off = await user("off", home, "member");
    await updateUser(identity, off.id, { enabled: false });
    const answers = [
      await login("ada", "wrong"),
      await login("nobody", "ada-password"),
      await login("off", "off-password"),
      await login("ada", ""),
      await login("", "x"),
    ];
    for (let i = 0; i < 6; i++) await login("root", "wrong");
    answers.push(await login("root", "root-password"));
    for (const answer of answers) {
      expect(answer.statusCode).toBe(401);
      expect(answer.json()).toEqual(UNAUTHENTICATED);
      expect(answer.headers["www-authenticate"]).toBe('Keystone uri="http://localhost:80/v3"');
    }
  });

  test("compares a password whoever is named, so that the time tells nothing", async () => {
    const { login, identity } = await setup();
    let compared = 0;
    const { verify } = identity.passwords;
    const counting: typeof verify = (...given) => {
      compared += 1;
      return verify(...given);
    };
    Object.assign(identity.passwords, { verify: counting });
    for (let i = 0; i < 7; i++) await login("ada", "wrong");
    await login("nobody", "wrong");
    expect(compared).toBe(8);
  });

  test("works again half an hour after six failures, and at once from another address", async () => {
    const { login, app, pass } = await setup();
    for (let i = 0; i < 6; i++) await login("ada", "wrong");
    expect((await login("ada", "ada-password")).statusCode).toBe(401);
    const user = { name: "ada", domain: { id: "default" }, password: "ada-password" };
    const payload = { auth: { identity: { methods: ["password"], password: { user } } } };
    const elsewhere = await app.inject({
      method: "POST",
      url: "/v3/auth/tokens",
      payload,
      remoteAddress: "192.0.2.9",
    });
    expect(elsewhere.statusCode).toBe(201);
    pass(30 * 60);
    expect((await login("ada", "ada-password")).statusCode).toBe(201);
  });

  test("stores a password anew when hashing became dearer", async () => {
    const { login, identity } = await setup();
    await identity.pool.query(
      "update user_account set password_hash = replace(password_hash, 't=1', 't=1') where name = 'ada'",
    );
    const weaker = await keystoneWorld({ passwordCost: { memoryKib: 32, passes: 1, lanes: 1 } });
    await weaker.user("bob", weaker.home, "member");
    const { rows } = await weaker.identity.pool.query<{ password_hash: string }>(
      "select password_hash from user_account where name = 'bob'",
    );
    await identity.pool.query("update user_account set password_hash = $1 where name = 'ada'", [
      rows[0]?.password_hash,
    ]);
    expect((await login("ada", "bob-password")).statusCode).toBe(201);
    const after = await identity.pool.query<{ password_hash: string }>(
      "select password_hash from user_account where name = 'ada'",
    );
    expect(after.rows[0]?.password_hash).toContain("$m=64,");
    expect((await login("ada", "bob-password")).statusCode).toBe(201);
  });
});

describe("a login by token", () => {
  const byToken = (id: string, scope?: unknown) => ({
    body: { auth: { identity: { methods: ["token"], token: { id } }, scope } },
  });

  test("moves to another project and ends no later than the first token", async () => {
    const { send, logIn, identity, ada, foreign, pass } = await setup();
    await grantRole(identity, { projectId: foreign.id, userId: ada.id, role: "reader" });
    const { text } = await logIn("unscoped");
    pass(1800);
    const answer = await send("POST", "/v3/auth/tokens", byToken(text, { project: { id: foreign.id } }));
    expect(answer.statusCode).toBe(201);
    expect(answer.json().token).toMatchObject({
      methods: ["password", "token"],
      project: { id: foreign.id },
      issued_at: "2026-01-02T03:34:05.000000Z",
      expires_at: "2026-01-02T04:04:05.000000Z",
    });
  });

  test("with a token that ended, was revoked or never was is refused", async () => {
    const { send, logIn, pass } = await setup();
    const [revoked, ended] = [(await logIn()).text, (await logIn()).text];
    await send("DELETE", "/v3/auth/tokens", { token: revoked, headers: { "x-subject-token": revoked } });
    expect((await send("POST", "/v3/auth/tokens", byToken(revoked))).json()).toEqual(UNAUTHENTICATED);
    pass(3600);
    for (const text of [ended, "azt_guess", ""]) {
      expect((await send("POST", "/v3/auth/tokens", byToken(text))).json()).toEqual(UNAUTHENTICATED);
    }
  });

  test("beside a password must be of the same user", async () => {
    const { send, logIn, login } = await setup();
    const user = { name: "ada", domain: { id: "default" }, password: "ada-password" };
    const both = (id: string) => ({
      body: { auth: { identity: { methods: ["password", "token"], password: { user }, token: { id } } } },
    });
    const rootToken = `${(await login("root", "root-password")).headers["x-subject-token"]}`;
    expect((await send("POST", "/v3/auth/tokens", both(rootToken))).statusCode).toBe(401);
    expect((await send("POST", "/v3/auth/tokens", both((await logIn()).text))).statusCode).toBe(201);
  });
});

describe("a token request that cannot be read", () => {
  const identityOf = (identity: unknown, scope?: unknown) => ({ auth: { identity, scope } });
  const user = { name: "ada", domain: { id: "default" }, password: "ada-password" };
  const password = { methods: ["password"], password: { user } };

  const unreadable: [string, number, unknown][] = [
    ["nothing", 400, undefined],
    ["no object", 400, "[]"],
    ["broken JSON", 400, '{"auth": '],
    ["no methods", 400, identityOf({ methods: [], password: { user } })],
    ["a method without its part", 400, identityOf({ methods: ["password"] })],
    ["a token method without its part", 400, identityOf({ methods: ["token"] })],
    [
      "a password that is a number",
      400,
      identityOf({ methods: ["password"], password: { user: { ...user, password: 1 } } }),
    ],
    [
      "a name without a domain",
      400,
      identityOf({ methods: ["password"], password: { user: { name: "ada", password: "x" } } }),
    ],
    [
      "neither name nor id",
      400,
      identityOf({ methods: ["password"], password: { user: { password: "x" } } }),
    ],
    ["two scopes", 400, identityOf(password, { project: { id: "x" }, system: { all: true } })],
    ["an empty scope", 400, identityOf(password, {})],
    ["a scope of another kind", 400, identityOf(password, "everything")],
    ["half of the system", 400, identityOf(password, { system: { all: false } })],
    ["a project's name without a domain", 400, identityOf(password, { project: { name: "home" } })],
    [
      "an application credential, which is not served",
      401,
      identityOf({ methods: ["application_credential"], application_credential: { id: "a", secret: "b" } }),
    ],
    [
      "an unknown method beside a right password",
      401,
      identityOf({ ...password, methods: ["password", "totp"] }),
    ],
  ];

  test("is refused as such, or like a wrong password where its method is not served", async () => {
    const { send } = await setup();
    for (const [what, status, body] of unreadable) {
      const answer = await send("POST", "/v3/auth/tokens", { body });
      expect(answer.statusCode, what).toBe(status);
      expect(answer.json()).toMatchObject({ error: { code: status } });
      expect(answer.headers).not.toHaveProperty("x-subject-token");
    }
  });

  test("of another content type is 415, and one that is too large 413", async () => {
    const { send } = await setup();
    const plain = await send("POST", "/v3/auth/tokens", {
      body: "{}",
      headers: { "content-type": "text/plain" },
    });
    expect(plain.statusCode).toBe(415);
    const large = await send("POST", "/v3/auth/tokens", { body: { auth: "x".repeat(1024 * 1024) } });
    expect(large.json()).toMatchObject({ error: { code: 413, title: "Request Entity Too Large" } });
  });
});

describe("a token that is asked about", () => {
  const about = (token: string, subject = token) => ({ token, headers: { "x-subject-token": subject } });

  test("is described to its holder as when it was issued", async () => {
    const { send, logIn } = await setup();
    const { text, token } = await logIn();
    const answer = await send("GET", "/v3/auth/tokens", about(text));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["x-subject-token"]).toBe(text);
    expect(answer.json()).toEqual({ token });
    const head = await send("HEAD", "/v3/auth/tokens", about(text));
    expect([head.statusCode, head.body]).toEqual([200, ""]);
  });

  test("of somebody else is an administrator's to see and to end", async () => {
    const { send, logIn, admin, home, token: issue } = await setup();
    const [mine, roots] = [(await logIn()).text, await issue(admin, home)];
    expect((await send("GET", "/v3/auth/tokens", about(mine, roots))).statusCode).toBe(403);
    expect((await send("DELETE", "/v3/auth/tokens", about(mine, roots))).statusCode).toBe(403);
    expect((await send("GET", "/v3/auth/tokens", about(roots, mine))).statusCode).toBe(200);
    expect((await send("DELETE", "/v3/auth/tokens", about(roots, mine))).statusCode).toBe(204);
    expect((await send("GET", "/v3/auth/tokens", about(roots, mine))).statusCode).toBe(404);
    expect((await send("GET", "/v3/auth/tokens", about(mine))).statusCode).toBe(401);
  });

  test("is 404 when it is unknown, 400 when it is not named, 401 when the asking one does not hold", async () => {
    const { send, logIn, pass } = await setup();
    const { text } = await logIn();
    expect((await send("GET", "/v3/auth/tokens", about(text, "azt_guess"))).statusCode).toBe(404);
    expect((await send("GET", "/v3/auth/tokens", { token: text })).statusCode).toBe(400);
    expect((await send("GET", "/v3/auth/tokens", { headers: { "x-subject-token": text } })).statusCode).toBe(
      401,
    );
    pass(3600);
    expect((await send("GET", "/v3/auth/tokens", about(text))).statusCode).toBe(401);
  });

  test("can end itself, once", async () => {
    const { send, logIn } = await setup();
    const { text } = await logIn();
    expect((await send("DELETE", "/v3/auth/tokens", about(text))).statusCode).toBe(204);
    expect((await send("DELETE", "/v3/auth/tokens", about(text))).statusCode).toBe(401);
  });
});

test("the catalogue alone is given to a token, and not to an unscoped one", async () => {
  const { send, logIn } = await setup();
  const { text, token } = await logIn();
  const answer = await send("GET", "/v3/auth/catalog", { token: text });
  expect(answer.json()).toEqual({
    catalog: token.catalog,
    links: { self: "http://localhost:80/v3/auth/catalog" },
  });
  expect((await send("GET", "/v3/auth/catalog", { token: (await logIn("unscoped")).text })).statusCode).toBe(
    403,
  );
});
