/** Event sources of jobs in operation: where each goes on, which runs it has open, and which are to be looked at. */
import type { EventPosition, EventSchedule, EventSourceType, JobEvent } from "../domain/event.ts";
import type { InstanceState } from "../domain/states.ts";
import { type Database, execute, query } from "./database.ts";

export interface EventSource {
  readonly projectId: string;
  readonly jobId: number;
  readonly type: EventSourceType;
  readonly channel: string;
  readonly failPolicy: EventSchedule["failPolicy"];
  readonly concurrent: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly startedBy: string;
  readonly state: "listening" | "paused" | "stopped";
  /** Why it is paused; null when it is not. */
  readonly reason: string | null;
  /** Null until a bucket was listed whole, or a topic reached, for the first time. */
  readonly position: EventPosition | null;
  /** Events behind the position when it was last looked at. */
  readonly lag: number | null;
  readonly failures: number;
  /** Why the last look failed; null when it did not. */
  readonly error: string | null;
  readonly lastEventAt: Date | null;
  /** Files that it can no longer take since it was stopped, and when the first and the last of them arrived. */
  readonly lost: number;
  readonly lostFrom: Date | null;
  readonly lostTo: Date | null;
}

/** A source with what a run of its job needs. */
export interface ClaimedSource extends EventSource {
  readonly workspaceId: string;
  readonly jobName: string;
  readonly jobVersion: number;
}

const COLUMNS = `s.project_id as "projectId", s.job_id as "jobId", s.type, s.channel, s.fail_policy as "failPolicy",
  s.concurrent, s.parameters, s.started_by as "startedBy", s.state, s.reason, s.position, s.lag, s.failures, s.error,
  s.last_event_at as "lastEventAt", s.lost, s.lost_from as "lostFrom", s.lost_to as "lostTo"`;
/** Of a `ClaimedSource`, from `event_source s` and `job j`. */
export const CLAIMED_COLUMNS = `${COLUMNS}, j.workspace_id as "workspaceId", j.name as "jobName", j.version as "jobVersion"`;

