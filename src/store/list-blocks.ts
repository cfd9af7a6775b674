/** Exact totals and deep page numbers of long lists, from counts of each run of 1,024 ids (migrations/0002). */
import { type Database, type DatabasePool, execute, query, transaction } from "./database.ts";

/** A list that writers count: the rows of one table within one division of a project. */
export interface CountedList {
  readonly projectId: string;
  readonly list: "job";
  /** As the table's trigger writes them, e.g. `default/batch`; several are one list. */
  readonly scopes: readonly string[];
}

/** Deltas folded in one statement. */
const FOLD_MAX = 10_000;

/** How many rows the list has: one folded total and the deltas since. */
export async function countListed(db: Database, { projectId, list, scopes }: CountedList): Promise<number> {
  const rows = await query<{ total: number }>(
    db,
    "count-listed",
    `select coalesce((select sum(rows) from list_block
                      where project_id = $1 and list = $2 and scope = any ($3) and block = -1), 0)
          + coalesce((select sum(rows) from list_block_delta
                      where project_id = $1 and list = $2 and scope = any ($3)), 0) as total`,
    [projectId, list, scopes],
  );
  return rows[0]?.total ?? 0;
}

/** How many jobs a project has; those that stand for nodes of others are no jobs of their own. */
export async function countJobs(db: Database, projectId: string): Promise<number> {
  const rows = await query<{ total: number }>(
    db,
    "count-jobs",
    `select coalesce(sum(rows), 0) as total from (
       select scope, rows from list_block where project_id = $1 and list = 'job' and block = -1
       union all
       select scope, rows from list_block_delta where project_id = $1 and list = 'job'
     ) counted where scope not like '%/node'`,
    [projectId],
  );
  return rows[0]?.total ?? 0;
}

/** Where record `offset` (newest first) lies: the highest id of its block, and how many records of the block to pass over. */
export interface ListPlace {
  readonly idMax: number;
  readonly skip: number;
}

/** The place of record `offset`; undefined past the end. Reads a row for each 1,024 ids, never the list. */
export async function findListPlace(
  db: Database,
  { projectId, list, scopes }: CountedList,
  offset: number,
): Promise<ListPlace | undefined> {
  const rows = await query<{ id_max: number; skip: number }>(
    db,
    "find-list-place",
    `with counted as (
       select block, sum(rows) as rows
       from (select block, rows from list_block
             where project_id = $1 and list = $2 and scope = any ($3) and block >= 0
             union all
             select block, rows from list_block_delta where project_id = $1 and list = $2 and scope = any ($3)) as block
       group by block
     ),
     placed as (select block, rows, sum(rows) over (order by block desc) as through from counted)
     select block * 1024 + 1023 as id_max, ($4 - (through - rows))::int as skip
     from placed where through > $4 and through - rows <= $4 and rows > 0
     order by block desc limit 1`,
    [projectId, list, scopes, offset],
  );
  const place = rows[0];
  return place === undefined ? undefined : { idMax: place.id_max, skip: place.skip };
}

/**
 * Folds waiting deltas into the blocks and totals; gives how many there were, at most 10,000. Several servers may do so
 * at once: each takes other rows.
 */
export async function foldListBlocks(pool: DatabasePool): Promise<number> {
  return await transaction(pool, (db) =>
    execute(
      db,
      "fold-list-blocks",
      `with taken as (
         delete from list_block_delta where ctid = any (array(
           select ctid from list_block_delta limit ${FOLD_MAX} for update skip locked))
         returning project_id, list, scope, block, rows
       ),
       summed as (
         select project_id, list, scope, block, sum(rows)::int as rows from taken group by 1, 2, 3, 4
         union all
         select project_id, list, scope, -1, sum(rows)::int from taken group by 1, 2, 3
       ),
       folded as (
         insert into list_block
         select * from summed order by project_id, list, scope, block
         on conflict (project_id, list, scope, block) do update set rows = list_block.rows + excluded.rows
       )
       select 1 from taken`,
    ),
  );
}
