/** What a schedule plans: which of its times have come, and what becomes of each. */
import { type Cron, nextFire, parseCron } from "./cron.ts";
import { invalid } from "./fault.ts";
import { LATENESS_MAX_SECONDS } from "./schedule.ts";

/** When a schedule fires. */
export interface PlanRule {
  readonly expression: string;
  readonly zone: string;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
}

/** How many instances of the schedule there are, and how many may run at a time. */
export interface PlanLoad {
  readonly running: number;
  readonly waiting: number;
  readonly overlapMax: number;
  /** Each waits for the one before to succeed: whoever releases decides. */
  readonly afterOwnPrevious: boolean;
}

export interface PlannedAct {
  readonly plannedAt: Date;
  /** `wait`: an instance is made, and held until others have ended. */
  readonly act: "start" | "wait" | "miss";
}

/** Most times of one schedule that are decided in one go; the rest follows in the next. */
const PLANNED_TIMES_MAX = 1_000;

/**
 * The first time strictly after `after` at which the rule fires; undefined when there is none.
 * @throws Fault `schedule-invalid` for an expression or a zone that cannot be read.
 */
export function nextPlanned(rule: PlanRule, after: Date): Date | undefined {
  const from =
    rule.startsAt === null ? after.getTime() : Math.max(after.getTime(), rule.startsAt.getTime() - 1);
  const fire = nextFire(cronOf(rule), rule.zone, from);
  if (fire === undefined || (rule.endsAt !== null && fire > rule.endsAt.getTime())) return undefined;
  return new Date(fire);
}

/**
 * What becomes of the times from `first` to `now`, and the next after them. A time that is noticed later than `LATENESS_MAX_SECONDS` is
 * missed: times are not made up (dataarts-factory 4.8).
 */
export function planDue(
  rule: PlanRule,
  load: PlanLoad,
  { first, now }: { readonly first: Date; readonly now: Date },
): { readonly acts: PlannedAct[]; readonly nextAt: Date | undefined } {
  const acts: PlannedAct[] = [];
  let { running, waiting } = load;
  let plannedAt: Date | undefined = first;
  while (plannedAt !== undefined && plannedAt <= now && acts.length < PLANNED_TIMES_MAX) {
    const late = now.getTime() - plannedAt.getTime() > LATENESS_MAX_SECONDS * 1000;
    const held = load.afterOwnPrevious || waiting > 0 || running >= load.overlapMax;
    const act = late ? "miss" : held ? "wait" : "start";
    acts.push({ plannedAt, act });
    if (act === "start") running += 1;
    if (act === "wait") waiting += 1;
    plannedAt = nextPlanned(rule, plannedAt);
  }
  return { acts, nextAt: plannedAt };
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
