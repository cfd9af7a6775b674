/** What unmodified clients sent to an identity service, recorded, sent to ours. */
import { readFileSync } from "node:fs";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import { expect, test } from "vitest";
import { keystoneWorld } from "../../../test/setup/keystone.ts";
import { sealSecretKey } from "../../identity/access-keys.ts";
import { grantRole } from "../../identity/roles.ts";
import { createUser } from "../../identity/users.ts";
import { insertAccessKey } from "../../store/access-keys.ts";
import { insertProject } from "../../store/projects.ts";

interface Exchange {
  readonly id: string;
  readonly client: string;
  readonly scenario: string;
  readonly steps: readonly {
    readonly request: {
      method: "GET" | "POST" | "DELETE";
      target: string;
      headers: [string, string][];
      body: unknown;
    };
    readonly response: { readonly status: number; readonly body: unknown };
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/golden/auth/exchanges.json", import.meta.url), "utf8"),
) as {
  project_id: string;
  dummy_credentials: Record<"username" | "password" | "project" | "ak" | "sk", string>;
  exchanges: Exchange[];
};

const isIdentity = (target: string) => target === "/" || target.startsWith("/v3");
const exchanges = golden.exchanges
  .map((exchange) => ({
    ...exchange,
    steps: exchange.steps.filter(({ request }) => isIdentity(request.target)),
  }))
  .filter(({ steps }) => steps.length > 0);

/** Ours answers these otherwise, and why. */
const DECIDED: Readonly<Record<string, { status: number; why: string }>> = {
  ex35: { status: 401, why: "a permanent key is refused with a security token (auth 2.4)" },
  ex43: { status: 401, why: "application credentials are not served" },
  ex57: { status: 401, why: "application credentials are not served" },
};

/** The recording's user, project and key, in a world whose clock stands at the request's own date. */
async function setup() {
  const { dummy_credentials: dummy, project_id: projectId } = golden;
  const world = await keystoneWorld({ region: "region-one" });
  const { identity } = world;
  const createdAt = identity.now();
  await insertProject(identity.pool, {
    id: projectId,
    name: dummy.project,
    description: "",
    enabled: true,
    localCommands: true,
    createdAt,
  });
  const user = await createUser(identity, {
    name: dummy.username,
    password: dummy.password,
    defaultProjectId: projectId,
  });
  await grantRole(identity, { projectId, userId: user.id, role: "member" });
  const key = { id: dummy.ak, userId: user.id, description: "", enabled: true, createdAt };
  const secretSealed = sealSecretKey(identity.masterKeys, { id: dummy.ak, secretKey: dummy.sk });
  await insertAccessKey(identity.pool, { ...key, secretSealed }, 2);
  // Signatures bind the recording's date, tokens our own: the day lies within neither's way.
  world.pass((Date.parse("2026-11-23T07:00:00Z") - createdAt.getTime()) / 1000);
  return { ...world, user };
}

/** One world for all: a database for each of so many exchanges would cost more than what they show. */
let shared: ReturnType<typeof setup> | undefined;

async function sharedWorld() {
  shared ??= setup();
  const world = await shared;
  const { username, password } = golden.dummy_credentials;
  return { ...world, login: await world.login(username, password) };
}

test.each(exchanges)("$id, $client: $scenario", async ({ id, steps }) => {
  const { app, login, pass, identity, user } = await sharedWorld();
  const token = `${login.headers["x-subject-token"]}`;
  for (const { request, response } of steps) {
    const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
    delete headers["content-length"];
    const signedAt = headers["x-sdk-date"]?.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z");
    if (signedAt !== undefined) pass((Date.parse(signedAt) - identity.now().getTime()) / 1000);
    if ("x-auth-token" in headers) headers["x-auth-token"] = token;
    if ("x-subject-token" in headers) headers["x-subject-token"] = token;
    const url = request.target.replace(/^\/v3\/users\/[0-9a-f]{32}/, `/v3/users/${user.id}`);
    const body = request.body === null ? {} : { payload: JSON.stringify(withToken(request.body, token)) };
    const options: InjectOptions = { method: request.method, url, headers, ...body };
    const answer: LightMyRequestResponse = await app.inject(options);
    const expected = DECIDED[id]?.status ?? response.status;
    expect(answer.statusCode, `${request.method} ${request.target}: ${answer.body}`).toBe(expected);
    if (expected === response.status && response.body !== null)
      expectMembers(answer.json(), response.body, "body");
  }
});

/** A request for a token from a token, with the token that we issued. */
function withToken(body: unknown, token: string): unknown {
  return JSON.parse(JSON.stringify(body), (name, value) =>
    name === "token" && typeof value === "object" && value !== null && "id" in value ? { id: token } : value,
  );
}

/** Every member that the recording's answer has is in ours, with the same type; lists are as filled or empty. */
function expectMembers(ours: unknown, recorded: unknown, place: string): void {
  if (Array.isArray(recorded)) {
    expect(Array.isArray(ours) && ours.length > 0, place).toBe(recorded.length > 0);
    if (Array.isArray(ours) && recorded.length > 0) expectMembers(ours[0], recorded[0], `${place}.0`);
  } else if (typeof recorded === "object" && recorded !== null) {
    for (const [name, value] of Object.entries(recorded)) {
      expect(ours, place).toHaveProperty([name]);
      expectMembers((ours as Record<string, unknown>)[name], value, `${place}.${name}`);
    }
  } else {
    expect(typeof ours, place).toBe(typeof recorded);
  }
}
