/** The audit trail: what people did to what, in the order in which it was written. */
import { type Database, execute, query } from "./database.ts";

/** One act of one person. */
export interface NewAct {
  readonly projectId: string;
  readonly at: Date;
  /** Name of the user. */
  readonly by: string;
  /** What was done, as a verb: `pause`, `rerun`. */
  readonly act: string;
  /** What it was done to: `instance`, `job`, …; the id as its own list shows it. A node is part of the detail. */
  readonly object: { readonly kind: string; readonly id: string | number };
  /** What else is worth knowing; never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** An act as it stands in the trail. */
export interface Act {
  /** Grows with each act. */
  readonly id: number;
  readonly at: Date;
  readonly by: string;
  readonly act: string;
  readonly objectKind: string;
  readonly objectId: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** To be called in the transaction of the act itself: neither is kept without the other. */
export async function insertAct(db: Database, act: NewAct): Promise<void> {
  await insertActs(db, [act]);
}

/** As `insertAct`, for acts on many objects at once. */
export async function insertActs(db: Database, acts: readonly NewAct[]): Promise<void> {
  await execute(
    db,
    "insert-acts",
    `insert into act (project_id, at, by, act, object_kind, object_id, detail)
     select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[])`,
    [
      acts.map(({ projectId }) => projectId),
      acts.map(({ at }) => at),
      acts.map(({ by }) => by),
      acts.map(({ act }) => act),
      acts.map(({ object }) => object.kind),
      acts.map(({ object }) => String(object.id)),
      acts.map(({ detail = {} }) => JSON.stringify(detail)),
    ],
  );
}

/** Which acts a list shows; absent members do not narrow it. */
export interface ActFilter {
  readonly objectKind?: string;
  readonly objectId?: string;
  readonly act?: string;
  readonly by?: string;
  /** Only acts with a smaller id: the last one of the page before. */
  readonly before?: number;
}

/** Newest first. */
export async function listActs(
  db: Database,
  projectId: string,
  filter: ActFilter,
  limit: number,
): Promise<Act[]> {
  return await query<Act>(
    db,
    "list-acts",
    `select id, at, by, act, object_kind as "objectKind", object_id as "objectId", detail from act
     where project_id = $1
       and ($2::text is null or object_kind = $2) and ($3::text is null or object_id = $3)
       and ($4::text is null or act = $4) and ($5::text is null or by = $5)
       and ($6::bigint is null or id < $6)
     order by id desc limit $7`,
    [projectId, filter.objectKind, filter.objectId, filter.act, filter.by, filter.before, limit],
  );
}
