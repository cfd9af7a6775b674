/** Projects of any size, written straight into the database: as a million jobs would have come in through the API. */
import type { Pool } from "pg";
import { foldListBlocks } from "../src/store/list-blocks.ts";

const BATCH = 50_000;
const AT = "2026-01-01T00:00:00Z";

export interface Generated {
  readonly projectId: string;
  readonly jobSeconds: number;
  readonly templateSeconds: number;
}

/** A project of that name with `count` Factory jobs and as many job templates of the data-processing face. */
export async function generateProject(pool: Pool, name: string, count: number): Promise<Generated> {
  const { rows } = await pool.query<{ id: string }>(
    "insert into project (id, name, created_at) values (gen_random_uuid(), $1, $2) returning id",
    [name, AT],
  );
  const projectId = rows[0]?.id ?? "";
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', $2)", [
    projectId,
    AT,
  ]);
  const jobSeconds = await insertRows(pool, { what: "jobs", text: JOBS, projectId, count });
  const templateSeconds = await insertRows(pool, {
    what: "job templates",
    text: TEMPLATES,
    projectId,
    count,
  });
  while ((await foldListBlocks(pool)) > 0);
  for (const table of ["job", "job_version", "job_template", "list_block", "list_block_delta", "instance"])
    await pool.query(`vacuum (analyze) ${table}`);
  return { projectId, jobSeconds, templateSeconds };
}

interface Rows {
  readonly what: string;
  readonly text: string;
  readonly projectId: string;
  readonly count: number;
}

/** Gives the seconds that it took. */
async function insertRows(pool: Pool, { what, text, projectId, count }: Rows): Promise<number> {
  const began = performance.now();
  for (let from = 1; from <= count; from += BATCH) {
    const to = Math.min(count, from + BATCH - 1);
    await pool.query(text, [projectId, from, to, AT]);
    process.stderr.write(`\r  ${to} of ${count} ${what} made`);
  }
  process.stderr.write("\n");
  return (performance.now() - began) / 1000;
}

/** Half of the names hold `flow_`; a number of four digits matches at most some hundreds of names in a million. */
const NAME = `(array['ingest','report','clean','export'])[1 + n % 4] || (array['_flow_','_task_'])[1 + (n / 4) % 2]
  || (array['orders','flights','weather','users','clicks','stock','rates'])[1 + n % 7] || '_' || lpad(n::text, 7, '0')`;

const JOBS = `
  with made as (
    insert into job (project_id, workspace_id, name, kind, version, owner, priority, tags, directory,
                     created_at, created_by, updated_at, updated_by)
    select $1, 'default', ${NAME}, case when n % 10 = 0 then 'real-time' else 'batch' end, 1, 'bench', n % 3,
           case when n % 500 = 1 then array['nightly'] else '{}' end, '/bench', $4, 'bench', $4, 'bench'
    from generate_series($2::int, $3::int) n
    returning project_id, id, name
  )
  insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
  select project_id, id, 1,
         jsonb_build_object('kind', 'batch', 'nodes', jsonb_build_array(jsonb_build_object('name', 'one', 'type', 'Dummy'))),
         json_build_object('name', name, 'processType', 'BATCH', 'nodes', json_build_array(json_build_object(
           'name', 'one', 'type', 'Dummy', 'location', json_build_object('x', 0, 'y', 0), 'properties', json_build_array()))),
         $4, 'bench'
  from made`;

const TEMPLATES = `
  insert into job_template (project_id, id, name, type, is_public, is_protected, created_at, updated_at)
  select $1, gen_random_uuid(), ${NAME}, (array['Shell','Java','Spark'])[1 + n % 3], false, false, $4::timestamptz + n * interval '1 second', $4
  from generate_series($2::int, $3::int) n`;
