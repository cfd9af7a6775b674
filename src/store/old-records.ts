/** Records that have had their time: lines of the plan ledger, acts of the audit trail, what deleted projects left. */
import { type Database, execute, query } from "./database.ts";

export interface OldRows {
  readonly rows: number;
  readonly oldest: Date | null;
}

const NONE: OldRows = { rows: 0, oldest: null };

/** A month of the ledger that can be dropped whole. */
export interface LedgerMonth {
  /** Its table, `planned_run_YYYYMM`. */
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
  readonly oldest: Date | null;
}

/** Months that ended by `cutoff` and have no line that is due or was decided after it: a backfill may be younger. */
export async function listOldLedgerMonths(db: Database, cutoff: Date): Promise<LedgerMonth[]> {
  const months = await query<{ readonly table: string; readonly bytes: number }>(
    db,
    "list-old-ledger-months",
    `select c.relname as table, pg_total_relation_size(c.oid) as bytes
     from pg_inherits h join pg_class c on c.oid = h.inhrelid
     where h.inhparent = 'planned_run'::regclass and c.relname ~ '^planned_run_[0-9]{6}$'
       and c.relname < 'planned_run_' || to_char($1::timestamptz at time zone 'UTC', 'YYYYMM')
     order by 1`,
    [cutoff],
  );
  const old: LedgerMonth[] = [];
  for (const { table, bytes } of months) {
    const { rows } = await db.query<{ rows: number; oldest: Date | null; wanted: boolean | null }>({
      text: `select count(*) as rows, min(planned_at) as oldest,
               bool_or(decided_at is null or decided_at > $1) as wanted from ${table}`,
      values: [cutoff],
    });
    const [facts] = rows;
    if (facts !== undefined && facts.wanted !== true)
      old.push({ table, bytes, rows: facts.rows, oldest: facts.oldest });
  }
  return old;
}

/** In a transaction. */
export async function dropLedgerMonth(db: Database, { table }: LedgerMonth): Promise<void> {
  await db.query({ text: `drop table ${table}` });
}

/** A project's lines planned before `plannedBefore` and decided by `cutoff`. */
export interface OldLines {
  readonly projectId: string;
  readonly plannedBefore: Date;
  readonly cutoff: Date;
}

/** Without those in `months`, which go whole. */
export async function countOldLines(
  db: Database,
  { projectId, plannedBefore, cutoff }: OldLines,
  months: readonly LedgerMonth[],
): Promise<OldRows> {
  const rows = await query<OldRows>(
    db,
    "count-old-lines",
    `select count(*) as rows, min(planned_at) as oldest from planned_run
     where project_id = $1 and planned_at < $2 and decided_at <= $3 and tableoid::regclass::text <> all ($4)`,
    [projectId, plannedBefore, cutoff, months.map(({ table }) => table)],
  );
  return rows[0] ?? NONE;
}

/** Deletes the first `limit` of them; gives how many. */
export async function deleteOldLines(
  db: Database,
  { projectId, plannedBefore, cutoff }: OldLines,
  limit: number,
): Promise<number> {
  return await execute(
    db,
    "delete-old-lines",
    `delete from planned_run where project_id = $1 and (planned_at, job_id, origin) in (
       select planned_at, job_id, origin from planned_run
       where project_id = $1 and planned_at < $2 and decided_at <= $3
       order by planned_at limit $4
     )`,
    [projectId, plannedBefore, cutoff, limit],
  );
}

const OLD_JOB_NAMES = `from deleted_job d
     where d.project_id = $1 and d.deleted_at < $2 and not exists (
       select from planned_run p where p.project_id = d.project_id and p.job_id = d.id
     )`;

/** Names of jobs that were deleted before `cutoff` and have no line in the ledger any more. */
export async function countOldJobNames(db: Database, projectId: string, cutoff: Date): Promise<OldRows> {
  const rows = await query<OldRows>(
    db,
    "count-old-job-names",
    `select count(*) as rows, min(deleted_at) as oldest ${OLD_JOB_NAMES}`,
    [projectId, cutoff],
  );
  return rows[0] ?? NONE;
}

/** Deletes up to `limit` of them; gives how many. */
export async function deleteOldJobNames(
  db: Database,
  projectId: string,
  cutoff: Date,
  limit: number,
): Promise<number> {
  return await execute(
    db,
    "delete-old-job-names",
    `delete from deleted_job where project_id = $1 and id in (select d.id ${OLD_JOB_NAMES} limit $3)`,
    [projectId, cutoff, limit],
  );
}

