/** The job_execution table; what happens in time stands in its instance and node run. */
import { LOCAL_CLUSTER_ID, localCluster } from "../domain/cluster.ts";
import type { DataSource } from "../domain/data-source.ts";
import type { JobConfigs, SimpleValue } from "../domain/job-configs.ts";
import { EXECUTION_STATUS, type JobExecution } from "../domain/job-execution.ts";
import type { InstanceState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";
import type { MarkerTable } from "./marker-table.ts";

const COLUMNS = `t.project_id, t.instance_id, t.job_template_id, j.name, t.cluster_id, t.input_id, t.output_id,
  t.job_configs, t.interface, t.data_source_urls, t.is_public, t.is_protected, t.created_at,
  greatest(t.updated_at, i.started_at, i.ended_at) as updated_at, i.state, i.started_at, i.ended_at, n.exit_code`;

const FROM = `job_execution t
  join instance i on i.project_id = t.project_id and i.id = t.instance_id
  join job_template j on j.project_id = t.job_template_project_id and j.id = t.job_template_id
  left join node_run n on n.project_id = t.project_id and n.instance_id = t.instance_id and n.node_no = 0`;

/** The status that this API shows, for sorting by it. */
const STATUS = `case i.state ${Object.entries(EXECUTION_STATUS)
  .map(([state, status]) => `when '${state}' then '${status}'`)
  .join(" ")} end collate "C"`;

export type JobExecutionField =
  | "id"
  | "projectId"
  | "jobTemplateId"
  | "jobTemplateName"
  | "clusterId"
  | "clusterName"
  | "inputId"
  | "outputId"
  | "state"
  | "status"
  | "exitCode"
  | "instanceId"
  | "isPublic"
  | "isProtected"
  | "startedAt"
  | "endedAt"
  | "createdAt"
  | "updatedAt";

export const JOB_EXECUTIONS: MarkerTable<JobExecutionField> = {
  name: "job-execution",
  from: FROM,
  columns: COLUMNS,
  fields: {
    id: { sql: "t.id", type: "uuid" },
    projectId: { sql: "t.project_id", type: "uuid" },
    jobTemplateId: { sql: "t.job_template_id", type: "uuid" },
    jobTemplateName: { sql: "j.name", type: "text" },
    clusterId: { sql: "t.cluster_id", type: "uuid" },
    clusterName: {
      sql: `case t.cluster_id when '${LOCAL_CLUSTER_ID}' then '${localCluster("").name}' end`,
      type: "text",
    },
    inputId: { sql: "t.input_id", type: "uuid" },
    outputId: { sql: "t.output_id", type: "uuid" },
    state: { sql: "i.state", type: "text" },
    status: { sql: STATUS, type: "text" },
    exitCode: { sql: "n.exit_code", type: "integer" },
    instanceId: { sql: "t.instance_id", type: "bigint" },
    isPublic: { sql: "t.is_public", type: "boolean" },
    isProtected: { sql: "t.is_protected", type: "boolean" },
    startedAt: { sql: "i.started_at", type: "timestamptz" },
    endedAt: { sql: "i.ended_at", type: "timestamptz" },
    createdAt: { sql: "t.created_at", type: "timestamptz" },
    updatedAt: { sql: "greatest(t.updated_at, i.started_at, i.ended_at)", type: "timestamptz" },
  },
};

export interface JobExecutionRow {
  readonly id: string;
  readonly sort_value: string;
  readonly project_id: string;
  readonly instance_id: number;
  readonly job_template_id: string;
  readonly name: string;
  readonly cluster_id: string;
  readonly input_id: string | null;
  readonly output_id: string | null;
  readonly job_configs: JobConfigs;
  readonly interface: Readonly<Record<string, SimpleValue>>;
  readonly data_source_urls: Readonly<Record<string, string>> | null;
  readonly is_public: boolean | null;
  readonly is_protected: boolean | null;
  readonly created_at: Date;
  readonly updated_at: Date | null;
  readonly state: InstanceState;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly exit_code: number | null;
}

/** A run that the project may see. */
export async function findJobExecution(
  db: Database,
  projectId: string,
  id: string,
): Promise<JobExecution | undefined> {
  const rows = await query<JobExecutionRow>(
    db,
    "find-job-execution",
    `select t.id, ${COLUMNS} from ${FROM} where t.id = $2 and (t.project_id = $1 or t.is_public)`,
    [projectId, id],
  );
  return rows.map(jobExecutionFromRow)[0];
}

/** As `findJobExecution`, its own row kept from others until the transaction ends. */
export async function lockJobExecution(
  db: Database,
  projectId: string,
  id: string,
): Promise<JobExecution | undefined> {
  const rows = await query<JobExecutionRow>(
    db,
    "lock-job-execution",
    `select t.id, ${COLUMNS} from ${FROM} where t.id = $2 and (t.project_id = $1 or t.is_public) for update of t`,
    [projectId, id],
  );
  return rows.map(jobExecutionFromRow)[0];
}

/** What a new run writes beside its instance. */
export type NewJobExecution = Pick<
  JobExecution,
  | "id"
  | "projectId"
  | "instanceId"
  | "jobTemplateId"
  | "clusterId"
  | "inputId"
  | "outputId"
  | "jobConfigs"
  | "interface"
  | "dataSourceUrls"
  | "createdAt"
> & { readonly jobTemplateProjectId: string };

/** Adds a run, neither public nor protected. The template must still be there: the foreign key says so. */
export async function insertJobExecution(db: Database, run: NewJobExecution): Promise<void> {
  await execute(
    db,
    "insert-job-execution",
    `insert into job_execution
       (project_id, id, instance_id, job_template_project_id, job_template_id, cluster_id, input_id, output_id,
        job_configs, interface, data_source_urls, is_public, is_protected, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, false, false, $12)`,
    [
      run.projectId,
      run.id,
      run.instanceId,
      run.jobTemplateProjectId,
      run.jobTemplateId,
      run.clusterId,
      run.inputId,
      run.outputId,
      JSON.stringify(run.jobConfigs),
      JSON.stringify(run.interface),
      run.dataSourceUrls === null ? null : JSON.stringify(run.dataSourceUrls),
      run.createdAt,
    ],
  );
}

/** Writes the flags and the time of change. */
export async function updateJobExecution(db: Database, run: JobExecution): Promise<void> {
  await execute(
    db,
    "update-job-execution",
    "update job_execution set is_public = $3, is_protected = $4, updated_at = $5 where project_id = $1 and id = $2",
    [run.projectId, run.id, run.isPublic, run.isProtected, run.updatedAt],
  );
}

/** Takes the run away; its instance stays in the project's history. */
export async function deleteJobExecution(db: Database, { projectId, id }: JobExecution): Promise<void> {
  await execute(db, "delete-job-execution", "delete from job_execution where project_id = $1 and id = $2", [
    projectId,
    id,
  ]);
}

/** What the run that is this instance executes. */
export interface ExecutedTemplate {
  readonly projectId: string;
  readonly id: string;
  readonly jobConfigs: JobConfigs;
}

/** The template of the run that is this instance, with the run's settings; undefined for another instance. */
export async function findExecutedTemplate(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<ExecutedTemplate | undefined> {
  const rows = await query<{
    readonly job_template_project_id: string;
    readonly job_template_id: string;
    readonly job_configs: JobConfigs;
  }>(
    db,
    "find-executed-template",
    `select job_template_project_id, job_template_id, job_configs from job_execution
     where project_id = $1 and instance_id = $2`,
    [projectId, instanceId],
  );
  return rows.map((row) => ({
    projectId: row.job_template_project_id,
    id: row.job_template_id,
    jobConfigs: row.job_configs,
  }))[0];
}

/** How many runs, of any project, read or write the data source; `pending` counts those that have not begun. */
export async function countRunsOfDataSource(
  db: Database,
  { id }: DataSource,
): Promise<{ readonly all: number; readonly pending: number }> {
  const rows = await query<{ readonly all: number; readonly pending: number }>(
    db,
    "count-runs-of-data-source",
    `select count(*) as all, count(*) filter (where i.state = 'waiting') as pending
     from job_execution t join instance i on i.project_id = t.project_id and i.id = t.instance_id
     where t.input_id = $1 or t.output_id = $1`,
    [id],
  );
  return rows[0] ?? { all: 0, pending: 0 };
}

export function jobExecutionFromRow(row: JobExecutionRow): JobExecution {
  return {
    id: row.id,
    projectId: row.project_id,
    instanceId: row.instance_id,
    jobTemplateId: row.job_template_id,
    name: row.name,
    clusterId: row.cluster_id,
    inputId: row.input_id,
    outputId: row.output_id,
    jobConfigs: row.job_configs,
    interface: row.interface,
    dataSourceUrls: row.data_source_urls,
    isPublic: row.is_public,
    isProtected: row.is_protected,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    state: row.state,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    exitCode: row.exit_code,
  };
}
