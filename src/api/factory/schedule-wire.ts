/** Schedules, cron and event triggers as DataArts Factory v1 writes them: schema and decode (dataarts-factory 4.1). */
import { type Static, Type } from "typebox";
import { CONCURRENT_MAX, type EventSchedule } from "../../domain/event.ts";
import { INTERVALS } from "../../domain/period.ts";
import type { CronSchedule, JobDependencies, JobDependency, JobSchedule } from "../../domain/schedule.ts";
import { parseScheduleTime } from "./time-wire.ts";

const DEPENDENCIES_MAX = 1000;

/** Names of jobs that are waited for. */
export const DependNames = Type.Array(Type.String(), { maxItems: DEPENDENCIES_MAX });

/** What holds for the runs of several jobs that are waited for. */
export const dependMembers = {
  dependPeriod: Type.Optional(Type.Enum(["SAME_PERIOD", "PRE_PERIOD"])),
  dependFailPolicy: Type.Optional(Type.Enum(["FAIL", "IGNORE", "SUSPEND"])),
};

const DependWorkspaceJob = Type.Object({
  jobName: Type.String(),
  workSpace: Type.Optional(Type.String()),
  workSpaceId: Type.Optional(Type.String()),
  dependOnLastPeriod: Type.Optional(Type.Boolean()),
  dependType: Type.Optional(Type.String()),
  dependOnLastNPeriodValue: Type.Optional(Type.Integer({ minimum: 1, maximum: 366 })),
  // Beyond the vendor's words: v2 has a policy for each list of jobs, and is kept in the words of v1.
  dependFailPolicy: dependMembers.dependFailPolicy,
});

const DependJobs = Type.Object({
  jobs: DependNames,
  ...dependMembers,
  sameWorkSpaceJobs: Type.Optional(Type.Array(DependWorkspaceJob, { maxItems: DEPENDENCIES_MAX })),
  otherWorkSpaceJobs: Type.Optional(Type.Array(DependWorkspaceJob, { maxItems: DEPENDENCIES_MAX })),
});

/** A cron schedule but for the jobs that it waits for. */
export const cronMembers = {
  startTime: Type.String(),
  endTime: Type.Optional(Type.String()),
  expression: Type.String(),
  expressionTimeZone: Type.Optional(Type.String()),
  dependPrePeriod: Type.Optional(Type.Boolean()),
};

/** What the periods of a schedule are. */
export const IntervalType = Type.Optional(Type.Enum([...INTERVALS]));

const Cron = Type.Object({
  ...cronMembers,
  dependJobs: Type.Optional(DependJobs),
  intervalType: IntervalType,
});

/** How often a schedule or trigger fires, beside the expression, which decides. */
export const Period = Type.String({ pattern: "^[1-9][0-9]{0,4} (minutes?|hours?|days?|weeks?|months?)$" });
/** Runs of a trigger at a time. */
export const Concurrent = Type.Optional(Type.Integer({ minimum: 1, maximum: 128 }));

/** Of a node of a real-time job. */
export const CronTrigger = Type.Object({
  ...cronMembers,
  dependJobs: Type.Optional(DependJobs),
  period: Period,
  concurrent: Concurrent,
});

export const eventMembers = {
  eventType: Type.Enum(["KAFKA", "DIS", "OBS"]),
  channel: Type.Optional(Type.String({ maxLength: 1024 })),
  failPolicy: Type.Optional(Type.Enum(["SUSPEND", "IGNORE"])),
  concurrent: Type.Optional(Type.Integer({ minimum: 1, maximum: CONCURRENT_MAX })),
  readPolicy: Type.Optional(Type.Enum(["LAST", "NEW"])),
};

export const Event = Type.Object(eventMembers);

/** The newer names of the three kinds stand in the vendor's OpenAPI file only. */
export const ScheduleType = Type.Enum([
  "EXECUTE_ONCE",
  "CRON",
  "EVENT",
  "EVENT_TRIGGER",
  "RUN_ONCE",
  "SCHEDULE",
]);

export const Schedule = Type.Object({
  type: ScheduleType,
  cron: Type.Optional(Cron),
  event: Type.Optional(Event),
});

/** What decoding needs from outside the definition. */
export interface ScheduleContext {
  readonly workspaceId: string;
  /** Of schedules that name none. */
  readonly timeZone: string;
}

