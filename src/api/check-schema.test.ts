/** What is said of values that a schema does not allow. */
import { type TSchema, Type } from "typebox";
import { expect, test } from "vitest";
import { checkSchema } from "./check-schema.ts";

const Priority = Type.Integer({ minimum: 0, maximum: 2 });
const Timeout = Type.Union([Type.Literal(0), Type.Integer({ minimum: 5, maximum: 1440 })]);
const Settings = Type.Union([Type.Record(Type.String(), Type.Integer()), Type.String({ maxLength: 9 })]);
const Node = Type.Object({
  name: Type.String({ minLength: 1 }),
  location: Type.Object({ x: Type.Number() }),
});

const PROBLEMS: readonly (readonly [schema: TSchema, value: unknown, problems: readonly string[]])[] = [
  [Priority, 1, []],
  [Priority, 3, ["body: must be a whole number from 0 to 2"]],
  [Priority, "1", ["body: must be a whole number from 0 to 2"]],
  [Type.Integer({ minimum: 1 }), 0, ["body: must be a whole number from 1 on"]],
  [Type.Number({ maximum: 1 }), 2, ["body: must be a number up to 1"]],
  [Type.Number(), null, ["body: must be a number"]],
  [Type.Boolean(), "true", ["body: must be true or false"]],
  [Type.Null(), 0, ["body: must be null"]],
  [Type.Object({}), [], ["body: must be an object"]],
  [Type.Enum(["BATCH", "REAL_TIME"]), "batch", ["body: must be one of BATCH, REAL_TIME"]],
  [Type.String({ minLength: 1 }), "", ["body: must be a text that is not empty"]],
  [Type.String({ minLength: 2 }), "a", ["body: must be a text of at least 2 characters"]],
  [Type.String({ minLength: 1, maxLength: 2 }), "abc", ["body: must be a text of 1 to 2 characters"]],
  // A rule that is broken twice is told once.
  [
    Type.String({ maxLength: 2, pattern: "^a+$" }),
    "bcd",
    ["body: must be a text of at most 2 characters as ^a+$"],
  ],
  [Type.Array(Priority, { maxItems: 1 }), [1, 1], ["body: must be a list of at most 1 entries"]],
  [
    Type.Array(Priority, { minItems: 1, uniqueItems: true }),
    [1, 1],
    ["body: must be a list that is not empty, none twice"],
  ],
  [Timeout, 4, ["body: must be 0 or a whole number from 5 to 1440"]],
  [Settings, 4, ["body: must be an object or a text of at most 9 characters"]],
  [Settings, { a: 1, b: "x" }, ["b: must be a whole number"]],
  [Node, {}, ["name: must be given", "location: must be given"]],
  [
    Type.Object({ nodes: Type.Array(Node) }),
    { nodes: [{ name: "a", location: {} }, { name: "" }] },
    [
      "nodes.0.location.x: must be given",
      "nodes.1.location: must be given",
      "nodes.1.name: must be a text that is not empty",
    ],
  ],
  [
    Type.Object({ a: Type.Optional(Priority) }, { additionalProperties: false }),
    { b: 1 },
    ["b: is no member here"],
  ],
  // No words of ours are known for these.
  [Type.Object({}, { minProperties: 1 }), {}, ["body: must not have fewer than 1 properties"]],
];

test("each place that is wrong is named with its whole rule", () => {
  for (const [schema, value, problems] of PROBLEMS)
    expect(checkSchema(schema, value), JSON.stringify([schema, value])).toEqual(problems);
});
