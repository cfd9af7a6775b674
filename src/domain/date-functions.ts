/** `DateUtil`: dates written, read, moved and taken apart, in the zone of the run. */
import { DAY_MS, dayNumber, daysInMonth } from "./civil-date.ts";
import { parseDate } from "./date-parse.ts";
import { numberOf, type Value } from "./expression-value.ts";
import {
  dateArgument,
  dateText,
  type Evaluation,
  integerArgument,
  type Member,
  type Members,
  operation,
  refuse,
  spendCharacters,
  textOf,
} from "./expression-world.ts";
import { instantOf, type LocalTime, localFields } from "./zone.ts";

/** The second day of the year 1: every zone shows a year that patterns can write. */
const FIRST_INSTANT = dayNumber(1, 1, 2) * DAY_MS;
const LAST_INSTANT = Date.UTC(9999, 11, 30);
/** More than the days of ten thousand years, in minutes. */
const AMOUNT_MAX = 6e9;

/** The functions by name. Adding months keeps the day where the month has it, else takes its last, as Java does. */
export const DATE_FUNCTIONS: Members = new Map([
  [
    "format",
    operation(2, 2, (evaluation, [date = null, pattern = null]) => {
      return dateText(evaluation, dateArgument(evaluation, date), textOf(evaluation, pattern));
    }),
  ],
  ["addMonths", moved((local, amount) => monthsLater(local, amount))],
  ["addDays", moved((local, amount) => ({ ...local, day: local.day + amount }))],
  ["addHours", later(3_600_000)],
  ["addMinutes", later(60_000)],
  ["getDay", field((local) => local.day)],
  ["getMonth", field((local) => local.month)],
  ["getQuarter", field((local) => Math.ceil(local.month / 3))],
  ["getYear", field((local) => local.year)],
  ["now", operation(0, 0, ({ world }) => world.now)],
  ["getTime", operation(1, 1, (evaluation, [date = null]) => dateArgument(evaluation, date).getTime())],
  [
    "parseDate",
    operation(2, 2, (evaluation, [text = null, pattern = null]) => {
      return dateOf(evaluation, textOf(evaluation, text), textOf(evaluation, pattern));
    }),
  ],
]);

/** A date moved by local fields: noon stays noon across a clock change. */
function moved(move: (local: LocalTime, amount: number) => LocalTime): Member {
  return operation(2, 2, (evaluation, [date = null, amount = null]) => {
    const { zone } = evaluation.world;
    const local = localFields(zone, dateArgument(evaluation, date).getTime());
    const target = move(local, amountOf(evaluation, amount));
    if (Math.abs(target.year) > 9999 || Math.abs(target.day) > 4e6)
      return refuse(evaluation, "the date lies beyond the year 9999");
    return checkedDate(evaluation, instantOf(zone, target));
  });
}

/** A date moved by real time. */
function later(unit: number): Member {
  return operation(2, 2, (evaluation, [date = null, amount = null]) => {
    const start = dateArgument(evaluation, date).getTime();
    return checkedDate(evaluation, start + amountOf(evaluation, amount) * unit);
  });
}

function field(read: (local: LocalTime) => number): Member {
  return operation(1, 1, (evaluation, [date = null]) =>
    read(localFields(evaluation.world.zone, dateArgument(evaluation, date).getTime())),
  );
}

function amountOf(evaluation: Evaluation, value: Value): number {
  const amount = integerArgument(evaluation, typeof value === "string" ? (numberOf(value) ?? value) : value);
  return Math.abs(amount) <= AMOUNT_MAX ? amount : refuse(evaluation, "the date lies beyond the year 9999");
}

function monthsLater(local: LocalTime, amount: number): LocalTime {
  const months = local.year * 12 + local.month - 1 + amount;
  const [year, month] = [Math.floor(months / 12), months - Math.floor(months / 12) * 12 + 1];
  return { ...local, year, month, day: Math.min(local.day, daysInMonth(year, month)) };
}

function dateOf(evaluation: Evaluation, text: string, pattern: string): Date {
  spendCharacters(evaluation, text.length);
  const instant = parseDate(text, pattern, evaluation.world.zone, evaluation.world.now.getTime());
  return typeof instant === "number" ? checkedDate(evaluation, instant) : refuse(evaluation, instant.problem);
}

function checkedDate(evaluation: Evaluation, instant: number): Date {
  if (instant >= FIRST_INSTANT && instant <= LAST_INSTANT) return new Date(instant);
  return refuse(evaluation, "the date lies beyond the years 1 to 9999");
}
