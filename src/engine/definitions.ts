/** What instances run: their pinned definitions in running order, and the facts of an instance that never change. */
import { successorsOf, topologicalOrder } from "../domain/graph.ts";
import type { Instance, Lane } from "../domain/instance.ts";
import type { JobDefinition, JobNode } from "../domain/job.ts";
import type { Operator } from "../operators/operator.ts";
import type { Database } from "../store/database.ts";
import {
  findInstanceDefinition,
  listInstancesById,
  listPinnedDefinitions,
  type NewNodeRun,
} from "../store/instances.ts";

/** A definition whose nodes stand in topological order: the place is the node's number in every instance. */
export interface Pinned {
  readonly definition: JobDefinition;
  readonly nodes: readonly JobNode[];
}

/** Facts of an instance that hold from its first moment on, with what it runs. */
export interface InstanceFacts {
  readonly instance: Instance;
  /** Undefined where the definition is gone. */
  readonly pinned: Pinned | undefined;
}

export function pin(definition: JobDefinition): Pinned {
  return { definition, nodes: topologicalOrder(definition.nodes) };
}

/** The node runs that an instance begins with. */
export function newNodeRuns(
  { definition, nodes }: Pinned,
  operators: OperatorIndex,
  background = false,
  owner?: InstanceOwner,
): NewNodeRun[] {
  const byDefault = definition.settings?.cluster ?? (owner && operators.defaultCluster?.(owner));
  const numbers = new Map(nodes.map((node, nodeNo) => [node.name, nodeNo]));
  const successors = successorsOf(nodes);
  return nodes.map((node) => ({
    lane:
      definition.kind === "real-time" ? streamLaneOf(node) : laneOf(operators, node, byDefault, background),
    ...(node.trigger === undefined && connectionOf(node)),
    need: new Set(node.after.filter((name) => numbers.has(name))).size,
    successors: (successors.get(node.name) ?? [])
      .flatMap((name) => numbers.get(name) ?? [])
      .sort((a, b) => a - b),
  }));
}

/** A trigger runs nothing itself. */
function streamLaneOf({ trigger }: JobNode): Lane {
  return trigger === undefined ? "stream" : "child";
}

function laneOf(
  operators: OperatorIndex,
  node: JobNode,
  cluster: string | undefined,
  background: boolean,
): Lane {
  const own = operators.get(node.type)?.lane ?? "inline";
  const lane = typeof own === "string" ? own : own(node, cluster === undefined ? {} : { cluster });
  return background && lane === "process" ? "background" : lane;
}

