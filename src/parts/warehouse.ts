/** The database for users' data that comes with an embedded server: made there, and offered to SQL nodes. */
import { join } from "node:path";
import { addConnection, type ConnectionDeps } from "../catalog/connections.ts";
import { Fault } from "../domain/fault.ts";
import { DEFAULT_WORKSPACE } from "../domain/project.ts";
import { OPERATOR_DEFAULTS } from "../operators/settings.ts";
import type { DatabaseConnection } from "../store/database.ts";
import { ensureOwnedDatabase } from "../store/owned-database.ts";
import { readOrCreateSecret } from "./secret-file.ts";

const CONNECTIONS_MAX = 20;

/** `server` is the superuser's connection to the embedded server. Gives that of users' nodes. */
export async function makeWarehouse(
  server: DatabaseConnection,
  dataDir: string,
): Promise<DatabaseConnection> {
  return await ensureOwnedDatabase(server, {
    name: "warehouse",
    password: await readOrCreateSecret(join(dataDir, "warehouse.password")),
    connectionsMax: CONNECTIONS_MAX,
    statementTimeoutMs: OPERATOR_DEFAULTS.sql.statementTimeoutMs,
    temporaryFilesMaxBytes: OPERATOR_DEFAULTS.sql.duckdbSpillBytes,
  });
}

/** Adds the connection by which SQL nodes of the project reach it, unless there is one of that name. */
export async function offerWarehouse(catalog: ConnectionDeps, projectId: string): Promise<void> {
  const owner = { projectId, workspaceId: DEFAULT_WORKSPACE };
  try {
    await addConnection(catalog, owner, "azalai", {
      name: "warehouse",
      type: "RDS",
      description: "The embedded PostgreSQL's database for your data",
      config: {},
      warehouse: true,
    });
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "connection-exists") throw error;
  }
}
