/** Access keys: pairs of a public id and a secret, with which a user's programs sign requests. */
import { randomInt } from "node:crypto";
import { Fault, missing } from "../domain/fault.ts";
import {
  type AccessKey,
  deleteAccessKey as deleteAccessKeyRow,
  insertAccessKey,
  listAccessKeys,
  updateAccessKey as updateAccessKeyRow,
} from "../store/access-keys.ts";
import type { Database } from "../store/database.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { encryptSecret, type MasterKeys } from "../store/secrets.ts";
import { change, DESCRIPTION_MAX } from "./administration.ts";
import type { Identity } from "./identity.ts";

/** Of one user (auth 4). */
export const ACCESS_KEYS_MAX = 2;

// Lengths and letters as the vendor's, because some clients check them.
const ID_LENGTH = 20;
const SECRET_LENGTH = 40;
const UPPER_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LETTERS_AND_DIGITS = `${UPPER_AND_DIGITS}abcdefghijklmnopqrstuvwxyz`;

/** A key as it is shown once, when it is made. */
export interface AccessKeyPair {
  readonly id: string;
  readonly secretKey: string;
}

/** A new key for a user, with its secret. Faults: `access-key-limit`, `user-missing`, `request-invalid`. */
export async function createAccessKey(
  identity: Identity,
  made: { readonly userId: string; readonly description: string },
): Promise<{ key: AccessKey; secretKey: string }> {
  checkDescription(made.description);
  const { id, secretKey } = createAccessKeyPair();
  const key: AccessKey = { id, ...made, enabled: true, createdAt: identity.now() };
  const secretSealed = sealSecretKey(identity.masterKeys, { id, secretKey });
  const outcome = await change(identity, (db) =>
    insertAccessKey(db, { ...key, secretSealed }, ACCESS_KEYS_MAX),
  );
  switch (outcome) {
    case "inserted":
      return { key, secretKey };
    case "user-missing":
      return missing("user-missing", `Could not find user: ${made.userId}.`);
    case "limit-reached":
      throw new Fault("conflict", "access-key-limit", `a user has at most ${ACCESS_KEYS_MAX} access keys`);
    case "id-taken":
      throw new Fault("unavailable", "server-unavailable", "the new key's id was taken; ask again");
    default:
      return outcome satisfies never;
  }
}

/** The key without its secret; fault `access-key-missing`. */
export async function getAccessKey(db: Database, id: string): Promise<AccessKey> {
  const [key] = await listAccessKeys(db, { id }, 1);
  return key ?? missing("access-key-missing", `Could not find credential: ${id}.`);
}

/** Changes what is given. Faults: `access-key-missing`, `request-invalid`. */
export async function updateAccessKey(
  identity: Identity,
  id: string,
  wanted: { readonly description?: string | undefined; readonly enabled?: boolean | undefined },
): Promise<AccessKey> {
  return await change(identity, async (db) => {
    const before = await getAccessKey(db, id);
    const key = {
      ...before,
      description: wanted.description ?? before.description,
      enabled: wanted.enabled ?? before.enabled,
    };
    checkDescription(key.description);
    await updateAccessKeyRow(db, key);
    return key;
  });
}

/** Removes a key; requests signed with it are refused at once. Fault `access-key-missing`. */
export async function deleteAccessKey(identity: Identity, id: string): Promise<void> {
  await change(identity, async (db) => {
    await getAccessKey(db, id);
    await deleteAccessKeyRow(db, id);
  });
}

export function createAccessKeyPair(): AccessKeyPair {
  return {
    id: randomText(UPPER_AND_DIGITS, ID_LENGTH),
    secretKey: randomText(LETTERS_AND_DIGITS, SECRET_LENGTH),
  };
}

/** Whether a text can be the id of a key: what an `Authorization` header can carry unquoted. */
export function isAccessKeyId(text: string): boolean {
  return /^[A-Za-z0-9_-]{3,128}$/.test(text);
}

export function sealSecretKey(masterKeys: MasterKeys, { id, secretKey }: AccessKeyPair): Buffer {
  return encryptSecret(masterKeys, secretPlace("access_key", id), secretKey);
}

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
}

function checkDescription(description: string): void {
  if (description.length <= DESCRIPTION_MAX) return;
  throw new Fault("invalid", "request-invalid", `a description has at most ${DESCRIPTION_MAX} characters`);
}
