/** SQL scripts on the PostgreSQL database of a connection. */
import { type Client, type ClientConfig, Query, types } from "pg";
import { Fault } from "../domain/fault.ts";
import { createAddressGuard } from "./address-guard.ts";
import type { Outcome, OutputForm, WorkContext } from "./operator.ts";
import { type PostgresSettings, postgresConfig } from "./postgres-connection.ts";
import { cancelBackend, openPostgresSession, type PostgresSession } from "./postgres-session.ts";
import { createSessionPool } from "./session-pool.ts";
import type { OperatorSettings, SqlLimits } from "./settings.ts";
import { databaseOf, type SqlDriver, sessionName, useSession } from "./sql-driver.ts";
import { type Column, succeedWithRows, type Table, type TextRow } from "./sql-rows.ts";

export function createPostgresDriver(
  settings: PostgresSettings & Pick<OperatorSettings, "sessions">,
): SqlDriver {
  const guard = createAddressGuard(settings.allowedAddresses);
  const pool = createSessionPool<PostgresSession>(settings.sessions);
  return {
    stop: pool.stop,
    run: async (script, context) => {
      const { work, connection, sql } = script;
      const { signal } = context;
      const config: ClientConfig = {
        ...(await postgresConfig(settings, guard, connection, databaseOf(work))),
        ...{ application_name: sessionName(work), statement_timeout: settings.sql.statementTimeoutMs },
      };
      const body = (session: PostgresSession) =>
        runScript(settings.sql, session, { sql, form: work.outputForm }, context);
      return await useSession(pool, {
        ...{ script, signal, database: config.database, definition: JSON.stringify(config), body },
        open: () => openPostgresSession(config, signal),
      });
    },
  };
}

async function runScript(
  limits: SqlLimits,
  { client, config }: PostgresSession,
  { sql, form }: { readonly sql: string; readonly form: OutputForm },
  context: WorkContext,
): Promise<Outcome> {
  const tell = (notice: { severity?: string | undefined; message?: string | undefined }) =>
    context.log(`${notice.severity ?? "NOTICE"}: ${notice.message ?? ""}\n`);
  const cancel = () => void cancelBackend(config, client);
  client.on("notice", tell);
  context.signal.addEventListener("abort", cancel, { once: true });
  try {
    context.signal.throwIfAborted();
    return succeedWithRows(await runQuery(limits, client, sql, context), form, context.log);
  } finally {
    context.signal.removeEventListener("abort", cancel);
    client.off("notice", tell);
  }
}

/** All statements in one round, as `psql -c` sends them: one transaction unless the script makes its own. */
function runQuery(limits: SqlLimits, client: Client, sql: string, context: WorkContext): Promise<Table> {
  const { promise, resolve, reject } = Promise.withResolvers<Table>();
  const rowsOf = new Map<unknown, { rows: TextRow[]; rowCount: number }>();
  let readRows = 0;
  let readBytes = 0;
  const query = new Query<string[]>(textQuery(sql));
  // With this listener pg keeps no rows itself; `result` is another object for each statement.
  query.on("row", (row: TextRow, result: unknown) => {
    const kept = rowsOf.get(result) ?? { rows: [], rowCount: 0 };
    rowsOf.clear(); // only the last statement's rows are of use
    rowsOf.set(result, kept);
    kept.rowCount += 1;
    if (kept.rows.length < limits.outputRowsMax) kept.rows.push(row);
    readRows += 1;
    readBytes += row.reduce((sum, value) => sum + (value?.length ?? 0), 0);
    if (readRows <= limits.readRowsMax && readBytes <= limits.readBytesMax) return;
    reject(tooMuch(limits));
    client.connection.stream.destroy();
  });
  query.on("error", reject);
  query.on("end", (results: Statement | Statement[]) => {
    const statements = [results].flat();
    for (const { command, rowCount } of statements)
      if (command !== null) context.log(`${command} ${rowCount ?? ""}\n`);
    const last = statements.at(-1);
    const columns = last?.fields.map(columnOf) ?? [];
    resolve({ columns, ...(rowsOf.get(last) ?? { rows: [], rowCount: 0 }) });
  });
  client.query(query);
  return promise;
}

/** What pg says of a statement when all have ended. */
interface Statement {
  readonly command: string | null;
  readonly rowCount: number | null;
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(types.builtins).map(([name, oid]) => [oid, name.toLowerCase()]),
);

/** A type that PostgreSQL does not bring, or a list of another, is called `other`: its name would cost a query. */
function columnOf({ name, dataTypeID }: Statement["fields"][number]): Column {
  return { name, type: TYPE_NAMES.get(dataTypeID) ?? "other" };
}

/** Values stay the text that PostgreSQL wrote. */
function textQuery(text: string) {
  return { text, rowMode: "array", types: { getTypeParser: () => String } };
}

function tooMuch({ readRowsMax, readBytesMax }: SqlLimits): Fault {
  const message = `The script sends back more than ${readRowsMax} rows or ${readBytesMax} bytes: put a limit on it.`;
  return new Fault("too-large", "body-too-large", message);
}