/** The domain's schedule, and what is wrong with members that it cannot hold. */
export function decodeSchedule(
  schedule: Static<typeof Schedule>,
  context: ScheduleContext,
): { readonly schedule: JobSchedule; readonly problems: readonly string[] } {
  switch (schedule.type) {
    case "EXECUTE_ONCE":
    case "RUN_ONCE":
      return { schedule: { type: "once" }, problems: [] };
    case "CRON":
    case "SCHEDULE": {
      if (schedule.cron === undefined) return { schedule: { type: "cron" }, problems: [] };
      const problems = checkTimes("schedule.cron", schedule.cron);
      return { schedule: { type: "cron", cron: decodeCron(schedule.cron, context) }, problems };
    }
    case "EVENT":
    case "EVENT_TRIGGER": {
      const problems = schedule.event === undefined ? ["schedule.event: must be given"] : [];
      return { schedule: { type: "event", event: decodeEvent(schedule.event ?? NO_EVENT) }, problems };
    }
  }
}

/** Never kept: the problems refuse it. */
const NO_EVENT = { eventType: "OBS" } as const;

const EVENT_SOURCES = { KAFKA: "topic", OBS: "files", DIS: "stream" } as const;

/** The domain's event schedule of a schedule or trigger. What cannot be listened to is refused when the job is started. */
export function decodeEvent(event: Static<typeof Event>): EventSchedule {
  return {
    source: EVENT_SOURCES[event.eventType],
    channel: event.channel ?? "",
    failPolicy: event.failPolicy === "IGNORE" ? "ignore" : "suspend",
    concurrent: event.concurrent ?? 1,
    readFrom: event.readPolicy === "NEW" ? "new" : "last",
  };
}

/** What is wrong with the times of a cron schedule or trigger. */
export function checkTimes(
  place: string,
  { startTime, endTime }: { readonly startTime: string; readonly endTime?: string },
): string[] {
  const rule = "must be a time as 2030-01-01T00:00:00+08";
  const problems: string[] = [];
  if (parseScheduleTime(startTime) === undefined) problems.push(`${place}.startTime: ${rule}`);
  if (endTime !== undefined && parseScheduleTime(endTime) === undefined)
    problems.push(`${place}.endTime: ${rule}`);
  return problems;
}

/** The domain's cron schedule of a schedule or trigger. */
export function decodeCron(
  cron: Static<typeof Cron> | Static<typeof CronTrigger>,
  context: ScheduleContext,
): CronSchedule {
  const startsAt = parseScheduleTime(cron.startTime);
  const endsAt = cron.endTime === undefined ? undefined : parseScheduleTime(cron.endTime);
  return {
    expression: cron.expression,
    zone: cron.expressionTimeZone || context.timeZone,
    ...("intervalType" in cron && cron.intervalType !== undefined && { interval: cron.intervalType }),
    ...(startsAt !== undefined && { startsAt: startsAt.toISOString() }),
    ...(endsAt !== undefined && { endsAt: endsAt.toISOString() }),
    afterOwnPrevious: cron.dependPrePeriod ?? false,
    ...(cron.dependJobs !== undefined && { dependencies: decodeDependencies(cron.dependJobs, context) }),
  };
}

const FAIL_POLICIES = { FAIL: "fail", IGNORE: "ignore", SUSPEND: "suspend" } as const;

/**
 * What a single job says of its period and policy wins over what is said of all. `dependType` is kept and says nothing.
 */
function decodeDependencies(
  depend: Static<typeof DependJobs>,
  { workspaceId }: ScheduleContext,
): JobDependencies {
  const general = depend.dependPeriod === "PRE_PERIOD" ? 1 : 0;
  const detailed = (job: Static<typeof DependWorkspaceJob>, workspace: string): JobDependency => {
    const isLast = job.dependOnLastPeriod ?? general > 0;
    const periods = isLast ? (job.dependOnLastNPeriodValue ?? 1) : 0;
    const failPolicy = job.dependFailPolicy;
    return {
      workspaceId: workspace,
      name: job.jobName,
      periods,
      ...(failPolicy !== undefined && { failPolicy: FAIL_POLICIES[failPolicy] }),
    };
  };
  const same = (depend.sameWorkSpaceJobs ?? []).map((job) => detailed(job, workspaceId));
  const others = (depend.otherWorkSpaceJobs ?? []).map((job) =>
    detailed(job, job.workSpaceId || job.workSpace || workspaceId),
  );
  // `jobs` lists every name; those that need more words say them in their own member.
  const plain = depend.jobs
    .filter((name) => ![...same, ...others].some((job) => job.name === name))
    .map((name) => ({ workspaceId, name, periods: general }));
  return {
    jobs: distinct([...plain, ...same, ...others]),
    failPolicy: FAIL_POLICIES[depend.dependFailPolicy ?? "FAIL"],
  };
}

/** One entry for each job: the last one counts. */
function distinct(dependencies: readonly JobDependency[]): JobDependency[] {
  const byJob = new Map(
    dependencies.map((dependency) => [JSON.stringify([dependency.workspaceId, dependency.name]), dependency]),
  );
  return [...byJob.values()];
}
