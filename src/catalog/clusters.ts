/** Clusters as people register them, and how a name or an id leads to one; secrets are sealed on the way in and never shown. */
import {
  type Cluster,
  type ClusterDraft,
  checkClusterDraft,
  LOCAL_CLUSTER_ID,
  LOCAL_CLUSTER_NAME,
  pluginOf,
  runsOf,
  type ServiceTest,
} from "../domain/cluster.ts";
import type { ClusterServices, JsonObject } from "../domain/cluster-services.ts";
import { isSecretMember, SECRET_MASK } from "../domain/connection.ts";
import { Fault, invalid } from "../domain/fault.ts";
import { checkMayDelete, checkMayUpdate, parseObjectId } from "../domain/shared-object.ts";
import type { Caller } from "../domain/user.ts";
import { insertAct } from "../store/audit.ts";
import { deleteDefaultsOf, findDefaultCluster, putDefaultCluster } from "../store/cluster-defaults.ts";
import {
  deleteCluster,
  findNamedCluster,
  insertCluster,
  isClusterUsed,
  listClusters,
  listClustersById,
  lockCluster,
  type SealedCluster,
  updateCluster,
} from "../store/clusters.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { decryptSecret, encryptSecret, type MasterKeys } from "../store/secrets.ts";

export interface ClusterDeps {
  readonly pool: DatabasePool;
  readonly masterKeys: MasterKeys;
  readonly now: () => Date;
  /** A fresh id of 32 hexadecimal digits. */
  readonly newId: () => string;
}

/** Asks each service of a cluster who it is; never rejects, and settles within seconds. */
export type TestCluster = (
  cluster: Pick<UsableCluster, "id" | "name" | "local" | "services">,
  signal: AbortSignal,
) => Promise<readonly ServiceTest[]>;

/** A cluster with its secrets in clear: never logged, never kept. */
export interface UsableCluster {
  readonly id: string;
  readonly name: string;
  readonly local: boolean;
  readonly services: ClusterServices;
}

const LISTED_MAX = 1_000;
const NAMED_MAX = 20;

/** The cluster of that name or id, when the project may see it. */
export async function findCluster(
  db: Database,
  projectId: string,
  nameOrId: string | undefined,
): Promise<SealedCluster | undefined> {
  if (nameOrId === undefined) return undefined;
  const id = /^[0-9a-f]{32}$/.test(nameOrId) ? nameOrId : parseObjectId(nameOrId);
  const found = await findNamedCluster(db, projectId, nameOrId);
  if (found !== undefined || id === undefined) return found;
  return (await listClustersById(db, projectId, [id]))[0];
}

/**
 * Where a node runs that names this, or, where it names none, the choice of its workspace or project; the built-in cluster
 * where there is none. Fault `cluster-missing` for a name without a cluster, which tells those there are.
 */
export async function loadCluster(
  { pool, masterKeys }: Pick<ClusterDeps, "pool" | "masterKeys">,
  { projectId, workspaceId }: { readonly projectId: string; readonly workspaceId: string },
  named: string | undefined,
): Promise<UsableCluster> {
  const wanted = named ?? (await findDefaultCluster(pool, projectId, workspaceId)) ?? LOCAL_CLUSTER_ID;
  const cluster = await findCluster(pool, projectId, wanted);
  if (cluster !== undefined) return usable(masterKeys, cluster);
  const names = (await listClusters(pool, projectId, NAMED_MAX)).map(({ name }) => name);
  throw new Fault(
    "invalid",
    "cluster-missing",
    `there is no cluster "${wanted}"; there are ${names.join(", ")}`,
  );
}

/** What a node's property says that is to run there: the built-in cluster is named, too, whatever its owner has chosen. */
export function clusterProperty({ id }: Pick<Cluster, "id">): Readonly<Record<string, string>> {
  return { "azalai.cluster": id === LOCAL_CLUSTER_ID ? LOCAL_CLUSTER_NAME : id };
}

