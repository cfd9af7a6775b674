/** How a function of `StringUtil` takes its arguments: null in, text as text, searches paid for. */
import type { Value } from "./expression-value.ts";
import {
  type Evaluation,
  integerArgument,
  type Member,
  operation,
  spendCharacters,
  spendSteps,
  textOf,
} from "./expression-world.ts";

export type Text = string | null;

/** Texts and numbers of the arguments, in the order of a function's form. */
export interface Arguments {
  /** Null for null and for an argument that was left out. */
  readonly text: (index: number) => Text;
  readonly number: (index: number, otherwise: number) => number;
  readonly has: (index: number) => boolean;
  readonly evaluation: Evaluation;
}

/** A function that answers `ofNull` when its first argument is null. */
export function on(
  least: number,
  most: number,
  ofNull: Value,
  value: (text: string, args: Arguments) => Value,
): Member {
  return operation(least, most, (evaluation, values) => {
    const args = argumentsOf(evaluation, values);
    const first = args.text(0);
    if (first === null) return ofNull;
    spendSearch(evaluation, first, args.text(1));
    return value(first, args);
  });
}

/** A search may compare every character of one text with every one of the other; it is paid for as if it did. */
export function spendSearch(evaluation: Evaluation, text: string, part: Text): void {
  spendCharacters(evaluation, text.length);
  spendSteps(evaluation, Math.floor((text.length * (1 + (part?.length ?? 0))) / COMPARISONS_PER_STEP));
}

/** A function that looks at null itself. */
export function onAny(least: number, most: number, value: (args: Arguments) => Value): Member {
  return operation(least, most, (evaluation, values) => value(argumentsOf(evaluation, values)));
}

function argumentsOf(evaluation: Evaluation, values: readonly Value[]): Arguments {
  return {
    evaluation,
    text: (index) => {
      const value = values[index] ?? null;
      return value === null ? null : textOf(evaluation, value);
    },
    number: (index, otherwise) =>
      values[index] === undefined ? otherwise : integerArgument(evaluation, values[index] ?? null),
    has: (index) => index < values.length,
  };
}

const COMPARISONS_PER_STEP = 10_000;
