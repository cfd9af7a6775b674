/** How long an instance may wait and run, and what becomes of one whose time is over. */
import type { JobSettings } from "./job-settings.ts";

/** Limits of a job; absent: none. Source: dataarts-factory 4.1, docs/failure-policies.md. */
export interface TimeLimits {
  /** `instanceTimeout`: from its first moment, or from its start where `runAfterWait`. */
  readonly runSeconds?: number;
  /** `isIgnoreWaiting`: the time of waiting does not count. */
  readonly runAfterWait: boolean;
  /** `cleanOverdueDays`: an instance that waits longer is stopped. */
  readonly overdueSeconds?: number;
}

export const DAY_SECONDS = 86_400;

/** What a job says of it; a definition is one. */
interface Limited {
  readonly limits?: TimeLimits;
  readonly settings?: JobSettings;
}

/** When the first limit of a new instance is reached; undefined where none will be before it starts or ends. */
export function firstLimit(definition: Limited, waits: boolean, now: Date): Date | undefined {
  if (!waits) return after(now, definition.limits?.runSeconds);
  const times = waitLimits(definition, now).map(({ time }) => time.getTime());
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

/** What befalls an instance at its limit, with the reason. */
export interface LimitReached {
  readonly move: "time-out" | "stop";
  readonly message: string;
}

/** Of an instance whose time was over at `now` at the latest; `waits`: it has not begun. */
export function limitReached(
  definition: Limited | undefined,
  { waits, createdAt }: { readonly waits: boolean; readonly createdAt: Date },
  now: Date,
): LimitReached {
  const passed = waits && definition !== undefined ? waitLimits(definition, createdAt) : [];
  const [first] = passed
    .filter(({ time }) => time <= now)
    .toSorted((a, b) => a.time.getTime() - b.time.getTime());
  if (first !== undefined) return first;
  const minutes = (definition?.limits?.runSeconds ?? 0) / 60;
  return { move: "time-out", message: `it took longer than ${minutes} min` };
}

function waitLimits(
  { limits, settings }: Limited,
  createdAt: Date,
): (LimitReached & { readonly time: Date })[] {
  const { runSeconds, runAfterWait = false, overdueSeconds } = limits ?? {};
  const { waitMinutes } = settings ?? {};
  const limit = (seconds: number | undefined, reached: LimitReached) => {
    const time = after(createdAt, seconds);
    return time === undefined ? [] : [{ ...reached, time }];
  };
  return [
    ...limit(waitMinutes === undefined ? undefined : waitMinutes * 60, {
      move: "time-out",
      message: `it waited longer than ${waitMinutes} min`,
    }),
    ...limit(overdueSeconds, {
      move: "stop",
      message: `it waited longer than ${daysOf(overdueSeconds ?? 0)}`,
    }),
    ...limit(runAfterWait ? undefined : runSeconds, {
      move: "time-out",
      message: `it took longer than ${(runSeconds ?? 0) / 60} min, its waiting included`,
    }),
  ];
}

function after(time: Date, seconds: number | undefined): Date | undefined {
  return seconds === undefined ? undefined : new Date(time.getTime() + seconds * 1000);
}

function daysOf(seconds: number): string {
  const days = seconds / DAY_SECONDS;
  return days === 1 ? "a day" : `${days} days`;
}
