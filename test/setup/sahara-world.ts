/** A server with the data-processing API in this process: real database, real engine, real processes; its own tokens. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import type { FastifyInstance } from "fastify";
import type { Authenticate } from "../../src/api/authenticate.ts";
import type { SaharaDeps } from "../../src/api/sahara/resource.ts";
import { createSaharaFace } from "../../src/api/sahara/routes.ts";
import { createServer } from "../../src/api/server.ts";
import type { ExecutionEngine } from "../../src/catalog/execution-engine.ts";
import { loadExecutionProgram } from "../../src/catalog/run-programs.ts";
import { Fault } from "../../src/domain/fault.ts";
import { pluginsOf } from "../../src/domain/plugin.ts";
import { ROLES } from "../../src/domain/user.ts";
import { createEngine } from "../../src/engine/engine.ts";
import { createClusterAdapters } from "../../src/operators/cluster-adapters.ts";
import { createProcessRunner } from "../../src/operators/process.ts";
import { createOperators } from "../../src/operators/registry.ts";
import { OPERATOR_DEFAULTS } from "../../src/operators/settings.ts";
import { createFolderBlobs } from "../../src/store/blobs.ts";
import { createBuckets, type ProjectBuckets } from "../../src/store/buckets.ts";
import { connectDirectly } from "../../src/store/direct-connection.ts";
import { createMasterKey } from "../../src/store/secrets.ts";
import { NO_SOURCES } from "./no-sources.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

export interface SaharaWorld {
  readonly app: FastifyInstance;
  readonly database: TestDatabase;
  readonly deps: SaharaDeps;
  readonly buckets: (projectId: string) => ProjectBuckets;
  readonly close: () => Promise<void>;
}

/** A token that makes its bearer a member of the project, or whatever role is named. */
export function tokenOf(projectId: string, role: (typeof ROLES)[number] = "admin"): string {
  return `${role}-${projectId}`;
}

/** `engine`: `real` runs what is executed; `none` keeps everything waiting. */
export async function saharaWorld(
  engine: "real" | "none",
  changes: Partial<SaharaDeps> = {},
): Promise<SaharaWorld> {
  const database = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), "azalai-sahara-"));
  const blobs = createFolderBlobs(join(folder, "blobs"));
  const masterKeys = { current: createMasterKey(), previous: [] };
  const { run, stop } = await startEngine(engine, database, { blobs, masterKeys }, folder);
  const deps: SaharaDeps = {
    pool: database.pool,
    blobs,
    buckets: (projectId) => createBuckets(blobs, projectId),
    masterKeys,
    now: () => new Date(),
    newId,
    engine: run,
    plugins: pluginsOf({ fake: false }),
    ...changes,
  };
  const app = await createServer({
    faces: [createSaharaFace(deps)],
    authenticate: authenticator(database),
    observe: (observation) => {
      // A test that meets a 500 wants to know why.
      if (observation.event === "request-failed") process.stderr.write(`${inspect(observation.error)}\n`);
    },
    elapsedMs: () => performance.now(),
    newId,
    checkReady: async () => undefined,
  });
  return {
    app,
    database,
    deps,
    buckets: (projectId) => createBuckets(blobs, projectId),
    close: async () => {
      await app.close();
      await stop();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startEngine(
  kind: "real" | "none",
  { pool, connection }: TestDatabase,
  { blobs, masterKeys }: Pick<SaharaDeps, "blobs" | "masterKeys">,
  folder: string,
): Promise<{ run: ExecutionEngine; stop: () => Promise<void> }> {
  const settings = {
    ...OPERATOR_DEFAULTS,
    workFolder: `${folder}-work`,
    hiddenFolders: [folder],
    userSlot: async () => 0,
    allowedAddresses: [],
  };
  const runner = await createProcessRunner(settings);
  const buckets = (projectId: string) => createBuckets(blobs, projectId);
  const run = createEngine({
    pool,
    connect: () => connectDirectly(connection),
    operators: createOperators(settings, runner, createClusterAdapters(settings)),
    sources: {
      loadCluster: NO_SOURCES.loadCluster,
      loadScript: async () => undefined,
      loadMigration: async () => undefined,
      loadResourceFiles: async () => undefined,
      loadConnection: async () => undefined,
      loadEnvironment: async () => ({}),
      loadCalendar: async () => undefined,
      loadProgram: ({ projectId }, instanceId) =>
        loadExecutionProgram({ pool, blobs, buckets, masterKeys }, projectId, instanceId),
      localCommandsAllowed: async () => true,
      openTopic: () => Promise.reject(new RangeError("no topics here")),
      publish: () => Promise.reject(new RangeError("no notices here")),
      openBucket: () => {
        throw new RangeError("no endpoints here");
      },
      buckets,
    },
    cancelSubmission: async () => "forgotten",
    blobs,
    roles: kind === "real" ? ["scheduler", "worker"] : [],
    slots: { inline: 100, process: 4, stream: 2, child: 1000, remote: 100 },
    now: () => new Date(),
    random: Math.random,
    observe: () => undefined,
    timeZone: "UTC",
  });
  await run.start();
  return {
    run,
    stop: async () => {
      await run.stop();
      await runner.stop();
      await rm(`${folder}-work`, { recursive: true, force: true });
    },
  };
}

/** A token names role and project; the project comes into being with it. */
function authenticator({ pool }: TestDatabase): Authenticate {
  const known = new Set<string>();
  return async (request, projectId) => {
    const match = /^([a-z]+)-([0-9a-f]{32})$/.exec(String(request.headers["x-auth-token"] ?? ""));
    const role = ROLES.find((one) => one === match?.[1]);
    const own = match?.[2];
    if (role === undefined || own === undefined || (projectId !== undefined && projectId !== own))
      throw new Fault("unauthenticated", "credentials-refused", "the token is missing or of another project");
    if (!known.has(own))
      await pool.query(
        "insert into project (id, name, created_at) values ($1::uuid, $1::uuid::text, now()) on conflict do nothing",
        [own],
      );
    known.add(own);
    return {
      userId: own,
      userName: "tester",
      projectId: own,
      role,
      workspaceRoles: new Map(),
      credential: { kind: "token", id: "test" },
    };
  };
}

function newId(): string {
  return randomUUID().replaceAll("-", "");
}
