/** Asks the database again until it has answered, for attempts whose work goes on without it meanwhile. */
import { Fault } from "../domain/fault.ts";
import type { Observe } from "../domain/observation.ts";
import type { AbortReason } from "../operators/operator.ts";

const RETRY_MS = 500;

/** What is asked may be asked twice. A Fault ends it, and whatever `isOver` says; `loop` names who asks. */
export async function insist<Value>(
  {
    observe,
    loop,
    isOver,
  }: { readonly observe: Observe; readonly loop: string; readonly isOver: () => boolean },
  ask: () => Promise<Value>,
): Promise<Value> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Fault || isOver()) throw error;
      observe({ event: "loop-failed", loop, error });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Whether another server goes on with the attempt. */
export function isGivenUp({ aborted, reason }: AbortSignal): boolean {
  const given: readonly AbortReason[] = ["lost", "drain"];
  return aborted && given.includes(reason);
}