/** A name that an expression makes is not known before the node starts. */
function connectionOf({ properties: { connectionName = "" } }: JobNode): { readonly connection?: string } {
  return connectionName === "" || /[#$]\{/.test(connectionName) ? {} : { connection: connectionName };
}

/** Whose instance it is. */
interface InstanceOwner {
  readonly projectId: string;
  readonly workspaceId: string;
}

/** Operators by the node types that they know, and where nodes run that name no cluster, as far as their owner has chosen. */
export interface OperatorIndex extends ReadonlyMap<string, Operator> {
  readonly defaultCluster?: (owner: InstanceOwner) => string | undefined;
}

/** The first operator that names a type has it. */
export function indexOperators(
  operators: readonly Operator[],
  defaultCluster?: OperatorIndex["defaultCluster"],
): OperatorIndex {
  const index = new Map<string, Operator>();
  for (const operator of operators)
    for (const type of operator.types) if (!index.has(type)) index.set(type, operator);
  return defaultCluster === undefined ? index : Object.assign(index, { defaultCluster });
}

interface VersionKey {
  readonly projectId: string;
  readonly jobId: number;
  readonly jobVersion: number;
}

export interface Definitions {
  /** Facts of all the instances in the order of the keys; undefined for one that does not exist. */
  readonly factsOf: (
    keys: readonly { readonly projectId: string; readonly instanceId: number }[],
  ) => Promise<(InstanceFacts | undefined)[]>;
  /** What the instance runs as it is given, whatever is remembered of it. */
  readonly pinnedOf: (instance: Instance) => Promise<Pinned | undefined>;
  /** What versions of jobs run, in the order of the keys; undefined for one that does not exist. */
  readonly pinnedVersions: (keys: readonly VersionKey[]) => Promise<(Pinned | undefined)[]>;
  /** After a rerun, which may give the instance another start time, version and other parameters. */
  readonly forget: (projectId: string, instanceId: number) => void;
}

/** Bounds of memory: what was used longest ago goes first. */
const FACTS_MAX = 5_000;
/** Of all definitions together, each counted as so many more. */
const PINNED_NODES_MAX = 20_000;
const PINNED_NODES_LEAST = 4;

/** Reads definitions and facts, and remembers them: both never change. */
export function createDefinitions(db: Database): Definitions {
  const facts = createRecent<InstanceFacts>(FACTS_MAX, () => 1);
  const versions = createRecent<Pinned>(PINNED_NODES_MAX, ({ nodes }) => PINNED_NODES_LEAST + nodes.length);

  async function loadVersions(keys: readonly VersionKey[]): Promise<ReadonlyMap<string, Pinned>> {
    const found = new Map<string, Pinned>();
    const unknown = new Map<string, VersionKey>();
    for (const key of keys) {
      const known = versions.get(nameOf(key));
      if (known === undefined) unknown.set(nameOf(key), key);
      else found.set(nameOf(key), known);
    }
    if (unknown.size > 0)
      for (const { definition, ...key } of await listPinnedDefinitions(db, [...unknown.values()]))
        found.set(nameOf(key), versions.set(nameOf(key), pin(definition)));
    return found;
  }

  async function pinnedOfAll(instances: readonly Instance[]): Promise<(Pinned | undefined)[]> {
    const found = await loadVersions(instances.flatMap((instance) => versionOf(instance) ?? []));
    return await Promise.all(
      instances.map(async (instance) => {
        const key = versionOf(instance);
        const pinned = key && found.get(nameOf(key));
        if (pinned !== undefined) return pinned;
        const definition = await findInstanceDefinition(db, instance.projectId, instance.id);
        return definition && pin(definition);
      }),
    );
  }

  return {
    pinnedOf: async (instance) => (await pinnedOfAll([instance]))[0],
    pinnedVersions: async (keys) => {
      const found = await loadVersions(keys);
      return keys.map((key) => found.get(nameOf(key)));
    },
    forget: (projectId, instanceId) => facts.delete(factsKey({ projectId, instanceId })),
    factsOf: async (keys) => {
      const unknown = new Map(keys.map((key) => [factsKey(key), key]));
      for (const key of unknown.keys()) if (facts.get(key) !== undefined) unknown.delete(key);
      const found = new Map<string, InstanceFacts>();
      if (unknown.size > 0) {
        const instances = await listInstancesById(db, [...unknown.values()]);
        const pinned = await pinnedOfAll(instances);
        for (const [place, instance] of instances.entries()) {
          const key = factsKey({ projectId: instance.projectId, instanceId: instance.id });
          found.set(key, facts.set(key, { instance, pinned: pinned[place] }));
        }
      }
      return keys.map((key) => found.get(factsKey(key)) ?? facts.get(factsKey(key)));
    },
  };
}

function versionOf({ projectId, jobId, jobVersion }: Instance): VersionKey | undefined {
  return jobId === null || jobVersion === null ? undefined : { projectId, jobId, jobVersion };
}

function nameOf({ projectId, jobId, jobVersion }: VersionKey): string {
  return `${projectId}/${jobId}/${jobVersion}`;
}

function factsKey({
  projectId,
  instanceId,
}: {
  readonly projectId: string;
  readonly instanceId: number;
}): string {
  return `${projectId}/${instanceId}`;
}

/** A map that forgets what was used longest ago, as far as all together weigh more than `weightMax`. */
function createRecent<Value>(weightMax: number, weightOf: (value: Value) => number) {
  const kept = new Map<string, Value>();
  let weight = 0;
  const remove = (key: string) => {
    const value = kept.get(key);
    if (value === undefined) return;
    weight -= weightOf(value);
    kept.delete(key);
  };
  return {
    delete: remove,
    get: (key: string): Value | undefined => {
      const value = kept.get(key);
      if (value === undefined) return undefined;
      kept.delete(key);
      kept.set(key, value);
      return value;
    },
    set: (key: string, value: Value): Value => {
      remove(key);
      kept.set(key, value);
      weight += weightOf(value);
      for (const oldest of kept.keys()) {
        if (weight <= weightMax) break;
        remove(oldest);
      }
      return value;
    },
  };
}
