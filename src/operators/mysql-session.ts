/** A session with a MySQL or MariaDB server: opened, lent to one attempt after the other, given up at the first doubt. */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Connection, RowDataPacket } from "mysql2";
import type { MysqlPackage, MysqlTarget } from "./mysql-connection.ts";
import type { SqlSession } from "./sql-driver.ts";

export interface MysqlSession extends SqlSession {
  readonly mysql: MysqlPackage;
  readonly connection: Connection;
  readonly firstRow: (sql: string) => Promise<readonly (string | null)[]>;
  /** Hangs up: the server finds that out when it next sends or reads. */
  readonly abandon: () => void;
  /** Has the server end the session and what it does, also in the middle of a statement. */
  readonly kill: () => Promise<void>;
}

const KILL_WAIT_MS = 5000;

/** Rejects when the server cannot be reached, or with the signal's reason when that was aborted first. */
export async function openMysqlSession(
  mysql: MysqlPackage,
  target: MysqlTarget,
  signal: AbortSignal,
): Promise<MysqlSession> {
  signal.throwIfAborted();
  const socket = target.stream();
  const connection = mysql.createConnection({ ...target, stream: socket });
  let alive = true;
  const lose = () => {
    alive = false;
  };
  connection.on("error", lose);
  connection.on("end", lose);
  // The driver's own `destroy` ends only what it sends.
  const abandon = () => void socket.destroy();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    await connected(connection, signal);
  } catch (error) {
    abandon();
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
  }
  const close = async () => {
    if (alive) {
      alive = false;
      connection.end(() => undefined);
      await closeOf(socket);
    }
    abandon();
  };
  return {
    mysql,
    connection,
    abandon,
    firstRow: (sql) => firstRow(connection, sql),
    usable: () => alive,
    close,
    kill: async () => {
      alive = false;
      if (!socket.destroyed) await killSession(mysql, target, connection, socket);
    },
    lend: async (_name, borrower, body) => {
      let clean = false;
      try {
        const outcome = await body();
        clean = outcome.state === "succeeded" && !borrower.aborted && (await reset(connection, target));
        return outcome;
      } finally {
        if (!clean) await close();
      }
    },
  };
}

/** What the driver tells of a failed connection comes as an event; of one that is destroyed it tells nothing. */
async function connected(connection: Connection, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  connection.connect((error) => (error === null ? resolve() : reject(error)));
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function firstRow(connection: Connection, sql: string): Promise<readonly (string | null)[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly (string | null)[]>();
  connection.query<(RowDataPacket & (string | null)[])[]>(sql, (error, rows) =>
    error === null ? resolve(rows[0] ?? []) : reject(error),
  );
  return await promise;
}

/** Logs in anew: takes back variables, temporary tables, locks, prepared statements, and the database that was chosen. */
async function reset(connection: Connection, { database }: MysqlTarget): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  connection.changeUser({ database: database ?? "" }, (error) => resolve(error === null));
  return await promise; // false: the script has succeeded all the same
}

/**
 * Ends the session from a second one, since the server looks for the end of the first between statements alone. Not only
 * its statement: one that was asleep would count as done, and the next would begin.
 */
async function killSession(
  mysql: MysqlPackage,
  target: MysqlTarget,
  connection: Connection,
  socket: Socket,
): Promise<void> {
  const line = target.stream();
  const messenger = mysql.createConnection({ ...target, stream: line });
  messenger.on("error", () => undefined);
  try {
    await connected(messenger, AbortSignal.timeout(KILL_WAIT_MS));
    const ended = closeOf(socket);
    messenger.query(`kill ${connection.threadId}`, () => undefined);
    await ended;
  } catch {
    // No second session to be had: the server notices that nobody listens.
  } finally {
    socket.destroy();
    line.destroy();
  }
}

/** Resolves when the server has hung up, or when it does not within some seconds. */
async function closeOf(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  await once(socket, "close", { signal: AbortSignal.timeout(KILL_WAIT_MS) }).catch(() => undefined);
}
