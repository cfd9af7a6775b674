/** Searches for texts and tables in twenty thousand jobs of ten nodes, over HTTP. */
import { createClient, inLanes, type Measured, measure, printTable } from "./measure.ts";
import { startService } from "./service.ts";

const JOBS = 20_000;
const NODES = 10;
const CONNECTIONS = 16;
/** Of so many jobs one has a word. */
const EVERY = 100;

export async function benchSearch(): Promise<void> {
  const service = await startService();
  try {
    const { projectId } = service;
    const headers = {
      "x-auth-token": await service.tokenFor(projectId),
      "content-type": "application/json",
    };
    const lanes = createClient(service.url, CONNECTIONS);
    await inLanes(CONNECTIONS, JOBS, (n) => lanes.send("POST", `/v1/${projectId}/jobs`, headers, job(n)));
    lanes.close();
    await service.pool.query("vacuum analyze job");
    await service.pool.query("vacuum analyze job_version");
    const client = createClient(service.url, 1);
    const look = (label: string, path: string, operations: number) =>
      measure({
        label,
        connections: 1,
        operations,
        operation: () => client.send("GET", path, headers),
        cpu: service.cpu,
      });
    const baseline = await look("GET /healthz", "/healthz", 500);
    const rows: Measured[] = [];
    for (const [label, path, operations] of casesOf(projectId))
      rows.push(await look(label, path, operations));
    printTable(`Searches in ${JOBS} jobs of ${NODES} nodes`, rows, baseline);
    client.close();
  } finally {
    await service.stop();
  }
}

function casesOf(projectId: string): readonly (readonly [string, string, number])[] {
  const factory = `/v2/${projectId}/factory`;
  const text = `${factory}/search?search_text=`;
  const table = `${factory}/task-table-references?db_type=HIVE&table_name=`;
  return [
    ["text of one job", `${text}daily_12345_7`, 50],
    [`text of ${JOBS / EVERY} jobs`, `${text}warehouse_of_${EVERY / 2}_`, 20],
    ["text of no job", `${text}hippopotamus`, 50],
    ["text of all jobs, in one node of ten", `${text}into%20daily`, 3],
    ["table of one job", `${table}daily_12345_7`, 50],
    [`table of ${JOBS / EVERY} jobs`, `${table}warehouse_of_${EVERY / 2}_parts`, 5],
  ];
}

/** One node writes a table of its own, and reads one that a hundredth of the jobs read; the others are commands. */
function job(n: number): string {
  const nodes = Array.from({ length: NODES }, (_, no) => {
    const statement =
      no === 7
        ? `insert into daily_${n}_${no} select part, sum(amount) from warehouse_of_${n % EVERY}_parts group by part`
        : `load --day '#{Job.getPlanTime("yyyy-MM-dd")}' --table part_${n % 1000}_${no} --retries ${no}`;
    return {
      name: `node_${no}`,
      type: no === 7 ? "HiveSQL" : "Shell",
      location: { x: no, y: 0 },
      preNodeName: no === 0 ? [] : [`node_${no - 1}`],
      properties: [
        { name: "statementOrScript", value: "STATEMENT" },
        { name: "statement", value: statement },
      ],
    };
  });
  return JSON.stringify({
    name: `job_${n}`,
    processType: "BATCH",
    schedule: { type: "EXECUTE_ONCE" },
    nodes,
  });
}
