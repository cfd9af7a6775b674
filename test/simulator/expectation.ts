/** What is to become of a job's planned times, by the schedule's own words and by what people did to the job. */
import type { JobHistory, SimulatedFreeze } from "./acts.ts";
import { isFree, plannedTimes, type SimulatedSchedule } from "./timetable.ts";
import type { WallClock } from "./wall-clock.ts";

/** A time that the schedule had when it came. */
export interface ExpectedTime {
  readonly at: number;
  readonly schedule: SimulatedSchedule;
  /** Why nothing may run, whoever looks at it and when. */
  readonly skipped?: "disabled" | "calendar";
  /** Held, once it was decided, until somebody lifts this. */
  readonly frozen?: SimulatedFreeze;
  /** Frozen where it still waited at that moment. */
  readonly perhapsFrozen?: SimulatedFreeze;
}

/** Those after `from` up to `to`, in order. */
export function expectedTimes(
  { phases, freezes }: JobHistory,
  clockOf: (zone: string) => WallClock,
  from: number,
  to: number,
): ExpectedTime[] {
  return phases.flatMap(({ since, operation, schedule }, place) => {
    const until = Math.min(to, phases[place + 1]?.since ?? to);
    if (operation === "stopped") return [];
    const clock = clockOf(schedule.zone);
    return plannedTimes(schedule, clock, Math.max(from, since) + 1, until).map((at): ExpectedTime => {
      const covering = freezes.filter((freeze) => freeze.from <= at && at < freeze.to);
      if (operation === "paused") return { at, schedule, skipped: "disabled" };
      if (isFree(schedule, clock, at)) return { at, schedule, skipped: "calendar" };
      const frozen = covering.find(({ frozenAt, liftedAt }) => frozenAt < at && at <= liftedAt);
      const perhapsFrozen = covering.find(({ frozenAt }) => at <= frozenAt);
      return { at, schedule, ...(frozen && { frozen }), ...(perhapsFrozen && { perhapsFrozen }) };
    });
  });
}
