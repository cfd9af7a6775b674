/** The job_execution table; what happens in time stands in its instance and node run. */
import { LOCAL_CLUSTER_ID, LOCAL_CLUSTER_NAME } from "../domain/cluster.ts";
import type { DataSource } from "../domain/data-source.ts";
import type { JobConfigs, SimpleValue } from "../domain/job-configs.ts";
import { EXECUTION_STATUS, type JobExecution } from "../domain/job-execution.ts";
import type { RunProgram } from "../domain/run-program.ts";
import type { InstanceState } from "../domain/states.ts";
import type { VendorRun } from "../domain/vendor-run.ts";
import { type Database, execute, query } from "./database.ts";
import type { MarkerTable } from "./marker-table.ts";

/** A run that is to begin later has its time as that of its start. */
const AHEAD = "(i.started_at > now() and i.ended_at is null)";
/** The state of a run's instance, as runs tell it. */
export const EXECUTION_STATE = `case when i.state = 'running' and ${AHEAD} then 'waiting' else i.state end`;
const CHANGED_AT = `greatest(t.updated_at, case when ${AHEAD} then null else i.started_at end, i.ended_at)`;

/** What the cluster calls the work: of its last round, when it was begun anew. */
const ENGINE_ID = `(select s.engine_id from submission s
  where s.project_id = t.project_id and s.instance_id = t.instance_id and s.node_no = 0
  order by s.round desc limit 1)`;

/** What `jobExecutionFromRow` reads beside the id. */
export const EXECUTION_COLUMNS = `t.project_id, t.instance_id, t.job_template_id, coalesce(t.name, j.name) as name, t.vendor, t.cluster_id, t.input_id, t.output_id,
  t.job_configs, t.interface, t.data_source_urls, t.is_public, t.is_protected, t.created_at,
  ${CHANGED_AT} as updated_at, ${EXECUTION_STATE} as state,
  case when ${AHEAD} then null else i.started_at end as started_at, i.ended_at, i.created_by, n.exit_code,
  ${ENGINE_ID} as engine_id`;

export const EXECUTION_FROM = `job_execution t
  join instance i on i.project_id = t.project_id and i.id = t.instance_id
  left join job_template j on j.project_id = t.job_template_project_id and j.id = t.job_template_id
  left join node_run n on n.project_id = t.project_id and n.instance_id = t.instance_id and n.node_no = 0`;

/** The status that this API shows, for sorting by it. */
const STATUS = `case ${EXECUTION_STATE} ${Object.entries(EXECUTION_STATUS)
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
  | "engineId"
  | "isPublic"
  | "isProtected"
  | "startedAt"
  | "endedAt"
  | "createdAt"
  | "updatedAt";

export const JOB_EXECUTIONS: MarkerTable<JobExecutionField> = {
  name: "job-execution",
  from: EXECUTION_FROM,
  columns: EXECUTION_COLUMNS,
  fields: {
    id: { sql: "t.id", type: "uuid" },
    projectId: { sql: "t.project_id", type: "uuid" },
    jobTemplateId: { sql: "t.job_template_id", type: "uuid" },
    jobTemplateName: { sql: "coalesce(t.name, j.name)", type: "text" },
    clusterId: { sql: "t.cluster_id", type: "uuid" },
    clusterName: {
      sql: `case t.cluster_id when '${LOCAL_CLUSTER_ID}' then '${LOCAL_CLUSTER_NAME}'
        else (select c.name from cluster c where c.id = t.cluster_id) end`,
      type: "text",
    },
    inputId: { sql: "t.input_id", type: "uuid" },
    outputId: { sql: "t.output_id", type: "uuid" },
    state: { sql: EXECUTION_STATE, type: "text" },
    status: { sql: STATUS, type: "text" },
    exitCode: { sql: "n.exit_code", type: "integer" },
    engineId: { sql: ENGINE_ID, type: "text" },
    isPublic: { sql: "t.is_public", type: "boolean" },
    isProtected: { sql: "t.is_protected", type: "boolean" },
    startedAt: { sql: "i.started_at", type: "timestamptz" },
    endedAt: { sql: "i.ended_at", type: "timestamptz" },
    createdAt: { sql: "t.created_at", type: "timestamptz" },
    updatedAt: { sql: CHANGED_AT, type: "timestamptz" },
  },
};

export interface JobExecutionRow {
  readonly id: string;
  readonly sort_value: string;
  readonly project_id: string;
  readonly instance_id: number;
  readonly job_template_id: string | null;
  readonly name: string;
  readonly vendor: VendorRun | null;
  readonly created_by: string;
  readonly engine_id: string | null;
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
    `select t.id, ${EXECUTION_COLUMNS} from ${EXECUTION_FROM} where t.id = $2 and (t.project_id = $1 or t.is_public)`,
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
    `select t.id, ${EXECUTION_COLUMNS} from ${EXECUTION_FROM} where t.id = $2 and (t.project_id = $1 or t.is_public) for update of t`,
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
> & {
  readonly jobTemplateProjectId: string | null;
  /** Of a run without a template. */
  readonly name: string | null;
  readonly vendor: VendorRun | null;
  /** Undefined where it holds secrets, and is sealed. */
  readonly program: RunProgram | undefined;
  readonly programSealed: Buffer | null;
};

/** Adds a run, neither public nor protected. The template must still be there: the foreign key says so. */
export async function insertJobExecution(db: Database, run: NewJobExecution): Promise<void> {
  await execute(
    db,
    "insert-job-execution",
    `insert into job_execution
       (project_id, id, instance_id, job_template_project_id, job_template_id, cluster_id, input_id, output_id,
        job_configs, interface, data_source_urls, is_public, is_protected, created_at, program,
        name, vendor, program_sealed)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, false, false, $12, $13, $14, $15, $16)`,
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
      run.program === undefined ? null : JSON.stringify(run.program),
      run.name,
      run.vendor === null ? null : JSON.stringify(run.vendor),
      run.programSealed,
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
export interface ExecutedRun {
  readonly id: string;
  /** Absent for a run of the vendor's own calls. */
  readonly template?: { readonly projectId: string; readonly id: string };
  readonly jobConfigs: JobConfigs;
  /** Neither this nor the sealed one: a run from before programs were kept. */
  readonly program: RunProgram | null;
  readonly programSealed: Buffer | null;
}

/** The run that is this instance; undefined for another instance. */
export async function findExecutedRun(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<ExecutedRun | undefined> {
  const rows = await query<{
    readonly id: string;
    readonly job_template_project_id: string | null;
    readonly job_template_id: string | null;
    readonly job_configs: JobConfigs;
    readonly program: RunProgram | null;
    readonly program_sealed: Buffer | null;
  }>(
    db,
    "find-executed-run",
    `select id, job_template_project_id, job_template_id, job_configs, program, program_sealed
     from job_execution
     where project_id = $1 and instance_id = $2`,
    [projectId, instanceId],
  );
  return rows.map((row) => ({
    id: row.id,
    jobConfigs: row.job_configs,
    program: row.program,
    programSealed: row.program_sealed,
    ...(row.job_template_id !== null &&
      row.job_template_project_id !== null && {
        template: { projectId: row.job_template_project_id, id: row.job_template_id },
      }),
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
    `select count(*) as all, count(*) filter (where ${EXECUTION_STATE} = 'waiting') as pending
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
    vendor: row.vendor,
    by: row.created_by,
    engineId: row.engine_id,
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
