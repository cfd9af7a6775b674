/** Members of a connection as it is dialled: what a save would refuse is refused here too, of older connections. */
import { type Read, textOf } from "../domain/connection-config.ts";
import { Fault } from "../domain/fault.ts";
import type { WorkConnection } from "./operator.ts";

/** @throws Fault `reference-invalid` where the member breaks its rule. */
export function required<Value>(read: Read<Value>): Value {
  return "problem" in read ? refuseConnection(`${read.problem}.`) : read.value;
}

/** The host that a connection names, not resolved yet. Fault `connection-invalid` where it names none. */
export function hostOf({ name, config }: Pick<WorkConnection, "name" | "config">): string {
  const host = textOf(config, "ip") || textOf(config, "host");
  if (host !== "") return host;
  throw new Fault(
    "invalid",
    "connection-invalid",
    `The connection "${name}" has no address (ip and port) that could be dialled.`,
  );
}

/** @throws Fault `reference-invalid`, always. */
export function refuseConnection(message: string): never {
  throw new Fault("invalid", "reference-invalid", message);
}
