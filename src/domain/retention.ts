/** How long history is kept: the policy of all projects, a project's own, and what follows from both. */

/** What a policy speaks of, each with the days that it is kept after its end. */
export const RETENTION_KINDS = ["history", "logs", "ledger", "acts"] as const;
export type RetentionKind = (typeof RETENTION_KINDS)[number];

/** Days; 0 keeps for ever. `history`: instances with all of theirs; `acts`: the audit trail. */
export type RetentionPolicy = Readonly<Record<RetentionKind, number>>;

/** What a project, or the installation, has set; the rest follows from what stands above it. */
export type RetentionChoice = Readonly<Partial<RetentionPolicy>>;

const RETENTION_DEFAULTS: RetentionPolicy = { history: 90, logs: 30, ledger: 366, acts: 366 };
/** A hundred years. */
export const RETENTION_DAYS_MAX = 36_600;

const DAY_MS = 24 * 3600_000;

/** A project's choice goes before that of the installation, and that before the defaults. */
export function policyOf(installation: RetentionChoice, project: RetentionChoice = {}): RetentionPolicy {
  return { ...RETENTION_DEFAULTS, ...installation, ...project };
}

/** What ended before goes; undefined where it is kept for ever. Logs never outlive their instance's history. */
export function cutoffOf(policy: RetentionPolicy, kind: RetentionKind, now: Date): Date | undefined {
  const days =
    kind === "logs" && policy.history > 0 && (policy.logs === 0 || policy.history < policy.logs)
      ? policy.history
      : policy[kind];
  return days === 0 ? undefined : new Date(now.getTime() - days * DAY_MS);
}

/** Before what no project keeps anything; undefined as soon as one of them keeps something for ever. */
export function commonCutoff(
  policies: readonly RetentionPolicy[],
  kind: RetentionKind,
  now: Date,
): Date | undefined {
  let earliest: Date | undefined;
  for (const policy of policies) {
    const cutoff = cutoffOf(policy, kind, now);
    if (cutoff === undefined) return undefined;
    if (earliest === undefined || cutoff < earliest) earliest = cutoff;
  }
  return earliest;
}

/** A period of the history; `endedAt` is null for the present one. */
export interface Period {
  readonly beganAt: Date | null;
  readonly endedAt: Date | null;
}

/**
 * How a period meets a cutoff: `over` when all of it began before; `partly` where a policy is shorter than a period, so
 * that single instances go before their period is over; else it is kept whole, so as to be dropped whole later.
 */
export function meetCutoff(period: Period, cutoff: Date, isShort: boolean): "over" | "partly" | "kept" {
  if (period.beganAt === null || period.beganAt >= cutoff) return "kept";
  if (period.endedAt !== null && period.endedAt <= cutoff) return "over";
  return isShort ? "partly" : "kept";
}

/** The first moment of a time's month, in UTC. */
export function monthOf(time: Date): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), 1));
}
