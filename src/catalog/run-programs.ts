/** What a run executes, as the engine asks for it when an attempt begins: files, settings and places, secrets in clear. */
import { Readable } from "node:stream";
import type { DataSourceCredentials } from "../domain/data-source.ts";
import { Fault } from "../domain/fault.ts";
import { bucketPathOf } from "../domain/job-binary.ts";
import {
  environmentOf,
  plainProgram,
  propertiesOf,
  type RunFile,
  type RunPlace,
  type RunProgram,
  secretsOf,
  secretsOfCredentials,
} from "../domain/run-program.ts";
import { listDataSourceCredentials } from "../store/data-sources.ts";
import { type ExecutedRun, findExecutedRun } from "../store/job-executions.ts";
import { findJobTemplate } from "../store/job-templates.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { decryptSecret, encryptSecret, type MasterKeys } from "../store/secrets.ts";
import { openCredentials } from "./data-sources.ts";
import { openJobBinary } from "./job-binaries.ts";
import type { ProgramSources } from "./parts.ts";

/** A file that an attempt finds in its folder. */
export interface ExecutionFile {
  readonly name: string;
  readonly use: "main" | "library";
  readonly open: () => Promise<Readable>;
}

export interface ExecutionPlace {
  readonly url: string;
  readonly credentials?: DataSourceCredentials;
}

/** What an instance executes besides its node's properties. */
export interface ExecutionProgram {
  readonly files: readonly ExecutionFile[];
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly configs?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly places?: {
    readonly input?: ExecutionPlace;
    readonly output?: ExecutionPlace;
    readonly named: readonly ExecutionPlace[];
  };
  readonly secrets?: readonly string[];
  readonly runProperties?: Readonly<Record<string, string>>;
}

/**
 * The program of the run that is this instance; all empty for an instance of a job. @throws Fault `reference-invalid`
 * where a data source of the run is gone, whose credentials nobody knows then.
 */
export async function loadExecutionProgram(
  parts: ProgramSources,
  projectId: string,
  instanceId: number,
): Promise<ExecutionProgram> {
  const executed = await findExecutedRun(parts.pool, projectId, instanceId);
  if (executed === undefined) return { files: [], args: [], environment: {} };
  const program = openProgram(parts.masterKeys, executed);
  const credentials = await loadCredentials(parts, projectId, program);
  const placeOf = ({ url, dataSourceId = "" }: RunPlace): ExecutionPlace => {
    const known = credentials.get(dataSourceId);
    return known === undefined ? { url } : { url, credentials: known };
  };
  const places = {
    ...(program.input && { input: placeOf(program.input) }),
    ...(program.output && { output: placeOf(program.output) }),
    named: program.named.map(placeOf),
  };
  return {
    files: [
      ...(await templateFiles(parts, executed)),
      ...(program.files ?? []).map((file) => addressedFile(parts, projectId, file)),
      ...(program.statement === undefined ? [] : [statementFile(program.statement)]),
    ],
    args: program.args,
    environment: environmentOf(program),
    configs: program.configs,
    params: program.params,
    places,
    runProperties: propertiesOf(program),
    secrets: [...secretsOf(program), ...[...credentials.values()].flatMap(secretsOfCredentials)],
  };
}

/** How a program is kept: in clear, or sealed where it holds secrets. */
export function sealProgram(
  keys: MasterKeys,
  executionId: string,
  program: RunProgram,
): { readonly program: RunProgram | undefined; readonly programSealed: Buffer | null } {
  if (secretsOf(program).length === 0) return { program, programSealed: null };
  const place = secretPlace("job_execution", executionId);
  return { program: undefined, programSealed: encryptSecret(keys, place, JSON.stringify(program)) };
}

function openProgram(keys: MasterKeys, { id, program, programSealed, jobConfigs }: ExecutedRun): RunProgram {
  if (programSealed === null) return program ?? plainProgram(jobConfigs);
  return JSON.parse(decryptSecret(keys, secretPlace("job_execution", id), programSealed).toString("utf8"));
}

/** Read with the sight of the run's own project. */
function addressedFile(parts: ProgramSources, projectId: string, { address, use }: RunFile): ExecutionFile {
  const name = address.slice(address.lastIndexOf("/") + 1);
  const open = async () => {
    const path = bucketPathOf(address);
    if (path !== undefined) return await parts.buckets(projectId).open(path);
    throw new Fault("invalid", "engine-missing", `this server cannot read ${address}`);
  };
  return { name, use, open };
}

function statementFile(statement: string): ExecutionFile {
  return { name: "statement.sql", use: "main", open: async () => Readable.from([statement]) };
}

async function loadCredentials(
  { pool, masterKeys }: ProgramSources,
  projectId: string,
  { input, output, named }: RunProgram,
): Promise<ReadonlyMap<string, DataSourceCredentials>> {
  const ids = [...new Set([input, output, ...named].flatMap((place) => place?.dataSourceId ?? []))];
  if (ids.length === 0) return new Map();
  const sealed = await listDataSourceCredentials(pool, projectId, ids);
  const gone = ids.find((id) => !sealed.has(id));
  if (gone !== undefined)
    throw new Fault("not-found", "reference-invalid", `the data source ${gone} of the run is gone`);
  const clear = new Map<string, DataSourceCredentials>();
  for (const id of ids) {
    const credentials = openCredentials(masterKeys, id, sealed.get(id) ?? null);
    if (credentials !== undefined) clear.set(id, credentials);
  }
  return clear;
}

async function templateFiles(
  parts: ProgramSources,
  { template: key }: ExecutedRun,
): Promise<ExecutionFile[]> {
  const template = key && (await findJobTemplate(parts.pool, key.projectId, key.id));
  if (template === undefined) return [];
  const uses = [
    ...template.mains.map((binary) => ({ binary, use: "main" as const })),
    ...template.libs.map((binary) => ({ binary, use: "library" as const })),
  ];
  const names = uses.map(({ binary }) => binary.name);
  return uses.map(({ binary, use }, place) => ({
    // Two projects may call their binaries alike.
    name: names.indexOf(binary.name) === place ? binary.name : `${place}-${binary.name}`,
    use,
    open: () => openJobBinary(parts, binary),
  }));
}
