/** What a schedule plans: which of its times have come, and what becomes of each. */
import { DAY_MS } from "./civil-date.ts";
import { type Cron, clockNote, nextFire, parseCron } from "./cron.ts";
import { invalid } from "./fault.ts";
import type { JobSettings } from "./job-settings.ts";
import { LATENESS_MAX_SECONDS } from "./schedule.ts";
import type { WorkCalendar } from "./workday.ts";
import { fieldsOf, localText, offsetAt } from "./zone.ts";

/** When a schedule fires. */
export interface PlanRule {
  readonly expression: string;
  readonly zone: string;
  /** Both belong to the schedule. */
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  readonly missingHour: NonNullable<JobSettings["missingHour"]>;
  readonly repeatedHour: NonNullable<JobSettings["repeatedHour"]>;
}

/** What decides over the times of a schedule, as it stands when they are planned. */
export interface PlanLoad {
  readonly catchUp: NonNullable<JobSettings["catchUp"]>;
  readonly catchUpSeconds: number;
  /** Instances that may run at a time, and what becomes of one too many. */
  readonly overlapMax: number;
  readonly overlapPolicy: NonNullable<JobSettings["overlapPolicy"]>;
  readonly running: number;
  readonly waiting: number;
  /** Each waits for other runs, the own previous one or other jobs': whoever releases decides. */
  readonly hasDependencies: boolean;
  /** Who paused the schedule; null while it is not. */
  readonly pausedBy: string | null;
  /** The workdays on which alone it runs, and their calendar's name; undefined: every day; `days` is absent where there is no such calendar. */
  readonly calendar: { readonly name: string; readonly days?: WorkCalendar } | undefined;
  /** Stretches whose times are held until somebody unfreezes them; `to` is the first time that is free again. */
  readonly freezes: readonly { readonly from: Date; readonly to: Date }[];
}

/** Why a planned time became no instance, in a word that does not change; its sentence stands beside it. */
export type PlanReason =
  | "overlap"
  | "disabled"
  | "calendar"
  | "frozen"
  | "no-nodes"
  | "downtime"
  | "catch-up-bound"
  | "caught-up-later"
  | "arrivals-expired";

/** What became of a time that starts nothing. */
interface Passed {
  readonly act: "miss" | "skip";
  readonly reason: PlanReason;
  readonly detail: string;
}

/** What becomes of one time. */
export type PlannedAct = { readonly plannedAt: Date } & (
  | Passed
  | {
      /** `wait`: an instance is made, and held until others have ended; `freeze`: until somebody unfreezes it. */
      readonly act: "start" | "wait" | "freeze";
      /** What a clock change or a late notice did to the time. */
      readonly detail?: string;
    }
);

/**
 * The first time strictly after `after` at which the rule fires; undefined when there is none.
 * @throws Fault `schedule-invalid` for an expression or a zone that cannot be read.
 */
export function nextPlanned(rule: PlanRule, after: Date): Date | undefined {
  const from =
    rule.startsAt === null ? after.getTime() : Math.max(after.getTime(), rule.startsAt.getTime() - 1);
  const fire = nextFire(cronOf(rule), rule.zone, from, dstPolicyOf(rule));
  if (fire === undefined || (rule.endsAt !== null && fire > rule.endsAt.getTime())) return undefined;
  return new Date(fire);
}

/**
 * The times from `from` to before `to`, in order, the first `most` of them.
 * @throws Fault as `nextPlanned`.
 */
export function plannedWithin(rule: PlanRule, from: Date, to: Date, most: number): Date[] {
  const times: Date[] = [];
  let at = nextPlanned(rule, new Date(from.getTime() - 1));
  while (at !== undefined && at < to && times.length < most) {
    times.push(at);
    at = nextPlanned(rule, at);
  }
  return times;
}

/** A time at which a rule fires, as it is shown before anything is saved. */
export interface PreviewedTime {
  readonly at: Date;
  /** What a clock in the zone shows then, with its distance from UTC. */
  readonly local: string;
  /** What a clock change did to it. */
  readonly note?: string;
  /** Why it would be skipped. */
  readonly skipped?: string;
}

/**
 * The first `count` times strictly after `after`; those on free days of the calendar are among them.
 * @throws Fault as `nextPlanned`.
 */
export function previewTimes(
  rule: PlanRule,
  {
    after,
    count,
    calendar,
  }: { readonly after: Date; readonly count: number; readonly calendar: PlanLoad["calendar"] },
): PreviewedTime[] {
  const times: PreviewedTime[] = [];
  let at = nextPlanned(rule, after);
  while (at !== undefined && times.length < count) {
    const note = noteOf(rule, at);
    const skipped = refuseDay(rule, { pausedBy: null, calendar }, at)?.detail;
    times.push({
      at,
      local: localText(rule.zone, at),
      ...(note !== undefined && { note }),
      ...(skipped !== undefined && { skipped }),
    });
    at = nextPlanned(rule, at);
  }
  return times;
}

/** What is worth saying of a time at which the rule fires: what a clock change did to it; undefined for nothing. */
export function noteOf(rule: PlanRule, plannedAt: Date): string | undefined {
  return clockNote(cronOf(rule), rule.zone, plannedAt.getTime(), dstPolicyOf(rule));
}

