/** Instances written as the engine leaves them, for tests of what is read: no engine runs, no time passes. */
import type { Pool } from "pg";
import { PROJECT } from "./factory.ts";

export interface WrittenRun {
  /** Of a job of the world's project. */
  readonly job: string;
  /** When it was planned, made and begun, and its nodes with it. */
  readonly at: string | Date;
  readonly state: string;
  /** How long it took, where its state is an end; 0 where absent. */
  readonly minutes?: number;
  /** One of a schedule has a line in the ledger; `manual` where absent. */
  readonly origin?: string;
  readonly forceSuccess?: boolean;
  readonly ignoreSuccess?: boolean;
  /** In topological order; all of them ended with its beginning. */
  readonly nodes?: readonly {
    readonly state: "succeeded" | "failed" | "skipped";
    readonly output?: string;
  }[];
}

const ENDED = ["succeeded", "failed", "stopped", "skipped"];

/** Gives its id. */
export async function writeRun(pool: Pool, run: WrittenRun): Promise<number> {
  const { job, state, minutes = 0, origin = "manual", nodes = [] } = run;
  const at = new Date(run.at);
  const { rows } = await pool.query<{ id: number }>(
    `with made as (
       insert into instance (project_id, workspace_id, job_id, job_version, job_name, origin, state, left_sinks,
         node_count, planned_at, created_at, created_by, started_at, ended_at, force_success, ignore_success)
       select project_id, workspace_id, id, version, name, $3::text, $4::text, 0, $5::integer, $6::timestamptz,
         $6::timestamptz, 'writer', $7::timestamptz, $8::timestamptz, $9::boolean, $10::boolean
       from job where project_id = $1::uuid and name = $2::text returning id, job_id
     ), line as (
       insert into planned_run (project_id, job_id, planned_at, state, instance_id, decided_at)
       select $1::uuid, job_id, $6::timestamptz, 'started', id, $6::timestamptz from made where $3::text = 'schedule'
     ), runs as (
       insert into node_run (project_id, instance_id, node_no, state, lane, need, ready_at, started_at, ended_at, output)
       select $1::uuid, made.id, n.place - 1, n.state, 'inline', 0, $6::timestamptz, $6::timestamptz, $6::timestamptz,
         n.output
       from made, unnest($11::text[], $12::text[]) with ordinality as n (state, output, place)
     )
     select id from made`,
    [
      PROJECT,
      job,
      origin,
      state,
      Math.max(1, nodes.length),
      at,
      ["waiting", "frozen"].includes(state) ? null : at,
      ENDED.includes(state) ? new Date(at.getTime() + minutes * 60_000) : null,
      run.forceSuccess ?? false,
      run.ignoreSuccess ?? false,
      nodes.map((node) => node.state),
      nodes.map(({ output }) => output ?? null),
    ],
  );
  const [made] = rows;
  if (made === undefined) throw new RangeError(`the project has no job ${job}`);
  return Number(made.id);
}