/** With its secrets in clear. */
export function usable(masterKeys: MasterKeys, cluster: SealedCluster): UsableCluster {
  const { id, name, services } = cluster;
  const local = id === LOCAL_CLUSTER_ID;
  return { id, name, local, services: withSecrets(services, openSecrets(masterKeys, cluster)) };
}

/** As the project may see them; of others it sees no addresses. */
export async function listVisibleClusters(db: Database, projectId: string): Promise<Cluster[]> {
  return (await listClusters(db, projectId, LISTED_MAX)).map((cluster) => shownTo(projectId, cluster));
}

/** The cluster as the project may see it. Fault `cluster-missing`. */
export async function getCluster(db: Database, projectId: string, named: string): Promise<Cluster> {
  return shownTo(projectId, (await findCluster(db, projectId, named)) ?? clusterMissing(named));
}

/** Registers a cluster. Faults: `cluster-invalid` with every problem, `cluster-exists`. */
export async function createCluster(
  deps: ClusterDeps,
  caller: Caller,
  draft: ClusterDraft,
): Promise<Cluster> {
  const problems = checkClusterDraft(draft);
  if (problems.length > 0) invalid("cluster-invalid", problems);
  const id = deps.newId();
  const at = deps.now();
  const cluster: SealedCluster = {
    ...written(deps, id, draft, {}),
    projectId: caller.projectId,
    name: draft.name,
    status: "Checking",
    statusText: null,
    checkedAt: null,
    createdAt: at,
    createdBy: caller.userName,
    updatedAt: at,
  };
  await transaction(deps.pool, async (db) => {
    if (!(await insertCluster(db, cluster)))
      throw new Fault("conflict", "cluster-exists", `there is a cluster "${draft.name}" already`);
    await recordAct(db, deps, caller, { name: draft.name, act: "create" });
  });
  return cluster;
}

/**
 * Replaces a cluster of the project; a secret given as the mask stays as it was. Faults: `cluster-invalid`,
 * `cluster-missing`, `object-protected`.
 */
export async function saveCluster(deps: ClusterDeps, caller: Caller, draft: ClusterDraft): Promise<Cluster> {
  const problems = checkClusterDraft(draft);
  if (problems.length > 0) invalid("cluster-invalid", problems);
  return await transaction(deps.pool, async (db) => {
    const stored = (await lockCluster(db, caller.projectId, draft.name)) ?? clusterMissing(draft.name);
    checkMayUpdate(stored, caller.projectId, { isProtected: draft.isProtected });
    const secrets = openSecrets(deps.masterKeys, stored);
    const changed = { ...stored, ...written(deps, stored.id, draft, secrets), updatedAt: deps.now() };
    await updateCluster(db, changed);
    await recordAct(db, deps, caller, { name: draft.name, act: "save" });
    return { ...changed, status: "Checking", statusText: null, checkedAt: null };
  });
}

/** Takes a cluster away. Faults: `cluster-missing`, `object-protected`, `cluster-in-use` while something runs on it. */
export async function removeCluster(deps: ClusterDeps, caller: Caller, named: string): Promise<void> {
  if (named === LOCAL_CLUSTER_NAME)
    throw new Fault("conflict", "object-protected", "the built-in cluster cannot be deleted");
  await transaction(deps.pool, async (db) => {
    const stored = (await lockCluster(db, caller.projectId, named)) ?? clusterMissing(named);
    checkMayDelete(stored, caller.projectId);
    if (await isClusterUsed(db, stored.id))
      throw new Fault("conflict", "cluster-in-use", `something still runs on cluster "${named}"`);
    await deleteDefaultsOf(db, stored.id);
    await deleteCluster(db, stored);
    await recordAct(db, deps, caller, { name: named, act: "delete" });
  });
}

/** Chooses where nodes run that name no cluster; undefined takes the choice away. Fault `cluster-missing`. */
export async function chooseCluster(
  deps: ClusterDeps,
  caller: Caller,
  workspaceId: string | null,
  named: string | undefined,
): Promise<void> {
  const { projectId, userName: by } = caller;
  await transaction(deps.pool, async (db) => {
    const cluster =
      named === undefined ? undefined : ((await findCluster(db, projectId, named)) ?? clusterMissing(named));
    await putDefaultCluster(db, { projectId, workspaceId }, { clusterId: cluster?.id, by, at: deps.now() });
    await recordAct(db, deps, caller, { name: cluster?.name ?? "none", act: "choose" });
  });
}

