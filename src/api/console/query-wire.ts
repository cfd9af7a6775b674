/** Numbers in the queries of the console's API. */
import { invalid } from "../../domain/fault.ts";
import { firstOf, type Query } from "../route.ts";

/** A whole number from 0 on; undefined where it is absent. Raises `request-invalid`. */
export function numberOf(query: Query, name: string): number | undefined {
  const text = firstOf(query, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  invalid("request-invalid", [`${name}: "${text}" is not a whole number from 0 on`]);
}
