/** `StringUtil`: the functions of Apache Commons Lang 3's StringUtils that need no regular expressions. */
import { isList, kindOf, type Value } from "./expression-value.ts";
import {
  type Evaluation,
  type Member,
  type Members,
  operation,
  refuse,
  spendCharacters,
  textOf,
} from "./expression-world.ts";
import { type Arguments, on, onAny, spendSearch, type Text } from "./string-function.ts";
import { isBlank, STRING_QUESTIONS } from "./string-questions.ts";
import { splitAtCharacters, splitAtText, tokensBetween } from "./string-split.ts";

const SPACE = /\s/;

function pad(text: string, args: Arguments, share: (missing: number) => number): string {
  const width = args.number(1, 0);
  const filler = args.text(2) || " ";
  const missing = width - text.length;
  if (missing <= 0) return text;
  spendCharacters(args.evaluation, missing);
  const left = share(missing);
  return "".padStart(left, filler) + text + "".padStart(missing - left, filler);
}

function replaced(text: string, args: Arguments, most: number): string {
  const [from, to] = [args.text(1), args.text(2)];
  if (!from || to === null) return text;
  const parts = splitAtText(text, from, most < 0 ? Number.POSITIVE_INFINITY : most);
  spendCharacters(args.evaluation, text.length + (parts.length - 1) * to.length);
  return parts.join(to);
}

function stripped(text: string, characters: Text, start: boolean, end: boolean): string {
  const goes = (character: string) =>
    characters === null ? SPACE.test(character) : characters.includes(character);
  let [from, until] = [0, text.length];
  while (start && from < until && goes(text.charAt(from))) from += 1;
  while (end && until > from && goes(text.charAt(until - 1))) until -= 1;
  return text.slice(from, until);
}

/** Negative positions count from the end, as in StringUtils. */
function position(text: string, index: number): number {
  return Math.min(Math.max(index < 0 ? text.length + index : index, 0), text.length);
}

function abbreviated(text: string, args: Arguments): string {
  const width = args.number(1, 4);
  if (width < 4) return refuse(args.evaluation, "StringUtil.abbreviate needs a width of at least 4");
  return text.length <= width ? text : `${text.slice(0, width - 3)}...`;
}

function repeated(text: string, args: Arguments): string {
  const joined = args.has(2);
  const separator = joined ? (args.text(1) ?? "") : "";
  const times = Math.max(args.number(joined ? 2 : 1, 0), 0);
  spendCharacters(args.evaluation, times * (text.length + separator.length + 1));
  return Array.from({ length: times }, () => text).join(separator);
}

function joined(evaluation: Evaluation, list: Value, separator: Value): Value {
  if (list === null) return null;
  if (!isList(list)) return refuse(evaluation, `StringUtil.join wants an array, not ${kindOf(list)}`);
  const between = textOf(evaluation, separator);
  const texts = list.map((item) => textOf(evaluation, item));
  spendCharacters(
    evaluation,
    texts.reduce((sum, text) => sum + text.length + between.length, 0),
  );
  return texts.join(between);
}

function characterReplaced(text: string, from: Text, to: Text): string {
  if (!from) return text;
  return Array.from(text, (character) => {
    const at = from.indexOf(character);
    return at < 0 ? character : (to ?? "").charAt(at);
  }).join("");
}

function difference(left: Text, right: Text): Text {
  if (left === null || right === null) return left ?? right;
  let at = 0;
  while (at < right.length && left[at] === right[at]) at += 1;
  return right.slice(at);
}

function rotated(text: string, shift: number): string {
  if (text === "") return text;
  const at = ((-shift % text.length) + text.length) % text.length;
  return text.slice(at) + text.slice(0, at);
}

function swapCase(text: string): string {
  return text.replaceAll(/\p{L}/gu, (letter) => {
    const upper = letter.toUpperCase();
    return letter === upper ? letter.toLowerCase() : upper;
  });
}

/** Appends or prepends unless it is there. */
function affixed(
  args: Arguments,
  text: string,
  there: (affix: string) => boolean,
  add: (affix: string) => string,
): string {
  const affix = args.text(1);
  if (!affix || there(affix)) return text;
  spendCharacters(args.evaluation, text.length + affix.length);
  return add(affix);
}

