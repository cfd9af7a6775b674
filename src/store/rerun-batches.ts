/** Batches of ended instances that run again so many at a time, each in its turn. */
import { type Database, type DatabasePool, execute, query, transaction } from "./database.ts";

export interface RerunBatchKey {
  readonly projectId: string;
  readonly id: number;
}

export interface NewRerunBatch<Rerun> {
  readonly projectId: string;
  /** From 1 to 128. */
  readonly concurrent: number;
  /** Kept as it is. */
  readonly rerun: Rerun;
  readonly by: string;
  /** In the order in which they begin. */
  readonly instanceIds: readonly number[];
}

export async function insertRerunBatch<Rerun>(
  pool: DatabasePool,
  batch: NewRerunBatch<Rerun>,
): Promise<void> {
  const { projectId, concurrent, rerun, by, instanceIds } = batch;
  await transaction(pool, async (db) => {
    await execute(
      db,
      "insert-rerun-batch",
      `with made as (
         insert into rerun_batch (project_id, concurrent, rerun, made_by) values ($1, $2, $3, $4) returning id
       )
       insert into rerun_turn (project_id, batch_id, place, instance_id)
       select $1, made.id, t.place, t.instance_id
       from made, unnest($5::bigint[]) with ordinality as t (instance_id, place)`,
      [projectId, concurrent, JSON.stringify(rerun), by, instanceIds],
    );
  });
}

export async function listRerunBatches(db: Database): Promise<RerunBatchKey[]> {
  return await query<RerunBatchKey>(
    db,
    "list-rerun-batches",
    'select project_id as "projectId", id from rerun_batch order by id',
  );
}

export interface RerunBatch<Rerun> extends RerunBatchKey {
  readonly concurrent: number;
  readonly rerun: Rerun;
  readonly by: string;
}

/** In a transaction: the batch, held until its end; undefined where another server has it or it is gone. */
export async function lockRerunBatch<Rerun>(
  db: Database,
  { projectId, id }: RerunBatchKey,
): Promise<RerunBatch<Rerun> | undefined> {
  const rows = await query<RerunBatch<Rerun>>(
    db,
    "lock-rerun-batch",
    `select project_id as "projectId", id, concurrent, rerun, made_by as by from rerun_batch
     where project_id = $1 and id = $2 for update skip locked`,
    [projectId, id],
  );
  return rows[0];
}

export interface RerunTurn {
  readonly place: number;
  readonly instanceId: number;
}

/**
 * The next turn, where fewer than the batch's number run; undefined while as many do. A run that waits for somebody's
 * act keeps nobody waiting.
 */
export async function findTurn(
  db: Database,
  { projectId, id, concurrent }: RerunBatchKey & { readonly concurrent: number },
): Promise<RerunTurn | undefined> {
  const rows = await query<RerunTurn>(
    db,
    "find-rerun-turn",
    `select t.place, t.instance_id as "instanceId" from rerun_turn t
     where t.project_id = $1 and t.batch_id = $2 and not t.begun and $3 > (
       select count(*) from rerun_turn r join instance i on i.project_id = r.project_id and i.id = r.instance_id
       where r.project_id = $1 and r.batch_id = $2 and r.begun and i.ended_at is null
         and i.state not in ('paused', 'suspended')
     )
     order by t.place limit 1`,
    [projectId, id, concurrent],
  );
  return rows[0];
}

/** In the transaction that holds the batch: the turn is taken; the batch goes with the last one. */
export async function endTurn(
  db: Database,
  { projectId, id }: RerunBatchKey,
  { place, begun }: { readonly place: number; readonly begun: boolean },
): Promise<void> {
  await execute(
    db,
    begun ? "begin-rerun-turn" : "delete-rerun-turn",
    begun
      ? "update rerun_turn set begun = true where project_id = $1 and batch_id = $2 and place = $3"
      : "delete from rerun_turn where project_id = $1 and batch_id = $2 and place = $3",
    [projectId, id, place],
  );
  await execute(
    db,
    "delete-rerun-batch",
    `delete from rerun_batch where project_id = $1 and id = $2
       and not exists (select from rerun_turn where project_id = $1 and batch_id = $2 and not begun)`,
    [projectId, id],
  );
}
