/** The lists of instances at one million and ten million, of two hundred jobs in a quarter of a year, over HTTP. */
import { setTimeout as wait } from "node:timers/promises";
import { createClient, type Measured, measure, printTable } from "./measure.ts";
import { type BenchService, startService } from "./service.ts";

const SIZES = [1_000_000, 10_000_000];
const PERIODS = 13;
const JOBS = 200;
const DAY_MS = 86_400_000;
const AT = "2026-01-01T00:00:00Z";

/** Makes each size in a service of its own, measures and prints; 10M take some minutes to make. */
export async function benchInstances(sizes: readonly number[] = SIZES): Promise<void> {
  for (const size of sizes) {
    const service = await startService();
    try {
      await benchSize(service, size);
    } finally {
      await service.stop();
    }
  }
}

async function benchSize(service: BenchService, size: number): Promise<void> {
  const { projectId, seconds } = await fill(service, size);
  console.log(`\n${size} instances of ${JOBS} jobs made in ${seconds.toFixed(0)} s`);
  const began = performance.now();
  await untilCounted(service);
  const countedSeconds = (performance.now() - began) / 1000;
  for (const table of ["instance_block", "instance_tally"])
    await service.pool.query(`vacuum analyze ${table}`);
  console.log(`counted by the service ${countedSeconds.toFixed(1)} s later`);
  const token = await service.tokenFor(projectId);
  const client = createClient(service.url, 1);
  const load = (label: string, path: string, operations: number) =>
    measure({
      label,
      connections: 1,
      operations,
      operation: () => client.send("GET", path, { "x-auth-token": token }),
      cpu: service.cpu,
    });
  const baseline = await load("GET /healthz", "/healthz", 1000);
  const rows: Measured[] = [];
  for (const [label, path, operations] of casesOf(projectId, size))
    rows.push(await load(label, path, operations));
  printTable(`Lists of ${size} instances`, rows, baseline);
  client.close();
}

function casesOf(projectId: string, size: number): readonly (readonly [string, string, number])[] {
  const list = `/v1/${projectId}/jobs/instances/detail?limit=10`;
  const all = `${list}&minPlanTime=0`;
  const ofJob = `/v2/${projectId}/factory/jobs/hourly_flow_042/instances/detail?limit=10`;
  const from = Date.now() - 30 * DAY_MS;
  return [
    ["v1: today, first page", list, 500],
    ["v1: a day of last month", `${list}&minPlanTime=${from}&maxPlanTime=${from + DAY_MS}`, 300],
    ["v1: all, first page", all, 500],
    [`v1: all, page number ${size / 20}`, `${all}&offset=${size / 20}`, 300],
    ["v1: all, one in a thousand by hand", `${all}&instanceType=2`, 300],
    ["v1: today, name part of one job", `${list}&jobName=flow_042`, 300],
    ["v1: all, name part of one job", `${all}&jobName=flow_042`, 300],
    ["v1: today, name part, half of all", `${list}&jobName=_flow_`, 50],
    ["v1: all, name part, half of all", `${all}&jobName=_flow_`, 50],
    ["v1: today, failed", `${list}&status=fail`, 300],
    ["v1: all, failed", `${all}&status=fail`, 50],
    ["v1: all, succeeded", `${all}&status=success`, 50],
    ["v1: all, running", `${all}&status=running`, 300],
    ["v2: a job's, today", ofJob, 300],
    ["v2: a job's, all", `${ofJob}&min_plan_time=0`, 300],
    [
      `v2: a job's, page number ${size / JOBS / 20}`,
      `${ofJob}&min_plan_time=0&offset=${size / JOBS / 20}`,
      300,
    ],
  ];
}

/** Periods that are over and closed, each with its share; what the service makes itself lies behind them. */
async function fill(
  { pool }: BenchService,
  size: number,
): Promise<{ readonly projectId: string; readonly seconds: number }> {
  const began = performance.now();
  const { rows } = await pool.query<{ id: string }>(
    "insert into project (id, name, created_at) values (gen_random_uuid(), 'bench', $1) returning id",
    [AT],
  );
  const projectId = rows[0]?.id ?? "";
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', $2)", [
    projectId,
    AT,
  ]);
  await pool.query(
    `insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
     select $1, 'default', 'hourly_' || (array['flow', 'task'])[1 + n % 2] || '_' || lpad(n::text, 3, '0'), 'batch', 1,
       $3, 'bench', $3, 'bench'
     from generate_series(0, $2::integer - 1) n`,
    [projectId, JOBS, AT],
  );
  const each = Math.round(size / PERIODS);
  for (let k = 1; k <= PERIODS; k += 1) {
    if (k > 1) await pool.query("select add_history_partition($1)", [k]);
    await pool.query(
      `insert into instance (project_id, id, workspace_id, job_id, job_version, job_name, origin, state, left_sinks,
         node_count, planned_at, created_at, created_by, started_at, ended_at)
       select $1, ($2::bigint << 30) + n, 'default', j.id, 1, j.name,
         case when n % 1000 = 0 then 'manual' else 'schedule' end, case when n % 50 = 0 then 'failed' else 'succeeded' end,
         0, 1, at, at, 'bench', at, at + interval '1 second'
       from generate_series(1, $3::integer) n
       join (select id, name, row_number() over (order by id) - 1 as place from job where project_id = $1) j
         on j.place = n % $4::integer
       cross join lateral (
         select now() - make_interval(days => 7 * (1 + $5::integer - $2::integer))
           + n * interval '7 days' / $3::integer as at
       ) t
       order by n`,
      [projectId, k, each, JOBS, PERIODS],
    );
    await pool.query(
      `update history_partition
       set closed = true, began_at = now() - make_interval(days => 7 * (1 + $2::integer - $1::integer)) where k = $1`,
      [k, PERIODS],
    );
    process.stderr.write(`\r  ${k * each} of ${size} instances made`);
  }
  process.stderr.write("\n");
  await pool.query("select add_history_partition($1)", [PERIODS + 1]);
  await pool.query("update history_partition set closed = true where k = 0");
  await pool.query("update history_partition set began_at = now() where k = $1", [PERIODS + 1]);
  await pool.query("select setval('instance_id', $1::bigint << 30)", [PERIODS + 1]);
  await pool.query("vacuum analyze instance");
  return { projectId, seconds: (performance.now() - began) / 1000 };
}

async function untilCounted({ pool }: BenchService): Promise<void> {
  for (;;) {
    const { rows } = await pool.query("select from instance_counted where through >= $1::bigint << 30", [
      PERIODS + 1,
    ]);
    if (rows.length > 0) return;
    await wait(200);
  }
}
