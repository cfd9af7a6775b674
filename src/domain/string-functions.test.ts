/** StringUtil's functions, by the examples of StringUtils' own documentation and by what the library itself answered. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { worldOf } from "../../test/setup/expression-world.ts";
import { readTemplate, render } from "./expression.ts";
import { STRING_FUNCTIONS } from "./string-functions.ts";

const EXAMPLES: readonly [string, unknown][] = [
  ["abbreviate('abcdefg', 6)", "abc..."],
  ["abbreviate('abcdefg', 7)", "abcdefg"],
  ["appendIfMissing('abc', 'xyz')", "abcxyz"],
  ["appendIfMissing('abcxyz', 'xyz')", "abcxyz"],
  ["capitalize('cat')", "Cat"],
  ["center('ab', 4)", " ab "],
  ["center('a', 4, 'yz')", "yayz"],
  ["chomp('abc\\r\\n')", "abc"],
  ["chomp('abc\\n\\r')", "abc\n"],
  ["chop('abc\\r\\n')", "abc"],
  ["chop('abc')", "ab"],
  ["compare('a', 'b')", -1],
  ["compare(null, null)", 0],
  ["contains('abc', 'z')", false],
  ["contains('abc', '')", true],
  ["contains(null, 'a')", false],
  ["containsAny('zzabyycdxx', 'za')", true],
  ["containsIgnoreCase('ABC', 'b')", true],
  ["containsNone('abab', 'xyz')", true],
  ["containsOnly('ab1', 'abc')", false],
  ["containsOnly('abab', 'abc')", true],
  ["containsWhitespace('a b')", true],
  ["countMatches('abba', 'ab')", 1],
  ["countMatches('aaa', 'a')", 3],
  ["defaultIfBlank('  ', 'x')", "x"],
  ["defaultIfEmpty('  ', 'x')", "  "],
  ["defaultString(null)", ""],
  ["defaultString(null, 'x')", "x"],
  ["deleteWhitespace('   ab  c  ')", "abc"],
  ["difference('abcde', 'abxyz')", "xyz"],
  ["endsWith('abcdef', 'def')", true],
  ["endsWithIgnoreCase('abcDEF', 'def')", true],
  ["equals(null, null)", true],
  ["equals('abc', 'ABC')", false],
  ["equalsIgnoreCase('abc', 'ABC')", true],
  ["getDigits('1000$ and 5')", "10005"],
  ["indexOf('aabaabaa', 'b')", 2],
  ["indexOf('aabaabaa', 'b', 3)", 5],
  ["indexOfIgnoreCase('aabaabaa', 'B')", 2],
  ["isAllLowerCase('abC')", false],
  ["isAllUpperCase('ABC')", true],
  ["isAlpha('ab2c')", false],
  ["isAlpha('')", false],
  ["isAlphaSpace('ab c')", true],
  ["isAlphanumeric('ab2c')", true],
  ["isAlphanumericSpace('ab 2c')", true],
  ["isBlank(' ')", true],
  ["isBlank(null)", true],
  ["isEmpty(' ')", false],
  ["isMixedCase('aB')", true],
  ["isNotBlank('bob')", true],
  ["isNotEmpty('')", false],
  ["isNumeric('123')", true],
  ["isNumeric('12.3')", false],
  ["isNumericSpace('12 3')", true],
  ["isWhitespace('  ')", true],
  ["join(StringUtil.split('a b c'), ';')", "a;b;c"],
  ["join(StringUtil.split('a b c'))", "abc"],
  ["lastIndexOf('aabaabaa', 'a')", 7],
  ["left('abc', 2)", "ab"],
  ["leftPad('bat', 5, 'yz')", "yzbat"],
  ["leftPad('7', 3, '0')", "007"],
  ["length('abc')", 3],
  ["length(null)", 0],
  ["lowerCase('aBc')", "abc"],
  ["mid('abc', 1, 2)", "bc"],
  ["mid('abc', -2, 2)", "ab"],
  ["normalizeSpace('  a   b ')", "a b"],
  ["ordinalIndexOf('aabaabaa', 'a', 3)", 3],
  ["ordinalIndexOf('aabaabaa', 'b', 9)", -1],
  ["overlay('abcdef', 'zzzz', 4, 2)", "abzzzzef"],
  ["prependIfMissing('abc', 'xyz')", "xyzabc"],
  ["remove('queued', 'u')", "qeed"],
  ["removeEnd('www.domain.com', '.com')", "www.domain"],
  ["removeStart('www.domain.com', 'www.')", "domain.com"],
  ["repeat('ab', 3)", "ababab"],
  ["repeat('?', ', ', 3)", "?, ?, ?"],
  ["replace('aba', 'a', 'z')", "zbz"],
  ["replace('abaa', 'a', 'z', 1)", "zbaa"],
  ["replace('aba', 'a', null)", "aba"],
  ["replaceChars('hello', 'hl', 'j')", "jeo"],
  ["replaceOnce('aba', 'a', '')", "ba"],
  ["reverse('bat')", "tab"],
  ["reverseDelimited('a.b.c', '.')", "c.b.a"],
  ["right('abc', 2)", "bc"],
  ["right('abc', 0)", ""],
  ["rightPad('bat', 5)", "bat  "],
  ["rotate('abcdefg', 2)", "fgabcde"],
  ["rotate('abcdefg', -2)", "cdefgab"],
  ["split('a.b.c', '.')", ["a", "b", "c"]],
  ["split('a..b.c', '.')", ["a", "b", "c"]],
  ["split('a b  c')", ["a", "b", "c"]],
  ["split('ab:cd:ef', ':', 2)", ["ab", "cd:ef"]],
  ["split('', ',')", []],
  ["splitByWholeSeparator('ab-!-cd-!-ef', '-!-')", ["ab", "cd", "ef"]],
  ["splitByWholeSeparator('ab-!-cd-!-ef', '-!-', 2)", ["ab", "cd-!-ef"]],
  ["splitPreserveAllTokens(',a,,b,', ',')", ["", "a", "", "b", ""]],
  ["startsWith('abcdef', 'abc')", true],
  ["startsWithIgnoreCase('ABCDEF', 'abc')", true],
  ["strip('  abcyx ', 'xyz ')", "abc"],
  ["stripEnd('120.00', '.0')", "12"],
  ["stripStart('yxabc', 'xyz')", "abc"],
  ["stripToEmpty(null)", ""],
  ["stripToNull('  ')", null],
  ["substring('abc', 2)", "c"],
  ["substring('abc', -2)", "bc"],
  ["substring('abc', 1, 9)", "bc"],
  ["substring('abc', 2, 1)", ""],
  ["substringAfter('abcba', 'b')", "cba"],
  ["substringAfter('abc', 'd')", ""],
  ["substringAfterLast('abcba', 'b')", "a"],
  ["substringBefore('abcba', 'b')", "a"],
  ["substringBefore('abc', 'd')", "abc"],
  ["substringBeforeLast('abcba', 'b')", "abc"],
  ["substringBetween('tagabctag', 'tag')", "abc"],
  ["substringBetween('yabcz', 'y', 'z')", "abc"],
  ["substringsBetween('[a][b][c]', '[', ']')", ["a", "b", "c"]],
  ["swapCase('The dog')", "tHE DOG"],
  ["toRootLowerCase('A')", "a"],
  ["toRootUpperCase('a')", "A"],
  ["trim('  abc ')", "abc"],
  ["trimToEmpty(null)", ""],
  ["trimToNull('  ')", null],
  ["truncate('abcdefg', 4)", "abcd"],
  ["uncapitalize('Cat')", "cat"],
  ["upperCase('aBc')", "ABC"],
  ["upperCase(null)", null],
  ["wrap('ab', '\"')", '"ab"'],
];

test.each(EXAMPLES)("StringUtil.%s", (call, expected) => {
  expect(JSON.parse(render(readTemplate(`#{JSONUtil.toString(StringUtil.${call})}`), worldOf()))).toEqual(
    expected,
  );
});

/** Lines `[function, arguments, answer]` of commons-lang3 3.18.0's StringUtils on Java 17. */
async function readVectors(): Promise<[name: string, args: unknown[], answer: unknown][]> {
  const text = await readFile(new URL("../../test/fixtures/string-vectors.jsonl", import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("the functions answer what the library answered, and refuse what it refused", async () => {
  for (const [name, args, answer] of await readVectors()) {
    const given = args.map((_, at) => `JSONUtil.parse(Job.getNodeOutput('args'))[${at}]`).join(", ");
    const world = worldOf({ nodeOutput: () => JSON.stringify(args) });
    const call = () =>
      JSON.parse(render(readTemplate(`#{JSONUtil.toString(StringUtil.${name}(${given}))}`), world));
    const refused = answer !== null && typeof answer === "object" && "throws" in answer;
    if (refused) expect(call, `${name} ${JSON.stringify(args)}`).toThrow("StringUtil");
    else expect(call(), `${name} ${JSON.stringify(args)}`).toEqual(answer);
  }
});

test("every function has an example or a vector", async () => {
  const shown = new Set(EXAMPLES.map(([call]) => call.slice(0, call.indexOf("("))));
  for (const [name] of await readVectors()) shown.add(name);
  expect([...STRING_FUNCTIONS.keys()].filter((name) => !shown.has(name))).toEqual([]);
});

test.each([
  ["repeat('ab', 99999999)", "characters"],
  ["repeat(StringUtil.repeat('a', 1000000), 1000000)", "characters"],
  ["leftPad('a', 999999999)", "characters"],
  ["replace(StringUtil.repeat('a', 9999), 'a', StringUtil.repeat('b', 9999))", "characters"],
  ["replaceEachRepeatedly('ab', StringUtil.split('a b'), StringUtil.split('b a'))", "never end"],
  ["indexOf(StringUtil.repeat('a', 2000000), StringUtil.repeat('a', 1000000))", "steps"],
  ["abbreviate('abc', 2)", "at least 4"],
  ["left('abc', 'x')", "a whole number is wanted"],
  ["join('abc', ',')", "an array is wanted"],
])("StringUtil.%s is refused", (call, cause) => {
  expect(() => render(readTemplate(`#{StringUtil.${call}}`), worldOf())).toThrow(cause);
});
