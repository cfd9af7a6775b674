/** The submission table: what nodes have handed over to clusters, one for each round of their attempts. */
import type { JsonObject } from "../domain/cluster-services.ts";
import type { RoundKey } from "./child-instances.ts";
import { type Database, execute, query } from "./database.ts";

export interface SubmissionPlace {
  readonly clusterId: string;
  readonly service: string;
}

export interface StoredSubmission extends SubmissionPlace {
  readonly projectId: string;
  /** 32 hexadecimal digits. */
  readonly key: string;
  readonly handle: JsonObject | null;
  readonly logOffsets: Readonly<Record<string, number>>;
  readonly begunAt: Date;
  readonly submittedAt: Date | null;
}

const COLUMNS = `project_id as "projectId", key, cluster_id as "clusterId", service, handle,
  log_offsets as "logOffsets", begun_at as "begunAt", submitted_at as "submittedAt"`;

/** That of the round, which is made where there is none; one that is there stays as it is. */
export async function openSubmission(
  db: Database,
  round: RoundKey,
  { key, clusterId, service, at }: SubmissionPlace & { readonly key: string; readonly at: Date },
): Promise<StoredSubmission> {
  const rows = await query<StoredSubmission>(
    db,
    "open-submission",
    `insert into submission (project_id, instance_id, node_no, round, key, cluster_id, service, begun_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (project_id, instance_id, node_no, round) do update set key = submission.key
     returning ${COLUMNS}`,
    [...valuesOf(round), key, clusterId, service, at],
  );
  const [row] = rows;
  if (row === undefined) throw new RangeError("a row that is inserted or updated is returned");
  return row;
}

/** Writes what the cluster's service is to know the work by. */
export async function markReserved(
  db: Database,
  key: string,
  handle: JsonObject,
  engineId: string | undefined,
): Promise<void> {
  await execute(
    db,
    "mark-submission-reserved",
    `update submission set state = 'reserved', handle = $2, engine_id = $3, ended_at = null
     where key = $1 and state in ('opened', 'reserved', 'ended')`,
    [key, JSON.stringify(handle), engineId ?? null],
  );
}

/** A server that has lost its claim disturbs nobody who has it now. */
const HELD = `exists (
  select from node_run n
  where n.project_id = submission.project_id and n.instance_id = submission.instance_id
    and n.node_no = submission.node_no and n.state = 'running' and n.fence = $2)`;

/** The cluster has it; also where that is known of it a second time, by another handle. */
export async function markSubmitted(
  db: Database,
  key: string,
  {
    handle,
    engineId,
    at,
    fence,
  }: {
    readonly handle: JsonObject;
    readonly engineId?: string;
    readonly at: Date;
    readonly fence: number;
  },
): Promise<void> {
  await execute(
    db,
    "mark-submission-submitted",
    `update submission set state = 'submitted', handle = $3, engine_id = $4,
       submitted_at = coalesce(submitted_at, $5), ended_at = null
     where key = $1 and state <> 'abandoned' and ${HELD}`,
    [key, fence, JSON.stringify(handle), engineId ?? null, at],
  );
}

/** Nothing goes on with it; false where that was known, or where the claim of that fence is gone. */
export async function endSubmission(
  db: Database,
  key: string,
  end: { readonly state: "ended" | "abandoned"; readonly at: Date; readonly fence?: number },
): Promise<boolean> {
  const ended = await execute(
    db,
    "end-submission",
    `update submission set state = $3, ended_at = $4
     where key = $1 and ended_at is null and ($2::bigint is null or ${HELD})`,
    [key, end.fence ?? null, end.state, end.at],
  );
  return ended === 1;
}

/** How far its logs are read. */
export async function noteLogOffsets(
  db: Database,
  key: string,
  offsets: Readonly<Record<string, number>>,
  fence: number,
): Promise<void> {
  await execute(
    db,
    "note-submission-logs",
    `update submission set log_offsets = $3 where key = $1 and ${HELD}`,
    [key, fence, JSON.stringify(offsets)],
  );
}

/** Whether something of a node's former rounds has not ended. */
export async function hasEarlierSubmission(db: Database, round: RoundKey): Promise<boolean> {
  const rows = await query(
    db,
    "find-earlier-submission",
    `select from submission
     where project_id = $1 and instance_id = $2 and node_no = $3 and round < $4 and ended_at is null limit 1`,
    valuesOf(round),
  );
  return rows.length > 0;
}

/**
 * Submissions that go on although nothing is to come of them: their node has ended, or goes on with another try. A node
 * that waits or is ready to be claimed again after its server was lost goes on with its own.
 */
export async function listOrphanedSubmissions(db: Database, limit: number): Promise<StoredSubmission[]> {
  return await query<StoredSubmission>(
    db,
    "list-orphaned-submissions",
    `select ${COLUMNS} from submission s
     where s.ended_at is null and (
       s.closed
       or not exists (
         select from node_run n
         where n.project_id = s.project_id and n.instance_id = s.instance_id and n.node_no = s.node_no
           and n.state in ('waiting', 'ready', 'running')
       )
       or exists (
         select from attempt a
         where a.project_id = s.project_id and a.instance_id = s.instance_id and a.node_no = s.node_no
           and a.attempt >= s.round and a.outcome not in ('lost', 'stopped')
       )
     )
     order by s.begun_at limit $1`,
    [limit],
  );
}

function valuesOf({ projectId, parentId, nodeNo, round }: RoundKey): unknown[] {
  return [projectId, parentId, nodeNo, round];
}
