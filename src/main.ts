/** Builds every part of a server once, hands each what it needs, starts and stops them. */

import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import pino from "pino";
import { createAuthenticate } from "./api/authenticate.ts";
import { createConsoleFace } from "./api/console/routes.ts";
import { createFactoryFace } from "./api/factory/routes.ts";
import { createKeystoneFace } from "./api/keystone/routes.ts";
import { createMetrics, type Metrics } from "./api/metrics.ts";
import { createSaharaFace } from "./api/sahara/routes.ts";
import { createServer } from "./api/server.ts";
import { addConnection, type ConnectionDeps } from "./catalog/connections.ts";
import { loadExecutionProgram } from "./catalog/job-executions.ts";
import { createCatalogSources } from "./catalog/work-sources.ts";
import type { Config } from "./config.ts";
import { Fault } from "./domain/fault.ts";
import type { Observation, Observe } from "./domain/observation.ts";
import { DEFAULT_WORKSPACE } from "./domain/project.ts";
import { createCleaner } from "./engine/cleaner.ts";
import { createClock } from "./engine/clock.ts";
import { createEngine } from "./engine/engine.ts";
import { createHistoryKeeper } from "./engine/history.ts";
import type { Engine } from "./engine/operations.ts";
import { createRetention, type Retention } from "./engine/retention.ts";
import type { WorkSources } from "./engine/sources.ts";
import { startTraceExport, type TraceTarget } from "./engine/trace-export.ts";
import { createTraces } from "./engine/traces.ts";
import { bootstrap } from "./identity/bootstrap.ts";
import { createIdentity, type Identity } from "./identity/identity.ts";
import { describeIsolation, detectIsolation, type IsolationReport } from "./operators/isolation.ts";
import { createTopicReaders } from "./operators/kafka-topic.ts";
import { createProcessRunner } from "./operators/process.ts";
import { createOperators, stopOperators } from "./operators/registry.ts";
import { OPERATOR_DEFAULTS, type OperatorSettings } from "./operators/settings.ts";
import { WORK_FOLDER_PREFIX } from "./operators/work-folder.ts";
import { type BlobStore, createFolderBlobs } from "./store/blobs.ts";
import { createBuckets, type ProjectBuckets } from "./store/buckets.ts";
import { type DatabaseConnection, type OpenDatabase, openDatabase } from "./store/database.ts";
import { connectDirectly, type DirectConnection } from "./store/direct-connection.ts";
import { openEmbedded } from "./store/embedded.ts";
import { recordArrival } from "./store/file-arrivals.ts";
import { openMasterKeys } from "./store/master-key.ts";
import { MIGRATIONS_FOLDER, migrate } from "./store/migrate.ts";
import { ensureOwnedDatabase } from "./store/owned-database.ts";
import { findProjectLimits, listProjects } from "./store/projects.ts";

/** A server in this process. */
export interface RunningServer {
  /** Where it answers on this machine, such as `http://127.0.0.1:8790`. */
  readonly url: string;
  /** Whether this start made the project, the user and `credentials.json`. */
  readonly firstStart: boolean;
  readonly projectId: string;
  /** Puts a file of this machine into a bucket of the project, as `obs://bucket/key`, over an older one. */
  readonly seedBucket: (projectId: string, bucket: string, key: string, path: string) => Promise<void>;
  /** Takes no new work, waits for what runs within the grace time, and stops everything, the embedded database included. */
  readonly stop: () => Promise<void>;
}

const clock = createClock(() => new Date());
const { now } = clock;
const newId = () => randomUUID().replaceAll("-", "");
const CONNECTIONS_MAX = 16;
/** A node that waits for other instances costs a promise: nobody should ever meet this. */
const CHILD_SLOTS = 100_000;
/** Nobody else lists or reads it; the system user under whom root's embedded database runs may pass through. */
const DATA_FOLDER_MODE = process.getuid?.() === 0 ? 0o711 : 0o700;

/**
 * Starts every part that the configuration asks for; settles when `/readyz` answers ready.
 * @throws Fault with a message for the operator when something cannot be had.
 */