const CUTS: readonly [string, Member][] = [
  ["left", on(2, 2, null, (text, { number }) => text.slice(0, Math.max(number(1, 0), 0)))],
  ["right", on(2, 2, null, (text, { number }) => (number(1, 0) <= 0 ? "" : text.slice(-number(1, 0))))],
  [
    "mid",
    on(3, 3, null, (text, { number }) =>
      text.slice(Math.max(number(1, 0), 0)).slice(0, Math.max(number(2, 0), 0)),
    ),
  ],
  ["truncate", on(2, 2, null, (text, { number }) => text.slice(0, Math.max(number(1, 0), 0)))],
  [
    "substring",
    on(2, 3, null, (text, { number }) => {
      const [from, until] = [position(text, number(1, 0)), position(text, number(2, text.length))];
      return from > until ? "" : text.slice(from, until);
    }),
  ],
  [
    "substringAfter",
    on(2, 2, null, (text, { text: part }) => cut(text, part(1), (at, size) => text.slice(at + size), "")),
  ],
  [
    "substringBefore",
    on(2, 2, null, (text, { text: part }) => cut(text, part(1), (at) => text.slice(0, at), text)),
  ],
  [
    "substringAfterLast",
    on(2, 2, null, (text, { text: part }) => cutLast(text, part(1), (at, size) => text.slice(at + size), "")),
  ],
  [
    "substringBeforeLast",
    on(2, 2, null, (text, { text: part }) => cutLast(text, part(1), (at) => text.slice(0, at), text)),
  ],
  [
    "substringBetween",
    on(2, 3, null, (text, { text: mark, evaluation }) => {
      spendSearch(evaluation, text, mark(2));
      return tokensBetween(text, mark(1), mark(2) ?? mark(1))[0] ?? null;
    }),
  ],
  [
    "substringsBetween",
    on(3, 3, null, (text, { text: mark, evaluation }) => {
      spendSearch(evaluation, text, mark(2));
      const found = tokensBetween(text, mark(1), mark(2));
      return found.length === 0 ? null : found;
    }),
  ],
  ["chop", on(1, 1, null, (text) => text.replace(/(?:\r\n|[\s\S])$/, ""))],
  ["chomp", on(1, 1, null, (text) => text.replace(/(?:\r\n|\r|\n)$/, ""))],
  ["trim", on(1, 1, null, (text) => text.trim())],
  ["trimToEmpty", on(1, 1, "", (text) => text.trim())],
  ["trimToNull", on(1, 1, null, (text) => text.trim() || null)],
  ["strip", on(1, 2, null, (text, { text: set }) => stripped(text, set(1), true, true))],
  ["stripStart", on(1, 2, null, (text, { text: set }) => stripped(text, set(1), true, false))],
  ["stripEnd", on(1, 2, null, (text, { text: set }) => stripped(text, set(1), false, true))],
  ["stripToEmpty", on(1, 1, "", (text) => stripped(text, null, true, true))],
  ["stripToNull", on(1, 1, null, (text) => stripped(text, null, true, true) || null)],
  ["deleteWhitespace", on(1, 1, null, (text) => text.replaceAll(/\s/g, ""))],
  ["normalizeSpace", on(1, 1, null, (text) => text.trim().replaceAll(/\s+/g, " "))],
  ["getDigits", on(1, 1, null, (text) => text.replaceAll(/\P{Nd}/gu, ""))],
];

function cut(
  text: string,
  part: Text,
  take: (at: number, size: number) => string,
  otherwise: string,
): string {
  const at = part === null ? -1 : text.indexOf(part);
  return at < 0 || part === null ? otherwise : take(at, part.length);
}

function cutLast(
  text: string,
  part: Text,
  take: (at: number, size: number) => string,
  otherwise: string,
): string {
  const at = part ? text.lastIndexOf(part) : -1;
  return at < 0 || part === null ? otherwise : take(at, part.length);
}

