/** Runs without a template, as the vendor's calls ask for pages of them; all else of them stands in `job-executions.ts`. */
import type { JobExecution } from "../domain/job-execution.ts";
import type { Page } from "../domain/page.ts";
import type { InstanceState } from "../domain/states.ts";
import type { VendorType } from "../domain/vendor-run.ts";
import { type Database, query } from "./database.ts";
import {
  EXECUTION_COLUMNS,
  EXECUTION_FROM,
  EXECUTION_STATE,
  type JobExecutionRow,
  jobExecutionFromRow,
} from "./job-executions.ts";

/** Each member narrows the list where it is there. */
export interface VendorRunFilter {
  readonly id?: string;
  readonly name?: string;
  readonly user?: string;
  readonly types?: readonly VendorType[];
  readonly states?: readonly InstanceState[];
  readonly queue?: string;
  readonly submittedFrom?: Date;
  readonly submittedTo?: Date;
  /** Newest first where absent. */
  readonly oldestFirst?: boolean;
}

/** Where neither of its engines' settings names one. */
const QUEUE = `coalesce(t.vendor #>> '{properties,spark.yarn.queue}',
  t.vendor #>> '{properties,mapreduce.job.queuename}', 'default')`;

const WHERE = `t.vendor is not null and t.project_id = $1 and t.cluster_id = $2
  and ($3::uuid is null or t.id = $3)
  and ($4::text is null or t.name = $4)
  and ($5::text is null or i.created_by = $5)
  and ($6::text[] is null or t.vendor ->> 'type' = any ($6))
  and ($7::text[] is null or ${EXECUTION_STATE} = any ($7))
  and ($8::text is null or ${QUEUE} = $8)
  and ($9::timestamptz is null or t.created_at >= $9)
  and ($10::timestamptz is null or t.created_at <= $10)`;

/** A page of a cluster's runs, by the time when they were asked for, and how many fit the filter in all. */
export async function listVendorRuns(
  db: Database,
  projectId: string,
  clusterId: string,
  filter: VendorRunFilter,
  page: Page,
): Promise<{ readonly runs: JobExecution[]; readonly total: number }> {
  const values = [
    projectId,
    clusterId,
    filter.id ?? null,
    filter.name ?? null,
    filter.user ?? null,
    filter.types ?? null,
    filter.states ?? null,
    filter.queue ?? null,
    filter.submittedFrom ?? null,
    filter.submittedTo ?? null,
  ];
  const order = filter.oldestFirst === true ? "asc" : "desc";
  const counted = await query<{ readonly total: number }>(
    db,
    "count-vendor-runs",
    `select count(*) as total from job_execution t
     join instance i on i.project_id = t.project_id and i.id = t.instance_id where ${WHERE}`,
    values,
  );
  const rows = await query<JobExecutionRow>(
    db,
    `list-vendor-runs-${order}`,
    `select t.id, ${EXECUTION_COLUMNS} from ${EXECUTION_FROM} where ${WHERE}
     order by t.created_at ${order}, t.id ${order} offset $11 limit $12`,
    [...values, page.offset, page.limit],
  );
  return { runs: rows.map(jobExecutionFromRow), total: counted[0]?.total ?? 0 };
}
