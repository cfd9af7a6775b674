/** The places of a body's schema that have bounds, and values on either side of each bound. */
import type { TSchema } from "typebox";

/** A JSON schema with what is looked at here. */
interface Keywords extends TSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Keywords[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Keywords>>;
  readonly items?: Keywords;
}

export interface BoundedPlace {
  /** Member names, and 0 for an entry of a list. */
  readonly path: readonly (string | 0)[];
  /** The first and last that are allowed. */
  readonly good: readonly unknown[];
  /** Those beyond, and others that look like one. */
  readonly bad: readonly unknown[];
}

export function boundedPlaces(schema: TSchema): BoundedPlace[] {
  return placesOf(schema, []);
}

function placesOf(schema: Keywords, path: readonly (string | 0)[]): BoundedPlace[] {
  const { properties = {}, items } = schema;
  const own = boundsOf(schema);
  return [
    ...(own === undefined ? [] : [{ path, ...own }]),
    ...Object.entries(properties).flatMap(([name, member]) => placesOf(member, [...path, name])),
    ...(items === undefined ? [] : placesOf(items, [...path, 0])),
  ];
}

function boundsOf(schema: Keywords): Pick<BoundedPlace, "good" | "bad"> | undefined {
  if (schema.type === "integer" || schema.type === "number") return numberBounds(schema);
  if (schema.type === "string") return textBounds(schema);
  if (schema.type === "array") return listBounds(schema);
  return schema.type === "boolean" ? { good: [true, false], bad: ["true", 1, [], {}] } : undefined;
}

function numberBounds({ type, minimum, maximum }: Keywords) {
  const bounds = [minimum, maximum].filter((one) => one !== undefined);
  const beyond = [
    ...(minimum === undefined ? [] : [minimum - 1]),
    ...(maximum === undefined ? [] : [maximum + 1]),
  ];
  const near = minimum ?? maximum ?? 1;
  return {
    good: bounds,
    bad: [...beyond, ...(type === "integer" ? [near + 0.5] : []), String(near), "", true, [near], {}],
  };
}

/** What a pattern allows is for the tests of what it is about. */
function textBounds({ pattern, enum: words, minLength, maxLength }: Keywords) {
  const of = (length: number) => "长".repeat(length);
  const isFree = pattern === undefined && words === undefined;
  const bounds = isFree ? [minLength, maxLength].filter((one) => one !== undefined) : [];
  const beyond = [
    ...(minLength === undefined || minLength === 0 ? [] : [minLength - 1]),
    ...(maxLength === undefined ? [] : [maxLength + 1]),
  ];
  return { good: bounds.map(of), bad: [...beyond.map(of), 7, true, [], {}] };
}

function listBounds({ items = {}, minItems = 0, maxItems }: Keywords) {
  const of = (length: number) => Array.from({ length }, (_, index) => sampleOf(items, index));
  return {
    good: [of(minItems), ...(maxItems === undefined ? [] : [of(maxItems)])],
    bad: [
      ...(minItems > 0 ? [of(minItems - 1)] : []),
      ...(maxItems === undefined ? [] : [of(maxItems + 1)]),
      "",
      {},
      7,
    ],
  };
}

/** `base` with the value at the place; what is missing on the way there is made as its schema has it. */
export function withValueAt(
  base: unknown,
  schema: TSchema,
  [first, ...rest]: readonly (string | 0)[],
  value: unknown,
): unknown {
  if (first === undefined) return value;
  const { properties = {}, items = {} } = schema as Keywords;
  const inner = first === 0 ? items : (properties[first] ?? {});
  if (first === 0) {
    const [entry = sampleOf(inner, 0), ...others] = Array.isArray(base) ? base : [];
    return [withValueAt(entry, inner, rest, value), ...others];
  }
  const members = (typeof base === "object" && base !== null ? base : sampleOf(schema, 0)) as Record<
    string,
    unknown
  >;
  return { ...members, [first]: withValueAt(members[first], inner, rest, value) };
}

/** A small value that the schema allows; another one for another `index`. */
function sampleOf(schema: Keywords, index: number): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return sampleOf(schema.anyOf[0] ?? {}, index);
  if (schema.type === "string") return `x${index}`.padEnd(schema.minLength ?? 0, "x");
  if (schema.type === "integer" || schema.type === "number") return schema.minimum ?? 0;
  if (schema.type === "boolean") return false;
  if (schema.type === "array")
    return Array.from({ length: schema.minItems ?? 0 }, (_, at) => sampleOf(schema.items ?? {}, at));
  const required = schema.required ?? [];
  return Object.fromEntries(required.map((name) => [name, sampleOf(schema.properties?.[name] ?? {}, index)]));
}
