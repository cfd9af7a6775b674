/** Frozen stretches of jobs: planned times that are held until somebody lifts the freeze. */
import { type Database, execute, query } from "./database.ts";

export interface Freeze {
  readonly id: number;
  /** Planned times from `from` to before `to`. */
  readonly from: Date;
  readonly to: Date;
  readonly frozenBy: string;
  readonly frozenAt: Date;
}

const COLUMNS = `id, from_at as "from", to_at as "to", frozen_by as "frozenBy", frozen_at as "frozenAt"`;

/** Gives its id. */
export async function insertFreeze(
  db: Database,
  projectId: string,
  jobId: number,
  freeze: Omit<Freeze, "id">,
): Promise<number> {
  const rows = await query<{ readonly id: number }>(
    db,
    "insert-freeze",
    `insert into job_freeze (project_id, job_id, from_at, to_at, frozen_by, frozen_at)
     values ($1, $2, $3, $4, $5, $6) returning id`,
    [projectId, jobId, freeze.from, freeze.to, freeze.frozenBy, freeze.frozenAt],
  );
  return rows[0]?.id ?? 0;
}

/** Of a job, by their times. */
export async function listFreezes(db: Database, projectId: string, jobId: number): Promise<Freeze[]> {
  return await query<Freeze>(
    db,
    "list-freezes",
    `select ${COLUMNS} from job_freeze where project_id = $1 and job_id = $2 order by from_at, id`,
    [projectId, jobId],
  );
}

export async function deleteFreeze(db: Database, projectId: string, freezeId: number): Promise<void> {
  await execute(db, "delete-freeze", "delete from job_freeze where project_id = $1 and id = $2", [
    projectId,
    freezeId,
  ]);
}
