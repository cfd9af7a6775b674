/** The table of access keys; their secrets are sealed. */
import type { Role } from "../domain/user.ts";
import { type Database, execute, query } from "./database.ts";
import type { Membership } from "./role-assignments.ts";

export interface AccessKey {
  readonly id: string;
  readonly userId: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly createdAt: Date;
}

/** An access key with all that a signature is judged by. */
export interface AccessKeyState extends AccessKey {
  readonly userName: string;
  readonly defaultProjectId: string | undefined;
  /** False while the key or its user is disabled. */
  readonly usable: boolean;
  readonly secretSealed: Buffer;
  readonly memberships: readonly Membership[];
}

const COLUMNS = "k.id, k.user_id, k.description, k.enabled, k.created_at";

interface AccessKeyRow {
  readonly id: string;
  readonly user_id: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly created_at: Date;
}

interface AccessKeyStateRow extends AccessKeyRow {
  readonly user_name: string;
  readonly default_project_id: string | null;
  readonly usable: boolean;
  readonly secret_sealed: Buffer;
  readonly memberships: readonly { readonly project_id: string; readonly roles: readonly Role[] }[];
}

export async function listAccessKeys(
  db: Database,
  filter: { readonly id?: string; readonly userId?: string },
  limit: number,
): Promise<AccessKey[]> {
  const rows = await query<AccessKeyRow>(
    db,
    "list-access-keys",
    `select ${COLUMNS} from access_key k
     where ($1::text is null or k.id = $1) and ($2::uuid is null or k.user_id = $2)
     order by k.created_at, k.id limit $3`,
    [filter.id, filter.userId, limit],
  );
  return rows.map(accessKeyFromRow);
}

export async function findAccessKeyState(db: Database, id: string): Promise<AccessKeyState | undefined> {
  const rows = await query<AccessKeyStateRow>(
    db,
    "find-access-key-state",
    `select ${COLUMNS}, k.secret_sealed, u.name as user_name, u.default_project_id, k.enabled and u.enabled as usable,
       coalesce((
         select jsonb_agg(m) from (
           select replace(r.project_id::text, '-', '') as project_id, jsonb_agg(r.role) as roles
           from role_assignment r join project p on p.id = r.project_id
           where r.user_id = k.user_id and p.enabled
           group by r.project_id order by min(p.name)) m), '[]') as memberships
     from access_key k join user_account u on u.id = k.user_id
     where k.id = $1`,
    [id],
  );
  return rows.map((row) => ({
    ...accessKeyFromRow(row),
    userName: row.user_name,
    defaultProjectId: row.default_project_id ?? undefined,
    usable: row.usable,
    secretSealed: row.secret_sealed,
    memberships: row.memberships.map(({ project_id: projectId, roles }) => ({ projectId, roles })),
  }))[0];
}

/** Adds a key. In a transaction: the user's line is locked, so that the count of their keys stays true. */
export async function insertAccessKey(
  db: Database,
  key: AccessKey & { readonly secretSealed: Buffer },
  keysOfUserMax: number,
): Promise<"inserted" | "user-missing" | "limit-reached" | "id-taken"> {
  const owners = await query(db, "lock-user", "select from user_account where id = $1 for update", [
    key.userId,
  ]);
  if (owners.length === 0) return "user-missing";
  const counts = await query<{ count: number }>(
    db,
    "count-access-keys",
    "select count(*)::int as count from access_key where user_id = $1",
    [key.userId],
  );
  if ((counts[0]?.count ?? 0) >= keysOfUserMax) return "limit-reached";
  const inserted = await execute(
    db,
    "insert-access-key",
    `insert into access_key (id, user_id, description, secret_sealed, enabled, created_at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [key.id, key.userId, key.description, key.secretSealed, key.enabled, key.createdAt],
  );
  return inserted === 1 ? "inserted" : "id-taken";
}

export async function updateAccessKey(db: Database, key: AccessKey): Promise<void> {
  await execute(
    db,
    "update-access-key",
    "update access_key set description = $2, enabled = $3 where id = $1",
    [key.id, key.description, key.enabled],
  );
}

export async function deleteAccessKey(db: Database, id: string): Promise<void> {
  await execute(db, "delete-access-key", "delete from access_key where id = $1", [id]);
}

function accessKeyFromRow(row: AccessKeyRow): AccessKey {
  const { id, user_id: userId, description, enabled, created_at: createdAt } = row;
  return { id, userId, description, enabled, createdAt };
}
