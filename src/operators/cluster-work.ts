/** The one way of work on clusters: stored, submitted, followed and ended, once for each round of a node's attempts. */
import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "../domain/cluster-services.ts";
import { Fault } from "../domain/fault.ts";
import type { ClusterAdapter, ClusterTask, EndedStatus, WorkStatus } from "./cluster-adapter.ts";
import type { Followers } from "./cluster-follower.ts";
import { type ClusterLog, createClusterLog } from "./cluster-log.ts";
import { refuse } from "./command.ts";
import type { AbortReason, Outcome, Submission, Work, WorkCluster, WorkContext } from "./operator.ts";
import { leaveTable } from "./sql-rows.ts";

export interface ClusterRuns {
  readonly followers: Followers;
  readonly times: ClusterTimes;
  /** Bytes of the work's output that reach the log. */
  readonly logBytesMax: number;
}

/** How long the run machine waits for what. */
export interface ClusterTimes {
  /** Between two tries where a cluster does not answer; the pauses grow from the one to the other. */
  readonly pauseMs: number;
  readonly pauseMaxMs: number;
  /** A cluster that answers and does not know the work is asked for so long. */
  readonly forgottenMs: number;
  /** For the end of what was told to end. */
  readonly cancelMs: number;
}

export const CLUSTER_TIMES: ClusterTimes = {
  pauseMs: 1_000,
  pauseMaxMs: 60_000,
  forgottenMs: 120_000,
  cancelMs: 60_000,
};

/** One node's work for one service of one cluster. */
export interface ClusterRun {
  readonly cluster: WorkCluster;
  readonly adapter: ClusterAdapter;
  /** Resolves what is submitted, and puts in place what that needs; again in each try that has to submit. */
  readonly prepare: (key: string, signal: AbortSignal) => Promise<ClusterTask>;
  /** After success, before it counts: brings results to where they belong. May run again after a loss. */
  readonly publish?: () => Promise<void>;
  /** What a stop does in the place of ending the work by force. */
  readonly stop?: (handle: JsonObject, signal: AbortSignal) => Promise<void>;
}

/**
 * Runs the work to its end. After `lost` and `drain` it is left running; another try of the attempt goes on with it. A stop
 * or a time-out ends it: what does not end in time, or cannot be reached, is ended later (engine/submissions.ts).
 */
export async function runOnCluster(
  runs: ClusterRuns,
  run: ClusterRun,
  work: Work,
  context: WorkContext,
): Promise<Outcome> {
  const { adapter, cluster } = run;
  const submission = await context.submissions.open({ clusterId: cluster.id, service: adapter.kind });
  const log = createClusterLog({
    adapter,
    submission,
    context,
    bytesMax: runs.logBytesMax,
    asTable: work.outputForm === "table",
  });
  const progress: Progress = { handle: submission.handle, sent: submission.submitted };
  const parts: Parts = { runs, run, work, context, submission, log, progress };
  try {
    await bringThere(parts);
    return await followToEnd(parts);
  } catch (error) {
    return await endEarly(parts, error);
  } finally {
    log.close();
  }
}

interface Progress {
  handle: JsonObject | undefined;
  /** The cluster may have it. */
  sent: boolean;
}

interface Parts {
  readonly runs: ClusterRuns;
  readonly run: ClusterRun;
  readonly work: Work;
  readonly context: WorkContext;
  readonly submission: Submission;
  readonly log: ClusterLog;
  readonly progress: Progress;
}

/** Reserved and stored, then submitted: the cluster has it when this resolves. */
async function bringThere(parts: Parts): Promise<void> {
  const { run, context, submission, progress } = parts;
  const { adapter, cluster } = run;
  if (submission.handle !== undefined) {
    const name = adapter.engineId(submission.handle) ?? submission.key;
    context.log(
      `[goes on with ${name} on cluster ${cluster.name}; the log of an earlier attempt has what came before]\n`,
    );
    if (submission.submitted) return;
    // A server was lost between storing the handle and knowing that the cluster has it.
    progress.sent = true;
    const known = await lookUp(parts, submission.handle);
    if (known !== undefined) return await noteSubmitted(parts, known);
  }
  const task = await run.prepare(submission.key, context.signal);
  const reserved =
    submission.handle ?? (await whileAnswered(parts, () => adapter.reserve(task, context.signal)));
  progress.handle = reserved;
  await submission.reserved(reserved, adapter.engineId(reserved));
  context.signal.throwIfAborted();
  progress.sent = true;
  await noteSubmitted(parts, await submit(parts, reserved, task));
}

