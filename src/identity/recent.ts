/** What was read a moment ago, kept for a few seconds so that not every request asks the database. */

export interface Recent<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  clear(): void;
}

/** At most `entriesMax` values, none older than `ageMsMax`; the least recently used go first. */
export function createRecent<V>(
  limits: { entriesMax: number; ageMsMax: number },
  now: () => Date,
): Recent<V> {
  const entries = new Map<string, { value: V; readAt: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      const age = now().getTime() - entry.readAt;
      // A clock that was set back makes an entry look younger than new.
      if (age < 0 || age >= limits.ageMsMax) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value) {
      entries.delete(key);
      const [oldest] = entries.keys();
      if (entries.size >= limits.entriesMax && oldest !== undefined) entries.delete(oldest);
      entries.set(key, { value, readAt: now().getTime() });
    },
    clear: () => entries.clear(),
  };
}
