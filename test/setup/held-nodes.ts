/** Nodes that run until a test lets them end: an operator for type `Hold`, and the test's hand on it. */
import type { Operator } from "../../src/operators/operator.ts";
import { testOperator, untilAborted } from "./engine-world.ts";

export interface HeldNodes {
  readonly operator: Operator;
  /** Resolves when the node runs, also when it does already. */
  readonly running: (instanceId: number, nodeName: string) => Promise<void>;
  /** Lets a running node end in success. */
  readonly letEnd: (instanceId: number, nodeName: string) => void;
}

export function createHeldNodes(): HeldNodes {
  const ends = new Map<string, () => void>();
  const waiting = new Map<string, () => void>();
  const keyOf = (instanceId: number, nodeName: string) => `${instanceId}/${nodeName}`;
  const operator = testOperator(
    async (work, context) => {
      const key = keyOf(work.instanceId, work.nodeName);
      const end = Promise.withResolvers<{ readonly state: "succeeded" }>();
      ends.set(key, () => end.resolve({ state: "succeeded" }));
      waiting.get(key)?.();
      const outcome = await Promise.race([end.promise, untilAborted(context)]);
      ends.delete(key);
      return outcome;
    },
    "process",
    "Hold",
  );
  return {
    operator,
    running: (instanceId, nodeName) =>
      new Promise((resolve) => {
        const key = keyOf(instanceId, nodeName);
        waiting.set(key, resolve);
        if (ends.has(key)) resolve();
      }),
    letEnd: (instanceId, nodeName) => ends.get(keyOf(instanceId, nodeName))?.(),
  };
}
