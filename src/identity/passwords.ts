/** Passwords: how they are kept (argon2id, as PHC text) and compared. */
import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { Fault } from "../domain/fault.ts";

/** What one hash costs. Source: auth 5 (19 MiB, 2 passes, 1 lane). */
export interface PasswordCost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

export const PASSWORD_COST: PasswordCost = { memoryKib: 19 * 1024, passes: 2, lanes: 1 };

/** Longer passwords are refused, never cut. */
export const PASSWORD_BYTES_MAX = 1024;

/** Hashes at once: each holds a thread of libuv's four, which file access needs too. */
const HASHES_AT_ONCE_MAX = 2;
/** Hashes that may wait for their turn; more logins than that at once are an attack or an outage. */
const HASHES_WAITING_MAX = 200;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

export interface Passwords {
  /** PHC text of a password. Faults: `request-invalid` when it is empty or too long, `server-busy` under flood. */
  hash(password: string): Promise<string>;
  /**
   * Compares a password with its stored text; without one (no such user) it takes as long and says no.
   * `outdated` asks for a new hash: the stored one was made at a lower cost than today's.
   */
  verify(password: string, stored: string | undefined): Promise<PasswordVerdict>;
}

export interface PasswordVerdict {
  readonly matches: boolean;
  readonly outdated: boolean;
}

export function createPasswords(cost: PasswordCost = PASSWORD_COST): Passwords {
  const inTurn = createTurns();
  const nobody: StoredPassword = { cost, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
  return {
    async hash(password) {
      const bytes = Buffer.byteLength(password);
      if (bytes === 0 || bytes > PASSWORD_BYTES_MAX) {
        throw new Fault("invalid", "request-invalid", `a password has 1 to ${PASSWORD_BYTES_MAX} bytes`);
      }
      const salt = randomBytes(SALT_BYTES);
      const hash = await inTurn(() => deriveHash(password, { cost, salt, hash: Buffer.alloc(HASH_BYTES) }));
      return encodeStored({ cost, salt, hash });
    },
    async verify(password, text) {
      const known = text === undefined ? undefined : decodeStored(text);
      const stored = known ?? nobody;
      const tooLong = Buffer.byteLength(password) > PASSWORD_BYTES_MAX;
      const hash = await inTurn(() => deriveHash(tooLong ? "" : password, stored));
      const matches = timingSafeEqual(hash, stored.hash) && known !== undefined && !tooLong;
      return { matches, outdated: matches && costRose(stored.cost, cost) };
    },
  };
}

interface StoredPassword {
  readonly cost: PasswordCost;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const argon2Async = promisify(argon2);

function deriveHash(password: string, stored: StoredPassword): Promise<Buffer> {
  const parameters: Argon2Parameters = {
    message: password,
    nonce: stored.salt,
    memory: stored.cost.memoryKib,
    passes: stored.cost.passes,
    parallelism: stored.cost.lanes,
    tagLength: stored.hash.length,
  };
  return argon2Async("argon2id", parameters);
}

function encodeStored({ cost, salt, hash }: StoredPassword): string {
  const base64 = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=${cost.lanes}$${base64(salt)}$${base64(hash)}`;
}

/** Reads PHC text; undefined when it is not argon2id version 19. */
function decodeStored(text: string): StoredPassword | undefined {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text);
  if (match === null) return undefined;
  const [, memory, passes, lanes, salt = "", hash = ""] = match;
  const cost = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  return { cost, salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
}

function costRose(stored: PasswordCost, today: PasswordCost): boolean {
  return stored.memoryKib < today.memoryKib || stored.passes < today.passes || stored.lanes < today.lanes;
}

/** Lets a few tasks run at once and the rest wait in order, up to a limit. */
function createTurns(): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= HASHES_AT_ONCE_MAX) {
      if (waiting.length >= HASHES_WAITING_MAX) {
        throw new Fault("unavailable", "server-busy", "too many logins at once");
      }
      // The one that ends hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
