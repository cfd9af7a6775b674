/** What answers at the other end of a connection, by its type and its driver (dataarts-factory 4.12). */
import type { ConnectionConfig, ConnectionType } from "./connection.ts";
import { textOf } from "./connection-config.ts";

/** `other`: nothing that this server has a driver for. */
export type ConnectionKind = "postgres" | "mysql" | "host" | "hive" | "duckdb" | "s3" | "kafka" | "other";

const KINDS: Readonly<Record<Exclude<ConnectionType, "RDS">, ConnectionKind>> = {
  DWS: "postgres",
  DLI: "duckdb",
  SparkSQL: "hive",
  HIVE: "hive",
  Hive: "hive",
  CloudTable: "other",
  HOST: "host",
  Kafka: "kafka",
  S3: "s3",
};
const MYSQL_DRIVER = /mysql|mariadb/i;
const OTHER_DRIVER = /oracle|sqlserver|mssql|clickhouse|db2/i;
const MYSQL_PORT = "3306";

/** A database of type RDS is what its `driverName` says; without one, what its port is known for. */
export function kindOf(type: ConnectionType, config: ConnectionConfig): ConnectionKind {
  if (type !== "RDS") return KINDS[type];
  const driver = textOf(config, "driverName");
  if (MYSQL_DRIVER.test(driver)) return "mysql";
  if (OTHER_DRIVER.test(driver)) return "other";
  return driver === "" && textOf(config, "port") === MYSQL_PORT ? "mysql" : "postgres";
}
