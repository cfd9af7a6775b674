/** What runs SQL scripts on one kind of database server. */
import { Fault } from "../domain/fault.ts";
import type { Outcome, Work, WorkConnection, WorkContext } from "./operator.ts";
import { type PooledSession, type SessionPool, warmOwner } from "./session-pool.ts";
import type { SqlLimits } from "./settings.ts";
import type { TextRow } from "./sql-rows.ts";

export interface SqlDriver {
  /** What goes wrong with the server or on it is an `Error` with words for the user. */
  readonly run: (script: SqlScript, context: WorkContext) => Promise<Outcome>;
  /** Ends what is kept between scripts. */
  readonly stop: () => Promise<void>;
}

export interface SqlScript {
  readonly work: Work;
  readonly connection: WorkConnection;
  readonly sql: string;
}

/** The database that a node asks for, beside the connection's own. */
export function databaseOf({ properties, script }: Work): string | undefined {
  return properties.database || script?.database || undefined;
}

/** How the attempt is called in the database's list of its sessions. */
function attemptName(work: Work): string {
  return `azalai ${work.idempotencyKey}`.slice(0, 63);
}

/** A warm session is of no attempt in particular. */
export function sessionName(work: Work): string {
  return work.warm === undefined ? attemptName(work) : "azalai";
}

/** A session with a database server that attempts can follow each other on. */
export interface SqlSession extends PooledSession {
  /**
   * Runs `body` for the attempt of that name and signal. After a success all that a script can set is as it was; after
   * anything else the session is of no more use.
   */
  readonly lend: (name: string, signal: AbortSignal, body: () => Promise<Outcome>) => Promise<Outcome>;
}

interface SessionUse<Session> {
  readonly script: SqlScript;
  readonly signal: AbortSignal;
  readonly database: string | undefined;
  /** What else makes the session what it is. */
  readonly definition: string;
  readonly open: () => Promise<Session>;
  readonly body: (session: Session) => Promise<Outcome>;
}

/** Runs the script on a session of its own, or on a warm one where its node asks for that. */
export async function useSession<Session extends SqlSession>(
  pool: SessionPool<Session>,
  { script: { work, connection }, signal, database, definition, open, body }: SessionUse<Session>,
): Promise<Outcome> {
  if (work.warm === undefined) {
    const session = await open();
    return await body(session).finally(session.close);
  }
  const owner = warmOwner(work, [connection.name, database]);
  return await pool.use({ owner, definition }, open, (session) =>
    session.lend(attemptName(work), signal, () => body(session)),
  );
}

/** What a row counts of the bytes that a script may send back. */
export function sizeOf(row: TextRow): number {
  return row.reduce((sum, value) => sum + (value?.length ?? 0), 0);
}

export function tooMuch({ readRowsMax, readBytesMax }: SqlLimits): Fault {
  const message = `The script sends back more than ${readRowsMax} rows or ${readBytesMax} bytes: put a limit on it.`;
  return new Fault("too-large", "body-too-large", message);
}

export function tooLong({ statementTimeoutMs }: Pick<SqlLimits, "statementTimeoutMs">): Fault {
  const message = `A statement took longer than ${statementTimeoutMs / 1000} s.`;
  return new Fault("unavailable", "server-unavailable", message);
}
