/** Answers to "why is it not running?" as the console's API writes them. */
import { type Static, Type } from "typebox";
import { type Blocker, type Doer, type Holder, sentenceOf } from "../../domain/blocker.ts";
import type { InstanceStanding, JobStanding } from "../../engine/why.ts";
import type { BackfillStanding } from "../../engine/why-backfill.ts";

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Union([type, Type.Null()]);
const Moment = Nullable(Type.String({ format: "date-time" }));

const BlockerView = Type.Object({
  /** A word that does not change: what domain/blocker.ts calls it. */
  kind: Type.String(),
  sentence: Type.String(),
  /** The node of the instance that it holds back; null: the whole. */
  node: Nullable(Type.String()),
  /** What is waited for: the runs and nodes that hold the slot or have to end. */
  holders: Type.Array(
    Type.Object({
      instance: Type.Integer(),
      job: Type.String(),
      node: Nullable(Type.String()),
      since: Moment,
    }),
  ),
  /** When it ends by itself; null where that is not known. */
  until: Moment,
  /** Who did it, and when; null where nobody did. */
  by: Nullable(Type.String()),
  at: Moment,
  /** Of the limit that it is about. */
  limit: Nullable(Type.Integer()),
});
type BlockerView = Static<typeof BlockerView>;

export const InstanceWhy = Type.Object({
  state: Type.String(),
  blockers: Type.Array(BlockerView),
  running: Type.Array(Type.Object({ node: Type.String(), attempt: Type.Integer(), since: Moment })),
});
export type InstanceWhy = Static<typeof InstanceWhy>;

export const JobWhy = Type.Object({
  status: Type.String(),
  blockers: Type.Array(BlockerView),
  /** Its runs that have not ended, the earliest planned first. */
  unended: Type.Array(
    Type.Object({
      instance: Type.Integer(),
      state: Type.String(),
      plannedAt: Type.String({ format: "date-time" }),
    }),
  ),
});
export type JobWhy = Static<typeof JobWhy>;

export const BackfillWhy = Type.Object({
  state: Type.String(),
  /** Of its planned times. */
  progress: Type.Object({
    planned: Type.Integer(),
    running: Type.Integer(),
    succeeded: Type.Integer(),
    failed: Type.Integer(),
    skipped: Type.Integer(),
  }),
  blockers: Type.Array(BlockerView),
  /** Its runs under way, the earliest planned first. */
  running: Type.Array(
    Type.Object({
      instance: Type.Integer(),
      job: Type.String(),
      plannedAt: Type.String({ format: "date-time" }),
    }),
  ),
});
export type BackfillWhy = Static<typeof BackfillWhy>;

export function encodeBackfillWhy({ state, progress, blockers, running }: BackfillStanding): BackfillWhy {
  return {
    state,
    progress,
    blockers: blockers.map(encodeBlocker),
    running: running.map(({ instanceId, jobName, plannedAt }) => ({
      instance: instanceId,
      job: jobName,
      plannedAt: plannedAt.toISOString(),
    })),
  };
}

export function encodeInstanceWhy({ state, blockers, running }: InstanceStanding): InstanceWhy {
  return {
    state,
    blockers: blockers.map(encodeBlocker),
    running: running.map(({ node, attempt, since }) => ({
      node,
      attempt,
      since: since?.toISOString() ?? null,
    })),
  };
}

export function encodeJobWhy({ status, blockers, unended }: JobStanding): JobWhy {
  return {
    status,
    blockers: blockers.map(encodeBlocker),
    unended: unended.map(({ id, state, plannedAt }) => ({
      instance: id,
      state,
      plannedAt: plannedAt.toISOString(),
    })),
  };
}

function encodeBlocker(blocker: Blocker): BlockerView {
  const doer = doerOf(blocker);
  return {
    kind: blocker.kind,
    sentence: sentenceOf(blocker),
    node: "node" in blocker ? blocker.node : null,
    holders: holdersOf(blocker).map(({ instanceId, jobName, node = null, since }) => ({
      instance: instanceId,
      job: jobName,
      node,
      since: since?.toISOString() ?? null,
    })),
    until: untilOf(blocker)?.toISOString() ?? null,
    by: doer?.by ?? null,
    at: doer?.at.toISOString() ?? null,
    limit: blocker.kind === "limit" ? blocker.limitId : null,
  };
}

function doerOf(blocker: Blocker): Doer | undefined {
  return "doer" in blocker ? blocker.doer : undefined;
}

function holdersOf(blocker: Blocker): readonly Holder[] {
  if ("holders" in blocker) return blocker.holders;
  if (blocker.kind !== "dependency" || blocker.instanceId === null) return [];
  return [{ instanceId: blocker.instanceId, jobName: blocker.jobName, since: null }];
}

function untilOf(blocker: Blocker): Date | undefined {
  if (blocker.kind === "retry") return blocker.notBefore;
  if (blocker.kind === "run-window") return blocker.opensAt;
  return blocker.kind === "not-due" ? blocker.nextAt : undefined;
}
