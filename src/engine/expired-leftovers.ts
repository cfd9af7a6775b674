/** What nobody can reach any more: the rest of deleted projects, and files whose owner was lost before it was written. */
import { transaction } from "../store/database.ts";
import {
  deleteInstancesOfDeletedProject,
  deleteLinesOfDeletedProject,
  forgetDeletedProject,
  listDeletedProjects,
  listUnknownFiles,
  listUnknownProjects,
} from "../store/old-records.ts";
import { STORED_FILES_FOLDER, storedFileKey } from "../store/stored-files.ts";
import type { Expired, RetentionWorld } from "./expired.ts";

const BATCH_MAX = 500;
/** An upload that began so long ago has ended, one way or the other. */
const UPLOAD_MS = 24 * 3600_000;
const PROJECT_ID = /^[0-9a-f]{32}$/;

/** Instances of deleted projects, and their stored files. */
export async function findDeletedProjects({ pool, blobs }: RetentionWorld): Promise<Expired[]> {
  const stored = (await blobs.projects()).filter((name) => PROJECT_ID.test(name));
  const withFiles = new Set(await listUnknownProjects(pool, stored));
  const withRows = new Map((await listDeletedProjects(pool)).map(({ projectId, rows }) => [projectId, rows]));
  const expired: Expired[] = [];
  for (const projectId of new Set([...withRows.keys(), ...withFiles]))
    expired.push({
      kind: "deleted-project",
      projectId,
      what: "instances and stored files",
      rows: withRows.get(projectId) ?? 0,
      bytes: await blobs.usedBytes(projectId, ""),
      oldest: null,
      remove: () => removeProject(projectId),
    });
  return expired;

  async function removeProject(projectId: string): Promise<boolean> {
    let deleted: number;
    do deleted = await transaction(pool, (db) => deleteInstancesOfDeletedProject(db, projectId, BATCH_MAX));
    while (deleted > 0);
    while ((await deleteLinesOfDeletedProject(pool, projectId, BATCH_MAX)) > 0);
    await blobs.deleteProject(projectId);
    return await forgetDeletedProject(pool, projectId);
  }
}

/** Uploads that came without the row that would name them, a day after: their server ended in between. */
export async function findStrayFiles({ pool, blobs, projects, now }: RetentionWorld): Promise<Expired[]> {
  const before = new Date(now.getTime() - UPLOAD_MS);
  const expired: Expired[] = [];
  for (const { projectId } of projects) {
    const ids = await blobs.names(projectId, STORED_FILES_FOLDER);
    const unknown = await listUnknownFiles(
      pool,
      projectId,
      ids.filter((id) => PROJECT_ID.test(id)),
    );
    for (const id of unknown) {
      const key = storedFileKey(id);
      const changedAt = await blobs.changedAt(projectId, key);
      if (changedAt === undefined || changedAt >= before) continue;
      expired.push({
        kind: "files",
        projectId,
        what: `an upload without a name, ${id}`,
        rows: 1,
        bytes: await blobs.usedBytes(projectId, key),
        oldest: changedAt,
        remove: async () => {
          await blobs.delete(projectId, key);
          return true;
        },
      });
    }
  }
  return expired;
}

/** Files that a server began to write and never finished; gives how many were removed. */
export async function removeUnfinished({ blobs, now }: RetentionWorld): Promise<number> {
  return await blobs.deleteUnfinished(new Date(now.getTime() - UPLOAD_MS));
}
