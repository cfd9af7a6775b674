/** Turns a node of a definition into work: conditions decided, expressions resolved, named things fetched. */
import { namedMigration } from "../domain/data-migration.ts";
import { Fault } from "../domain/fault.ts";
import type { JobNode } from "../domain/job.ts";
import { readNodeSettings, SETTING_DEFAULTS } from "../domain/job-settings.ts";
import { isFilePath, listedFiles } from "../domain/resource.ts";
import type { Operator, Work, WorkConnection, WorkScript } from "../operators/operator.ts";
import type { Database } from "../store/database.ts";
import { type Claim, listSkipped } from "../store/node-runs.ts";
import type { InstanceFacts } from "./definitions.ts";
import { createScope, type Outside, type Scope } from "./scope.ts";
import type { WorkOwner, WorkProgram, WorkSources } from "./sources.ts";
import { loadWorld, type WorldDeps, workId } from "./world.ts";

export interface WorkRequest {
  readonly claim: Claim;
  readonly facts: InstanceFacts;
  readonly node: JobNode;
  /** Undefined for a type that nothing here can run. */
  readonly operator: Operator | undefined;
}

/** `skip` where a condition of the node does not hold. Rejects where something named is missing or an expression fails. */
export type PrepareWork = (request: WorkRequest) => Promise<Work | "skip">;

/** Prepares work from the present state of scripts, connections and variables. */
export function createPrepareWork(deps: WorldDeps): PrepareWork {
  const { sources } = deps;
  return async (request) => {
    const { claim, facts, node, operator } = request;
    const { projectId, workspaceId } = facts.instance;
    const owner = { projectId, workspaceId };
    const scope = createScope(() => loadWorld(deps, request), outsideOf(sources, owner));
    for (const expression of await liveConditions(deps.db, request))
      if (!(await scope.holds(expression))) return "skip";
    const script = await findScript(sources, owner, node.properties.scriptName);
    const given = await withMigration(sources, owner, { node, scope });
    const [early, late] = parted(given, (name) => operator?.isLate?.(name) !== true);
    const rendered = await mapValues(early, (text) => scope.render(text));
    const properties = await withResourceFiles(sources, owner, rendered);
    const { runProperties, ...parts } = await loadParts(sources, request, properties.connectionName ?? "");
    return {
      projectId,
      workspaceId,
      instanceId: claim.instanceId,
      nodeName: node.name,
      type: node.type,
      attempt: claim.attempt,
      idempotencyKey: workId(claim.instanceId, claim),
      properties: { ...properties, ...runProperties },
      lateProperties: (loop) => mapValues(late, (text) => scope.render(text, { loop })),
      ...(await renderScript(scope, script, properties.scriptArgs)),
      ...parts,
      ...(operator?.hasEnds === true && (await loadEnds(sources, owner, properties))),
      ...(operator?.hasCluster === true && {
        cluster: await sources.loadCluster(owner, clusterNameOf(facts, properties)),
      }),
      ...sessionAndForm(facts, properties),
    };
  };
}

/** Conditions on predecessors that were skipped are left out: nothing came that way (docs/failure-policies.md). */
async function liveConditions(db: Database, { claim, facts, node }: WorkRequest): Promise<string[]> {
  if (node.conditions.length === 0) return [];
  const skipped = await listSkipped(db, claim.projectId, claim.instanceId);
  const names = skipped.map((nodeNo) => facts.pinned?.nodes[nodeNo]?.name);
  return node.conditions.filter(({ after }) => !names.includes(after)).map(({ expression }) => expression);
}

/** What a job's expressions may look up. */
export function outsideOf(sources: WorkSources, owner: WorkOwner): Outside {
  return {
    obsPathExists: (path) => sources.buckets(owner.projectId).exists(path),
    calendar: async (name) => await sources.loadCalendar(owner, name),
  };
}

/** The node's properties, and those of the stored job that says what it moves. */
async function withMigration(
  sources: WorkSources,
  owner: WorkOwner,
  { node, scope }: { readonly node: JobNode; readonly scope: Scope },
): Promise<Readonly<Record<string, string>>> {
  const named = namedMigration(node);
  if (named === undefined) return node.properties;
  const name = await scope.render(named);
  const stored = await sources.loadMigration(owner, name);
  if (stored === undefined) throw new Fault("not-found", "job-missing", `Job "${name}" does not exist.`);
  return { ...stored, ...node.properties };
}

/** Resources that `files` and `resourcePath` name have made way for their files; what a program needs lies beside it. */
async function withResourceFiles(
  sources: WorkSources,
  owner: WorkOwner,
  properties: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const { resourcePath = "", files = "" } = properties;
  const pathsOf = async (entry: string) =>
    isFilePath(entry) ? [entry] : await findResourceFiles(sources, owner, entry);
  const entries = listedFiles(files);
  if ([resourcePath, ...entries].every((entry) => entry === "" || isFilePath(entry))) return properties;
  const [program = "", ...needed] = resourcePath === "" ? [] : await pathsOf(resourcePath);
  const listed = await Promise.all(entries.map(pathsOf));
  return {
    ...properties,
    ...(program !== "" && { resourcePath: program }),
    files: [...new Set([...needed, ...listed.flat()])].join("\n"),
  };
}

