/** A hundred thousand cron schedules: how soon a service with them is ready, how late its runs are, what it costs idle. */
import { setTimeout as wait } from "node:timers/promises";
import { createFactoryCaller } from "./factory.ts";
import { createClient, type Measured, measure, printTable } from "./measure.ts";
import { type BenchService, startService } from "./service.ts";

const SCHEDULES = 100_000;
const DUE = 1_000;
const BATCH = 20_000;
/** How long ahead the second lies in which the thousand are due. */
const AHEAD_MS = 5_000;
const IDLE_MS = 30_000;
const STARTS = 3;

/** Prints all figures; the baseline is the cheapest request there is. */
export async function benchSchedules(): Promise<void> {
  let service = await startService();
  try {
    await makeSchedules(service);
    const readyMs: number[] = [];
    for (let n = 0; n < STARTS; n++) {
      const stopped = service;
      const began = performance.now();
      service = await stopped.restart();
      readyMs.push(performance.now() - began);
    }
    const health = createClient(service.url, 1);
    const baseline = await measure({
      label: "GET /healthz",
      connections: 1,
      operations: 1_000,
      operation: () => health.send("GET", "/healthz", {}),
      cpu: service.cpu,
    });
    health.close();
    const idle = await measureIdle(service);
    const rows: Measured[] = [
      {
        label: "stop and start with all schedules",
        timesMs: readyMs.sort((a, b) => a - b),
        wallMs: readyMs.reduce((sum, each) => sum + each, 0),
      },
      ...(await measureLateness(service)),
    ];
    printTable(`${SCHEDULES} cron schedules`, rows, baseline);
    console.log(`idle: ${idle}`);
  } finally {
    await service.stop();
  }
}

/** One job is saved and started as users do it; the others are copies of its rows. */
async function makeSchedules(service: BenchService): Promise<void> {
  const caller = await createFactoryCaller(service, 1);
  const cron = { expression: "0 0 0 1 1 ?", expressionTimeZone: "UTC", startTime: "2020-01-01T00:00:00Z" };
  await caller.save("copied", [{ name: "a", type: "Dummy" }], { type: "CRON", cron });
  await caller.start("copied");
  caller.close();
  for (let from = 1; from < SCHEDULES; from += BATCH) {
    const to = Math.min(SCHEDULES - 1, from + BATCH - 1);
    for (const [table, id, more] of [
      ["job", "id", ", 'name', 'copy-' || n"],
      ["job_version", "job_id", ""],
      ["schedule", "job_id", ""],
    ])
      await service.pool.query(
        `insert into ${table} select (jsonb_populate_record(s, jsonb_build_object('${id}', s.${id} + n${more}))).*
         from ${table} s, generate_series(${from}, ${to}) n
         where s.${id} = (select min(${id}) from ${table})`,
      );
  }
  await service.pool.query("select setval('job_id', (select max(id) from job))");
  for (const table of ["job", "job_version", "schedule"])
    await service.pool.query(`vacuum (analyze) ${table}`);
}

async function measureIdle(service: BenchService): Promise<string> {
  await wait(2_000); // what a start leaves to do
  const before = { own: await service.cpu(), database: service.databaseCpu() };
  await wait(IDLE_MS);
  const share = (spent: number) => `${((spent / (IDLE_MS * 1_000)) * 100).toFixed(2)} %`;
  const own = share((await service.cpu()) - before.own);
  const database = share(service.databaseCpu() - before.database);
  return `${own} of a core in the service's process, ${database} in the database's, over ${IDLE_MS / 1_000} s`;
}

/**
 * All are made due in one second; lateness is from the planned time to its node's start as it is recorded, that is the
 * moment of the claim, and to the node's end: it does nothing, so the operator began before that.
 */
async function measureLateness({ pool }: BenchService): Promise<Measured[]> {
  const due = new Date(Math.ceil((Date.now() + AHEAD_MS) / 1_000) * 1_000);
  const expression = `${due.getUTCSeconds()} ${due.getUTCMinutes()} ${due.getUTCHours()} * * ?`;
  await pool.query(
    `update schedule set expression = $1, next_at = $2
     where job_id in (select job_id from schedule order by job_id limit $3)`,
    [expression, due, DUE],
  );
  const count = async () => {
    const { rows } = await pool.query<{ ended: number }>(
      "select count(*)::int as ended from instance where planned_at = $1 and ended_at is not null",
      [due],
    );
    return rows[0]?.ended ?? 0;
  };
  await wait(due.getTime() - Date.now() + 1_000); // not to disturb what is measured
  while ((await count()) < DUE) await wait(100);
  const { rows } = await pool.query<{ started: number; ended: number }>(
    `select extract(epoch from n.started_at - i.planned_at)::float8 * 1000 as started,
       extract(epoch from n.ended_at - i.planned_at)::float8 * 1000 as ended
     from instance i join node_run n on n.project_id = i.project_id and n.instance_id = i.id
     where i.planned_at = $1`,
    [due],
  );
  const row = (label: string, times: number[]): Measured => ({
    label,
    timesMs: times.sort((a, b) => a - b),
    wallMs: Math.max(...times),
  });
  return [
    row(
      `${DUE} due at once: planned time to recorded start`,
      rows.map(({ started }) => started),
    ),
    row(
      `${DUE} due at once: planned time to end of the node`,
      rows.map(({ ended }) => ended),
    ),
  ];
}
