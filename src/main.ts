/** A server in this process: has each part built in its turn, hands each what it needs, and ends them all. */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { Fault } from "./domain/fault.ts";
import { createClock } from "./engine/clock.ts";
import { bootstrap } from "./identity/bootstrap.ts";
import { createIdentity, type IdentitySettings } from "./identity/identity.ts";
import { listen } from "./parts/api.ts";
import { placeBuckets } from "./parts/buckets.ts";
import { slotsOf, startEngine } from "./parts/engine.ts";
import { startNotices } from "./parts/notices.ts";
import { createOutlook } from "./parts/outlook.ts";
import { readOrCreateSecret } from "./parts/secret-file.ts";
import { openStore } from "./parts/store.ts";
import { offerWarehouse } from "./parts/warehouse.ts";
import type { DatabasePool } from "./store/database.ts";
import { openMasterKeys } from "./store/master-key.ts";
import { listProjects } from "./store/projects.ts";

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
/** Nobody else lists or reads it; the system user under whom root's embedded database runs may pass through. */
const DATA_FOLDER_MODE = process.getuid?.() === 0 ? 0o711 : 0o700;

/**
 * Starts every part that the configuration asks for; settles when `/readyz` answers ready.
 * @throws Fault with a message for the operator when something cannot be had.
 */
export async function serve(config: Config): Promise<RunningServer> {
  checkExposure(config);
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of undo.splice(0).reverse()) await end();
  };
  try {
    return await startParts(config, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  config: Config,
  undo: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<RunningServer> {
  const { dataDir } = config;
  const works = config.roles.includes("worker");
  await mkdir(dataDir, { recursive: true, mode: DATA_FOLDER_MODE });
  await chmod(dataDir, DATA_FOLDER_MODE);
  const outlook = createOutlook(config.logLevel, { now, slots: works ? slotsOf(config) : {} });
  const { observe } = outlook;
  const store = await openStore(config, { now, outlook, undo });
  const { pool } = store;
  if (config.traces !== undefined) undo.push(await outlook.traceTo(config.traces, pool));
  const masterKeys = await openMasterKeys({
    ...(config.masterKey !== undefined && { text: config.masterKey }),
    file: join(dataDir, "master.key"),
  });
  const identity = createIdentity({ pool, masterKeys, now, observe, settings: identitySettings(config) });
  const metricsToken = config.metricsToken ?? (await readOrCreateSecret(join(dataDir, "metrics.token")));
  const first = await bootstrap(identity, join(dataDir, "credentials.json"), { ...config, metricsToken });
  const projectId = first?.projectId ?? (await firstProjectId(pool));
  const catalog = {
    pool,
    now,
    masterKeys,
    workspacesOnFirstUse: config.workspacesOnFirstUse,
    ...(config.factoryJobsMax > 0 && { jobsMax: config.factoryJobsMax }),
  };
  if (store.warehouse !== undefined) await offerWarehouse(catalog, projectId);
  const notices = startNotices(config, { catalog, observe, undo });
  const buckets = placeBuckets(config, catalog, store.bucketsOf);
  const running = await startEngine(config, {
    store,
    catalog,
    buckets,
    notices,
    clock,
    observe,
    newId,
    undo,
  });
  const url = await listen(config, {
    ...running,
    notices,
    store,
    identity,
    catalog,
    buckets,
    outlook,
    metricsToken,
    newId,
    undo,
  });
  observe({ event: "server-started", address: url, roles: config.roles });
  return {
    url,
    firstStart: first !== undefined,
    projectId,
    seedBucket: (owner, bucket, key, path) =>
      store.bucketsOf(owner).write(`obs://${bucket}/${key}`, createReadStream(path)),
    stop: async () => {
      await stop();
      observe({ event: "server-stopped" });
    },
  };
}

function identitySettings({ tokenHours, region, host }: Config): Partial<IdentitySettings> {
  return { tokenLifeSeconds: tokenHours * 3600, region, unsignedPayloadAllowed: isLoopback(host) };
}

async function firstProjectId(pool: DatabasePool): Promise<string> {
  const [project] = await listProjects(pool, { name: "default" }, 1);
  if (project !== undefined) return project.id;
  throw new Fault(
    "not-found",
    "project-missing",
    'the project "default" of the first start is not there any more',
  );
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
