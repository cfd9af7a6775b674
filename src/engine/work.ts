/** Turns a node of a definition into work: conditions decided, expressions resolved, named things fetched. */
import { holds, readTemplate, render } from "../domain/expression.ts";
import type { World } from "../domain/expression-world.ts";
import { Fault } from "../domain/fault.ts";
import type { JobDefinition, JobNode } from "../domain/job.ts";
import { readNodeSettings, SETTING_DEFAULTS } from "../domain/job-settings.ts";
import type { Operator, WarmSession, Work, WorkScript } from "../operators/operator.ts";
import type { Database } from "../store/database.ts";
import { findInstanceEvent } from "../store/event-sources.ts";
import { type Claim, listResults } from "../store/node-runs.ts";
import type { InstanceFacts, Pinned } from "./definitions.ts";
import type { WorkOwner, WorkSources } from "./sources.ts";

export interface WorkRequest {
  readonly claim: Claim;
  readonly facts: InstanceFacts;
  readonly node: JobNode;
  /** Undefined for a type that nothing here can run. */
  readonly operator: Operator | undefined;
}

/** `skip` where a condition of the node does not hold. Rejects where something named is missing or an expression fails. */
export type PrepareWork = (request: WorkRequest) => Promise<Work | "skip">;

export interface WorkDeps {
  readonly db: Database;
  readonly sources: WorkSources;
  readonly now: () => Date;
  /** Of expressions in jobs whose schedule names none. */
  readonly zone: string;
}

/** Prepares work from the present state of scripts, connections and variables. */
export function createPrepareWork(deps: WorkDeps): PrepareWork {
  const { sources } = deps;
  return async (request) => {
    const { claim, facts, node, operator } = request;
    const { projectId, workspaceId } = facts.instance;
    const owner = { projectId, workspaceId };
    const script = await findScript(sources, owner, node.properties.scriptName);
    const texts = [...Object.values(node.properties), script?.content ?? ""];
    const conditions = node.conditions.map(({ expression }) => expression);
    const world =
      conditions.length > 0 || texts.some(mentionsWorld) ? await loadWorld(deps, request) : undefined;
    if (world !== undefined && !conditions.every((condition) => holds(condition, world))) return "skip";
    const [early, late] = parted(node.properties, (name) => operator?.isLate?.(name) !== true);
    const properties = mapValues(early, (text) => renderText(text, world));
    return {
      projectId,
      workspaceId,
      instanceId: claim.instanceId,
      nodeName: node.name,
      type: node.type,
      attempt: claim.attempt,
      idempotencyKey: `${claim.instanceId}-${claim.nodeNo}-${claim.attempt}`,
      properties,
      lateProperties: async (loop) =>
        mapValues(late, (text) => renderText(text, world && { ...world, loop })),
      ...(script !== undefined && { script: renderScript(script, properties.scriptArgs, world) }),
      ...(await loadParts(sources, request, properties.connectionName ?? "")),
      ...warmth(facts, properties),
    };
  };
}

/** What only some lanes have: a connection, a program, the right to run commands. */
async function loadParts(
  sources: WorkSources,
  { claim, facts, node, operator }: WorkRequest,
  connectionName: string,
): Promise<Pick<Work, "connection" | "files" | "args" | "environment" | "localCommandsAllowed">> {
  const { projectId, workspaceId } = facts.instance;
  const owner = { projectId, workspaceId };
  const connection = connectionName === "" ? undefined : await sources.loadConnection(owner, connectionName);
  const found = connection !== undefined && { connection };
  if (operator === undefined || operator.lane === "inline" || operator.lane === "child")
    return { ...found, ...NO_PROGRAM, localCommandsAllowed: true };
  if (connection === undefined && connectionName !== "" && !isHere(connectionName))
    throw new Fault("not-found", "connection-missing", `Connection "${connectionName}" does not exist.`);
  return {
    ...found,
    ...(await sources.loadProgram(owner, claim.instanceId, node)),
    localCommandsAllowed: await sources.localCommandsAllowed(projectId),
  };
}

const NO_PROGRAM = { files: [], args: [], environment: {} };

/** The name of the machine that the node runs on; a connection of that name need not exist (product 5, `Shell`). */
function isHere(connectionName: string): boolean {
  return connectionName === "local";
}

/** The node's own word goes before its job's. */
function warmth(
  { instance, pinned }: InstanceFacts,
  properties: Readonly<Record<string, string>>,
): { warm?: WarmSession } {
  const { settings, problems } = readNodeSettings(properties);
  if (problems.length > 0) throw new Fault("invalid", "reference-invalid", problems.join("; "));
  const { session, preload = [] } = { ...SETTING_DEFAULTS, ...pinned?.definition.settings, ...settings };
  return session === "warm" ? { warm: { by: instance.createdBy, modules: preload } } : {};
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

function mentionsWorld(text: string): boolean {
  return text.includes("#{") || text.includes("${");
}

function renderText(text: string, world: World | undefined): string {
  return world === undefined || !mentionsWorld(text) ? text : render(readTemplate(text), world);
}

function renderScript(
  script: WorkScript,
  scriptArgs: string | undefined,
  world: World | undefined,
): WorkScript {
  if (world === undefined) return script;
  const parameters = readScriptArgs(scriptArgs ?? "");
  const scriptWorld: World = { ...world, scriptParameter: (name) => parameters.get(name) };
  return { ...script, content: renderText(script.content, scriptWorld) };
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

async function loadWorld(deps: WorkDeps, { claim, facts, node }: WorkRequest): Promise<World> {
  const { instance, pinned } = facts;
  const { projectId, workspaceId } = instance;
  const definition = pinned?.definition;
  const results = await loadResults(deps.db, claim, pinned);
  const environment = new Map(Object.entries(await deps.sources.loadEnvironment({ projectId, workspaceId })));
  const parameters = new Map(definition?.parameters.map(({ name, value }) => [name, value]));
  for (const [name, value] of Object.entries(instance.parameters)) parameters.set(name, value);
  const event =
    instance.origin === "event" ? await findInstanceEvent(deps.db, projectId, instance.id) : undefined;
  return {
    job: {
      name: instance.jobName,
      projectId,
      ...(event !== undefined && { eventData: event.data, obsNewFiles: event.files }),
    },
    planTime: instance.plannedAt,
    startTime: instance.startedAt ?? instance.createdAt,
    now: deps.now(),
    zone: zoneOf(definition) ?? deps.zone,
    jobParameter: (name) => parameters.get(name),
    environment: (name) => environment.get(name),
    scriptParameter: () => undefined,
    nodeStatus: (name) => STATUS[results.get(name)?.state ?? ""],
    nodeOutput: (name) => (node.after.includes(name) ? (results.get(name)?.output ?? undefined) : undefined),
  };
}

const STATUS: Readonly<Record<string, "success" | "fail">> = { succeeded: "success", failed: "fail" };

async function loadResults(db: Database, claim: Claim, pinned: Pinned | undefined) {
  const results = await listResults(db, claim.projectId, claim.instanceId);
  return new Map(results.map((result) => [pinned?.nodes[result.nodeNo]?.name, result]));
}

function zoneOf(definition: JobDefinition | undefined): string | undefined {
  return definition?.schedule.type === "cron" ? definition.schedule.cron?.zone : undefined;
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

function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