async function noteSubmitted(
  { run, submission, progress, context }: Parts,
  handle: JsonObject,
): Promise<void> {
  progress.handle = handle;
  const engineId = run.adapter.engineId(handle);
  await submission.wasSubmitted(handle, engineId);
  if (submission.handle === undefined && engineId !== undefined)
    context.log(`[runs as ${engineId} on cluster ${run.cluster.name}]\n`);
}

/** Where the answer is lost, it is looked whether the cluster has it before it is submitted again. */
async function submit(parts: Parts, handle: JsonObject, task: ClusterTask): Promise<JsonObject> {
  const { run, context } = parts;
  const pause = createPause(parts);
  for (;;) {
    try {
      return await run.adapter.submit(handle, task, context.signal);
    } catch (error) {
      if (!isUnanswered(error) || context.signal.aborted) throw error;
      await pause(error);
      const known = await lookUp(parts, handle);
      if (known !== undefined) return known;
    }
  }
}

/** The work as the cluster has it; undefined where it says for certain that it has not. */
async function lookUp(parts: Parts, handle: JsonObject): Promise<JsonObject | undefined> {
  const { run, context, submission } = parts;
  return await whileAnswered(parts, async () => {
    const [status] = await run.adapter.statuses([handle], context.signal);
    if (status !== undefined && status.state !== "unknown") return handle;
    if (status !== undefined && !status.forgotten) throw unanswered(status.why);
    if (run.adapter.submitOnce === "by-id") return undefined;
    return (await run.adapter.find(submission.key, context.signal)) ?? undefined;
  });
}

async function followToEnd(parts: Parts): Promise<Outcome> {
  const { runs, run, context, log, progress, submission } = parts;
  const { adapter, cluster } = run;
  const following = runs.followers.follow(`${cluster.id}/${adapter.kind}`, adapter, context.signal);
  const pause = createPause(parts);
  let forgottenAt: number | undefined;
  let leastMs = 0;
  for (;;) {
    const handle = progress.handle ?? {};
    const status = await following.next(handle, leastMs);
    if (isEnded(status)) return await settleEnd(parts, handle, status);
    if (status.state !== "unknown") {
      forgottenAt = undefined;
      leastMs = 0;
      pause.over();
      log.follow(handle);
      continue;
    }
    leastMs = pause.noted(status.why);
    if (!status.forgotten) continue;
    forgottenAt ??= performance.now();
    if (performance.now() - forgottenAt < runs.times.forgottenMs) continue;
    const found = await whileAnswered(parts, () => adapter.find(submission.key, context.signal));
    if (found === null) return await giveUp(parts, status.why);
    progress.handle = found;
    forgottenAt = undefined;
  }
}

/** Unknown is not failed, and nothing is submitted again by itself: what is to follow, the node's own retries say. */
async function giveUp({ run, submission, progress }: Parts, why: string): Promise<Outcome> {
  await submission.abandoned();
  const name = progress.handle && run.adapter.engineId(progress.handle);
  return {
    state: "failed",
    message: `cluster ${run.cluster.name} has forgotten ${name ?? "the work"}; whether it took effect is unknown (${why})`,
  };
}

async function settleEnd(parts: Parts, handle: JsonObject, status: EndedStatus): Promise<Outcome> {
  const { run, log, submission } = parts;
  await log.finish(handle);
  try {
    if (status.state === "succeeded") await run.publish?.();
  } finally {
    await submission.ended();
  }
  return outcomeOf(parts, status);
}

