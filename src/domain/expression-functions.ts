/** The objects that an expression may name, with all their members: nothing else can be reached. */
import { DAY_MS, HOUR_MS } from "./civil-date.ts";
import { DATE_FUNCTIONS } from "./date-functions.ts";
import { plainValue, type Value } from "./expression-value.ts";
import {
  dateArgument,
  dateText,
  type Evaluation,
  integerArgument,
  jsonText,
  type Member,
  type Members,
  operation,
  property,
  refuse,
  spendCharacters,
  textOf,
} from "./expression-world.ts";
import { atPath } from "./json-path.ts";
import { STRING_FUNCTIONS } from "./string-functions.ts";
import { isWeekdayWorked, nthDay, WORKDAYS_MAX, type WorkCalendar } from "./workday.ts";
import { instantOf, localFields, localNumber } from "./zone.ts";

const PATH_MAX = 1024;

const JOB: Members = new Map([
  ["name", property(({ world }) => world.job.name)],
  ["projectId", property(({ world }) => world.job.projectId)],
  ["planTime", property(({ world }) => world.planTime)],
  ["startTime", property(({ world }) => world.startTime)],
  ["eventData", property(({ world }) => world.job.eventData ?? null)],
  ["trigger", property(({ world }) => plainValue({ obsNewFiles: world.job.obsNewFiles ?? [] }))],
  ["getNodeStatus", ofNode(({ world }, node) => world.nodeStatus(node))],
  ["getNodeOutput", ofNode(({ world }, node) => world.nodeOutput(node))],
  ["getRunningData", ofNode(({ world }, node) => world.runningData?.(node))],
  [
    "getInsertJobId",
    operation(0, 1, (evaluation, [node]) => {
      return (
        evaluation.world.insertJobId?.(node === undefined ? undefined : textOf(evaluation, node)) ?? null
      );
    }),
  ],
  [
    "getParam",
    ofNode((evaluation, name) => evaluation.parameter(evaluation, name, [evaluation.world.jobParameter])),
  ],
  ["getPlanTime", planTimeText(0)],
  ["getLastHour", planTimeText(HOUR_MS)],
  [
    "getYesterday",
    operation(1, 1, (evaluation, [pattern = null]) => {
      return dateText(evaluation, daysAway(evaluation, -1), textOf(evaluation, pattern));
    }),
  ],
  ["getPreviousWorkday", workday(false, true, -1)],
  ["getPreviousNonWorkday", workday(false, false, -1)],
  ["getCalendarPreviousWorkday", workday(true, true, -1)],
  ["getCalendarPreviousNonWorkday", workday(true, false, -1)],
  ["getCalendarNextWorkday", workday(true, true, 1)],
  ["getCalendarNextNonWorkday", workday(true, false, 1)],
]);

const JSON_FUNCTIONS: Members = new Map([
  ["parse", operation(1, 1, (evaluation, [text = null]) => parsedJson(evaluation, text))],
  ["toString", operation(1, 1, (evaluation, [value = null]) => jsonText(evaluation, value))],
  [
    "path",
    operation(2, 2, (evaluation, [text = null, path = null]) => {
      const value = typeof text === "string" ? parsedJson(evaluation, text) : text;
      const steps = textOf(evaluation, path);
      const found = steps.length > PATH_MAX ? undefined : atPath(value, steps);
      return found === undefined
        ? refuse(evaluation, `"${steps.slice(0, 64)}" is no path such as a[0].b`)
        : found;
    }),
  ],
]);

const LOOP: Members = new Map([
  ["dataArray", property((evaluation) => loopOf(evaluation).dataArray)],
  ["current", property((evaluation) => loopOf(evaluation).current)],
  ["offset", property((evaluation) => loopOf(evaluation).offset)],
]);

const OBS_FUNCTIONS: Members = new Map([
  [
    "isExistOBSPath",
    operation(1, 1, (evaluation, [path = null]) => {
      const exists = evaluation.world.obsPathExists?.(textOf(evaluation, path));
      return exists ?? refuse(evaluation, "OBSUtil.isExistOBSPath cannot look into the object store here");
    }),
  ],
]);

/** Every object by name. Source: dataarts-factory 4.3. */
export const OBJECTS: ReadonlyMap<string, Members> = new Map([
  ["Job", JOB],
  ["DateUtil", DATE_FUNCTIONS],
  ["StringUtil", STRING_FUNCTIONS],
  ["JSONUtil", JSON_FUNCTIONS],
  ["Loop", LOOP],
  ["OBSUtil", OBS_FUNCTIONS],
  [
    "Env",
    new Map([
      [
        "get",
        ofNode((evaluation, name) => evaluation.parameter(evaluation, name, [evaluation.world.environment])),
      ],
    ]),
  ],
]);

/** A function of one name that answers text, or null when there is none. */
function ofNode(find: (evaluation: Evaluation, name: string) => string | undefined): Member {
  return operation(1, 1, (evaluation, [name = null]) => {
    const found = find(evaluation, textOf(evaluation, name)) ?? null;
    spendCharacters(evaluation, found?.length ?? 0);
    return found;
  });
}

function planTimeText(earlier: number): Member {
  return operation(1, 1, (evaluation, [pattern = null]) => {
    const instant = dateArgument(evaluation, evaluation.world.planTime).getTime() - earlier;
    return dateText(evaluation, new Date(instant), textOf(evaluation, pattern));
  });
}

/** The plan time `days` days away, at the same time of day. */
function daysAway({ world }: Evaluation, days: number): Date {
  const local = localFields(world.zone, world.planTime.getTime());
  return new Date(instantOf(world.zone, { ...local, day: local.day + days }));
}

/** `getPreviousWorkday(n, pattern)` and its kin; with a calendar's name first where `named`. */
function workday(named: boolean, worked: boolean, step: 1 | -1): Member {
  const size = named ? 3 : 2;
  return operation(size, size, (evaluation, args) => {
    const [count = null, pattern = null] = args.slice(-2);
    const calendar = named
      ? calendarNamed(evaluation, textOf(evaluation, args[0] ?? null))
      : ownCalendar(evaluation);
    const wanted = integerArgument(evaluation, count);
    if (wanted < 1 || wanted > WORKDAYS_MAX)
      return refuse(evaluation, `a count of days is 1 to ${WORKDAYS_MAX}`);
    const { world } = evaluation;
    const today = Math.floor(localNumber(localFields(world.zone, world.planTime.getTime())) / DAY_MS);
    const day = nthDay(calendar, worked, today, wanted, step);
    if (day === undefined) return refuse(evaluation, "the calendar has no such day within a year");
    return dateText(evaluation, daysAway(evaluation, day - today), textOf(evaluation, pattern));
  });
}

function ownCalendar(evaluation: Evaluation): WorkCalendar {
  const { ownCalendar: name } = evaluation.world;
  return name === undefined ? isWeekdayWorked : calendarNamed(evaluation, name);
}

function calendarNamed(evaluation: Evaluation, name: string): WorkCalendar {
  return (
    evaluation.world.calendar?.(name) ?? refuse(evaluation, `there is no calendar "${name.slice(0, 64)}"`)
  );
}

function loopOf(evaluation: Evaluation) {
  return evaluation.world.loop ?? refuse(evaluation, "Loop is there only inside a ForEach node");
}

function parsedJson(evaluation: Evaluation, value: Value): Value {
  if (value === null) return null;
  const text = textOf(evaluation, value);
  spendCharacters(evaluation, text.length);
  try {
    return plainValue(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return refuse(evaluation, "the text is not JSON");
    throw error;
  }
}
