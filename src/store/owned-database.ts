/** A database for users' data in the embedded server, under a role that can reach nothing else there. */
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import type { DatabaseConnection } from "./database.ts";

export interface OwnedDatabase {
  /** Of the database and of the role that owns it. */
  readonly name: string;
  readonly password: string;
  readonly connectionsMax: number;
  /** For each statement, as long as the session does not set its own; the caller bounds what users run. */
  readonly statementTimeoutMs: number;
  /** Space for the temporary files of one session; the role cannot lift it. */
  readonly temporaryFilesMaxBytes: number;
}

/**
 * Makes the role and its database where they are missing, and sets password and limits to those given. The role may
 * enter no other database of the server. `server` is the superuser's connection.
 */
export async function ensureOwnedDatabase(
  server: DatabaseConnection,
  wanted: OwnedDatabase,
): Promise<DatabaseConnection> {
  const client = new Client(server);
  await client.connect();
  try {
    await ensureRole(client, wanted);
    await ensureDatabase(client, wanted.name);
  } finally {
    await client.end();
  }
  return { ...server, user: wanted.name, password: wanted.password, database: wanted.name };
}

async function ensureRole(client: Client, wanted: OwnedDatabase): Promise<void> {
  const role = escapeIdentifier(wanted.name);
  const { rows } = await client.query("select from pg_roles where rolname = $1", [wanted.name]);
  if (rows.length === 0) await client.query(`create role ${role}`);
  const nothingMore = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls";
  const limit = Math.trunc(wanted.connectionsMax);
  await client.query(
    `alter role ${role} ${nothingMore} connection limit ${limit} password ${escapeLiteral(wanted.password)}`,
  );
  await client.query(`alter role ${role} set statement_timeout = ${Math.trunc(wanted.statementTimeoutMs)}`);
  await client.query(
    `alter role ${role} set temp_file_limit = '${Math.ceil(wanted.temporaryFilesMaxBytes / 1024)}kB'`,
  );
}

async function ensureDatabase(client: Client, name: string): Promise<void> {
  const database = escapeIdentifier(name);
  const { rows } = await client.query("select from pg_database where datname = $1", [name]);
  if (rows.length === 0) await client.query(`create database ${database} owner ${database}`);
  await client.query(`revoke all on database ${database} from public`);
  const others = await client.query<{ datname: string }>(
    "select datname from pg_database where has_database_privilege('public', oid, 'connect')",
  );
  for (const { datname } of others.rows)
    await client.query(`revoke all on database ${escapeIdentifier(datname)} from public`);
}
