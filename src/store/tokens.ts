/** The token table: hashes of the tokens that were issued, never the tokens themselves. */
import type { Role } from "../domain/user.ts";
import { type Database, execute, query } from "./database.ts";

export type TokenScope = "project" | "domain" | "system" | "unscoped";

/** A token as it was issued. */
export interface Token {
  /** Names the token where its text must not stand. */
  readonly auditId: string;
  readonly userId: string;
  readonly scope: TokenScope;
  /** Set exactly when the scope is a project. */
  readonly projectId: string | undefined;
  readonly methods: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** A token and what it is worth now. */
export interface TokenState extends Token {
  readonly userName: string;
  readonly projectName: string | undefined;
  /** False while its user or project is disabled. */
  readonly usable: boolean;
  /** The user's roles in the token's project. */
  readonly roles: readonly Role[];
  /** Whether the user holds the role admin in any enabled project. */
  readonly administers: boolean;
}

interface TokenRow {
  readonly audit_id: string;
  readonly user_id: string;
  readonly user_name: string;
  readonly project_id: string | null;
  readonly project_name: string | null;
  readonly scope: TokenScope;
  readonly methods: string[];
  readonly issued_at: Date;
  readonly expires_at: Date;
  readonly usable: boolean;
  readonly roles: Role[];
  readonly administers: boolean;
}

/** `hash` is SHA-256 of the token's text. */
export async function insertToken(db: Database, hash: Buffer, token: Token): Promise<void> {
  await execute(
    db,
    "insert-token",
    `insert into token (hash, audit_id, user_id, project_id, scope, methods, issued_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      hash,
      token.auditId,
      token.userId,
      token.projectId,
      token.scope,
      token.methods,
      token.issuedAt,
      token.expiresAt,
    ],
  );
}

/** The token with this hash, expired or not. */
export async function findToken(db: Database, hash: Buffer): Promise<TokenState | undefined> {
  const rows = await query<TokenRow>(
    db,
    "find-token",
    `select t.audit_id, t.user_id, u.name as user_name, t.project_id, p.name as project_name, t.scope, t.methods,
       t.issued_at, t.expires_at, u.enabled and coalesce(p.enabled, true) as usable,
       array(select r.role from role_assignment r where r.user_id = t.user_id and r.project_id = t.project_id) as roles,
       exists (
         select from role_assignment r join project q on q.id = r.project_id
         where r.user_id = t.user_id and r.role = 'admin' and q.enabled) as administers
     from token t join user_account u on u.id = t.user_id left join project p on p.id = t.project_id
     where t.hash = $1`,
    [hash],
  );
  return rows.map(tokenFromRow)[0];
}

export async function deleteToken(db: Database, hash: Buffer): Promise<void> {
  await execute(db, "delete-token", "delete from token where hash = $1", [hash]);
}

/** Ends the user's tokens: all of them, or those of one project and the ones that reach across projects. */
export async function deleteTokensOfUser(db: Database, userId: string, projectId?: string): Promise<void> {
  await execute(
    db,
    "delete-tokens-of-user",
    `delete from token where user_id = $1
       and ($2::uuid is null or project_id = $2 or scope in ('domain', 'system'))`,
    [userId, projectId],
  );
}

export async function deleteTokensOfProject(db: Database, projectId: string): Promise<void> {
  await execute(db, "delete-tokens-of-project", "delete from token where project_id = $1", [projectId]);
}

/** Removes tokens that ended before `now`, at most `limit`; how many those were. */
export async function deleteExpiredTokens(db: Database, now: Date, limit: number): Promise<number> {
  return await execute(
    db,
    "delete-expired-tokens",
    "delete from token where hash in (select hash from token where expires_at <= $1 order by expires_at limit $2)",
    [now, limit],
  );
}

function tokenFromRow(row: TokenRow): TokenState {
  return {
    auditId: row.audit_id,
    userId: row.user_id,
    userName: row.user_name,
    projectId: row.project_id ?? undefined,
    projectName: row.project_name ?? undefined,
    scope: row.scope,
    methods: row.methods,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    usable: row.usable,
    roles: row.roles,
    administers: row.administers,
  };
}
