/** `RDSSQL` and `DWSSQL`: SQL on the database of a connection, by the driver of its kind (product 5; dataarts-factory 4.12). */
import { textOf } from "../domain/connection-config.ts";
import { type ConnectionKind, kindOf } from "../domain/connection-kind.ts";
import { Fault } from "../domain/fault.ts";
import { failedBy, refuse, settleAttempt } from "./command.ts";
import { createMysqlDriver } from "./mysql-sql.ts";
import type { Operator, WorkConnection } from "./operator.ts";
import type { PostgresSettings } from "./postgres-connection.ts";
import { createPostgresDriver } from "./postgres-sql.ts";
import { programText } from "./program-text.ts";
import type { OperatorSettings } from "./settings.ts";
import type { SqlDriver } from "./sql-driver.ts";

export function createDatabaseOperator(
  settings: PostgresSettings & Pick<OperatorSettings, "sessions">,
): Operator {
  const drivers: Readonly<Partial<Record<ConnectionKind, SqlDriver>>> = {
    postgres: createPostgresDriver(settings),
    mysql: createMysqlDriver(settings),
  };
  return {
    types: ["RDSSQL", "DWSSQL"],
    lane: "process",
    stop: async () => void (await Promise.all(Object.values(drivers).map((driver) => driver.stop()))),
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const sql = programText(work);
        if (sql === undefined) return refuse(`A ${work.type} node runs a script or a statement, not a file.`);
        const { connection } = work;
        if (connection === undefined)
          return refuse(`The ${work.type} node "${work.nodeName}" names no connection.`);
        const driver = drivers[kindOf(connection.type, connection.config)] ?? refuseDriver(connection);
        try {
          return await driver.run({ work, connection, sql }, context);
        } catch (error) {
          return failedBy(error, context);
        }
      }),
  };
}

function refuseDriver({ name, type, config }: WorkConnection): never {
  throw new Fault(
    "unsupported",
    "engine-missing",
    `The connection "${name}" is for ${textOf(config, "driverName") || type}; PostgreSQL, MySQL and MariaDB are served, others are not yet.`,
  );
}
