/** The vendor's routes for access keys (`OS-CREDENTIAL`); a secret is shown in the answer that makes it, never again. */
import { Type } from "typebox";
import { missing } from "../../domain/fault.ts";
import type { Principal } from "../../identity/access.ts";
import {
  createAccessKey,
  deleteAccessKey,
  getAccessKey,
  updateAccessKey,
} from "../../identity/access-keys.ts";
import type { Identity } from "../../identity/identity.ts";
import { parseId } from "../../identity/ids.ts";
import { type AccessKey, listAccessKeys } from "../../store/access-keys.ts";
import { firstOf, json, NO_CONTENT, type OpenRoute, type Reply, type RouteRequest } from "../route.ts";
import { authenticated, forbidden, NO_STORE } from "./caller.ts";
import { decodeBody, encodeTime, LIST_MAX, Text } from "./wire.ts";

export function accessKeyRoutes(identity: Identity): OpenRoute[] {
  const all = "/v3.0/OS-CREDENTIAL/credentials";
  const one = `${all}/:access_key`;
  const anybody = (
    handle: (identity: Identity, request: RouteRequest, caller: Principal) => Promise<Reply>,
  ) => authenticated(identity, (request, caller) => handle(identity, request, caller));
  return [
    { method: "GET", path: all, role: "public", handle: anybody(listKeys) },
    { method: "POST", path: all, role: "public", handle: anybody(postKey) },
    { method: "GET", path: one, role: "public", handle: anybody(showKey) },
    { method: "PUT", path: one, role: "public", handle: anybody(putKey) },
    { method: "DELETE", path: one, role: "public", handle: anybody(removeKey) },
  ];
}

const NewKeyBody = Type.Object({
  credential: Type.Object({ user_id: Text, description: Type.Optional(Type.Union([Text, Type.Null()])) }),
});
const KeyBody = Type.Object({
  credential: Type.Object({
    status: Type.Optional(Type.Union([Type.Literal("active"), Type.Literal("inactive")])),
    description: Type.Optional(Type.Union([Text, Type.Null()])),
  }),
});

/** The keys of one user: the caller unless the query names another. */
async function listKeys(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const named = firstOf(request.query, "user_id");
  const userId = named === undefined ? caller.userId : decodeUserId(named);
  requireOwner(caller, userId);
  const keys = await listAccessKeys(identity.pool, { userId }, LIST_MAX);
  return json(200, { credentials: keys.map(encodeKey) }, NO_STORE);
}

async function postKey(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const { credential } = decodeBody(NewKeyBody, request);
  const userId = decodeUserId(credential.user_id);
  requireOwner(caller, userId);
  const { key, secretKey } = await createAccessKey(identity, {
    userId,
    description: credential.description ?? "",
  });
  return json(201, { credential: { ...encodeKey(key), secret: secretKey } }, NO_STORE);
}

async function showKey(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  return json(200, { credential: encodeKey(await visibleKey(identity, request, caller)) }, NO_STORE);
}

async function putKey(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const { id } = await visibleKey(identity, request, caller);
  const { credential } = decodeBody(KeyBody, request);
  const key = await updateAccessKey(identity, id, {
    description: credential.description ?? undefined,
    enabled: credential.status === undefined ? undefined : credential.status === "active",
  });
  return json(200, { credential: encodeKey(key) }, NO_STORE);
}

async function removeKey(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const { id } = await visibleKey(identity, request, caller);
  await deleteAccessKey(identity, id);
  return NO_CONTENT;
}

/** The key that the path names; somebody else's is missing, unless an administrator asks. */
async function visibleKey(identity: Identity, request: RouteRequest, caller: Principal): Promise<AccessKey> {
  const key = await getAccessKey(identity.pool, request.params.access_key ?? "");
  const visible = key.userId === caller.userId || caller.administers;
  return visible ? key : missing("access-key-missing", `Could not find credential: ${key.id}.`);
}

function requireOwner(caller: Principal, userId: string): void {
  if (userId !== caller.userId && !caller.administers) throw forbidden("identity:manage_credentials");
}

function decodeUserId(text: string): string {
  return parseId(text) ?? missing("user-missing", `Could not find user: ${text}.`);
}

function encodeKey(key: AccessKey) {
  return {
    user_id: key.userId,
    access: key.id,
    status: key.enabled ? "active" : "inactive",
    create_time: encodeTime(key.createdAt),
    description: key.description,
  };
}
