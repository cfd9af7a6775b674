/** When a job runs: once, by a cron expression, or on an event. */

export type JobSchedule =
  | { readonly type: "once" }
  | {
      readonly type: "cron";
      /** Absent when a job was saved without one: it cannot be started (dataarts-factory 4.1, Schedule). */
      readonly cron?: CronSchedule;
    }
  | { readonly type: "event"; readonly event: Readonly<Record<string, unknown>> };

export interface CronSchedule {
  /** Quartz: second minute hour day month week, and a year if wished. */
  readonly expression: string;
  /** IANA name or `GMT+8`; always explicit once stored. */
  readonly zone: string;
  readonly startsAt?: string;
  readonly endsAt?: string;
  /** Waits for the job's own previous instance to succeed. */
  readonly afterOwnPrevious: boolean;
}

/** Instances of one job's schedule that may run at a time; more wait. Source: dataarts-factory 4.8. */
export const OVERLAP_MAX = 5;

/**
 * How late, in seconds, a planned time may be noticed and still start; later ones are recorded as missed. Missed times
 * are not made up (dataarts-factory 4.8): backfill is the tool for that.
 */
export const LATENESS_MAX_SECONDS = 60;
