/** The script_run table; what happens in time stands in the run's instance and its one node run. */
import type { ScriptRun, ScriptTable } from "../domain/script-run.ts";
import type { InstanceState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** Adds a run of a script that is there. */
export async function insertScriptRun(
  db: Database,
  run: {
    readonly projectId: string;
    readonly id: string;
    readonly scriptId: number;
    readonly instanceId: number;
  },
): Promise<void> {
  await execute(
    db,
    "insert-script-run",
    "insert into script_run (project_id, id, script_id, instance_id) values ($1, $2, $3, $4)",
    [run.projectId, run.id, run.scriptId, run.instanceId],
  );
}

/** The run of that id, of this script alone. */
export async function findScriptRun(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { scriptId, id }: { readonly scriptId: number; readonly id: string },
): Promise<ScriptRun | undefined> {
  const rows = await query<ScriptRunRow>(
    db,
    "find-script-run",
    `select r.project_id, r.id, r.instance_id, i.state, n.started_at, n.ended_at,
       coalesce(n.message, i.error_message) as message, case when n.state = 'succeeded' then n.output end as output
     from script_run r
     join instance i on i.project_id = r.project_id and i.id = r.instance_id
     join node_run n on n.project_id = r.project_id and n.instance_id = r.instance_id and n.node_no = 0
     where r.project_id = $1 and r.id = $3 and r.script_id = $4 and i.workspace_id = $2`,
    [projectId, workspaceId, id, scriptId],
  );
  return rows.map(scriptRunFromRow)[0];
}

interface ScriptRunRow {
  readonly project_id: string;
  readonly id: string;
  readonly instance_id: number;
  readonly state: InstanceState;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly message: string | null;
  readonly output: string | null;
}

function scriptRunFromRow(row: ScriptRunRow): ScriptRun {
  return {
    projectId: row.project_id,
    id: row.id,
    instanceId: row.instance_id,
    state: row.state,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    message: row.message,
    table: row.output === null ? null : tableFrom(row.output),
  };
}

/** The run's node was told to leave a table (`azalai.output`). */
function tableFrom(output: string): ScriptTable {
  return JSON.parse(output);
}
