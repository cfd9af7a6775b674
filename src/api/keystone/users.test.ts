/** Users and roles through HTTP: what administrators do, and what users do themselves. */
import { describe, expect, test } from "vitest";
import { MISSING_ID, peopledWorld } from "../../../test/setup/keystone.ts";
import { grantRole } from "../../identity/roles.ts";

describe("users", () => {
  test("are made, log in, are changed and removed", async () => {
    const { send, tokens, home, login } = await peopledWorld();
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
    const { send, tokens, ada, eve } = await peopledWorld();
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
    const { send, tokens, ada, login } = await peopledWorld();
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
    const { send, tokens, eve } = await peopledWorld();
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
    const { send, tokens, admin, home, ada, identity } = await peopledWorld();
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
    const { send, tokens, ada } = await peopledWorld();
    const answer = await send("GET", `/v3/users/${ada.id}/application_credentials`, { token: tokens.ada });
    expect(answer.json().application_credentials).toEqual([]);
  });
});

describe("roles", () => {
  test("are four, found by name or id", async () => {
    const { send, tokens } = await peopledWorld();
    const { roles } = (await send("GET", "/v3/roles", { token: tokens.ada })).json();
    expect(roles.map(({ name }: { name: string }) => name)).toEqual(["reader", "member", "manager", "admin"]);
    expect((await send("GET", "/v3/roles?name=member", { token: tokens.ada })).json().roles).toMatchObject([
      { id: "member" },
    ]);
    expect((await send("GET", "/v3/roles/member", { token: tokens.ada })).json().role.name).toBe("member");
    expect((await send("GET", "/v3/roles/owner", { token: tokens.ada })).statusCode).toBe(404);
  });

  test("are given, seen and taken away; what is not there is 404", async () => {
    const { send, tokens, home, eve } = await peopledWorld();
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
    const { send, tokens, home, ada, eve } = await peopledWorld();
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
