/** All that an expression can see, and the bounds within which it is evaluated. */
import { formatDate } from "./date-format.ts";
import { kindOf, numberOf, toJson, type Value } from "./expression-value.ts";
import { Fault } from "./fault.ts";
import type { WorkCalendar } from "./workday.ts";

/** What one run of a node shows to its expressions. Every lookup answers at once: I/O comes before. */
export interface World {
  readonly job: {
    readonly name: string;
    readonly projectId: string;
    /** The message that started an event-driven run. */
    readonly eventData?: string;
    /** Paths of the files that started a run on an OBS event. */
    readonly obsNewFiles?: readonly string[];
  };
  readonly planTime: Date;
  readonly startTime: Date;
  readonly now: Date;
  /** The schedule's zone: an IANA name or `GMT+8`. */
  readonly zone: string;
  /** Parameters of the job, those given for this run included; `${name}` asks them first. */
  readonly jobParameter: Lookup;
  /** Variables of the workspace; `${name}` asks them second, `Env.get` alone. */
  readonly environment: Lookup;
  /** Arguments of a script; `${name}` asks them last. */
  readonly scriptParameter: Lookup;
  /** Undefined for a node that has not ended, or that the job does not have. */
  readonly nodeStatus: (node: string) => "success" | "fail" | undefined;
  /** Undefined when there is none, or when the node is no direct predecessor. */
  readonly nodeOutput: (node: string) => string | undefined;
  readonly runningData?: Lookup;
  /** Of a node, or of the one that is run when none is named. */
  readonly insertJobId?: (node: string | undefined) => string | undefined;
  /** Calendars by name; a job that names none has Monday to Friday. */
  readonly calendar?: (name: string) => WorkCalendar | undefined;
  /** The name of the job's own calendar. */
  readonly ownCalendar?: string;
  /** Only inside a ForEach. */
  readonly loop?: LoopTurn;
  /** Whether a path of the object store exists; absent where that was not looked up before. */
  readonly obsPathExists?: (path: string) => boolean | undefined;
}

/** One turn of a ForEach. */
export interface LoopTurn {
  /** All rows. */
  readonly dataArray: Value;
  /** The row of this turn. */
  readonly current: Value;
  /** Its place, from 0. */
  readonly offset: number;
}

export type Lookup = (name: string) => string | undefined;

/** One evaluation under way. */
export interface Evaluation {
  readonly world: World;
  /** Where the call or operator under way stands in its text, counted from 0. */
  at: number;
  /** Names of the parameters whose values are being resolved, outermost first. */
  readonly resolving: readonly string[];
  readonly budget: { steps: number; characters: number };
  /** A parameter's value with its own expressions resolved; undefined when nothing has the name. */
  readonly parameter: (
    evaluation: Evaluation,
    name: string,
    lookups: readonly Lookup[],
  ) => string | undefined;
}

/** Steps of one text, all its expressions and parameters together. */
export const STEPS_MAX = 20_000;
/** Characters that one text may produce on the way, all intermediate texts together. */
export const CHARACTERS_MAX = 16 * 1024 * 1024;

/** Fault `expression-invalid` that names the position, from 1, and the cause. */
export function refuse(evaluation: Evaluation, cause: string): never {
  const inside = evaluation.resolving.map((name) => ` in parameter ${name}`).join("");
  throw new Fault(
    "invalid",
    "expression-invalid",
    `expression at character ${evaluation.at + 1}${inside}: ${cause}`,
  );
}

/** Counts `steps` of work. Fault `expression-invalid` past the bound. */
export function spendSteps(evaluation: Evaluation, steps: number): void {
  evaluation.budget.steps -= steps;
  if (evaluation.budget.steps < 0) refuse(evaluation, `the text needs more than ${STEPS_MAX} steps`);
}

/** Counts characters before they are made. Fault `expression-invalid` past the bound. */
export function spendCharacters(evaluation: Evaluation, characters: number): void {
  evaluation.budget.characters -= characters;
  if (!(evaluation.budget.characters >= 0)) {
    refuse(evaluation, `the text produces more than ${CHARACTERS_MAX} characters`);
  }
}

/** How dates are written when no pattern says otherwise. */
const DATE_PATTERN = "yyyy-MM-dd HH:mm:ss";

/**
 * A value as text: null is empty, integers have no point, dates are `yyyy-MM-dd HH:mm:ss` in the world's zone,
 * arrays and objects are JSON.
 */
export function textOf(evaluation: Evaluation, value: Value): string {
  if (typeof value === "string") return value;
  if (value === null) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return value instanceof Date ? dateText(evaluation, value, DATE_PATTERN) : jsonText(evaluation, value);
}

/** JSON of the value, counted against the bound. */
export function jsonText(evaluation: Evaluation, value: Value): string {
  const text = toJson(value);
  spendCharacters(evaluation, text.length);
  return text;
}

/** The date by a pattern, in the world's zone. */
export function dateText(evaluation: Evaluation, date: Date, pattern: string): string {
  const text = formatDate(date.getTime(), pattern, evaluation.world.zone);
  return typeof text === "string" ? text : refuse(evaluation, text.problem);
}

/** An argument as a date. */
export function dateArgument(evaluation: Evaluation, value: Value): Date {
  if (value instanceof Date) return value;
  return refuse(evaluation, `a date is wanted, not ${kindOf(value)}; DateUtil.parseDate makes one of text`);
}

/** An argument as a whole number. */
export function integerArgument(evaluation: Evaluation, value: Value): number {
  const number = value === null ? undefined : numberOf(value);
  if (number !== undefined && Number.isSafeInteger(number)) return number;
  return refuse(evaluation, `a whole number is wanted, not ${kindOf(value)}`);
}

/** A property or function of an object. */
export interface Member {
  /** How many arguments it takes; absent for a property. */
  readonly takes?: readonly [least: number, most: number];
  readonly value: (evaluation: Evaluation, args: readonly Value[]) => Value;
}

export type Members = ReadonlyMap<string, Member>;

export function property(value: (evaluation: Evaluation) => Value): Member {
  return { value };
}

export function operation(
  least: number,
  most: number,
  value: (evaluation: Evaluation, args: readonly Value[]) => Value,
): Member {
  return { takes: [least, most], value };
}
