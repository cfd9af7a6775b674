/** The functions of `StringUtil` that give a part of a text. */
import { type Member, refuse } from "./expression-world.ts";
import { folded, isSpace, replaceSpaces, trimmed } from "./string-characters.ts";
import { type Arguments, on, type Text } from "./string-function.ts";
import { tokensBetween } from "./string-split.ts";

export function stripped(text: string, characters: Text, start: boolean, end: boolean): string {
  const goes = (unit: string) => (characters === null ? isSpace(unit) : characters.includes(unit));
  let [from, until] = [0, text.length];
  while (start && from < until && goes(text.charAt(from))) from += 1;
  while (end && until > from && goes(text.charAt(until - 1))) until -= 1;
  return text.slice(from, until);
}

/** Negative positions count from the end, as in StringUtils. */
function position(text: string, index: number): number {
  return Math.min(Math.max(index < 0 ? text.length + index : index, 0), text.length);
}

/** What `take` gives of the place of the first or last `part`; `otherwise` where there is none. */
function cutAt(
  at: number,
  part: Text,
  take: (at: number, size: number) => string,
  otherwise: string,
): string {
  return at < 0 || part === null ? otherwise : take(at, part.length);
}

function firstAt(text: string, part: Text): number {
  return part === null ? -1 : text.indexOf(part);
}

function lastAt(text: string, part: Text): number {
  return part ? text.lastIndexOf(part) : -1;
}

function between(text: string, open: Text, close: Text): Text {
  const begin = firstAt(text, open);
  if (open === null || close === null || begin < 0) return null;
  const until = text.indexOf(close, begin + open.length);
  return until < 0 ? null : text.slice(begin + open.length, until);
}

/** From the offset, where there are two numbers. */
function truncated(text: string, { number, has, evaluation }: Arguments): string {
  const [offset, width] = has(2) ? [number(1, 0), number(2, 0)] : [0, number(1, 0)];
  if (offset < 0 || width < 0) return refuse(evaluation, "StringUtil.truncate takes no negative numbers");
  return text.slice(offset, offset + width);
}

/** Without `part` at an end, where it is. */
function without(
  part: Text,
  is: (part: string) => boolean,
  cut: (size: number) => string,
  text: string,
): string {
  return part && is(part) ? cut(part.length) : text;
}

/** White space becomes one blank, none at the ends; no-break spaces become blanks too. */
function normalizedSpace(text: string): string {
  return trimmed(stripped(replaceSpaces(text, " "), null, true, true).replaceAll("\u00a0", " "));
}

function unwrapped(text: string, mark: Text): string {
  const wrapped = mark && text.length >= 2 * mark.length && text.startsWith(mark) && text.endsWith(mark);
  return wrapped ? text.slice(mark.length, text.length - mark.length) : text;
}

export const STRING_CUTS: readonly [string, Member][] = [
  ["left", on(2, 2, null, (text, { number }) => text.slice(0, Math.max(number(1, 0), 0)))],
  ["right", on(2, 2, null, (text, { number }) => (number(1, 0) <= 0 ? "" : text.slice(-number(1, 0))))],
  [
    "mid",
    on(3, 3, null, (text, { number }) =>
      text.slice(Math.max(number(1, 0), 0)).slice(0, Math.max(number(2, 0), 0)),
    ),
  ],
  ["truncate", on(2, 3, null, truncated)],
  [
    "substring",
    on(2, 3, null, (text, { number }) => {
      const [from, until] = [position(text, number(1, 0)), position(text, number(2, text.length))];
      return from > until ? "" : text.slice(from, until);
    }),
  ],
  [
    "substringAfter",
    on(2, 2, null, (text, { text: part }) =>
      cutAt(firstAt(text, part(1)), part(1), (at, size) => text.slice(at + size), ""),
    ),
  ],
  [
    "substringBefore",
    on(2, 2, null, (text, { text: part }) =>
      cutAt(firstAt(text, part(1)), part(1), (at) => text.slice(0, at), text),
    ),
  ],
  [
    "substringAfterLast",
    on(2, 2, null, (text, { text: part }) =>
      cutAt(lastAt(text, part(1)), part(1), (at, size) => text.slice(at + size), ""),
    ),
  ],
  [
    "substringBeforeLast",
    on(2, 2, null, (text, { text: part }) =>
      cutAt(lastAt(text, part(1)), part(1), (at) => text.slice(0, at), text),
    ),
  ],
  [
    "substringBetween",
    on(2, 3, null, (text, { text: mark, has }) => between(text, mark(1), mark(has(2) ? 2 : 1))),
  ],
  ["substringsBetween", on(3, 3, null, (text, { text: mark }) => tokensBetween(text, mark(1), mark(2)))],
  ["chop", on(1, 1, null, (text) => text.replace(/(?:\r\n|[\s\S])$/, ""))],
  [
    "chomp",
    on(1, 2, null, (text, { text: end, has }) =>
      has(1)
        ? without(
            end(1),
            (part) => text.endsWith(part),
            (size) => text.slice(0, text.length - size),
            text,
          )
        : text.replace(/(?:\r\n|\r|\n)$/, ""),
    ),
  ],
  ["trim", on(1, 1, null, trimmed)],
  ["trimToEmpty", on(1, 1, "", trimmed)],
  ["trimToNull", on(1, 1, null, (text) => trimmed(text) || null)],
  ["strip", on(1, 2, null, (text, { text: set }) => stripped(text, set(1), true, true))],
  ["stripStart", on(1, 2, null, (text, { text: set }) => stripped(text, set(1), true, false))],
  ["stripEnd", on(1, 2, null, (text, { text: set }) => stripped(text, set(1), false, true))],
  ["stripToEmpty", on(1, 1, "", (text) => stripped(text, null, true, true))],
  ["stripToNull", on(1, 1, null, (text) => stripped(text, null, true, true) || null)],
  ["deleteWhitespace", on(1, 1, null, (text) => replaceSpaces(text, ""))],
  ["normalizeSpace", on(1, 1, null, normalizedSpace)],
  ["getDigits", on(1, 1, null, (text) => text.replaceAll(/[^\p{Nd}]|[\u{10000}-\u{10ffff}]/gu, ""))],
  [
    "removeStart",
    on(2, 2, null, (text, { text: part }) =>
      without(
        part(1),
        (start) => text.startsWith(start),
        (size) => text.slice(size),
        text,
      ),
    ),
  ],
  [
    "removeStartIgnoreCase",
    on(2, 2, null, (text, { text: part }) =>
      without(
        part(1),
        (start) => folded(text).startsWith(folded(start)),
        (size) => text.slice(size),
        text,
      ),
    ),
  ],
  [
    "removeEnd",
    on(2, 2, null, (text, { text: part }) =>
      without(
        part(1),
        (end) => text.endsWith(end),
        (size) => text.slice(0, text.length - size),
        text,
      ),
    ),
  ],
  [
    "removeEndIgnoreCase",
    on(2, 2, null, (text, { text: part }) =>
      without(
        part(1),
        (end) => folded(text).endsWith(folded(end)),
        (size) => text.slice(0, text.length - size),
        text,
      ),
    ),
  ],
  ["unwrap", on(2, 2, null, (text, { text: mark }) => unwrapped(text, mark(1)))],
];
