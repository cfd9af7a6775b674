/** Secrets at rest: each is sealed with a data key of its own, and that key with the server's master key. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { Fault } from "../domain/fault.ts";

/** 32 bytes that wrap data keys, and the name by which a sealed secret says which key wrapped it. */
export interface MasterKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** The key that seals now, and older ones that may still open. */
export interface MasterKeys {
  readonly current: MasterKey;
  readonly previous: readonly MasterKey[];
}

/** Where a secret lives. It is bound into the seal, so that sealed texts cannot be swapped. */
export interface SecretPlace {
  readonly table: string;
  readonly recordId: string;
  readonly field: string;
}

// Layout of a sealed secret: version, key id, wrapped data key (nonce, key, tag), secret (nonce, text, tag).
const VERSION = 1;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const WRAPPED_START = 1 + KEY_ID_BYTES;
const SECRET_START = WRAPPED_START + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/** A master key from 64 hexadecimal digits or the Base64 of 32 bytes; undefined when the text is neither. */
export function parseMasterKey(text: string): MasterKey | undefined {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return masterKey(Buffer.from(trimmed, "hex"));
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed) ? masterKey(Buffer.from(trimmed, "base64")) : undefined;
}

/** A new random master key. */
export function createMasterKey(): MasterKey {
  return masterKey(randomBytes(KEY_BYTES));
}

/** Seals `secret` for `place`; the result is never the same twice. */
export function encryptSecret(keys: MasterKeys, place: SecretPlace, secret: string | Buffer): Buffer {
  const dataKey = randomBytes(KEY_BYTES);
  const sealed = seal(dataKey, associatedData("secret", place, ""), Buffer.from(secret));
  return Buffer.concat([wrapDataKey(keys.current, place, dataKey), sealed]);
}

/** The sealed secret with its data key wrapped by the key that seals now. Fault as `decryptSecret`. */
export function rewrapSecret(keys: MasterKeys, place: SecretPlace, sealed: Buffer): Buffer {
  const dataKey = unwrapDataKey(keys, place, sealed);
  return Buffer.concat([wrapDataKey(keys.current, place, dataKey), sealed.subarray(SECRET_START)]);
}

/** Opens a sealed secret. Fault `server-unavailable` when its master key is not here, or it was changed or moved. */
export function decryptSecret(keys: MasterKeys, place: SecretPlace, sealed: Buffer): Buffer {
  const dataKey = unwrapDataKey(keys, place, sealed);
  return open(dataKey, associatedData("secret", place, ""), sealed.subarray(SECRET_START));
}

/** The id of the master key that a sealed secret needs. */
function secretKeyId(sealed: Buffer): string {
  return sealed.subarray(1, WRAPPED_START).toString("hex");
}

function masterKey(bytes: Buffer): MasterKey {
  const id = createHmac("sha256", bytes).update("azalai master key id").digest().subarray(0, KEY_ID_BYTES);
  return { id: id.toString("hex"), bytes };
}

/** All that stands before the secret. */
function wrapDataKey(key: MasterKey, place: SecretPlace, dataKey: Buffer): Buffer {
  const head = Buffer.concat([Buffer.of(VERSION), Buffer.from(key.id, "hex")]);
  return Buffer.concat([head, seal(key.bytes, associatedData("key", place, key.id), dataKey)]);
}

function unwrapDataKey(keys: MasterKeys, place: SecretPlace, sealed: Buffer): Buffer {
  if (sealed[0] !== VERSION || sealed.length < SECRET_START + NONCE_BYTES + TAG_BYTES)
    throw unreadable("it is damaged");
  const id = secretKeyId(sealed);
  const key = [keys.current, ...keys.previous].find((candidate) => candidate.id === id);
  if (key === undefined) throw unreadable(`its master key (${id}) is not configured`);
  return open(key.bytes, associatedData("key", place, id), sealed.subarray(WRAPPED_START, SECRET_START));
}

function associatedData(purpose: "key" | "secret", place: SecretPlace, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([VERSION, purpose, place.table, place.recordId, place.field, keyId]));
}

function seal(key: Buffer, bound: Buffer, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Buffer, bound: Buffer, sealed: Buffer): Buffer {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(sealed.length - TAG_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(bound)
    .setAuthTag(tag);
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch (cause) {
    // The one thing that `final` throws for is a tag that does not fit.
    throw unreadable("it was changed or moved", cause);
  }
}

function unreadable(reason: string, cause?: unknown): Fault {
  return new Fault("unavailable", "server-unavailable", `a stored secret cannot be read: ${reason}`, {
    cause,
  });
}
