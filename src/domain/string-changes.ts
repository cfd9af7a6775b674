/** The functions of `StringUtil` that give a text changed or made longer. */
import { type Evaluation, type Member, refuse, spendCharacters, spendSteps } from "./expression-world.ts";
import { folded, isBlank, lowerOf, titleOf, upperOf } from "./string-characters.ts";
import { type Arguments, MANY, on, onAny, spent, type Text } from "./string-function.ts";
import { differenceAt } from "./string-search.ts";
import { splitAtCharacters } from "./string-split.ts";

function padded(text: string, args: Arguments, share: (missing: number) => number): string {
  const filler = args.text(2) || " ";
  const missing = args.number(1, 0) - text.length;
  if (missing <= 0) return text;
  spendCharacters(args.evaluation, missing);
  const left = share(missing);
  return "".padStart(left, filler) + text + "".padStart(missing - left, filler);
}

/** The text with at most `most` occurrences of `from` replaced, all where it is negative. */
function replaced(text: string, args: Arguments, most: number, change = (part: string) => part): string {
  const [from, to] = [args.text(1), args.text(2)];
  return replacedBy(args.evaluation, text, { from, to, most, change });
}

function replacedBy(
  evaluation: Evaluation,
  text: string,
  { from, to, most, change }: { from: Text; to: Text; most: number; change: (part: string) => string },
): string {
  if (!from || to === null) return text;
  const [searched, part] = [change(text), change(from)];
  let result = "";
  let kept = 0;
  for (let left = most; left !== 0; left -= 1) {
    const at = searched.indexOf(part, kept);
    if (at < 0) break;
    result += spent(evaluation, text.slice(kept, at) + to);
    kept = at + part.length;
  }
  return result + spent(evaluation, text.slice(kept));
}

/** Shortened to a width with a mark where something is left out, and before the offset too. */
function abbreviated(evaluation: Evaluation, text: string, mark: Text, from: number, width: number): string {
  if (text !== "" && mark === "" && width > 0) return text.slice(0, width);
  if (text === "" || !mark) return text;
  const least = mark.length + 1;
  if (width < least)
    return refuse(evaluation, `StringUtil.abbreviate needs a width of at least ${least} here`);
  if (text.length <= width) return text;
  const room = width - mark.length;
  let offset = Math.min(from, text.length);
  if (text.length - offset < room) offset = text.length - room;
  if (offset <= mark.length + 1) return text.slice(0, room) + mark;
  if (width < least + mark.length)
    return refuse(
      evaluation,
      `StringUtil.abbreviate needs a width of at least ${least + mark.length} with an offset`,
    );
  if (offset + room < text.length) return mark + abbreviated(evaluation, text.slice(offset), mark, 0, room);
  return mark + text.slice(text.length - room);
}

/** `(text, width)`, `(text, offset, width)`, `(text, mark, width)` or `(text, mark, offset, width)`. */
function abbreviate(text: string, args: Arguments): string {
  const marked = args.has(2) && !args.isNumber(1);
  const rest = marked ? 2 : 1;
  const mark = marked ? args.text(1) : "...";
  const [offset, width] = args.has(rest + 1)
    ? [args.number(rest, 0), args.number(rest + 1, 0)]
    : [0, args.number(rest, 0)];
  return abbreviated(args.evaluation, text, mark, offset, width);
}

function abbreviatedMiddle(text: string, { text: given, number }: Arguments): string {
  const [middle, length] = [given(1), number(2, 0)];
  if (!middle || length >= text.length || length < middle.length + 2) return text;
  const kept = length - middle.length;
  return text.slice(0, Math.ceil(kept / 2)) + middle + text.slice(text.length - Math.floor(kept / 2));
}

function repeated(text: string, args: Arguments): string {
  const joined = args.has(2);
  const separator = joined ? (args.text(1) ?? "") : "";
  const times = Math.max(args.number(joined ? 2 : 1, 0), 0);
  spendCharacters(args.evaluation, times * (text.length + separator.length + 1));
  return Array.from({ length: times }, () => text).join(separator);
}

function characterReplaced(text: string, from: Text, to: Text): string {
  if (!from) return text;
  let result = "";
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charAt(at);
    const place = from.indexOf(unit);
    result += place < 0 ? unit : (to ?? "").charAt(place);
  }
  return result;
}

