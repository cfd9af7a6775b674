/** The two lists of jobs at a thousand, a hundred thousand and a million jobs, over HTTP. */
import { generateProject } from "./generate.ts";
import { createClient, type Load, type Measured, measure, printTable } from "./measure.ts";
import { type BenchService, startService } from "./service.ts";

const SIZES = [1_000, 100_000, 1_000_000];

interface Case {
  readonly label: string;
  readonly path: string;
  readonly operations: number;
}

/** Generates, measures and prints; the largest size can be lowered for a quick look. */
export async function benchLists(sizeMax = Math.max(...SIZES)): Promise<void> {
  const service = await startService();
  try {
    for (const size of SIZES.filter((each) => each <= sizeMax)) await benchSize(service, size);
  } finally {
    await service.stop();
  }
}

async function benchSize(service: BenchService, size: number): Promise<void> {
  const { projectId, jobSeconds, templateSeconds } = await generateProject(
    service.pool,
    `bench-${size}`,
    size,
  );
  const times = `${jobSeconds.toFixed(1)} s and ${templateSeconds.toFixed(1)} s`;
  console.log(`\n${size} jobs and ${size} job templates made in ${times}`);
  const token = await service.tokenFor(projectId);
  const cases = [...factoryCases(projectId, size), ...(await saharaCases(service, projectId, token, size))];
  for (const connections of [1, 16]) await benchCases(service, { size, cases, token, connections });
}

/** The beginning of the number in the middle: a hundred to a thousand names have it. */
function fewMatches(size: number): string {
  return `_${String(size / 2)
    .padStart(7, "0")
    .slice(0, size >= 100_000 ? 4 : 5)}`;
}

function factoryCases(projectId: string, size: number): Case[] {
  const list = `/v1/${projectId}/jobs?limit=10`;
  const half = size >= 100_000 ? 20 : 200;
  return [
    { label: "Factory: first page", path: list, operations: 1000 },
    { label: `Factory: page number ${size / 20}`, path: `${list}&offset=${size / 20}`, operations: 500 },
    {
      label: "Factory: name part, few matches",
      path: `${list}&jobName=${fewMatches(size)}`,
      operations: 500,
    },
    { label: "Factory: name part, half of all", path: `${list}&jobName=_flow_`, operations: half },
  ];
}

async function saharaCases(
  { url, pool }: BenchService,
  projectId: string,
  token: string,
  size: number,
): Promise<Case[]> {
  const list = `/v1.1/${projectId}/jobs?limit=10`;
  const { rows } = await pool.query<{ id: string }>(
    "select id from job_template where project_id = $1 order by id offset $2 limit 1",
    [projectId, size / 2],
  );
  const id = rows[0]?.id ?? "";
  const marker = `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`;
  const client = createClient(url, 1);
  await client.send("GET", `${list}&marker=${marker}`, { "x-auth-token": token });
  client.close();
  return [
    { label: "Sahara: first page", path: list, operations: 1000 },
    { label: "Sahara: page in the middle", path: `${list}&marker=${marker}`, operations: 500 },
    { label: "Sahara: newest first", path: `${list}&sort_by=-created_at`, operations: 500 },
    {
      label: "Sahara: name part, few matches",
      path: `${list}&name=${fewMatches(size)}`,
      operations: 500,
    },
    { label: "Sahara: name part, half of all", path: `${list}&name=_flow_`, operations: 200 },
  ];
}

interface Round {
  readonly size: number;
  readonly cases: readonly Case[];
  readonly token: string;
  readonly connections: number;
}

async function benchCases(service: BenchService, { size, cases, token, connections }: Round): Promise<void> {
  const client = createClient(service.url, connections);
  const load = ({ label, path, operations }: Case): Load => ({
    label,
    connections,
    operations,
    operation: () => client.send("GET", path, { "x-auth-token": token }),
    cpu: service.cpu,
  });
  const baseline = await measure(load({ label: "GET /healthz", path: "/healthz", operations: 1000 }));
  const rows: Measured[] = [];
  for (const each of cases) rows.push(await measure(load(each)));
  printTable(
    `Lists of ${size} jobs, ${connections} connection${connections === 1 ? "" : "s"}`,
    rows,
    baseline,
  );
  client.close();
}
