/** The stored_file table: what is known about each file of the internal store; the bytes lie in the blob store. */
import type { StoredFile } from "../domain/job-binary.ts";
import { type Database, execute, query } from "./database.ts";
import { CHANGED_AT, type MarkerTable, OBJECT_FIELDS, type ObjectField } from "./marker-table.ts";

const COLUMNS = "t.project_id, t.name, t.size_bytes, t.is_public, t.is_protected, t.created_at, t.updated_at";

/** Under this part of a project's tree of blobs lie the bytes of its stored files, each under its id. */
export const STORED_FILES_FOLDER = "job-binary-internals";

export function storedFileKey(id: string): string {
  return `${STORED_FILES_FOLDER}/${id}`;
}

export type StoredFileField = ObjectField | "sizeBytes" | "updatedAt";

export const STORED_FILES: MarkerTable<StoredFileField> = {
  name: "stored-file",
  from: "stored_file t",
  columns: COLUMNS,
  fields: {
    ...OBJECT_FIELDS,
    sizeBytes: { sql: "t.size_bytes", type: "bigint" },
    updatedAt: CHANGED_AT,
  },
};

export interface StoredFileRow {
  readonly id: string;
  readonly sort_value: string;
  readonly project_id: string;
  readonly name: string;
  readonly size_bytes: number;
  readonly is_public: boolean | null;
  readonly is_protected: boolean | null;
  readonly created_at: Date;
  readonly updated_at: Date | null;
}

/** A file that the project may see. */
export async function findStoredFile(
  db: Database,
  projectId: string,
  id: string,
): Promise<StoredFile | undefined> {
  const rows = await query<StoredFileRow>(
    db,
    "find-stored-file",
    `select t.id, ${COLUMNS} from stored_file t where t.id = $2 and (t.project_id = $1 or t.is_public)`,
    [projectId, id],
  );
  return rows.map(storedFileFromRow)[0];
}

/** As `findStoredFile`, kept from others until the transaction ends. */
export async function lockStoredFile(
  db: Database,
  projectId: string,
  id: string,
): Promise<StoredFile | undefined> {
  const rows = await query<StoredFileRow>(
    db,
    "lock-stored-file",
    `select t.id, ${COLUMNS} from stored_file t where t.id = $2 and (t.project_id = $1 or t.is_public) for update`,
    [projectId, id],
  );
  return rows.map(storedFileFromRow)[0];
}

export async function storedFileNameTaken(db: Database, projectId: string, name: string): Promise<boolean> {
  const rows = await query(
    db,
    "stored-file-name-taken",
    "select 1 as one from stored_file where project_id = $1 and name = $2",
    [projectId, name],
  );
  return rows.length > 0;
}

/** Adds a file; false when its name is taken. `sha256` is of its bytes. */
export async function insertStoredFile(db: Database, file: StoredFile, sha256: Buffer): Promise<boolean> {
  const inserted = await execute(
    db,
    "insert-stored-file",
    `insert into stored_file (project_id, id, name, size_bytes, sha256, is_public, is_protected, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (project_id, name) do nothing`,
    [
      file.projectId,
      file.id,
      file.name,
      file.sizeBytes,
      sha256,
      file.isPublic,
      file.isProtected,
      file.createdAt,
    ],
  );
  return inserted === 1;
}

/** Writes name, flags and the time of change. Breaks the unique key when the name is taken. */
export async function updateStoredFile(db: Database, file: StoredFile): Promise<void> {
  await execute(
    db,
    "update-stored-file",
    `update stored_file set name = $3, is_public = $4, is_protected = $5, updated_at = $6
     where project_id = $1 and id = $2`,
    [file.projectId, file.id, file.name, file.isPublic, file.isProtected, file.updatedAt],
  );
}

export async function deleteStoredFile(db: Database, { projectId, id }: StoredFile): Promise<void> {
  await execute(db, "delete-stored-file", "delete from stored_file where project_id = $1 and id = $2", [
    projectId,
    id,
  ]);
}

export function storedFileFromRow(row: StoredFileRow): StoredFile {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    sizeBytes: row.size_bytes,
    isPublic: row.is_public,
    isProtected: row.is_protected,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
