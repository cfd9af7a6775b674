/** Backfills as the console's API writes them: the request, the object with its progress, its preview, its times. */
import { type Static, Type } from "typebox";
import type { BackfillProgress, BackfillSpec } from "../../domain/backfill.ts";
import { invalid } from "../../domain/fault.ts";
import type { JobReference } from "../../domain/schedule.ts";
import type { BackfillState } from "../../domain/states.ts";
import { instantOf, isZone, localText } from "../../domain/zone.ts";
import type { BackfillPreview, NotedTime } from "../../engine/backfill-plan.ts";
import type { BackfillListing } from "../../store/backfill-lists.ts";
import type { BackfillRun } from "../../store/backfill-runs.ts";
import { checkSchema } from "../check-schema.ts";

const TimeOfDay = Type.String({ description: "22:00-06:00; over midnight where the end is earlier" });

const RunWindow = Type.Object(
  {
    timeOfDay: Type.Optional(TimeOfDay),
    /** 1 for Sunday to 7 for Saturday. */
    daysOfWeek: Type.Optional(Type.Array(Type.Integer())),
    daysOfMonth: Type.Optional(Type.Array(Type.Integer())),
  },
  { additionalProperties: false },
);

const TimeFilter = Type.Object(
  { days: Type.Optional(Type.Array(Type.String())), timeOfDay: Type.Optional(TimeOfDay) },
  { additionalProperties: false },
);

