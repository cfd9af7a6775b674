/** Locks after failures in a row: a guesser is shut out for a while, without the answer saying so. */

export interface LockoutRule {
  /** The failure in a row that locks. */
  readonly failuresMax: number;
  readonly lockSeconds: number;
}

/** Logins of one user from one address (auth 5). */
export const LOGIN_LOCKOUT: LockoutRule = { failuresMax: 6, lockSeconds: 30 * 60 };
/** Signatures of one access key from one address: more than five (auth 2.4). */
export const SIGNATURE_LOCKOUT: LockoutRule = { failuresMax: 6, lockSeconds: 5 * 60 };

/** Keys remembered at once; beyond it the one that failed longest ago is forgotten, locked ones last. */
const KEYS_MAX = 10_000;

/**
 * Counts failures by key. Kept in this process alone: with several servers a guesser has as many tries on each.
 * `isLocked` is asked both before and after the secret is compared, so that tries sent side by side learn nothing
 * once the lock falls.
 */
export interface Lockouts {
  isLocked(key: string): boolean;
  fail(key: string): void;
  succeed(key: string): void;
}

export function createLockouts(rule: LockoutRule, now: () => Date): Lockouts {
  // In the order of the last failure, the oldest first.
  const records = new Map<string, { failures: number; until: number }>();
  const isLocked = (key: string) => (records.get(key)?.until ?? 0) > now().getTime();

  function makeRoom(): void {
    if (records.size < KEYS_MAX) return;
    const [oldest] = records.keys();
    const idle = records.keys().find((key) => !isLocked(key)) ?? oldest;
    if (idle !== undefined) records.delete(idle);
  }

  return {
    isLocked,
    fail(key) {
      const record = records.get(key);
      if (isLocked(key)) return;
      // A lock that has run out starts the count anew.
      const failures = record === undefined || record.until > 0 ? 1 : record.failures + 1;
      records.delete(key);
      makeRoom();
      const until = failures >= rule.failuresMax ? now().getTime() + rule.lockSeconds * 1000 : 0;
      records.set(key, { failures, until });
    },
    succeed(key) {
      if (!isLocked(key)) records.delete(key);
    },
  };
}
