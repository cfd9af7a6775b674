/** The job_binary table. */
import { Fault } from "../domain/fault.ts";
import type { JobBinary } from "../domain/job-binary.ts";
import { orFault, REFERENCED } from "./constraints.ts";
import { type Database, execute, query } from "./database.ts";
import { CHANGED_AT, type MarkerTable, OBJECT_FIELDS, type ObjectField } from "./marker-table.ts";

const COLUMNS =
  "t.project_id, t.name, t.description, t.url, t.is_public, t.is_protected, t.created_at, t.updated_at";

export type JobBinaryField = ObjectField | "description" | "url" | "updatedAt";

export const JOB_BINARIES: MarkerTable<JobBinaryField> = {
  name: "job-binary",
  from: "job_binary t",
  keyedName: "name",
  columns: COLUMNS,
  fields: {
    ...OBJECT_FIELDS,
    description: { sql: "t.description", type: "text" },
    url: { sql: "t.url", type: "text" },
    updatedAt: CHANGED_AT,
  },
};

export interface JobBinaryRow {
  readonly id: string;
  readonly sort_value: string;
  readonly project_id: string;
  readonly name: string;
  readonly description: string | null;
  readonly url: string;
  readonly is_public: boolean | null;
  readonly is_protected: boolean | null;
  readonly created_at: Date;
  readonly updated_at: Date | null;
}

/** A binary that the project may see. */
export async function findJobBinary(
  db: Database,
  projectId: string,
  id: string,
): Promise<JobBinary | undefined> {
  const rows = await query<JobBinaryRow>(
    db,
    "find-job-binary",
    `select t.id, ${COLUMNS} from job_binary t where t.id = $2 and (t.project_id = $1 or t.is_public)`,
    [projectId, id],
  );
  return rows.map(jobBinaryFromRow)[0];
}

/** As `findJobBinary`, kept from others until the transaction ends. */
export async function lockJobBinary(
  db: Database,
  projectId: string,
  id: string,
): Promise<JobBinary | undefined> {
  const rows = await query<JobBinaryRow>(
    db,
    "lock-job-binary",
    `select t.id, ${COLUMNS} from job_binary t where t.id = $2 and (t.project_id = $1 or t.is_public) for update`,
    [projectId, id],
  );
  return rows.map(jobBinaryFromRow)[0];
}

/** Those of `ids` that the project may see, in no order. */
export async function findJobBinaries(
  db: Database,
  projectId: string,
  ids: readonly string[],
): Promise<JobBinary[]> {
  const rows = await query<JobBinaryRow>(
    db,
    "find-job-binaries",
    `select t.id, ${COLUMNS} from job_binary t where t.id = any($2::uuid[]) and (t.project_id = $1 or t.is_public)`,
    [projectId, ids],
  );
  return rows.map(jobBinaryFromRow);
}

/** Adds a binary; false when its name is taken. */
export async function insertJobBinary(
  db: Database,
  binary: JobBinary,
  extraSealed: Buffer | null,
): Promise<boolean> {
  const inserted = await execute(
    db,
    "insert-job-binary",
    `insert into job_binary (project_id, id, name, description, url, extra_sealed, is_public, is_protected, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (project_id, name) do nothing`,
    [
      binary.projectId,
      binary.id,
      binary.name,
      binary.description,
      binary.url,
      extraSealed,
      binary.isPublic,
      binary.isProtected,
      binary.createdAt,
    ],
  );
  return inserted === 1;
}

/** Writes all but the credentials. Breaks the unique key when the name is taken. */
export async function updateJobBinary(db: Database, binary: JobBinary): Promise<void> {
  await execute(
    db,
    "update-job-binary",
    `update job_binary set name = $3, description = $4, url = $5, is_public = $6, is_protected = $7, updated_at = $8
     where project_id = $1 and id = $2`,
    [
      binary.projectId,
      binary.id,
      binary.name,
      binary.description,
      binary.url,
      binary.isPublic,
      binary.isProtected,
      binary.updatedAt,
    ],
  );
}

export async function updateJobBinaryExtra(
  db: Database,
  { projectId, id }: JobBinary,
  extraSealed: Buffer,
): Promise<void> {
  await execute(
    db,
    "update-job-binary-extra",
    "update job_binary set extra_sealed = $3 where project_id = $1 and id = $2",
    [projectId, id, extraSealed],
  );
}

/** Raises `object-in-use` while a template refers to it. */
export async function deleteJobBinary(db: Database, { projectId, id }: JobBinary): Promise<void> {
  const deleted = execute(
    db,
    "delete-job-binary",
    "delete from job_binary where project_id = $1 and id = $2",
    [projectId, id],
  );
  await orFault(
    deleted,
    REFERENCED,
    (cause) => new Fault("conflict", "object-in-use", "a job refers to the job binary", { cause }),
  );
}

export function jobBinaryFromRow(row: Omit<JobBinaryRow, "sort_value">): JobBinary {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    url: row.url,
    isPublic: row.is_public,
    isProtected: row.is_protected,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The sealed credentials of the binary's address; undefined where it has none. */
export async function findJobBinaryExtra(
  db: Database,
  { projectId, id }: Pick<JobBinary, "projectId" | "id">,
): Promise<Buffer | undefined> {
  const rows = await query<{ readonly extra_sealed: Buffer | null }>(
    db,
    "find-job-binary-extra",
    "select extra_sealed from job_binary where project_id = $1 and id = $2",
    [projectId, id],
  );
  return rows[0]?.extra_sealed ?? undefined;
}