export async function countOldActs(db: Database, projectId: string, cutoff: Date): Promise<OldRows> {
  const rows = await query<OldRows>(
    db,
    "count-old-acts",
    "select count(*) as rows, min(at) as oldest from act where project_id = $1 and at < $2",
    [projectId, cutoff],
  );
  return rows[0] ?? NONE;
}

/** Deletes those among the project's first `limit` acts that are older; gives how many. */
export async function deleteOldActs(
  db: Database,
  projectId: string,
  cutoff: Date,
  limit: number,
): Promise<number> {
  return await execute(
    db,
    "delete-old-acts",
    `delete from act where project_id = $1 and at < $2 and id in (
       select id from act where project_id = $1 order by id limit $3
     )`,
    [projectId, cutoff, limit],
  );
}

/** A project that is gone, with how many instances are left of it. */
export interface DeletedProject {
  readonly projectId: string;
  readonly rows: number;
}

/** Forgets those that were made again under their id. */
export async function listDeletedProjects(db: Database): Promise<DeletedProject[]> {
  await execute(
    db,
    "forget-deleted-projects",
    "delete from deleted_project d where exists (select from project p where p.id = d.project_id)",
  );
  return await query<DeletedProject>(
    db,
    "list-deleted-projects",
    `select d.project_id as "projectId", count(i) as rows
     from deleted_project d left join instance i on i.project_id = d.project_id group by 1 order by 1`,
  );
}

/** Deletes up to `limit` instances of a deleted project; those with a running node wait until it has ended. */
export async function deleteInstancesOfDeletedProject(
  db: Database,
  projectId: string,
  limit: number,
): Promise<number> {
  const rows = await query<{ readonly id: number }>(
    db,
    "delete-instances-of-deleted-project",
    `delete from instance where project_id = $1 and id in (
       select i.id from instance i where i.project_id = $1 and not exists (
         select from node_run n where n.project_id = $1 and n.instance_id = i.id and n.state = 'running'
       ) order by i.id limit $2
     ) returning id`,
    [projectId, limit],
  );
  const ids = rows.map(({ id }) => id);
  for (const table of [
    "node_run",
    "attempt",
    "instance_definition",
    "child_instance",
    "submission",
    "instance_dependency",
    "instance_wait",
  ])
    await execute(
      db,
      `delete-${table}-of-deleted-project`,
      `delete from ${table} where project_id = $1 and instance_id = any ($2)`,
      [projectId, ids],
    );
  return ids.length;
}

/** Deletes up to `limit` lines of a deleted project's ledger; gives how many. */
export async function deleteLinesOfDeletedProject(
  db: Database,
  projectId: string,
  limit: number,
): Promise<number> {
  return await execute(
    db,
    "delete-lines-of-deleted-project",
    `delete from planned_run where project_id = $1 and (planned_at, job_id, origin) in (
       select planned_at, job_id, origin from planned_run where project_id = $1 order by planned_at limit $2
     )`,
    [projectId, limit],
  );
}

/** False while an instance is left of the project. */
export async function forgetDeletedProject(db: Database, projectId: string): Promise<boolean> {
  await execute(
    db,
    "forget-deleted-project",
    `delete from deleted_project where project_id = $1
       and not exists (select from instance where project_id = $1)`,
    [projectId],
  );
  const left = await query(db, "find-deleted-project", "select from deleted_project where project_id = $1", [
    projectId,
  ]);
  return left.length === 0;
}

/** Of ids of projects, those that no project has. */
export async function listUnknownProjects(db: Database, ids: readonly string[]): Promise<string[]> {
  const rows = await query<{ readonly id: string }>(
    db,
    "list-unknown-projects",
    "select g.id from unnest($1::uuid[]) as g (id) where not exists (select from project p where p.id = g.id)",
    [ids],
  );
  return rows.map(({ id }) => id);
}

/** Of ids of stored files, those of which a project has no row. */
export async function listUnknownFiles(
  db: Database,
  projectId: string,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await query<{ readonly id: string }>(
    db,
    "list-unknown-files",
    `select g.id from unnest($2::uuid[]) as g (id)
     where not exists (select from stored_file f where f.project_id = $1 and f.id = g.id)`,
    [projectId, ids],
  );
  return rows.map(({ id }) => id);
}
