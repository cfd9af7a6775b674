/** Who is let in by a token or a signature, and who is not. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type IdentityWorld, identityWorld } from "../../test/setup/identity.ts";
import { signedHeaders, type ToSign } from "../../test/setup/sign.ts";
import { type AccessRequest, authenticateCaller, authenticatePrincipal } from "./access.ts";
import { deleteAccessKey, updateAccessKey } from "./access-keys.ts";
import { updateProject } from "./projects.ts";
import { grantRole, revokeRole } from "./roles.ts";
import { issueToken, revokeToken } from "./tokens.ts";
import { updateUser } from "./users.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function requestWith(headers: Record<string, string>, change: Partial<AccessRequest> = {}): AccessRequest {
  const rawHeaders = Object.entries(headers).flat();
  return {
    method: "GET",
    rawTarget: "/",
    rawHeaders,
    bodySha256: sha256(""),
    address: "192.0.2.1",
    ...change,
  };
}

async function setup() {
  const world = await identityWorld();
  const member = await world.user("ada", world.home, "member");
  const token = await world.token(member, world.home);
  const byToken = (text = token, path: { projectId?: string } = { projectId: world.home.id }) =>
    authenticateCaller(world.identity, requestWith({ "X-Auth-Token": text }), path.projectId);
  return { ...world, issue: world.token, member, token, byToken };
}

const REFUSED = { kind: "unauthenticated", code: "credentials-refused" };

describe("a token", () => {
  test("lets its user into its project, with the role held there", async () => {
    const { byToken, member, home, identity } = await setup();
    const { token, ...caller } = { token: undefined, ...(await byToken()) };
    expect(caller).toMatchObject({ userId: member.id, userName: "ada", projectId: home.id, role: "member" });
    expect(caller.credential.kind).toBe("token");
    await grantRole(identity, { projectId: home.id, userId: member.id, role: "manager" });
    expect((await byToken()).role).toBe("manager");
  });

  test("counts where the path names its project with dashes, in capitals, or not at all", async () => {
    const { byToken, home, token } = await setup();
    const dashed = home.id.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-").toUpperCase();
    expect((await byToken(token, { projectId: dashed })).projectId).toBe(home.id);
    expect((await byToken(token, {})).projectId).toBe(home.id);
  });

  test("does not count in another project, not even one where its user has a role", async () => {
    const { byToken, foreign, identity, member, token } = await setup();
    await expect(byToken(token, { projectId: foreign.id })).rejects.toMatchObject(REFUSED);
    await grantRole(identity, { projectId: foreign.id, userId: member.id, role: "admin" });
    await expect(byToken(token, { projectId: foreign.id })).rejects.toMatchObject(REFUSED);
    await expect(byToken(token, { projectId: "no-id" })).rejects.toMatchObject(REFUSED);
  });

  test("is refused when it is absent, empty, unknown, overlong or unscoped", async () => {
    const { identity, member, byToken, home } = await setup();
    await expect(authenticateCaller(identity, requestWith({}), home.id)).rejects.toMatchObject({
      ...REFUSED,
      message: "x-auth-token not found",
    });
    await expect(byToken("")).rejects.toMatchObject({ message: "x-auth-token not found" });
    await expect(byToken("azt_guess")).rejects.toMatchObject({ message: "decrypt token fail" });
    await expect(byToken("a".repeat(300))).rejects.toMatchObject(REFUSED);
    const unscoped = {
      userId: member.id,
      scope: "unscoped",
      projectId: undefined,
      methods: ["password"],
    } as const;
    const { text } = await issueToken(identity, unscoped);
    await expect(byToken(text)).rejects.toMatchObject(REFUSED);
    await expect(
      authenticateCaller(identity, requestWith({ "x-auth-token": text }), undefined),
    ).rejects.toMatchObject(REFUSED);
    expect(await authenticatePrincipal(identity, requestWith({ "x-auth-token": text }))).toMatchObject({
      userId: member.id,
    });
  });

  test("ends after its hour, and the refusal says so", async () => {
    const { byToken, pass } = await setup();
    pass(3599);
    await byToken();
    pass(1);
    await expect(byToken()).rejects.toMatchObject({
      message: "token expires, expires_at: 2026-01-02T04:04:05.000Z",
    });
  });

  test("is refused at once after it was revoked, though it was used a moment ago", async () => {
    const { byToken, identity, token } = await setup();
    await byToken();
    await revokeToken(identity, token);
    await expect(byToken()).rejects.toMatchObject(REFUSED);
  });

  type Setup = Awaited<ReturnType<typeof setup>>;
  test.each<[string, (world: Setup) => Promise<unknown>, (world: Setup) => Promise<unknown>]>([
    [
      "its user is disabled",
      ({ identity, member }) => updateUser(identity, member.id, { enabled: false }),
      ({ identity, member }) => updateUser(identity, member.id, { enabled: true }),
    ],
    [
      "the role is taken away",
      ({ identity, member, home }) =>
        revokeRole(identity, { projectId: home.id, userId: member.id, role: "member" }),
      ({ identity, member, home }) =>
        grantRole(identity, { projectId: home.id, userId: member.id, role: "member" }),
    ],
    [
      "the password changes",
      ({ identity, member }) => updateUser(identity, member.id, { password: "another" }),
      async () => undefined,
    ],
  ])("ends when %s, and does not come back", async (_, end, restore) => {
    const world = await setup();
    await world.byToken();
    await end(world);
    await expect(world.byToken()).rejects.toMatchObject(REFUSED);
    await restore(world);
    await expect(world.byToken()).rejects.toMatchObject(REFUSED);
  });

  test("ends with its project", async () => {
    const { identity, user, foreign, issue } = await setup();
    const text = await issue(await user("eve", foreign, "manager"), foreign);
    await authenticateCaller(identity, requestWith({ "x-auth-token": text }), foreign.id);
    await updateProject(identity, foreign.id, { enabled: false });
    await updateProject(identity, foreign.id, { enabled: true });
    await expect(
      authenticateCaller(identity, requestWith({ "x-auth-token": text }), foreign.id),
    ).rejects.toMatchObject(REFUSED);
  });

  test("changed behind this server's back is seen within seconds", async () => {
    const { identity, byToken, pass } = await setup();
    await byToken();
    await identity.pool.query("delete from token");
    await byToken();
    pass(3);
    await expect(byToken()).rejects.toMatchObject(REFUSED);
  });

  test("that ended long ago is swept out as new ones are issued", async () => {
    const { identity, member, home, pass, issue } = await setup();
    pass(7200);
    await issue(member, home);
    const { rows } = await identity.pool.query("select from token");
    expect(rows).toHaveLength(1);
  });
});

describe("a signature", () => {
  async function signing() {
    const world = await setup();
    const { id: accessKey, secretKey } = await world.key(world.member);
    const target = `/v1/${world.home.id}/jobs?limit=10`;
    const base = {
      method: "POST",
      target,
      body: '{"a":1}',
      headers: { "content-type": "application/json" },
      accessKey,
      secretKey,
    };
    const send = (
      sign: Partial<ToSign> = {},
      alter: Partial<AccessRequest> = {},
      more: Record<string, string> = {},
      path: { projectId?: string } = { projectId: world.home.id },
    ) => {
      const signed = { ...base, now: world.identity.now(), ...sign };
      const headers = { ...signedHeaders(signed), ...more };
      const change = {
        method: "POST",
        rawTarget: signed.target,
        bodySha256: sha256(`${signed.body}`),
        ...alter,
      };
      return authenticateCaller(world.identity, requestWith(headers, change), path.projectId);
    };
    return { ...world, send, accessKey, secretKey };
  }

  test("lets its user into the path's project", async () => {
    const { send, accessKey, member, home } = await signing();
    expect(await send()).toEqual({
      userId: member.id,
      userName: "ada",
      projectId: home.id,
      role: "member",
      workspaceRoles: new Map(),
      credential: { kind: "access-key", id: accessKey },
    });
  });

  test("counts even beside a token that does not", async () => {
    const { send } = await signing();
    await send({}, {}, { "x-auth-token": "wrong" });
  });

  test("that is wrong is refused even beside a token that holds", async () => {
    const { send, token } = await signing();
    await expect(send({ secretKey: "wrong" }, {}, { "x-auth-token": token })).rejects.toMatchObject(REFUSED);
    const headers = {
      authorization: "SDK-HMAC-SM3 Access=a, SignedHeaders=b, Signature=c",
      "x-auth-token": token,
    };
    const world = await setup();
    await expect(
      authenticateCaller(world.identity, requestWith(headers), world.home.id),
    ).rejects.toMatchObject(REFUSED);
  });

  test("made with a wrong secret hears the same as one of an unknown key", async () => {
    const { send } = await signing();
    const wrong = { ...REFUSED, message: "verify aksk signature fail" };
    await expect(send({ secretKey: "wrong" })).rejects.toMatchObject(wrong);
    await expect(send({ accessKey: "UNKNOWN" })).rejects.toMatchObject(wrong);
  });

  test.each<[string, Partial<AccessRequest>]>([
    ["body", { bodySha256: sha256('{"a":2}') }],
    ["query", { rawTarget: "/v1/x/jobs?limit=11" }],
    ["method", { method: "PUT" }],
  ])("does not cover another %s", async (_, alter) => {
    const { send } = await signing();
    await expect(send({}, alter)).rejects.toMatchObject(REFUSED);
  });

  test("does not cover another value of a signed header", async () => {
    const { send } = await signing();
    await expect(send({}, {}, { "content-type": "text/plain" })).rejects.toMatchObject(REFUSED);
  });

  test("made sixteen minutes ago or ahead is refused, fourteen minutes is fine", async () => {
    const { send, identity } = await signing();
    const minutes = (count: number) => ({ now: new Date(identity.now().getTime() + count * 60_000) });
    await send(minutes(-14));
    await send(minutes(14));
    await expect(send(minutes(-16))).rejects.toMatchObject(REFUSED);
    await expect(send(minutes(16))).rejects.toMatchObject(REFUSED);
  });

  test("does not count in a project where its user has no role, whatever the headers say", async () => {
    const { send, foreign, home } = await signing();
    const target = `/v1/${foreign.id}/jobs`;
    await expect(send({ target }, {}, {}, { projectId: foreign.id })).rejects.toMatchObject(REFUSED);
    await expect(
      send({ target }, {}, { "x-project-id": home.id }, { projectId: foreign.id }),
    ).rejects.toMatchObject(REFUSED);
    await expect(send({}, {}, { "x-project-id": foreign.id })).rejects.toMatchObject(REFUSED);
    await expect(send({}, {}, { "x-project-id": "no id" })).rejects.toMatchObject(REFUSED);
    await send({}, {}, { "x-project-id": home.id, "x-domain-id": "default" });
  });

  test("without a project in the path counts in the header's, else in the default one, else in the first", async () => {
    const { identity, send, foreign, home, member } = await signing();
    await grantRole(identity, { projectId: foreign.id, userId: member.id, role: "reader" });
    const sendAnywhere = (headers: Record<string, string>) => send({ target: "/api/me" }, {}, headers, {});
    expect(await sendAnywhere({})).toMatchObject({ projectId: home.id, role: "member" });
    expect(await sendAnywhere({ "x-project-id": foreign.id })).toMatchObject({
      projectId: foreign.id,
      role: "reader",
    });
    await updateUser(identity, member.id, { defaultProjectId: null });
    expect(await sendAnywhere({})).toMatchObject({ projectId: foreign.id });
  });

  test("with a security token is refused: permanent keys have none", async () => {
    const { send } = await signing();
    await expect(send({}, {}, { "x-security-token": "t" })).rejects.toMatchObject(REFUSED);
  });

  test("of a disabled key, a deleted key or a disabled user is refused at once", async () => {
    const { identity, send, accessKey, member } = await signing();
    await send();
    await updateAccessKey(identity, accessKey, { enabled: false });
    await expect(send()).rejects.toMatchObject(REFUSED);
    await updateAccessKey(identity, accessKey, { enabled: true });
    await send();
    await updateUser(identity, member.id, { enabled: false });
    await expect(send()).rejects.toMatchObject(REFUSED);
    await updateUser(identity, member.id, { enabled: true });
    await deleteAccessKey(identity, accessKey);
    await expect(send()).rejects.toMatchObject(REFUSED);
  });

  test("that fails six times in a row locks the key for that address for five minutes", async () => {
    const { send, pass } = await signing();
    for (let i = 0; i < 6; i++) await expect(send({ secretKey: "wrong" })).rejects.toMatchObject(REFUSED);
    await expect(send()).rejects.toMatchObject({
      ...REFUSED,
      message: "AK access failed to reach the limit,forbidden",
    });
    await send({}, { address: "192.0.2.2" });
    pass(300);
    await send();
  });

  test("five failures and a success do not lock", async () => {
    const { send } = await signing();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5; i++) await expect(send({ secretKey: "wrong" })).rejects.toMatchObject(REFUSED);
      await send();
    }
  });
});

test("every refusal is observed with its address and without a secret", async () => {
  const { identity, observations, home }: IdentityWorld = await identityWorld();
  await authenticateCaller(identity, requestWith({ "x-auth-token": "azt_secret" }), home.id).catch(
    () => undefined,
  );
  expect(observations).toContainEqual({
    event: "authentication-refused",
    reason: "token does not hold",
    address: "192.0.2.1",
  });
  expect(JSON.stringify(observations)).not.toContain("azt_secret");
});