const CHANGES: readonly [string, Member][] = [
  ["upperCase", on(1, 1, null, (text) => text.toUpperCase())],
  ["lowerCase", on(1, 1, null, (text) => text.toLowerCase())],
  ["toRootUpperCase", on(1, 1, null, (text) => text.toUpperCase())],
  ["toRootLowerCase", on(1, 1, null, (text) => text.toLowerCase())],
  ["capitalize", on(1, 1, null, (text) => text.charAt(0).toUpperCase() + text.slice(1))],
  ["uncapitalize", on(1, 1, null, (text) => text.charAt(0).toLowerCase() + text.slice(1))],
  ["swapCase", on(1, 1, null, swapCase)],
  ["reverse", on(1, 1, null, (text) => Array.from(text).reverse().join(""))],
  [
    "reverseDelimited",
    on(2, 2, null, (text, { text: mark }) =>
      text
        .split(mark(1) ?? "\0")
        .reverse()
        .join(mark(1) ?? ""),
    ),
  ],
  ["rotate", on(2, 2, null, (text, { number }) => rotated(text, number(1, 0)))],
  ["abbreviate", on(2, 2, null, abbreviated)],
  ["repeat", on(2, 3, null, repeated)],
  ["leftPad", on(2, 3, null, (text, args) => pad(text, args, (missing) => missing))],
  ["rightPad", on(2, 3, null, (text, args) => pad(text, args, () => 0))],
  ["center", on(2, 3, null, (text, args) => pad(text, args, (missing) => Math.floor(missing / 2)))],
  ["replace", on(3, 4, null, (text, args) => replaced(text, args, args.number(3, -1)))],
  ["replaceOnce", on(3, 3, null, (text, args) => replaced(text, args, 1))],
  ["replaceChars", on(3, 3, null, (text, { text: set }) => characterReplaced(text, set(1), set(2)))],
  ["remove", on(2, 2, null, (text, { text: part }) => (part(1) ? text.replaceAll(part(1) ?? "", "") : text))],
  [
    "removeStart",
    on(2, 2, null, (text, { text: part }) =>
      text.startsWith(part(1) ?? "") ? text.slice(part(1)?.length ?? 0) : text,
    ),
  ],
  [
    "removeEnd",
    on(2, 2, null, (text, { text: part }) => {
      const end = part(1) ?? "";
      return text.endsWith(end) ? text.slice(0, text.length - end.length) : text;
    }),
  ],
  [
    "appendIfMissing",
    on(2, 2, null, (text, args) =>
      affixed(
        args,
        text,
        (end) => text.endsWith(end),
        (end) => text + end,
      ),
    ),
  ],
  [
    "prependIfMissing",
    on(2, 2, null, (text, args) =>
      affixed(
        args,
        text,
        (start) => text.startsWith(start),
        (start) => start + text,
      ),
    ),
  ],
  [
    "wrap",
    on(2, 2, null, (text, args) =>
      affixed(
        args,
        text,
        () => text === "",
        (mark) => mark + text + mark,
      ),
    ),
  ],
  [
    "overlay",
    on(4, 4, null, (text, args) => {
      const [from, until] = [
        position(text, Math.max(args.number(2, 0), 0)),
        position(text, Math.max(args.number(3, 0), 0)),
      ];
      return text.slice(0, Math.min(from, until)) + (args.text(1) ?? "") + text.slice(Math.max(from, until));
    }),
  ],
  ["defaultString", onAny(1, 2, ({ text }) => text(0) ?? text(1) ?? "")],
  ["defaultIfEmpty", onAny(2, 2, ({ text }) => text(0) || text(1))],
  ["defaultIfBlank", onAny(2, 2, ({ text }) => (isBlank(text(0)) ? text(1) : text(0)))],
  ["difference", onAny(2, 2, ({ text }) => difference(text(0), text(1)))],
];

const LISTS: readonly [string, Member][] = [
  [
    "split",
    on(1, 3, null, (text, { text: set, number }) => splitAtCharacters(text, set(1), number(2, -1), false)),
  ],
  [
    "splitPreserveAllTokens",
    on(1, 3, null, (text, { text: set, number }) => splitAtCharacters(text, set(1), number(2, -1), true)),
  ],
  [
    "splitByWholeSeparator",
    on(2, 3, null, (text, { text: mark, number }) => {
      const separator = mark(1);
      if (!separator) return splitAtCharacters(text, null, number(2, -1), false);
      const most = number(2, 0);
      return splitAtText(text, separator, most > 0 ? most - 1 : Number.POSITIVE_INFINITY).filter(
        (part) => part !== "",
      );
    }),
  ],
  [
    "join",
    operation(1, 2, (evaluation, [list = null, separator = null]) => joined(evaluation, list, separator)),
  ],
];

/** The functions by name. Null in gives null, false, 0 or -1 out, as StringUtils does. */
export const STRING_FUNCTIONS: Members = new Map([...CUTS, ...CHANGES, ...STRING_QUESTIONS, ...LISTS]);
