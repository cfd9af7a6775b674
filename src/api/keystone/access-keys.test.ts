/** Access keys through HTTP. */
import { describe, expect, test } from "vitest";
import { MISSING_ID, peopledWorld } from "../../../test/setup/keystone.ts";
import { signedHeaders } from "../../../test/setup/sign.ts";

describe("access keys", () => {
  const ALL = "/v3.0/OS-CREDENTIAL/credentials";

  test("are shown with their secret once, sign requests, are switched off and removed", async () => {
    const { send, tokens, ada, identity } = await peopledWorld();
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
    const { send, tokens, ada } = await peopledWorld();
    const ask = () => send("POST", ALL, { token: tokens.ada, body: { credential: { user_id: ada.id } } });
    const answers = await Promise.all(Array.from({ length: 6 }, ask));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 201, 409, 409, 409, 409]);
    expect((await send("GET", ALL, { token: tokens.ada })).json().credentials).toHaveLength(2);
  });

  test("of others are an administrator's to see and change, and look missing to the rest", async () => {
    const { send, tokens, eve, key } = await peopledWorld();
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
    const { send, tokens, ada, key } = await peopledWorld();
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
