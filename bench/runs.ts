/** Runs over HTTP on a whole service: how soon one starts, many small ones at once, and what sleeping nodes add. */
import { type BenchNode, createFactoryCaller, type FactoryCaller } from "./factory.ts";
import { createClient, type Measured, measure, printTable } from "./measure.ts";
import { type BenchService, startService } from "./service.ts";

const FIRST_STARTS = 200;
const SMALL_RUNS = 200;
const SMALL_CONNECTIONS = 16;
const ROUNDS = 5;
const SLEEPS = 10;
const SLEEP_ROUNDS = 2;
const FAN = 100;

/** Prints all figures; the baseline is the cheapest request there is. */
export async function benchRuns(): Promise<void> {
  const service = await startService();
  const caller = await createFactoryCaller(service, SMALL_CONNECTIONS);
  const health = createClient(service.url, 1);
  try {
    const baseline = await measure({
      label: "GET /healthz",
      connections: 1,
      operations: 1_000,
      operation: () => health.send("GET", "/healthz", {}),
      cpu: service.cpu,
    });
    const rows = [
      await benchFirstStart(service, caller),
      await benchSmallRuns(caller),
      await benchWhole(caller, {
        label: `fan of ${FAN} Shell nodes of "true" and a join`,
        nodes: fan(),
        rounds: ROUNDS,
      }),
      await benchWhole(caller, {
        label: `${SLEEPS} Shell nodes of "sleep 1" in a row, above ${SLEEPS} s`,
        nodes: chain(SLEEPS, "sleep 1"),
        rounds: SLEEP_ROUNDS,
        lessMs: SLEEPS * 1_000,
      }),
    ];
    printTable("Runs over HTTP", rows, baseline);
  } finally {
    health.close();
    caller.close();
    await service.stop();
  }
}

/** From the sending of `run-immediate` to the start of the node's attempt, by the same machine's clock. */
async function benchFirstStart({ pool, projectId }: BenchService, caller: FactoryCaller): Promise<Measured> {
  await caller.save("first", [{ name: "a", type: "Dummy" }]);
  const sent = new Map<number, number>();
  const began = performance.now();
  for (let n = 0; n < FIRST_STARTS; n++) {
    const at = performance.timeOrigin + performance.now();
    const id = await caller.run("first");
    sent.set(id, at);
    await caller.ended([id]);
  }
  const { rows } = await pool.query<{ instance_id: number; started_at: Date }>(
    "select instance_id, started_at from node_run where project_id = $1 and instance_id = any ($2)",
    [projectId, [...sent.keys()]],
  );
  const timesMs = rows.map((row) => row.started_at.getTime() - (sent.get(row.instance_id) ?? 0));
  return {
    label: "run-immediate over HTTP to first node's start",
    timesMs: timesMs.sort((a, b) => a - b),
    wallMs: performance.now() - began,
  };
}

async function benchSmallRuns(caller: FactoryCaller): Promise<Measured> {
  await caller.save("small", [{ name: "a", type: "Shell", statement: "true" }]);
  const round = async () => {
    const ids: number[] = [];
    const lane = async () => {
      while (ids.length < SMALL_RUNS) {
        const place = ids.push(0) - 1;
        ids[place] = await caller.run("small");
      }
    };
    await Promise.all(Array.from({ length: SMALL_CONNECTIONS }, lane));
    await caller.ended(ids);
  };
  return await rounds(
    `${SMALL_RUNS} one-node runs of "true" from ${SMALL_CONNECTIONS} connections`,
    ROUNDS,
    round,
  );
}

async function benchWhole(
  caller: FactoryCaller,
  {
    label,
    nodes,
    rounds: count,
    lessMs = 0,
  }: {
    readonly label: string;
    readonly nodes: readonly BenchNode[];
    readonly rounds: number;
    readonly lessMs?: number;
  },
): Promise<Measured> {
  const name = `whole-${nodes.length}`;
  await caller.save(name, nodes);
  const measured = await rounds(label, count, async () => caller.ended([await caller.run(name)]));
  return { ...measured, timesMs: measured.timesMs.map((time) => time - lessMs) };
}

/** One round goes before, unmeasured. */
async function rounds(label: string, count: number, round: () => Promise<void>): Promise<Measured> {
  await round();
  const timesMs: number[] = [];
  const first = performance.now();
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await round();
    timesMs.push(performance.now() - began);
  }
  return { label, timesMs: timesMs.sort((a, b) => a - b), wallMs: performance.now() - first };
}

function fan(): BenchNode[] {
  const names = Array.from({ length: FAN }, (_, n) => `n${n}`);
  return [
    ...names.map((name) => ({ name, type: "Shell", statement: "true" })),
    { name: "join", type: "Dummy", after: names },
  ];
}

function chain(length: number, statement: string): BenchNode[] {
  return Array.from({ length }, (_, n) => ({
    name: `n${n}`,
    type: "Shell",
    statement,
    after: n === 0 ? [] : [`n${n - 1}`],
  }));
}
