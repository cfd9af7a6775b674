/** Schedules of a simulated world: what the product is told, and by plain counting of days when they are to run. */
import type { JobSettings } from "../../src/domain/job-settings.ts";
import type { WallClock } from "./wall-clock.ts";

/** A schedule as a person would say it; times of day are minutes after midnight. */
export type Timetable =
  | { readonly every: "minutes"; readonly minutes: number }
  | { readonly every: "day"; readonly minute: number }
  | { readonly every: "week"; readonly weekdays: readonly number[]; readonly minute: number }
  | { readonly every: "month"; readonly day: number | "last" | "last-workday"; readonly minute: number }
  | { readonly every: "nth"; readonly weekday: number; readonly nth: number; readonly minute: number };

export interface SimulatedSchedule {
  readonly timetable: Timetable;
  readonly zone: string;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly settings: Required<
    Pick<
      JobSettings,
      "missingHour" | "repeatedHour" | "catchUp" | "catchUpSeconds" | "overlap" | "overlapPolicy"
    >
  >;
  /** A name among `CALENDARS`; absent: it runs every day. */
  readonly calendar?: string;
  readonly afterOwnPrevious: boolean;
}

/** Weekdays that are worked, from 0, Sunday, and dates of each year that are not. */
export const CALENDARS: Readonly<
  Record<string, { readonly weekdays: readonly number[]; readonly holidays: readonly string[] }>
> = {
  office: { weekdays: [1, 2, 3, 4, 5], holidays: ["01-01", "05-01", "12-25", "12-26"] },
  weekend: { weekdays: [0, 5, 6], holidays: ["03-31", "10-31"] },
};

const ZONES = [
  ...["UTC", "Asia/Shanghai", "Asia/Kolkata", "America/New_York", "America/Chicago", "America/Denver"],
  ...["America/Los_Angeles", "America/Anchorage", "America/St_Johns", "America/Halifax", "America/Havana"],
  ...["America/Santiago", "Atlantic/Azores", "Europe/London", "Europe/Dublin", "Europe/Lisbon"],
  ...["Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Athens", "Europe/Helsinki", "Asia/Jerusalem"],
  ...["Asia/Beirut", "Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland"],
  ...["Pacific/Chatham", "America/Sao_Paulo", "Africa/Cairo"],
] as const;

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Of schedules that run often, in days. */
const DAYS_MAX: Partial<Record<Timetable["every"], number>> = { minutes: 120, day: 730 };

/** A schedule by chance: mostly weekly and monthly, mostly at the days and hours at which clocks are changed. */
export function chooseSchedule(random: () => number, from: number, to: number): SimulatedSchedule {
  const pick = <T>(...choices: readonly [T, ...T[]]) =>
    choices[Math.floor(random() * choices.length)] ?? choices[0];
  const timetable = chooseTimetable(random);
  // What runs often does so for a part of the time only, around some change of the clocks.
  const days = Math.min(DAYS_MAX[timetable.every] ?? Infinity, (to - from) / DAY);
  const startsAt = from + Math.floor(random() * ((to - from) / DAY - days)) * DAY;
  return {
    timetable,
    zone: pick(...ZONES),
    startsAt,
    endsAt: startsAt + days * DAY,
    settings: {
      missingHour: pick("shift", "shift", "skip"),
      repeatedHour: pick("first", "first", "last", "both"),
      catchUp: pick("none", "none", "last", "all"),
      catchUpSeconds: pick(3_600, 86_400),
      overlap: pick(1, 5),
      overlapPolicy: pick("wait", "wait", "wait", "skip"),
    },
    ...(random() < 0.15 && { calendar: pick("office", "weekend") }),
    afterOwnPrevious: random() < 0.1,
  };
}

function chooseTimetable(random: () => number): Timetable {
  const whole = (count: number) => Math.floor(random() * count);
  // Mostly at full hours, so that many are due at one moment.
  const minute = (random() < 0.7 ? whole(5) : whole(24)) * 60 + (random() < 0.9 ? 0 : 30);
  const kind = random();
  if (kind < 0.02) return { every: "minutes", minutes: [30, 60, 120, 360][whole(4)] ?? 60 };
  if (kind < 0.12) return { every: "day", minute };
  if (kind < 0.45) return { every: "week", weekdays: [random() < 0.7 ? 0 : whole(7), 6 * whole(2)], minute };
  if (kind < 0.9)
    return { every: "month", day: ([1, 15, 29, 31, "last", "last-workday"] as const)[whole(6)] ?? 1, minute };
  return { every: "nth", weekday: whole(7), nth: 1 + whole(5), minute };
}