/** The job's source, held until the transaction ends. */
export async function lockEventSource(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<EventSource | undefined> {
  const rows = await query<EventSource>(
    db,
    "lock-event-source",
    `select ${COLUMNS} from event_source s where project_id = $1 and job_id = $2 for update`,
    [projectId, jobId],
  );
  return rows[0];
}

/**
 * Puts a listening source, which has lost nothing, in the place of the job's present one; it is looked at from `lookAt`
 * on. Objects are listed at once, and a listing that is under way counts no more.
 */
export async function putEventSource(
  db: Database,
  source: Pick<
    EventSource,
    | "projectId"
    | "jobId"
    | "type"
    | "channel"
    | "failPolicy"
    | "concurrent"
    | "parameters"
    | "startedBy"
    | "position"
    | "lastEventAt"
  >,
  lookAt: Date,
): Promise<void> {
  await execute(
    db,
    "put-event-source",
    `insert into event_source (project_id, job_id, type, channel, fail_policy, concurrent, parameters, started_by,
       position, state, look_at, last_event_at, list_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'listening', $10, $11, case when $3 = 'objects' then $10::timestamptz end)
     on conflict (project_id, job_id) do update
     set type = $3, channel = $4, fail_policy = $5, concurrent = $6, parameters = $7, started_by = $8, position = $9,
       state = 'listening', reason = null, look_at = $10, list_at = excluded.list_at, listing = null, failures = 0,
       error = null, held_by = null, last_event_at = $11, lost = 0, lost_from = null, lost_to = null`,
    [
      source.projectId,
      source.jobId,
      source.type,
      source.channel,
      source.failPolicy,
      source.concurrent,
      JSON.stringify(source.parameters),
      source.startedBy,
      source.position === null ? null : JSON.stringify(source.position),
      lookAt,
      source.lastEventAt,
    ],
  );
}

/** The source keeps its place for the next start; false where the job has none in operation. */
export async function stopEventSource(db: Database, projectId: string, jobId: number): Promise<boolean> {
  const stopped = await execute(
    db,
    "stop-event-source",
    `update event_source set state = 'stopped', reason = null, held_by = null
     where project_id = $1 and job_id = $2 and state <> 'stopped'`,
    [projectId, jobId],
  );
  return stopped === 1;
}

/**
 * In a transaction: a source of files or objects that is due or one of whose runs has ended, held; others that claim
 * skip it.
 */
export async function claimFileSource(db: Database, now: Date): Promise<ClaimedSource | undefined> {
  const rows = await query<ClaimedSource>(
    db,
    "claim-file-source",
    `with due as materialized (
       select * from event_source s
       where s.state = 'listening' and s.type in ('files', 'objects') and (s.look_at <= $1 or exists (
         select from event_run r join instance i on i.project_id = r.project_id and i.id = r.instance_id
         where r.project_id = s.project_id and r.job_id = s.job_id and i.ended_at is not null
       ))
       order by s.look_at limit 1 for update skip locked
     )
     select ${CLAIMED_COLUMNS} from due s join job j on j.project_id = s.project_id and j.id = s.job_id`,
    [now],
  );
  return rows[0];
}

/** When the next source of files or objects is to be looked at; undefined when none listens. */
export async function findNextLook(db: Database): Promise<Date | undefined> {
  const rows = await query<{ readonly lookAt: Date }>(
    db,
    "find-next-look",
    `select look_at as "lookAt" from event_source
     where state = 'listening' and type in ('files', 'objects') order by look_at limit 1`,
  );
  return rows[0]?.lookAt;
}

/**
 * Topics that no living server reads, and that are due: they are this server's from now on. Gives all that are its own.
 */
export async function holdTopicSources(db: Database, serverId: string, now: Date): Promise<ClaimedSource[]> {
  await execute(
    db,
    "take-topic-sources",
    `update event_source s set held_by = $1
     where s.state = 'listening' and s.type = 'topic' and s.look_at <= $2
       and (s.held_by is null or not exists (select from server v where v.id = s.held_by))`,
    [serverId, now],
  );
  return await query<ClaimedSource>(
    db,
    "list-held-sources",
    `select ${CLAIMED_COLUMNS}
     from event_source s join job j on j.project_id = s.project_id and j.id = s.job_id
     where s.state = 'listening' and s.type = 'topic' and s.held_by = $1`,
    [serverId],
  );
}

/** In a transaction: the source as it is now, held, where it listens and is still this server's. */
export async function lockHeldSource(
  db: Database,
  { projectId, jobId }: Pick<EventSource, "projectId" | "jobId">,
  serverId: string,
): Promise<ClaimedSource | undefined> {
  const rows = await query<ClaimedSource>(
    db,
    "lock-held-source",
    `select ${CLAIMED_COLUMNS}
     from event_source s join job j on j.project_id = s.project_id and j.id = s.job_id
     where s.project_id = $1 and s.job_id = $2 and s.state = 'listening' and s.held_by = $3 for update of s`,
    [projectId, jobId, serverId],
  );
  return rows[0];
}

/** Gives a topic back, for any server to take from `lookAt` on. */
export async function releaseTopicSource(
  db: Database,
  { projectId, jobId }: Pick<EventSource, "projectId" | "jobId">,
  serverId: string,
  { lookAt, error }: { readonly lookAt: Date; readonly error: string | null },
): Promise<void> {
  await execute(
    db,
    "release-topic-source",
    `update event_source
     set held_by = null, look_at = $4, error = $5, failures = case when $5::text is null then 0 else failures + 1 end
     where project_id = $1 and job_id = $2 and held_by = $3`,
    [projectId, jobId, serverId, lookAt, error],
  );
}

/** What a look at a source found. */
export interface SourceLook {
  readonly position: EventPosition | null;
  readonly lag: number | null;
  readonly lookAt: Date;
  readonly lastEventAt: Date | null;
}

/** In a transaction that holds the source. Whether objects can be listed is not seen by a look. */
export async function updateLook(
  db: Database,
  { projectId, jobId }: Pick<EventSource, "projectId" | "jobId">,
  look: SourceLook,
): Promise<void> {
  await execute(
    db,
    "update-look",
    `update event_source set position = $3, lag = $4, look_at = $5, last_event_at = $6,
       failures = case type when 'objects' then failures else 0 end, error = case type when 'objects' then error end
     where project_id = $1 and job_id = $2`,
    [
      projectId,
      jobId,
      look.position === null ? null : JSON.stringify(look.position),
      look.lag,
      look.lookAt,
      look.lastEventAt,
    ],
  );
}

/** In a transaction that holds the source. */
export async function pauseEventSource(
  db: Database,
  { projectId, jobId }: Pick<EventSource, "projectId" | "jobId">,
  reason: string,
): Promise<void> {
  await execute(
    db,
    "pause-event-source",
    `update event_source set state = 'paused', reason = $3, held_by = null where project_id = $1 and job_id = $2`,
    [projectId, jobId, reason],
  );
}

/** In a transaction that holds the paused source: what failed before counts as acted upon. */
export async function resumeEventSource(
  db: Database,
  { projectId, jobId }: Pick<EventSource, "projectId" | "jobId">,
  lookAt: Date,
): Promise<void> {
  await takeEndedRuns(db, projectId, jobId);
  await execute(
    db,
    "resume-event-source",
    `update event_source set state = 'listening', reason = null, look_at = $3 where project_id = $1 and job_id = $2`,
    [projectId, jobId, lookAt],
  );
}

/** In a transaction that holds the source: its runs that have ended since the last look; they are forgotten here. */
export async function takeEndedRuns(
  db: Database,
  projectId: string,
  jobId: number,
): Promise<{ readonly instanceId: number; readonly state: InstanceState }[]> {
  return await query(
    db,
    "take-ended-runs",
    `delete from event_run r using instance i
     where r.project_id = $1 and r.job_id = $2
       and i.project_id = r.project_id and i.id = r.instance_id and i.ended_at is not null
     returning r.instance_id as "instanceId", i.state`,
    [projectId, jobId],
  );
}

export async function countOpenRuns(db: Database, projectId: string, jobId: number): Promise<number> {
  const rows = await query<{ readonly count: number }>(
    db,
    "count-open-runs",
    "select count(*) from event_run where project_id = $1 and job_id = $2",
    [projectId, jobId],
  );
  return rows[0]?.count ?? 0;
}

/** Runs that events have just made, each with its event. */
export async function insertEventRuns(
  db: Database,
  { projectId, jobId }: Pick<EventSource, "projectId" | "jobId">,
  runs: readonly { readonly instanceId: number; readonly event: JobEvent }[],
): Promise<void> {
  await execute(
    db,
    "insert-event-runs",
    `with given as (select * from unnest($3::bigint[], $4::jsonb[]) as g (instance_id, event)),
     open as (insert into event_run (project_id, job_id, instance_id) select $1, $2, instance_id from given)
     update instance i set event = g.event from given g where i.project_id = $1 and i.id = g.instance_id`,
    [
      projectId,
      jobId,
      runs.map(({ instanceId }) => instanceId),
      runs.map(({ event }) => JSON.stringify(event)),
    ],
  );
}

/** What an instance is told of its event; undefined for one that no event made. */
export async function findInstanceEvent(
  db: Database,
  projectId: string,
  instanceId: number,
): Promise<JobEvent | undefined> {
  const rows = await query<{ readonly event: JobEvent | null }>(
    db,
    "find-instance-event",
    "select event from instance where project_id = $1 and id = $2",
    [projectId, instanceId],
  );
  return rows[0]?.event ?? undefined;
}

/** A source as operators see it. */
export interface EventSourceState extends EventSource {
  readonly workspaceId: string;
  readonly jobName: string;
  /** Runs that it knows of as not ended. */
  readonly running: number;
}

/** The project's sources, by their jobs' names, but for those in `closedWorkspaces`. */
export async function listEventSources(
  db: Database,
  projectId: string,
  limit: number,
  { closedWorkspaces }: { readonly closedWorkspaces: readonly string[] } = { closedWorkspaces: [] },
): Promise<EventSourceState[]> {
  return await query<EventSourceState>(
    db,
    "list-event-sources",
    `select ${COLUMNS}, j.workspace_id as "workspaceId", j.name as "jobName",
       (select count(*) from event_run r join instance i on i.project_id = r.project_id and i.id = r.instance_id
        where r.project_id = s.project_id and r.job_id = s.job_id and i.ended_at is null) as running
     from event_source s join job j on j.project_id = s.project_id and j.id = s.job_id
     where s.project_id = $1 and j.workspace_id <> all ($3::text[]) order by j.workspace_id, j.name limit $2`,
    [projectId, limit, closedWorkspaces],
  );
}
