/** Where a PostgreSQL connection leads, as the driver takes it: the address is checked, the service's own database refused. */
import { isIP } from "node:net";
import type { ClientConfig } from "pg";
import { readCertificate, readSwitch, textOf } from "../domain/connection-config.ts";
import { kindOf } from "../domain/connection-kind.ts";
import { Fault } from "../domain/fault.ts";
import { type AddressGuard, addressesOf } from "./address-guard.ts";
import { hostOf, required } from "./connection-members.ts";
import type { WorkConnection } from "./operator.ts";
import type { OperatorSettings } from "./settings.ts";

export type PostgresSettings = Pick<
  OperatorSettings,
  "allowedAddresses" | "ownDatabase" | "warehouse" | "sql"
>;

const PORT = 5432;
const DATABASE = "postgres";

/**
 * `database` goes before the connection's own. Faults: as of the guard's `resolve`; `engine-missing` for a connection
 * to something else, and for the warehouse where there is none; `connection-invalid` for one without an address, or to
 * the service's own database.
 */
export async function postgresConfig(
  settings: PostgresSettings,
  guard: AddressGuard,
  connection: WorkConnection,
  database?: string,
): Promise<ClientConfig> {
  const connectionTimeoutMillis = settings.sql.connectTimeoutMs;
  if (!connection.warehouse)
    return { ...(await dialledConfig(settings, guard, connection, database)), connectionTimeoutMillis };
  if (settings.warehouse === undefined)
    throw new Fault(
      "unsupported",
      "engine-missing",
      "This server has no warehouse: its database is not the embedded one.",
    );
  return { ...(await settings.warehouse()), connectionTimeoutMillis };
}

async function dialledConfig(
  settings: PostgresSettings,
  guard: AddressGuard,
  connection: WorkConnection,
  wanted: string | undefined,
): Promise<ClientConfig> {
  const { name, type, config } = connection;
  if (kindOf(type, config) !== "postgres")
    throw new Fault(
      "unsupported",
      "engine-missing",
      `The connection "${name}" is for ${textOf(config, "driverName") || type}, not for PostgreSQL.`,
    );
  const host = hostOf(connection);
  const { address } = await guard.resolve(host);
  const port = Number(textOf(config, "port") || PORT);
  const database = wanted ?? (textOf(config, "database") || DATABASE);
  await refuseOwnDatabase(settings, { address, port, database });
  return {
    host: address, // the checked one; being an address it is no socket path either
    port,
    database,
    user: textOf(config, "userName"),
    password: textOf(config, "password"),
    ...(required(readSwitch(config, "sslEnable", false)) && {
      ssl: tlsOptions(host, textOf(config, "sslMode"), required(readCertificate(config))),
    }),
  };
}

/** `sslMode` as in libpq: `require` encrypts without asking who answers, all else checks the certificate's name. */
function tlsOptions(host: string, mode: string, ca: string | undefined) {
  return {
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    rejectUnauthorized: mode !== "require",
  };
}

async function refuseOwnDatabase(
  settings: PostgresSettings,
  target: { address: string; port: number; database: string },
): Promise<void> {
  const own = settings.ownDatabase;
  if (own === undefined || own.port !== target.port || own.database !== target.database) return;
  const same =
    own.host === target.address ||
    (await addressesOf(own.host)).some(({ address }) => address === target.address);
  if (same)
    throw new Fault("forbidden", "connection-invalid", "The connection leads to the service's own database.");
}
