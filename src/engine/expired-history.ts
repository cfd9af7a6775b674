/** Instances that have had their time: whole periods where nothing keeps them, else one by one; and logs. */
import { commonCutoff, cutoffOf, meetCutoff, type Period } from "../domain/retention.ts";
import { hasCode } from "../store/file-system.ts";
import { deleteLogs, instanceLogBytes, listLoggedInstances } from "../store/logs.ts";
import {
  countOldInstances,
  deleteOldInstances,
  describePartition,
  dropPartition,
  listGoneInstances,
  type OldInstances,
  type PartitionFacts,
} from "../store/old-history.ts";
import type { Expired, Findings, Held, RetentionWorld } from "./expired.ts";

/** Instances that one transaction deletes. */
const BATCH_MAX = 500;
/** Instances that are looked up at once. */
const LOOKUP_MAX = 1_000;
/** The database's word for a lock that it did not get in time. */
const LOCK_NOT_AVAILABLE = "55P03";

type NumberedPeriod = Period & { readonly k: number };

/** Whole periods first; then, of those that are held back or that a project keeps for a shorter time, single instances. */
export async function findExpiredHistory(world: RetentionWorld): Promise<Findings> {
  const policies = world.projects.map(({ policy }) => policy);
  const cutoff = commonCutoff(policies, "history", world.now);
  const expired: Expired[] = [];
  const held: Held[] = [];
  const rest: NumberedPeriod[] = [];
  for (const period of world.periods) {
    if (cutoff === undefined || meetCutoff(period, cutoff, false) !== "over") {
      rest.push(period);
      continue;
    }
    const facts = await describePartition(world.pool, period.k);
    const keptBy = keeperOf(facts);
    const isYoung = facts.lastEndedAt !== null && facts.lastEndedAt > cutoff;
    if (keptBy !== undefined) rest.push(period);
    if (keptBy === undefined && !isYoung) expired.push(wholePeriod(world, period, facts, cutoff));
    else
      held.push({
        what: nameOf(period),
        reason: keptBy ?? `its last instance ended at ${facts.lastEndedAt?.toISOString()}`,
      });
  }
  return { expired: [...expired, ...(await findExpiredInstances(world, rest))], held };
}

/** What may keep a period for ever; what only ended late lets it go a little later. */
function keeperOf({ unended, protected: kept }: PartitionFacts): string | undefined {
  if (unended > 0) return `${unended} instances have not ended`;
  return kept > 0 ? `${kept} job executions are protected` : undefined;
}

function wholePeriod(
  { pool }: RetentionWorld,
  period: NumberedPeriod,
  { instances, bytes, firstEndedAt }: PartitionFacts,
  cutoff: Date,
): Expired {
  return {
    kind: "period",
    projectId: null,
    what: nameOf(period),
    rows: instances,
    bytes,
    oldest: firstEndedAt,
    remove: () => unlessLocked(dropPartition(pool, period.k, cutoff)),
  };
}

async function findExpiredInstances(
  world: RetentionWorld,
  periods: readonly NumberedPeriod[],
): Promise<Expired[]> {
  const expired: Expired[] = [];
  for (const { projectId, policy } of world.projects) {
    const cutoff = cutoffOf(policy, "history", world.now);
    if (cutoff === undefined) continue;
    const isShort = policy.history < world.periodDays;
    for (const period of periods) {
      if (meetCutoff(period, cutoff, isShort) === "kept") continue;
      const old = { projectId, fromId: firstIdOf(period.k), belowId: firstIdOf(period.k + 1), cutoff };
      const { rows, oldest } = await countOldInstances(world.pool, old);
      if (rows > 0) expired.push(singleInstances(world, period, old, { rows, oldest }));
    }
  }
  return expired;
}

function singleInstances(
  { pool, blobs }: RetentionWorld,
  period: NumberedPeriod,
  old: OldInstances,
  found: { readonly rows: number; readonly oldest: Date | null },
): Expired {
  const { projectId } = old;
  return {
    kind: "instances",
    projectId,
    what: nameOf(period),
    ...found,
    remove: async () => {
      for (;;) {
        const ids = await deleteOldInstances(pool, old, BATCH_MAX);
        for (const id of ids) await deleteLogs(blobs, projectId, id);
        if (ids.length === 0) return true;
      }
    },
  };
}

/** Logs past their own time, and those of instances that are not there any more. */
export async function findExpiredLogs(world: RetentionWorld): Promise<Expired[]> {
  const expired: Expired[] = [];
  for (const { projectId, policy } of world.projects) {
    const cutoff = cutoffOf(policy, "logs", world.now);
    const ids = await findIdsOfExpiredLogs(world, projectId, cutoff);
    if (ids.length === 0) continue;
    const sizes = await Promise.all(ids.map((id) => instanceLogBytes(world.blobs, projectId, id)));
    expired.push({
      kind: "logs",
      projectId,
      what:
        cutoff === undefined ? "of instances that are gone" : `of instances ended by ${cutoff.toISOString()}`,
      rows: ids.length,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      oldest: null,
      remove: async () => {
        for (const id of ids) await deleteLogs(world.blobs, projectId, id);
        return true;
      },
    });
  }
  return expired;
}

async function findIdsOfExpiredLogs(
  { pool, blobs, periods }: RetentionWorld,
  projectId: string,
  cutoff: Date | undefined,
): Promise<number[]> {
  const ids = (await listLoggedInstances(blobs, projectId)).sort((a, b) => a - b);
  const isThere = new Map(periods.map((period) => [period.k, period]));
  const gone: number[] = [];
  const asked: number[] = [];
  for (const id of ids) {
    const period = isThere.get(Math.floor(id / firstIdOf(1)));
    if (period === undefined) gone.push(id);
    else if (cutoff !== undefined && meetCutoff(period, cutoff, true) !== "kept") asked.push(id);
  }
  for (let place = 0; cutoff !== undefined && place < asked.length; place += LOOKUP_MAX)
    gone.push(...(await listGoneInstances(pool, projectId, asked.slice(place, place + LOOKUP_MAX), cutoff)));
  return gone;
}

/** False where somebody else is at work there just now. */
export async function unlessLocked(removal: Promise<boolean>): Promise<boolean> {
  try {
    return await removal;
  } catch (error) {
    if (hasCode(error, [LOCK_NOT_AVAILABLE])) return false;
    throw error;
  }
}

/** A partition holds 2^30 ids. */
function firstIdOf(k: number): number {
  return k * 2 ** 30;
}

function nameOf({ beganAt, endedAt }: Period): string {
  const day = (time: Date | null) => time?.toISOString().slice(0, 10) ?? "now";
  return `${day(beganAt)} to ${day(endedAt)}`;
}
