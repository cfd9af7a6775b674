/** `StringUtil`: the functions of Apache Commons Lang 3's StringUtils that need no regular expressions. */
import type { Value } from "./expression-value.ts";
import { type Member, type Members, spendSteps } from "./expression-world.ts";
import { STRING_CHANGES } from "./string-changes.ts";
import { isBlank } from "./string-characters.ts";
import { STRING_CUTS, stripped } from "./string-cuts.ts";
import { type Arguments, MANY, on, onAny, spent, type Text } from "./string-function.ts";
import { STRING_QUESTIONS } from "./string-questions.ts";
import { differenceAt, STRING_SEARCHES } from "./string-search.ts";
import { splitAtCharacters, splitAtWhole, splitByCategory } from "./string-split.ts";

/** `(list)`, `(list, separator)`, or with a first and a last place. */
function joined(args: Arguments): Value {
  const list = args.list(0);
  if (list === null) return null;
  const part = list.slice(Math.max(args.number(2, 0), 0), Math.max(args.number(3, list.length), 0));
  return spent(args.evaluation, part.map((item) => item ?? "").join(args.text(1) ?? ""));
}

function commonPrefix(texts: readonly Text[]): string {
  const at = differenceAt(texts);
  return (texts[0] ?? "").slice(0, at < 0 ? undefined : at);
}

/** How many characters differ (Levenshtein); -1 beyond the threshold, where there is one. */
function distance(left: string, { text, number, has, evaluation }: Arguments): Value {
  const right = text(1);
  if (right === null) return null;
  spendSteps(evaluation, Math.ceil((left.length * right.length) / CELLS_PER_STEP));
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let down = 1; down <= left.length; down += 1) {
    const next = [down];
    for (let at = 1; at <= right.length; at += 1) {
      const changed = (row[at - 1] ?? 0) + (left[down - 1] === right[at - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  const found = row[right.length] ?? 0;
  return has(2) && found > number(2, 0) ? -1 : found;
}

const CELLS_PER_STEP = 1000;

/** Over several texts, or giving several. */
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
    on(2, 3, null, (text, { text: mark, number }) => splitAtWhole(text, mark(1), number(2, -1), false)),
  ],
  [
    "splitByWholeSeparatorPreserveAllTokens",
    on(2, 3, null, (text, { text: mark, number }) => splitAtWhole(text, mark(1), number(2, -1), true)),
  ],
  ["splitByCharacterType", on(1, 1, null, (text) => splitByCategory(text, false))],
  ["splitByCharacterTypeCamelCase", on(1, 1, null, (text) => splitByCategory(text, true))],
  [
    "stripAll",
    onAny(
      1,
      2,
      ({ list, text }) =>
        (list(0) ?? null)?.map((item) => (item === null ? null : stripped(item, text(1), true, true))) ??
        null,
    ),
  ],
  ["join", onAny(1, 4, joined)],
  [
    "joinWith",
    onAny(1, MANY, ({ text, texts, evaluation }) =>
      spent(
        evaluation,
        texts(1)
          .map((item) => item ?? "")
          .join(text(0) ?? ""),
      ),
    ),
  ],
  ["firstNonEmpty", onAny(0, MANY, ({ texts }) => texts(0).find((text) => Boolean(text)) ?? null)],
  ["firstNonBlank", onAny(0, MANY, ({ texts }) => texts(0).find((text) => !isBlank(text)) ?? null)],
  ["getCommonPrefix", onAny(0, MANY, ({ texts }) => commonPrefix(texts(0)))],
  ["getLevenshteinDistance", on(2, 3, null, distance)],
];

/** The functions by name. Null in gives null, false, 0 or -1 out, as StringUtils does. */
export const STRING_FUNCTIONS: Members = new Map([
  ...STRING_CUTS,
  ...STRING_CHANGES,
  ...STRING_QUESTIONS,
  ...STRING_SEARCHES,
  ...LISTS,
]);
