/** Retention as the console's API writes it: policies, what has had its time, what became of it. */
import { type Static, Type } from "typebox";
import { RETENTION_DAYS_MAX, type RetentionChoice, type RetentionPolicy } from "../../domain/retention.ts";
import type { Expired, Findings } from "../../engine/expired.ts";
import type { Removal } from "../../engine/retention.ts";

const Days = Type.Optional(Type.Integer({ minimum: 0, maximum: RETENTION_DAYS_MAX }));

/** Days after the end; 0 keeps for ever; absent as what stands above has it. */
export const ChoiceView = Type.Object(
  { history: Days, logs: Days, ledger: Days, acts: Days },
  { additionalProperties: false },
);

/** What the caller's project and the installation have chosen, and what follows for the project. */
export interface RetentionView {
  readonly policy: RetentionPolicy;
  readonly project: RetentionChoice;
  readonly installation: RetentionChoice;
}

const ExpiredView = Type.Object({
  kind: Type.String(),
  /** Null where it is of several projects. */
  projectId: Type.Union([Type.String(), Type.Null()]),
  what: Type.String(),
  rows: Type.Integer({ minimum: 0 }),
  /** Null where only rows go, whose space is used again. */
  bytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  oldest: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
});

/** What would go now, and which periods of the history are held back by something in them. */
export const FindingsView = Type.Object({
  expired: Type.Array(ExpiredView),
  held: Type.Array(Type.Object({ what: Type.String(), reason: Type.String() })),
});
export type FindingsView = Static<typeof FindingsView>;

/** What went; `removed` is false for what must stay a while longer. */
export const RemovalsView = Type.Object({
  expired: Type.Array(Type.Intersect([ExpiredView, Type.Object({ removed: Type.Boolean() })])),
});
export type RemovalsView = Static<typeof RemovalsView>;

export function encodeFindings({ expired, held }: Findings): FindingsView {
  return { expired: expired.map(encodeExpired), held: [...held] };
}

export function encodeRemovals(removals: readonly Removal[]): RemovalsView {
  return { expired: removals.map(({ expired, removed }) => ({ ...encodeExpired(expired), removed })) };
}

function encodeExpired({ kind, projectId, what, rows, bytes, oldest }: Expired): Static<typeof ExpiredView> {
  return { kind, projectId, what, rows, bytes: bytes ?? null, oldest: oldest?.toISOString() ?? null };
}
