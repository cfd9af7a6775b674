/** The plan ledger as it is read: its lines by time, of one job or of a workspace. */
import type { InstanceState } from "../domain/states.ts";
import { type Database, query } from "./database.ts";

/** One planned time. */
export interface LedgerLine {
  readonly jobId: number;
  /** As it is called now, or was when it was deleted. */
  readonly jobName: string | null;
  readonly jobIsDeleted: boolean;
  readonly plannedAt: Date;
  readonly origin: string;
  readonly state: "due" | "started" | "skipped" | "missed";
  /** A word that does not change, and its sentence. */
  readonly reason: string | null;
  readonly detail: string | null;
  readonly decidedAt: Date | null;
  readonly instanceId: number | null;
  /** Null also where history has dropped the instance. */
  readonly instanceState: InstanceState | null;
}

/** Which lines a list shows; absent members do not narrow it. */
export interface LedgerFilter {
  readonly workspaceId: string;
  readonly jobId?: number;
  readonly states?: readonly string[];
  readonly reason?: string;
  /** Both ends belong to the range. */
  readonly from?: Date;
  readonly to?: Date;
}

/** The place of a line in the order: newest planned time first. */
export interface LedgerKey {
  readonly plannedAt: Date;
  readonly jobId: number;
  readonly origin: string;
}

/** Up to `limit` lines that follow `after`. */
export async function listLedger(
  db: Database,
  projectId: string,
  filter: LedgerFilter,
  { after, limit }: { readonly after?: LedgerKey | undefined; readonly limit: number },
): Promise<LedgerLine[]> {
  return await query<LedgerLine>(
    db,
    `list-ledger${filter.jobId === undefined ? "" : "-of-job"}`,
    `select p.job_id as "jobId", coalesce(j.name, x.name) as "jobName", j.id is null as "jobIsDeleted",
       p.planned_at as "plannedAt", p.origin, p.state, p.reason, p.detail, p.decided_at as "decidedAt",
       p.instance_id as "instanceId", i.state as "instanceState"
     from planned_run p
     left join job j on j.project_id = p.project_id and j.id = p.job_id
     left join deleted_job x on x.project_id = p.project_id and x.id = p.job_id
     left join instance i on i.project_id = p.project_id and i.id = p.instance_id
     where p.project_id = $1 and coalesce(j.workspace_id, x.workspace_id) = $2
       ${filter.jobId === undefined ? "and $3::bigint is null" : "and p.job_id = $3"}
       and ($4::text[] is null or p.state = any ($4)) and ($5::text is null or p.reason = $5)
       and p.planned_at >= coalesce($6, '-infinity'::timestamptz) and p.planned_at <= coalesce($7, 'infinity'::timestamptz)
       and ($8::timestamptz is null or (p.planned_at, p.job_id, p.origin) < ($8, $9::bigint, $10::text))
     order by p.planned_at desc, p.job_id desc, p.origin desc limit $11`,
    [
      projectId,
      filter.workspaceId,
      filter.jobId ?? null,
      filter.states ?? null,
      filter.reason ?? null,
      filter.from ?? null,
      filter.to ?? null,
      after?.plannedAt ?? null,
      after?.jobId ?? null,
      after?.origin ?? null,
      limit,
    ],
  );
}
