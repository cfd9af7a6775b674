/** Patch data as DataArts Factory v2 writes it: the request, the list's query and its rows (dataarts-factory 5). */
import { type Static, Type } from "typebox";
import type { BackfillSpec, TimeFilter } from "../../domain/backfill.ts";
import type { RunWindow } from "../../domain/day-window.ts";
import { Fault, invalid } from "../../domain/fault.ts";
import type { JobReference } from "../../domain/schedule.ts";
import type { BackfillState } from "../../domain/states.ts";
import type { BackfillFilter, BackfillListing } from "../../store/backfill-lists.ts";
import { wordOf } from "../query.ts";
import { readBody } from "./request-wire.ts";
import { Milliseconds, parseScheduleTime } from "./time-wire.ts";

/** More at a time only through our own API. */
const PARALLEL_MAX = 5;
const SIZE_MAX = 1000;
const PAGE_MAX = 2_147_483_647;

const RunTime = Type.Object({
  time_of_day: Type.Optional(Type.String()),
  day_of_week: Type.Optional(Type.String()),
  day_of_month: Type.Optional(Type.String()),
});
const InstanceTime = Type.Object({
  days: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000 })),
  time_of_day: Type.Optional(Type.String()),
});

export const PatchData = Type.Object({
  name: Type.String(),
  job_name: Type.String(),
  start_date: Type.String(),
  end_date: Type.String(),
  parallel: Type.Integer({ minimum: 1, maximum: PARALLEL_MAX }),
  depend_jobs: Type.Optional(
    Type.Array(Type.Object({ job_name: Type.String(), workspace_id: Type.Optional(Type.String()) }), {
      maxItems: 1000,
    }),
  ),
  is_day_granularity: Type.Optional(Type.Boolean()),
  priority: Type.Optional(Type.Integer()),
  is_stop_when_fail: Type.Optional(Type.Boolean()),
  reverse_order: Type.Optional(Type.Enum([0, 1])),
  supplement_data_run_time: Type.Optional(RunTime),
  supplement_data_instance_time: Type.Optional(InstanceTime),
  /** The vendor's models say text. */
  force: Type.Optional(Type.Union([Type.Enum(["true", "false"]), Type.Boolean()])),
});

/** A request to patch data, as the engine is asked for it. */
export interface DecodedPatchData {
  readonly name: string;
  readonly jobName: string;
  readonly dependents: readonly JobReference[];
  readonly spec: BackfillSpec;
  readonly force: boolean;
}

/** Raises `request-invalid` with every problem; `backfill-range-invalid` for dates in another form. */
export function decodePatchData(body: unknown, workspaceId: string): DecodedPatchData {
  const wire = readBody(PatchData, body);
  const runWindow = decodeRunTime(wire.supplement_data_run_time ?? {});
  const timeFilter = decodeInstanceTime(wire.supplement_data_instance_time ?? {});
  return {
    name: wire.name,
    jobName: wire.job_name,
    dependents: (wire.depend_jobs ?? []).map((job) => ({
      workspaceId: job.workspace_id || workspaceId,
      name: job.job_name,
    })),
    spec: {
      startsAt: decodeDate(wire.start_date),
      endsAt: decodeDate(wire.end_date),
      parallelMax: wire.parallel,
      dayGranularity: wire.is_day_granularity ?? false,
      newestFirst: wire.reverse_order === 1,
      stopOnFailure: wire.is_stop_when_fail ?? false,
      ...(wire.priority !== undefined && { priority: decodePriority(wire.priority) }),
      parameters: {},
      ...(runWindow !== undefined && { runWindow }),
      ...(timeFilter !== undefined && { timeFilter }),
    },
    force: wire.force === true || wire.force === "true",
  };
}

/** `2023-08-21T00:00:00 +08`, with the blank; a date in any other form is refused as a bad range is. */
function decodeDate(text: string): Date {
  const [, local, offset] = /^(\S{19}) ([+-]\d\d)$/.exec(text) ?? [];
  const date = parseScheduleTime(`${local}${offset}`);
  if (date !== undefined) return date;
  throw new Fault("invalid", "backfill-range-invalid", `"${text}" is not written as 2023-08-21T00:00:00 +08`);
}

/** On the wire a larger number goes first; here 0 is the highest and 2 the lowest. */
function decodePriority(priority: number): number {
  return 2 - Math.min(2, Math.max(0, priority));
}

function decodeRunTime(wire: Static<typeof RunTime>): RunWindow | undefined {
  const daysOfWeek = decodeList("day_of_week", wire.day_of_week, readWeekday);
  const daysOfMonth = decodeList("day_of_month", wire.day_of_month, readNumber);
  const window: RunWindow = {
    ...(wire.time_of_day && { timeOfDay: wire.time_of_day }),
    ...(daysOfWeek.length > 0 && { daysOfWeek }),
    ...(daysOfMonth.length > 0 && { daysOfMonth }),
  };
  return Object.keys(window).length === 0 ? undefined : window;
}

/** Members of a text such as `1,3`; empty where it is absent. */
function decodeList(
  member: string,
  text: string | undefined,
  read: (item: string) => number | undefined,
): number[] {
  const items = (text ?? "").split(/[\s,;]+/).filter((item) => item !== "");
  return items.map(
    (item) =>
      read(item) ??
      invalid("request-invalid", [`supplement_data_run_time.${member}: "${item}" is not a day`]),
  );
}

function readNumber(text: string): number | undefined {
  return /^\d{1,2}$/.test(text) ? Number(text) : undefined;
}

const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** `1` to `7` from Sunday on, as in cron expressions, or the day's English name. */
function readWeekday(text: string): number | undefined {
  const place = WEEKDAYS.indexOf(text.slice(0, 3).toUpperCase());
  return place === -1 ? readNumber(text) : place + 1;
}

