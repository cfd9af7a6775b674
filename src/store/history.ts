/** The history's partitions: which there are, the turn from one to the next, and the months of the plan ledger. */
import { type Database, execute, query } from "./database.ts";

/** A stretch of 2^30 instance ids, with all that belongs to these instances (migrations: history). */
export interface HistoryPartition {
  /** Its place: ids from `k * 2^30` on. */
  readonly k: number;
  /** When its ids began to be given; null: not yet. */
  readonly beganAt: Date | null;
  /** Its period is over and nothing in it is unended: the engine's hot statements do not look there. */
  readonly closed: boolean;
}

/** Any number will do, as long as every release uses the same: the letters "aztime" in ASCII. */
const LOCK = 0x617a74696d65;
/** What changes a table waits no longer for it: new statements wait behind. Then it is tried in the next round. */
const LOCK_TIMEOUT = "100ms";

/** In a transaction: keeps other servers from changing the partitions until its end; false where one is at it. */
export async function takeHistoryLock(db: Database): Promise<boolean> {
  const rows = await query<{ readonly taken: boolean }>(
    db,
    "take-history-lock",
    "select pg_try_advisory_xact_lock($1) as taken",
    [LOCK],
  );
  await setLockTimeout(db);
  return rows[0]?.taken === true;
}

/** In a transaction that is about to change tables: it fails with 55P03 rather than have others wait behind it. */
export async function setLockTimeout(db: Database): Promise<void> {
  await query(db, "set-lock-timeout", "select set_config('lock_timeout', $1, true)", [LOCK_TIMEOUT]);
}

/** In their order. */
export async function listHistoryPartitions(db: Database): Promise<HistoryPartition[]> {
  return await query(
    db,
    "list-history-partitions",
    `select k, began_at as "beganAt", closed from history_partition order by k`,
  );
}

/** The partition of the instance id that was given last, and whether any of its ids was. */
export async function findPartitionInUse(
  db: Database,
): Promise<{ readonly k: number; readonly used: boolean }> {
  const rows = await query<{ readonly k: number; readonly used: boolean }>(
    db,
    "find-partition-in-use",
    "select last_value >> 30 as k, is_called and last_value & ((1 << 30) - 1) > 0 as used from instance_id",
  );
  return rows[0] ?? { k: 0, used: false };
}

/** From now on instances get ids of partition `k`. The sequence does not come back when the transaction fails. */
export async function advanceIds(db: Database, k: number): Promise<void> {
  await execute(
    db,
    "advance-ids",
    "select setval('instance_id', $1::bigint << 30) from instance_id where last_value < $1::bigint << 30",
    [k],
  );
}

/** Writes when the ids of `k` began to be given, once. */
export async function beginPartition(db: Database, k: number, at: Date): Promise<void> {
  await execute(
    db,
    "begin-history-partition",
    "update history_partition set began_at = $2 where k = $1 and began_at is null",
    [k, at],
  );
}

/** Makes partition `k`, which must be new. */
export async function addHistoryPartition(db: Database, k: number): Promise<void> {
  await query(db, "add-history-partition", "select add_history_partition($1)", [k]);
}

/** In a transaction: closes `k` unless an instance in it has not ended; gives whether. Nothing may be started in it any more. */
export async function closeHistoryPartition(db: Database, k: number): Promise<boolean> {
  // What begins an ended instance anew waits for this row, and then opens the partition again (`open_history`).
  await query(db, "lock-history-partition", "select from history_partition where k = $1 for update", [k]);
  return (
    (await execute(
      db,
      "close-history-partition",
      `update history_partition set closed = true
       where k = $1 and not exists (
         select from instance where id >= $1::bigint << 30 and id < ($1::bigint + 1) << 30 and ended_at is null
       )`,
      [k],
    )) > 0
  );
}

/**
 * Opens closed partitions in which something has not ended: a transaction may have kept an id of theirs for longer than
 * anybody thought of. Gives how many.
 */
export async function reopenHistoryPartitions(db: Database): Promise<number> {
  return await execute(
    db,
    "reopen-history-partitions",
    `update history_partition h set closed = false
     where h.closed and exists (
       select from instance where id >= h.k << 30 and id < (h.k + 1) << 30 and ended_at is null
     )`,
  );
}

/** Makes the ledger's months that are not there, from that of `from` on; gives how many. */
export async function addLedgerMonths(db: Database, from: Date, months: number): Promise<number> {
  const rows = await query(
    db,
    "add-ledger-months",
    `select add_ledger_month(m at time zone 'UTC')
     from generate_series(date_trunc('month', $1::timestamptz at time zone 'UTC'),
       date_trunc('month', $1::timestamptz at time zone 'UTC') + make_interval(months => $2 - 1), interval '1 month') m
     where to_regclass('planned_run_' || to_char(m, 'YYYYMM')) is null`,
    [from, months],
  );
  return rows.length;
}

/**
 * No instance that was planned at `at` or later has an id below this: an instance is made when its time has come, a
 * moment before, or after. As a parameter of a statement it keeps the partitions before out of its plan.
 */
export async function findFirstIdSince(db: Database, at: Date): Promise<number> {
  // The hour is for that moment, and for servers whose clocks differ.
  const rows = await query<{ readonly id: number }>(
    db,
    "find-first-id-since",
    `select coalesce(max(k), 0) << 30 as id from history_partition where began_at <= $1::timestamptz - interval '1 hour'`,
    [at],
  );
  return rows[0]?.id ?? 0;
}
