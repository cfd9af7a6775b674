/** The plan ledger as it is read: lines of schedules and of backfills by time, of one job or of a workspace. */
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
  /** The backfill's name, where one planned it. */
  readonly backfill: string | null;
  /** Where it stands among the lines of one job and time; another for each backfill. */
  readonly source: string;
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
  readonly jobIds?: readonly number[];
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
  readonly source: string;
}

/** Both parts of the ledger, each cut to a page before they are put together; those of one of `wanted`, or of all jobs. */
function linesOf(ofJobs: boolean): string {
  const filtered = (line: string, job: string, source: string) => `${line}.project_id = $1
       and ${ofJobs ? `${job} = wanted.job_id` : "$3::bigint[] is null"}
       and ($4::text[] is null or ${line}.state = any ($4)) and ($5::text is null or ${line}.reason = $5)
       and ${line}.planned_at >= coalesce($6, '-infinity'::timestamptz)
       and ${line}.planned_at <= coalesce($7, 'infinity'::timestamptz)
       and ($8::timestamptz is null or (${line}.planned_at, ${job}, ${source}) < ($8, $9::bigint, $10::text))
       order by ${line}.planned_at desc, ${job} desc, ${source} desc limit $11`;
  return `(
       select l.job_id, l.planned_at, l.origin, l.origin as source, null as backfill, l.state, l.reason, l.detail,
         l.decided_at, l.instance_id, coalesce(j.name, x.name) as job_name, j.id is null as is_deleted
       from planned_run l
       left join job j on j.project_id = l.project_id and j.id = l.job_id
       left join deleted_job x on x.project_id = l.project_id and x.id = l.job_id
       where coalesce(j.workspace_id, x.workspace_id) = $2 and ${filtered("l", "l.job_id", "l.origin")}
     ) union all (
       select b.job_id, r.planned_at, 'backfill', 'backfill ' || f.id, f.name, r.state, r.reason, r.detail,
         r.decided_at, r.instance_id, coalesce(j.name, b.job_name), j.id is null
       from backfill_run r
       join backfill_job b using (project_id, backfill_id, place)
       join backfill f on f.project_id = r.project_id and f.id = r.backfill_id
       left join job j on j.project_id = r.project_id and j.id = b.job_id
       where coalesce(j.workspace_id, f.workspace_id) = $2 and ${filtered("r", "b.job_id", "'backfill ' || f.id")}
     )`;
}

/** Up to `limit` lines that follow `after`. */
export async function listLedger(
  db: Database,
  projectId: string,
  filter: LedgerFilter,
  { after, limit }: { readonly after?: LedgerKey | undefined; readonly limit: number },
): Promise<LedgerLine[]> {
  const ofJobs = filter.jobIds !== undefined;
  return await query<LedgerLine>(
    db,
    `list-ledger${ofJobs ? "-of-jobs" : ""}`,
    `select p.job_id as "jobId", p.job_name as "jobName", p.is_deleted as "jobIsDeleted",
       p.planned_at as "plannedAt", p.origin, p.source, p.backfill, p.state, p.reason, p.detail,
       p.decided_at as "decidedAt", p.instance_id as "instanceId", i.state as "instanceState"
     from ${ofJobs ? "unnest($3::bigint[]) as wanted (job_id) cross join lateral " : ""}(${linesOf(ofJobs)}) p
     left join instance i on i.project_id = $1 and i.id = p.instance_id
     order by p.planned_at desc, p.job_id desc, p.source desc limit $11`,
    [
      projectId,
      filter.workspaceId,
      filter.jobIds ?? null,
      filter.states ?? null,
      filter.reason ?? null,
      filter.from ?? null,
      filter.to ?? null,
      after?.plannedAt ?? null,
      after?.jobId ?? null,
      after?.source ?? null,
      limit,
    ],
  );
}
