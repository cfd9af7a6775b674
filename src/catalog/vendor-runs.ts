/** Runs that the vendor's own calls ask for: without a template, one node, their program with them. Source: mrs-v1.1 8, 10. */
import { Fault } from "../domain/fault.ts";
import { definitionOfNode } from "../domain/job.ts";
import { type JobExecution, RUN_TIMEOUT_SECONDS } from "../domain/job-execution.ts";
import { DEFAULT_WORKSPACE } from "../domain/project.ts";
import { formatObjectId } from "../domain/shared-object.ts";
import { INSTANCE_ENDED } from "../domain/states.ts";
import type { Caller } from "../domain/user.ts";
import {
  checkSubmission,
  programOf,
  type Submission,
  secretWords,
  vendorRunOf,
} from "../domain/vendor-run.ts";
import { insertJobExecution } from "../store/job-executions.ts";
import { listResults } from "../store/node-runs.ts";
import { clusterProperty, findCluster } from "./clusters.ts";
import { checkEngine, type ExecutionParts, getJobExecution, removeJobExecution } from "./job-executions.ts";
import { sealProgram } from "./run-programs.ts";

/** Types whose runs leave rows. */
const STATEMENT_TYPES = ["Hive", "hql", "SparkScript", "SparkSql"];

/**
 * Begins a run. @throws Fault `cluster-missing`; of `checkSubmission`; `engine-missing` where the cluster has nothing to
 * run the type with.
 */
export async function submitRun(
  parts: ExecutionParts,
  { projectId, userId, userName }: Caller,
  clusterId: string | undefined,
  submission: Submission,
): Promise<JobExecution> {
  const cluster = await findCluster(parts.pool, projectId, clusterId);
  if (cluster === undefined) throw new Fault("invalid", "cluster-missing", "there is no such cluster");
  checkSubmission(submission);
  checkEngine(cluster, submission);
  const id = parts.newId();
  const createdAt = parts.now();
  const words = secretWords(submission);
  const program = { ...programOf(submission), ...(words.length > 0 && { secrets: words }) };
  const definition = definitionOfNode({
    name: submission.name,
    type: submission.type,
    timeoutSeconds: RUN_TIMEOUT_SECONDS,
    properties: {
      ...clusterProperty(cluster),
      ...(STATEMENT_TYPES.includes(submission.type) && { "azalai.output": "table" }),
    },
  });
  const instance = {
    projectId,
    workspaceId: DEFAULT_WORKSPACE,
    name: submission.name,
    definition,
    by: userName,
  };
  await parts.engine.startExecution(instance, async (db, instanceId) => {
    await insertJobExecution(db, {
      id,
      projectId,
      instanceId,
      jobTemplateProjectId: null,
      jobTemplateId: null,
      clusterId: cluster.id,
      inputId: null,
      outputId: null,
      name: submission.name,
      vendor: vendorRunOf(submission, userId),
      jobConfigs: {},
      interface: {},
      dataSourceUrls: null,
      ...sealProgram(parts.masterKeys, id, program),
      createdAt,
    });
  });
  return await getJobExecution(parts, projectId, id);
}

/** A run of the vendor's calls on that cluster, where one is named. Raises `job-execution-missing`. */
export async function getVendorRun(
  parts: Pick<ExecutionParts, "pool">,
  projectId: string,
  id: string | undefined,
  clusterId?: string,
): Promise<JobExecution> {
  const run = await getJobExecution(parts, projectId, id);
  if (run.vendor !== null && (clusterId === undefined || run.clusterId === clusterId)) return run;
  throw new Fault("not-found", "job-execution-missing", "there is no such job execution");
}

/** Takes runs away, those that have not ended are told to end; none of them where one is missing. Raises as `getVendorRun`. */
export async function removeVendorRuns(
  parts: ExecutionParts,
  caller: Caller,
  clusterId: string | undefined,
  ids: readonly (string | undefined)[],
): Promise<void> {
  const runs: JobExecution[] = [];
  for (const id of ids) runs.push(await getVendorRun(parts, caller.projectId, id, clusterId));
  for (const run of runs) await removeJobExecution(parts, caller, run);
}

/** One row of what a statement gave. */
export type ResultRow = Readonly<Record<string, string>>;

/**
 * The rows of the run's last statement, as many as were kept. @throws Fault `run-result-none` for a type without rows, and
 * for one that failed; `run-unfinished`.
 */
export async function getRunResult(
  { pool }: Pick<ExecutionParts, "pool">,
  run: JobExecution,
): Promise<readonly ResultRow[]> {
  if (run.vendor === null || !STATEMENT_TYPES.includes(run.vendor.type))
    throw new Fault("invalid", "run-result-none", `a run of ${run.vendor?.type ?? "a template"} has no rows`);
  if (!INSTANCE_ENDED.includes(run.state))
    throw new Fault("conflict", "run-unfinished", `${formatObjectId(run.id)} has not ended yet`);
  if (run.state !== "succeeded")
    throw new Fault("conflict", "run-result-none", `${formatObjectId(run.id)} did not succeed`);
  const { projectId, instanceId } = run;
  const [result] = await listResults(pool, { projectId, instanceId, outputsOf: [0] });
  return rowsOf(result?.output ?? null);
}

interface KeptTable {
  readonly columns: readonly { readonly name: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** As an operator leaves a table. A statement without rows says that it succeeded. Source: mrs-v1.1 10. */
function rowsOf(output: string | null): readonly ResultRow[] {
  const { columns, rows }: KeptTable = output === null ? { columns: [], rows: [] } : JSON.parse(output);
  if (columns.length === 0) return [{ result: "succeed" }];
  return rows.map((row) => Object.fromEntries(columns.map(({ name }, place) => [name, row[place] ?? ""])));
}
