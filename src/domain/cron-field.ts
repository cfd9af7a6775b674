/** One field of a Quartz cron expression: which values it holds, and what is wrong with it. */

/** What a field may hold. */
export interface FieldRule {
  /** As problems name it. */
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
  /** Whether a range may run past the end and go on at the start, such as hours 22-2. Years may not. */
  readonly wraps: boolean;
}

/** The values of a field, ascending, and whether it was written as a repetition (`*`, a range or a step). */
export interface FieldValues {
  readonly values: readonly number[];
  readonly repeats: boolean;
}

const WEEKDAY_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] as const;
const MONTH_NAMES = [
  "JAN",
  "FEB",
  "MAR",
  "APR",
  "MAY",
  "JUN",
  "JUL",
  "AUG",
  "SEP",
  "OCT",
  "NOV",
  "DEC",
] as const;

export const SECOND: FieldRule = { name: "second", low: 0, high: 59, wraps: true };
export const MINUTE: FieldRule = { name: "minute", low: 0, high: 59, wraps: true };
export const HOUR: FieldRule = { name: "hour", low: 0, high: 23, wraps: true };
export const DAY: FieldRule = { name: "day", low: 1, high: 31, wraps: true };
export const MONTH: FieldRule = { name: "month", low: 1, high: 12, names: MONTH_NAMES, wraps: true };
/** Sunday is 1. */
export const WEEK: FieldRule = { name: "week", low: 1, high: 7, names: WEEKDAY_NAMES, wraps: true };
export const YEAR: FieldRule = { name: "year", low: 1970, high: 2099, wraps: false };

const ITEM = /^(?:(\*)|([A-Z]{3}|\d{1,4})(?:-([A-Z]{3}|\d{1,4}))?)?(?:\/(\d{1,4}))?$/;

/** Reads values, ranges and steps joined by commas; `text` is in upper case. A text is what is wrong. */
export function parseValues(rule: FieldRule, text: string): FieldValues | string {
  const found = new Set<number>();
  let repeats = false;
  for (const item of text.split(",")) {
    const values = itemValues(rule, item);
    if (typeof values === "string") return values;
    if (/[*/-]/.test(item)) repeats = true;
    for (const value of values) found.add(value);
  }
  return { values: [...found].sort((a, b) => a - b), repeats };
}

/** Reads one value, by number or name; undefined when it is none of the field's. */
export function parseValue(rule: FieldRule, text: string): number | undefined {
  const named = rule.names?.indexOf(text) ?? -1;
  if (named >= 0) return named + rule.low;
  if (!/^\d{1,4}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= rule.low && value <= rule.high ? value : undefined;
}

/** `0-59`, or `1-7 or SUN-SAT`. */
export function extentOf(rule: FieldRule): string {
  const names = rule.names === undefined ? "" : ` or ${rule.names[0]}-${rule.names.at(-1)}`;
  return `${rule.low}-${rule.high}${names}`;
}

function itemValues(rule: FieldRule, item: string): number[] | string {
  const match = item === "" ? null : ITEM.exec(item);
  if (match === null) return `${rule.name}: "${item}" is not a value, a range or a step`;
  const [, , first, last, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  const widest = rule.high - rule.low + (rule.low === 1 ? 1 : 0);
  if (step < 1 || step > widest) return `${rule.name}: a step is 1 to ${widest}, not ${stepText}`;
  if (first === undefined) return counted(rule, rule.low, rule.high, step);
  const from = parseValue(rule, first);
  if (from === undefined) return `${rule.name}: "${first}" is not one of ${extentOf(rule)}`;
  if (last === undefined) return stepText === undefined ? [from] : counted(rule, from, rule.high, step);
  const to = parseValue(rule, last);
  if (to === undefined) return `${rule.name}: "${last}" is not one of ${extentOf(rule)}`;
  if (to < from && !rule.wraps) return `${rule.name}: the range ${item} runs backwards`;
  return counted(rule, from, to, step);
}

/** Every step-th value from `from` to `to`, past the end of the field where `to` is the smaller (22-2). */
function counted(rule: FieldRule, from: number, to: number, step: number): number[] {
  const size = rule.high - rule.low + 1;
  const stop = to < from ? to + size : to;
  const values: number[] = [];
  for (let value = from; value <= stop; value += step) values.push(value > rule.high ? value - size : value);
  return values;
}
