/** The table of users. */
import type { User } from "../domain/user.ts";
import { type Database, execute, query } from "./database.ts";

/** A user and the stored text of the password: for comparing, never for showing. */
export interface UserWithPassword {
  readonly user: User;
  readonly passwordHash: string;
}

const COLUMNS = "u.id, u.name, u.enabled, u.default_project_id, u.created_at";

interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly default_project_id: string | null;
  readonly created_at: Date;
}

/** Users by name, at most `limit`. */
export async function listUsers(
  db: Database,
  filter: { readonly name?: string; readonly id?: string; readonly enabled?: boolean },
  limit: number,
): Promise<User[]> {
  const rows = await query<UserRow>(
    db,
    "list-users",
    `select ${COLUMNS} from user_account u
     where ($1::text is null or u.name = $1) and ($2::uuid is null or u.id = $2) and ($3::boolean is null or u.enabled = $3)
     order by u.name, u.id limit $4`,
    [filter.name, filter.id, filter.enabled, limit],
  );
  return rows.map(userFromRow);
}

export async function findUser(db: Database, id: string): Promise<User | undefined> {
  return (await listUsers(db, { id }, 1))[0];
}

/** The user that a login names. */
export async function findUserWithPassword(
  db: Database,
  named: { readonly id: string } | { readonly name: string },
): Promise<UserWithPassword | undefined> {
  const byId = "id" in named;
  const rows = await query<UserRow & { readonly password_hash: string }>(
    db,
    byId ? "find-user-by-id-with-password" : "find-user-by-name-with-password",
    `select ${COLUMNS}, u.password_hash from user_account u where ${byId ? "u.id" : "u.name"} = $1`,
    [byId ? named.id : named.name],
  );
  const [found] = rows.map(({ password_hash: passwordHash, ...row }) => ({
    user: userFromRow(row),
    passwordHash,
  }));
  return found;
}

/** Adds a user; false when its id or name is taken. */
export async function insertUser(db: Database, { user, passwordHash }: UserWithPassword): Promise<boolean> {
  const { id, name, enabled, defaultProjectId, createdAt } = user;
  const inserted = await execute(
    db,
    "insert-user",
    `insert into user_account (id, name, password_hash, enabled, default_project_id, created_at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [id, name, passwordHash, enabled, defaultProjectId, createdAt],
  );
  return inserted === 1;
}

/** Writes a user's changeable members, the password aside; a name that is taken raises the database's own error. */
export async function updateUser(db: Database, user: User): Promise<void> {
  await execute(
    db,
    "update-user",
    "update user_account set name = $2, enabled = $3, default_project_id = $4 where id = $1",
    [user.id, user.name, user.enabled, user.defaultProjectId],
  );
}

export async function updatePasswordHash(db: Database, userId: string, passwordHash: string): Promise<void> {
  await execute(db, "update-password-hash", "update user_account set password_hash = $2 where id = $1", [
    userId,
    passwordHash,
  ]);
}

/** Removes a user with their roles, tokens and access keys. */
export async function deleteUser(db: Database, id: string): Promise<void> {
  await execute(db, "delete-user", "delete from user_account where id = $1", [id]);
}

function userFromRow({
  default_project_id: defaultProjectId,
  created_at: createdAt,
  ...same
}: UserRow): User {
  return { ...same, defaultProjectId, createdAt };
}
