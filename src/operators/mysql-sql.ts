/** SQL scripts on the MySQL or MariaDB database of a connection. */
import type { FieldPacket, QueryError } from "mysql2";
import { Fault } from "../domain/fault.ts";
import { createAddressGuard } from "./address-guard.ts";
import { loadMysql, type MysqlPackage, mysqlTarget } from "./mysql-connection.ts";
import { type MysqlSession, openMysqlSession } from "./mysql-session.ts";
import type { Outcome, OutputForm, WorkContext } from "./operator.ts";
import { createSessionPool } from "./session-pool.ts";
import type { OperatorSettings, SqlLimits } from "./settings.ts";
import {
  databaseOf,
  type SqlDriver,
  sessionName,
  sizeOf,
  tooLong,
  tooMuch,
  useSession,
} from "./sql-driver.ts";
import { type Column, succeedWithRows, type TextRow } from "./sql-rows.ts";

export function createMysqlDriver(
  settings: Pick<OperatorSettings, "allowedAddresses" | "sql" | "sessions">,
): SqlDriver {
  const guard = createAddressGuard(settings.allowedAddresses);
  const pool = createSessionPool<MysqlSession>(settings.sessions);
  return {
    stop: pool.stop,
    run: async (script, context) => {
      const { work, connection, sql } = script;
      const { signal } = context;
      const wanted = { database: databaseOf(work), sessionName: sessionName(work) };
      const target = await mysqlTarget(settings.sql, guard, connection, wanted);
      const { database } = target;
      const mysql = await loadMysql();
      const body = (session: MysqlSession) =>
        runScript(settings.sql, session, { sql, form: work.outputForm }, context);
      return await useSession(pool, {
        ...{ script, signal, database, definition: JSON.stringify([connection.config, database]), body },
        open: () => openMysqlSession(mysql, target, signal),
      });
    },
  };
}

/** What the last statement of a script answered. */
interface Answer {
  columns: readonly Column[];
  rows: TextRow[];
  rowCount: number;
}

/** What the driver says of a statement without rows; the types of the package have it inside of a union. */
interface Done {
  readonly affectedRows: number;
  readonly warningStatus: number;
}

async function runScript(
  limits: SqlLimits,
  session: MysqlSession,
  { sql, form }: { readonly sql: string; readonly form: OutputForm },
  context: WorkContext,
): Promise<Outcome> {
  let killed: Promise<void> | undefined;
  const kill = () => {
    killed ??= session.kill();
  };
  context.signal.addEventListener("abort", kill, { once: true });
  try {
    context.signal.throwIfAborted();
    const answer = await runStatements(limits, session, { sql, kill }, context);
    return succeedWithRows(answer, form, context.log);
  } catch (error) {
    throw (error as Partial<QueryError>).fatal === true ? lost(error) : error;
  } finally {
    context.signal.removeEventListener("abort", kill);
    await killed;
  }
}

/** Each statement commits by itself unless the script begins a transaction; the first that fails is the last. */
function runStatements(
  limits: SqlLimits,
  { mysql, connection, abandon }: MysqlSession,
  { sql, kill }: { readonly sql: string; readonly kill: () => void },
  { log }: WorkContext,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  let answer: Answer = { columns: [], rows: [], rowCount: 0 };
  let read = { rows: 0, bytes: 0 };
  const limit = setTimeout(() => {
    reject(tooLong(limits));
    kill();
  }, limits.statementTimeoutMs);
  const next = (columns: readonly Column[]) => {
    if (answer.columns.length > 0) log(`${answer.rowCount} rows\n`);
    answer = { columns, rows: [], rowCount: 0 };
    limit.refresh();
  };
  const query = connection.query({ sql });
  query.on("fields", (fields: readonly FieldPacket[] | undefined) =>
    next(fields?.map((field) => columnOf(mysql, field)) ?? []),
  );
  query.on("result", (result: TextRow | Done) => {
    if ("affectedRows" in result) {
      log(doneLine(result));
      return;
    }
    answer.rowCount += 1;
    if (answer.rows.length < limits.outputRowsMax) answer.rows.push(result);
    read = { rows: read.rows + 1, bytes: read.bytes + sizeOf(result) };
    if (read.rows <= limits.readRowsMax && read.bytes <= limits.readBytesMax) return;
    reject(tooMuch(limits));
    abandon();
  });
  query.on("error", reject);
  query.on("end", () => resolve(answer));
  // What ends the connection is told to it where the query has no callback.
  connection.once("error", reject);
  return promise.finally(() => {
    clearTimeout(limit);
    connection.off("error", reject);
  });
}

/** As the driver calls the type, e.g. `varchar`; lower case as PostgreSQL's. */
function columnOf(mysql: MysqlPackage, { name, columnType, extendedTypeName }: FieldPacket): Column {
  const known: unknown = Object.entries(mysql.Types).find(([code]) => code === String(columnType))?.[1];
  return { name, type: (extendedTypeName ?? String(known ?? "other")).toLowerCase() };
}

function doneLine({ affectedRows, warningStatus }: Done): string {
  const warnings = warningStatus === 0 ? "" : `, ${warningStatus} warnings`;
  return `OK, ${affectedRows} rows affected${warnings}\n`;
}

function lost(cause: unknown): Fault {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Fault(
    "unavailable",
    "server-unavailable",
    `The connection to the database was lost (${reason}): whether its last statement took effect is not known.`,
    { cause },
  );
}
