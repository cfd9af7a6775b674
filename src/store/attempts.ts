/** The attempt table: tries that did not settle their node, and why each was followed by another. */
import type { AttemptOutcome } from "../domain/states.ts";
import { type Database, query } from "./database.ts";

export interface PastAttempt {
  readonly nodeNo: number;
  readonly attempt: number;
  readonly outcome: AttemptOutcome;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly exitCode: number | null;
  readonly message: string | null;
}

/** The newest `perNodeMax` of each node of an instance, oldest first: a real-time node may have had any number. */
export async function listPastAttempts(
  db: Database,
  { projectId, instanceId, perNodeMax }: { projectId: string; instanceId: number; perNodeMax: number },
): Promise<PastAttempt[]> {
  return await query<PastAttempt>(
    db,
    "list-past-attempts",
    `select a.node_no as "nodeNo", a.attempt, a.outcome, a.started_at as "startedAt", a.ended_at as "endedAt",
       a.exit_code as "exitCode", a.message
     from node_run n cross join lateral (
       select * from attempt a
       where a.project_id = n.project_id and a.instance_id = n.instance_id and a.node_no = n.node_no
       order by a.attempt desc limit $3
     ) a
     where n.project_id = $1 and n.instance_id = $2
     order by a.node_no, a.attempt`,
    [projectId, instanceId, perNodeMax],
  );
}
