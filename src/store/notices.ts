/** The outbox: notices that were published, and their deliveries, each taken by one server at a time. */
import { type NoticeText, QUEUE_MAX } from "../domain/notice.ts";
import type { DeliveryState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";

export interface NewNotice extends NoticeText {
  readonly projectId: string;
  readonly topicId: number;
  /** One that was published under its key already is not published again. */
  readonly key: string;
}

/** A notice as it was written, or found to be there already. */
interface PublishedNotice {
  readonly projectId: string;
  readonly id: number;
  readonly key: string;
  /** How many targets it is on its way to; 0 for one that was there. */
  readonly targets: number;
}

/** In a transaction or alone: writes notices with a delivery for each target of their topics. */
export async function insertNotices(
  db: Database,
  notices: readonly NewNotice[],
  now: Date,
): Promise<PublishedNotice[]> {
  if (notices.length === 0) return [];
  return await query<PublishedNotice>(
    db,
    "insert-notices",
    `with given as (
       select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
         as g (project_id, topic_id, key, subject, message, detail)
     ), made as (
       insert into notice (project_id, topic_id, key, subject, message, detail, created_at)
       select project_id, topic_id, key, subject, message, detail, $7::timestamptz from given
       on conflict (project_id, key) do nothing
       returning project_id, id, topic_id, key
     ), queued as (
       insert into notice_delivery (project_id, notice_id, target_id, state, next_at, ended_at, error)
       select m.project_id, m.id, t.id, case when q.is_full then 'failed' else 'waiting' end,
         case when not q.is_full then $7::timestamptz end, case when q.is_full then $7::timestamptz end,
         case when q.is_full then 'too many notices waited for this target' end
       from made m join topic_target t on t.project_id = m.project_id and t.topic_id = m.topic_id
       cross join lateral (
         select count(*) >= $8 as is_full from (
           select from notice_delivery d
           where d.project_id = t.project_id and d.target_id = t.id and d.state = 'waiting' limit $8
         ) waiting
       ) q
       returning notice_id
     )
     select m.project_id as "projectId", m.id, m.key, (select count(*) from queued q where q.notice_id = m.id) as targets from made m
     union all
     select n.project_id, n.id, n.key, 0 from given g join notice n on n.project_id = g.project_id and n.key = g.key`,
    [
      notices.map(({ projectId }) => projectId),
      notices.map(({ topicId }) => topicId),
      notices.map(({ key }) => key),
      notices.map(({ subject }) => subject),
      notices.map(({ message }) => message),
      notices.map(({ detail = {} }) => JSON.stringify(detail)),
      now,
      QUEUE_MAX,
    ],
  );
}

/** A delivery that this server is to try now. */
export interface ClaimedDelivery extends NoticeText {
  readonly projectId: string;
  readonly noticeId: number;
  readonly targetId: string;
  readonly topic: string;
  readonly publishedAt: Date;
  /** This one included. */
  readonly tries: number;
  /** Until then nobody else sends to the target. */
  readonly busyUntil: Date;
  readonly sealed: Buffer;
}

/**
 * Takes the oldest delivery that is due of up to `limit` targets to which nobody sends, the longest idle ones first. Goes by
 * the index from target to target for which something waits: neither their number nor what waits counts.
 */
export async function claimDeliveries(
  db: Database,
  { now, busyUntil, limit }: { readonly now: Date; readonly busyUntil: Date; readonly limit: number },
): Promise<ClaimedDelivery[]> {
  return await query<ClaimedDelivery>(
    db,
    "claim-deliveries",
    `with recursive waiting as (
       (
         select project_id, target_id, next_at from notice_delivery
         where state = 'waiting' order by project_id, target_id, next_at limit 1
       )
       union all
       select further.* from waiting w cross join lateral (
         select d.project_id, d.target_id, d.next_at from notice_delivery d
         where d.state = 'waiting' and (d.project_id, d.target_id) > (w.project_id, w.target_id)
         order by d.project_id, d.target_id, d.next_at limit 1
       ) further
     ), free as (
       select t.project_id, t.id
       from waiting w join topic_target t on t.project_id = w.project_id and t.id = w.target_id
       where w.next_at <= $1 and (t.busy_until is null or t.busy_until <= $1)
       order by t.busy_until nulls first limit $3 for update of t skip locked
     ), due as (
       select f.project_id, f.id as target_id, d.notice_id
       from free f cross join lateral (
         select d.notice_id from notice_delivery d
         where d.project_id = f.project_id and d.target_id = f.id and d.state = 'waiting' and d.next_at <= $1
         order by d.next_at, d.notice_id limit 1
       ) d
     ), tried as (
       update notice_delivery d set tries = d.tries + 1
       from due
       where d.project_id = due.project_id and d.notice_id = due.notice_id and d.target_id = due.target_id
         and d.state = 'waiting' and d.next_at <= $1
       returning d.project_id, d.notice_id, d.target_id, d.tries
     ), busy as (
       update topic_target t set busy_until = $2::timestamptz from tried
       where t.project_id = tried.project_id and t.id = tried.target_id
       returning t.project_id, t.id, t.sealed
     )
     select tried.project_id as "projectId", tried.notice_id as "noticeId", tried.target_id as "targetId",
       p.name as topic, n.created_at as "publishedAt", n.subject, n.message, n.detail, tried.tries, $2::timestamptz as "busyUntil", busy.sealed
     from tried
     join busy on busy.project_id = tried.project_id and busy.id = tried.target_id
     join notice n on n.project_id = tried.project_id and n.id = tried.notice_id
     join topic p on p.project_id = n.project_id and p.id = n.topic_id`,
    [now, busyUntil, limit],
  );
}

/** What became of one try. */
export interface TriedDelivery {
  readonly state: DeliveryState;
  /** Of the next try, while it waits. */
  readonly nextAt: Date | null;
  readonly error: string | null;
}

/** Writes what became of a claim, where it is this one's still, and lets others send to the target. */
export async function settleDelivery(
  db: Database,
  { projectId, noticeId, targetId, tries, busyUntil }: ClaimedDelivery,
  { state, nextAt, error }: TriedDelivery,
  now: Date,
): Promise<void> {
  await execute(
    db,
    "settle-delivery",
    `with freed as (
       update topic_target set busy_until = $5::timestamptz
       where project_id = $1 and id = $3 and busy_until = $6::timestamptz
     )
     update notice_delivery
     set state = $7, next_at = $8, error = $9, ended_at = case when $7 = 'waiting' then null else $5::timestamptz end
     where project_id = $1 and notice_id = $2 and target_id = $3 and tries = $4 and state = 'waiting'`,
    [projectId, noticeId, targetId, tries, now, busyUntil, state, nextAt, error],
  );
}

/** A notice with what became of it, as people see it. */
export interface NoticeListing {
  readonly id: number;
  readonly subject: string;
  readonly publishedAt: Date;
  readonly deliveries: readonly {
    readonly targetId: string;
    readonly address: string;
    readonly state: DeliveryState;
    readonly tries: number;
    readonly nextAt: string | null;
    readonly endedAt: string | null;
    readonly error: string | null;
  }[];
}

/** The last ones that were published to a topic, newest first. */
export async function listNotices(
  db: Database,
  projectId: string,
  topicId: number,
  limit: number,
): Promise<NoticeListing[]> {
  return await query<NoticeListing>(
    db,
    "list-notices",
    `select n.id, n.subject, n.created_at as "publishedAt", coalesce((
       select jsonb_agg(jsonb_build_object(
         'targetId', replace(d.target_id::text, '-', ''), 'address', t.shown_address, 'state', d.state, 'tries', d.tries,
         'nextAt', d.next_at, 'endedAt', d.ended_at, 'error', d.error
       ) order by t.created_at, t.id)
       from notice_delivery d join topic_target t on t.project_id = d.project_id and t.id = d.target_id
       where d.project_id = n.project_id and d.notice_id = n.id
     ), '[]') as deliveries
     from notice n where n.project_id = $1 and n.topic_id = $2 order by n.id desc limit $3`,
    [projectId, topicId, limit],
  );
}
