/** Connections as people define them: what a save must meet, and their secrets, sealed on the way in and never shown. */
import {
  type Connection,
  type ConnectionConfig,
  type ConnectionTestResult,
  type ConnectionType,
  checkConnectionName,
  isSecretMember,
  SECRET_MASK,
  type TestConnection,
} from "../domain/connection.ts";
import { checkConfig, hasAddress, readBuckets } from "../domain/connection-config.ts";
import { Fault, invalid } from "../domain/fault.ts";
import type { Caller } from "../domain/user.ts";
import { insertAct } from "../store/audit.ts";
import { putBucketPlaces } from "../store/bucket-places.ts";
import {
  deleteConnection,
  findConnection,
  insertConnection,
  lockConnection,
  type SealedConnection,
  updateConnection,
} from "../store/connections.ts";
import { type Database, transaction } from "../store/database.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { decryptSecret, encryptSecret, type MasterKeys, type SecretPlace } from "../store/secrets.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import type { Author } from "./jobs.ts";
import { checkWorkspace, ensureWorkspace, type WorkspaceDeps } from "./workspaces.ts";

export interface ConnectionDeps extends WorkspaceDeps {
  readonly masterKeys: MasterKeys;
}

export interface ConnectionTestDeps extends ConnectionDeps {
  readonly testConnection: TestConnection;
}

/** A connection as somebody wants it, its secrets in clear. */
export interface ConnectionDraft {
  readonly name: string;
  readonly type: ConnectionType;
  readonly description: string | null;
  readonly config: ConnectionConfig;
}

type Secrets = Readonly<Record<string, string>>;

/**
 * Adds a connection. Faults: `connection-invalid` with every problem, `connection-address-missing`,
 * `connection-exists`, `connection-limit` for a second DLI one, those of `ensureWorkspace`.
 */
export async function createConnection(
  deps: ConnectionDeps,
  caller: Caller,
  workspaceId: string,
  draft: ConnectionDraft,
): Promise<void> {
  await addConnection(deps, { projectId: caller.projectId, workspaceId }, caller.userName, {
    ...draft,
    warehouse: false,
  });
}

/** As `createConnection`; also for the one connection that the product makes itself (`warehouse`). */
export async function addConnection(
  deps: ConnectionDeps,
  key: WorkspaceKey,
  by: string,
  draft: ConnectionDraft & { readonly warehouse: boolean },
): Promise<void> {
  checkConnectionDraft(draft);
  await transaction(deps.pool, (db) => placeConnection(db, deps, { ...key, by }, draft));
}

/** As `addConnection` in a transaction, for a draft that `checkConnectionDraft` has let pass. */
export async function placeConnection(
  db: Database,
  deps: ConnectionDeps,
  { by, ...key }: Author,
  draft: ConnectionDraft & { readonly warehouse: boolean },
): Promise<void> {
  const { config, secrets } = splitSecrets(draft.config, {});
  const secretsSealed = sealSecrets(deps, key, draft.name, secrets);
  await ensureWorkspace(db, deps, key);
  const result = await insertConnection(db, key, { ...draft, config, secretsSealed, by, at: deps.now() });
  if (result === "name-taken")
    throw new Fault("conflict", "connection-exists", "the connection name already exists");
  if (result === "second-dli")
    throw new Fault("conflict", "connection-limit", "a workspace has one DLI connection");
  if (draft.type === "S3") await placeBuckets(db, await findConnection(db, key, draft.name), draft.config);
  if (!draft.warehouse) await recordAct(db, deps, { ...key, name: draft.name, by, act: "create" });
}

/**
 * Replaces a connection; a secret given as the mask stays as it was. Faults as `createConnection`;
 * `connection-missing`; `connection-type-fixed`; `object-protected` for the product's own connection.
 */
