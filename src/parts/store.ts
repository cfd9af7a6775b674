/** Everything that lasts, opened: the database, embedded or not, and the folder of stored files. */
import { join } from "node:path";
import type { Config } from "../config.ts";
import { type BlobStore, createFolderBlobs } from "../store/blobs.ts";
import { createBuckets, type ProjectBuckets } from "../store/buckets.ts";
import { type DatabaseConnection, type OpenDatabase, openDatabase } from "../store/database.ts";
import { connectDirectly, type DirectConnection } from "../store/direct-connection.ts";
import { openEmbedded } from "../store/embedded.ts";
import { recordArrival } from "../store/file-arrivals.ts";
import { MIGRATIONS_FOLDER, migrate } from "../store/migrate.ts";
import type { Outlook } from "./outlook.ts";
import { makeWarehouse } from "./warehouse.ts";

export interface Store {
  readonly pool: OpenDatabase["pool"];
  readonly cut: OpenDatabase["cut"];
  /** A session of our own beside the pool; an embedded database that has died is started again before. */
  readonly connect: () => Promise<DirectConnection>;
  readonly blobs: BlobStore;
  /** The server's own ones. What arrives in them starts the jobs that wait for it. */
  readonly bucketsOf: (projectId: string) => ProjectBuckets;
  /** Of the database for users' data; absent on an external server. */
  readonly warehouse?: DatabaseConnection;
}

export interface StoreSurroundings {
  readonly now: () => Date;
  readonly outlook: Outlook;
  /** What ends each part, in the order of their beginnings. */
  readonly undo: (() => Promise<unknown>)[];
}

const CONNECTIONS_MAX = 16;

/**
 * Its tables are those of this release when it resolves.
 * @throws Fault `server-unavailable` where the database cannot be had.
 */
export async function openStore(
  { databaseUrl, dataDir }: Config,
  { now, outlook, undo }: StoreSurroundings,
): Promise<Store> {
  const { observe, metrics } = outlook;
  const embedded =
    databaseUrl === undefined ? await openEmbedded(join(dataDir, "postgres"), observe) : undefined;
  if (embedded !== undefined) undo.push(embedded.stop);
  const where = embedded?.connection ?? databaseUrl ?? "";
  const { pool, close, cut } = await openDatabase(where, observe, {
    connectionsMax: CONNECTIONS_MAX,
    onStatement: metrics.onStatement,
  });
  undo.push(close);
  const client = await pool.connect();
  try {
    await migrate(client, MIGRATIONS_FOLDER, now, observe);
  } finally {
    client.release();
  }
  const blobs = createFolderBlobs(join(dataDir, "blobs"));
  return {
    pool,
    cut,
    connect: async () => {
      await embedded?.revive();
      return await connectDirectly(where);
    },
    blobs,
    bucketsOf: (projectId) =>
      createBuckets(blobs, projectId, (path) => recordArrival(pool, projectId, path, now())),
    ...(embedded !== undefined && { warehouse: await makeWarehouse(embedded.connection, dataDir) }),
  };
}
