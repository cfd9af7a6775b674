/** Bounds how many programs of engines run on this server at a time: each is a Java process of a gigabyte. */

export interface LocalWorkSlots {
  /** Runs `body` when there is a slot, in the order of the calls; `tell` hears that there is none yet. Rejects with the signal's reason. */
  readonly use: <T>(signal: AbortSignal, tell: (text: string) => void, body: () => Promise<T>) => Promise<T>;
}

export function createLocalWorkSlots(count: number): LocalWorkSlots {
  let free = count;
  const waiting: (() => void)[] = [];
  const release = () => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  const wait = async (signal: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      const place = waiting.indexOf(resolve);
      // Given its slot in the same moment: it is `use` that gives it back.
      if (place < 0) return;
      waiting.splice(place, 1);
      reject(signal.reason);
    };
    waiting.push(resolve);
    signal.addEventListener("abort", leave, { once: true });
    await promise.finally(() => signal.removeEventListener("abort", leave));
  };
  return {
    use: async (signal, tell, body) => {
      signal.throwIfAborted();
      if (free > 0) free -= 1;
      else {
        tell(`[waits: ${count} programs of engines run on this server at a time]\n`);
        await wait(signal);
      }
      try {
        return await body();
      } finally {
        release();
      }
    },
  };
}
