/** Holds values against schemas, and says in words what each wrong place must be. */
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { TLocalizedValidationError as SchemaError } from "typebox/error";
import { Pointer } from "typebox/value";

const compiled = new WeakMap<TSchema, ReturnType<typeof Compile>>();

/** What `value` has against `schema`, each as `place: rule` with the whole rule of the place; empty when it fits. */
export function checkSchema(schema: TSchema, value: unknown): string[] {
  let validator = compiled.get(schema);
  if (validator === undefined) {
    validator = Compile(schema);
    compiled.set(schema, validator);
  }
  if (validator.Check(value)) return [];
  const told = withoutBranches(validator.Errors(value)).flatMap((error) => problemsOf(error, schema));
  return [...new Set(told)];
}

/**
 * The validator complains of every branch of a choice, and of the choice. Told is what is wrong further inside, or
 * where nothing is, the choice.
 */
function withoutBranches(errors: readonly SchemaError[]): SchemaError[] {
  const dropped = new Set<SchemaError>();
  for (const choice of errors.filter(({ keyword }) => keyword === "anyOf")) {
    const inside = errors.filter((error) => isInside(error, choice));
    const deeper = inside.filter(({ instancePath }) => instancePath !== choice.instancePath);
    const surplus = deeper.length === 0 ? inside : [choice, ...inside].filter((one) => !deeper.includes(one));
    for (const error of surplus) dropped.add(error);
  }
  return errors.filter((error) => !dropped.has(error));
}

function isInside({ schemaPath, instancePath }: SchemaError, choice: SchemaError): boolean {
  return (
    schemaPath.startsWith(`${choice.schemaPath}/anyOf/`) &&
    `${instancePath}/`.startsWith(`${choice.instancePath}/`)
  );
}

function problemsOf(error: SchemaError, schema: TSchema): string[] {
  const place = error.instancePath.slice(1).replaceAll("/", ".");
  if (error.keyword === "required")
    return error.params.requiredProperties.map(
      (name) => `${place === "" ? "" : `${place}.`}${name}: must be given`,
    );
  // Of a member too many there is one error at the member, and one at its owner.
  if (error.keyword === "boolean") return [`${place}: is no member here`];
  if (error.keyword === "additionalProperties") return [];
  const words = WORDLESS.includes(error.keyword)
    ? undefined
    : wordsOf(Pointer.Get(schema, error.schemaPath.slice(1)) as Keywords | undefined);
  return [`${place || "body"}: ${words === undefined ? error.message : `must be ${words}`}`];
}

/** Keywords that `wordsOf` does not tell: the validator's own message does. */
const WORDLESS = ["minProperties", "maxProperties", "format", "multipleOf"];

/** What a schema's rule is made of, where words are known for it. */
interface Keywords {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Keywords[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
}

/** The whole rule, e.g. `a whole number from 1 to 100`. */
function wordsOf(schema: Keywords | undefined): string | undefined {
  if (schema === undefined) return undefined;
  if (schema.anyOf !== undefined) {
    const branches = schema.anyOf.map(wordsOf);
    return branches.includes(undefined) ? undefined : branches.join(" or ");
  }
  if (schema.enum !== undefined) return `one of ${schema.enum.join(", ")}`;
  if (schema.const !== undefined) return String(schema.const);
  return schema.type === undefined ? undefined : WORDS[schema.type]?.(schema);
}

const WORDS: Readonly<Record<string, (schema: Keywords) => string>> = {
  integer: ({ minimum, maximum }) => `a whole number${rangeOf(minimum, maximum)}`,
  number: ({ minimum, maximum }) => `a number${rangeOf(minimum, maximum)}`,
  string: ({ minLength, maxLength, pattern }) =>
    `a text${amountOf(minLength, maxLength, "characters")}${pattern === undefined ? "" : ` as ${pattern}`}`,
  array: ({ minItems, maxItems, uniqueItems }) =>
    `a list${amountOf(minItems, maxItems, "entries")}${uniqueItems === true ? ", none twice" : ""}`,
  boolean: () => "true or false",
  object: () => "an object",
  null: () => "null",
};

function rangeOf(least: number | undefined, most: number | undefined): string {
  if (least === undefined) return most === undefined ? "" : ` up to ${most}`;
  return most === undefined ? ` from ${least} on` : ` from ${least} to ${most}`;
}

function amountOf(least: number | undefined, most: number | undefined, what: string): string {
  if (least === undefined) return most === undefined ? "" : ` of at most ${most} ${what}`;
  if (most === undefined) return least === 1 ? " that is not empty" : ` of at least ${least} ${what}`;
  return ` of ${least} to ${most} ${what}`;
}
