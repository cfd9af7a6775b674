/** The monitor's overviews as DataArts Factory v2 writes them: queries and answers (dataarts-factory 5). */
import { type Static, Type } from "typebox";
import { type CivilDate, daysInMonth } from "../../domain/civil-date.ts";
import type { Completion, CompletionPoint } from "../../domain/completion.ts";
import { invalid } from "../../domain/fault.ts";
import { calendarPeriod } from "../../domain/period.ts";
import type { InstanceState } from "../../domain/states.ts";
import { localFields } from "../../domain/zone.ts";
import type { InstanceCount } from "../../store/monitor.ts";
import { wordOf } from "../query.ts";
import { Milliseconds } from "./time-wire.ts";

/** The days that each word means, counted back from today: the first and the last. */
const QUERY_DAYS = {
  today: [0, 0],
  yesterday: [1, 1],
  before_yesterday: [2, 2],
  all: [7, 0],
} as const;

export const OverviewQuery = Type.Object({
  is_own: Type.Boolean({
    default: false,
    description: "Of the caller's jobs alone: those that he owns, and those without an owner that he made.",
  }),
  query_days: wordOf(QUERY_DAYS, {
    default: "today",
    description: "The day in which instances were planned; `all`: the last seven and today.",
  }),
});

/** Instants from the first that counts to before the last, none that is still to come. */
export function decodeDays(
  { query_days: word }: Static<typeof OverviewQuery>,
  now: Date,
  timeZone: string,
): { readonly from: Date; readonly to: Date } {
  const [first, last] = QUERY_DAYS[word];
  const day = (back: number) => calendarPeriod(timeZone, "days", now.getTime(), back);
  return { from: new Date(day(first).from), to: new Date(Math.min(day(last).to, now.getTime() + 1)) };
}

const Count = Type.Integer({ minimum: 0 });

export const Overview = Type.Object({
  total_count: Count,
  success_count: Type.Integer({ minimum: 0, description: "Without the two kinds below." }),
  fail_count: Count,
  running_count: Count,
  waiting_count: Count,
  pause_count: Count,
  freeze_count: Count,
  manual_stop_count: Count,
  skip_count: Count,
  running_exception_count: Count,
  force_success_count: Type.Integer({ minimum: 0, description: "Ended as succeeded by somebody." }),
  ignore_success_count: Type.Integer({ minimum: 0, description: "Succeeded although a node failed." }),
  waiting_confirm_count: Type.Integer({ minimum: 0, description: "Always 0: no run waits to be confirmed." }),
});

/** The members that an instance can count in. */
type CountName = Exclude<keyof Static<typeof Overview>, "total_count" | "waiting_confirm_count">;

const COUNTS: Readonly<Record<InstanceState, CountName>> = {
  waiting: "waiting_count",
  frozen: "freeze_count",
  running: "running_count",
  failing: "running_count",
  stopping: "running_count",
  paused: "pause_count",
  suspended: "running_exception_count",
  succeeded: "success_count",
  failed: "fail_count",
  stopped: "manual_stop_count",
  skipped: "skip_count",
};

function countNameOf({ state, forceSuccess, ignoreSuccess }: InstanceCount): CountName {
  if (state === "succeeded" && forceSuccess) return "force_success_count";
  if (state === "succeeded" && ignoreSuccess) return "ignore_success_count";
  return COUNTS[state];
}

/** Beside the total each instance counts once. */
export function encodeOverview(counts: readonly InstanceCount[]): Static<typeof Overview> {
  const totals = new Map<CountName, number>();
  for (const entry of counts) {
    const name = countNameOf(entry);
    totals.set(name, (totals.get(name) ?? 0) + entry.count);
  }
  const totalOf = (name: CountName) => totals.get(name) ?? 0;
  return {
    total_count: counts.reduce((all, { count }) => all + count, 0),
    success_count: totalOf("success_count"),
    fail_count: totalOf("fail_count"),
    running_count: totalOf("running_count"),
    waiting_count: totalOf("waiting_count"),
    pause_count: totalOf("pause_count"),
    freeze_count: totalOf("freeze_count"),
    manual_stop_count: totalOf("manual_stop_count"),
    skip_count: totalOf("skip_count"),
    running_exception_count: totalOf("running_exception_count"),
    force_success_count: totalOf("force_success_count"),
    ignore_success_count: totalOf("ignore_success_count"),
    waiting_confirm_count: 0,
  };
}

export const CompletionQuery = Type.Object({
  type: Type.String({
    default: "all",
    description: "A node type, also by the name that the vendor's console has for it.",
  }),
  start_day: Type.Optional(
    Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\d$", description: "As 2026-11-23; today where absent." }),
  ),
  start_time: Type.Integer({
    minimum: 0,
    maximum: 23,
    default: 0,
    description: "The hour at which the days begin.",
  }),
});

const Points = Type.Array(
  Type.Object({
    record_time: Milliseconds,
    task_completion_num: Type.Integer({
      minimum: 0,
      description: "Nodes that had succeeded by then, since the day's beginning.",
    }),
  }),
);

/** By hours; `average` is that of the seven days before, at the hours of the day that was asked for. */
export const CompletionData = Type.Object({ yesterday: Points, average: Points, today: Points });

/** The console's names of node types. Source: API reference, "Querying Completed Tasks". */
const CONSOLE_TYPES: Readonly<Record<string, readonly string[]>> = {
  "CDM Job": ["CDMJob"],
  "MRS Hive SQL": ["HiveSQL"],
  "MRS Spark SQL": ["SparkSQL"],
  "MRS Impala SQL": ["ImpalaSQL"],
  "DLI SQL": ["DLISQL"],
  "DLI Spark": ["DLISpark"],
  "DWS SQL": ["DWSSQL"],
  "MRS ClickHouse": ["ClickHouseSQL"],
  "MRS HetuEngine": ["MRSHetuEngine", "HetuEngineSQL"],
};

/** Undefined: all. */
export function decodeTaskTypes({ type }: Static<typeof CompletionQuery>): readonly string[] | undefined {
  return type === "all" || type === "" ? undefined : (CONSOLE_TYPES[type] ?? [type]);
}

/** The day that is asked for. Raises `request-invalid`. */
export function decodeDay(
  { start_day: text }: Static<typeof CompletionQuery>,
  now: Date,
  timeZone: string,
): CivilDate {
  if (text === undefined) return localFields(timeZone, now.getTime());
  const [year = 0, month = 0, day = 0] = text.split("-").map(Number);
  const isDate = year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
  return isDate ? { year, month, day } : invalid("request-invalid", [`start_day: ${text} is no date`]);
}

export function encodeCompletion({ yesterday, average, today }: Completion): Static<typeof CompletionData> {
  const encode = (points: readonly CompletionPoint[]) =>
    points.map(({ at, count }) => ({ record_time: at, task_completion_num: count }));
  return { yesterday: encode(yesterday), average: encode(average), today: encode(today) };
}
