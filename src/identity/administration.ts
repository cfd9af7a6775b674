/** What changes of users, projects and roles have in common: nothing stale stays, and an administrator stays. */
import { Fault } from "../domain/fault.ts";
import { type Database, transaction } from "../store/database.ts";
import { countAdministrators, lockAdministrators } from "../store/role-assignments.ts";
import type { Identity } from "./identity.ts";

/** Names of users and projects; Keystone's own bounds are 255 and 64. */
const USER_NAME_MAX = 255;
const PROJECT_NAME_MAX = 64;
export const DESCRIPTION_MAX = 2000;

/** Runs a change in a transaction and then forgets what was read before it. */
export async function change<Value>(
  identity: Identity,
  work: (db: Database) => Promise<Value>,
): Promise<Value> {
  try {
    return await transaction(identity.pool, work);
  } finally {
    identity.credentials.forget();
  }
}

/** As `change`, for what might take away an administrator: fault `object-protected` when it takes the last one. */
export async function changeKeepingAnAdministrator<Value>(
  identity: Identity,
  work: (db: Database) => Promise<Value>,
): Promise<Value> {
  return await change(identity, async (db) => {
    await lockAdministrators(db);
    const value = await work(db);
    if ((await countAdministrators(db)) > 0) return value;
    throw new Fault("conflict", "object-protected", "this would leave nobody with the role admin");
  });
}

/** Fault `request-invalid` unless the name can be a user's. */
export function checkUserName(name: string): void {
  checkName(name, USER_NAME_MAX, "a user's name");
}

/** Fault `request-invalid` unless the name can be a project's. */
export function checkProjectName(name: string): void {
  checkName(name, PROJECT_NAME_MAX, "a project's name");
}

function checkName(name: string, lengthMax: number, what: string): void {
  const plain = name === name.trim() && !/\p{Cc}/u.test(name);
  if (name.length > 0 && name.length <= lengthMax && plain) return;
  throw new Fault(
    "invalid",
    "request-invalid",
    `${what} has 1 to ${lengthMax} characters, none of them a control character, and no blank at either end`,
  );
}
