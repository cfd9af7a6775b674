/** Job executions: started, changed, cancelled and deleted by their rules; what one executes, for the engine. */
import { randomBytes } from "node:crypto";
import type { Cluster } from "../domain/cluster.ts";
import type { DataSource } from "../domain/data-source.ts";
import { Fault, missing } from "../domain/fault.ts";
import { fillInterface } from "../domain/interface-argument.ts";
import { definitionOfNode, type JobDefinition } from "../domain/job.ts";
import type { JobConfigs, SimpleValue } from "../domain/job-configs.ts";
import {
  checkExecution,
  checkPlacesDiffer,
  type ExecutionPlaces,
  type JobExecution,
  RUN_TIMEOUT_SECONDS,
} from "../domain/job-execution.ts";
import type { JobTemplate } from "../domain/job-template.ts";
import { DEFAULT_WORKSPACE } from "../domain/project.ts";
import { composeProgram, coverSettings, coverValues } from "../domain/run-program.ts";
import {
  checkMayCancel,
  checkMayDelete,
  checkMayUpdate,
  type Flag,
  formatObjectId,
} from "../domain/shared-object.ts";
import { findReferences } from "../domain/substitution.ts";
import type { Caller } from "../domain/user.ts";
import { orFault, REFERENCED } from "../store/constraints.ts";
import { holdDataSources, listReferencedDataSources } from "../store/data-sources.ts";
import { type Database, transaction } from "../store/database.ts";
import {
  deleteJobExecution,
  findJobExecution,
  insertJobExecution,
  lockJobExecution,
  type NewJobExecution,
  updateJobExecution,
} from "../store/job-executions.ts";
import { clusterProperty, findCluster } from "./clusters.ts";
import { type ExecutionEngine, stopRun, suspendRun } from "./execution-engine.ts";
import { checkDataSourcesExist } from "./job-templates.ts";
import { changesAnything, type ProcessingParts } from "./parts.ts";
import { sealProgram } from "./run-programs.ts";

export interface ExecutionParts extends ProcessingParts {
  readonly engine: ExecutionEngine;
}

export interface ExecuteRequest {
  readonly clusterId: string;
  readonly inputId: string | undefined;
  readonly outputId: string | undefined;
  readonly jobConfigs: JobConfigs;
  readonly interface: Readonly<Record<string, SimpleValue>> | undefined;
  /** When it is to begin; at once where absent. */
  readonly beginsAt?: Date;
  /** Name of the user. */
  readonly by: string;
}

