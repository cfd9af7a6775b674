/** How much work there is just now, counted from partial indexes and up to a bound, so that asking costs no scan. */
import type { Lane } from "../domain/instance.ts";
import { type Database, query } from "./database.ts";
import type { Claim } from "./node-runs.ts";

/** Counts end here: beyond it a queue is only known to be at least so long. */
const COUNTED_MAX = 10_000;

export interface Load {
  readonly lanes: readonly {
    readonly lane: Lane;
    readonly ready: number;
    /** Since when the longest waiting of the counted ones is ready; null where there is none. */
    readonly since: Date | null;
  }[];
  /** Instances that wait for others. */
  readonly waiting: number;
  /** In the register. */
  readonly servers: number;
}

export async function readLoad(db: Database, lanes: readonly Lane[], now: Date): Promise<Load> {
  const [queues, rest] = await Promise.all([
    query<Load["lanes"][number]>(
      db,
      "read-load-lanes",
      `select l.lane, c.ready, c.since
       from unnest($1::text[]) as l (lane)
       cross join lateral (
         select count(*) as ready, min(ready_at) as since from (
           select ready_at from node_run
           where state = 'ready' and lane = l.lane and ready_at <= $2
             and instance_id >= (select history_floor())
           limit $3
         ) r
       ) c`,
      [lanes, now, COUNTED_MAX],
    ),
    query<Pick<Load, "waiting" | "servers">>(
      db,
      "read-load-rest",
      `select (select count(*) from (
           select from instance where state = 'waiting' and id >= (select history_floor()) limit $1
         ) w) as waiting,
         (select count(*) from server) as servers`,
      [COUNTED_MAX],
    ),
  ]);
  return { lanes: queues, waiting: rest[0]?.waiting ?? 0, servers: rest[0]?.servers ?? 0 };
}

/**
 * When claimed node runs, which have not ended, became ready, in no order. Each is looked up by itself: a join, planned
 * while the period was new and small, reads the whole period for a few of them.
 */
export async function listReadyTimes(db: Database, claims: readonly Claim[]): Promise<Date[]> {
  const rows = await query<{ readonly readyAt: Date }>(
    db,
    "list-ready-times",
    `select n.ready_at as "readyAt"
     from unnest($1::uuid[], $2::bigint[], $3::smallint[]) as k (project_id, instance_id, node_no)
     cross join lateral (
       select r.ready_at from node_run r
       where r.project_id = k.project_id and r.instance_id = k.instance_id and r.node_no = k.node_no
         and r.instance_id >= (select history_floor())
       limit 1
     ) n
     where n.ready_at is not null`,
    [
      claims.map(({ projectId }) => projectId),
      claims.map(({ instanceId }) => instanceId),
      claims.map(({ nodeNo }) => nodeNo),
    ],
  );
  return rows.map(({ readyAt }) => readyAt);
}