/** Every text of the first list by the one of the second, the leftmost first; once, or until none is left. */
function eachReplaced(text: string, args: Arguments, repeats: boolean): string {
  const [from, to] = [args.list(1) ?? [], args.list(2) ?? []];
  if (text === "" || from.length === 0 || to.length === 0) return text;
  if (from.length !== to.length)
    return refuse(args.evaluation, "StringUtil.replaceEach wants as many replacements as texts");
  const pairs = from.flatMap((part, at) => {
    const by = to[at] ?? null;
    return part && by !== null ? [{ part, by }] : [];
  });
  let result = text;
  for (let left = repeats ? from.length : 0; left >= 0; left -= 1) {
    const next = replacedOnce(args.evaluation, result, pairs);
    if (next === undefined) return result;
    result = next;
  }
  if (repeats && from.some((part) => to.includes(part)))
    return refuse(args.evaluation, "StringUtil.replaceEachRepeatedly would never end");
  return repeats ? eachReplaced(result, args, repeats) : result;
}

/** Undefined where none of the texts occurs. */
function replacedOnce(
  evaluation: Evaluation,
  text: string,
  pairs: readonly { readonly part: string; readonly by: string }[],
): string | undefined {
  let result = "";
  let kept = 0;
  for (;;) {
    spendSteps(evaluation, pairs.length);
    const found = pairs
      .map((pair) => ({ ...pair, at: text.indexOf(pair.part, kept) }))
      .filter(({ at }) => at >= 0)
      .reduce<{ part: string; by: string; at: number } | undefined>(
        (first, next) => (first === undefined || next.at < first.at ? next : first),
        undefined,
      );
    if (found === undefined) return kept === 0 && result === "" ? undefined : result + text.slice(kept);
    result += spent(evaluation, text.slice(kept, found.at) + found.by);
    kept = found.at + found.part.length;
  }
}

function difference(left: Text, right: Text): Text {
  if (left === null || right === null) return left ?? right;
  const at = differenceAt([left, right]);
  return at < 0 ? "" : right.slice(at);
}

function rotated(text: string, shift: number): string {
  if (text === "") return text;
  const at = ((-shift % text.length) + text.length) % text.length;
  return text.slice(at) + text.slice(0, at);
}

function swapCase(text: string): string {
  return Array.from(text, (character) => {
    if (/^[\p{Lowercase}]$/u.test(character)) return upperOf(character);
    return /^[\p{Uppercase}\p{Lt}]$/u.test(character) ? lowerOf(character) : character;
  }).join("");
}

/** The first character changed. */
function firstChanged(text: string, change: (character: string) => string): string {
  const [first = ""] = text;
  return change(first) + text.slice(first.length);
}

/** Appended or prepended unless it is there, or one of the further texts is. */
function affixed(
  { text: given, texts, evaluation }: Arguments,
  text: string,
  there: (affix: string) => boolean,
  add: (affix: string) => string,
): string {
  const affix = given(1);
  if (!affix || texts(1).some((one) => one !== null && there(one))) return text;
  return spent(evaluation, add(affix));
}

function wrappedIfMissing(text: string, mark: Text): string {
  if (text === "" || !mark) return text;
  return `${text.startsWith(mark) ? "" : mark}${text}${text.endsWith(mark) ? "" : mark}`;
}

/** Letters with a stroke, which have no decomposition, as StringUtils writes them. */
const STROKES: ReadonlyMap<string, string> = new Map([
  ..."Ł:L ł:l Đ:D đ:d Ɨ:I ɨ:i ᵻ:I ᶤ:i ᶧ:I Ʉ:U ʉ:u ᵾ:U ᶶ:u Ŧ:T ŧ:t"
    .split(" ")
    .map((pair) => [pair.charAt(0), pair.charAt(2)] as const),
]);

function accentsStripped(text: string): string {
  return Array.from(text.normalize("NFKD"), (character) => STROKES.get(character) ?? character)
    .join("")
    .replaceAll(/[\u0300-\u036f]+/g, "");
}

function overlaid(text: string, { text: given, number }: Arguments): string {
  const [from, until] = [number(2, 0), number(3, 0)].map((at) => Math.min(Math.max(at, 0), text.length));
  const [first, last] = [Math.min(from ?? 0, until ?? 0), Math.max(from ?? 0, until ?? 0)];
  return text.slice(0, first) + (given(1) ?? "") + text.slice(last);
}

