/** Queries read by the schema of their route's contract, so that the page shows what is really asked for. */
import { type Static, type TEnum, type TObject, type TSchema, type TSchemaOptions, Type } from "typebox";
import { invalid } from "../domain/fault.ts";
import { checkSchema } from "./check-schema.ts";
import { firstOf, type Query } from "./route.ts";

/**
 * The query's values as the schema's types: whole numbers, `true` and `false` in any case, texts. An absent name has its
 * member's default; names that the schema does not know are passed over. Raises `request-invalid` with every problem.
 */
export function readQuery<Schema extends TObject>(schema: Schema, query: Query): Static<Schema> {
  const values: Record<string, unknown> = {};
  for (const [name, member] of Object.entries<TSchema & { readonly default?: unknown }>(schema.properties)) {
    const text = firstOf(query, name);
    const value = text === undefined ? member.default : readValue(member, text);
    if (value !== undefined) values[name] = value;
  }
  const problems = checkSchema(schema, values);
  if (problems.length > 0) invalid("request-invalid", problems);
  return values as Static<Schema>; // The schema has just been held against it.
}

/** A text that is no value of the type stays one, for the schema to refuse. */
function readValue(schema: TSchema, text: string): unknown {
  if (Type.IsInteger(schema)) return /^-?\d+$/.test(text) ? Number(text) : text;
  if (!Type.IsBoolean(schema)) return text;
  const word = text.toLowerCase();
  return word === "true" || (word === "false" ? false : text);
}

/** One of the words that `meanings` explains. */
export function wordOf<Meanings extends Readonly<Record<string, unknown>>>(
  meanings: Meanings,
  options?: TSchemaOptions,
): TEnum<(keyof Meanings & string)[]> {
  return Type.Enum(Object.keys(meanings) as (keyof Meanings & string)[], options);
}
