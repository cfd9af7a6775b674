/** Turns the events of one source into runs, its place and its ledger moved on in the same transaction. */
import { ARRIVAL_DAYS, type EventPosition, type JobEvent } from "../domain/event.ts";
import type { Database } from "../store/database.ts";
import {
  type ClaimedSource,
  countOpenRuns,
  type EventSource,
  insertEventRuns,
  pauseEventSource,
  takeEndedRuns,
  updateLook,
} from "../store/event-sources.ts";
import { findPinnedDefinition } from "../store/instances.ts";
import { insertEventLines, type PlannedDecision } from "../store/planned-runs.ts";
import { insertMissed } from "../store/run-ends.ts";
import { updateJobStatus } from "../store/schedules.ts";
import { type OperatorIndex, type Pinned, pin } from "./definitions.ts";
import { type Start, startInstances } from "./start.ts";

export interface EventRunDeps {
  readonly operators: OperatorIndex;
  readonly now: () => Date;
}

/** What is to be taken of a source, and where it stands then. */
export interface EventBatch {
  readonly events: readonly JobEvent[];
  readonly position: EventPosition | null;
  readonly lag: number | null;
  readonly lookAt: Date;
}

/**
 * In a transaction that holds the source: how many more runs it may make. A run that failed pauses the source where its
 * policy says so, and its job with it; then, too, there is no room.
 */
export async function roomOf(db: Database, source: ClaimedSource): Promise<number> {
  const { projectId, jobId } = source;
  const ended = await takeEndedRuns(db, projectId, jobId);
  const failed = ended.find(({ state }) => state === "failed");
  if (failed !== undefined && source.failPolicy === "suspend") {
    await pauseEventSource(db, source, `instance ${failed.instanceId} failed`);
    await updateJobStatus(db, { projectId, id: jobId }, "paused");
    return 0;
  }
  return Math.max(0, source.concurrent - (await countOpenRuns(db, projectId, jobId)));
}

/** In a transaction that holds the source: each event becomes one run, or a line that says why not. Gives how many runs. */
export async function takeEvents(
  deps: EventRunDeps,
  db: Database,
  source: ClaimedSource,
  batch: EventBatch,
): Promise<number> {
  const { projectId, jobId, jobVersion } = source;
  const now = deps.now();
  // Not from the cache, which reads on a connection of its own: uploads that wait for this source may hold all others.
  const definition =
    batch.events.length === 0 ? undefined : await findPinnedDefinition(db, projectId, jobId, jobVersion);
  const times = timesAfter(source.lastEventAt, now, batch.events.length);
  const decisions: PlannedDecision[] = [];
  if (definition === undefined || definition.nodes.length === 0) {
    const skipped = { state: "skipped", reason: "no-nodes", detail: "the job has no node to run" } as const;
    for (const plannedAt of times) decisions.push({ projectId, jobId, plannedAt, ...skipped });
  } else {
    const pinned = pin(definition);
    const starts = times.map((plannedAt) => startOf(source, pinned, plannedAt));
    const ids = await startInstances(db, starts, { operators: deps.operators, now });
    const runs = batch.events.map((event, index) => ({ instanceId: ids[index] ?? 0, event }));
    await insertEventRuns(db, source, runs);
    for (const [index, plannedAt] of times.entries())
      decisions.push({ projectId, jobId, plannedAt, state: "started", instanceId: ids[index] ?? 0 });
  }
  await insertEventLines(db, decisions, now);
  const { position, lag, lookAt } = batch;
  await updateLook(db, source, { position, lag, lookAt, lastEventAt: times.at(-1) ?? source.lastEventAt });
  return decisions.filter(({ state }) => state === "started").length;
}

/**
 * In a transaction that holds the source, which goes on where it stopped: where it lost files, one line of the ledger says
 * so. Gives the time of the source's last line.
 */
export async function noteLost(db: Database, source: EventSource, now: Date): Promise<Date | null> {
  const { projectId, jobId, lastEventAt, lost, lostFrom, lostTo } = source;
  const [plannedAt] = timesAfter(lastEventAt, now, 1);
  if (plannedAt === undefined || lostFrom === null || lostTo === null) return lastEventAt;
  const files = `${lost} ${lost === 1 ? "file" : "files"} that arrived from ${lostFrom.toISOString()} to ${lostTo.toISOString()}`;
  const detail = `${files} started no run: the job was stopped, and arrivals are kept for ${ARRIVAL_DAYS} days then`;
  await insertEventLines(
    db,
    [{ projectId, jobId, plannedAt, state: "missed", reason: "arrivals-expired", detail }],
    now,
  );
  await insertMissed(db, [{ projectId, jobId, plannedAt }]);
  return plannedAt;
}

/** One time for each event, each later than the one before: they are the keys of the ledger. */
function timesAfter(last: Date | null, now: Date, count: number): Date[] {
  const first = Math.max(now.getTime(), (last?.getTime() ?? 0) + 1);
  return Array.from({ length: count }, (_, index) => new Date(first + index));
}

function startOf(source: ClaimedSource, pinned: Pinned, plannedAt: Date): Start {
  return {
    projectId: source.projectId,
    workspaceId: source.workspaceId,
    job: { id: source.jobId, version: source.jobVersion },
    name: source.jobName,
    pinned,
    origin: "event",
    parameters: source.parameters,
    plannedAt,
    by: source.startedBy,
    waits: false,
  };
}
