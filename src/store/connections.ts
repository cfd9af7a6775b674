/** The connection table. Secrets go in and out sealed: catalog/connections.ts holds the keys. */
import type { Connection, ConnectionConfig, ConnectionType } from "../domain/connection.ts";
import type { Page } from "../domain/page.ts";
import { UNIQUE } from "./constraints.ts";
import { type Database, execute, query } from "./database.ts";
import { hasCode } from "./file-system.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** A connection with its secrets still sealed; null where it has none. */
export interface SealedConnection extends Connection {
  readonly secretsSealed: Buffer | null;
}

/** What a save writes. */
export interface ConnectionWrite {
  readonly description: string | null;
  /** With the mask in place of each secret. */
  readonly config: ConnectionConfig;
  readonly secretsSealed: Buffer | null;
  readonly by: string;
  readonly at: Date;
}

const COLUMNS = `project_id, workspace_id, id, name, type, description, config, secrets_sealed, warehouse,
  created_at, created_by, updated_at, updated_by`;

/** One page of a workspace's connections, newest first, and how many there are in all; `nameContains` heeds case. */
export async function listConnections(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  nameContains: string,
  page: Page,
): Promise<{ connections: Connection[]; total: number }> {
  const [total, rows] = await Promise.all([
    query<{ total: number }>(
      db,
      "count-connections",
      "select count(*) as total from connection where project_id = $1 and workspace_id = $2 and strpos(name, $3) > 0",
      [projectId, workspaceId, nameContains],
    ),
    query<ConnectionRow>(
      db,
      "list-connections",
      `select ${COLUMNS} from connection where project_id = $1 and workspace_id = $2 and strpos(name, $3) > 0
       order by id desc offset $4 limit $5`,
      [projectId, workspaceId, nameContains, page.offset, page.limit],
    ),
  ]);
  return { connections: rows.map(connectionFromRow), total: total[0]?.total ?? 0 };
}

/** The workspace's connections but the product's own, those with higher ids than `after` first made first. */
export async function listConnectionsAfter(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  after: number,
  limit: number,
): Promise<Connection[]> {
  const rows = await query<ConnectionRow>(
    db,
    "list-connections-after",
    `select ${COLUMNS} from connection
     where project_id = $1 and workspace_id = $2 and id > $3 and not warehouse order by id limit $4`,
    [projectId, workspaceId, after, limit],
  );
  return rows.map(connectionFromRow);
}

export async function findConnection(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<SealedConnection | undefined> {
  const rows = await query<ConnectionRow>(
    db,
    "find-connection",
    `select ${COLUMNS} from connection where project_id = $1 and workspace_id = $2 and name = $3`,
    [projectId, workspaceId, name],
  );
  return rows.map(connectionFromRow)[0];
}

/** Types by name; those that do not exist are left out. */
export async function listConnectionTypes(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const rows = await query<{ readonly name: string; readonly type: string }>(
    db,
    "list-connection-types",
    "select name, type from connection where project_id = $1 and workspace_id = $2 and name = any ($3)",
    [projectId, workspaceId, names],
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}

/** As `findConnection`; until the transaction ends nobody else changes or deletes it. */
export async function lockConnection(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<SealedConnection | undefined> {
  const rows = await query<ConnectionRow>(
    db,
    "lock-connection",
    `select ${COLUMNS} from connection where project_id = $1 and workspace_id = $2 and name = $3 for no key update`,
    [projectId, workspaceId, name],
  );
  return rows.map(connectionFromRow)[0];
}

/** Adds a connection: `added`, or which rule of the table refuses it. */
export async function insertConnection(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  write: ConnectionWrite & {
    readonly name: string;
    readonly type: ConnectionType;
    readonly warehouse: boolean;
  },
): Promise<"added" | "name-taken" | "second-dli"> {
  try {
    const inserted = await execute(
      db,
      "insert-connection",
      `insert into connection (project_id, workspace_id, name, type, description, config, secrets_sealed, warehouse,
                               created_at, created_by, updated_at, updated_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10)
       on conflict (project_id, workspace_id, name) do nothing`,
      [
        projectId,
        workspaceId,
        write.name,
        write.type,
        write.description,
        JSON.stringify(write.config),
        write.secretsSealed,
        write.warehouse,
        write.at,
        write.by,
      ],
    );
    return inserted === 1 ? "added" : "name-taken";
  } catch (error) {
    // The one other unique rule of the table: connection_one_dli.
    if (hasCode(error, [UNIQUE])) return "second-dli";
    throw error;
  }
}

export async function updateConnection(
  db: Database,
  { projectId, id }: Connection,
  { description, config, secretsSealed, by, at }: ConnectionWrite,
): Promise<void> {
  await execute(
    db,
    "update-connection",
    `update connection set description = $3, config = $4, secrets_sealed = $5, updated_at = $6, updated_by = $7
     where project_id = $1 and id = $2`,
    [projectId, id, description, JSON.stringify(config), secretsSealed, at, by],
  );
}

/** Removes a connection; false where there is none of that name. */
export async function deleteConnection(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-connection",
    "delete from connection where project_id = $1 and workspace_id = $2 and name = $3",
    [projectId, workspaceId, name],
  );
  return deleted === 1;
}

interface ConnectionRow {
  readonly project_id: string;
  readonly workspace_id: string;
  readonly id: number;
  readonly name: string;
  readonly type: ConnectionType;
  readonly description: string | null;
  readonly config: ConnectionConfig;
  readonly secrets_sealed: Buffer | null;
  readonly warehouse: boolean;
  readonly created_at: Date;
  readonly created_by: string;
  readonly updated_at: Date;
  readonly updated_by: string;
}

function connectionFromRow(row: ConnectionRow): SealedConnection {
  return {
    projectId: row.project_id,
    workspaceId: row.workspace_id,
    id: row.id,
    name: row.name,
    type: row.type,
    description: row.description,
    config: row.config,
    secretsSealed: row.secrets_sealed,
    warehouse: row.warehouse,
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  };
}
