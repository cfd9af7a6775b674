/** Who sent a request, recognised by a token or a signature, and what they may do in the project that it names. */
import { Fault } from "../domain/fault.ts";
import { type Caller, highestRole, type Role } from "../domain/user.ts";
import type { AccessKeyState } from "../store/access-keys.ts";
import type { Membership } from "../store/role-assignments.ts";
import type { TokenState } from "../store/tokens.ts";
import { headerValues, type ReceivedRequest } from "./canonical-request.ts";
import type { Identity } from "./identity.ts";
import { parseId } from "./ids.ts";
import {
  checkSignedRequest,
  claimsSignature,
  parseSignature,
  SIGNATURE_SKEW_SECONDS_MAX,
  type SignatureRefusal,
  signatureMatches,
} from "./signatures.ts";
import { findLiveToken, refuseToken } from "./tokens.ts";
import { findWorkspaceRoles } from "./workspaces.ts";

export interface AccessRequest extends ReceivedRequest {
  /** The sender's network address. */
  readonly address: string;
}

/** A recognised sender, who may have no project chosen yet. */
export interface Principal {
  readonly userId: string;
  readonly userName: string;
  readonly projectId: string | undefined;
  /** The highest role in that project. */
  readonly role: Role | undefined;
  /** Whether this request may manage users and all projects: role admin in its project, or in its wider scope. */
  readonly administers: boolean;
  /** The token that was sent, if it was one. */
  readonly token: TokenState | undefined;
  readonly credential: Caller["credential"];
}

/** Compared against when an access key is unknown, so that this takes as long. */
const NOBODYS_SECRET = "no access key has this secret, which only takes as long to compare";

/**
 * The caller within the project `projectId`, or, without one, within the token's project or one of the key's.
 * Fault `credentials-refused` for anything that does not hold: no credential, a wrong or ended one, a project in
 * which the sender has no role. Source: auth 2.4.
 */
export async function authenticateCaller(
  identity: Identity,
  request: AccessRequest,
  projectId: string | undefined,
): Promise<Caller> {
  const { userId, userName, role, credential, ...principal } = await authenticate(
    identity,
    request,
    projectId,
  );
  const named = projectId === undefined ? principal.projectId : parseId(projectId);
  if (principal.projectId === undefined || role === undefined || named !== principal.projectId) {
    throw refuse(identity, request, "the token or key is not for this project", "foreign project");
  }
  const workspaceRoles = await findWorkspaceRoles(identity, { userId, projectId: principal.projectId, role });
  return { userId, userName, projectId: principal.projectId, role, workspaceRoles, credential };
}

/** The sender of a request that names no project in its path; faults as `authenticateCaller`. */
export function authenticatePrincipal(identity: Identity, request: AccessRequest): Promise<Principal> {
  return authenticate(identity, request, undefined);
}

function authenticate(
  identity: Identity,
  request: AccessRequest,
  projectId: string | undefined,
): Promise<Principal> {
  const [authorization] = headerValues(request.rawHeaders, "authorization");
  return claimsSignature(authorization)
    ? authenticateSignature(identity, request, authorization, projectId)
    : authenticateToken(identity, request);
}

async function authenticateToken(identity: Identity, request: AccessRequest): Promise<Principal> {
  const [text] = headerValues(request.rawHeaders, "x-auth-token");
  if (text === undefined || text === "")
    throw refuse(identity, request, "x-auth-token not found", "no credential");
  const token = await findLiveToken(identity, text);
  if (token === undefined) {
    const fault = refuseToken(identity, await identity.credentials.findToken(text));
    throw refuse(identity, request, fault.message, "token does not hold");
  }
  const role = highestRole(token.roles);
  return {
    userId: token.userId,
    userName: token.userName,
    projectId: token.projectId,
    role,
    administers: tokenAdministers(token, role),
    token,
    credential: { kind: "token", id: token.auditId },
  };
}

/** An unscoped token manages nothing, whoever holds it. */
function tokenAdministers(token: TokenState, role: Role | undefined): boolean {
  return token.scope === "domain" || token.scope === "system" ? token.administers : role === "admin";
}

