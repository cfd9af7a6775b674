/** The Keystone face over HTTP in process, on a world with an identity; the other faces' tests may add theirs. */
import { randomUUID } from "node:crypto";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { createAuthenticate } from "../../src/api/authenticate.ts";
import { createKeystoneFace } from "../../src/api/keystone/routes.ts";
import type { Face, Method } from "../../src/api/route.ts";
import { createServer } from "../../src/api/server.ts";
import type { IdentitySettings } from "../../src/identity/identity.ts";
import { type IdentityWorld, identityWorld } from "./identity.ts";

export interface SendOptions {
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface KeystoneWorld extends IdentityWorld {
  readonly app: FastifyInstance;
  send(method: Method | "HEAD", url: string, options?: SendOptions): Promise<LightMyRequestResponse>;
  /** A login by password; the whole answer. */
  login(name: string, password: string, scope?: unknown): Promise<LightMyRequestResponse>;
}

export async function keystoneWorld(
  settings: Partial<IdentitySettings> = {},
  faces: readonly Face[] = [],
): Promise<KeystoneWorld> {
  const world = await identityWorld(settings);
  const app = await createServer({
    faces: [createKeystoneFace(world.identity), ...faces],
    authenticate: createAuthenticate(world.identity),
    observe: world.identity.observe,
    elapsedMs: () => 0,
    newId: () => randomUUID().replaceAll("-", ""),
    checkReady: async () => undefined,
  });
  const send: KeystoneWorld["send"] = (method, url, { token, headers, body } = {}) =>
    app.inject({
      method,
      url,
      headers: {
        ...(token !== undefined && { "x-auth-token": token }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { payload: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const login: KeystoneWorld["login"] = (name, password, scope) => {
    const user = { name, domain: { name: "Default" }, password };
    return send("POST", "/v3/auth/tokens", {
      body: { auth: { identity: { methods: ["password"], password: { user } }, scope } },
    });
  };
  return { ...world, app, send, login };
}

/** An id that nothing has. */
export const MISSING_ID = "0".repeat(32);

/** With a manager in `home` (ada), a member of `foreign` (eve), and tokens of the administrator and of ada. */
export async function peopledWorld() {
  const world = await keystoneWorld();
  const ada = await world.user("ada", world.home, "manager");
  const eve = await world.user("eve", world.foreign, "member");
  const tokens = {
    root: await world.token(world.admin, world.home),
    ada: await world.token(ada, world.home),
  };
  return { ...world, ada, eve, tokens };
}