function outcomeOf({ work, log, run }: Parts, { state, exitCode, reason }: EndedStatus): Outcome {
  const code = exitCode === undefined ? {} : { exitCode };
  if (state === "succeeded") {
    if (work.outputForm === "table") return { state, ...code, ...leaveTable(log.table(), "table") };
    return { state, ...code, output: log.lastLine("stdout") };
  }
  if (state === "killed")
    return {
      state: "failed",
      message: `it was ended on cluster ${run.cluster.name}${reason === undefined ? "" : `: ${reason}`}`,
      ...code,
    };
  const said = reason ?? (log.lastLine("stderr") || log.lastLine("stdout"));
  const how = exitCode === undefined ? "it failed" : `exit code ${exitCode}`;
  return { state: "failed", message: said === "" ? how : `${how}: ${said}`, ...code };
}

/** What an abort asks for, or what is wrong with the work itself. */
async function endEarly(parts: Parts, error: unknown): Promise<Outcome> {
  const { context, submission, progress } = parts;
  const reason: AbortReason | undefined = context.signal.aborted ? context.signal.reason : undefined;
  const message = `ended on request (${String(reason)})`;
  if (reason === "lost" || reason === "drain") return { state: "cancelled", message };
  // Nothing of it is on the cluster.
  if (!progress.sent) await submission.ended();
  else if (reason !== undefined) await endOnCluster(parts);
  if (reason !== undefined) return { state: "cancelled", message };
  if (!(error instanceof Fault) || error.kind === "unavailable") throw error;
  await submission.ended();
  return refuse(error.message);
}

/** A wish, repeated until the cluster says that it is over, for as long as there is time. */
async function endOnCluster({ runs, run, log, submission, progress }: Parts): Promise<void> {
  const { handle } = progress;
  if (handle === undefined) return;
  const { adapter } = run;
  const signal = AbortSignal.timeout(runs.times.cancelMs);
  try {
    await (run.stop === undefined ? adapter.cancel(handle, "kill", signal) : run.stop(handle, signal));
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      const [status] = await adapter.statuses([handle], signal);
      // A request may still be under way to a cluster that does not know of it yet: that is left to the engine.
      if (status?.state === "unknown" && status.forgotten) return;
      if (status !== undefined && isEnded(status)) break;
      await delay(pauseMs, undefined, { signal });
    }
    await log.finish(handle);
    await submission.ended();
  } catch (error) {
    // It is stored as not ended: the engine ends it as soon as the cluster can be reached.
    if (!isUnanswered(error) && !signal.aborted) throw error;
  }
}

/** Asks until the cluster answers; a Fault that is no silence ends it. */
async function whileAnswered<Value>(parts: Parts, ask: () => Promise<Value>): Promise<Value> {
  const pause = createPause(parts);
  for (;;) {
    try {
      const value = await ask();
      pause.over();
      return value;
    } catch (error) {
      if (!isUnanswered(error) || parts.context.signal.aborted) throw error;
      await pause(error);
    }
  }
}

/** Growing pauses while a cluster does not answer; the log has one line at their beginning and one at their end. */
function createPause({ runs: { times }, run, context }: Parts) {
  let pauseMs = 0;
  const noted = (why: string): number => {
    if (pauseMs === 0) context.log(`[cluster ${run.cluster.name}: ${why}; it is asked again]\n`);
    pauseMs = Math.min(Math.max(times.pauseMs, pauseMs * 2), times.pauseMaxMs);
    return pauseMs;
  };
  const pause = async (error: unknown): Promise<void> => {
    await delay(noted(error instanceof Error ? error.message : String(error)), undefined, {
      signal: context.signal,
    });
  };
  return Object.assign(pause, {
    /** The pause before the next look. */
    noted,
    over: () => {
      if (pauseMs > 0) context.log(`[cluster ${run.cluster.name} answers again]\n`);
      pauseMs = 0;
    },
  });
}

function isEnded(status: WorkStatus): status is EndedStatus {
  return ["succeeded", "failed", "killed"].includes(status.state);
}

function isUnanswered(error: unknown): boolean {
  return error instanceof Fault && error.kind === "unavailable";
}

function unanswered(why: string): Fault {
  return new Fault("unavailable", "cluster-unreachable", why);
}