export interface ExecutionChanges {
  readonly isPublic?: Flag;
  readonly isProtected?: Flag;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** The run, when the project may see it. Raises `job-execution-missing`. */
export async function getJobExecution(
  parts: Pick<ProcessingParts, "pool">,
  projectId: string,
  id: string | undefined,
): Promise<JobExecution> {
  const run = id === undefined ? undefined : await findJobExecution(parts.pool, projectId, id);
  return run ?? missing("job-execution-missing", "there is no such job execution");
}

/**
 * Runs a template as an instance with one node. @throws Fault in this order: `cluster-missing`; of the interface
 * (`job-execution-invalid`, `reference-invalid`); of the type (the same two); `engine-missing` where the cluster has
 * nothing to run the type with; `job-execution-info-invalid`. Source: sahara-v1.1 6, mrs-v1.1 4.
 */
export async function executeJobTemplate(
  parts: ExecutionParts,
  projectId: string,
  template: JobTemplate,
  request: ExecuteRequest,
): Promise<JobExecution> {
  const cluster = await findCluster(parts.pool, projectId, request.clusterId);
  if (cluster === undefined)
    throw new Fault("invalid", "cluster-missing", `there is no cluster ${formatObjectId(request.clusterId)}`);
  const filled = fillInterface(template.interface, request.interface, request.jobConfigs);
  await checkDataSourcesExist(parts.pool, projectId, filled.dataSourceIds);
  checkExecution(template.type, filled.configs, { input: request.inputId, output: request.outputId });
  checkPlacesDiffer(template.type, await holdPlaces(parts.pool, projectId, request));
  checkEngine(cluster, template);
  checkBeginning(request.beginsAt, parts.now());
  const references = findReferences(filled.configs, filled.dataSourceIds);
  const id = parts.newId();
  const instance = {
    projectId,
    workspaceId: DEFAULT_WORKSPACE,
    name: template.name,
    definition: definitionOf(template, cluster),
    by: request.by,
    ...(request.beginsAt && { beginsAt: request.beginsAt }),
  };
  await parts.engine.startExecution(instance, async (db, instanceId) => {
    const named = await listReferencedDataSources(db, projectId, references);
    const { program, urls } = composeProgram({
      type: template.type,
      executionId: id,
      configs: filled.configs,
      interfaceIds: filled.dataSourceIds,
      named,
      randomLetters,
      ...(await holdPlaces(db, projectId, request)),
    });
    await record(db, {
      id,
      projectId,
      instanceId,
      jobTemplateProjectId: template.projectId,
      jobTemplateId: template.id,
      clusterId: cluster.id,
      inputId: request.inputId ?? null,
      outputId: request.outputId ?? null,
      name: null,
      vendor: null,
      jobConfigs: coverSettings(filled.configs),
      interface: coverValues(request.interface ?? {}),
      dataSourceUrls: Object.keys(urls).length === 0 ? null : urls,
      ...sealProgram(parts.masterKeys, id, program),
      createdAt: parts.now(),
    });
  });
  return await getJobExecution(parts, projectId, id);
}

/** Raises `job-execution-invalid` for a run whose cluster is gone or fails: no change is taken then. Source: sahara-v1.1 6. */
export async function checkRunCluster(
  { pool }: Pick<ProcessingParts, "pool">,
  projectId: string,
  { clusterId }: JobExecution,
): Promise<void> {
  const cluster = await findCluster(pool, projectId, clusterId);
  const problem =
    cluster === undefined
      ? "the run's cluster is gone"
      : cluster.status === "Error" && `cluster ${cluster.name} does not work`;
  if (problem) throw new Fault("invalid", "job-execution-invalid", problem);
}

/** Sets flags. Raises `job-execution-missing`, `object-foreign`, `object-protected`. */
export async function changeJobExecution(
  parts: ProcessingParts,
  projectId: string,
  id: string,
  changes: ExecutionChanges,
): Promise<JobExecution> {
  return await transaction(parts.pool, async (db) => {
    const run =
      (await lockJobExecution(db, projectId, id)) ?? missing("job-execution-missing", "the run was deleted");
    checkMayUpdate(run, projectId, { ...changes });
    if (!changesAnything(run, changes)) return run;
    const changed: JobExecution = { ...run, ...changes, updatedAt: parts.now() };
    await updateJobExecution(db, changed);
    return changed;
  });
}

/** Tells a run to end, and gives it as it is then; a run that has ended stays as it is. Raises `object-foreign`, `object-protected`. */
export async function cancelJobExecution(
  parts: ExecutionParts,
  { projectId, userName }: Caller,
  run: JobExecution,
): Promise<JobExecution> {
  checkMayCancel(run, projectId);
  await stopRun(parts.engine, run, userName);
  return await getJobExecution(parts, projectId, run.id);
}

/** Holds a run that has not begun, and gives it as it is then. Raises as `cancelJobExecution`; `suspend-unsupported`. */
export async function suspendJobExecution(
  parts: ExecutionParts,
  { projectId, userName }: Caller,
  run: JobExecution,
): Promise<JobExecution> {
  checkMayCancel(run, projectId);
  await suspendRun(parts.engine, run, userName);
  return await getJobExecution(parts, projectId, run.id);
}

/** Takes a run away; one that has not ended is told to end. Raises `object-foreign`, `object-protected`. */
export async function removeJobExecution(
  parts: ExecutionParts,
  { projectId, userName }: Caller,
  run: JobExecution,
): Promise<void> {
  checkMayDelete(run, projectId);
  await stopRun(parts.engine, run, userName);
  await deleteJobExecution(parts.pool, run);
}

/** Raises `job-execution-invalid` for what is no time, `job-execution-info-invalid` for one that has passed. */
function checkBeginning(beginsAt: Date | undefined, now: Date): void {
  if (beginsAt === undefined) return;
  if (Number.isNaN(beginsAt.getTime()))
    throw new Fault(
      "invalid",
      "job-execution-invalid",
      "job_execution_info: a scheduled run needs start, a time such as 2026-01-31 12:00:00",
    );
  if (beginsAt <= now)
    throw new Fault("invalid", "job-execution-info-invalid", "job_execution_info: start has passed");
}

/** Raises `engine-missing`. */
export function checkEngine({ name, runs }: Cluster, { type }: Pick<JobTemplate, "type">): void {
  if (runs.includes(type)) return;
  throw new Fault(
    "invalid",
    "engine-missing",
    `cluster ${name} has nothing to run ${type} with; it runs ${runs.join(" and ")}`,
  );
}

/** Input and output, which the project must see; they stay until a transaction around this ends. */
async function holdPlaces(
  db: Database,
  projectId: string,
  { inputId, outputId }: Pick<ExecuteRequest, "inputId" | "outputId">,
): Promise<ExecutionPlaces<DataSource>> {
  const ids = [inputId, outputId].filter((id) => id !== undefined);
  const found = ids.length === 0 ? [] : await holdDataSources(db, projectId, ids);
  const place = (id: string | undefined) => {
    const source = found.find((one) => one.id === id);
    if (id !== undefined && source === undefined)
      throw new Fault("invalid", "reference-invalid", `there is no data source ${formatObjectId(id)}`);
    return source;
  };
  return { input: place(inputId), output: place(outputId) };
}

async function record(db: Database, run: NewJobExecution): Promise<void> {
  await orFault(
    insertJobExecution(db, run),
    REFERENCED,
    (cause) => new Fault("not-found", "job-template-missing", "the job was deleted", { cause }),
  );
}

/** What else its operator is to know is loaded when an attempt begins (`run-programs.ts`): it holds no expressions. */
function definitionOf({ name, type }: JobTemplate, cluster: Cluster): JobDefinition {
  const properties = clusterProperty(cluster);
  return definitionOfNode({ name, type, timeoutSeconds: RUN_TIMEOUT_SECONDS, properties });
}

function randomLetters(count: number): string {
  return [...randomBytes(count)].map((byte) => LETTERS[byte % LETTERS.length]).join("");
}
