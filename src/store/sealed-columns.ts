/** Every column that holds sealed secrets: what each secret is sealed to, and finding those that need an older key. */
import { type Database, execute, query } from "./database.ts";
import type { SecretPlace } from "./secrets.ts";

interface SealedColumn {
  readonly column: string;
  /** What the seal calls the column. It stands in every seal, so it never changes. */
  readonly field: string;
  /** SQL for what the seal calls the row, e.g. an id without dashes. */
  readonly recordId: string;
}

const ID = "replace(id::text, '-', '')";

/** By table. Whoever adds a column that holds sealed secrets adds its line: without one no key could ever be given up. */
const SEALED_COLUMNS = {
  access_key: { column: "secret_sealed", field: "secret_sealed", recordId: "id" },
  cluster: { column: "secrets_sealed", field: "secrets", recordId: ID },
  connection: {
    column: "secrets_sealed",
    field: "secrets",
    // By name, because a connection's name never changes and is known before its row is written.
    recordId: "replace(project_id::text, '-', '') || '/' || workspace_id || '/' || name",
  },
  data_source: { column: "credentials_sealed", field: "credentials", recordId: ID },
  job_binary: { column: "extra_sealed", field: "extra", recordId: ID },
  job_execution: { column: "program_sealed", field: "program", recordId: ID },
  system_task: { column: "secrets_sealed", field: "secrets", recordId: ID },
  topic_target: {
    column: "sealed",
    field: "sealed",
    recordId: "replace(project_id::text || '/' || id, '-', '')",
  },
} as const satisfies Readonly<Record<string, SealedColumn>>;

export type SealedTable = keyof typeof SEALED_COLUMNS;

export const SEALED_TABLES = Object.keys(SEALED_COLUMNS) as readonly SealedTable[];

/** What the secret of a row is sealed to; `recordId` as the table's line writes it. */
export function secretPlace(table: SealedTable, recordId: string): SecretPlace {
  return { table, recordId, field: SEALED_COLUMNS[table].field };
}

/** A secret as it lies in its row. */
export interface SealedSecret {
  readonly recordId: string;
  readonly sealed: Buffer;
}

/** The bytes behind the version, as `secrets.ts` lays a sealed secret out. */
const keyIdOf = (column: string) => `encode(substring(${column} from 2 for 8), 'hex')`;

/** How many secrets lie under each master key, by the key's id. */
export async function countSecretsByKey(db: Database): Promise<ReadonlyMap<string, number>> {
  const columns = Object.entries(SEALED_COLUMNS).map(
    ([table, { column }]) => `select ${keyIdOf(column)} as key_id from ${table} where ${column} is not null`,
  );
  const rows = await query<{ key_id: string; total: number }>(
    db,
    "count-secrets-by-key",
    `select key_id, count(*) as total from (${columns.join(" union all ")}) s group by key_id`,
  );
  return new Map(rows.map(({ key_id, total }) => [key_id, total]));
}

/** At most `limit` secrets of a table that lie under another key than `keyId`, by their records, behind `after`. */
export async function listSecretsUnderOthers(
  db: Database,
  table: SealedTable,
  keyId: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<SealedSecret[]> {
  const { column, recordId } = SEALED_COLUMNS[table];
  return await query<SealedSecret>(
    db,
    `list-secrets-under-others-${table}`,
    `select * from (
       select (${recordId}) collate "C" as "recordId", ${column} as sealed from ${table}
       where ${column} is not null and ${keyIdOf(column)} <> $1) s
     where "recordId" > $2 order by "recordId" limit $3`,
    [keyId, after, limit],
  );
}

/** Puts each secret in the place of its older seal and says how many; one that was saved anew meanwhile stays as it is. */
export async function replaceSecrets(
  db: Database,
  table: SealedTable,
  changes: readonly { readonly from: Buffer; readonly to: Buffer }[],
): Promise<number> {
  const { column } = SEALED_COLUMNS[table];
  return await execute(
    db,
    `replace-secrets-${table}`,
    `update ${table} set ${column} = change.fresh
     from unnest($1::bytea[], $2::bytea[]) change (stale, fresh) where ${column} = change.stale`,
    [changes.map(({ from }) => from), changes.map(({ to }) => to)],
  );
}
