/** Logins: a password or an older token is exchanged for a token with a scope. */
import { Fault } from "../domain/fault.ts";
import { IDENTITY_DOMAIN, type Project } from "../domain/project.ts";
import { findProject, listProjects } from "../store/projects.ts";
import { listMemberships, type Membership } from "../store/role-assignments.ts";
import type { TokenScope, TokenState } from "../store/tokens.ts";
import { findUser, findUserWithPassword, type UserWithPassword, updatePasswordHash } from "../store/users.ts";
import type { Identity } from "./identity.ts";
import { parseId } from "./ids.ts";
import { findLiveToken, issueToken } from "./tokens.ts";

/** An identity domain as a client names it; with neither member it is any. */
export interface IdentityDomainName {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

export interface PasswordMethod {
  readonly user: { readonly id: string } | { readonly name: string };
  readonly identityDomain: IdentityDomainName;
  readonly password: string;
}

/** Where a token is to count; absent: in the user's default project, or nowhere when there is none. */
export type ScopeRequest =
  | { readonly kind: "unscoped" }
  | {
      readonly kind: "project";
      readonly project: { readonly id: string } | { readonly name: string };
      readonly identityDomain: IdentityDomainName;
    }
  | { readonly kind: "domain"; readonly identityDomain: IdentityDomainName }
  | { readonly kind: "system" };

export interface Login {
  /** At least one of the two; both must then name the same user. */
  readonly password?: PasswordMethod;
  /** The text of an older token. */
  readonly token?: string;
  readonly scope?: ScopeRequest;
  /** The sender's network address. */
  readonly address: string;
}

/** All that a failed login hears, whatever failed. Source: auth 1.3. */
const REFUSED = "The request you have made requires authentication.";

/**
 * A new token for who proves to be a user; faults `credentials-refused` with one and the same text, after the same
 * work, for an unknown, disabled or locked user, a wrong password, an ended token and a scope without any role.
 */
export async function login(
  identity: Identity,
  request: Login,
): Promise<{ text: string; token: TokenState }> {
  const older = request.token === undefined ? undefined : await findLiveToken(identity, request.token);
  const tokenHolds = request.token === undefined || older !== undefined;
  const userId =
    request.password === undefined
      ? older?.userId
      : await checkPassword(identity, request.password, request.address);
  if (userId === undefined || !tokenHolds || (older !== undefined && older.userId !== userId)) {
    throw refuseLogin(identity, request, "login");
  }
  const scope = await chooseScope(identity, userId, request.scope);
  if (scope === undefined) throw refuseLogin(identity, request, "scope without a role");
  const methods = new Set([
    ...(older === undefined ? [] : [...older.methods, "token"]),
    ...(request.password ? ["password"] : []),
  ]);
  return await issueToken(identity, {
    userId,
    ...scope,
    methods: [...methods],
    ...(older && { endsBy: older.expiresAt }),
  });
}

/** The id of the user whose password this is; undefined otherwise. */
async function checkPassword(
  identity: Identity,
  method: PasswordMethod,
  address: string,
): Promise<string | undefined> {
  const found = isOurs(method.identityDomain) ? await findNamed(identity, method.user) : undefined;
  const lockKey = `${found?.user.id ?? JSON.stringify(method.user)} ${address}`;
  const wasLocked = identity.loginLockouts.isLocked(lockKey);
  const verdict = await identity.passwords.verify(method.password, found?.passwordHash);
  if (wasLocked || identity.loginLockouts.isLocked(lockKey)) return undefined;
  if (found === undefined || !verdict.matches || !found.user.enabled) {
    identity.loginLockouts.fail(lockKey);
    return undefined;
  }
  identity.loginLockouts.succeed(lockKey);
  if (verdict.outdated)
    await updatePasswordHash(identity.pool, found.user.id, await identity.passwords.hash(method.password));
  return found.user.id;
}

async function findNamed(
  identity: Identity,
  named: PasswordMethod["user"],
): Promise<UserWithPassword | undefined> {
  if ("name" in named) return await findUserWithPassword(identity.pool, named);
  const id = parseId(named.id);
  return id === undefined ? undefined : await findUserWithPassword(identity.pool, { id });
}

interface Scope {
  readonly scope: TokenScope;
  readonly projectId: string | undefined;
}

const UNSCOPED: Scope = { scope: "unscoped", projectId: undefined };

/** The scope that was asked for, or undefined when the user has no role there. */
async function chooseScope(
  identity: Identity,
  userId: string,
  asked: ScopeRequest | undefined,
): Promise<Scope | undefined> {
  if (asked?.kind === "unscoped") return UNSCOPED;
  const memberships = await listMemberships(identity.pool, userId);
  const projectScope = (projectId: string | undefined): Scope | undefined =>
    memberships.some((membership) => membership.projectId === projectId)
      ? { scope: "project", projectId }
      : undefined;
  switch (asked?.kind) {
    case undefined:
      return projectScope(await defaultProjectId(identity, userId, [])) ?? UNSCOPED;
    case "project":
      return isOurs(asked.identityDomain)
        ? projectScope(await findProjectId(identity, userId, asked.project, memberships))
        : undefined;
    case "domain":
      return isOurs(asked.identityDomain) && memberships.length > 0
        ? { scope: "domain", projectId: undefined }
        : undefined;
    case "system":
      return memberships.some(({ roles }) => roles.includes("admin"))
        ? { scope: "system", projectId: undefined }
        : undefined;
    default:
      return asked satisfies never;
  }
}

async function findProjectId(
  identity: Identity,
  userId: string,
  named: { readonly id: string } | { readonly name: string },
  memberships: readonly Membership[],
): Promise<string | undefined> {
  if ("id" in named) return parseId(named.id);
  const [project] = await listProjects(identity.pool, { name: named.name }, 1);
  if (project !== undefined) return project.id;
  return named.name === identity.settings.region
    ? await defaultProjectId(identity, userId, memberships)
    : undefined;
}

/** The user's default project; where none is set, the first in which the user has a role. */
async function defaultProjectId(
  identity: Identity,
  userId: string,
  memberships: readonly Membership[],
): Promise<string | undefined> {
  const user = await findUser(identity.pool, userId);
  return user?.defaultProjectId ?? memberships[0]?.projectId;
}

/**
 * The project that a client means by the region's name: vendor SDKs ask for it under the region's id (auth 1.5).
 * Undefined when the user has no role in any.
 */
export async function findProjectByRegion(identity: Identity, userId: string): Promise<Project | undefined> {
  const memberships = await listMemberships(identity.pool, userId);
  const wanted = await defaultProjectId(identity, userId, memberships);
  const id = memberships.some(({ projectId }) => projectId === wanted) ? wanted : memberships[0]?.projectId;
  return id === undefined ? undefined : await findProject(identity.pool, id);
}

/** Whether a client names the one identity domain there is. */
export function isOurs({ id, name }: IdentityDomainName): boolean {
  const idFits = id === undefined || id === IDENTITY_DOMAIN.id;
  return idFits && (name === undefined || name.toLowerCase() === IDENTITY_DOMAIN.name.toLowerCase());
}

function refuseLogin(identity: Identity, request: Login, reason: string): Fault {
  identity.observe({ event: "authentication-refused", reason, address: request.address });
  return new Fault("unauthenticated", "credentials-refused", REFUSED);
}
