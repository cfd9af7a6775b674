/** Previews, the plan ledger and freezes as the console's API writes them. */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import { readJobSettings, SETTING_DEFAULTS } from "../../domain/job-settings.ts";
import type { PlanRule, PreviewedTime } from "../../domain/plan.ts";
import { checkCronSchedule } from "../../domain/schedule.ts";
import type { Freeze } from "../../store/freezes.ts";
import type { LedgerKey, LedgerLine } from "../../store/ledger.ts";
import { checkSchema } from "../check-schema.ts";

/** An instant with its offset or `Z`. */
const instant = Type.String({ maxLength: 64 });

const PreviewBody = Type.Object({
  expression: Type.String(),
  timeZone: Type.Optional(Type.String()),
  startTime: Type.Optional(instant),
  endTime: Type.Optional(instant),
  /** The times after this one; now where absent. */
  after: Type.Optional(instant),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  /** The `azalai.…` custom fields of a job. */
  settings: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

const PreviewedTimeView = Type.Object({
  at: Type.String({ format: "date-time" }),
  /** What a clock in the zone shows, with its distance from UTC: `2026-03-29T03:00:00+02:00`. */
  local: Type.String(),
  note: Type.Optional(Type.String()),
  skipped: Type.Optional(Type.String()),
});

export const Preview = Type.Object({ timeZone: Type.String(), times: Type.Array(PreviewedTimeView) });
export type Preview = Static<typeof Preview>;

/** What a preview is asked for. */
export interface PreviewRequest {
  readonly rule: PlanRule;
  readonly calendar: string | undefined;
  readonly after: Date;
  readonly count: number;
}

const COUNT_DEFAULT = 10;

/** Raises `request-invalid`, or `schedule-invalid` for what is wrong with the schedule itself. */
export function decodePreview(
  body: unknown,
  { timeZone, now }: { readonly timeZone: string; readonly now: Date },
): PreviewRequest {
  const shape = checkSchema(PreviewBody, body);
  if (shape.length > 0) invalid("request-invalid", shape);
  const asked = body as Static<typeof PreviewBody>; // Just held against it.
  const zone = asked.timeZone || timeZone;
  const { settings: given, problems } = readJobSettings(asked.settings ?? {});
  const settings = { ...SETTING_DEFAULTS, ...given };
  const [startsAt, endsAt, after] = (["startTime", "endTime", "after"] as const).map((member) =>
    instantOf(member, asked[member]),
  );
  const cron = { expression: asked.expression, zone, afterOwnPrevious: false };
  const wrong = [...problems, ...checkCronSchedule(cron)];
  if (wrong.length > 0) invalid("schedule-invalid", wrong);
  const { missingHour, repeatedHour, calendar } = settings;
  return {
    rule: {
      expression: asked.expression,
      zone,
      startsAt: startsAt ?? null,
      endsAt: endsAt ?? null,
      missingHour,
      repeatedHour,
    },
    calendar,
    after: after ?? now,
    count: asked.count ?? COUNT_DEFAULT,
  };
}

/** A member that must be an instant such as 2026-11-23T08:00Z; undefined where it is absent. Raises `request-invalid`. */
export function instantOf(member: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time);
  return invalid("request-invalid", [`${member}: must be an instant such as 2026-11-23T08:00Z`]);
}

export function encodePreview({ zone }: PlanRule, times: readonly PreviewedTime[]): Preview {
  return {
    timeZone: zone,
    times: times.map(({ at, local, note, skipped }) => ({
      at: at.toISOString(),
      local,
      ...(note !== undefined && { note }),
      ...(skipped !== undefined && { skipped }),
    })),
  };
}

const nullable = Type.Union([Type.String(), Type.Null()]);

const LedgerLineView = Type.Object({
  jobId: Type.Integer(),
  job: nullable,
  jobIsDeleted: Type.Boolean(),
  plannedAt: Type.String({ format: "date-time" }),
  origin: Type.String(),
  /** The backfill's name, where one planned it. */
  backfill: nullable,
  state: Type.String(),
  /** A word that does not change, and its sentence. */
  reason: nullable,
  detail: nullable,
  decidedAt: nullable,
  instanceId: Type.Union([Type.Integer(), Type.Null()]),
  instanceState: nullable,
});

/** Newest planned time first. `next`, given as `after`, asks for those that follow; null at the end. */
export const LedgerPage = Type.Object({ lines: Type.Array(LedgerLineView), next: nullable });
export type LedgerPage = Static<typeof LedgerPage>;

export function encodeLedger(lines: readonly LedgerLine[], limit: number): LedgerPage {
  const last = lines.at(-1);
  return {
    lines: lines.map(({ jobName, plannedAt, decidedAt, source: _, ...line }) => ({
      ...line,
      job: jobName,
      plannedAt: plannedAt.toISOString(),
      decidedAt: decidedAt?.toISOString() ?? null,
    })),
    next:
      last !== undefined && lines.length === limit
        ? `${last.plannedAt.toISOString()},${last.jobId},${last.source}`
        : null,
  };
}

/** The `next` of a page. Raises `request-invalid`. */
export function decodeLedgerKey(text: string | undefined): LedgerKey | undefined {
  if (text === undefined) return undefined;
  const [time, jobId = "", source = ""] = text.split(",");
  const plannedAt = instantOf("after", time);
  if (plannedAt !== undefined && /^\d{1,15}$/.test(jobId)) return { plannedAt, jobId: Number(jobId), source };
  return invalid("request-invalid", ["after: must be the `next` of a page"]);
}

const FreezeBody = Type.Object({ from: instant, to: instant });

/** Raises `request-invalid`. */
export function decodeFreeze(body: unknown): { readonly from: Date; readonly to: Date } {
  const problems = checkSchema(FreezeBody, body);
  if (problems.length > 0) invalid("request-invalid", problems);
  const { from, to } = body as Static<typeof FreezeBody>; // Just held against it.
  return { from: instantOf("from", from) ?? new Date(0), to: instantOf("to", to) ?? new Date(0) };
}

const LiftBody = Type.Object({ skip: Type.Optional(Type.Boolean()) });

/** Whether the frozen instances are to be skipped; an empty body says no. Raises `request-invalid`. */
export function decodeLift(body: unknown): boolean {
  const problems = checkSchema(LiftBody, body ?? {});
  if (problems.length > 0) invalid("request-invalid", problems);
  return ((body ?? {}) as Static<typeof LiftBody>).skip ?? false; // Just held against it.
}

export const FreezeView = Type.Object({
  id: Type.Integer(),
  from: Type.String({ format: "date-time" }),
  to: Type.String({ format: "date-time" }),
  frozenBy: Type.String(),
  frozenAt: Type.String({ format: "date-time" }),
});
export type FreezeView = Static<typeof FreezeView>;

export function encodeFreeze({ id, from, to, frozenBy, frozenAt }: Freeze): FreezeView {
  return {
    id,
    from: from.toISOString(),
    to: to.toISOString(),
    frozenBy,
    frozenAt: frozenAt.toISOString(),
  };
}