/** The schedule as the product is told. Weekdays count from 0, Sunday, here, and from 1 there. */
export function cronText(timetable: Timetable): string {
  if (timetable.every === "minutes")
    return timetable.minutes < 60
      ? `0 0/${timetable.minutes} * * * ?`
      : `0 0 0/${timetable.minutes / 60} * * ?`;
  const time = `0 ${timetable.minute % 60} ${Math.floor(timetable.minute / 60)}`;
  if (timetable.every === "day") return `${time} * * ?`;
  if (timetable.every === "week") return `${time} ? * ${timetable.weekdays.map((day) => day + 1).join(",")}`;
  if (timetable.every === "nth") return `${time} ? * ${timetable.weekday + 1}#${timetable.nth}`;
  const days = { last: "L", "last-workday": "LW" } as const;
  return `${time} ${typeof timetable.day === "number" ? timetable.day : days[timetable.day]} * ?`;
}

/** Every instant from `from` to `to` at which the schedule is to run, in order; docs/schedules.md in plain loops. */
export function plannedTimes(
  schedule: SimulatedSchedule,
  clock: WallClock,
  from: number,
  to: number,
): number[] {
  const start = Math.max(from, schedule.startsAt);
  const end = Math.min(to, schedule.endsAt);
  const { timetable } = schedule;
  if (timetable.every === "minutes") return evenTimes(timetable.minutes, clock, start, end);
  const times: number[] = [];
  for (let day = Math.floor(start / DAY) - 1; day <= Math.floor(end / DAY) + 1; day += 1)
    if (runsOn(timetable, new Date(day * DAY)))
      times.push(...timesOfDay(schedule, clock, day * DAY + timetable.minute * MINUTE));
  return [...new Set(times)].filter((at) => at >= start && at <= end).sort((a, b) => a - b);
}

/** Even repetitions follow real time: each instant at which the clock shows such a minute. */
function evenTimes(minutes: number, clock: WallClock, start: number, end: number): number[] {
  const times: number[] = [];
  for (let at = Math.ceil(start / (15 * MINUTE)) * 15 * MINUTE; at <= end; at += 15 * MINUTE) {
    const ofDay = Math.floor(((((at + clock.offsetAt(at)) % DAY) + DAY) % DAY) / MINUTE);
    if (minutes < 60 ? (ofDay % 60) % minutes === 0 : ofDay % minutes === 0) times.push(at);
  }
  return times;
}

function timesOfDay({ settings }: SimulatedSchedule, clock: WallClock, local: number): readonly number[] {
  const instants = clock.instantsOf(local);
  if (instants.length === 0) {
    const change = clock.changeOver(local);
    return settings.missingHour === "shift" && change !== undefined ? [change] : [];
  }
  if (settings.repeatedHour === "both") return instants;
  return settings.repeatedHour === "last" ? instants.slice(-1) : instants.slice(0, 1);
}

function runsOn(timetable: Exclude<Timetable, { every: "minutes" }>, date: Date): boolean {
  const day = date.getUTCDate();
  const weekday = date.getUTCDay();
  const length = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  if (timetable.every === "day") return true;
  if (timetable.every === "week") return timetable.weekdays.includes(weekday);
  if (timetable.every === "nth") return weekday === timetable.weekday && Math.ceil(day / 7) === timetable.nth;
  if (timetable.day === "last") return day === length;
  if (typeof timetable.day === "number") return day === timetable.day;
  const lastWeekday = new Date(date.getTime() + (length - day) * DAY).getUTCDay();
  return day === length - (lastWeekday === 6 ? 1 : lastWeekday === 0 ? 2 : 0);
}

/** Whether the schedule's calendar has the day of that instant free, as its zone counts days. */
export function isFree({ calendar }: SimulatedSchedule, clock: WallClock, at: number): boolean {
  const rule = calendar === undefined ? undefined : CALENDARS[calendar];
  if (rule === undefined) return false;
  const local = new Date(at + clock.offsetAt(at));
  return (
    !rule.weekdays.includes(local.getUTCDay()) || rule.holidays.includes(local.toISOString().slice(5, 10))
  );
}
