/** The engine on an embedded database of its own: node runs a second, hops of a chain, first start. */
import { addJob, type EngineWorld, LANES, node, openEngineWorld, runAll } from "./engine-world.ts";
import { type Measured, printTable, timed } from "./measure.ts";

const GRAPHS = 1_000;
const GRAPH_ROUNDS = 5;
const CHAIN = 100;
const CHAINS = 7;
const FIRST_STARTS = 200;
const UPDATES = 2_000;

/** Prints all figures; the baseline is one durable single-row update for each task on the same database. */
export async function benchEngine(): Promise<void> {
  const world = await openEngineWorld();
  try {
    const baseline = await benchUpdates(world);
    const rows = [await benchThroughput(world), await benchChain(world), await benchFirstStart(world)];
    printTable("Engine, embedded database with fsync", rows, baseline);
  } finally {
    await world.close();
  }
}

async function benchUpdates({ pool }: EngineWorld): Promise<Measured> {
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
    await Promise.all(Array.from({ length: LANES }, lane));
  });
}

/**
 * Graphs of 15 nodes: 1, then 6 and 6 side by side, then 1 and 1. Times are those of a node run's share of a round; one
 * whole round goes before, since a new database makes its files and its log as it grows, and the database counts its rows
 * then, as it does by itself every 15 s: until it has, it guesses which index of an empty period is the better one.
 */
export async function benchThroughput(world: EngineWorld): Promise<Measured> {
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
  const jobId = await addJob(world, nodes);
  await runAll(world, jobId, GRAPHS);
  await world.pool.query("analyze");
  const each = GRAPHS * nodes.length;
  return await timed("Dummy node runs, graphs of 15", each * GRAPH_ROUNDS, async (times) => {
    for (let round = 0; round < GRAPH_ROUNDS; round++) {
      const began = performance.now();
      await runAll(world, jobId, GRAPHS);
      const share = (performance.now() - began) / each;
      for (let n = 0; n < each; n++) times.push(share);
    }
  });
}

export async function benchChain(world: EngineWorld): Promise<Measured> {
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

export async function benchFirstStart(world: EngineWorld): Promise<Measured> {
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
