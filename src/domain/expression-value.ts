/** What an expression's values are, and how one kind becomes another: plain data that leads nowhere else. */

/** Plain data. A `ValueMap` has no prototype, so a member is there or is not: nothing is inherited. */
export type Value = string | number | boolean | null | Date | readonly Value[] | ValueMap;

export interface ValueMap {
  readonly [key: string]: Value;
}

/** Nesting of arrays and maps that is read or written. */
const VALUE_DEPTH_MAX = 64;

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ValueMap {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
}

/** The member, or null when the map has none of that name. */
export function memberOf(map: ValueMap, key: string): Value {
  return Object.hasOwn(map, key) ? (map[key] ?? null) : null;
}

/**
 * Copies what JSON gave into values without prototypes; anything that is not data becomes null, as does what lies
 * deeper than `VALUE_DEPTH_MAX`.
 */
export function plainValue(data: unknown, depth = 0): Value {
  if (typeof data === "string" || typeof data === "number" || typeof data === "boolean") return data;
  if (data instanceof Date) return data;
  if (typeof data !== "object" || data === null || depth >= VALUE_DEPTH_MAX) return null;
  if (Array.isArray(data)) return data.map((item) => plainValue(item, depth + 1));
  const map: Record<string, Value> = Object.create(null);
  for (const [key, member] of Object.entries(data)) map[key] = plainValue(member, depth + 1);
  return map;
}

/** The kind of a value, as messages name it. */
export function kindOf(value: Value): string {
  if (value === null) return "null";
  if (value instanceof Date) return "a date";
  if (isList(value)) return "an array";
  if (typeof value === "object") return "an object";
  return { string: "text", number: "a number", boolean: "true or false" }[typeof value as "string"];
}

/** A number of a number, or of text that holds one; null counts 0, as in Java's expression language. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (value === null || value === "") return 0;
  if (typeof value !== "string" || !/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\s*$/.test(value))
    return undefined;
  return Number(value);
}

/** True or false of those, and of text that says so; null and "" are false. */
export function truthOf(value: Value): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (value === null || value === "") return false;
  if (typeof value !== "string") return undefined;
  const text = value.trim().toLowerCase();
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** Whether `empty` holds: null, "", and arrays and objects without members. */
export function isEmpty(value: Value): boolean {
  if (value === null || value === "") return true;
  if (isList(value)) return value.length === 0;
  return isMap(value) && Object.keys(value).length === 0;
}

/**
 * Whether `==` holds: numbers as numbers when either side is one, dates by their instant, arrays and objects by
 * what `json` writes for them.
 */
export function isEqual(left: Value, right: Value, json: (value: Value) => string): boolean {
  if (left === null || right === null) return left === right;
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  if (typeof left === "number" || typeof right === "number") {
    const numbers = [numberOf(left), numberOf(right)];
    return numbers[0] !== undefined && numbers[0] === numbers[1];
  }
  if (typeof left === "boolean" || typeof right === "boolean") return truthOf(left) === truthOf(right);
  if (typeof left === "string" || typeof right === "string") return left === right;
  return json(left) === json(right);
}

/** JSON of a value; dates become their milliseconds, as the vendor's JSON library writes them. */
export function toJson(value: Value): string {
  return JSON.stringify(value, function (this: unknown, key: string, member: unknown) {
    const own: unknown = (this as Record<string, unknown>)[key]; // Before Date's toJSON has made it text.
    return own instanceof Date ? own.getTime() : member;
  });
}
