/** What a table's constraint refuses, said as a fault. */
import type { Fault } from "../domain/fault.ts";
import { hasCode } from "./file-system.ts";

/** SQLSTATE of a broken unique key, and of a row that others refer to. */
export const UNIQUE = "23505";
export const REFERENCED = "23503";

/** What `pending` gives; where the database refuses it with `sqlState`, `fault` is raised instead. */
export async function orFault<Value>(
  pending: Promise<Value>,
  sqlState: typeof UNIQUE | typeof REFERENCED,
  fault: (cause: unknown) => Fault,
): Promise<Value> {
  try {
    return await pending;
  } catch (error) {
    if (hasCode(error, [sqlState])) throw fault(error);
    throw error;
  }
}

/** What `pending` gives; undefined where the database refuses it with `sqlState`. */
export async function unlessRefused<Value>(
  pending: Promise<Value>,
  sqlState: typeof UNIQUE | typeof REFERENCED,
): Promise<Value | undefined> {
  try {
    return await pending;
  } catch (error) {
    if (hasCode(error, [sqlState])) return undefined;
    throw error;
  }
}

/** Whether the database refused what a statement says, its values or what they refer to: nothing of it was written. */
export function isRefusedValue(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^2[23]...$/.test(String(error.code));
}
