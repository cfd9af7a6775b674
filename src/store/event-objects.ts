/** Objects of S3 endpoints as their event sources have seen them, and the listings by which they see them. */
import { type Database, execute, query } from "./database.ts";
import { CLAIMED_COLUMNS, type ClaimedSource, type EventSource } from "./event-sources.ts";
import { ENGINE_CHANNEL } from "./servers.ts";

type SourceKey = Pick<EventSource, "projectId" | "jobId">;

/** Behind every key: no character has a higher code. */
const LAST_KEY = "\u{10ffff}";

/** A source whose bucket is to be listed, and by what this listing is known. */
export interface Listing {
  readonly source: ClaimedSource;
  readonly id: string;
}

/** A page of a listing: what it has of the keys behind `after`, up to `last`, or to the end where that is undefined. */
export interface SeenPage {
  readonly objects: readonly { readonly key: string; readonly etag: string; readonly modifiedAt: Date }[];
  readonly after: string;
  readonly last: string | undefined;
}

/** A source that is due to be listed: nobody else's until `until`, or until it is put into operation anew. */
export async function claimListing(db: Database, now: Date, until: Date): Promise<Listing | undefined> {
  const rows = await query<ClaimedSource & { readonly listing: string }>(
    db,
    "claim-listing",
    `with due as (
       select project_id, job_id from event_source
       where state = 'listening' and type = 'objects' and list_at <= $1
       order by list_at limit 1 for update skip locked
     )
     update event_source s set list_at = $2, listing = gen_random_uuid() from due, job j
     where s.project_id = due.project_id and s.job_id = due.job_id and j.project_id = s.project_id and j.id = s.job_id
     returning ${CLAIMED_COLUMNS}, s.listing`,
    [now, until],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { listing: id, ...source } = row;
  return { source, id };
}

/** When the next source is to be listed; undefined when none is. */
export async function findNextListing(db: Database): Promise<Date | undefined> {
  const rows = await query<{ readonly listAt: Date }>(
    db,
    "find-next-listing",
    `select list_at as "listAt" from event_source where state = 'listening' and type = 'objects' order by list_at limit 1`,
  );
  return rows[0]?.listAt;
}

/** In a transaction: holds the source until it ends, and its listing until `until`; false where another has begun. */
export async function holdListing(db: Database, { source, id }: Listing, until: Date): Promise<boolean> {
  const held = await execute(
    db,
    "hold-listing",
    `update event_source set list_at = $4
     where project_id = $1 and job_id = $2 and listing = $3 and state = 'listening'`,
    [source.projectId, source.jobId, id, until],
  );
  return held === 1;
}

/**
 * In a transaction that holds the source: remembers what a page has. With `starts`, what was not seen before as it is
 * now is pending, and the source is looked at: gives how many. Each key is looked up by itself: as long as the table has
 * no statistics, a join would read all of it for each page of a first listing.
 */
export async function recordObjects(
  db: Database,
  { projectId, jobId }: SourceKey,
  { objects, after, last }: SeenPage,
  { starts, now }: { readonly starts: boolean; readonly now: Date },
): Promise<number> {
  const rows = await query<{ readonly count: number }>(
    db,
    "record-objects",
    `with given as (select * from unnest($3::text[], $4::text[], $5::timestamptz[]) g (key, etag, modified_at)),
     gone as (
       update event_object set gone_at = $9
       where project_id = $1 and job_id = $2 and key > $6 and key <= $7 and gone_at is null
         and key not in (select g.key from given g)
     ), found as (
       insert into event_object as o (project_id, job_id, key, etag, modified_at, pending)
       select $1, $2, g.key, g.etag, g.modified_at, $8 from given g
       left join lateral (
         select etag, modified_at, gone_at from event_object s
         where s.project_id = $1 and s.job_id = $2 and s.key = g.key offset 0
       ) known on true
       where (known.etag, known.modified_at) is distinct from (g.etag, g.modified_at) or known.gone_at is not null
       on conflict (project_id, job_id, key) do update
       set etag = excluded.etag, modified_at = excluded.modified_at, gone_at = null, pending = o.pending
         or excluded.pending and (o.etag, o.modified_at) is distinct from (excluded.etag, excluded.modified_at)
       returning pending
     )
     select count(*) filter (where pending) as count from found`,
    [
      projectId,
      jobId,
      objects.map(({ key }) => key),
      objects.map(({ etag }) => etag),
      objects.map(({ modifiedAt }) => modifiedAt),
      after,
      last ?? LAST_KEY,
      starts,
      now,
    ],
  );
  const found = rows[0]?.count ?? 0;
  if (found > 0) await callSource(db, { projectId, jobId }, now);
  return found;
}

/** On all servers, when the transaction ends. */
async function callSource(db: Database, { projectId, jobId }: SourceKey, now: Date): Promise<void> {
  await query(
    db,
    "call-source",
    `with called as (update event_source set look_at = $3 where project_id = $1 and job_id = $2 returning 1)
     select pg_notify($4, 'due') from called`,
    [projectId, jobId, now, ENGINE_CHANNEL],
  );
}

/**
 * In a transaction that holds the source: its bucket was listed whole, and is listed again at `listAt`. Forgets what
 * the listings have been without since before `goneBefore`.
 */
export async function endListing(
  db: Database,
  { source: { projectId, jobId } }: Listing,
  {
    listedAt,
    listAt,
    goneBefore,
  }: { readonly listedAt: Date; readonly listAt: Date; readonly goneBefore: Date },
): Promise<void> {
  await execute(
    db,
    "end-listing",
    `update event_source set position = $3, list_at = $4, listing = null, failures = 0, error = null
     where project_id = $1 and job_id = $2`,
    [projectId, jobId, JSON.stringify({ listedAt: listedAt.toISOString() }), listAt],
  );
  await execute(
    db,
    "forget-gone-objects",
    "delete from event_object where project_id = $1 and job_id = $2 and gone_at < $3 and not pending",
    [projectId, jobId, goneBefore],
  );
}

/** The listing came to nothing: the next is at `listAt`. Without an error it was given up, and nothing failed. */
export async function failListing(
  db: Database,
  { source: { projectId, jobId }, id }: Listing,
  { listAt, error }: { readonly listAt: Date; readonly error: string | null },
): Promise<void> {
  await execute(
    db,
    "fail-listing",
    `update event_source
     set list_at = $4, listing = null, error = coalesce($5, error),
       failures = case when $5::text is null then failures else failures + 1 end
     where project_id = $1 and job_id = $2 and listing = $3`,
    [projectId, jobId, id, listAt, error],
  );
}

/** In a transaction that holds the source: keys of pending objects, the oldest first; they are pending no more. */
export async function takePendingObjects(
  db: Database,
  { projectId, jobId }: SourceKey,
  limit: number,
): Promise<string[]> {
  const rows = await query<{ readonly key: string }>(
    db,
    "take-pending-objects",
    `with oldest as materialized (
       select key, modified_at from event_object where project_id = $1 and job_id = $2 and pending
       order by modified_at, key limit $3
     ), taken as (
       update event_object o set pending = false from oldest
       where o.project_id = $1 and o.job_id = $2 and o.key = oldest.key
     )
     select key from oldest order by modified_at, key`,
    [projectId, jobId, limit],
  );
  return rows.map(({ key }) => key);
}

/** How many objects are pending, counted up to `most`. */
export async function countPendingObjects(
  db: Database,
  { projectId, jobId }: SourceKey,
  most: number,
): Promise<number> {
  const rows = await query<{ readonly count: number }>(
    db,
    "count-pending-objects",
    `select count(*) from (select from event_object where project_id = $1 and job_id = $2 and pending limit $3) one`,
    [projectId, jobId, most],
  );
  return rows[0]?.count ?? 0;
}

/** In a transaction that holds the source: it begins anew, and has seen nothing. */
export async function forgetObjects(db: Database, { projectId, jobId }: SourceKey): Promise<void> {
  await execute(db, "forget-objects", "delete from event_object where project_id = $1 and job_id = $2", [
    projectId,
    jobId,
  ]);
}
