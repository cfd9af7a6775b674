/** That expressions reach nothing but what they are given, and always end: inherited members, bounds, fuzzing. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test writes its parameters so.
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyCall, anyWords, tryText, wellFormed } from "../../test/setup/expression-texts.ts";
import { lookupIn, worldOf } from "../../test/setup/expression-world.ts";
import { readTemplate, render } from "./expression.ts";

const WORLD = worldOf({
  nodeOutput: lookupIn({ odd: '{"__proto__":{"own":1}}' }),
});

function check(text: string, expected: string, world = WORLD): void {
  expect(render(readTemplate(text), world)).toBe(expected);
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

test.each([
  ["sequence of words", anyWords, 99],
  ["well-formed expression of any values", wellFormed, 4],
  ["function with any values, as many as it may take", anyCall, 12],
])("no %s escapes, hangs or fails otherwise than by a Fault", (_, texts, seed) => {
  fc.assert(fc.property(texts, tryText), { numRuns: 3000, seed, interruptAfterTimeLimit: 20_000 });
});
