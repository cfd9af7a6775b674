/** Keystone's routes about users. */
import { type Static, Type } from "typebox";
import { missing } from "../../domain/fault.ts";
import { IDENTITY_DOMAIN } from "../../domain/project.ts";
import type { User } from "../../domain/user.ts";
import type { Principal } from "../../identity/access.ts";
import type { Identity } from "../../identity/identity.ts";
import { parseId } from "../../identity/ids.ts";
import {
  changeOwnPassword,
  createUser,
  deleteUser,
  getUser,
  type UserChange,
  updateUser,
} from "../../identity/users.ts";
import { listUsers } from "../../store/users.ts";
import { firstOf, json, NO_CONTENT, type OpenRoute, type Reply, type RouteRequest } from "../route.ts";
import { forbidden, guardsOf } from "./caller.ts";
import { decodeBody, decodeFlag, decodePathId, domainFits, encodeList, LIST_MAX, Text } from "./wire.ts";

export function userRoutes(identity: Identity): OpenRoute[] {
  const { anybody, only } = guardsOf(identity);
  const user = "/v3/users/:user_id";
  return [
    { method: "GET", path: "/v3/users", role: "public", handle: anybody(listVisibleUsers) },
    { method: "POST", path: "/v3/users", role: "public", handle: only("identity:create_user", postUser) },
    { method: "GET", path: user, role: "public", handle: anybody(showUser) },
    { method: "PATCH", path: user, role: "public", handle: only("identity:update_user", patchUser) },
    { method: "DELETE", path: user, role: "public", handle: only("identity:delete_user", removeUser) },
    { method: "POST", path: `${user}/password`, role: "public", handle: anybody(postPassword) },
    {
      method: "GET",
      path: `${user}/application_credentials`,
      role: "public",
      handle: anybody(listApplicationCredentials),
    },
  ];
}

const UserMembers = Type.Object({
  name: Type.Optional(Text),
  password: Type.Optional(Text),
  enabled: Type.Optional(Type.Boolean()),
  default_project_id: Type.Optional(Type.Union([Text, Type.Null()])),
  domain_id: Type.Optional(Type.Union([Type.Literal(IDENTITY_DOMAIN.id), Type.Null()])),
});
const UserBody = Type.Object({ user: UserMembers });
const NewUserBody = Type.Object({
  user: Type.Intersect([UserMembers, Type.Object({ name: Text, password: Text })]),
});
const PasswordBody = Type.Object({ user: Type.Object({ password: Text, original_password: Text }) });

/** An administrator sees everybody, others see themselves. */
async function listVisibleUsers(
  identity: Identity,
  request: RouteRequest,
  caller: Principal,
): Promise<Reply> {
  const name = firstOf(request.query, "name");
  const enabled = decodeFlag(request.query, "enabled");
  const filter = {
    ...(name !== undefined && { name }),
    ...(enabled !== undefined && { enabled }),
    ...(!caller.administers && { id: caller.userId }),
  };
  const users = domainFits(request.query) ? await listUsers(identity.pool, filter, LIST_MAX + 1) : [];
  return json(
    200,
    encodeList(request, "users", users, (user) => encodeUser(request.base, user)),
  );
}

async function showUser(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const id = userIdOf(request);
  if (id !== caller.userId && !caller.administers) missing("user-missing", `Could not find user: ${id}.`);
  return json(200, { user: encodeUser(request.base, await getUser(identity.pool, id)) });
}

async function postUser(identity: Identity, request: RouteRequest): Promise<Reply> {
  const { user: wanted } = decodeBody(NewUserBody, request);
  const { name, password } = wanted;
  const user = await createUser(identity, { ...decodeUser(wanted), name, password });
  return json(201, { user: encodeUser(request.base, user) });
}

async function patchUser(identity: Identity, request: RouteRequest): Promise<Reply> {
  const { user: wanted } = decodeBody(UserBody, request);
  const user = await updateUser(identity, userIdOf(request), decodeUser(wanted));
  return json(200, { user: encodeUser(request.base, user) });
}

async function removeUser(identity: Identity, request: RouteRequest): Promise<Reply> {
  await deleteUser(identity, userIdOf(request));
  return NO_CONTENT;
}

async function postPassword(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const id = userIdOf(request);
  if (id !== caller.userId) throw forbidden("identity:change_password");
  const { user } = decodeBody(PasswordBody, request);
  await changeOwnPassword(identity, id, {
    old: user.original_password,
    new: user.password,
    address: request.address,
  });
  return NO_CONTENT;
}

/** There are none: a login by application credential is refused. */
async function listApplicationCredentials(
  _identity: Identity,
  request: RouteRequest,
  caller: Principal,
): Promise<Reply> {
  if (userIdOf(request) !== caller.userId && !caller.administers)
    throw forbidden("identity:list_application_credentials");
  return json(
    200,
    encodeList(request, "application_credentials", [], () => undefined),
  );
}

function userIdOf(request: RouteRequest): string {
  return decodePathId(request, "user_id", "user-missing", "user");
}

function decodeUser({
  name,
  password,
  enabled,
  default_project_id: projectId,
}: Static<typeof UserMembers>): UserChange {
  const defaultProjectId =
    typeof projectId === "string"
      ? (parseId(projectId) ?? missing("project-missing", `Could not find project: ${projectId}.`))
      : projectId;
  return { name, password, enabled, defaultProjectId };
}

function encodeUser(base: string, user: User): object {
  return {
    id: user.id,
    name: user.name,
    domain_id: IDENTITY_DOMAIN.id,
    enabled: user.enabled,
    ...(user.defaultProjectId !== null && { default_project_id: user.defaultProjectId }),
    password_expires_at: null,
    options: {},
    links: { self: `${base}/v3/users/${user.id}` },
  };
}
