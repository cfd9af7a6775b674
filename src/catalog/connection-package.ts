/** Packages of a workspace's connections, without their secrets, written as streams. */
import type { Readable } from "node:stream";
import { type Connection, isSecretMember } from "../domain/connection.ts";
import { packagePath } from "../domain/package.ts";
import { listConnectionsAfter } from "../store/connections.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { type ArchiveFile, writeArchive } from "../store/zip-archive.ts";
import { checkWorkspace, type WorkspaceDeps } from "./workspaces.ts";

export interface ConnectionExportDeps extends WorkspaceDeps {
  /** A connection as its create call takes it. */
  readonly encodeConnection: (connection: Connection) => unknown;
}

/** Connections that are read at a time. */
const PAGE = 100;

/** All of the workspace's connections but the product's own, each without its secrets. Fault: `workspace-missing`. */
export async function exportConnections(deps: ConnectionExportDeps, key: WorkspaceKey): Promise<Readable> {
  await checkWorkspace(deps.pool, deps, key);
  return writeArchive(listFiles(deps, key), deps.now());
}

async function* listFiles(
  { pool, encodeConnection }: ConnectionExportDeps,
  key: WorkspaceKey,
): AsyncGenerator<ArchiveFile> {
  for (let after = 0; ; ) {
    const page = await listConnectionsAfter(pool, key, after, PAGE);
    for (const connection of page) {
      const plain = Object.entries(connection.config).filter(([name]) => !isSecretMember(name));
      const document = encodeConnection({ ...connection, config: Object.fromEntries(plain) });
      yield { path: packagePath("connection", connection.name), content: JSON.stringify(document) };
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.id;
  }
}
