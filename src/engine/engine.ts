/** The run engine, put together: what plans, runs, rescues and operates, and who tells whom. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { InstanceOrigin } from "../domain/instance.ts";
import type { Observe } from "../domain/observation.ts";
import type { Operator } from "../operators/operator.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { DatabasePool } from "../store/database.ts";
import type { DirectConnection } from "../store/direct-connection.ts";
import { findInstance } from "../store/instances.ts";
import { type Claim, listToStop } from "../store/node-runs.ts";
import { listStreamInstances, refreshRealTimeStatus } from "../store/schedules.ts";
import type { Signal } from "../store/servers.ts";
import { createAlarm } from "./alarm.ts";
import { createAttemptLog } from "./attempt-log.ts";
import { createBackfillLoop } from "./backfill-loop.ts";
import { createBackfillOperations } from "./backfill-operations.ts";
import { createChildren } from "./children.ts";
import type { Clock } from "./clock.ts";
import { createClusterChoices } from "./cluster-choices.ts";
import { createDefinitions, indexOperators } from "./definitions.ts";
import { createEvaluationOperations } from "./evaluation.ts";
import { createEventOperations } from "./event-operations.ts";
import { createEvents } from "./events.ts";
import { createExecutionOperations } from "./executions.ts";
import { createFreezeOperations } from "./freeze-operations.ts";
import { createInstanceOperations } from "./instance-operations.ts";
import { createJobOperations } from "./job-operations.ts";
import { noteUp } from "./kept-alive.ts";
import { createLimitOperations } from "./limit-operations.ts";
import { createLiveOperations } from "./live-operations.ts";
import { createLoop } from "./loop.ts";
import type { Engine } from "./operations.ts";
import { createPresence, type Lease } from "./presence.ts";
import { createReleaseLoop } from "./release.ts";
import { createRerunBatches } from "./rerun-batches.ts";
import { createRescuer } from "./rescuer.ts";
import { resumePointsOf } from "./resume-points.ts";
import { createScheduleOperations } from "./schedule-operations.ts";
import { createScheduler } from "./scheduler.ts";
import type { Moved } from "./settle.ts";
import type { WorkSources } from "./sources.ts";
import { type CancelSubmission, createSubmissions } from "./submissions.ts";
import { createTimeLimitLoop } from "./time-limits.ts";
import { openTrigger } from "./triggers.ts";
import { createPrepareWork } from "./work.ts";
import { createWorker, type Slots } from "./worker.ts";

/** What a server's engine does: plans and releases (`scheduler`), runs nodes (`worker`). */
export type EngineRole = "scheduler" | "worker";

/** What the engine is made of; `parts/engine.ts` hands it over. */
export interface EngineDeps {
  readonly pool: DatabasePool;
  /** Opens a connection beside the pool: its session lock and its lease show that this server lives. */
  readonly connect: () => Promise<DirectConnection>;
  /** Breaks the pool's connections, for a database that answers no more; absent: they are left to themselves. */
  readonly cutConnections?: () => void;
  /** Whether a pooler stands before the database, so that there is no session lock; absent: found out. */
  readonly pooled?: boolean;
  /** 30 s with a beat each 10 s where absent. */
  readonly lease?: Lease;
  /** Whose `now` is used; it is compared with the database's clock. Absent: the time is not checked. */
  readonly clock?: Clock;
  /** The first that names a node's type runs it. */
  readonly operators: readonly Operator[];
  readonly sources: WorkSources;
  /** Ends on its cluster what outlived its node there. */
  readonly cancelSubmission: CancelSubmission;
  /** Where logs are kept. */
  readonly blobs: BlobStore;
  readonly roles: readonly EngineRole[];
  /** Attempts of each lane that run here at a time. */
  readonly slots: Slots;
  readonly now: () => Date;
  /** A number from 0 to below 1, for the jitter of retries. */
  readonly random: () => number;
  readonly observe: Observe;
  /** Of expressions in jobs whose schedule names none. */
  readonly timeZone: string;
  /** How long `stop` waits for running attempts before it hands them back; 10 s where absent. */
  readonly drainGraceMs?: number;
  /** How long attempts that were told to end are waited for before they count as lost; 10 s where absent. */
  readonly abortGraceMs?: number;
}

const LEASE: Lease = { leaseMs: 30_000, beatMs: 10_000 };
const DRAIN_GRACE_MS = 10_000;
const ABORT_GRACE_MS = 10_000;
/** How often running attempts are asked whether they are to end, for signals that were lost. */
const STOP_POLL_MS = 2_000;
/** How often loops that are told of all they wait for look by themselves: for what a lost server had not told yet. */
const TOLD_POLL_MS = 5_000;
/** And where nobody can tell them, behind a pooler. Source: docs/several-servers.md. */
const UNTOLD_POLL_MS = 1_000;

/** Origins of runs at whose end others may begin. */
const PLANNED: readonly InstanceOrigin[] = ["schedule", "event", "backfill"];

