/** A real PostgreSQL for tests: one server for a whole run, a fresh copy of the migrated database for each who asks. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Client, type Pool } from "pg";
import { inject } from "vitest";
import { type DatabaseConnection, openDatabase } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/embedded.ts";
import { MIGRATIONS_FOLDER, migrate } from "../../src/store/migrate.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Of this run: where the embedded server lies, or the URL of an outside one. */
    readonly postgres: { readonly run: string; readonly folder: string; readonly url?: string };
  }
}

export interface TestDatabase {
  readonly pool: Pool;
  readonly connection: DatabaseConnection;
  /** Ends the pool and drops the database; done by itself after the test file. */
  close(): Promise<void>;
}

/** Nothing here has to outlive the machine, so nothing waits for the disk. */
const FAST = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "600" };

const TEMPLATE_LOCK = 7_305_001;

const open = new Set<TestDatabase>();
let prepared: Promise<DatabaseConnection> | undefined;

/** A database of its own, migrated, empty. */
export async function testDatabase(): Promise<TestDatabase> {
  const server = await testServer();
  const database = `${inject("postgres").run}_${randomUUID().replaceAll("-", "").slice(0, 12)}`;
  await onServer(server, (client) =>
    client.query(`create database ${database} template ${templateName()} strategy wal_log`),
  );
  const connection = { ...server, database };
  const { pool, close } = await openDatabase(connection, () => undefined);
  const made: TestDatabase = {
    pool,
    connection,
    async close() {
      if (!open.delete(made)) return;
      await close();
      await onServer(server, (client) => client.query(`drop database ${database} with (force)`));
    },
  };
  open.add(made);
  return made;
}

/** Closes whatever this test file left open. */
export async function closeTestDatabases(): Promise<void> {
  await Promise.all([...open].map((database) => database.close()));
}

/** The run's server as its superuser, the template made. The first who asks starts it; other workers find it running. */
export function testServer(): Promise<DatabaseConnection> {
  prepared ??= prepare();
  return prepared;
}

async function prepare(): Promise<DatabaseConnection> {
  const { folder, url } = inject("postgres");
  const server =
    url === undefined
      ? (await openEmbedded(join(folder, "postgres"), () => undefined, { settings: FAST })).connection
      : connectionOf(url);
  await onServer(server, async (client) => {
    await client.query("select pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    const { rows } = await client.query("select from pg_database where datname = $1", [templateName()]);
    if (rows.length === 0) await makeTemplate(client, server);
  });
  return server;
}

/** Made under another name first, so that a template whose migration failed is never taken for one. */
async function makeTemplate(client: Client, server: DatabaseConnection): Promise<void> {
  const partial = `${templateName()}_partial`;
  await client.query(`drop database if exists ${partial}`);
  await client.query(`create database ${partial}`);
  await onServer({ ...server, database: partial }, (inside) =>
    migrate(
      inside,
      MIGRATIONS_FOLDER,
      () => new Date(0),
      () => undefined,
    ),
  );
  await client.query(`alter database ${partial} rename to ${templateName()}`);
}

function templateName(): string {
  return `${inject("postgres").run}_template`;
}

async function onServer<Value>(
  server: DatabaseConnection,
  work: (client: Client) => Promise<Value>,
): Promise<Value> {
  const client = new Client(server);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Parts of a `postgresql://` URL. */
function connectionOf(url: string): DatabaseConnection {
  const { hostname, port, username, password, pathname } = new URL(url);
  const database = decodeURIComponent(pathname.slice(1)) || "postgres";
  return {
    host: hostname,
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database,
  };
}
