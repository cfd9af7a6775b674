/** Nodes that run commands and SQL, through the whole engine: in a row, side by side, in clean and in warm sessions. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { JobNode } from "../src/domain/job.ts";
import { addJob, type EngineWorld, node, openEngineWorld, runAll } from "./engine-world.ts";
import { type Measured, printTable, timed } from "./measure.ts";

const NODES = 40;
const ROUNDS = 7;
const SLEEPS = 10;
const SLEEP_ROUNDS = 3;
const WIDTH = 100;

const SHELL = { type: "Shell", statement: "true" };
const PYTHON = { type: "Python", statement: "print(1)" };
const POSTGRESQL = { type: "RDSSQL", statement: "select 1", connectionName: "warehouse" };
const DUCKDB = { type: "DLISQL", statement: "select 1" };

/** A node's type and its properties. */
type Kind = Readonly<Record<string, string>> & { readonly type: string };

/** Prints the time of each graph; the baseline is one parent that starts as many processes of `true` itself. */
export async function benchOperators(): Promise<void> {
  const world = await openEngineWorld();
  try {
    const baseline = await benchSpawn();
    const rows = [
      await benchGraph(world, `${NODES} Shell nodes of "true" in a row`, chain(SHELL, NODES)),
      await benchGraph(world, `${NODES} Python nodes in a row, clean`, chain(PYTHON, NODES)),
      await benchGraph(world, `${NODES} Python nodes in a row, warm`, chain(warm(PYTHON), NODES)),
      await benchGraph(world, `${NODES} PostgreSQL nodes in a row, clean`, chain(POSTGRESQL, NODES)),
      await benchGraph(world, `${NODES} PostgreSQL nodes in a row, warm`, chain(warm(POSTGRESQL), NODES)),
      await benchGraph(world, `${NODES} DuckDB nodes in a row, clean`, chain(DUCKDB, NODES)),
      await benchGraph(world, `${NODES} DuckDB nodes in a row, warm`, chain(warm(DUCKDB), NODES)),
      await benchGraph(world, `1, then ${WIDTH} of "true" 16 at a time, then 1`, fan(SHELL)),
      await benchGraph(world, `${SLEEPS} of "sleep 1" in a row`, chain(sleep(), SLEEPS), SLEEP_ROUNDS),
    ];
    printTable("Operators through the engine, embedded database with fsync", rows, baseline);
  } finally {
    await world.close();
  }
}

async function benchSpawn(): Promise<Measured> {
  return await timed(`${NODES} processes of "true", one after the other`, ROUNDS, async (times) => {
    for (let round = 0; round < ROUNDS; round++) {
      const began = performance.now();
      for (let n = 0; n < NODES; n++) await once(spawn("true", { stdio: "ignore" }), "exit");
      times.push(performance.now() - began);
    }
  });
}

async function benchGraph(
  world: EngineWorld,
  label: string,
  nodes: readonly JobNode[],
  rounds = ROUNDS,
): Promise<Measured> {
  const jobId = await addJob(world, nodes);
  await runAll(world, jobId, 1); // makes what is warm, warm
  return await timed(label, rounds, async (times) => {
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      await runAll(world, jobId, 1);
      times.push(performance.now() - began);
    }
  });
}

function chain({ type, ...properties }: Kind, length: number): JobNode[] {
  return Array.from({ length }, (_, n) => node(`n${n}`, n === 0 ? [] : [`n${n - 1}`], type, properties));
}

function fan({ type, ...properties }: Kind): JobNode[] {
  const names = Array.from({ length: WIDTH }, (_, n) => `n${n}`);
  return [
    node("first", [], type, properties),
    ...names.map((name) => node(name, ["first"], type, properties)),
    node("last", names, type, properties),
  ];
}

function warm(kind: Kind): Kind {
  return { ...kind, "azalai.session": "warm" };
}

function sleep(): Kind {
  return { ...SHELL, statement: "sleep 1" };
}