export async function serve(config: Config): Promise<RunningServer> {
  checkExposure(config);
  const outlook = createOutlook(config);
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of undo.splice(0).reverse()) await end();
  };
  try {
    return await startParts(config, outlook, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  config: Config,
  outlook: Outlook,
  undo: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<RunningServer> {
  await mkdir(config.dataDir, { recursive: true, mode: DATA_FOLDER_MODE });
  await chmod(config.dataDir, DATA_FOLDER_MODE);
  const { observe } = outlook;
  const store = await openStore(config, outlook, undo);
  if (config.traces !== undefined) undo.push(await traceInto(outlook, store, config.traces));
  const masterKeys = await openMasterKeys({
    ...(config.masterKey !== undefined && { text: config.masterKey }),
    file: join(config.dataDir, "master.key"),
  });
  const identity = createIdentity({
    pool: store.pool,
    masterKeys,
    now,
    observe,
    settings: {
      tokenLifeSeconds: config.tokenHours * 3600,
      region: config.region,
      unsignedPayloadAllowed: isLoopback(config.host),
    },
  });
  const metricsToken =
    config.metricsToken ?? (await readOrCreateSecret(join(config.dataDir, "metrics.token")));
  const choices = { ...config, metricsToken };
  const first = await bootstrap(identity, join(config.dataDir, "credentials.json"), choices);
  const catalog: ConnectionDeps = {
    pool: store.pool,
    now,
    masterKeys,
    workspacesOnFirstUse: config.workspacesOnFirstUse,
  };
  const projectId = first?.projectId ?? (await firstProjectId(store));
  if (store.warehouse !== undefined) await ensureWarehouse(catalog, projectId);
  const { engine, retention } = await startEngine(config, { store, catalog, observe, undo });
  const parts = { store, identity, catalog, engine, retention, outlook, metricsToken, observe, undo };
  const url = await listen(config, parts);
  observe({ event: "server-started", address: url, roles: config.roles });
  return {
    url,
    firstStart: first !== undefined,
    projectId,
    seedBucket: (owner, bucket, key, path) =>
      bucketsOf(store, owner).write(`obs://${bucket}/${key}`, createReadStream(path)),
    stop: async () => {
      await stop();
      observe({ event: "server-stopped" });
    },
  };
}

/** Everything that lasts, and how to reach it. */
interface Store {
  readonly pool: OpenDatabase["pool"];
  readonly cut: OpenDatabase["cut"];
  /** A session of our own beside the pool; an embedded database that has died is started again before. */
  readonly connect: () => Promise<DirectConnection>;
  readonly blobs: BlobStore;
  /** Of the database for users' data; absent on an external server. */
  readonly warehouse?: DatabaseConnection;
}

async function openStore(
  config: Config,
  { observe, metrics }: Outlook,
  undo: (() => Promise<unknown>)[],
): Promise<Store> {
  const embedded =
    config.databaseUrl === undefined
      ? await openEmbedded(join(config.dataDir, "postgres"), observe)
      : undefined;
  if (embedded !== undefined) undo.push(embedded.stop);
  const where = embedded?.connection ?? config.databaseUrl ?? "";
  const { pool, close, cut } = await openDatabase(where, observe, {
    connectionsMax: CONNECTIONS_MAX,
    onStatement: metrics.onStatement,
  });
  undo.push(close);
  const client = await pool.connect();
  try {
    await migrate(client, MIGRATIONS_FOLDER, now, observe);
  } finally {
    client.release();
  }
  const blobs = createFolderBlobs(join(config.dataDir, "blobs"));
  const connect = async () => {
    await embedded?.revive();
    return await connectDirectly(where);
  };
  if (embedded === undefined) return { pool, cut, connect, blobs };
  const password = await readOrCreateSecret(join(config.dataDir, "warehouse.password"));
  const warehouse = await ensureOwnedDatabase(embedded.connection, {
    name: "warehouse",
    password,
    connectionsMax: 20,
    statementTimeoutMs: OPERATOR_DEFAULTS.sql.statementTimeoutMs,
    temporaryFilesMaxBytes: OPERATOR_DEFAULTS.sql.duckdbSpillBytes,
  });
  return { pool, cut, connect, blobs, warehouse };
}

interface EngineParts {
  readonly store: Store;
  readonly catalog: ConnectionDeps;
  readonly observe: Observe;
  readonly undo: (() => Promise<unknown>)[];
}

async function startEngine(
  config: Config,
  { store, catalog, observe, undo }: EngineParts,
): Promise<{ readonly engine: Engine; readonly retention: Retention }> {
  const settings = operatorSettings(config, store);
  const runner = await createProcessRunner(settings);
  undo.push(runner.stop);
  const operators = createOperators(settings, runner);
  undo.push(() => stopOperators(operators));
  const engine = createEngine({
    pool: store.pool,
    connect: store.connect,
    cutConnections: store.cut,
    clock,
    lease: { leaseMs: config.leaseSeconds * 1000, beatMs: config.beatSeconds * 1000 },
    ...(config.databasePooled !== undefined && { pooled: config.databasePooled }),
    drainGraceMs: config.drainSeconds * 1000,
    operators,
    sources: workSources(config, store, catalog),
    blobs: store.blobs,
    roles: config.roles.filter((role) => role !== "api"),
    slots: slotsOf(config),
    now,
    random: Math.random,
    observe,
    timeZone: config.timeZone,
  });
  await engine.start();
  undo.push(engine.stop);
  const cleaner = createCleaner({ pool: store.pool, now, observe });
  cleaner.start();
  undo.push(cleaner.stop);
  const history = { pool: store.pool, now, observe, periodDays: config.historyPeriodDays };
  const keeper = createHistoryKeeper(history);
  const retention = createRetention({ ...history, blobs: store.blobs });
  for (const loop of [keeper, retention.loop]) {
    loop.start();
    undo.push(loop.stop);
  }
  return { engine, retention };
}

function slotsOf({ processSlots, streamSlots }: Config) {
  return { inline: 1000, process: processSlots, stream: streamSlots, child: CHILD_SLOTS };
}

function operatorSettings(config: Config, store: Store): OperatorSettings {
  const { warehouse } = store;
  return {
    ...OPERATOR_DEFAULTS,
    workFolder: join(
      tmpdir(),
      `${WORK_FOLDER_PREFIX}${createHash("sha256").update(config.dataDir).digest("hex").slice(0, 12)}`,
    ),
    hiddenFolders: [config.dataDir],
    userSlot: async (projectId) =>
      (await findProjectLimits(store.pool, projectId))?.userSlot ?? missingProject(),
    allowedAddresses: config.allowedPrivateAddresses,
    ...ownDatabase(config),
    ...(warehouse !== undefined && { warehouse: async () => warehouse }),
  };
}

function ownDatabase({ databaseUrl }: Config): Pick<OperatorSettings, "ownDatabase"> {
  if (databaseUrl === undefined) return {};
  const url = new URL(databaseUrl);
  return {
    ownDatabase: { host: url.hostname, port: Number(url.port || 5432), database: url.pathname.slice(1) },
  };
}

function workSources(config: Config, store: Store, catalog: ConnectionDeps): WorkSources {
  return {
    ...createCatalogSources(catalog),
    loadProgram: ({ projectId }, instanceId) =>
      loadExecutionProgram({ pool: store.pool, blobs: store.blobs }, projectId, instanceId),
    localCommandsAllowed: async (projectId) =>
      config.localCommands && ((await findProjectLimits(store.pool, projectId))?.localCommands ?? false),
    buckets: (projectId) => bucketsOf(store, projectId),
    openTopic: createTopicReaders({ allowedAddresses: config.allowedPrivateAddresses }),
  };
}

/** What arrives in them starts the jobs that wait for it. */
function bucketsOf({ pool, blobs }: Store, projectId: string): ProjectBuckets {
  return createBuckets(blobs, projectId, (path) => recordArrival(pool, projectId, path, now()));
}

/** How far this machine lets nodes be kept apart, in plain words, and where they look for commands; tries it out. */
export async function examineIsolation(
  config: Config,
): Promise<IsolationReport & { readonly searchPath: string }> {
  const settings = { ...OPERATOR_DEFAULTS, workFolder: tmpdir(), hiddenFolders: [config.dataDir] };
  return { ...describeIsolation(await detectIsolation(settings)), searchPath: settings.searchPath };
}

interface ApiParts extends EngineParts {
  readonly identity: Identity;
  readonly engine: Engine;
  readonly retention: Retention;
  readonly outlook: Outlook;
  readonly metricsToken: string;
}

/** Gives the address; without the `api` role only health and metrics are served there. */
async function listen(
  config: Config,
  { store, identity, catalog, engine, retention, outlook, metricsToken, observe, undo }: ApiParts,
): Promise<string> {
  const { uploadBytesMax } = config;
  const buckets = (projectId: string) => bucketsOf(store, projectId);
  const shared = { ...catalog, blobs: store.blobs, buckets, uploadBytesMax, engine, newId };
  const faces = config.roles.includes("api")
    ? [
        createKeystoneFace(identity),
        createFactoryFace({ ...shared, pageMax: config.factoryPageMax, timeZone: config.timeZone }),
        createSaharaFace(shared),
        createConsoleFace({ ...shared, retention, timeZone: config.timeZone }),
      ]
    : [];
  const app: FastifyInstance = await createServer({
    faces,
    authenticate: createAuthenticate(identity),
    observe,
    elapsedMs: () => performance.now(),
    newId,
    ...(config.publicUrl !== undefined && { publicUrl: config.publicUrl }),
    requestsMax: config.requestsMax,
    checkReady: async () => void (await store.pool.query("select 1")),
    metrics: { metrics: outlook.metrics, token: metricsToken, pool: store.pool },
    within: outlook.within,
  });
  undo.push(() => app.close());
  try {
    return await app.listen({ host: config.host, port: config.port });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Fault("unavailable", "server-unavailable", `cannot listen there: ${reason}`, { cause });
  }
}

/** The connection by which SQL nodes of the first project reach the embedded server's own database for users' data. */
async function ensureWarehouse(catalog: ConnectionDeps, projectId: string): Promise<void> {
  const draft = {
    name: "warehouse",
    type: "RDS",
    description: "The embedded PostgreSQL's database for your data",
    config: {},
  } as const;
  try {
    await addConnection(catalog, { projectId, workspaceId: DEFAULT_WORKSPACE }, "azalai", {
      ...draft,
      warehouse: true,
    });
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "connection-exists") throw error;
  }
}

async function firstProjectId({ pool }: Store): Promise<string> {
  const [project] = await listProjects(pool, { name: "default" }, 1);
  return project?.id ?? missingProject();
}

function missingProject(): never {
  throw new Fault("not-found", "project-missing", "the project is not there any more");
}

async function readOrCreateSecret(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    const secret = randomBytes(24).toString("base64url");
    await writeFile(file, secret, { mode: 0o600, flush: true });
    return secret;
  }
}

