/** The HTTP server with its faces, listening. */
import { createAuthenticate } from "../api/authenticate.ts";
import { createConsoleFace } from "../api/console/routes.ts";
import { createFactoryFace } from "../api/factory/routes.ts";
import { createKeystoneFace } from "../api/keystone/routes.ts";
import type { Face } from "../api/route.ts";
import { createSaharaFace } from "../api/sahara/routes.ts";
import { createServer } from "../api/server.ts";
import type { ConnectionDeps } from "../catalog/connections.ts";
import type { JobQuota } from "../catalog/jobs.ts";
import type { Config } from "../config.ts";
import { Fault } from "../domain/fault.ts";
import { PACKAGE_LIMITS } from "../domain/package.ts";
import { pluginsOf } from "../domain/plugin.ts";
import type { Identity } from "../identity/identity.ts";
import type { BucketsOf } from "./buckets.ts";
import type { RunningEngine } from "./engine.ts";
import type { Notices } from "./notices.ts";
import type { Outlook } from "./outlook.ts";
import type { Store } from "./store.ts";

export interface ApiSurroundings extends RunningEngine {
  readonly store: Store;
  readonly identity: Identity;
  readonly catalog: ConnectionDeps & JobQuota;
  readonly buckets: BucketsOf;
  readonly notices: Notices;
  readonly outlook: Outlook;
  /** What `/metrics` is asked for with. */
  readonly metricsToken: string;
  /** A fresh id of 32 hexadecimal digits. */
  readonly newId: () => string;
  /** What ends each part, in the order of their beginnings. */
  readonly undo: (() => Promise<unknown>)[];
}

/**
 * Gives the address; without the `api` role only health and metrics are served there.
 * @throws Fault `server-unavailable` where it cannot listen.
 */
export async function listen(config: Config, surroundings: ApiSurroundings): Promise<string> {
  const { store, identity, outlook, metricsToken, newId, undo } = surroundings;
  const app = await createServer({
    faces: config.roles.includes("api") ? createFaces(config, surroundings) : [],
    authenticate: createAuthenticate(identity),
    observe: outlook.observe,
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

function createFaces(
  { uploadBytesMax, packageBytesMax, factoryPageMax, timeZone, region, fakePlugin }: Config,
  surroundings: ApiSurroundings,
): Face[] {
  const { store, identity, catalog, engine, retention, secrets, notices, tasks } = surroundings;
  const { buckets, testConnection, testCluster, newId } = surroundings;
  const { blobs } = store;
  const packageLimits = { ...PACKAGE_LIMITS, bytesMax: packageBytesMax };
  const shared = {
    ...catalog,
    region,
    blobs,
    buckets,
    uploadBytesMax,
    engine,
    testConnection,
    testCluster,
    newId,
  };
  return [
    createKeystoneFace(identity),
    createFactoryFace({ ...shared, packageLimits, taskAdded: tasks.wake, pageMax: factoryPageMax, timeZone }),
    createSaharaFace({ ...shared, plugins: pluginsOf({ fake: fakePlugin }) }),
    createConsoleFace({
      ...shared,
      identity,
      retention,
      secrets,
      timeZone,
      mails: notices.mails,
      noticesPublished: notices.wake,
    }),
  ];
}
