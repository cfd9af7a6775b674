/** Records that have had their time: the plan ledger by months, lines and backfills, and the audit trail. */
import { commonCutoff, cutoffOf, monthOf } from "../domain/retention.ts";
import { transaction } from "../store/database.ts";
import { setLockTimeout } from "../store/history.ts";
import { countOldBackfills, deleteOldBackfillLines } from "../store/old-backfills.ts";
import {
  countOldActs,
  countOldLines,
  deleteOldActs,
  deleteOldLines,
  dropLedgerMonth,
  type LedgerMonth,
  listOldLedgerMonths,
  type OldLines,
} from "../store/old-records.ts";
import type { Expired, RetentionWorld } from "./expired.ts";
import { unlessLocked } from "./expired-history.ts";

/** Rows that one statement deletes. */
const BATCH_MAX = 1_000;
const BACKFILL_LINES_MAX = 5_000;
/** A policy from here on is kept to by whole months: lines go when their month is over. */
const WHOLE_MONTH_DAYS = 31;

export async function findExpiredMonths(world: RetentionWorld): Promise<Expired[]> {
  const { pool } = world;
  return (await listWholeMonths(world)).map((month) => ({
    kind: "ledger-month",
    projectId: null,
    what: month.table.slice(-6),
    rows: month.rows,
    bytes: month.bytes,
    oldest: month.oldest,
    remove: () =>
      unlessLocked(
        transaction(pool, async (db) => {
          await setLockTimeout(db);
          await dropLedgerMonth(db, month);
          return true;
        }),
      ),
  }));
}

async function listWholeMonths({ pool, projects, now }: RetentionWorld): Promise<LedgerMonth[]> {
  const policies = projects.map(({ policy }) => policy);
  const cutoff = commonCutoff(policies, "ledger", now);
  return cutoff === undefined ? [] : await listOldLedgerMonths(pool, cutoff);
}

/** Lines of months that other projects keep, and of none: long past when they were planned. */
export async function findExpiredLines(world: RetentionWorld): Promise<Expired[]> {
  const { pool, projects, now } = world;
  const months = await listWholeMonths(world);
  const expired: Expired[] = [];
  for (const { projectId, policy } of projects) {
    const cutoff = cutoffOf(policy, "ledger", now);
    if (cutoff === undefined) continue;
    const plannedBefore = policy.ledger < WHOLE_MONTH_DAYS ? cutoff : monthOf(cutoff);
    const old: OldLines = { projectId, plannedBefore, cutoff };
    const { rows, oldest } = await countOldLines(pool, old, months);
    if (rows === 0) continue;
    const what = `planned before ${plannedBefore.toISOString()}`;
    expired.push({ kind: "ledger", projectId, what, rows, oldest, remove: () => removeLines(old) });
  }
  return expired;

  async function removeLines(old: OldLines): Promise<boolean> {
    while ((await deleteOldLines(pool, old, BATCH_MAX)) > 0);
    return true;
  }
}

/** Those that ended longer ago than the policy of the ledger says, whenever the times of their lines were. */
export async function findExpiredBackfills({ pool, projects, now }: RetentionWorld): Promise<Expired[]> {
  const expired: Expired[] = [];
  for (const { projectId, policy } of projects) {
    const cutoff = cutoffOf(policy, "ledger", now);
    if (cutoff === undefined) continue;
    const { rows, oldest } = await countOldBackfills(pool, projectId, cutoff);
    if (rows === 0) continue;
    const what = `ended before ${cutoff.toISOString()}`;
    const remove = async () => {
      while (await deleteOldBackfillLines(pool, projectId, cutoff, BACKFILL_LINES_MAX));
      return true;
    };
    expired.push({ kind: "backfills", projectId, what, rows, oldest, remove });
  }
  return expired;
}

export async function findExpiredActs({ pool, projects, now }: RetentionWorld): Promise<Expired[]> {
  const expired: Expired[] = [];
  for (const { projectId, policy } of projects) {
    const cutoff = cutoffOf(policy, "acts", now);
    if (cutoff === undefined) continue;
    const { rows, oldest } = await countOldActs(pool, projectId, cutoff);
    if (rows === 0) continue;
    const what = `of before ${cutoff.toISOString()}`;
    const remove = async () => {
      while ((await deleteOldActs(pool, projectId, cutoff, BATCH_MAX)) > 0);
      return true;
    };
    expired.push({ kind: "acts", projectId, what, rows, oldest, remove });
  }
  return expired;
}