export async function saveConnection(
  deps: ConnectionDeps,
  caller: Caller,
  { workspaceId, name }: { readonly workspaceId: string; readonly name: string },
  draft: Omit<ConnectionDraft, "name">,
): Promise<void> {
  checkConnectionDraft({ ...draft, name });
  const author = { projectId: caller.projectId, workspaceId, by: caller.userName };
  await transaction(deps.pool, (db) => changeConnection(db, deps, author, { ...draft, name }));
}

/** As `saveConnection` in a transaction, for a draft that `checkConnectionDraft` has let pass. */
export async function changeConnection(
  db: Database,
  deps: ConnectionDeps,
  { by, ...key }: Author,
  { name, type, description, config: wanted }: ConnectionDraft,
): Promise<void> {
  await checkWorkspace(db, deps, key);
  const stored = (await lockConnection(db, key, name)) ?? connectionMissing();
  checkChangeable(stored, type);
  const { config, secrets } = splitSecrets(wanted, openSecrets(deps, stored));
  const secretsSealed = sealSecrets(deps, key, name, secrets);
  await updateConnection(db, stored, { description, config, secretsSealed, by, at: deps.now() });
  if (type === "S3") await placeBuckets(db, stored, wanted);
  await recordAct(db, deps, { ...key, name, by, act: "save" });
}

/** The connection of that name, secrets masked. Faults: `connection-missing`, `workspace-missing`. */
export async function getConnection(
  deps: WorkspaceDeps,
  key: WorkspaceKey,
  name: string,
): Promise<Connection> {
  await checkWorkspace(deps.pool, deps, key);
  return (await findConnection(deps.pool, key, name)) ?? connectionMissing();
}

/** The connection with its secrets in clear, for the attempt of a node: never logged, never kept. */
export async function loadConnection(
  deps: ConnectionDeps,
  key: WorkspaceKey,
  name: string,
): Promise<Connection | undefined> {
  const stored = await findConnection(deps.pool, key, name);
  if (stored === undefined) return undefined;
  const { secretsSealed: _, ...connection } = stored;
  return { ...connection, config: { ...connection.config, ...openSecrets(deps, stored) } };
}

/** Tries the connection as it is stored. Faults: `connection-missing`, `workspace-missing`. */
export async function tryConnection(
  deps: ConnectionTestDeps,
  caller: Caller,
  { workspaceId, name }: { readonly workspaceId: string; readonly name: string },
  signal: AbortSignal,
): Promise<ConnectionTestResult> {
  const key = { projectId: caller.projectId, workspaceId };
  await checkWorkspace(deps.pool, deps, key);
  const connection = (await loadConnection(deps, key, name)) ?? connectionMissing();
  await recordAct(deps.pool, deps, { ...key, name, by: caller.userName, act: "test" });
  return await deps.testConnection(connection, signal);
}

/**
 * Tries a connection as it would be after `saveConnection`, which has the same faults; `connection-unreachable` with
 * the reason where the try fails. Writes nothing.
 */
export async function tryChange(
  deps: ConnectionTestDeps,
  key: WorkspaceKey,
  { name, ...draft }: ConnectionDraft,
  signal: AbortSignal,
): Promise<void> {
  checkConnectionDraft({ ...draft, name });
  await checkWorkspace(deps.pool, deps, key);
  const stored = (await findConnection(deps.pool, key, name)) ?? connectionMissing();
  checkChangeable(stored, draft.type);
  const { config, secrets } = splitSecrets(draft.config, openSecrets(deps, stored));
  const { secretsSealed: _, ...connection } = stored;
  const result = await deps.testConnection({ ...connection, config: { ...config, ...secrets } }, signal);
  if (!result.ok) throw new Fault("unavailable", "connection-unreachable", result.reason);
}

/** Removes a connection; nodes that name it fail from then on. Faults: `connection-missing`, `object-protected`. */
export async function removeConnection(
  deps: ConnectionDeps,
  caller: Caller,
  { workspaceId, name }: { readonly workspaceId: string; readonly name: string },
): Promise<void> {
  const key = { projectId: caller.projectId, workspaceId };
  await transaction(deps.pool, async (db) => {
    await checkWorkspace(db, deps, key);
    checkChangeable((await lockConnection(db, key, name)) ?? connectionMissing());
    await deleteConnection(db, key, name);
    await recordAct(db, deps, { ...key, name, by: caller.userName, act: "delete" });
  });
}

