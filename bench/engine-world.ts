/** An engine with all operators on an embedded database of its own, and jobs for it to run. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool } from "pg";
import { LOCAL_CLUSTER_ID } from "../src/domain/cluster.ts";
import { type JobNode, NODE_DEFAULTS } from "../src/domain/job.ts";
import type { Observation } from "../src/domain/observation.ts";
import { createEngine } from "../src/engine/engine.ts";
import type { WorkSources } from "../src/engine/sources.ts";
import { createClusterAdapters } from "../src/operators/cluster-adapters.ts";
import type { Operator } from "../src/operators/operator.ts";
import { createProcessRunner } from "../src/operators/process.ts";
import { createOperators, stopOperators } from "../src/operators/registry.ts";
import { OPERATOR_DEFAULTS } from "../src/operators/settings.ts";
import { createFolderBlobs } from "../src/store/blobs.ts";
import { openDatabase } from "../src/store/database.ts";
import { connectDirectly } from "../src/store/direct-connection.ts";
import { openEmbedded } from "../src/store/embedded.ts";
import { MIGRATIONS_FOLDER, migrate } from "../src/store/migrate.ts";

/** As many at a time as one call of the engine may settle, within the pool's connections. */
export const LANES = 8;

export interface EngineWorld {
  readonly pool: Pool;
  readonly engine: ReturnType<typeof createEngine>;
  readonly projectId: string;
  readonly ended: (instanceIds: readonly number[]) => Promise<void>;
  /** Resolves when the next node of type `Probe` runs, with the time. */
  readonly probed: () => Promise<number>;
  readonly close: () => Promise<void>;
}

/** Starts so many instances of the job and waits until all have ended well. */
export async function runAll(
  { engine, projectId, ended }: EngineWorld,
  jobId: number,
  count: number,
): Promise<void> {
  const ids: number[] = [];
  const lane = async () => {
    while (ids.length < count) {
      const place = ids.push(0) - 1;
      ids[place] = await engine.runNow({ projectId, jobId, by: "bench" });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await ended(ids);
}

/** A node that follows those that `after` names. */
export function node(
  name: string,
  after: readonly string[] = [],
  type = "Dummy",
  properties: Readonly<Record<string, string>> = {},
): JobNode {
  return { ...NODE_DEFAULTS, name, type, after, conditions: [], properties };
}

/** Saves a job of these nodes under a name of its own; gives its id. The workspace is there. */
export async function addJob(
  { pool, projectId }: EngineWorld,
  nodes: readonly JobNode[],
  workspaceId = "default",
): Promise<number> {
  const schedule = { type: "once" };
  const definition = { kind: "batch", nodes, parameters: [], schedule, priority: 0, dryRun: false };
  const { rows } = await pool.query<{ id: number }>(
    `with made as (
       insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
       values ($1, $4, $2, 'batch', 1, now(), 'bench', now(), 'bench') returning id
     ), version as (
       insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
       select $1, id, 1, $3, '{}', now(), 'bench' from made
     )
     select id from made`,
    [projectId, randomBytes(6).toString("hex"), JSON.stringify(definition), workspaceId],
  );
  return rows[0]?.id ?? 0;
}

/** Starts it; its connection `warehouse` leads to the engine's own database. */
export async function openEngineWorld(): Promise<EngineWorld> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-bench-engine-"));
  const embedded = await openEmbedded(join(folder, "postgres"), () => undefined);
  const direct = () => connectDirectly(embedded.connection);
  const { pool, close } = await openDatabase(embedded.connection, () => undefined);
  const client = await pool.connect();
  await migrate(
    client,
    MIGRATIONS_FOLDER,
    () => new Date(),
    () => undefined,
  );
  client.release();
  const projectId = await addProject(pool);
  const settings = {
    ...OPERATOR_DEFAULTS,
    workFolder: join(tmpdir(), `azalai-bench-work-${randomBytes(4).toString("hex")}`),
    hiddenFolders: [folder],
    userSlot: async () => 0,
    warehouse: async () => ({ ...embedded.connection, password: embedded.connection.password ?? "" }),
  };
  const runner = await createProcessRunner(settings);
  const operators = createOperators(settings, runner, createClusterAdapters(settings));
  let probe: (time: number) => void = () => undefined;
  const probeOperator: Operator = {
    types: ["Probe"],
    lane: "inline",
    run: async () => {
      probe(performance.now());
      return { state: "succeeded" };
    },
  };
  const ends = createEnds();
  const engine = createEngine({
    pool,
    connect: direct,
    operators: [...operators, probeOperator],
    sources: SOURCES,
    cancelSubmission: async () => "forgotten",
    blobs: createFolderBlobs(join(folder, "blobs")),
    roles: ["worker"],
    slots: { inline: 1000, process: 16, stream: 32, child: 1000, remote: 100 },
    now: () => new Date(),
    random: Math.random,
    observe: ends.observe,
    timeZone: "UTC",
  });
  await engine.start();
  return {
    pool,
    engine,
    projectId,
    ended: ends.ended,
    probed: () =>
      new Promise((resolve) => {
        probe = resolve;
      }),
    close: async () => {
      await engine.stop();
      await stopOperators(operators);
      await runner.stop();
      await rm(settings.workFolder, { recursive: true, force: true });
      await close();
      await embedded.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function addProject(pool: Pool): Promise<string> {
  const projectId = randomBytes(16).toString("hex");
  await pool.query("insert into project (id, name, created_at) values ($1, 'bench', now())", [projectId]);
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', now())", [
    projectId,
  ]);
  return projectId;
}

const SOURCES: WorkSources = {
  loadCluster: async () => ({ id: LOCAL_CLUSTER_ID, name: "local", local: true, services: {} }),
  loadScript: async () => undefined,
  loadMigration: async () => undefined,
  loadResourceFiles: async () => undefined,
  loadConnection: async (_, name) => ({ name, type: "RDS", config: {}, warehouse: true }),
  loadEnvironment: async () => ({}),
  loadCalendar: async () => undefined,
  loadProgram: async () => ({ files: [], args: [], environment: {} }),
  localCommandsAllowed: async () => true,
  openTopic: () => Promise.reject(new RangeError("no topics here")),
  publish: () => Promise.reject(new RangeError("no notices here")),
  openBucket: () => {
    throw new RangeError("no endpoints here");
  },
  buckets: () => ({
    open: () => Promise.reject(new RangeError("no buckets here")),
    list: async () => [],
    exists: async () => false,
    localPath: async () => undefined,
    write: async () => undefined,
    createFolder: async () => undefined,
    remove: async () => false,
  }),
};

/** Hears of ends, also of those that came before anybody asked. */
function createEnds() {
  const seen = new Set<number>();
  let look: () => void = () => undefined;
  return {
    observe: (observation: Observation) => {
      if (observation.event === "loop-failed") console.error(observation);
      if (observation.event !== "instance-ended") return;
      if (observation.state !== "succeeded")
        throw new Error(`instance ${observation.instanceId} ${observation.state}`);
      seen.add(observation.instanceId);
      look();
    },
    ended: (ids: readonly number[]) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (ids.every((id) => seen.has(id))) resolve();
        };
        look();
      }),
  };
}