function decodeInstanceTime({ days = [], time_of_day: timeOfDay }: Static<typeof InstanceTime>) {
  const filter: TimeFilter = {
    ...(days.length > 0 && { days: days.map(decodeDay) }),
    ...(timeOfDay && { timeOfDay }),
  };
  return Object.keys(filter).length === 0 ? undefined : filter;
}

/** `2023-08-21`, `20230821`, or a whole time of which the day counts. */
function decodeDay(text: string): string {
  return text.replace(/^(\d{4})-?(\d\d)-?(\d\d)([T ].*)?$/, "$1-$2-$3");
}

/** What each status is of a backfill; one that is about to end counts as running, but not one that is given up. */
const STATES: Readonly<Record<BackfillState, string>> = {
  planning: "RUNNING",
  running: "RUNNING",
  paused: "RUNNING",
  failing: "RUNNING",
  succeeded: "SUCCESS",
  failed: "FAIL",
  cancelling: "CANCEL",
  cancelled: "CANCEL",
};

const statesOf = (status: string) =>
  (Object.keys(STATES) as BackfillState[]).filter((state) => STATES[state] === status);

/** The vendor's pages spell the last one in both ways. */
const STATUSES = {
  RUNNING: statesOf("RUNNING"),
  SUCCESS: statesOf("SUCCESS"),
  FAIL: statesOf("FAIL"),
  CANCEL: statesOf("CANCEL"),
  CANCLE: statesOf("CANCEL"),
} as const;

const ORDERS = { desc: false, asc: true } as const;

/** Of the list; the two dates are those between which a backfill was made. */
export const PatchDataQuery = Type.Object({
  sort: wordOf(ORDERS, { default: "desc", description: "By the time at which they were made." }),
  page: Type.Integer({
    minimum: 0,
    maximum: PAGE_MAX,
    default: 0,
    description: "Number of the page, from 0.",
  }),
  size: Type.Integer({ minimum: 1, maximum: SIZE_MAX, default: 10, description: "Rows of a page." }),
  name: Type.Optional(Type.String({ description: "A part of the name; case counts." })),
  user_name: Type.Optional(Type.String({ description: "Who asked for it." })),
  status: Type.Optional(wordOf(STATUSES)),
  start_date: Type.Optional(Milliseconds),
  end_date: Type.Optional(Milliseconds),
});

/** What a list is asked for, in the domain's words. */
export function decodePatchDataQuery(
  query: Static<typeof PatchDataQuery>,
  workspaceId: string,
): { readonly filter: BackfillFilter; readonly page: { readonly offset: number; readonly limit: number } } {
  const { name = "", user_name: createdBy = "", status, size: limit } = query;
  return {
    filter: {
      workspaceId,
      ...(name !== "" && { nameContains: name }),
      ...(createdBy !== "" && { createdBy }),
      ...(status !== undefined && { states: STATUSES[status] }),
      ...(query.start_date !== undefined && { createdFrom: new Date(query.start_date) }),
      ...(query.end_date !== undefined && { createdTo: new Date(query.end_date) }),
      oldestFirst: ORDERS[query.sort],
    },
    page: { offset: query.page * limit, limit },
  };
}

const PatchDataRow = Type.Object({
  name: Type.String(),
  job_list: Type.Array(Type.String()),
  status: Type.Enum([...new Set(Object.values(STATES))]),
  parallel: Type.Integer({ minimum: 1 }),
  start_date: Type.Integer(),
  end_date: Type.Integer(),
  submitted_date: Milliseconds,
  user_name: Type.String(),
  type: Type.Integer({ description: "0: somebody asked for it." }),
  supplement_data_run_time: Type.Optional(RunTime),
  supplement_data_instance_time: Type.Optional(InstanceTime),
});

/** A page of the list; `total` counts all that the query chooses. */
export const PatchDataList = Type.Object({
  success: Type.Boolean(),
  msg: Type.String(),
  total: Type.Integer({ minimum: 0 }),
  rows: Type.Array(PatchDataRow),
});

/** Of a request that was followed. */
export const PatchDataDone = Type.Object({});

/** A row of the list. `type` 0: somebody asked for it (1 is the vendor's for recovery). */
export function encodePatchData(backfill: BackfillListing): Static<typeof PatchDataRow> {
  const { runWindow, timeFilter } = backfill;
  return {
    name: backfill.name,
    job_list: [...backfill.jobNames],
    status: STATES[backfill.state],
    parallel: backfill.parallelMax,
    start_date: backfill.startsAt.getTime(),
    end_date: backfill.endsAt.getTime(),
    submitted_date: backfill.createdAt.getTime(),
    user_name: backfill.createdBy,
    type: 0,
    ...(runWindow !== undefined && { supplement_data_run_time: encodeRunTime(runWindow) }),
    ...(timeFilter !== undefined && { supplement_data_instance_time: encodeInstanceTime(timeFilter) }),
  };
}

function encodeRunTime({ timeOfDay, daysOfWeek, daysOfMonth }: RunWindow): Static<typeof RunTime> {
  return {
    ...(timeOfDay !== undefined && { time_of_day: timeOfDay }),
    ...(daysOfWeek !== undefined && { day_of_week: daysOfWeek.join(",") }),
    ...(daysOfMonth !== undefined && { day_of_month: daysOfMonth.join(",") }),
  };
}

function encodeInstanceTime({ days, timeOfDay }: TimeFilter): Static<typeof InstanceTime> {
  return {
    ...(days !== undefined && { days: [...days] }),
    ...(timeOfDay !== undefined && { time_of_day: timeOfDay }),
  };
}