/** Which times are planned. */
export interface PlanStretch {
  readonly first: Date;
  readonly now: Date;
  /** Until then times are planned ahead, as long as they simply start: all else is decided when it is due. None where absent. */
  readonly ahead?: Date | undefined;
  readonly most: number;
}

/**
 * What becomes of the times from `first` to `ahead`, at most `most` of them, and the next after these. Each time has one
 * answer: the first rule that speaks, in the order of `decide`.
 */
export function planDue(
  rule: PlanRule,
  load: PlanLoad,
  { first, now, ahead = now, most }: PlanStretch,
): { readonly acts: PlannedAct[]; readonly nextAt: Date | undefined } {
  const acts: PlannedAct[] = [];
  let { running, waiting } = load;
  let plannedAt: Date | undefined = first;
  while (plannedAt !== undefined && (plannedAt <= now || plannedAt <= ahead) && acts.length < most) {
    const nextAt: Date | undefined = nextPlanned(rule, plannedAt);
    const isLast = nextAt === undefined || nextAt > now;
    const act = decide(rule, { ...load, running, waiting }, { plannedAt, now, isLast });
    if (plannedAt > now && act.act !== "start") break;
    acts.push(act);
    if (act.act === "start") running += 1;
    if (act.act === "wait") waiting += 1;
    plannedAt = nextAt;
  }
  return { acts, nextAt: plannedAt };
}

interface Moment {
  readonly plannedAt: Date;
  readonly now: Date;
  /** No later time has come. */
  readonly isLast: boolean;
}

function decide(rule: PlanRule, load: PlanLoad, moment: Moment): PlannedAct {
  const { plannedAt, now } = moment;
  const passed = refuseDay(rule, load, plannedAt) ?? refuseLate(load, moment) ?? refuseOverlap(load);
  if (passed !== undefined) return { plannedAt, ...passed };
  const frozen = load.freezes.some(({ from, to }) => from <= plannedAt && plannedAt < to);
  const held = load.hasDependencies || load.waiting > 0 || load.running >= load.overlapMax;
  const madeUp = isLate(plannedAt, now) ? `made up for at ${now.toISOString()}` : undefined;
  const detail = [noteOf(rule, plannedAt), madeUp].filter((part) => part !== undefined).join("; ");
  return {
    plannedAt,
    act: frozen ? "freeze" : held ? "wait" : "start",
    ...(detail !== "" && { detail }),
  };
}

/** A paused schedule, and a day on which it does not run. */
function refuseDay(
  rule: PlanRule,
  { pausedBy, calendar }: Pick<PlanLoad, "pausedBy" | "calendar">,
  plannedAt: Date,
): Passed | undefined {
  if (pausedBy !== null)
    return { act: "skip", reason: "disabled", detail: `the schedule was paused by ${pausedBy}` };
  if (calendar === undefined) return undefined;
  const { name, days } = calendar;
  if (days === undefined)
    return { act: "skip", reason: "calendar", detail: `there is no calendar "${name}" any more` };
  const local = plannedAt.getTime() + offsetAt(rule.zone, plannedAt.getTime());
  if (days(Math.floor(local / DAY_MS))) return undefined;
  const { year, month, day } = fieldsOf(local);
  const date = [year, month, day].map((part) => String(part).padStart(2, "0")).join("-");
  return { act: "skip", reason: "calendar", detail: `${date} is no workday of calendar "${name}"` };
}

function isLate(plannedAt: Date, now: Date): boolean {
  return now.getTime() - plannedAt.getTime() > LATENESS_MAX_SECONDS * 1000;
}

function refuseLate(load: PlanLoad, { plannedAt, now, isLast }: Moment): Passed | undefined {
  if (!isLate(plannedAt, now)) return undefined;
  const lateMs = now.getTime() - plannedAt.getTime();
  const late = `noticed ${Math.floor(lateMs / 1000)} s late: no scheduler was running`;
  if (load.catchUp === "none") return { act: "miss", reason: "downtime", detail: late };
  if (lateMs > load.catchUpSeconds * 1000)
    return {
      act: "miss",
      reason: "catch-up-bound",
      detail: `${late}, and times older than ${load.catchUpSeconds} s are not made up for`,
    };
  if (load.catchUp === "all" || isLast) return undefined;
  return { act: "miss", reason: "caught-up-later", detail: `${late}, and only the last time is made up for` };
}

function refuseOverlap({ overlapPolicy, overlapMax, running, waiting }: PlanLoad): Passed | undefined {
  if (overlapPolicy === "wait" || running + waiting < overlapMax) return undefined;
  const detail = `${running + waiting} of at most ${overlapMax} instances had not ended`;
  return { act: "skip", reason: "overlap", detail };
}

function dstPolicyOf({ missingHour, repeatedHour }: PlanRule) {
  return { gap: missingHour, overlap: repeatedHour };
}

const CRONS_MAX = 10_000;
const crons = new Map<string, Cron>();

function cronOf({ expression }: PlanRule): Cron {
  const known = crons.get(expression);
  if (known !== undefined) return known;
  const cron = parseCron(expression);
  if ("problems" in cron) return invalid("schedule-invalid", cron.problems);
  if (crons.size >= CRONS_MAX) crons.clear();
  crons.set(expression, cron);
  return cron;
}
