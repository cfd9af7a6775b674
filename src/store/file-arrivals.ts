/** Files that arrived in buckets: a log that each event source reads on from its own place. */
import { type Database, execute, query } from "./database.ts";
import { ENGINE_CHANNEL } from "./servers.ts";

export interface FileArrival {
  readonly number: number;
  /** `obs://bucket/key` */
  readonly path: string;
}

/**
 * Records a file that is in its place, and calls every source that waits for it, on all servers, in the same commit.
 * Nothing is recorded for a project none of whose jobs ever waited for files.
 */
export async function recordArrival(db: Database, projectId: string, path: string, now: Date): Promise<void> {
  await query(
    db,
    "record-arrival",
    `with counted as (
       insert into file_arrival_count as c (project_id, last)
       select $1, 1 where exists (select from event_source where project_id = $1 and type = 'files')
       on conflict (project_id) do update set last = c.last + 1
       returning last
     ), arrived as (
       insert into file_arrival (project_id, number, path, arrived_at)
       select $1, last, $2, $3::timestamptz from counted
     ), called as (
       update event_source set look_at = $3::timestamptz
       where project_id = $1 and type = 'files' and state = 'listening' and starts_with($2, channel || '/')
       returning 1
     )
     select pg_notify($4, 'due') from (select from called limit 1) one`,
    [projectId, path, now, ENGINE_CHANNEL],
  );
}

/** The number of the project's last arrival; 0 before the first. */
export async function lastArrival(db: Database, projectId: string): Promise<number> {
  const rows = await query<{ readonly last: number }>(
    db,
    "last-arrival",
    "select last from file_arrival_count where project_id = $1",
    [projectId],
  );
  return rows[0]?.last ?? 0;
}

/** Arrivals under `folder` behind `after`, in their order. */
export async function listArrivals(
  db: Database,
  projectId: string,
  { folder, after, limit }: { readonly folder: string; readonly after: number; readonly limit: number },
): Promise<FileArrival[]> {
  return await query<FileArrival>(
    db,
    "list-arrivals",
    `select number, path from file_arrival
     where project_id = $1 and number > $2 and starts_with(path, $3 || '/') order by number limit $4`,
    [projectId, after, folder, limit],
  );
}

/** How many arrivals lie under `folder` behind `after`, counted up to `most`. */
export async function countArrivals(
  db: Database,
  projectId: string,
  { folder, after, most }: { readonly folder: string; readonly after: number; readonly most: number },
): Promise<number> {
  const rows = await query<{ readonly count: number }>(
    db,
    "count-arrivals",
    `select count(*) from (
       select from file_arrival where project_id = $1 and number > $2 and starts_with(path, $3 || '/') limit $4
     ) one`,
    [projectId, after, folder, most],
  );
  return rows[0]?.count ?? 0;
}

/**
 * Forgets arrivals older than `before`, some at a time, but none that a source in operation has not taken yet. A stopped
 * source that has not is told how many it loses: under its row's lock, since it may start at any moment.
 */
export async function deleteOldArrivals(db: Database, before: Date, limit: number): Promise<void> {
  await execute(
    db,
    "delete-old-arrivals",
    `with stopped as materialized (
       select project_id, job_id, channel, (position ->> 'arrival')::bigint as arrival from event_source
       where type = 'files' and state = 'stopped' for update skip locked
     ), gone as (
       delete from file_arrival where (project_id, number) in (
         select a.project_id, a.number from file_arrival a
         where a.arrived_at < $1 and not exists (
           select from event_source s
           where s.project_id = a.project_id and s.type = 'files' and starts_with(a.path, s.channel || '/')
             and (s.position ->> 'arrival')::bigint < a.number
             and not exists (select from stopped t where t.project_id = s.project_id and t.job_id = s.job_id)
         )
         order by a.arrived_at limit $2
       )
       returning project_id, number, path, arrived_at
     ), lost as (
       select t.project_id, t.job_id, count(*) as files, min(g.arrived_at) as first, max(g.arrived_at) as last
       from gone g join stopped t
         on t.project_id = g.project_id and starts_with(g.path, t.channel || '/') and t.arrival < g.number
       group by 1, 2
     )
     update event_source s
     set lost = s.lost + l.files, lost_from = least(s.lost_from, l.first), lost_to = greatest(s.lost_to, l.last)
     from lost l where s.project_id = l.project_id and s.job_id = l.job_id`,
    [before, limit],
  );
}
