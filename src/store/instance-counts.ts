/** The counting of instances behind their writers, for lists of any size (migrations: instance-counts). */
import { type Database, type DatabasePool, query, transaction } from "./database.ts";

/** Ids that one round counts at most. */
const IDS_MAX = 2 ** 17;
/** Rows that are gone, in groups, that one round takes out at most. */
const GONE_MAX = 10_000;

/** An id, and the transactions that may have been given it or one before and have not ended. */
interface Settling {
  readonly through: number;
  readonly writers: readonly string[];
}

/**
 * Gives a round: it counts the instances up to an id of which all that was given before is committed or gone. It gives
 * whether there is more to count at once. Any number of servers may count: one at a time does.
 */
export function createInstanceCounter(pool: DatabasePool): () => Promise<boolean> {
  let settling: Settling | undefined;
  return async () => {
    settling ??= await lookAhead(pool);
    if (await anyWrites(pool, settling.writers)) return false;
    const more = await countOn(pool, settling.through);
    if (!more) settling = undefined;
    return more;
  };
}

/** Who is given an id holds the lock on the table before, so whoever holds none after the id was read came later. */
async function lookAhead(pool: DatabasePool): Promise<Settling> {
  const ids = await query<{ readonly through: number }>(
    pool,
    "find-last-instance-id",
    "select case when is_called then last_value else last_value - 1 end as through from instance_id",
  );
  const writers = await query<{ readonly writer: string }>(
    pool,
    "list-instance-writers",
    `select virtualtransaction as writer from pg_locks where ${IS_WRITER}`,
  );
  return { through: ids[0]?.through ?? 0, writers: writers.map(({ writer }) => writer) };
}

const IS_WRITER = `locktype = 'relation' and relation = 'instance'::regclass and mode = 'RowExclusiveLock'
  and database = (select oid from pg_database where datname = current_database())`;

async function anyWrites(pool: DatabasePool, writers: readonly string[]): Promise<boolean> {
  if (writers.length === 0) return false;
  const rows = await query(
    pool,
    "find-instance-writer",
    `select from pg_locks where ${IS_WRITER} and virtualtransaction = any ($1) limit 1`,
    [writers],
  );
  return rows.length > 0;
}

async function countOn(pool: DatabasePool, through: number): Promise<boolean> {
  return await transaction(pool, async (db) => {
    // A statement of its own: what counts sees all that was committed before the line was had.
    const [line] = await query<{ readonly from: number }>(
      db,
      "lock-instance-counted",
      'select through as "from" from instance_counted for update',
    );
    const from = line?.from ?? 0;
    const to = from < through ? await findStep(db, from, through) : from;
    const gone = await foldCounts(db, from, to);
    if (to > from) await query(db, "move-instance-counted", "update instance_counted set through = $1", [to]);
    return to < through || gone === GONE_MAX;
  });
}

/** Where a round ends that passes over ids which nobody has. */
async function findStep(db: Database, from: number, through: number): Promise<number> {
  const rows = await query<{ readonly to: number }>(
    db,
    "find-instance-count-step",
    `select least($2::bigint, coalesce(min(first.id) + ${IDS_MAX}, $2::bigint)) as to
     from project p cross join lateral (
       select i.id from instance i where i.project_id = p.id and i.id > $1 and i.id <= $2 order by i.id limit 1
     ) first`,
    [from, through],
  );
  return rows[0]?.to ?? through;
}

/** Gives how many groups of rows that are gone were taken out. */
async function foldCounts(db: Database, from: number, to: number): Promise<number> {
  const rows = await query<{ readonly gone: number }>(
    db,
    "fold-instance-counts",
    `with gone as (
       delete from instance_count_delta where ctid = any (array(select ctid from instance_count_delta limit ${GONE_MAX}))
       returning project_id, workspace_id, block, origin, job_id, job_name, rows
     ), changed as materialized (
       select i.project_id, i.workspace_id, i.id >> 10 as block, i.origin, i.job_id, i.job_name, 1 as rows, i.planned_at
       from project p join instance i on i.project_id = p.id and i.id > $1 and i.id <= $2
       join job j on j.project_id = i.project_id and j.id = i.job_id
       union all
       select g.project_id, g.workspace_id, g.block, g.origin, g.job_id, g.job_name, g.rows, null
       from gone g join project p on p.id = g.project_id
     ), blocks as (
       insert into instance_block as b
         (project_id, workspace_id, level, block, origin, rows, planned_from, planned_to)
       select project_id, workspace_id, level, block >> 10 * (level - 1), origin, sum(rows), min(planned_at),
         max(planned_at)
       from changed cross join (values (1), (2)) as l (level) group by 1, 2, 3, 4, 5
       on conflict (project_id, workspace_id, level, block, origin) do update set ${addedTo("b")}
     ), tallies as (
       insert into instance_tally as t
         (project_id, workspace_id, k, job_id, job_name, origin, rows, planned_from, planned_to)
       select project_id, workspace_id, block >> 20, job_id, job_name, origin, sum(rows), min(planned_at),
         max(planned_at)
       from changed group by 1, 2, 3, 4, 5, 6
       on conflict (project_id, workspace_id, job_id, k, job_name, origin) do update set ${addedTo("t")}
     )
     select count(*) as gone from gone`,
    [from, to],
  );
  return rows[0]?.gone ?? 0;
}

/** The times stay as wide as they were: they are bounds. */
function addedTo(table: string): string {
  return `rows = ${table}.rows + excluded.rows,
    planned_from = least(${table}.planned_from, excluded.planned_from),
    planned_to = greatest(${table}.planned_to, excluded.planned_to)`;
}
