/** The run engine of this server, started, and the loops that keep what it leaves behind in order. */
import type { TestCluster } from "../catalog/clusters.ts";
import type { ConnectionDeps } from "../catalog/connections.ts";
import type { JobQuota } from "../catalog/jobs.ts";
import { loadExecutionProgram } from "../catalog/run-programs.ts";
import { createCatalogSources } from "../catalog/work-sources.ts";
import type { Config } from "../config.ts";
import type { TestConnection } from "../domain/connection.ts";
import type { Observe } from "../domain/observation.ts";
import { PACKAGE_LIMITS } from "../domain/package.ts";
import { createCleaner } from "../engine/cleaner.ts";
import type { Clock } from "../engine/clock.ts";
import { createEngine } from "../engine/engine.ts";
import { createHistoryKeeper } from "../engine/history.ts";
import type { Loop } from "../engine/loop.ts";
import type { Engine } from "../engine/operations.ts";
import { createRetention, type Retention } from "../engine/retention.ts";
import { createSecretRotation, type SecretRotation } from "../engine/secret-rotation.ts";
import type { WorkSources } from "../engine/sources.ts";
import type { Slots } from "../engine/worker.ts";
import { createConnectionTest } from "../operators/connection-tests.ts";
import { createTopicReaders } from "../operators/kafka-topic.ts";
import { sparkSqlServer } from "../operators/local-spark-sql.ts";
import { createProcessRunner } from "../operators/process.ts";
import { createOperators, stopOperators } from "../operators/registry.ts";
import { createBucketOpener } from "../operators/s3-bucket.ts";
import { findProjectLimits } from "../store/projects.ts";
import type { BucketsOf } from "./buckets.ts";
import { createClusters } from "./clusters.ts";
import { openLocalClusters } from "./local-software.ts";
import type { Notices } from "./notices.ts";
import { operatorSettings } from "./operators.ts";
import type { Store } from "./store.ts";
import { createTasks } from "./tasks.ts";

export interface EngineSurroundings {
  readonly store: Store;
  readonly catalog: ConnectionDeps & JobQuota;
  readonly buckets: BucketsOf;
  readonly notices: Notices;
  readonly clock: Clock;
  readonly observe: Observe;
  /** A fresh id of 32 hexadecimal digits. */
  readonly newId: () => string;
  /** What ends each part, in the order of their beginnings. */
  readonly undo: (() => Promise<unknown>)[];
}

export interface RunningEngine {
  readonly engine: Engine;
  readonly retention: Retention;
  readonly secrets: SecretRotation;
  readonly tasks: Loop;
  readonly testConnection: TestConnection;
  readonly testCluster: TestCluster;
}

/** Nodes that do nothing but settle. */
const INLINE_SLOTS = 1_000;
/** A node that waits for other instances costs a promise: nobody should ever meet this. */
const CHILD_SLOTS = 100_000;

/** Attempts of each lane that a server with the role `worker` runs at a time. */
export function slotsOf({ processSlots, remoteSlots, streamSlots }: Config): Slots {
  return {
    inline: INLINE_SLOTS,
    process: processSlots,
    stream: streamSlots,
    child: CHILD_SLOTS,
    remote: remoteSlots,
  };
}

/** Works on the database's node runs when it resolves. */
export async function startEngine(config: Config, surroundings: EngineSurroundings): Promise<RunningEngine> {
  const { store, catalog, buckets, clock, observe, newId, undo } = surroundings;
  const { pool, blobs } = store;
  const { now } = clock;
  const settings = operatorSettings(config, store);
  const runner = await createProcessRunner(settings);
  undo.push(runner.stop);
  const clusters = createClusters(config, { ...catalog, pool, now, observe });
  undo.push(async () => clusters.adapters.close());
  const local = openLocalClusters(config, { operators: settings, runner, now });
  undo.push(local.stop);
  const operators = createOperators(settings, runner, clusters.adapters, {
    sql: sparkSqlServer(local, settings.sql),
  });
  undo.push(() => stopOperators(operators));
  const sources = workSources(config, surroundings);
  const engine = createEngine({
    pool,
    connect: store.connect,
    cutConnections: store.cut,
    clock,
    lease: { leaseMs: config.leaseSeconds * 1000, beatMs: config.beatSeconds * 1000 },
    ...(config.databasePooled !== undefined && { pooled: config.databasePooled }),
    drainGraceMs: config.drainSeconds * 1000,
    operators,
    sources,
    cancelSubmission: clusters.cancelSubmission,
    blobs,
    roles: config.roles.filter((role) => role !== "api"),
    slots: slotsOf(config),
    now,
    random: Math.random,
    observe,
    timeZone: config.timeZone,
  });
  await engine.start();
  undo.push(engine.stop);
  const history = { pool, now, observe, periodDays: config.historyPeriodDays };
  const retention = createRetention({ ...history, blobs });
  const secrets = createSecretRotation({ pool, masterKeys: catalog.masterKeys, observe });
  const tasks = createTasks({
    ...catalog,
    newId,
    scheduleSaved: engine.scheduleSaved,
    buckets,
    limits: { ...PACKAGE_LIMITS, bytesMax: config.packageBytesMax },
    observe,
    timeZone: config.timeZone,
  });
  for (const loop of [
    createCleaner({ pool, now, observe }),
    createHistoryKeeper(history),
    retention.loop,
    secrets.loop,
    tasks,
    clusters.checks,
  ]) {
    loop.start();
    undo.push(loop.stop);
  }
  const { localCommandsAllowed } = sources;
  const testConnection = createConnectionTest({ settings, operators, buckets, localCommandsAllowed, now });
  const { testCluster } = clusters;
  return { engine, retention, secrets, tasks, testConnection, testCluster };
}

function workSources(
  config: Config,
  { store, catalog, buckets, notices, clock }: EngineSurroundings,
): WorkSources {
  const { pool, blobs } = store;
  const allowedAddresses = config.allowedPrivateAddresses;
  return {
    ...createCatalogSources(catalog),
    loadProgram: ({ projectId }, instanceId) =>
      loadExecutionProgram({ pool, blobs, buckets, masterKeys: catalog.masterKeys }, projectId, instanceId),
    localCommandsAllowed: async (projectId) =>
      config.localCommands && ((await findProjectLimits(pool, projectId))?.localCommands ?? false),
    buckets,
    publish: notices.publish,
    openTopic: createTopicReaders({ allowedAddresses }),
    openBucket: createBucketOpener({ allowedAddresses, now: clock.now }),
  };
}
