/** Retention: says what has had its time under the policies of the moment, and removes it; asked, or by the hour. */
import type { Observe } from "../domain/observation.ts";
import { policyOf } from "../domain/retention.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { DatabasePool } from "../store/database.ts";
import { listHistoryPartitions } from "../store/history.ts";
import { listRetentionSettings } from "../store/retention-policies.ts";
import type { Expired, Findings, RetentionWorld } from "./expired.ts";
import { findExpiredHistory, findExpiredLogs } from "./expired-history.ts";
import { findDeletedProjects, findStrayFiles, removeUnfinished } from "./expired-leftovers.ts";
import {
  findExpiredActs,
  findExpiredAlarms,
  findExpiredBackfills,
  findExpiredJobNames,
  findExpiredLines,
  findExpiredMonths,
  findExpiredNotices,
} from "./expired-records.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface RetentionDeps {
  readonly pool: DatabasePool;
  readonly blobs: BlobStore;
  readonly now: () => Date;
  readonly observe: Observe;
  /** How long a period of the history lasts at least. */
  readonly periodDays: number;
}

/** What was found, and whether it is gone now. */
export interface Removal {
  readonly expired: Expired;
  readonly removed: boolean;
}

export interface Retention {
  /** What would go now; removes nothing. */
  readonly find: () => Promise<Findings>;
  /** Removes what has had its time. Safe while others do the same. */
  readonly apply: () => Promise<Removal[]>;
  /** Does so once an hour. */
  readonly loop: Loop;
}

const REST_MS = 3600_000;

export function createRetention(deps: RetentionDeps): Retention {
  async function apply(): Promise<Removal[]> {
    const world = await lookAround(deps);
    const removals: Removal[] = [];
    for (const find of FINDERS)
      for (const expired of (await find(world)).expired) {
        const removed = await expired.remove();
        const { kind, projectId, what, rows } = expired;
        deps.observe({ event: "expired", kind, projectId, what, rows, removed });
        removals.push({ expired, removed });
      }
    await removeUnfinished(world);
    return removals;
  }
  return {
    find: async () => {
      const world = await lookAround(deps);
      const found: Findings[] = [];
      for (const find of FINDERS) found.push(await find(world));
      return {
        expired: found.flatMap(({ expired }) => expired),
        held: found.flatMap(({ held }) => held),
      };
    },
    apply,
    loop: createLoop(
      "retention",
      async () => {
        await apply();
        return REST_MS;
      },
      deps.observe,
    ),
  };
}

/** In this order: logs of instances that go, and names of deleted jobs, are looked for after instances and lines are gone. */
const FINDERS: readonly ((world: RetentionWorld) => Promise<Findings>)[] = [
  findExpiredHistory,
  alone(findExpiredLogs),
  alone(findExpiredMonths),
  alone(findExpiredLines),
  alone(findExpiredBackfills),
  alone(findExpiredJobNames),
  alone(findExpiredActs),
  alone(findExpiredAlarms),
  alone(findExpiredNotices),
  alone(findDeletedProjects),
  alone(findStrayFiles),
];

function alone(find: (world: RetentionWorld) => Promise<Expired[]>) {
  return async (world: RetentionWorld): Promise<Findings> => ({ expired: await find(world), held: [] });
}

async function lookAround({ pool, blobs, now, periodDays }: RetentionDeps): Promise<RetentionWorld> {
  const settings = await listRetentionSettings(pool);
  const installation = settings.find(({ projectId }) => projectId === null)?.choice ?? {};
  const partitions = await listHistoryPartitions(pool);
  return {
    pool,
    blobs,
    now: now(),
    periodDays,
    projects: settings.flatMap(({ projectId, choice }) =>
      projectId === null ? [] : [{ projectId, policy: policyOf(installation, choice) }],
    ),
    periods: partitions.map(({ k, beganAt }, place) => ({
      k,
      beganAt,
      endedAt: partitions[place + 1]?.beganAt ?? null,
    })),
  };
}
