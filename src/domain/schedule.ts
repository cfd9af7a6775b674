/** When a job runs: once, by a cron expression, or on an event; and what makes a schedule legal. */
import { parseCron } from "./cron.ts";
import type { EventSchedule } from "./event.ts";
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
  /** ISO 8601 in UTC, as `Date` writes it: a definition is kept as JSON. */
  readonly startsAt?: string;
  readonly endsAt?: string;
  /** Waits for the job's own previous instance to succeed. */
  readonly afterOwnPrevious: boolean;
  /** Waits for instances of other jobs. */
  readonly dependencies?: JobDependencies;
}

/** Jobs whose instances of the same or the previous period a job waits for. Source: dataarts-factory 4.1, dependJobs. */
export interface JobDependencies {
  readonly jobs: readonly JobReference[];
  readonly period: "same" | "previous";
  /** What becomes of the waiting instance when one of theirs fails. */
  readonly failPolicy: "fail" | "ignore" | "suspend";
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

/** Instances of one job's schedule that may run at a time; more wait. Source: dataarts-factory 4.8. */
export const OVERLAP_MAX = 5;

/**
 * How late, in seconds, a planned time may be noticed and still start; later ones are recorded as missed. Missed times
 * are not made up (dataarts-factory 4.8): backfill is the tool for that.
 */
export const LATENESS_MAX_SECONDS = 60;
