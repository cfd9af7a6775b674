/** Keystone's routes about tokens and what a token's holder may reach. */
import { Fault, invalid, missing } from "../../domain/fault.ts";
import type { Principal } from "../../identity/access.ts";
import type { Identity } from "../../identity/identity.ts";
import { login } from "../../identity/logins.ts";
import { findLiveToken, revokeToken } from "../../identity/tokens.ts";
import type { TokenState } from "../../store/tokens.ts";
import { json, type OpenRoute, type Reply, type RouteRequest } from "../route.ts";
import { authenticated, forbidden, NO_STORE } from "./caller.ts";
import { type CatalogPlace, encodeCatalog } from "./catalog.ts";
import { decodeLogin, encodeToken, LoginBody } from "./token-wire.ts";
import { decodeBody } from "./wire.ts";

export function tokenRoutes(identity: Identity): OpenRoute[] {
  const path = "/v3/auth/tokens";
  const checked = (handle: (subject: Subject) => Promise<Reply>) =>
    authenticated(
      identity,
      async (request, caller) => await handle(await subjectOf(identity, request, caller)),
    );
  return [
    { method: "POST", path, role: "public", handle: (request) => createToken(identity, request) },
    // The server answers HEAD by the route for GET.
    { method: "GET", path, role: "public", handle: checked((subject) => showToken(identity, subject)) },
    { method: "DELETE", path, role: "public", handle: checked((subject) => deleteToken(identity, subject)) },
    {
      method: "GET",
      path: "/v3/auth/catalog",
      role: "public",
      handle: authenticated(identity, (request, caller) => showCatalog(identity, request, caller)),
    },
  ];
}

async function createToken(identity: Identity, request: RouteRequest): Promise<Reply> {
  const body = decodeBody(LoginBody, request);
  const { text, token } = await login(identity, decodeLogin(body, request.address));
  const about = encodeToken(token, placeOf(identity, request, token.projectId));
  return json(201, about, { ...NO_STORE, "x-subject-token": text });
}

/** The token that a request is about, which its sender may know of. */
interface Subject {
  readonly request: RouteRequest;
  readonly text: string;
  readonly token: TokenState;
}

/** Faults: `token-missing` for one that does not hold, `role-missing` for somebody else's. */
async function subjectOf(identity: Identity, request: RouteRequest, caller: Principal): Promise<Subject> {
  const text = request.headers["x-subject-token"];
  if (typeof text !== "string" || text === "")
    return invalid("request-invalid", ["X-Subject-Token: missing"]);
  const token = await findLiveToken(identity, text);
  if (token === undefined)
    return missing("token-missing", "This is not a recognized token, or it has ended.");
  if (token.userId !== caller.userId && !caller.administers) throw forbidden("identity:validate_token");
  return { request, text, token };
}

async function showToken(identity: Identity, { request, text, token }: Subject): Promise<Reply> {
  const about = encodeToken(token, placeOf(identity, request, token.projectId));
  return json(200, about, { ...NO_STORE, "x-subject-token": text });
}

async function deleteToken(identity: Identity, { text }: Subject): Promise<Reply> {
  await revokeToken(identity, text);
  return { status: 204, headers: NO_STORE };
}

async function showCatalog(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  if (caller.token?.scope === "unscoped")
    throw new Fault("forbidden", "role-missing", "An unscoped token has no catalog.");
  const { base } = request;
  const catalog = encodeCatalog({ base, region: identity.settings.region, projectId: caller.projectId });
  return json(200, { catalog, links: { self: `${base}/v3/auth/catalog` } }, NO_STORE);
}

/** Where the catalogue's URLs point; undefined when the request wants none (`?nocatalog`). */
function placeOf(
  identity: Identity,
  request: RouteRequest,
  projectId: string | undefined,
): CatalogPlace | undefined {
  if (request.query.nocatalog !== undefined) return undefined;
  return { base: request.base, region: identity.settings.region, projectId };
}
