/** The data_source table. */
import type { DataSource, DataSourceType } from "../domain/data-source.ts";
import { type Database, execute, query } from "./database.ts";
import { CHANGED_AT, type MarkerTable, OBJECT_FIELDS, type ObjectField } from "./marker-table.ts";

const COLUMNS =
  "t.project_id, t.name, t.description, t.type, t.url, t.is_public, t.is_protected, t.created_at, t.updated_at";

export type DataSourceField = ObjectField | "description" | "type" | "url" | "updatedAt";

export const DATA_SOURCES: MarkerTable<DataSourceField> = {
  name: "data-source",
  from: "data_source t",
  keyedName: "name",
  columns: COLUMNS,
  fields: {
    ...OBJECT_FIELDS,
    description: { sql: "t.description", type: "text" },
    type: { sql: "t.type", type: "text" },
    url: { sql: "t.url", type: "text" },
    updatedAt: CHANGED_AT,
  },
};

export interface DataSourceRow {
  readonly id: string;
  readonly sort_value: string;
  readonly project_id: string;
  readonly name: string;
  readonly description: string | null;
  readonly type: DataSourceType;
  readonly url: string;
  readonly is_public: boolean | null;
  readonly is_protected: boolean | null;
  readonly created_at: Date;
  readonly updated_at: Date | null;
}

/** A data source that the project may see. */
export async function findDataSource(
  db: Database,
  projectId: string,
  id: string,
): Promise<DataSource | undefined> {
  const rows = await query<DataSourceRow>(
    db,
    "find-data-source",
    `select t.id, ${COLUMNS} from data_source t where t.id = $2 and (t.project_id = $1 or t.is_public)`,
    [projectId, id],
  );
  return rows.map(dataSourceFromRow)[0];
}

/** As `findDataSource`, with its sealed credentials, kept from others until the transaction ends. */
export async function lockDataSource(
  db: Database,
  projectId: string,
  id: string,
): Promise<{ dataSource: DataSource; credentialsSealed: Buffer | null } | undefined> {
  const rows = await query<DataSourceRow & { readonly credentials_sealed: Buffer | null }>(
    db,
    "lock-data-source",
    `select t.id, t.credentials_sealed, ${COLUMNS} from data_source t
     where t.id = $2 and (t.project_id = $1 or t.is_public) for update`,
    [projectId, id],
  );
  return rows.map((row) => ({
    dataSource: dataSourceFromRow(row),
    credentialsSealed: row.credentials_sealed,
  }))[0];
}

/** Those of `ids` that the project may see, in no order; none of them is deleted before the transaction ends. */
export async function holdDataSources(
  db: Database,
  projectId: string,
  ids: readonly string[],
): Promise<DataSource[]> {
  const rows = await query<DataSourceRow>(
    db,
    "hold-data-sources",
    `select t.id, ${COLUMNS} from data_source t
     where t.id = any($2::uuid[]) and (t.project_id = $1 or t.is_public) order by t.id for key share`,
    [projectId, ids],
  );
  return rows.map(dataSourceFromRow);
}

/** Those that the project may see among the names and ids, its own before others' of the same name. */
export async function listReferencedDataSources(
  db: Database,
  projectId: string,
  { names, ids }: { readonly names: readonly string[]; readonly ids: readonly string[] },
): Promise<DataSource[]> {
  const rows = await query<DataSourceRow>(
    db,
    "list-referenced-data-sources",
    `select t.id, ${COLUMNS} from data_source t
     where (t.id = any($2::uuid[]) or t.name = any($3::text[])) and (t.project_id = $1 or t.is_public)
     order by t.project_id <> $1, t.id`,
    [projectId, ids, names],
  );
  return rows.map(dataSourceFromRow);
}

/** Sealed credentials of those of `ids` that the project may see, by id; null where one has none. */
export async function listDataSourceCredentials(
  db: Database,
  projectId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Buffer | null>> {
  const rows = await query<{ readonly id: string; readonly credentials_sealed: Buffer | null }>(
    db,
    "list-data-source-credentials",
    `select id, credentials_sealed from data_source
     where id = any($2::uuid[]) and (project_id = $1 or is_public)`,
    [projectId, ids],
  );
  return new Map(rows.map((row) => [row.id, row.credentials_sealed]));
}

/** Whether another data source that the project sees has the name: one of its own, or a public one. */
export async function dataSourceNameTaken(
  db: Database,
  projectId: string,
  name: string,
  exceptId: string | undefined,
): Promise<boolean> {
  const rows = await query(
    db,
    "data-source-name-taken",
    `select 1 as one from data_source
     where name = $2 and (project_id = $1 or is_public) and id is distinct from $3::uuid limit 1`,
    [projectId, name, exceptId ?? null],
  );
  return rows.length > 0;
}

/** Adds a data source; false when the project has one of its name. */
export async function insertDataSource(
  db: Database,
  source: DataSource,
  credentialsSealed: Buffer | null,
): Promise<boolean> {
  const inserted = await execute(
    db,
    "insert-data-source",
    `insert into data_source
       (project_id, id, name, description, type, url, credentials_sealed, is_public, is_protected, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (project_id, name) do nothing`,
    [
      source.projectId,
      source.id,
      source.name,
      source.description,
      source.type,
      source.url,
      credentialsSealed,
      source.isPublic,
      source.isProtected,
      source.createdAt,
    ],
  );
  return inserted === 1;
}

/** Writes everything. Breaks the unique key when the name is taken. */
export async function updateDataSource(
  db: Database,
  source: DataSource,
  credentialsSealed: Buffer | null,
): Promise<void> {
  const { projectId, id, name, description, type, url, isPublic, isProtected, updatedAt } = source;
  await execute(
    db,
    "update-data-source",
    `update data_source set name = $3, description = $4, type = $5, url = $6, credentials_sealed = $7,
       is_public = $8, is_protected = $9, updated_at = $10
     where project_id = $1 and id = $2`,
    [projectId, id, name, description, type, url, credentialsSealed, isPublic, isProtected, updatedAt],
  );
}

export async function deleteDataSource(db: Database, { projectId, id }: DataSource): Promise<void> {
  await execute(db, "delete-data-source", "delete from data_source where project_id = $1 and id = $2", [
    projectId,
    id,
  ]);
}

export function dataSourceFromRow(row: Omit<DataSourceRow, "sort_value">): DataSource {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    type: row.type,
    url: row.url,
    isPublic: row.is_public,
    isProtected: row.is_protected,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
