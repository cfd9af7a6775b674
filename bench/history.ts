/** The engine and its lists on an empty database, and again beside ten million finished node runs. */
import { listInstances } from "../src/store/instance-lists.ts";
import { listJobs } from "../src/store/job-lists.ts";
import { benchChain, benchFirstStart, benchThroughput } from "./engine.ts";
import { addJob, type EngineWorld, node, openEngineWorld, runAll } from "./engine-world.ts";
import { type Measured, measure, printTable, quantile } from "./measure.ts";

const NODE_RUNS = 10_000_000;
const NODES = 5;
/** A quarter of a year. */
const PERIODS = 13;
const JOBS = 200;
/** The lists' own: what else is measured adds nothing to them. */
const WORKSPACE = "lists";
const RUNS_OF_DAY = 5;
const LISTS = 500;
const DAY_MS = 24 * 3600_000;

/** Prints both rounds, and how the second compares with the first. */
export async function benchHistory(nodeRuns = NODE_RUNS): Promise<void> {
  const world = await openEngineWorld();
  try {
    await world.pool.query("insert into workspace (project_id, id, created_at) values ($1, $2, now())", [
      world.projectId,
      WORKSPACE,
    ]);
    const jobIds = [];
    for (let n = 0; n < JOBS; n += 1) jobIds.push(await addJob(world, [node("a")], WORKSPACE));
    const before = await benchAll(world, jobIds);
    const began = performance.now();
    await fillHistory(world, jobIds, nodeRuns);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`\n${nodeRuns} finished node runs in ${PERIODS} periods, made in ${seconds} s`);
    const after = await benchAll(world, jobIds);
    for (const [place, row] of after.entries()) {
      const first = before[place];
      if (first !== undefined) printTable(row.label, [{ ...row, note: ratio(first, row) }], first);
    }
  } finally {
    await world.close();
  }
}

async function benchAll(world: EngineWorld, jobIds: readonly number[]): Promise<Measured[]> {
  // Each job has run today in the newest period, as a list of the day expects.
  for (const jobId of jobIds) await runAll(world, jobId, RUNS_OF_DAY);
  return [
    await benchThroughput(world),
    await benchChain(world),
    await benchFirstStart(world),
    ...(await benchLists(world)),
  ];
}

async function benchLists({ pool, projectId }: EngineWorld): Promise<Measured[]> {
  const page = { offset: 0, limit: 10 };
  const today = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);
  const day = { plannedFrom: today, plannedTo: new Date(today.getTime() + DAY_MS) };
  const workspaceId = WORKSPACE;
  const instances = (label: string, filter: object) =>
    measure({
      label,
      connections: 1,
      operations: LISTS,
      operation: () => listInstances(pool, projectId, { workspaceId, ...filter }, page),
    });
  return [
    await instances("instances of the day, first page and total", day),
    await instances("failed instances of the day", { ...day, states: ["failed"] }),
    await measure({
      label: "jobs with their latest run, first page",
      connections: 1,
      operations: LISTS,
      operation: () => listJobs(pool, { projectId, workspaceId }, { kind: "batch" }, page),
    }),
  ];
}

/** Periods that are over and closed, each with its share; today's instances lie behind them. */
async function fillHistory(
  { pool, projectId }: EngineWorld,
  jobIds: readonly number[],
  nodeRuns: number,
): Promise<void> {
  const each = Math.round(nodeRuns / NODES / PERIODS);
  for (let k = 1; k <= PERIODS; k += 1) {
    if (k > 1) await pool.query("select add_history_partition($1)", [k]);
    const from = k * 2 ** 30;
    await pool.query(
      `insert into instance (project_id, id, workspace_id, job_id, job_version, job_name, origin, state, left_sinks,
         node_count, planned_at, created_at, created_by, started_at, ended_at)
       select $1, $2::bigint + n, $8, ($3::bigint[])[1 + n % cardinality($3::bigint[])], 1, 'job', 'schedule',
         case when n % 50 = 0 then 'failed' else 'succeeded' end, 0, $4, at, at, 'bench', at, at + interval '1 second'
       from generate_series(1, $5::integer) n
       cross join lateral (
         select now() - make_interval(days => 1 + 7 * ($6::integer - $7::integer), secs => n % 600000) as at
       ) t`,
      [projectId, from, jobIds, NODES, each, PERIODS, k, WORKSPACE],
    );
    await pool.query(
      `insert into node_run (project_id, instance_id, node_no, state, lane, need, live, attempt, tries, ready_at,
         started_at, ended_at, exit_code)
       select i.project_id, i.id, node_no, 'succeeded', 'inline', 0, true, 1, 0, i.started_at, i.started_at,
         i.ended_at, 0
       from instance i cross join generate_series(0, $2::integer - 1) node_no
       where i.id > $1::bigint and i.id <= $1::bigint + $3::bigint`,
      [from, NODES, each],
    );
    await pool.query(
      "update history_partition set closed = true, began_at = now() - make_interval(days => 1 + 7 * (1 + $2::integer - $1::integer)) where k = $1",
      [k, PERIODS],
    );
  }
  // Today's ids come after those of the past; the partition of the first round stays open beside them.
  await pool.query("select add_history_partition($1)", [PERIODS + 1]);
  await pool.query("update history_partition set closed = true where k = 0");
  await pool.query("update history_partition set began_at = now() - interval '1 day' where k = $1", [
    PERIODS + 1,
  ]);
  await pool.query("select setval('instance_id', $1::bigint << 30)", [PERIODS + 1]);
  await pool.query("vacuum analyze");
  for (const table of ["instance", "node_run"]) await pool.query(`analyze ${table}`);
}

function ratio(first: Measured, second: Measured): string {
  const share = (quantile(second, 0.5) / quantile(first, 0.5) - 1) * 100;
  return `${share > 0 ? "+" : ""}${share.toFixed(0)} % to an empty database`;
}
