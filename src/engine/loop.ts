/** The engine's one kind of loop: a duty that is done again and again, sooner when woken, until it is stopped. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Observe } from "../domain/observation.ts";

export interface Loop {
  readonly start: () => void;
  /** After the round that is under way, if any; no further one begins. */
  readonly stop: () => Promise<void>;
  /** Begins a round now; one that is under way is followed by another. */
  readonly wake: () => void;
  /** Resolves after a whole round that began later than this call; at once where the loop does not run. */
  readonly round: () => Promise<void>;
}

/** How long after a failed round the next one begins. */
const RETRY_MS = 1_000;

/** `work` is one round; it gives the milliseconds until the next, when nothing wakes the loop before. */
export function createLoop(name: string, work: () => Promise<number>, observe: Observe): Loop {
  let state: "idle" | "sleeping" | "working" | "stopped" = "idle";
  let woken = false;
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  let begun = 0;
  /** Whoever wakes the loop, its rounds are nobody's: they do not belong to the request that did. */
  const outside = AsyncLocalStorage.snapshot();

  async function runRound(): Promise<void> {
    let delayMs: number;
    try {
      delayMs = await work();
    } catch (error) {
      observe({ event: "loop-failed", loop: name, error });
      delayMs = RETRY_MS;
    }
    if (state !== "working") return;
    state = "sleeping";
    if (woken) begin();
    else timer = setTimeout(begin, delayMs);
  }

  function begin(): void {
    if (state === "stopped" || state === "idle") return;
    clearTimeout(timer);
    state = "working";
    woken = false;
    begun += 1;
    current = outside(runRound);
  }

  function wake(): void {
    if (state === "sleeping") begin();
    else woken = true;
  }

  return {
    start: () => {
      if (state !== "idle") return;
      state = "sleeping";
      begin();
    },
    stop: async () => {
      state = "stopped";
      clearTimeout(timer);
      await current;
    },
    wake,
    round: async () => {
      const wanted = begun + 1;
      wake();
      while (begun < wanted && state !== "stopped" && state !== "idle")
        await current.then(() => new Promise(setImmediate));
      await current;
    },
  };
}
