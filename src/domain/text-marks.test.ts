/** Marks rule out texts that do not hold a word, and never one that does. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { MARK_SIZES, marksOf, marksWanted } from "./text-marks.ts";

/** Whether a text with these marks may hold the words. */
function mayHold(marks: string, words: readonly string[]): boolean {
  const size = 4 * (marks.length - 1);
  const wanted = marksWanted(words)[MARK_SIZES.findIndex((each) => each === size)] ?? "";
  const [have, need] = [BigInt(`0${marks}`), BigInt(`0${wanted}`)];
  return (have & need) === need;
}

const letters = fc.string({ unit: fc.constantFrom(...'abcXYZ é中\n"\\_.{}$'), maxLength: 60 });

test("a text that holds words has their marks, whatever their case, also where it stands in JSON", () => {
  fc.assert(
    fc.property(
      letters,
      letters,
      letters,
      fc.array(letters, { maxLength: 30 }),
      (before, word, after, others) => {
        const text = before + word + after;
        const words = [word, word.toUpperCase(), word.toLowerCase()];
        for (const written of [text, JSON.stringify({ a: [text] }), text.toUpperCase()])
          expect(mayHold(marksOf([...others, written]), words)).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});

test("texts that do not hold a word are mostly ruled out, the long ones too", () => {
  const made = (n: number, length: number) =>
    Array.from({ length }, (_, at) => `part_${(n * 7919 + at * 104_729) % 999_983}`).join(" ");
  for (const length of [10, 100, 400]) {
    const texts = Array.from({ length: 200 }, (_, n) => made(n, length));
    const passed = texts.filter((text) => mayHold(marksOf([text]), ["orders_daily"]));
    expect(passed.length, `of ${length} words`).toBeLessThan(10);
  }
});

test("signs that become ASCII letters where case is ignored are found by those", () => {
  expect(mayHold(marksOf(["100 \u212Aelvin"]), ["kelvin"])).toBe(true);
  expect(mayHold(marksOf(["100 kelvin"]), ["\u212Aelvin"])).toBe(true);
  expect(mayHold(marksOf(["\u0130stanbul"]), ["istanbul"])).toBe(true);
});

test("the marks of a text are as many as it needs", () => {
  expect(marksOf([""])).toBe(`x${"0".repeat(64)}`);
  const sizes = [1, 30, 150, 20_000].map((length) => {
    const text = Array.from({ length }, (_, n) => `${(n * 7919) % 9973}`).join(" ");
    return 4 * (marksOf([text]).length - 1);
  });
  expect(sizes).toEqual([256, 1024, 4096, 16_384]);
});
