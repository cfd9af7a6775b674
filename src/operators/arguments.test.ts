/** How a line of arguments is cut into words. */
import { expect, test } from "vitest";
import { splitArguments } from "./arguments.ts";

test.each([
  ["", []],
  ["  \n ", []],
  ["a b\tc\nd", ["a", "b", "c", "d"]],
  [`'a b' "c d" e\\ f`, ["a b", "c d", "e f"]],
  [`--name='x y'z "" ''`, ["--name=x yz", "", ""]],
  [`"say \\"hi\\" \\n" '\\'`, [`say "hi" \\n`, "\\"]],
  ["$HOME $(id) `id` *.csv a|b ;", ["$HOME", "$(id)", "`id`", "*.csv", "a|b", ";"]],
  ["end\\", ["end"]],
  ["名 é", ["名", "é"]],
])("%j becomes %j", (line, words) => {
  expect(splitArguments(line)).toEqual(words);
});

test.each([`'a`, `a "b`, `"a\\"`, `'a' 'b`])("the open quote in %j is refused", (line) => {
  expect(() => splitArguments(line)).toThrow(/not closed/);
});

test("a long line is read in one pass", () => {
  const line = `"${"\\\\".repeat(100_000)}" ${"'a'b\\ ".repeat(50_000)}`;
  expect(splitArguments(line)).toHaveLength(2);
});
