/** The functions of `StringUtil` that say where something is in a text, or how many times. */
import type { Value } from "./expression-value.ts";
import type { Member } from "./expression-world.ts";
import { folded } from "./string-characters.ts";
import { MANY, on, onAny, type Text } from "./string-function.ts";
import { splitAtText } from "./string-split.ts";

/** Java's `lastIndexOf`: nothing lies before a negative position. */
function lastIndexIn(text: string, part: Text, from: number): number {
  return part === null || from < 0 ? -1 : text.lastIndexOf(part, from);
}

function indexIgnoringCase(text: string, part: Text, start: number): number {
  if (part === null) return -1;
  const from = Math.max(start, 0);
  if (from > text.length - part.length + 1) return -1;
  return part === "" ? from : folded(text).indexOf(folded(part), from);
}

function lastIndexIgnoringCase(text: string, part: Text, start: number): number {
  if (part === null) return -1;
  const from = Math.min(start, text.length - part.length);
  if (from < 0) return -1;
  return part === "" ? from : folded(text).lastIndexOf(folded(part), from);
}

function ordinalIndex(text: string, part: Text, ordinal: number): number {
  if (part === null || ordinal <= 0) return -1;
  if (part === "") return 0;
  let at = -1;
  for (let left = ordinal; left > 0; left -= 1) {
    at = text.indexOf(part, at + 1);
    if (at < 0) return -1;
  }
  return at;
}

function lastOrdinalIndex(text: string, part: Text, ordinal: number): number {
  if (part === null || ordinal <= 0) return -1;
  if (part === "") return text.length;
  let at = text.length;
  for (let left = ordinal; left > 0; left -= 1) {
    at = lastIndexIn(text, part, at - 1);
    if (at < 0) return -1;
  }
  return at;
}

/** The first place at which texts differ, -1 where they are the same; a null differs at once. */
export function differenceAt(texts: readonly Text[]): number {
  if (texts.length <= 1 || texts.every((text) => text === texts[0])) return -1;
  const known = texts.map((text) => text ?? "");
  if (texts.includes(null)) return 0;
  const shortest = Math.min(...known.map((text) => text.length));
  for (let at = 0; at < shortest; at += 1) if (known.some((text) => text[at] !== known[0]?.[at])) return at;
  return shortest;
}

function firstOfAny(text: string, parts: readonly Text[]): number {
  const places = parts.flatMap((part) => (part === null ? [] : [text.indexOf(part)])).filter((at) => at >= 0);
  return places.length === 0 ? -1 : Math.min(...places);
}

function unitIndex(text: string, holds: (unit: string) => boolean): number {
  for (let at = 0; at < text.length; at += 1) if (holds(text.charAt(at))) return at;
  return -1;
}

/** A function that answers -1 for null. */
function index(least: number, most: number, value: Parameters<typeof on>[3]): Member {
  return on(least, most, -1, value);
}

function countIn(text: string, part: Text): Value {
  return part ? splitAtText(text, part, Number.POSITIVE_INFINITY).length - 1 : 0;
}

export const STRING_SEARCHES: readonly [string, Member][] = [
  ["countMatches", on(2, 2, 0, (text, { text: part }) => countIn(text, part(1)))],
  [
    "indexOf",
    index(2, 3, (text, { text: part, number }) => {
      const wanted = part(1);
      return wanted === null ? -1 : text.indexOf(wanted, number(2, 0));
    }),
  ],
  [
    "indexOfIgnoreCase",
    index(2, 3, (text, { text: part, number }) => indexIgnoringCase(text, part(1), number(2, 0))),
  ],
  [
    "lastIndexOf",
    index(2, 3, (text, { text: part, number }) => lastIndexIn(text, part(1), number(2, text.length))),
  ],
  [
    "lastIndexOfIgnoreCase",
    index(2, 3, (text, { text: part, number }) =>
      lastIndexIgnoringCase(text, part(1), number(2, text.length)),
    ),
  ],
  [
    "ordinalIndexOf",
    index(3, 3, (text, { text: part, number }) => ordinalIndex(text, part(1), number(2, 0))),
  ],
  [
    "lastOrdinalIndexOf",
    index(3, 3, (text, { text: part, number }) => lastOrdinalIndex(text, part(1), number(2, 0))),
  ],
  [
    "indexOfAny",
    // One more text is a set of characters, several are texts.
    index(2, MANY, (text, { text: part, texts, has }) =>
      has(2) ? firstOfAny(text, texts(1)) : unitIndex(text, (unit) => part(1)?.includes(unit) === true),
    ),
  ],
  [
    "indexOfAnyBut",
    index(2, 2, (text, { text: part }) => {
      const set = part(1);
      return set ? unitIndex(text, (unit) => !set.includes(unit)) : -1;
    }),
  ],
  [
    "lastIndexOfAny",
    index(2, MANY, (text, { texts }) =>
      Math.max(-1, ...texts(1).map((part) => lastIndexIn(text, part, text.length))),
    ),
  ],
  ["indexOfDifference", onAny(1, MANY, ({ texts }) => differenceAt(texts(0)))],
];