/** What a backfill is asked for; also to preview one. */
export const BackfillRequestBody = Type.Object(
  {
    /** Made up from the job and the time where absent. */
    name: Type.Optional(Type.String()),
    job: Type.String(),
    /** Jobs that depend on it, run for the same range. */
    dependents: Type.Optional(
      Type.Array(
        Type.Object(
          { job: Type.String(), workspace: Type.Optional(Type.String()) },
          { additionalProperties: false },
        ),
      ),
    ),
    /** The first instant of the range: with an offset, or as a clock in the zone of the job's schedule shows it. */
    from: Type.String(),
    /** The first instant behind the range. */
    to: Type.String(),
    parallel: Type.Optional(Type.Integer()),
    dayGranularity: Type.Optional(Type.Boolean()),
    newestFirst: Type.Optional(Type.Boolean()),
    stopOnFailure: Type.Optional(Type.Boolean()),
    /** 0 high, 1 medium, 2 low, among backfills. */
    priority: Type.Optional(Type.Integer()),
    parameters: Type.Optional(Type.Record(Type.String(), Type.String())),
    runWindow: Type.Optional(RunWindow),
    timeFilter: Type.Optional(TimeFilter),
    /** Also while another backfill of a job has times in the range. */
    force: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type BackfillRequestBody = Static<typeof BackfillRequestBody>;

/** Raises `request-invalid` with every problem. */
export function checkBackfillBody(body: unknown): BackfillRequestBody {
  const problems = checkSchema(BackfillRequestBody, body ?? {});
  if (problems.length > 0) invalid("request-invalid", problems);
  return body as BackfillRequestBody; // The schema has just been held against it.
}

/** `zone`: of times without an offset. Raises `request-invalid` for a time that cannot be read. */
export function decodeBackfill(
  body: BackfillRequestBody,
  { workspaceId, zone }: { readonly workspaceId: string; readonly zone: string },
): {
  readonly jobName: string;
  readonly dependents: readonly JobReference[];
  readonly spec: BackfillSpec;
  readonly force: boolean;
} {
  return {
    jobName: body.job,
    dependents: (body.dependents ?? []).map(({ job, workspace = workspaceId }) => ({
      workspaceId: workspace,
      name: job,
    })),
    spec: {
      startsAt: decodeMoment("from", body.from, zone),
      endsAt: decodeMoment("to", body.to, zone),
      parallelMax: body.parallel ?? 1,
      dayGranularity: body.dayGranularity ?? false,
      newestFirst: body.newestFirst ?? false,
      stopOnFailure: body.stopOnFailure ?? false,
      ...(body.priority !== undefined && { priority: body.priority }),
      parameters: body.parameters ?? {},
      ...(body.runWindow !== undefined && { runWindow: body.runWindow }),
      ...(body.timeFilter !== undefined && { timeFilter: body.timeFilter }),
    },
    force: body.force ?? false,
  };
}

const LOCAL = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

function decodeMoment(member: string, text: string, zone: string): Date {
  const local = LOCAL.exec(text);
  const date = local === null ? new Date(INSTANT.test(text) ? text : Number.NaN) : readLocal(local, zone);
  if (!Number.isNaN(date.getTime())) return date;
  return invalid("request-invalid", [
    `${member}: "${text}" must be written as 2001-04-01, 2001-04-01T02:30 or 2001-04-01T02:30:00-05:00`,
  ]);
}

function readLocal(parts: RegExpExecArray, zone: string): Date {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  // A field beyond its range would carry over into the next.
  if (
    new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  )
    return new Date(Number.NaN);
  const known = isZone(zone) ? zone : "UTC";
  return new Date(instantOf(known, { year, month, day, hour, minute, second, millisecond: 0 }));
}

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Union([type, Type.Null()]);
const Moment = Type.String({ format: "date-time" });
const Count = Type.Integer({ minimum: 0 });

export const BackfillView = Type.Object({
  name: Type.String(),
  workspace: Type.String(),
  state: Type.Unsafe<BackfillState>(Type.String()),
  /** The job it was asked for, then those that depend on it. */
  jobs: Type.Array(Type.String()),
  from: Moment,
  to: Moment,
  /** In which its days and windows are read. */
  zone: Type.String(),
  parallel: Count,
  dayGranularity: Type.Boolean(),
  newestFirst: Type.Boolean(),
  stopOnFailure: Type.Boolean(),
  priority: Nullable(Count),
  parameters: Type.Record(Type.String(), Type.String()),
  runWindow: Nullable(RunWindow),
  timeFilter: Nullable(TimeFilter),
  /** Numbers of planned times; `planned` is the sum of the others. */
  progress: Type.Object({
    planned: Count,
    waiting: Count,
    running: Count,
    succeeded: Count,
    /** Ended otherwise than well, stopped ones included. */
    failed: Count,
    skipped: Count,
  }),
  createdAt: Moment,
  createdBy: Type.String(),
  endedAt: Nullable(Moment),
  /** Why it is held, or ends otherwise than planned. */
  reason: Nullable(Type.String()),
});
export type BackfillView = Static<typeof BackfillView>;

export const BackfillPage = Type.Object({ total: Count, backfills: Type.Array(BackfillView) });
export type BackfillPage = Static<typeof BackfillPage>;

export function encodeBackfill(backfill: BackfillListing): BackfillView {
  return {
    name: backfill.name,
    workspace: backfill.workspaceId,
    state: backfill.state,
    jobs: [...backfill.jobNames],
    from: backfill.startsAt.toISOString(),
    to: backfill.endsAt.toISOString(),
    zone: backfill.zone,
    parallel: backfill.parallelMax,
    dayGranularity: backfill.dayGranularity,
    newestFirst: backfill.newestFirst,
    stopOnFailure: backfill.stopOnFailure,
    priority: backfill.priority ?? null,
    parameters: backfill.parameters,
    runWindow: (backfill.runWindow as BackfillView["runWindow"]) ?? null,
    timeFilter: (backfill.timeFilter as BackfillView["timeFilter"]) ?? null,
    progress: encodeProgress(backfill.progress),
    createdAt: backfill.createdAt.toISOString(),
    createdBy: backfill.createdBy,
    endedAt: backfill.endedAt?.toISOString() ?? null,
    reason: backfill.reason,
  };
}

function encodeProgress(progress: BackfillProgress): BackfillView["progress"] {
  const { planned, running, succeeded, failed, skipped } = progress;
  return {
    planned,
    waiting: planned - running - succeeded - failed - skipped,
    running,
    succeeded,
    failed,
    skipped,
  };
}

const TimeView = Type.Object({
  plannedAt: Moment,
  /** As a clock in the zone shows it, with its offset from UTC. */
  local: Type.String(),
  /** What a clock change did to it. */
  note: Type.Optional(Type.String()),
});

/** What a backfill would do. */
export const BackfillPreviewView = Type.Object({
  zone: Type.String(),
  /** All planned times, those that are left out included. */
  planned: Count,
  jobs: Type.Array(
    Type.Object({
      job: Type.String(),
      /** Times that would run. */
      count: Count,
      /** The earliest and the latest of them; no time stands in both. */
      first: Type.Array(TimeView),
      last: Type.Array(TimeView),
      leftOut: Type.Array(Type.Object({ reason: Type.String(), count: Count })),
    }),
  ),
});
export type BackfillPreviewView = Static<typeof BackfillPreviewView>;

export function encodePreview({ zone, planned, jobs }: BackfillPreview): BackfillPreviewView {
  const encodeTime = ({ plannedAt, note }: NotedTime) => ({
    plannedAt: plannedAt.toISOString(),
    local: localText(zone, plannedAt),
    ...(note !== undefined && { note }),
  });
  return {
    zone,
    planned,
    jobs: jobs.map(({ jobName, count, first, last, leftOut }) => ({
      job: jobName,
      count,
      first: first.map(encodeTime),
      last: last.map(encodeTime),
      leftOut: leftOut.map(({ reason, count: times }) => ({ reason, count: times })),
    })),
  };
}

const BackfillRunView = Type.Object({
  job: Type.String(),
  plannedAt: Moment,
  local: Type.String(),
  state: Type.Unsafe<BackfillRun["state"]>(Type.String()),
  /** Why it was skipped: a word that does not change, and its sentence. */
  reason: Nullable(Type.Unsafe<NonNullable<BackfillRun["reason"]>>(Type.String())),
  detail: Nullable(Type.String()),
  instanceId: Nullable(Type.Integer({ minimum: 1 })),
  /** How the instance ended; null before. */
  outcome: Nullable(Type.Unsafe<"succeeded" | "failed">(Type.String())),
  decidedAt: Nullable(Moment),
});

/** Planned times of a backfill, oldest first. */
export const BackfillRunPage = Type.Object({ runs: Type.Array(BackfillRunView) });
export type BackfillRunPage = Static<typeof BackfillRunPage>;

export function encodeRuns(runs: readonly BackfillRun[], zone: string): BackfillRunPage {
  return {
    runs: runs.map(({ jobName, plannedAt, decidedAt, ...run }) => ({
      job: jobName,
      plannedAt: plannedAt.toISOString(),
      local: localText(zone, plannedAt),
      ...run,
      decidedAt: decidedAt?.toISOString() ?? null,
    })),
  };
}