/** Source: product 2: beyond loopback only with a password that somebody chose. */
function checkExposure(config: Config): void {
  if (isLoopback(config.host) || config.adminPassword !== undefined) return;
  throw new Fault(
    "invalid",
    "request-invalid",
    `listening on ${config.host} needs a chosen password: set AZALAI_ADMIN_PASSWORD, or listen on 127.0.0.1`,
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

/** Where all that is observed goes: to the log, and into the metrics. */
interface Outlook {
  readonly observe: Observe;
  readonly metrics: Metrics;
  /** From now on, all that is observed is told to `observe` as well. */
  readonly add: (observe: Observe) => void;
  /** What `work` leads to is logged with the request's id. */
  readonly within: <Value>(requestId: string, work: () => Promise<Value>) => Promise<Value>;
}

function createOutlook(config: Config): Outlook {
  const requests = new AsyncLocalStorage<string>();
  const metrics = createMetrics({ now, slots: config.roles.includes("worker") ? slotsOf(config) : {} });
  const all = [metrics.observe, createLog(config.logLevel, () => requests.getStore())];
  return {
    metrics,
    observe: (observation) => {
      for (const observe of all) observe(observation);
    },
    add: (observe) => void all.push(observe),
    within: (requestId, work) => requests.run(requestId, work),
  };
}

/** Sends spans of instances and attempts; gives what ends that. */
async function traceInto(
  { observe, add }: Outlook,
  { pool }: Store,
  target: TraceTarget,
): Promise<() => Promise<void>> {
  const { stop, ...spans } = await startTraceExport(target);
  add(createTraces({ db: pool, observe, ...spans }));
  return stop;
}

/** Observations that say nothing to somebody who only watches. */
const QUIET: ReadonlySet<Observation["event"]> = new Set([
  "request-done",
  "instance-started",
  "instance-ended",
  "attempt-started",
  "attempt-ended",
  "planned-run-started",
]);

function createLog(level: string, requestIdNow: () => string | undefined): Observe {
  const log = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: describeError } },
    pino.destination({ dest: 2, sync: false }),
  );
  return (observation) => {
    if (observation.event === "dispatch-sampled") return;
    const isQuiet = QUIET.has(observation.event);
    if (isQuiet && !log.isLevelEnabled("debug")) return;
    const { event, ...members } = observation;
    const requestId = requestIdNow();
    const line = requestId === undefined ? members : { requestId, ...members };
    if ("error" in members) log.error(line, event);
    else if (isQuiet) log.debug(line, event);
    else log.info(line, event);
  };
}

/** What a log needs of an error; drivers hang whole connections on theirs. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = error;
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  return { message, stack, ...("code" in error && { code: error.code }), ...cause };
}