export const STRING_CHANGES: readonly [string, Member][] = [
  ["upperCase", on(1, 1, null, (text) => text.toUpperCase())],
  ["lowerCase", on(1, 1, null, (text) => text.toLowerCase())],
  ["toRootUpperCase", on(1, 1, null, (text) => text.toUpperCase())],
  ["toRootLowerCase", on(1, 1, null, (text) => text.toLowerCase())],
  ["capitalize", on(1, 1, null, (text) => firstChanged(text, titleOf))],
  ["uncapitalize", on(1, 1, null, (text) => firstChanged(text, lowerOf))],
  ["swapCase", on(1, 1, null, swapCase)],
  ["stripAccents", on(1, 1, null, (text, { evaluation }) => spent(evaluation, accentsStripped(text)))],
  ["reverse", on(1, 1, null, (text) => Array.from(text).reverse().join(""))],
  [
    "reverseDelimited",
    on(2, 2, null, (text, { text: mark }) =>
      splitAtCharacters(text, mark(1), -1, false)
        .reverse()
        .join(mark(1) ?? ""),
    ),
  ],
  ["rotate", on(2, 2, null, (text, { number }) => rotated(text, number(1, 0)))],
  ["abbreviate", on(2, 4, null, abbreviate)],
  ["abbreviateMiddle", on(3, 3, null, abbreviatedMiddle)],
  ["repeat", on(2, 3, null, repeated)],
  ["leftPad", on(2, 3, null, (text, args) => padded(text, args, (missing) => missing))],
  ["rightPad", on(2, 3, null, (text, args) => padded(text, args, () => 0))],
  ["center", on(2, 3, null, (text, args) => padded(text, args, (missing) => Math.floor(missing / 2)))],
  ["replace", on(3, 4, null, (text, args) => replaced(text, args, args.number(3, -1)))],
  ["replaceIgnoreCase", on(3, 4, null, (text, args) => replaced(text, args, args.number(3, -1), folded))],
  ["replaceOnce", on(3, 3, null, (text, args) => replaced(text, args, 1))],
  ["replaceOnceIgnoreCase", on(3, 3, null, (text, args) => replaced(text, args, 1, folded))],
  ["replaceEach", on(3, 3, null, (text, args) => eachReplaced(text, args, false))],
  ["replaceEachRepeatedly", on(3, 3, null, (text, args) => eachReplaced(text, args, true))],
  ["replaceChars", on(3, 3, null, (text, { text: set }) => characterReplaced(text, set(1), set(2)))],
  [
    "remove",
    on(2, 2, null, (text, { text: part, evaluation }) =>
      replacedBy(evaluation, text, { from: part(1), to: "", most: -1, change: (same) => same }),
    ),
  ],
  [
    "removeIgnoreCase",
    on(2, 2, null, (text, { text: part, evaluation }) =>
      replacedBy(evaluation, text, { from: part(1), to: "", most: -1, change: folded }),
    ),
  ],
  [
    "appendIfMissing",
    on(2, MANY, null, (text, args) =>
      affixed(
        args,
        text,
        (end) => text.endsWith(end),
        (end) => text + end,
      ),
    ),
  ],
  [
    "appendIfMissingIgnoreCase",
    on(2, MANY, null, (text, args) =>
      affixed(
        args,
        text,
        (end) => folded(text).endsWith(folded(end)),
        (end) => text + end,
      ),
    ),
  ],
  [
    "prependIfMissing",
    on(2, MANY, null, (text, args) =>
      affixed(
        args,
        text,
        (start) => text.startsWith(start),
        (start) => start + text,
      ),
    ),
  ],
  [
    "prependIfMissingIgnoreCase",
    on(2, MANY, null, (text, args) =>
      affixed(
        args,
        text,
        (start) => folded(text).startsWith(folded(start)),
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
    "wrapIfMissing",
    on(2, 2, null, (text, { text: mark, evaluation }) => spent(evaluation, wrappedIfMissing(text, mark(1)))),
  ],
  ["overlay", on(4, 4, null, overlaid)],
  ["defaultString", onAny(1, 2, ({ text, has }) => text(0) ?? (has(1) ? text(1) : ""))],
  ["defaultIfEmpty", onAny(2, 2, ({ text }) => text(0) || text(1))],
  ["defaultIfBlank", onAny(2, 2, ({ text }) => (isBlank(text(0)) ? text(1) : text(0)))],
  ["difference", onAny(2, 2, ({ text }) => difference(text(0), text(1)))],
];
