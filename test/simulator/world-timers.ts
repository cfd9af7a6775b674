/** Timers that belong to a simulated world: they ring when it lets time pass, and as on a busy machine some ring late. */

export interface WorldTimers {
  /** From now on `setTimeout` counts in the world's time. */
  readonly take: () => void;
  /** Rings what is due by now; what rings late is left for a later call. */
  readonly ring: () => void;
  /** Gives the process its own timers back. */
  readonly giveBack: () => void;
}

interface Due {
  readonly at: number;
  readonly callback: () => void;
}

/** `rings` says of each timer that is due whether it rings now. */
export function createTimers(now: () => number, rings: () => boolean): WorldTimers {
  const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
  const waiting = new Map<NodeJS.Timeout, Due>();

  function set(callback: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): NodeJS.Timeout {
    // The process's own timer is what its callers hold and may ask things of; it never comes to ring.
    const handle = realSet(() => undefined, NEVER_MS).unref();
    waiting.set(handle, { at: now() + delayMs, callback: () => callback(...args) });
    return handle;
  }

  function clear(handle: NodeJS.Timeout | string | number | undefined): void {
    if (typeof handle === "object") waiting.delete(handle);
    realClear(handle);
  }

  return {
    take: () => void Object.assign(globalThis, { setTimeout: set, clearTimeout: clear }),
    ring: () => {
      const due = [...waiting].filter(([, { at }]) => at <= now() && rings());
      for (const [handle, { callback }] of due.sort(([, a], [, b]) => a.at - b.at)) {
        // One that rang before may have ended it.
        if (!waiting.delete(handle)) continue;
        realClear(handle);
        callback();
      }
    },
    giveBack: () => void Object.assign(globalThis, { setTimeout: realSet, clearTimeout: realClear }),
  };
}

/** As long as a timer can be. */
const NEVER_MS = 2 ** 31 - 1;
