/** What identity's functions work with: built once by main, handed to each of them. */
import type { Observe } from "../domain/observation.ts";
import type { DatabasePool } from "../store/database.ts";
import type { MasterKeys } from "../store/secrets.ts";
import { type Credentials, createCredentials } from "./credentials.ts";
import { createLockouts, LOGIN_LOCKOUT, type Lockouts, SIGNATURE_LOCKOUT } from "./lockouts.ts";
import { createPasswords, PASSWORD_COST, type PasswordCost, type Passwords } from "./passwords.ts";

/** What an administrator chooses about identity. */
export interface IdentitySettings {
  /** Seconds until a token ends; an hour by default, a day at most (auth 5). */
  readonly tokenLifeSeconds: number;
  /** The one region that the catalogue names; as a project's name it means the caller's default project (auth 1.5). */
  readonly region: string;
  /** Whether the listening address is loopback or TLS, so that a body may go unsigned (auth 2.4). */
  readonly unsignedPayloadAllowed: boolean;
  /** Lower only in tests. */
  readonly passwordCost: PasswordCost;
}

const DEFAULTS: IdentitySettings = {
  tokenLifeSeconds: 3600,
  region: "RegionOne",
  unsignedPayloadAllowed: false,
  passwordCost: PASSWORD_COST,
};

export interface Identity {
  readonly pool: DatabasePool;
  readonly masterKeys: MasterKeys;
  readonly settings: IdentitySettings;
  readonly now: () => Date;
  readonly observe: Observe;
  readonly passwords: Passwords;
  /** What was lately read about tokens and access keys. */
  readonly credentials: Credentials;
  readonly loginLockouts: Lockouts;
  readonly signatureLockouts: Lockouts;
}

export interface IdentityDeps {
  readonly pool: DatabasePool;
  readonly masterKeys: MasterKeys;
  readonly now: () => Date;
  readonly observe: Observe;
  readonly settings?: Partial<IdentitySettings>;
}

export function createIdentity(deps: IdentityDeps): Identity {
  const settings = { ...DEFAULTS, ...deps.settings };
  const { pool, masterKeys, now, observe } = deps;
  return {
    pool,
    masterKeys,
    settings,
    now,
    observe,
    passwords: createPasswords(settings.passwordCost),
    credentials: createCredentials(pool, masterKeys, now),
    loginLockouts: createLockouts(LOGIN_LOCKOUT, now),
    signatureLockouts: createLockouts(SIGNATURE_LOCKOUT, now),
  };
}