async function authenticateSignature(
  identity: Identity,
  request: AccessRequest,
  authorization: string,
  projectId: string | undefined,
): Promise<Principal> {
  const key = await verifySignature(identity, request, authorization);
  const [headerProjectId] = headerValues(request.rawHeaders, "x-project-id");
  // The header is often added after signing: it may choose among the user's projects and give nothing else.
  const wanted = [projectId, headerProjectId || undefined]
    .filter((id) => id !== undefined)
    .map((id) => parseId(id));
  const membership = chooseMembership(key, wanted);
  if (membership === undefined && wanted.length > 0) {
    throw refuse(identity, request, "the token or key is not for this project", "foreign project");
  }
  const role = highestRole(membership?.roles ?? []);
  return {
    userId: key.userId,
    userName: key.userName,
    projectId: membership?.projectId,
    role,
    administers: role === "admin",
    token: undefined,
    credential: { kind: "access-key", id: key.id },
  };
}

/** The membership that all of `wanted` name; where nothing is wanted, that of the default project or the first. */
function chooseMembership(
  key: AccessKeyState,
  wanted: readonly (string | undefined)[],
): Membership | undefined {
  const [first] = wanted;
  if (wanted.some((id) => id !== first)) return undefined;
  if (wanted.length > 0) return key.memberships.find(({ projectId }) => projectId === first);
  return key.memberships.find(({ projectId }) => projectId === key.defaultProjectId) ?? key.memberships[0];
}

/** The key that signed the request; the refusal says the same for an unknown key, a wrong secret and a lock. */
async function verifySignature(
  identity: Identity,
  request: AccessRequest,
  authorization: string,
): Promise<AccessKeyState> {
  const signature = parseSignature(authorization);
  if (signature === undefined)
    throw refuse(identity, request, "the Authorization header is not well formed", "malformed signature");
  const refusal = checkSignedRequest(request, signature, {
    now: identity.now(),
    skewSecondsMax: SIGNATURE_SKEW_SECONDS_MAX,
    unsignedPayloadAllowed: identity.settings.unsignedPayloadAllowed,
  });
  if (refusal !== undefined) throw refuse(identity, request, REFUSAL_TEXTS[refusal], refusal);

  const lockKey = `${signature.accessKey} ${request.address}`;
  const wasLocked = identity.signatureLockouts.isLocked(lockKey);
  const found = await identity.credentials.findAccessKey(signature.accessKey);
  const matches = signatureMatches(request, signature, found?.secretKey ?? NOBODYS_SECRET);
  if (wasLocked || identity.signatureLockouts.isLocked(lockKey)) {
    throw refuse(identity, request, "AK access failed to reach the limit,forbidden", "access key locked");
  }
  if (found === undefined || !matches || !found.state.usable) {
    identity.signatureLockouts.fail(lockKey);
    throw refuse(identity, request, "verify aksk signature fail", "wrong signature or key");
  }
  identity.signatureLockouts.succeed(lockKey);
  if (headerValues(request.rawHeaders, "x-security-token").length > 0) {
    throw refuse(
      identity,
      request,
      "X-Security-Token does not belong to this access key",
      "foreign security token",
    );
  }
  return found.state;
}

const REFUSAL_TEXTS: Readonly<Record<SignatureRefusal, string>> = {
  "date-missing": "X-Sdk-Date is missing or not of the form YYYYMMDDTHHMMSSZ",
  "date-unsigned": "X-Sdk-Date is not among the signed headers",
  "date-outside-window": "X-Sdk-Date is more than 15 minutes from the server's clock",
  "scope-day-differs": "the day of the credential is not that of X-Sdk-Date",
  "signed-header-absent": "a signed header is missing",
  "payload-hash-wrong": "X-Sdk-Content-Sha256 is not the hash of the body",
  "payload-unsigned": "the body of this request must be signed",
  "payload-unread": "an upload is signed as UNSIGNED-PAYLOAD, or sent with a token",
  "query-name-repeated": "a query parameter is repeated, and this scheme signs only the first",
};

function refuse(identity: Identity, request: AccessRequest, message: string, reason: string): Fault {
  identity.observe({ event: "authentication-refused", reason, address: request.address });
  return new Fault("unauthenticated", "credentials-refused", message);
}
