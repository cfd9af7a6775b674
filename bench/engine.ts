/** The engine on an embedded database of its own: node runs a second, hops of a chain, first start, shell nodes in a row. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool } from "pg";
import { type JobNode, NODE_DEFAULTS } from "../src/domain/job.ts";
import type { Observation } from "../src/domain/observation.ts";
import { createEngine } from "../src/engine/engine.ts";
import type { Engine } from "../src/engine/operations.ts";
import { createDummyOperator } from "../src/operators/dummy.ts";
import type { Operator } from "../src/operators/operator.ts";
import { createProcessRunner } from "../src/operators/process.ts";
import { OPERATOR_DEFAULTS } from "../src/operators/settings.ts";
import { createShellOperator } from "../src/operators/shell.ts";
import { createFolderBlobs } from "../src/store/blobs.ts";
import { openDatabase } from "../src/store/database.ts";
import { connectDirectly } from "../src/store/direct-connection.ts";
import { openEmbedded } from "../src/store/embedded.ts";
import { MIGRATIONS_FOLDER, migrate } from "../src/store/migrate.ts";
import { type Measured, printTable } from "./measure.ts";

const GRAPHS = 1_000;
const CHAIN = 100;
const CHAINS = 7;
const FIRST_STARTS = 200;
const SHELL_NODES = 40;
const SHELL_ROUNDS = 7;
const UPDATES = 2_000;
/** As many at a time as one call of the engine may settle, within the pool's connections. */
const UPDATE_LANES = 8;

interface World {
  readonly pool: Pool;
  readonly engine: Engine;
  readonly projectId: string;
  readonly ended: (instanceIds: readonly number[]) => Promise<void>;
  /** Resolves when the next node of type `Probe` runs, with the time. */
  readonly probed: () => Promise<number>;
  readonly close: () => Promise<void>;
}

/** Prints all figures; the baseline is one durable single-row update for each task on the same database. */
export async function benchEngine(): Promise<void> {
  const world = await openWorld();
  try {
    const baseline = await benchUpdates(world);
    const rows = [
      await benchThroughput(world),
      await benchChain(world),
      await benchFirstStart(world),
      await benchShell(world),
    ];
    printTable("Engine, embedded database with fsync", rows, baseline);
  } finally {
    await world.close();
  }
}

async function benchUpdates({ pool }: World): Promise<Measured> {
  await pool.query("create table bench_task (id integer primary key, done boolean not null)");
  await pool.query("insert into bench_task select n, false from generate_series(1, $1::integer) n", [
    UPDATES,
  ]);
  const update = (id: number) =>
    pool.query({ name: "bench", text: "update bench_task set done = true where id = $1", values: [id] });
  return await timed("durable update of one row", UPDATES, async (times) => {
    let next = 0;
    const lane = async () => {
      while (next < UPDATES) {
        const began = performance.now();
        await update(++next);
        times.push(performance.now() - began);
      }
    };
    await Promise.all(Array.from({ length: UPDATE_LANES }, lane));
  });
}

/** Graphs of 15 nodes: 1, then 6 and 6 side by side, then 1 and 1. Times are those of a node run's share. */
async function benchThroughput(world: World): Promise<Measured> {
  const wide = ["b", "c", "d", "e", "f", "g"];
  const nodes = [
    node("a"),
    ...wide.map((name) => node(name, ["a"])),
    ...wide.map((name) => node(`${name}2`, [name])),
    node(
      "y",
      wide.map((name) => `${name}2`),
    ),
    node("z", ["y"]),
  ];
  await runAll(world, await addJob(world, nodes), GRAPHS / 10);
  const jobId = await addJob(world, nodes);
  return await timed("Dummy node runs, graphs of 15", GRAPHS * nodes.length, async (times) => {
    const began = performance.now();
    await runAll(world, jobId, GRAPHS);
    const each = (performance.now() - began) / (GRAPHS * nodes.length);
    for (let n = 0; n < GRAPHS * nodes.length; n++) times.push(each);
  });
}

async function benchChain(world: World): Promise<Measured> {
  const nodes = Array.from({ length: CHAIN }, (_, n) => node(`n${n}`, n === 0 ? [] : [`n${n - 1}`]));
  const jobId = await addJob(world, nodes);
  await runAll(world, jobId, 1);
  return await timed(`hop of a chain of ${CHAIN} Dummy nodes`, CHAIN * CHAINS, async (times) => {
    for (let round = 0; round < CHAINS; round++) {
      const began = performance.now();
      await runAll(world, jobId, 1);
      const each = (performance.now() - began) / CHAIN;
      for (let n = 0; n < CHAIN; n++) times.push(each);
    }
  });
}

