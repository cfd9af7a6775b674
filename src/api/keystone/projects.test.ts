/** Projects through HTTP: what administrators do with them, and what others see. */
import { describe, expect, test } from "vitest";
import { MISSING_ID, peopledWorld } from "../../../test/setup/keystone.ts";
import { updateUser } from "../../identity/users.ts";

describe("projects", () => {
  test("are listed by name to an administrator, and to others as far as they have a role", async () => {
    const { send, tokens, home } = await peopledWorld();
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
    const { send, tokens, home, identity, ada } = await peopledWorld();
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
    const { send, tokens, foreign, home } = await peopledWorld();
    const show = async (token: string, id: string) =>
      (await send("GET", `/v3/projects/${id}`, { token })).statusCode;
    expect(await show(tokens.ada, home.id)).toBe(200);
    expect(await show(tokens.ada, foreign.id)).toBe(404);
    expect(await show(tokens.root, foreign.id)).toBe(200);
    expect(await show(tokens.root, MISSING_ID)).toBe(404);
    expect(await show(tokens.root, "no-id")).toBe(404);
  });

  test("of a user are told to the user and to an administrator", async () => {
    const { send, tokens, ada, eve } = await peopledWorld();
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
    const { send, tokens } = await peopledWorld();
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
    const { send, tokens, home } = await peopledWorld();
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