/** A bucket's name means one place in its project. */
async function placeBuckets(
  db: Database,
  connection: Connection | undefined,
  config: ConnectionConfig,
): Promise<void> {
  const buckets = readBuckets(config);
  if (connection === undefined || "problem" in buckets) return;
  const { projectId, id: connectionId } = connection;
  const taken = await putBucketPlaces(db, { projectId, connectionId }, buckets.value);
  if (taken.length > 0)
    invalid("connection-invalid", [
      `config.buckets: another connection of the project leads to ${taken.join(", ")} already`,
    ]);
}

interface ConnectionAct extends WorkspaceKey {
  readonly name: string;
  readonly by: string;
  readonly act: "create" | "save" | "delete" | "test";
}

async function recordAct(
  db: Database,
  { now }: ConnectionDeps,
  { projectId, workspaceId, name, by, act }: ConnectionAct,
): Promise<void> {
  const object = { kind: "connection", id: name };
  await insertAct(db, { projectId, at: now(), by, act, object, detail: { workspace: workspaceId } });
}

function checkChangeable(stored: Connection, type: ConnectionType = stored.type): void {
  if (stored.warehouse)
    throw new Fault(
      "conflict",
      "object-protected",
      "this connection belongs to the server and cannot be changed",
    );
  if (stored.type !== type)
    throw new Fault("invalid", "connection-type-fixed", "the type of a connection cannot change");
}

/**
 * What can be said of a draft by itself. Faults: `connection-invalid` with every problem, `connection-address-missing`.
 */
export function checkConnectionDraft({ name, type, config }: ConnectionDraft): void {
  const nameProblem = checkConnectionName(name);
  const problems = [...(nameProblem === undefined ? [] : [nameProblem]), ...checkConfig(type, config)];
  if (problems.length > 0) invalid("connection-invalid", problems);
  if (type === "DWS" && !hasAddress(config))
    throw new Fault("invalid", "connection-address-missing", "a DWS connection needs clusterName or ip");
}

/** The configuration with masks for its secrets, and those; a mask that came in stands for the stored secret. */
function splitSecrets(
  config: ConnectionConfig,
  stored: Secrets,
): { readonly config: ConnectionConfig; readonly secrets: Secrets } {
  const given = Object.entries(config).filter(([name]) => isSecretMember(name));
  const secrets = given.map(([name, value]) => {
    const secret = value === SECRET_MASK ? stored[name] : String(value);
    if (secret === undefined)
      invalid("connection-invalid", [
        `config.${name}: the mask stands for a stored secret, and there is none`,
      ]);
    return [name, secret] as const;
  });
  const masks = given.map(([name]) => [name, SECRET_MASK] as const);
  return { config: { ...config, ...Object.fromEntries(masks) }, secrets: Object.fromEntries(secrets) };
}

function sealSecrets(
  { masterKeys }: ConnectionDeps,
  key: WorkspaceKey,
  name: string,
  secrets: Secrets,
): Buffer | null {
  if (Object.keys(secrets).length === 0) return null;
  return encryptSecret(masterKeys, placeOf(key, name), JSON.stringify(secrets));
}

function openSecrets({ masterKeys }: ConnectionDeps, stored: SealedConnection): Secrets {
  if (stored.secretsSealed === null) return {};
  return JSON.parse(decryptSecret(masterKeys, placeOf(stored, stored.name), stored.secretsSealed).toString());
}

/** By name, because a connection's name never changes and is known before its row is written. */
function placeOf({ projectId, workspaceId }: WorkspaceKey, name: string): SecretPlace {
  return secretPlace("connection", `${projectId}/${workspaceId}/${name}`);
}

function connectionMissing(): never {
  throw new Fault("not-found", "connection-missing", "the data connection does not exist");
}
