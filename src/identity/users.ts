/** Users: made, changed and removed by an administrator; everybody changes their own password. */
import { Fault, missing } from "../domain/fault.ts";
import type { User } from "../domain/user.ts";
import type { Database } from "../store/database.ts";
import { findProject } from "../store/projects.ts";
import { deleteTokensOfUser } from "../store/tokens.ts";
import {
  deleteUser as deleteUserRow,
  findUser,
  findUserWithPassword,
  insertUser,
  listUsers,
  updatePasswordHash,
  updateUser as updateUserRow,
} from "../store/users.ts";
import { change, changeKeepingAnAdministrator, checkUserName } from "./administration.ts";
import type { Identity } from "./identity.ts";
import { createId } from "./ids.ts";

export interface UserChange {
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  readonly enabled?: boolean | undefined;
  /** Null: none. */
  readonly defaultProjectId?: string | null | undefined;
}

/** A new user, without any role yet. Faults: `request-invalid`, `user-exists`, `project-missing`. */
export async function createUser(
  identity: Identity,
  made: UserChange & { readonly name: string; readonly password: string },
): Promise<User> {
  const user: User = {
    id: createId(),
    name: made.name,
    enabled: made.enabled ?? true,
    defaultProjectId: made.defaultProjectId ?? null,
    createdAt: identity.now(),
  };
  checkUserName(user.name);
  await checkProjectExists(identity.pool, user.defaultProjectId);
  const passwordHash = await identity.passwords.hash(made.password);
  if (!(await insertUser(identity.pool, { user, passwordHash }))) throw nameTaken(user.name);
  return user;
}

/** The user; fault `user-missing`. */
export async function getUser(db: Database, id: string): Promise<User> {
  return (await findUser(db, id)) ?? missing("user-missing", `Could not find user: ${id}.`);
}

/**
 * Changes what is given. Disabling and a new password end the user's tokens. Faults: those of get and create,
 * `object-protected`.
 */
export async function updateUser(identity: Identity, id: string, wanted: UserChange): Promise<User> {
  const passwordHash =
    wanted.password === undefined ? undefined : await identity.passwords.hash(wanted.password);
  return await changeKeepingAnAdministrator(identity, async (db) => {
    const before = await getUser(db, id);
    const user: User = {
      ...before,
      name: wanted.name ?? before.name,
      enabled: wanted.enabled ?? before.enabled,
      defaultProjectId:
        wanted.defaultProjectId === undefined ? before.defaultProjectId : wanted.defaultProjectId,
    };
    checkUserName(user.name);
    await checkProjectExists(db, user.defaultProjectId);
    const [holder] = await listUsers(db, { name: user.name }, 1);
    if (holder !== undefined && holder.id !== id) throw nameTaken(user.name);
    await updateUserRow(db, user);
    if (passwordHash !== undefined) await updatePasswordHash(db, id, passwordHash);
    if (passwordHash !== undefined || !user.enabled) await deleteTokensOfUser(db, id);
    return user;
  });
}

/**
 * Sets a new password for who knows the old one, and ends all of the user's tokens. Faults: `credentials-refused`
 * for a wrong one (it counts as a failed login from `address`), `request-invalid`, `user-missing`.
 */
export async function changeOwnPassword(
  identity: Identity,
  id: string,
  passwords: { readonly old: string; readonly new: string; readonly address: string },
): Promise<void> {
  const found = await findUserWithPassword(identity.pool, { id });
  if (found === undefined) missing("user-missing", `Could not find user: ${id}.`);
  const lockKey = `${id} ${passwords.address}`;
  const wasLocked = identity.loginLockouts.isLocked(lockKey);
  const { matches } = await identity.passwords.verify(passwords.old, found.passwordHash);
  if (!matches || wasLocked || identity.loginLockouts.isLocked(lockKey)) {
    identity.loginLockouts.fail(lockKey);
    throw new Fault(
      "unauthenticated",
      "credentials-refused",
      "The request you have made requires authentication.",
    );
  }
  identity.loginLockouts.succeed(lockKey);
  const passwordHash = await identity.passwords.hash(passwords.new);
  await change(identity, async (db) => {
    await updatePasswordHash(db, id, passwordHash);
    await deleteTokensOfUser(db, id);
  });
}

/** Removes a user with their roles, tokens and keys. Faults: `user-missing`, `object-protected`. */
export async function deleteUser(identity: Identity, id: string): Promise<void> {
  await changeKeepingAnAdministrator(identity, async (db) => {
    await getUser(db, id);
    await deleteUserRow(db, id);
  });
}

async function checkProjectExists(db: Database, id: string | null): Promise<void> {
  if (id !== null && (await findProject(db, id)) === undefined)
    missing("project-missing", `Could not find project: ${id}.`);
}

function nameTaken(name: string): Fault {
  return new Fault("conflict", "user-exists", `a user named ${name} exists`);
}
