/** Members of a connection as it is dialled: what a save would refuse is refused here too, of older connections. */
import type { Read } from "../domain/connection-config.ts";
import { Fault } from "../domain/fault.ts";

/** @throws Fault `reference-invalid` where the member breaks its rule. */
export function required<Value>(read: Read<Value>): Value {
  return "problem" in read ? refuseConnection(`${read.problem}.`) : read.value;
}

/** @throws Fault `reference-invalid`, always. */
export function refuseConnection(message: string): never {
  throw new Fault("invalid", "reference-invalid", message);
}
