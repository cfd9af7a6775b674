/** That expressions reach nothing but what they are given, and always end: inherited members, bounds, fuzzing. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test writes its parameters so.
import fc from "fast-check";
import { expect, test } from "vitest";
import { lookupIn, worldOf } from "../../test/setup/expression-world.ts";
import { readTemplate, render } from "./expression.ts";
import { OBJECTS } from "./expression-functions.ts";
import { Fault } from "./fault.ts";

const WORLD = worldOf({
  jobParameter: lookupIn({ day: "20240106", both: "${day}-#{Job.name}" }),
  nodeOutput: lookupIn({ odd: '{"__proto__":{"own":1}}' }),
  obsPathExists: () => true,
});

function check(text: string, expected: string, world = WORLD): void {
  expect(render(readTemplate(text), world)).toBe(expected);
}

/** Whatever happens, it is text or a Fault of this language. */
function tried(text: string): void {
  try {
    expect(typeof render(readTemplate(text), WORLD)).toBe("string");
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(error.code).toBe("expression-invalid");
  }
}

test("members are own data: nothing inherited can be read", () => {
  const careless = worldOf({ jobParameter: (name) => Reflect.get({}, name) });
  for (const key of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]) {
    check(`#{JSONUtil.parse('{}').${key} == null}`, "true");
    check(`#{JSONUtil.parse('{}')['${key}'] == null}`, "true");
    check(`#{JSONUtil.path('{}', '${key}') == null}`, "true");
    check(`\${${key}}`, `\${${key}}`, careless);
  }
  check("#{JSONUtil.parse(Job.getNodeOutput('odd')).__proto__.own}", "1");
  expect(Reflect.get({}, "own")).toBeUndefined();
});

test("nesting of JSON has a bound", () => {
  const deep = worldOf({ nodeOutput: () => `${"[".repeat(5000)}${"]".repeat(5000)}` });
  expect(render(readTemplate("#{JSONUtil.parse(Job.getNodeOutput('n'))}"), deep).length).toBeLessThan(200);
});

const names = [...OBJECTS.entries()].flatMap(([object, members]) => [
  object,
  ...[...members.keys()].map((name) => `${object}.${name}`),
]);

test("no sequence of words escapes, hangs or fails otherwise than by a Fault", () => {
  const piece = fc.oneof(
    fc.constantFrom(...names),
    fc.constantFrom(
      "(",
      ")",
      "[",
      "]",
      ".",
      ",",
      "?",
      ":",
      "+",
      "-",
      "*",
      "/",
      "%",
      "==",
      "<",
      "&&",
      "||",
      "!",
      "empty ",
    ),
    fc.constantFrom(
      "1",
      "0",
      "1e308",
      "'a'",
      '"yyyy"',
      "null",
      "true",
      "'__proto__'",
      "constructor",
      "${day}",
      "${both}",
    ),
    fc.constantFrom("#{", "}", "${", "\\", "'", " "),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => tried(`#{${pieces.join("")}}`)),
    { numRuns: 3000, seed: 99, interruptAfterTimeLimit: 20_000 },
  );
});

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

test("well-formed expressions of any value give text or a Fault", () => {
  const { expression } = fc.letrec<{ expression: string }>((tie) => {
    const inner = tie("expression");
    const operator = fc.constantFrom("+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||");
    const callee = fc.constantFrom(...names.filter((name) => name.includes(".")));
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
  });
  fc.assert(
    fc.property(expression, (text) => tried(`#{${text}}`)),
    { numRuns: 3000, seed: 4, interruptAfterTimeLimit: 20_000 },
  );
});

test("every function takes any values, as many as it may, and gives text or a Fault", () => {
  const args = fc.array(fc.constantFrom(...VALUES), { minLength: 4, maxLength: 4 });
  const calls = [...OBJECTS.entries()].flatMap(([object, members]) =>
    [...members.entries()].flatMap(([name, { takes }]) =>
      takes ? [{ name: `${object}.${name}`, takes }] : [],
    ),
  );
  fc.assert(
    fc.property(fc.constantFrom(...calls), args, fc.boolean(), ({ name, takes }, values, full) => {
      tried(`#{${name}(${values.slice(0, full ? takes[1] : takes[0]).join(", ")})}`);
    }),
    { numRuns: 4000, seed: 12, interruptAfterTimeLimit: 20_000 },
  );
});