async function recordAct(
  db: Database,
  { now }: ClusterDeps,
  { projectId, userName: by }: Caller,
  { name, act }: { readonly name: string; readonly act: "create" | "save" | "delete" | "choose" },
): Promise<void> {
  await insertAct(db, { projectId, at: now(), by, act, object: { kind: "cluster", id: name }, detail: {} });
}

/** The addresses of another project's cluster are its own. */
export function shownTo(projectId: string, { secretsSealed: _, ...cluster }: SealedCluster): Cluster {
  if (cluster.projectId === projectId || cluster.id === LOCAL_CLUSTER_ID) return cluster;
  const services = Object.fromEntries(Object.keys(cluster.services).map((name) => [name, {}]));
  return { ...cluster, services: services as ClusterServices, statusText: null };
}

type Secrets = Readonly<Record<string, string>>;

function written(
  { masterKeys }: ClusterDeps,
  id: string,
  draft: ClusterDraft,
  known: Secrets,
): Pick<
  SealedCluster,
  | "id"
  | "description"
  | "pluginName"
  | "pluginVersion"
  | "services"
  | "secretsSealed"
  | "isPublic"
  | "isProtected"
  | "runs"
> {
  const secrets = secretsOf(draft.services, known);
  // The check has seen that it has this form.
  const services = withMasks(draft.services) as ClusterServices;
  const plugin = draft.plugin ?? pluginOf(services);
  const sealed =
    Object.keys(secrets).length === 0
      ? null
      : encryptSecret(masterKeys, placeOf(id), JSON.stringify(secrets));
  return {
    id,
    description: draft.description,
    pluginName: plugin.name,
    pluginVersion: plugin.version,
    services,
    secretsSealed: sealed,
    isPublic: draft.isPublic,
    isProtected: draft.isProtected,
    runs: runsOf(services),
  };
}

/** By `service.member`; the mask stands for what is stored. */
function secretsOf(services: JsonObject, known: Secrets): Secrets {
  const found = secretMembers(services).map(({ path, value }) => {
    const secret = value === SECRET_MASK ? known[path] : String(value);
    if (secret === undefined)
      invalid("cluster-invalid", [
        `services.${path}: the mask stands for a stored secret, and there is none`,
      ]);
    return [path, secret] as const;
  });
  return Object.fromEntries(found);
}

function secretMembers(services: JsonObject): { readonly path: string; readonly value: unknown }[] {
  return Object.entries(services).flatMap(([service, members]) =>
    Object.entries(members ?? {})
      .filter(([name]) => isSecretMember(name))
      .map(([name, value]) => ({ path: `${service}.${name}`, value })),
  );
}

function withMasks(services: JsonObject): JsonObject {
  const masks = secretMembers(services).map(({ path }) => [path, SECRET_MASK] as const);
  return withSecrets(services, Object.fromEntries(masks));
}

function withSecrets<Services extends JsonObject | ClusterServices>(
  services: Services,
  secrets: Secrets,
): Services {
  const filled = Object.entries(services).map(([service, members]: [string, unknown]) => {
    const given = Object.entries(secrets).flatMap(([path, secret]) => {
      const [of, name = ""] = path.split(".");
      return of === service ? [[name, secret] as const] : [];
    });
    return [service, { ...(members as object), ...Object.fromEntries(given) }] as const;
  });
  return Object.fromEntries(filled) as Services;
}

function openSecrets(masterKeys: MasterKeys, { id, secretsSealed }: SealedCluster): Secrets {
  if (secretsSealed === null) return {};
  return JSON.parse(decryptSecret(masterKeys, placeOf(id), secretsSealed).toString());
}

function placeOf(id: string) {
  return secretPlace("cluster", id);
}

function clusterMissing(named: string): never {
  throw new Fault("not-found", "cluster-missing", `there is no cluster "${named}"`);
}
