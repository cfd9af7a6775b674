/** Tokens: random texts that stand for a user and a scope for an hour, and can be taken back at any time. */
import { randomBytes } from "node:crypto";
import { Fault } from "../domain/fault.ts";
import {
  deleteExpiredTokens,
  deleteToken,
  insertToken,
  type Token,
  type TokenState,
} from "../store/tokens.ts";
import { tokenHash } from "./credentials.ts";
import type { Identity } from "./identity.ts";

const TOKEN_BYTES = 32;
/** Clients wish for at most 255; ours have 47. A longer text is no token and is not even hashed. */
const TOKEN_LENGTH_MAX = 255;
/** Each new token takes some ended ones away, so the table needs no other sweep. */
const EXPIRED_REMOVED_MAX = 20;

export interface TokenRequest extends Pick<Token, "userId" | "scope" | "projectId" | "methods"> {
  /** A token made from a token ends no later than that one. */
  readonly endsBy?: Date;
}

/** Issues a token and gives its text: the only time that it is seen. */
export async function issueToken(
  identity: Identity,
  request: TokenRequest,
): Promise<{ text: string; token: TokenState }> {
  const { userId, scope, projectId, methods, endsBy } = request;
  const now = identity.now();
  // Whole seconds: the wire shows no more of it, and what is shown must be what is kept.
  const issuedAt = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const end = new Date(issuedAt.getTime() + identity.settings.tokenLifeSeconds * 1000);
  const expiresAt = endsBy !== undefined && endsBy < end ? endsBy : end;
  const auditId = randomBytes(16).toString("base64url");
  // The prefix keeps a text from beginning with a dash, which command lines would take for an option.
  const text = `azt_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
  await insertToken(identity.pool, tokenHash(text), {
    auditId,
    userId,
    scope,
    projectId,
    methods,
    issuedAt,
    expiresAt,
  });
  await deleteExpiredTokens(identity.pool, now, EXPIRED_REMOVED_MAX);
  const token = await identity.credentials.findToken(text);
  if (token === undefined) throw refuseToken(identity);
  return { text, token };
}

/** The token with this text if it holds now; undefined when it is unknown, has ended, or lost its user, project or role. */
export async function findLiveToken(identity: Identity, text: string): Promise<TokenState | undefined> {
  if (text === "" || text.length > TOKEN_LENGTH_MAX) return undefined;
  const token = await identity.credentials.findToken(text);
  return token !== undefined && isLive(token, identity.now()) ? token : undefined;
}

/** Ends a token at once. */
export async function revokeToken(identity: Identity, text: string): Promise<void> {
  await deleteToken(identity.pool, tokenHash(text));
  identity.credentials.forget();
}

/** The refusal of a token that does not hold; words of the vendor's gateway (auth 2.4). */
export function refuseToken(identity: Identity, token?: TokenState): Fault {
  const ended = token !== undefined && token.expiresAt <= identity.now();
  const reason = ended ? `token expires, expires_at: ${token.expiresAt.toISOString()}` : "decrypt token fail";
  return new Fault("unauthenticated", "credentials-refused", reason);
}

function isLive(token: TokenState, now: Date): boolean {
  if (!token.usable || token.expiresAt <= now) return false;
  switch (token.scope) {
    case "project":
      return token.roles.length > 0;
    case "system":
      return token.administers;
    case "domain":
    case "unscoped":
      return true;
    default:
      return token.scope satisfies never;
  }
}
