/** When a job runs: once, by a cron expression, or on an event; and what makes a schedule legal. */
import { parseCron } from "./cron.ts";
import type { EventSchedule } from "./event.ts";
import type { Interval } from "./period.ts";
import { isZone } from "./zone.ts";

export type JobSchedule =
  | { readonly type: "once" }
  | {
      readonly type: "cron";
      /** Absent when a job was saved without one: it cannot be started (dataarts-factory 4.1, Schedule). */
      readonly cron?: CronSchedule;
    }
  | { readonly type: "event"; readonly event: EventSchedule };

/** What starts runs of a node of a real-time job. Source: dataarts-factory 4.1, CronTrigger and Event. */
export type NodeTrigger =
  | { readonly type: "cron"; readonly cron: CronSchedule /** At a time. */; readonly overlap: number }
  | { readonly type: "event"; readonly event: EventSchedule };

export interface CronSchedule {
  /** Quartz: second minute hour day month week, and a year if wished. */
  readonly expression: string;
  /** IANA name or `GMT+8`; always explicit once stored. */
  readonly zone: string;
  /** What its periods are; where absent, what the expression says (`intervalOf`). */
  readonly interval?: Interval;
  /** ISO 8601 in UTC, as `Date` writes it: a definition is kept as JSON. */
  readonly startsAt?: string;
  readonly endsAt?: string;
  /** Waits for the job's own previous instance to succeed. */
  readonly afterOwnPrevious: boolean;
  /** Waits for instances of other jobs. */
  readonly dependencies?: JobDependencies;
}

/** What becomes of an instance when a run that it waits for does not succeed. Source: dataarts-factory 4.1. */
export type DependencyFailPolicy = "fail" | "ignore" | "suspend";

/** Jobs whose runs a job waits for. Source: dataarts-factory 4.1, dependJobs. */
export interface JobDependencies {
  readonly jobs: readonly JobDependency[];
  /** Of those that have none of their own. */
  readonly failPolicy: DependencyFailPolicy;
}

/** A job whose runs are waited for: those of the same period, or of so many periods before it. */
export interface JobDependency extends JobReference {
  /** 0 is the same period. */
  readonly periods: number;
  readonly failPolicy?: DependencyFailPolicy;
}

/** A job by name. */
export interface JobReference {
  readonly workspaceId: string;
  readonly name: string;
}

/** Everything that is wrong with a cron schedule, in reading order; empty when it is legal. */
export function checkCronSchedule(cron: CronSchedule): string[] {
  const problems: string[] = [];
  const parsed = parseCron(cron.expression);
  if ("problems" in parsed) problems.push(...parsed.problems.map((problem) => `expression: ${problem}`));
  if (!isZone(cron.zone)) problems.push(`expressionTimeZone: "${cron.zone}" is not a time zone`);
  if (cron.startsAt !== undefined && cron.endsAt !== undefined && cron.endsAt <= cron.startsAt)
    problems.push("endTime: must be after startTime");
  return problems;
}

/**
 * How late, in seconds, a planned time may be noticed and still start as if it were on time; what becomes of later ones is
 * the schedule's catch-up policy.
 */
export const LATENESS_MAX_SECONDS = 60;