async function findResourceFiles(
  sources: WorkSources,
  owner: WorkOwner,
  named: string,
): Promise<readonly string[]> {
  const files = await sources.loadResourceFiles(owner, named);
  if (files !== undefined) return files;
  throw new Fault("not-found", "resource-missing", `Resource "${named}" does not exist.`);
}

/** What only some lanes have: a connection, a program, the right to run commands. Asked for side by side. */
async function loadParts(
  sources: WorkSources,
  { claim, facts, node, operator }: WorkRequest,
  connectionName: string,
): Promise<WorkProgram & Pick<Work, "connection" | "localCommandsAllowed">> {
  const { projectId, workspaceId, origin } = facts.instance;
  const owner = { projectId, workspaceId };
  const runsHere = operator !== undefined && operator.lane !== "inline" && operator.lane !== "child";
  const [connection, program, localCommandsAllowed] = await Promise.all([
    connectionName === "" ? undefined : sources.loadConnection(owner, connectionName),
    runsHere && origin === "job-execution" ? sources.loadProgram(owner, claim.instanceId, node) : NO_PROGRAM,
    !runsHere || sources.localCommandsAllowed(projectId),
  ]);
  if (runsHere && connection === undefined && connectionName !== "" && !isHere(connectionName))
    missingConnection(connectionName);
  return { ...(connection !== undefined && { connection }), ...program, localCommandsAllowed };
}

/** The cluster that the node or its job names; undefined leaves it to their owner's default. */
function clusterNameOf(
  { pinned }: InstanceFacts,
  properties: Readonly<Record<string, string>>,
): string | undefined {
  const named = [properties["azalai.cluster"], properties.clusterName, pinned?.definition.settings?.cluster];
  return named.find((name) => name !== undefined && name !== "");
}

/** The connections that a node moves data between; most nodes name none. */
async function loadEnds(
  sources: WorkSources,
  owner: WorkOwner,
  { sourceConnectionName = "", targetConnectionName = "" }: Readonly<Record<string, string>>,
): Promise<Pick<Work, "sourceConnection" | "targetConnection">> {
  const load = async (name: string) => (name === "" ? undefined : await loadNamed(sources, owner, name));
  const [sourceConnection, targetConnection] = [
    await load(sourceConnectionName),
    await load(targetConnectionName),
  ];
  return { ...(sourceConnection && { sourceConnection }), ...(targetConnection && { targetConnection }) };
}

async function loadNamed(sources: WorkSources, owner: WorkOwner, name: string): Promise<WorkConnection> {
  return (await sources.loadConnection(owner, name)) ?? missingConnection(name);
}

function missingConnection(name: string): never {
  throw new Fault("not-found", "connection-missing", `Connection "${name}" does not exist.`);
}

/** Only an execution of a template has one beside its node. */
const NO_PROGRAM: WorkProgram = { files: [], args: [], environment: {} };

/** The name of the machine that the node runs on; a connection of that name need not exist (product 5, `Shell`). */
function isHere(connectionName: string): boolean {
  return connectionName === "local";
}

/** The node's own word goes before its job's. */
function sessionAndForm(
  { instance, pinned }: InstanceFacts,
  properties: Readonly<Record<string, string>>,
): Pick<Work, "warm" | "outputForm"> {
  const { settings, problems } = readNodeSettings(properties);
  if (problems.length > 0) throw new Fault("invalid", "reference-invalid", problems.join("; "));
  const chosen = { ...SETTING_DEFAULTS, ...pinned?.definition.settings, ...settings };
  const { session, preload = [], output: outputForm } = chosen;
  return session === "warm"
    ? { outputForm, warm: { by: instance.createdBy, modules: preload } }
    : { outputForm };
}

async function findScript(
  sources: WorkSources,
  owner: WorkOwner,
  name: string | undefined,
): Promise<WorkScript | undefined> {
  if (name === undefined || name === "") return undefined;
  const script = await sources.loadScript(owner, name);
  if (script !== undefined) return script;
  throw new Fault("not-found", "script-missing", `Script "${name}" does not exist.`);
}

async function renderScript(
  scope: Scope,
  script: WorkScript | undefined,
  scriptArgs: string | undefined,
): Promise<{ readonly script?: WorkScript }> {
  if (script === undefined) return {};
  const parameters = readScriptArgs(scriptArgs ?? "");
  const scriptParameter = (name: string) => parameters.get(name);
  return { script: { ...script, content: await scope.render(script.content, { scriptParameter }) } };
}

/** Lines of `name=value`. Source: dataarts-factory 4.2. */
function readScriptArgs(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").filter((line) => line.includes("="));
  return new Map(
    lines.map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

/** The members for whose names the condition holds, and the others. */
function parted(
  record: Readonly<Record<string, string>>,
  condition: (name: string) => boolean,
): [Readonly<Record<string, string>>, Readonly<Record<string, string>>] {
  const members = Object.entries(record);
  return [
    Object.fromEntries(members.filter(([name]) => condition(name))),
    Object.fromEntries(members.filter(([name]) => !condition(name))),
  ];
}

async function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string) => Promise<string>,
): Promise<Readonly<Record<string, string>>> {
  const changed: [string, string][] = [];
  for (const [name, value] of Object.entries(record)) changed.push([name, await change(value)]);
  return Object.fromEntries(changed);
}
