/** Keeps the history in its periods: turns to the next one, makes partitions ahead of their need, closes old ones. */
import type { Observe } from "../domain/observation.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import {
  addHistoryPartition,
  addLedgerMonths,
  advanceIds,
  beginPartition,
  closeHistoryPartition,
  findPartitionInUse,
  type HistoryPartition,
  listHistoryPartitions,
  reopenHistoryPartitions,
  takeHistoryLock,
} from "../store/history.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface HistoryDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
  /** How long a period of the history lasts at least. */
  readonly periodDays: number;
}

const DAY_MS = 24 * 3600_000;
const REST_MS = 60_000;
/** No transaction that has an id of the former period is still open so long after its end. */
const CLOSE_AFTER_MS = 3600_000;
/** This month and those that follow. */
const LEDGER_MONTHS = 3;

/** Any number of servers may do this at once: one at a time does it, and does nothing twice. */
export function createHistoryKeeper(deps: HistoryDeps): Loop {
  async function round(): Promise<number> {
    await transaction(deps.pool, async (db) => {
      if (await takeHistoryLock(db)) await keepPeriods(deps, db);
    });
    return REST_MS;
  }
  return createLoop("history", round, deps.observe);
}

async function keepPeriods({ now, periodDays }: HistoryDeps, db: Database): Promise<void> {
  const at = now();
  const partitions = await listHistoryPartitions(db);
  const inUse = await findPartitionInUse(db);
  const beganAt = partitions.find(({ k }) => k === inUse.k)?.beganAt;
  // A period without any instance goes on, so that an idle server makes no partitions.
  const isOver = beganAt != null && inUse.used && at.getTime() - beganAt.getTime() >= periodDays * DAY_MS;
  const current = isOver ? inUse.k + 1 : inUse.k;
  const last = partitions.at(-1)?.k ?? 0;
  for (let k = last + 1; k <= current + 1; k += 1) await addHistoryPartition(db, k);
  if (isOver) await advanceIds(db, current);
  if (isOver || beganAt === null) await beginPartition(db, current, at);
  await reopenHistoryPartitions(db);
  for (const k of closable(partitions, inUse.k, at)) await closeHistoryPartition(db, k);
  await addLedgerMonths(db, at, LEDGER_MONTHS);
}

/** Partitions in which nothing can be started any more. */
function closable(partitions: readonly HistoryPartition[], current: number, now: Date): number[] {
  return partitions.flatMap(({ k, closed }, place) => {
    const endedAt = partitions[place + 1]?.beganAt;
    if (closed || k >= current || endedAt == null) return [];
    return now.getTime() - endedAt.getTime() >= CLOSE_AFTER_MS ? [k] : [];
  });
}
