/** Rows moved by DataMigration nodes, each way between a database and files: how fast, and whether memory grows with them. */
import { setTimeout as wait } from "node:timers/promises";
import { createClient, type Measured, measure, printTable, watchMemory } from "./measure.ts";
import { type BenchService, startService } from "./service.ts";

/** The larger one shows whether memory grows with the rows. */
const SIZES = [100_000, 1_000_000];
const ROUNDS = 3;
const LOOK_MS = 50;
const MIB = 2 ** 20;

type Properties = Readonly<Record<string, string>>;

/** Each row some 90 bytes of text: a number, words, a decimal, a moment, and nothing now and then. */
const ROWS = (rows: number) => `select n as id, 'customer ' || md5(n::text) as name, n * 0.07 as amount,
  timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second' as seen_at, nullif(n % 10, 3) as grade
  from generate_series(1, ${rows}) n`;
const TABLE =
  "create table moved (id integer, name text, amount numeric, seen_at timestamptz, grade integer)";

export async function benchMigration(): Promise<void> {
  const service = await startService();
  try {
    const run = await createRunner(service);
    const client = createClient(service.url, 1);
    const baseline = await measure({
      label: "GET /healthz",
      connections: 1,
      operations: 500,
      operation: () => client.send("GET", "/healthz", {}),
    });
    client.close();
    await run("RDSSQL", { connectionName: "warehouse", statementOrScript: "STATEMENT", statement: TABLE });
    const rows: Measured[] = [];
    for (const size of SIZES)
      for (const [label, properties] of movesOf(size))
        rows.push(await move(service, run, { label, size, properties }));
    printTable("Rows moved by a node", rows, baseline);
  } finally {
    await service.stop();
  }
}

/** In this order: each reads what one before has written. */
function movesOf(size: number): readonly (readonly [string, Properties])[] {
  const from = { sourceConnectionName: "warehouse" };
  const to = { targetConnectionName: "warehouse", targetTable: "moved", writeMode: "truncate" };
  const [csv, parquet] = [`obs://bench/${size}.csv`, `obs://bench/${size}.parquet`];
  return [
    ["PostgreSQL to CSV", { ...from, sourceQuery: ROWS(size), targetPath: csv }],
    ["CSV to PostgreSQL", { ...to, sourcePath: csv }],
    ["PostgreSQL to Parquet", { ...from, sourceTable: "moved", targetPath: parquet }],
    ["Parquet to PostgreSQL", { ...to, sourcePath: parquet }],
  ];
}

interface Move {
  readonly label: string;
  readonly size: number;
  readonly properties: Properties;
}

async function move(service: BenchService, run: Run, { label, size, properties }: Move): Promise<Measured> {
  const timesMs: number[] = [];
  const before = await service.residentBytes();
  const own = watchMemory(service.residentBytes);
  const nodes = watchMemory(async () => service.nodesResidentBytes());
  for (let round = 0; round < ROUNDS; round++) {
    const { outputRowCount, milliseconds } = JSON.parse(await run("DataMigration", properties));
    if (outputRowCount !== size) throw new Error(`${label}: ${outputRowCount} rows were moved, of ${size}`);
    timesMs.push(milliseconds);
  }
  const grown = ((await own.stop()) - before) / MIB;
  const children = (await nodes.stop()) / MIB;
  timesMs.sort((a, b) => a - b);
  const wallMs = timesMs.reduce((sum, each) => sum + each, 0);
  const speed = (size * ROUNDS * 1000) / wallMs;
  const note = `${speed.toFixed(0)} rows a second; service at most ${grown.toFixed(0)} MiB over ${(before / MIB).toFixed(0)}, processes of nodes ${children.toFixed(0)} MiB`;
  return { label: `${size} rows, ${label}`, timesMs, wallMs, note };
}

/** Saves a job of one node, runs it to its end, and gives the node's output. */
type Run = (type: string, properties: Properties) => Promise<string>;

async function createRunner({ url, projectId, tokenFor }: BenchService): Promise<Run> {
  const headers = { "x-auth-token": await tokenFor(projectId), "content-type": "application/json" };
  let made = 0;
  const send = async (method: string, path: string, body?: object) => {
    const client = createClient(url, 1);
    try {
      const answer = await client.send(method, path, headers, body && JSON.stringify(body));
      return answer.body === "" ? undefined : JSON.parse(answer.body);
    } finally {
      client.close();
    }
  };
  return async (type, properties) => {
    const name = `move-${made++}`;
    const list = Object.entries(properties).map(([property, value]) => ({ name: property, value }));
    const nodes = [{ name: "a", type, location: { x: 0, y: 0 }, properties: list }];
    const job = { name, processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes };
    await send("POST", `/v1/${projectId}/jobs`, job);
    const { instanceId } = await send("POST", `/v1/${projectId}/jobs/${name}/run-immediate`);
    for (;;) {
      const {
        state,
        nodes: [node],
      } = await send("GET", `/api/instances/${instanceId}`);
      if (state === "succeeded") return node.output;
      if (!["waiting", "running"].includes(state)) throw new Error(`${type}: ${node.message}`);
      await wait(LOOK_MS);
    }
  };
}
