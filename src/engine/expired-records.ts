/** Records that have had their time: the plan ledger by months, lines and backfills, the audit trail, notices and alarms. */
import { commonCutoff, cutoffOf, monthOf, type RetentionKind } from "../domain/retention.ts";
import { type Database, transaction } from "../store/database.ts";
import { setLockTimeout } from "../store/history.ts";
import { countOldBackfills, deleteOldBackfillLines } from "../store/old-backfills.ts";
import { countOldAlarms, countOldNotices, deleteOldAlarms, deleteOldNotices } from "../store/old-notices.ts";
import {
  countOldActs,
  countOldJobNames,
  countOldLines,
  deleteOldActs,
  deleteOldJobNames,
  deleteOldLines,
  dropLedgerMonth,
  type LedgerMonth,
  listOldLedgerMonths,
  type OldLines,
  type OldRows,
} from "../store/old-records.ts";
import type { Expired, ExpiredKind, RetentionWorld } from "./expired.ts";
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
export const findExpiredBackfills = ofEachProject({
  kind: "backfills",
  policy: "ledger",
  what: "ended before",
  count: countOldBackfills,
  deleteSome: (db, projectId, cutoff) => deleteOldBackfillLines(db, projectId, cutoff, BACKFILL_LINES_MAX),
});

/** Names that deleted jobs had: they are kept for lines of the ledger, and go when the last of these has gone. */
export const findExpiredJobNames = ofEachProject({
  kind: "deleted-jobs",
  policy: "ledger",
  what: "deleted before",
  count: countOldJobNames,
  deleteSome: async (db, projectId, cutoff) =>
    (await deleteOldJobNames(db, projectId, cutoff, BATCH_MAX)) > 0,
});

export const findExpiredActs = ofEachProject({
  kind: "acts",
  policy: "acts",
  what: "of before",
  count: countOldActs,
  deleteSome: async (db, projectId, cutoff) => (await deleteOldActs(db, projectId, cutoff, BATCH_MAX)) > 0,
});

export const findExpiredNotices = ofEachProject({
  kind: "notices",
  policy: "history",
  what: "published before",
  count: countOldNotices,
  deleteSome: async (db, projectId, cutoff) => (await deleteOldNotices(db, projectId, cutoff, BATCH_MAX)) > 0,
});

export const findExpiredAlarms = ofEachProject({
  kind: "alarms",
  policy: "history",
  what: "raised before",
  count: countOldAlarms,
  deleteSome: async (db, projectId, cutoff) => (await deleteOldAlarms(db, projectId, cutoff, BATCH_MAX)) > 0,
});

/** How one kind of record is found and goes, project by project. */
interface RecordKind {
  readonly kind: ExpiredKind;
  readonly policy: RetentionKind;
  /** Before the time up to which they go. */
  readonly what: string;
  readonly count: (db: Database, projectId: string, cutoff: Date) => Promise<OldRows>;
  /** Whether there was one to delete. */
  readonly deleteSome: (db: Database, projectId: string, cutoff: Date) => Promise<boolean>;
}

function ofEachProject(record: RecordKind): (world: RetentionWorld) => Promise<Expired[]> {
  return async ({ pool, projects, now }) => {
    const expired: Expired[] = [];
    for (const { projectId, policy } of projects) {
      const cutoff = cutoffOf(policy, record.policy, now);
      if (cutoff === undefined) continue;
      const { rows, oldest } = await record.count(pool, projectId, cutoff);
      if (rows === 0) continue;
      const what = `${record.what} ${cutoff.toISOString()}`;
      const remove = async () => {
        while (await record.deleteSome(pool, projectId, cutoff));
        return true;
      };
      expired.push({ kind: record.kind, projectId, what, rows, oldest, remove });
    }
    return expired;
  };
}
