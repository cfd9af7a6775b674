/** Where a MySQL or MariaDB connection leads, as the driver takes it: the address is checked before it is dialled. */
import { connect, isIP, type Socket } from "node:net";
import type { ConnectionOptions, FieldPacket, SslOptions, TypeCast } from "mysql2";
import { readCertificate, readSwitch, textOf } from "../domain/connection-config.ts";
import { Fault } from "../domain/fault.ts";
import type { AddressGuard } from "./address-guard.ts";
import { hostOf, required } from "./connection-members.ts";
import type { WorkConnection } from "./operator.ts";
import type { SqlLimits } from "./settings.ts";

export type MysqlPackage = typeof import("mysql2");

/** What the driver is given; each call of `stream` dials. */
export type MysqlTarget = Omit<ConnectionOptions, "stream"> & { readonly stream: () => Socket };

const PORT = 3306;

/** What the driver's `next` reads as a text of the column's own character set, or as bytes where it has none. */
const TEXTS_OR_BYTES = new Set([
  ...["STRING", "VAR_STRING", "VARCHAR", "ENUM", "SET", "BIT"],
  ...["TINY_BLOB", "BLOB", "MEDIUM_BLOB", "LONG_BLOB"],
]);

/** Fault `engine-missing` where the package is not installed. */
export async function loadMysql(): Promise<MysqlPackage> {
  try {
    // A package in the older form of modules, whose getters only `default` has; its types know nothing of that.
    const found: MysqlPackage & { readonly default?: MysqlPackage } = await import("mysql2");
    return found.default ?? found;
  } catch (cause) {
    const message = "The package mysql2 is not installed on this server: npm install brings it.";
    throw new Fault("unavailable", "engine-missing", message, { cause });
  }
}

/**
 * `database` goes before the connection's own. Rows come as arrays of texts as the server wrote them. Faults: as of the
 * guard's `resolve`; `connection-invalid` for a connection without an address.
 */
export async function mysqlTarget(
  { connectTimeoutMs }: Pick<SqlLimits, "connectTimeoutMs">,
  guard: AddressGuard,
  connection: WorkConnection,
  wanted?: { readonly database?: string | undefined; readonly sessionName: string },
): Promise<MysqlTarget> {
  const { config } = connection;
  const host = hostOf(connection);
  const { address } = await guard.resolve(host);
  const port = Number(textOf(config, "port") || PORT);
  const database = wanted?.database ?? textOf(config, "database");
  return {
    host: verifiableHost(host),
    stream: () => connect({ host: address, port, noDelay: true, keepAlive: true }),
    user: textOf(config, "userName"),
    password: textOf(config, "password"),
    ...(database !== "" && { database }),
    connectTimeout: connectTimeoutMs,
    connectAttributes: { program_name: wanted?.sessionName ?? "azalai" },
    multipleStatements: true,
    // A server may not ask for files of ours; rows that an update leaves as they are do not count.
    flags: ["-LOCAL_FILES", "-FOUND_ROWS"],
    disableEval: true,
    rowsAsArray: true,
    jsonStrings: true,
    typeCast: castToText,
    ...(required(readSwitch(config, "sslEnable", false)) && {
      ssl: tlsOptions(textOf(config, "sslMode"), required(readCertificate(config))),
    }),
  };
}

/**
 * The driver asks a certificate for a name and never for an address; Node takes the dot at the end of a name away before
 * it looks, and so finds the address.
 */
function verifiableHost(host: string): string {
  return isIP(host) === 4 ? `${host}.` : host;
}

/** `sslMode` as for PostgreSQL: `require` encrypts without asking who answers, all else checks the certificate's name. */
function tlsOptions(mode: string, ca: string | undefined): SslOptions {
  const verify = mode !== "require";
  return { rejectUnauthorized: verify, verifyIdentity: verify, ...(ca !== undefined && { ca }) };
}

/** A column's value as the server writes it. */
export const textOrBytes: TypeCast = (field, next) => {
  if (TEXTS_OR_BYTES.has(field.type)) return next();
  return field.type === "GEOMETRY" ? field.buffer() : field.string("utf8");
};

/** Bytes as the server's own language writes them: `0x…`. */
const castToText: TypeCast = (field, next) => {
  const value: unknown = typeof textOrBytes === "function" ? textOrBytes(field, next) : null;
  return value instanceof Uint8Array ? `0x${Buffer.from(value).toString("hex")}` : (value ?? null);
};

/** The character set of what is no text. */
const BINARY = 63;
/** By the protocol's numbers: BIT, those of texts and blobs, and GEOMETRY. */
const BYTES = new Set([15, 16, 249, 250, 251, 252, 253, 254, 255]);

/** Whether a column's values are bytes. */
export function isBytes({ characterSet, columnType = -1 }: FieldPacket): boolean {
  return characterSet === BINARY && BYTES.has(columnType);
}
