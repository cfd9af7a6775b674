/** Texts with expressions in them, made at random: sequences of words, well-formed ones, every function with any values. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test writes its parameters so.
import fc from "fast-check";
import { readTemplate, render } from "../../src/domain/expression.ts";
import { OBJECTS } from "../../src/domain/expression-functions.ts";
import { Fault } from "../../src/domain/fault.ts";
import { lookupIn, worldOf } from "./expression-world.ts";

const WORLD = worldOf({
  jobParameter: lookupIn({ day: "20240106", both: "${day}-#{Job.name}" }),
  nodeOutput: lookupIn({ odd: '{"__proto__":{"own":1}}' }),
  obsPathExists: () => true,
});

/** Whatever happens, it is text or a Fault of the language; throws for anything else. */
export function tryText(text: string): void {
  try {
    const rendered: unknown = render(readTemplate(text), WORLD);
    if (typeof rendered !== "string") throw new TypeError("no text came of it");
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "expression-invalid") throw error;
  }
}

const NAMES = [...OBJECTS.entries()].flatMap(([object, members]) => [
  object,
  ...[...members.keys()].map((name) => `${object}.${name}`),
]);
const SIGNS = "( ) [ ] . , ? : + - * / % == < && || !".split(" ");
const WORDS = [
  "1",
  "0",
  "1e308",
  "'a'",
  '"yyyy"',
  "null",
  "true",
  "empty ",
  "'__proto__'",
  "constructor",
  "${day}",
  "${both}",
];
const VALUES = [
  "1",
  "0",
  "-7",
  "1e15",
  "'a'",
  "''",
  "'2024-01-06'",
  "'yyyy-MM-dd'",
  "null",
  "true",
  "Job.planTime",
  "JSONUtil.parse('[1,[2]]')",
  "JSONUtil.parse('{\"a\":1}')",
  "StringUtil.repeat('ab', 5000)",
];

/** Any sequence of the language's words, and of others. */
export const anyWords: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(...NAMES),
      fc.constantFrom(...SIGNS),
      fc.constantFrom(...WORDS),
      fc.constantFrom("#{", "}", "${", "\\", "'", " "),
      fc.string({ maxLength: 4 }),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => `#{${pieces.join("")}}`);

/** Expressions that can be read, of any values. */
export const wellFormed: fc.Arbitrary<string> = fc
  .letrec<{ expression: string }>((tie) => {
    const inner = tie("expression");
    const operator = fc.constantFrom("+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||");
    const callee = fc.constantFrom(...NAMES.filter((name) => name.includes(".")));
    return {
      expression: fc.oneof(
        { maxDepth: 5, depthSize: "small" },
        fc.constantFrom(...VALUES),
        fc.tuple(inner, operator, inner).map(([a, sign, b]) => `(${a} ${sign} ${b})`),
        fc
          .tuple(callee, fc.array(inner, { maxLength: 4 }))
          .map(([name, args]) => `${name}(${args.join(", ")})`),
        fc.tuple(inner, inner).map(([of, index]) => `${of}[${index}]`),
        fc.tuple(inner, inner, inner).map(([test, a, b]) => `(${test} ? ${a} : ${b})`),
      ),
    };
  })
  .expression.map((expression) => `#{${expression}}`);

const CALLS = [...OBJECTS.entries()].flatMap(([object, members]) =>
  [...members.entries()].flatMap(([name, { takes }]) =>
    takes ? [{ name: `${object}.${name}`, takes }] : [],
  ),
);

/** Every function with any values, as few and as many as it takes. */
export const anyCall: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...CALLS),
    fc.array(fc.constantFrom(...VALUES), { minLength: 4, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([{ name, takes }, values, full]) => {
    const [least, most] = takes;
    return `#{${name}(${values.slice(0, full ? most : least).join(", ")})}`;
  });
