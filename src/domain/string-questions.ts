/** The functions of `StringUtil` that ask something of a text: whether, where, how many. */
import type { Member } from "./expression-world.ts";
import { on, onAny, type Text } from "./string-function.ts";
import { splitAtText } from "./string-split.ts";

/** Null and text of nothing but white space. */
export function isBlank(text: Text): boolean {
  return text === null || text.trim() === "";
}

/** A test of every character; empty text passes only where `ofEmpty` says so. */
function every(pattern: RegExp, ofEmpty: boolean): Member {
  return on(1, 1, false, (text) => (text === "" ? ofEmpty : pattern.test(text)));
}

function compared(
  change: (text: string) => string,
  compare: (text: string, other: string) => boolean,
): Member {
  return onAny(2, 2, ({ text }) => {
    const [left, right] = [text(0), text(1)];
    if (left === null || right === null) return left === right;
    return compare(change(left), change(right));
  });
}

const same = (text: string) => text;
const lower = (text: string) => text.toLowerCase();

function countIn(text: string, part: Text): number {
  return part ? splitAtText(text, part, Number.POSITIVE_INFINITY).length - 1 : 0;
}

function ordinalIndex(text: string, part: Text, ordinal: number): number {
  if (part === null || ordinal <= 0) return -1;
  let at = -1;
  for (let left = ordinal; left > 0; left -= 1) {
    at = text.indexOf(part, at + 1);
    if (at < 0 || part === "") return part === "" ? 0 : at;
  }
  return at;
}

function hasAny(text: string, characters: Text): boolean {
  return characters !== null && Array.from(text).some((character) => characters.includes(character));
}

export const STRING_QUESTIONS: readonly [string, Member][] = [
  ["isEmpty", onAny(1, 1, ({ text }) => !text(0))],
  ["isNotEmpty", onAny(1, 1, ({ text }) => Boolean(text(0)))],
  ["isBlank", onAny(1, 1, ({ text }) => isBlank(text(0)))],
  ["isNotBlank", onAny(1, 1, ({ text }) => !isBlank(text(0)))],
  ["isAlpha", every(/^\p{L}+$/u, false)],
  ["isAlphaSpace", every(/^[\p{L} ]+$/u, true)],
  ["isAlphanumeric", every(/^[\p{L}\p{Nd}]+$/u, false)],
  ["isAlphanumericSpace", every(/^[\p{L}\p{Nd} ]+$/u, true)],
  ["isNumeric", every(/^\p{Nd}+$/u, false)],
  ["isNumericSpace", every(/^[\p{Nd} ]+$/u, true)],
  ["isWhitespace", every(/^\s+$/, true)],
  ["isAllLowerCase", every(/^\p{Ll}+$/u, false)],
  ["isAllUpperCase", every(/^\p{Lu}+$/u, false)],
  ["isMixedCase", on(1, 1, false, (text) => /\p{Ll}/u.test(text) && /\p{Lu}/u.test(text))],
  ["containsWhitespace", on(1, 1, false, (text) => /\s/.test(text))],
  ["equals", compared(same, (text, other) => text === other)],
  ["equalsIgnoreCase", compared(lower, (text, other) => text === other)],
  ["startsWith", compared(same, (text, start) => text.startsWith(start))],
  ["startsWithIgnoreCase", compared(lower, (text, start) => text.startsWith(start))],
  ["endsWith", compared(same, (text, end) => text.endsWith(end))],
  ["endsWithIgnoreCase", compared(lower, (text, end) => text.endsWith(end))],
  ["contains", on(2, 2, false, (text, { text: part }) => part(1) !== null && text.includes(part(1) ?? ""))],
  [
    "containsIgnoreCase",
    on(2, 2, false, (text, { text: part }) => part(1) !== null && lower(text).includes(lower(part(1) ?? ""))),
  ],
  ["containsAny", on(2, 2, false, (text, { text: set }) => hasAny(text, set(1)))],
  ["containsNone", on(2, 2, true, (text, { text: set }) => !hasAny(text, set(1)))],
  [
    "containsOnly",
    on(
      2,
      2,
      false,
      (text, { text: set }) => set(1) !== null && Array.from(text).every((one) => set(1)?.includes(one)),
    ),
  ],
  ["length", on(1, 1, 0, (text) => text.length)],
  ["countMatches", on(2, 2, 0, (text, { text: part }) => countIn(text, part(1)))],
  ["indexOf", on(2, 3, -1, (text, { text: part, number }) => indexIn(text, part(1), number(2, 0)))],
  [
    "indexOfIgnoreCase",
    on(2, 3, -1, (text, { text: part, number }) =>
      indexIn(lower(text), part(1)?.toLowerCase() ?? null, number(2, 0)),
    ),
  ],
  [
    "lastIndexOf",
    on(2, 2, -1, (text, { text: part }) => (part(1) === null ? -1 : text.lastIndexOf(part(1) ?? ""))),
  ],
  [
    "ordinalIndexOf",
    on(3, 3, -1, (text, { text: part, number }) => ordinalIndex(text, part(1), number(2, 0))),
  ],
  [
    "compare",
    onAny(2, 2, ({ text }) => {
      const [left, right] = [text(0), text(1)];
      if (left === null || right === null) return left === right ? 0 : left === null ? -1 : 1;
      return left < right ? -1 : left > right ? 1 : 0;
    }),
  ],
];

function indexIn(text: string, part: Text, from: number): number {
  return part === null ? -1 : text.indexOf(part, from);
}