/** The engine, not started yet. */
export function createEngine(deps: EngineDeps): Engine {
  const { pool, now, observe } = deps;
  const choices = createClusterChoices(pool, observe);
  const operators = indexOperators(deps.operators, choices.of);
  const definitions = createDefinitions(pool);
  const operation = { pool, operators, definitions, now, observe, workReady, planChanged, afterMove };
  let others = 0;

  const presence = createPresence({
    pool,
    connect: deps.connect,
    host: hostname(),
    pid: process.pid,
    roles: deps.roles,
    now,
    ...(deps.clock !== undefined && { clock: deps.clock }),
    ...(deps.pooled !== undefined && { pooled: deps.pooled }),
    lease: deps.lease ?? LEASE,
    cutConnections: deps.cutConnections ?? (() => undefined),
    observe,
    newServerId: () => randomBytes(16).toString("hex"),
    newLockKey: randomNumber,
    onSignal: hear,
    onRegistered: begin,
    onLost: () => worker.abandon(),
  });
  const children = createChildren({
    pool,
    definitions,
    operators,
    now,
    observe,
    onStarted: workReady,
    onMoved: afterMove,
  });
  const submissions = createSubmissions({ pool, now, observe, cancelSubmission: deps.cancelSubmission });
  const worker = createWorker({
    pool,
    definitions,
    operators,
    slots: deps.slots,
    mayClaim: timeHolds,
    pollMs,
    abortGraceMs: deps.abortGraceMs ?? ABORT_GRACE_MS,
    sources: deps.sources,
    prepare: createPrepareWork({ db: pool, sources: deps.sources, now, zone: deps.timeZone }),
    childrenOf: children.of,
    submissionsOf: submissions.of,
    resumeOf: (facts, node) => resumePointsOf({ pool, observe }, facts, node),
    isPaused: async ({ projectId, instanceId }) =>
      (await findInstance(pool, projectId, instanceId))?.state === "paused",
    openLog: (claim) => createAttemptLog(deps.blobs, claim, observe),
    blobs: deps.blobs,
    now,
    random: deps.random,
    observe,
    newFence: randomNumber,
    onEnded: (ended) => void afterEnds(ended),
    onMoved: afterMove,
    onStreamClaimed: (streams) => {
      for (const { instance } of streams) void refreshStatus(instance.projectId, instance.id);
    },
    onMoreReady: () => tell({ type: "ready" }),
    onUp: (claim, signal) => void afterUp(claim, signal),
    openTrigger: (facts, node) => openTrigger(operation, facts, node),
  });
  const timeLimits = createTimeLimitLoop({ pool, definitions, now, observe, onMoved: afterMove });
  const release = createReleaseLoop({ pool, now, observe, onMoved: afterMove });
  const scheduler = createScheduler({
    pool,
    mayPlan: timeHolds,
    pollMs,
    definitions,
    operators,
    now,
    observe,
    onPlanned: () => {
      workReady();
      release.wake();
    },
    onPlannedAhead: (times) => {
      for (const at of times) {
        alarm.at(at);
        tell({ type: "ready", at });
      }
    },
  });
  /** What was planned ahead begins, or what became of it meanwhile is decided. */
  const alarm = createAlarm(now, () => {
    worker.wake();
    scheduler.wake();
  });
  const events = createEvents({
    pool,
    operators,
    sources: deps.sources,
    serverId: presence.serverId,
    now,
    observe,
    pollMs,
    onStarted: workReady,
  });
  const rescuer = createRescuer({
    pool,
    definitions,
    serverId: presence.serverId,
    now,
    observe,
    onRequeued: workReady,
    onRescued: wakeAll,
    onMoved: afterMove,
    onOthers: (count) => {
      others = count;
    },
  });
  const backfills = createBackfillLoop({ pool, definitions, operators, now, observe, onStarted: workReady });
  const reruns = createRerunBatches(operation);
  const stopper = createLoop("stopper", stopWhatEnds, observe);
  const loops = [
    rescuer,
    choices.loop,
    ...(works() ? [stopper, children.loop, submissions.loop] : []),
    ...(deps.roles.includes("scheduler")
      ? [scheduler, release, timeLimits, backfills, reruns.loop, ...events.loops]
      : []),
  ];

  function works(): boolean {
    return deps.roles.includes("worker");
  }

  function pollMs(): number {
    return presence.hears() ? TOLD_POLL_MS : UNTOLD_POLL_MS;
  }

  function timeHolds(): boolean {
    return deps.clock?.apart() !== true;
  }

  function begin(serverId: string): void {
    if (works()) worker.start(serverId);
    rescuer.wake();
    // What was told while it was not registered was not heard.
    wakeAll();
  }

  function hear(signal: Signal): void {
    if (signal.type === "ready") wakeWorkerAt(signal.at);
    else if (signal.type === "stop") worker.stopInstance(signal.projectId, signal.instanceId);
    else if (signal.type === "child") children.noteEnd(signal.projectId, signal.instanceId);
    else if (signal.type === "server") {
      rescuer.wake();
      // What it had to tell before may have been lost with its connection.
      wakeAll();
    } else if (signal.type === "ended") wakeWaiters();
    else wakePlanners();
  }

  function wakeWorkerAt(time: Date | undefined): void {
    if (time === undefined) worker.wake();
    else alarm.at(time);
  }

  /** Others only: this server has done already what the signal asks for. */
  function tell(signal: Signal): void {
    if (others > 0 || !works()) presence.signal(signal);
  }

  function workReady(): void {
    worker.wake();
    tell({ type: "ready" });
  }

  function wakeAll(): void {
    worker.wake();
    timeLimits.wake();
    wakePlanners();
  }

  function wakePlanners(): void {
    scheduler.wake();
    wakeWaiters();
  }

  /** They take the ends of runs. */
  function wakeWaiters(): void {
    release.wake();
    backfills.wake();
    events.wake();
  }

  function plannedRunEnded(): void {
    wakeWaiters();
    tell({ type: "ended" });
  }

  function planChanged(): void {
    wakePlanners();
    tell({ type: "due" });
  }

  function afterMove(moved: Moved): void {
    const { projectId, instanceId, origin } = moved;
    if (moved.readied || moved.freed) workReady();
    if (moved.stopping) {
      worker.stopInstance(projectId, instanceId);
      tell({ type: "stop", projectId, instanceId });
    }
    if (origin === "stream" && !moved.ended) void refreshStatus(projectId, instanceId);
    // A suspended run leaves its place.
    if (PLANNED.includes(origin) && (moved.ended || moved.progress.state === "suspended")) plannedRunEnded();
    if (!moved.ended) return;
    observe({ event: "instance-ended", projectId, instanceId, state: moved.progress.state });
    if (origin === "sub-job") childEnded(projectId, instanceId);
  }

  function childEnded(projectId: string, instanceId: number): void {
    children.noteEnd(projectId, instanceId);
    tell({ type: "child", projectId, instanceId });
  }

  async function afterEnds(ended: readonly { readonly projectId: string; readonly instanceId: number }[]) {
    for (const one of ended) observe({ event: "instance-ended", ...one, state: "succeeded" });
    const facts = await definitions.factsOf(ended).catch(() => []);
    if (facts.some((fact) => fact !== undefined && PLANNED.includes(fact.instance.origin))) plannedRunEnded();
    for (const fact of facts)
      if (fact?.instance.origin === "sub-job") childEnded(fact.instance.projectId, fact.instance.id);
  }

  async function afterUp(claim: Claim, signal: AbortSignal): Promise<void> {
    if (await noteUp(deps, claim, signal)) workReady();
    await refreshStatus(claim.projectId, claim.instanceId);
  }

  async function refreshStatus(projectId: string, instanceId: number): Promise<void> {
    try {
      await refreshRealTimeStatus(pool, projectId, instanceId);
    } catch (error) {
      observe({ event: "loop-failed", loop: "real-time-status", error });
    }
  }

  /** What signals say at once is looked up now and then as well: they may be lost. */
  async function stopWhatEnds(): Promise<number> {
    const serverId = presence.serverId();
    if (serverId === undefined) return STOP_POLL_MS;
    if (worker.running() > 0)
      for (const { projectId, instanceId } of await listToStop(pool, serverId))
        worker.stopInstance(projectId, instanceId);
    for (const { projectId, instanceId } of await listStreamInstances(pool))
      await refreshStatus(projectId, instanceId);
    return worker.running() > 0 ? STOP_POLL_MS : TOLD_POLL_MS;
  }

  return {
    start: async () => {
      await presence.start();
      for (const loop of loops) loop.start();
    },
    stop: async () => {
      observe({ event: "server-draining", running: worker.running() });
      // What is ready is for others from now on; what is handed back later is told of as it becomes ready.
      tell({ type: "ready" });
      await Promise.all(loops.map((loop) => loop.stop()));
      alarm.clear();
      await worker.drain(deps.drainGraceMs ?? DRAIN_GRACE_MS);
      children.close();
      submissions.close();
      await presence.stop();
    },
    wake: () => {
      children.loop.wake();
      wakeAll();
    },
    ...createEvaluationOperations(deps),
    ...createJobOperations(operation),
    ...createLimitOperations(operation),
    ...createScheduleOperations(operation),
    ...createFreezeOperations(operation),
    ...createInstanceOperations(operation),
    rerunInTurns: reruns.rerunInTurns,
    ...createExecutionOperations(operation),
    ...createEventOperations(operation),
    ...createLiveOperations(operation),
    ...createBackfillOperations(operation),
  };
}

/** From 0 to 2^48 - 1. */
function randomNumber(): number {
  return randomBytes(6).readUIntBE(0, 6);
}
