/** Job executions: started, changed, cancelled and deleted by their rules; what one executes, for the engine. */
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import type { Cluster } from "../domain/cluster.ts";
import { type DataSource, resolvePlaceholders } from "../domain/data-source.ts";
import { Fault, missing } from "../domain/fault.ts";
import { fillInterface } from "../domain/interface-argument.ts";
import { definitionOfNode, type JobDefinition } from "../domain/job.ts";
import type { JobConfigs, SimpleValue } from "../domain/job-configs.ts";
import {
  checkExecution,
  checkPlacesDiffer,
  type ExecutionPlaces,
  environmentOf,
  JAVA_OPTIONS,
  type JobExecution,
  MAIN_CLASS,
} from "../domain/job-execution.ts";
import type { JobTemplate } from "../domain/job-template.ts";
import { DEFAULT_WORKSPACE } from "../domain/project.ts";
import {
  checkMayCancel,
  checkMayDelete,
  checkMayUpdate,
  type Flag,
  formatObjectId,
} from "../domain/shared-object.ts";
import type { Caller } from "../domain/user.ts";
import { orFault, REFERENCED } from "../store/constraints.ts";
import { holdDataSources } from "../store/data-sources.ts";
import { type Database, transaction } from "../store/database.ts";
import {
  deleteJobExecution,
  findExecutedTemplate,
  findJobExecution,
  insertJobExecution,
  lockJobExecution,
  type NewJobExecution,
  updateJobExecution,
} from "../store/job-executions.ts";
import { findJobTemplate } from "../store/job-templates.ts";
import { findCluster } from "./clusters.ts";
import { type ExecutionEngine, stopRun } from "./execution-engine.ts";
import { openJobBinary } from "./job-binaries.ts";
import { checkDataSourcesExist } from "./job-templates.ts";
import { changesAnything, type ProcessingParts } from "./parts.ts";

export interface ExecutionParts extends ProcessingParts {
  readonly engine: ExecutionEngine;
}

export interface ExecuteRequest {
  readonly clusterId: string;
  readonly inputId: string | undefined;
  readonly outputId: string | undefined;
  readonly jobConfigs: JobConfigs;
  readonly interface: Readonly<Record<string, SimpleValue>> | undefined;
  /** Name of the user. */
  readonly by: string;
}

export interface ExecutionChanges {
  readonly isPublic?: Flag;
  readonly isProtected?: Flag;
}

/** How long a run may take before it is ended. */
const TIMEOUT_SECONDS = 7 * 24 * 3600;
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
 * nothing to run the type with. Source: sahara-v1.1 6, mrs-v1.1 4.
 */
export async function executeJobTemplate(
  parts: ExecutionParts,
  projectId: string,
  template: JobTemplate,
  request: ExecuteRequest,
): Promise<JobExecution> {
  const cluster = findCluster(projectId, request.clusterId);
  if (cluster === undefined)
    throw new Fault("invalid", "cluster-missing", `there is no cluster ${formatObjectId(request.clusterId)}`);
  const filled = fillInterface(template.interface, request.interface, request.jobConfigs);
  await checkDataSourcesExist(parts.pool, projectId, filled.dataSourceIds);
  checkExecution(template.type, filled.configs, { input: request.inputId, output: request.outputId });
  checkPlacesDiffer(template.type, await holdPlaces(parts.pool, projectId, request));
  checkEngine(cluster, template);
  const id = parts.newId();
  const instance = {
    projectId,
    workspaceId: DEFAULT_WORKSPACE,
    name: template.name,
    definition: definitionOf(template, filled.configs),
    by: request.by,
  };
  await parts.engine.startExecution(instance, async (db, instanceId) => {
    const places = await holdPlaces(db, projectId, request);
    await record(db, {
      id,
      projectId,
      instanceId,
      jobTemplateProjectId: template.projectId,
      jobTemplateId: template.id,
      clusterId: cluster.id,
      inputId: request.inputId ?? null,
      outputId: request.outputId ?? null,
      jobConfigs: filled.configs,
      interface: request.interface ?? {},
      dataSourceUrls: resolveUrls(id, places),
      createdAt: parts.now(),
    });
  });
  return await getJobExecution(parts, projectId, id);
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

/** A file that an attempt finds in its folder. */
export interface ExecutionFile {
  readonly name: string;
  readonly use: "main" | "library";
  readonly open: () => Promise<Readable>;
}

/** What an instance executes besides its node's properties. */
export interface ExecutionProgram {
  readonly files: readonly ExecutionFile[];
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The binaries, arguments and variables of the run that is this instance; all empty for an instance of a job. */
export async function loadExecutionProgram(
  parts: Pick<ProcessingParts, "pool" | "blobs" | "buckets">,
  projectId: string,
  instanceId: number,
): Promise<ExecutionProgram> {
  const executed = await findExecutedTemplate(parts.pool, projectId, instanceId);
  const template = executed && (await findJobTemplate(parts.pool, executed.projectId, executed.id));
  if (executed === undefined || template === undefined) return { files: [], args: [], environment: {} };
  const uses = [
    ...template.mains.map((binary) => ({ binary, use: "main" as const })),
    ...template.libs.map((binary) => ({ binary, use: "library" as const })),
  ];
  const names = uses.map(({ binary }) => binary.name);
  return {
    files: uses.map(({ binary, use }, place) => ({
      // Two projects may call their binaries alike.
      name: names.indexOf(binary.name) === place ? binary.name : `${place}-${binary.name}`,
      use,
      open: () => openJobBinary(parts, binary),
    })),
    args: executed.jobConfigs.args ?? [],
    environment: environmentOf(executed.jobConfigs),
  };
}

function checkEngine({ name, runs }: Cluster, { type }: JobTemplate): void {
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

function definitionOf(template: JobTemplate, { configs }: JobConfigs): JobDefinition {
  const mainClass = configs?.[MAIN_CLASS];
  const javaOptions = configs?.[JAVA_OPTIONS];
  return definitionOfNode({
    name: template.name,
    type: template.type,
    timeoutSeconds: TIMEOUT_SECONDS,
    properties: {
      ...(mainClass !== undefined && { mainClass: String(mainClass) }),
      ...(javaOptions !== undefined && { javaOpts: String(javaOptions) }),
    },
  });
}

function resolveUrls(
  executionId: string,
  { input, output }: ExecutionPlaces<DataSource>,
): Readonly<Record<string, string>> | null {
  const sources = [input, output].filter((source) => source !== undefined);
  if (sources.length === 0) return null;
  const resolve = (url: string) => resolvePlaceholders(url, formatObjectId(executionId), randomLetters);
  return Object.fromEntries(sources.map(({ id, url }) => [id, resolve(url)]));
}

function randomLetters(count: number): string {
  return [...randomBytes(count)].map((byte) => LETTERS[byte % LETTERS.length]).join("");
}
