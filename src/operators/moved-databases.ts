/** The databases that rows are moved from and to: a session for each end, ended with the attempt. */

import { kindOf } from "../domain/connection-kind.ts";
import type { DatabaseEnd, Migration, MovedColumn } from "../domain/data-migration.ts";
import { nameParts } from "../domain/data-migration.ts";
import { Fault } from "../domain/fault.ts";
import { createAddressGuard } from "./address-guard.ts";
import type { RowStream } from "./moved-rows.ts";
import { loadMysql, mysqlTarget } from "./mysql-connection.ts";
import { quoteName as quoteMysql, readMysqlRows, writeMysqlRows } from "./mysql-rows.ts";
import { type MysqlSession, openMysqlSession } from "./mysql-session.ts";
import type { Work, WorkConnection } from "./operator.ts";
import { postgresConfig } from "./postgres-connection.ts";
import { quoteName as quotePostgres, readPostgresRows, writePostgresRows } from "./postgres-rows.ts";
import { cancelBackend, openPostgresSession, type PostgresSession } from "./postgres-session.ts";
import type { OperatorSettings } from "./settings.ts";

export type DatabaseSource = Exclude<Migration["source"], { readonly kind: "file" }>;
export type DatabaseTarget = Exclude<Migration["target"], { readonly kind: "file" }>;

export interface MovedDatabases {
  readonly read: (
    end: MovedEnd,
    source: DatabaseSource,
    columns: readonly MovedColumn[] | undefined,
    body: (rows: RowStream) => Promise<void>,
  ) => Promise<void>;
  readonly write: (
    end: MovedEnd,
    target: DatabaseTarget,
    truncate: boolean,
    rows: RowStream,
  ) => Promise<void>;
}

/** One side of a move: whose, and until when. */
export interface MovedEnd {
  readonly work: Work;
  readonly connection: WorkConnection | undefined;
  readonly signal: AbortSignal;
}

type DatabaseSettings = Pick<OperatorSettings, "allowedAddresses" | "ownDatabase" | "warehouse" | "sql">;

export function createMovedDatabases(settings: DatabaseSettings): MovedDatabases {
  const guard = createAddressGuard(settings.allowedAddresses);

  async function onPostgres(
    end: MovedEnd & { readonly connection: WorkConnection },
    database: string | undefined,
    body: (session: PostgresSession) => Promise<void>,
  ): Promise<void> {
    const { connection, signal, work } = end;
    const config = {
      ...(await postgresConfig(settings, guard, connection, database)),
      application_name: `azalai ${work.idempotencyKey}`.slice(0, 63),
    };
    const session = await openPostgresSession(config, signal);
    const cancel = () => void cancelBackend(config, session.client);
    await endedBy(signal, cancel, () => body(session)).finally(session.close);
  }

  async function onMysql(
    end: MovedEnd & { readonly connection: WorkConnection },
    database: string | undefined,
    body: (session: MysqlSession) => Promise<void>,
  ): Promise<void> {
    const { connection, signal, work } = end;
    const sessionName = `azalai ${work.idempotencyKey}`;
    const target = await mysqlTarget(settings.sql, guard, connection, { database, sessionName });
    const session = await openMysqlSession(await loadMysql(), target, signal);
    let failed = true;
    try {
      await endedBy(
        signal,
        () => void session.kill(),
        () => body(session),
      );
      failed = false;
    } finally {
      // A source whose rows are not wanted any more would have to send them all first.
      await (failed ? session.kill() : session.close());
    }
  }

  return {
    read: async (end, source, columns, body) => {
      const known = withConnection(end, "sourceConnectionName");
      if (kindOfEnd(known.connection) === "postgres")
        await onPostgres(known, source.database, ({ client }) =>
          readPostgresRows(client, queryOf(source, columns, quotePostgres), body),
        );
      else
        await onMysql(known, source.database, (session) =>
          readMysqlRows(session, queryOf(source, columns, quoteMysql), body),
        );
    },
    write: async (end, { database, table }, truncate, rows) => {
      const known = withConnection(end, "targetConnectionName");
      if (kindOfEnd(known.connection) === "postgres")
        await onPostgres(known, database, ({ client }) =>
          writePostgresRows(client, { table, truncate }, rows),
        );
      else await onMysql(known, database, (session) => writeMysqlRows(session, { table, truncate }, rows));
    },
  };
}

/** Runs `body`; an abort ends it by `cancel`, whatever it waits for. */
async function endedBy(signal: AbortSignal, cancel: () => void, body: () => Promise<void>): Promise<void> {
  signal.throwIfAborted();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    await body();
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function withConnection(end: MovedEnd, property: string): MovedEnd & { readonly connection: WorkConnection } {
  const { connection } = end;
  if (connection !== undefined) return { ...end, connection };
  throw new Fault("invalid", "reference-invalid", `The node's ${property} names no connection.`);
}

function kindOfEnd({ name, type, config }: WorkConnection): "postgres" | "mysql" {
  const kind = kindOf(type, config);
  if (kind === "postgres" || kind === "mysql") return kind;
  throw new Fault(
    "unsupported",
    "engine-missing",
    `The connection "${name}" of type ${type} leads to no database that rows are moved from or to: PostgreSQL, MySQL and MariaDB are served.`,
  );
}

/** What the source is asked; columns bear the names that they have in the target. */
function queryOf(
  source: DatabaseSource & DatabaseEnd,
  columns: readonly MovedColumn[] | undefined,
  quote: (name: string) => string,
): string {
  const names = columns?.map((column) => `${quote(column.source)} as ${quote(column.target)}`).join(", ");
  const from =
    "query" in source ? `(${source.query}) as moved` : nameParts(source.table).map(quote).join(".");
  return "query" in source && names === undefined ? source.query : `select ${names ?? "*"} from ${from}`;
}
