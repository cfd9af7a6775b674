/** How a function of `StringUtil` takes its arguments: null in, text as text, searches paid for. */
import { isList, kindOf, type Value } from "./expression-value.ts";
import {
  type Evaluation,
  integerArgument,
  type Member,
  operation,
  refuse,
  spendCharacters,
  spendSteps,
  textOf,
} from "./expression-world.ts";

export type Text = string | null;

/** Texts and numbers of the arguments, in the order of a function's form. */
export interface Arguments {
  /** Null for null and for an argument that was left out. */
  readonly text: (index: number) => Text;
  /** All from `index` on. */
  readonly texts: (index: number) => readonly Text[];
  readonly number: (index: number, otherwise: number) => number;
  /** The items of an array as texts; null for null. */
  readonly list: (index: number) => readonly Text[] | null;
  readonly has: (index: number) => boolean;
  readonly isNumber: (index: number) => boolean;
  readonly evaluation: Evaluation;
}

/** Most arguments of a function that takes any number. */
export const MANY = 64;

/** A function that answers `ofNull` when its first argument is null. */
export function on(
  least: number,
  most: number,
  ofNull: Value,
  value: (text: string, args: Arguments) => Value,
): Member {
  return onAny(least, most, (args) => {
    const first = args.text(0);
    return first === null ? ofNull : value(first, args);
  });
}

/** A search may compare every character of one text with every one of the other; it is paid for as if it did. */
function spendSearch(evaluation: Evaluation, text: string, part: Text): void {
  spendCharacters(evaluation, text.length);
  spendSteps(evaluation, Math.floor((text.length * (1 + (part?.length ?? 0))) / COMPARISONS_PER_STEP));
}

/** A function that looks at null itself. */
export function onAny(least: number, most: number, value: (args: Arguments) => Value): Member {
  return operation(least, most, (evaluation, values) => {
    const args = argumentsOf(evaluation, values);
    const [first, ...rest] = values.map((item) => (typeof item === "string" ? item : ""));
    for (const part of rest) spendSearch(evaluation, first ?? "", part);
    if (rest.length === 0) spendSearch(evaluation, first ?? "", null);
    return value(args);
  });
}

/** As `onAny`, for a function that gives text with something added. */
export function spent(evaluation: Evaluation, text: string): string {
  spendCharacters(evaluation, text.length);
  return text;
}

function argumentsOf(evaluation: Evaluation, values: readonly Value[]): Arguments {
  const textAt = (value: Value): Text => (value === null ? null : textOf(evaluation, value));
  return {
    evaluation,
    text: (index) => textAt(values[index] ?? null),
    texts: (index) => values.slice(index).map(textAt),
    number: (index, otherwise) =>
      values[index] === undefined ? otherwise : integerArgument(evaluation, values[index] ?? null),
    list: (index) => {
      const value = values[index] ?? null;
      if (value === null) return null;
      return isList(value)
        ? value.map(textAt)
        : refuse(evaluation, `an array is wanted, not ${kindOf(value)}`);
    },
    has: (index) => index < values.length,
    isNumber: (index) => typeof values[index] === "number",
  };
}

const COMPARISONS_PER_STEP = 10_000;
