/** `Dummy`: a node that does nothing, to join or to part branches. */
import type { Operator } from "./operator.ts";

export function createDummyOperator(): Operator {
  return { types: ["Dummy"], lane: "inline", run: async () => ({ state: "succeeded" }) };
}
