/** Connections to PostgreSQL: the pool, named statements and transactions. */
import { strict as assert } from "node:assert";
import { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { Pool, type PoolClient, type QueryConfig, type QueryResult } from "pg";
import { Fault } from "../domain/fault.ts";
import type { Observe } from "../domain/observation.ts";
import { TYPES } from "./column-types.ts";
import { hasCode } from "./file-system.ts";
import { type OnStatement, timeStatements } from "./statement-times.ts";

/** Where a PostgreSQL is; `host` is a name, an address, or the folder of a socket (an absolute path). */
export interface DatabaseConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** What statements run on: the pool, or the client of a transaction. */
export interface Database {
  query<Row extends object>(statement: QueryConfig): Promise<QueryResult<Row>>;
}

/** What transactions start from. Rooms above name it by this, because they import no `pg`. */
export type DatabasePool = Pool;

export interface DatabaseOptions {
  /** Connections at most. */
  readonly connectionsMax?: number;
  /** A statement that runs longer is cancelled by the server; 0: none is. */
  readonly statementTimeoutMs?: number;
  readonly onStatement?: OnStatement;
}

export interface OpenDatabase {
  readonly pool: Pool;
  readonly close: () => Promise<void>;
  /** Breaks all connections, for a database that answers no more: what waits for it fails, and later calls connect anew. */
  readonly cut: () => void;
}

/** The oldest PostgreSQL that has everything that our statements use. */
const POSTGRES_MAJOR_MIN = 15;

const CONNECTIONS_MAX = 10;
const STATEMENT_TIMEOUT_MS = 60_000;
/**
 * Much longer than what recurs in an idle service: after pg's own ten seconds, some connection was always being made, and
 * that was most of what an idle service cost the database.
 */
const IDLE_TIMEOUT_MS = 5 * 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
const ATTEMPTS_MAX = 5;
const RETRY_DELAY_MS = 5;

/**
 * A pool that answers.
 * @throws Fault `server-unavailable` where the database cannot be reached or is older than PostgreSQL 15.
 */
export async function openDatabase(
  where: string | DatabaseConnection,
  observe: Observe,
  options: DatabaseOptions = {},
): Promise<OpenDatabase> {
  const sockets = new Set<Socket>();
  const pool = new Pool({
    ...(typeof where === "string" ? { connectionString: where } : where),
    application_name: "azalai",
    max: options.connectionsMax ?? CONNECTIONS_MAX,
    statement_timeout: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once("close", () => sockets.delete(socket));
    },
    types: TYPES,
  });
  // An idle connection that breaks is taken out of the pool by itself; without a listener it would end the process.
  let closing = false;
  const { onStatement } = options;
  if (onStatement !== undefined) pool.on("connect", (client) => timeStatements(client, onStatement));
  pool.on("error", (error) => {
    if (!closing) observe({ event: "database-connection-lost", error });
  });
  try {
    await checkVersion(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    pool,
    close: () => {
      closing = true;
      return pool.end();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function checkVersion(pool: Pool): Promise<void> {
  const { major, name } = await readVersion(pool);
  if (major >= POSTGRES_MAJOR_MIN) return;
  throw new Fault(
    "unavailable",
    "server-unavailable",
    `the database is PostgreSQL ${name}; Azalai needs ${POSTGRES_MAJOR_MIN} or newer`,
  );
}

async function readVersion(pool: Pool): Promise<{ major: number; name: string }> {
  const text =
    "select current_setting('server_version') as name, current_setting('server_version_num')::int / 10000 as major";
  try {
    const { rows } = await pool.query<{ major: number; name: string }>(text);
    return rows[0] ?? assert.fail("a statement without a table gives one row");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Fault("unavailable", "server-unavailable", `the database cannot be reached: ${reason}`, {
      cause,
    });
  }
}

/**
 * The rows of a statement. Each connection parses and plans a `name` once; a name stands for one text for ever (a
 * second text under it fails), at most 63 letters.
 */
export async function query<Row extends object>(
  db: Database,
  name: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return (await db.query<Row>({ name, text, values: [...values] })).rows;
}

/** How many rows a statement wrote; named as in `query`. */
export async function execute(
  db: Database,
  name: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<number> {
  return (await db.query({ name, text, values: [...values] })).rowCount ?? 0;
}

export interface TransactionOptions {
  readonly isolation?: "read committed" | "repeatable read" | "serializable";
  /** Tries in all, when the database ends one because of others that ran at the same time; `work` is done anew each time. */
  readonly attemptsMax?: number;
}

/** Runs `work` on one connection, all of it or nothing; `work` must do nothing outside the database. */
export async function transaction<Value>(
  pool: Pool,
  work: (db: Database) => Promise<Value>,
  { isolation = "read committed", attemptsMax = ATTEMPTS_MAX }: TransactionOptions = {},
): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transactionOnce(pool, work, isolation);
    } catch (error) {
      if (attempt >= attemptsMax || !isCollision(error)) throw error;
      await wait(RETRY_DELAY_MS * attempt);
    }
  }
}

/** A statement failed because the database is away or has no room, not for what it says: the same may pass a moment later. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (hasCode(error, ["ENOENT"])) return "syscall" in error && error.syscall === "connect"; // of its socket, not of a file
  return hasCode(error, OUTAGES) || LOST_CONNECTION.test(error.message);
}

/** The operator ended or starts it, connection failures, too many clients; and what the system says of its address. */
const OUTAGES = [
  ...["57P01", "57P02", "57P03", "08000", "08001", "08003", "08006", "53300"],
  ...["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH"],
];
/** What `pg` says without a code. */
const LOST_CONNECTION =
  /^Connection terminated|^timeout exceeded when trying to connect|^Client has encountered a connection error/;

/** Serialization failure or deadlock: the server rolled one back so that others go on. */
function isCollision(error: unknown): boolean {
  return hasCode(error, ["40001", "40P01"]);
}

async function transactionOnce<Value>(
  pool: Pool,
  work: (db: Database) => Promise<Value>,
  isolation: string,
): Promise<Value> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on("error", onError);
  try {
    await client.query(`begin isolation level ${isolation}`);
    const value = await work(client);
    await commit(client);
    return value;
  } catch (error) {
    await client.query("rollback").catch((failure: Error) => onError(failure)); // then the connection is thrown away
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/** The server answers "commit" with a rollback, and no error, when a failed statement was caught on the way. */
async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query("commit");
  assert.equal(command, "COMMIT", "a statement of the transaction failed and its error was caught");
}
