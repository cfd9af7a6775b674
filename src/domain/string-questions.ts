/** The functions of `StringUtil` that are true or false, or compare. */
import type { Member } from "./expression-world.ts";
import { everyUnit, folded, hasSpace, isBlank, isSpace } from "./string-characters.ts";
import { type Arguments, MANY, on, onAny, type Text } from "./string-function.ts";

/** A test of every character; empty text passes only where `ofEmpty` says so. */
function every(pattern: RegExp, ofEmpty: boolean): Member {
  return on(1, 1, false, (text) => (text === "" ? ofEmpty : everyUnit(text, (unit) => pattern.test(unit))));
}

/** Of two texts: null is like null alone. */
function compared(compare: (text: string, other: string) => boolean): Member {
  return onAny(2, 2, ({ text }) => holdsOf(text(0), text(1), compare));
}

function holdsOf(left: Text, right: Text, compare: (text: string, other: string) => boolean): boolean {
  return left === null || right === null ? left === right : compare(left, right);
}

/** Whether a text is so to any of the others; null and the empty text are not. */
function anyOf(compare: (text: string, other: string) => boolean): Member {
  return onAny(2, MANY, ({ text, texts }) => {
    const first = text(0);
    return Boolean(first) && texts(1).some((other) => holdsOf(first, other, compare));
  });
}

const ignoringCase = (compare: (text: string, other: string) => boolean) => (text: string, other: string) =>
  compare(folded(text), folded(other));
const same = (text: string, other: string) => text === other;
const starts = (text: string, start: string) => text.startsWith(start);
const ends = (text: string, end: string) => text.endsWith(end);
const includes = (text: string, part: string) => text.includes(part);

function hasAny(text: string, characters: Text): boolean {
  return characters !== null && Array.from(text).some((character) => characters.includes(character));
}

/** Java's `compareTo`: the difference of the first characters that differ, else of the lengths. */
function order(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let at = 0; at < shorter; at += 1)
    if (left[at] !== right[at]) return left.charCodeAt(at) - right.charCodeAt(at);
  return left.length - right.length;
}

/** As `order` by whole characters, also those that take two places. */
function orderIgnoringCase(left: string, right: string): number {
  const [first, second] = [Array.from(folded(left)), Array.from(folded(right))];
  const at = first.findIndex((character, place) => character !== second[place]);
  const other = second[at];
  if (at < 0 || other === undefined) return left.length - right.length;
  return (first[at]?.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
}

/** Null is the least of all, or the greatest where the third argument is false. */
function ordered(compare: (left: string, right: string) => number): Member {
  return onAny(2, 3, ({ text }) => {
    const [left, right] = [text(0), text(1)];
    const nullFirst = text(2) === "false" ? -1 : 1;
    if (left === null || right === null) return left === right ? 0 : left === null ? -nullFirst : nullFirst;
    return compare(left, right);
  });
}

/** Whether the condition holds for all of the texts, for any, or for none. */
function forTexts(which: "all" | "any" | "none", holds: (text: Text) => boolean): Member {
  return onAny(0, MANY, ({ texts }) => {
    const found = texts(0).filter(holds).length;
    return which === "all" ? found === texts(0).length : found > 0 === (which === "any");
  });
}

const isEmpty = (text: Text) => !text;

/** Whether it has the part, or one of the parts where there are several. */
function containsPart({ text, texts, has }: Arguments, whole: string): boolean {
  return has(2)
    ? texts(1).some((part) => part !== null && whole !== "" && whole.includes(part))
    : hasAny(whole, text(1));
}

export const STRING_QUESTIONS: readonly [string, Member][] = [
  ["isEmpty", onAny(1, 1, ({ text }) => isEmpty(text(0)))],
  ["isNotEmpty", onAny(1, 1, ({ text }) => !isEmpty(text(0)))],
  ["isBlank", onAny(1, 1, ({ text }) => isBlank(text(0)))],
  ["isNotBlank", onAny(1, 1, ({ text }) => !isBlank(text(0)))],
  ["isAllEmpty", forTexts("all", isEmpty)],
  ["isAnyEmpty", forTexts("any", isEmpty)],
  ["isNoneEmpty", forTexts("none", isEmpty)],
  ["isAllBlank", forTexts("all", isBlank)],
  ["isAnyBlank", forTexts("any", isBlank)],
  ["isNoneBlank", forTexts("none", isBlank)],
  ["isAlpha", every(/^\p{L}$/u, false)],
  ["isAlphaSpace", every(/^[\p{L} ]$/u, true)],
  ["isAlphanumeric", every(/^[\p{L}\p{Nd}]$/u, false)],
  ["isAlphanumericSpace", every(/^[\p{L}\p{Nd} ]$/u, true)],
  ["isAsciiPrintable", every(/^[ -~]$/, true)],
  ["isNumeric", every(/^\p{Nd}$/u, false)],
  ["isNumericSpace", every(/^[\p{Nd} ]$/u, true)],
  ["isWhitespace", on(1, 1, false, (text) => everyUnit(text, isSpace))],
  ["isAllLowerCase", every(/^\p{Lowercase}$/u, false)],
  ["isAllUpperCase", every(/^\p{Uppercase}$/u, false)],
  ["isMixedCase", on(1, 1, false, (text) => /\p{Lowercase}/u.test(text) && /\p{Uppercase}/u.test(text))],
  ["containsWhitespace", on(1, 1, false, (text) => hasSpace(text))],
  ["equals", compared(same)],
  ["equalsIgnoreCase", compared(ignoringCase(same))],
  ["equalsAny", onAny(2, MANY, ({ text, texts }) => texts(1).includes(text(0)))],
  [
    "equalsAnyIgnoreCase",
    onAny(2, MANY, ({ text, texts }) =>
      texts(1).some((other) => holdsOf(text(0), other, ignoringCase(same))),
    ),
  ],
  ["startsWith", compared(starts)],
  ["startsWithIgnoreCase", compared(ignoringCase(starts))],
  ["startsWithAny", anyOf(starts)],
  ["endsWith", compared(ends)],
  ["endsWithIgnoreCase", compared(ignoringCase(ends))],
  ["endsWithAny", anyOf(ends)],
  ["contains", on(2, 2, false, (text, { text: part }) => part(1) !== null && text.includes(part(1) ?? ""))],
  [
    "containsIgnoreCase",
    on(
      2,
      2,
      false,
      (text, { text: part }) => part(1) !== null && ignoringCase(includes)(text, part(1) ?? ""),
    ),
  ],
  ["containsAny", on(2, MANY, false, (text, args) => containsPart(args, text))],
  [
    "containsAnyIgnoreCase",
    on(2, MANY, false, (text, { texts }) =>
      texts(1).some((part) => part !== null && text !== "" && ignoringCase(includes)(text, part)),
    ),
  ],
  ["containsNone", on(2, 2, true, (text, { text: set }) => !hasAny(text, set(1)))],
  [
    "containsOnly",
    on(2, 2, false, (text, { text: set }) => {
      const allowed = set(1);
      return allowed !== null && everyUnit(text, (unit) => allowed.includes(unit));
    }),
  ],
  ["length", on(1, 1, 0, (text) => text.length)],
  ["compare", ordered(order)],
  ["compareIgnoreCase", ordered(orderIgnoringCase)],
];
