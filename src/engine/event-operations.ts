/** Event sources put into operation, taken out of it, and acted upon after a failure. */
import { placeOf } from "../domain/bucket.ts";
import { checkEventSchedule, type EventSchedule, type EventSourceType, folderOf } from "../domain/event.ts";
import { Fault, invalid } from "../domain/fault.ts";
import { insertAct } from "../store/audit.ts";
import { findBucketPlace } from "../store/bucket-places.ts";
import { type Database, transaction } from "../store/database.ts";
import { forgetObjects } from "../store/event-objects.ts";
import {
  type EventSource,
  lockEventSource,
  putEventSource,
  resumeEventSource,
  takeEndedRuns,
} from "../store/event-sources.ts";
import { lastArrival } from "../store/file-arrivals.ts";
import { lockOperatedJob, updateJobStatus } from "../store/schedules.ts";
import { noteLost } from "./event-runs.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { JobRequest } from "./requests.ts";

export interface EventOperations {
  /**
   * Lets the event source of a job go on that a failed run has paused; the failure counts as acted upon.
   * @throws Fault `event-source-missing`; `event-source-state` for a source that is not paused.
   */
  readonly resumeEvents: (request: JobRequest) => Promise<void>;
}

export function createEventOperations(deps: OperationDeps): EventOperations {
  return { resumeEvents: (request) => resumeEvents(deps, request) };
}

/** Whose events they are, and with what each run begins. */
export interface EventStart {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly jobId: number;
  readonly event: Partial<EventSchedule>;
  readonly parameters: Readonly<Record<string, string>>;
  readonly by: string;
}

/** A first look that no event calls for, in case one came while the source was being put in place. */
const FIRST_LOOK_MS = 2_000;

/**
 * In a transaction that holds the job: its source listens from now on. It goes on where it stopped, unless the job
 * reads from now, its channel has changed, or it never listened.
 * @throws Fault `schedule-invalid` for a source that cannot be listened to.
 */
export async function startListening(db: Database, start: EventStart, now: Date): Promise<void> {
  const { projectId, jobId, event, parameters, by } = start;
  const problems = checkEventSchedule(event);
  const { source: kind, channel = "", failPolicy = "suspend", concurrent = 1, readFrom = "last" } = event;
  if (problems.length > 0 || kind === "stream" || kind === undefined)
    return invalid("schedule-invalid", problems);
  const { type, channel: name } = await channelOf(db, start, kind, channel);
  const before = await lockEventSource(db, projectId, jobId);
  const source = { projectId, jobId, type, channel: name, failPolicy, concurrent, parameters, startedBy: by };
  // A start counts as acting upon what failed before it.
  await takeEndedRuns(db, projectId, jobId);
  const position = await positionOf(db, { before, type, name, readFrom, projectId });
  const goesOn = before !== undefined && position !== null && before.position === position;
  const lastEventAt = goesOn ? await noteLost(db, before, now) : (before?.lastEventAt ?? null);
  if (type !== "objects" || !goesOn) await forgetObjects(db, start);
  await putEventSource(
    db,
    { ...source, position, lastEventAt },
    new Date(now.getTime() + (type === "files" ? FIRST_LOOK_MS : 0)),
  );
}

/** A folder of a bucket that lies at an endpoint is listened to there, from this start on. */
async function channelOf(
  db: Database,
  { projectId, workspaceId }: EventStart,
  source: "files" | "topic",
  channel: string,
): Promise<{ readonly type: EventSourceType; readonly channel: string }> {
  if (source === "topic") return { type: "topic", channel: channel.trim() };
  const folder = folderOf(channel);
  if (folder === undefined) return { type: "objects", channel: channel.trim() };
  const place = await findBucketPlace(db, projectId, placeOf(folder).bucket);
  if (place === undefined) return { type: "files", channel: folder };
  if (place.workspaceId !== workspaceId)
    invalid("schedule-invalid", [
      `event.channel: the bucket of ${folder} lies where connection "${place.connection}" of workspace "${place.workspaceId}" leads: only its jobs can wait for files there`,
    ]);
  return { type: "objects", channel: `${place.connection}/${folder}` };
}

async function positionOf(
  db: Database,
  {
    before,
    type,
    name,
    readFrom,
    projectId,
  }: {
    readonly before: EventSource | undefined;
    readonly type: EventSource["type"];
    readonly name: string;
    readonly readFrom: EventSchedule["readFrom"];
    readonly projectId: string;
  },
): Promise<EventSource["position"]> {
  const same = before?.type === type && before.channel === name;
  // A source that listens already keeps its place whatever it reads from: nothing was stopped.
  if (same && (readFrom === "last" || before.state === "listening") && before.position !== null)
    return before.position;
  return type === "files" ? { arrival: await lastArrival(db, projectId) } : null;
}

async function resumeEvents(
  { pool, now, planChanged }: OperationDeps,
  { projectId, jobId, by }: JobRequest,
): Promise<void> {
  await transaction(pool, async (db) => {
    const job = await lockOperatedJob(db, projectId, jobId);
    const source = job && (await lockEventSource(db, projectId, jobId));
    if (job === undefined || source === undefined)
      throw new Fault("not-found", "event-source-missing", "The job has no event source.");
    if (source.state !== "paused")
      throw new Fault("conflict", "event-source-state", `The event source is ${source.state}, not paused.`);
    const at = now();
    await resumeEventSource(db, source, at);
    await updateJobStatus(db, job, "scheduling");
    await insertAct(db, {
      projectId,
      at,
      by,
      act: "resume-events",
      object: { kind: "job", id: jobId },
      detail: { reason: source.reason },
    });
  });
  planChanged();
}
