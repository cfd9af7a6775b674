/** Paths into data such as `tables[0].name`. */
import { isList, isMap, memberOf, type Value } from "./expression-value.ts";

const STEP = /^(?:\.?([^.[\]]+)|\[(-?\d{1,9})\]|\[(?:'([^']*)'|"([^"]*)")\])/;

/**
 * The part of `value` that the path leads to, null when there is none; a leading `$` means the whole.
 * Undefined when the path cannot be read.
 */
export function atPath(value: Value, path: string): Value | undefined {
  let at: Value = value;
  let rest = path.trim().replace(/^\$/, "");
  while (rest !== "") {
    const match = STEP.exec(rest);
    if (match === null) return undefined;
    const [whole, name, index, ...quoted] = match;
    at = index !== undefined ? itemOf(at, Number(index)) : named(at, name ?? quoted[0] ?? quoted[1] ?? "");
    rest = rest.slice(whole.length);
  }
  return at;
}

function itemOf(value: Value, index: number): Value {
  return isList(value) ? (value.at(index) ?? null) : null;
}

/** A name on an array is asked of each of its items, as the vendor's JSON library does. */
function named(value: Value, name: string): Value {
  if (isList(value)) return value.map((item) => (isMap(item) ? memberOf(item, name) : null));
  return isMap(value) ? memberOf(value, name) : null;
}