async function benchFirstStart(world: World): Promise<Measured> {
  const jobId = await addJob(world, [node("a", [], "Probe")]);
  return await timed("run-immediate to first node's start", FIRST_STARTS, async (times) => {
    for (let n = 0; n < FIRST_STARTS; n++) {
      const began = performance.now();
      const probed = world.probed();
      const id = await world.engine.runNow({ projectId: world.projectId, jobId, by: "bench" });
      times.push((await probed) - began);
      await world.ended([id]);
    }
  });
}

async function benchShell(world: World): Promise<Measured> {
  const nodes = Array.from({ length: SHELL_NODES }, (_, n) =>
    node(`n${n}`, n === 0 ? [] : [`n${n - 1}`], "Shell", {
      statementOrScript: "STATEMENT",
      statement: "true",
    }),
  );
  const jobId = await addJob(world, nodes);
  await runAll(world, jobId, 1);
  return await timed(`${SHELL_NODES} Shell nodes of "true" in a row`, SHELL_ROUNDS, async (times) => {
    for (let round = 0; round < SHELL_ROUNDS; round++) {
      const began = performance.now();
      await runAll(world, jobId, 1);
      times.push(performance.now() - began);
    }
  });
}

/** The time of the operations that `run` notes, with the processor time of this process for each. */
async function timed(
  label: string,
  operations: number,
  run: (times: number[]) => Promise<void>,
): Promise<Measured> {
  const times: number[] = [];
  const cpu = process.cpuUsage();
  const began = performance.now();
  await run(times);
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return {
    label,
    timesMs: times.sort((a, b) => a - b),
    wallMs,
    cpuMicroseconds: (user + system) / operations,
  };
}

async function runAll({ engine, projectId, ended }: World, jobId: number, count: number): Promise<void> {
  const ids: number[] = [];
  const lane = async () => {
    while (ids.length < count) {
      const place = ids.push(0) - 1;
      ids[place] = await engine.runNow({ projectId, jobId, by: "bench" });
    }
  };
  await Promise.all(Array.from({ length: UPDATE_LANES }, lane));
  await ended(ids);
}

function node(
  name: string,
  after: readonly string[] = [],
  type = "Dummy",
  properties: Readonly<Record<string, string>> = {},
): JobNode {
  return { ...NODE_DEFAULTS, name, type, after, conditions: [], properties };
}

async function addJob({ pool, projectId }: World, nodes: readonly JobNode[]): Promise<number> {
  const schedule = { type: "once" };
  const definition = { kind: "batch", nodes, parameters: [], schedule, priority: 0, dryRun: false };
  const { rows } = await pool.query<{ id: number }>(
    `with made as (
       insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
       values ($1, 'default', $2, 'batch', 1, now(), 'bench', now(), 'bench') returning id
     ), version as (
       insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
       select $1, id, 1, $3, '{}', now(), 'bench' from made
     )
     select id from made`,
    [projectId, randomBytes(6).toString("hex"), JSON.stringify(definition)],
  );
  return rows[0]?.id ?? 0;
}

async function openWorld(): Promise<World> {
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
  const projectId = randomBytes(16).toString("hex");
  await pool.query("insert into project (id, name, created_at) values ($1, 'bench', now())", [projectId]);
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', now())", [
    projectId,
  ]);
  const runner = await createProcessRunner({
    ...OPERATOR_DEFAULTS,
    workFolder: join(tmpdir(), `azalai-bench-work-${randomBytes(4).toString("hex")}`),
    hiddenFolders: [folder],
    userSlot: async () => 0,
    allowedAddresses: [],
  });
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
    operators: [createDummyOperator(), createShellOperator(runner), probeOperator],
    sources: {
      loadScript: async () => undefined,
      loadConnection: async () => undefined,
      loadEnvironment: async () => ({}),
      loadProgram: async () => ({ files: [], args: [], environment: {} }),
      localCommandsAllowed: async () => true,
      buckets: () => ({
        open: () => Promise.reject(new RangeError("no buckets here")),
        list: async () => [],
        exists: async () => false,
        localPath: async () => undefined,
        write: async () => undefined,
      }),
    },
    blobs: createFolderBlobs(join(folder, "blobs")),
    roles: ["worker"],
    slots: { inline: 1000, process: 16, stream: 32, child: 1000 },
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
      await runner.stop();
      await close();
      await embedded.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

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
